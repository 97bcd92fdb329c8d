//! Which queue is next: in turn, avoiding the broker that failed last and brokers that cannot be reached
//! (Java `TopicPublishInfo.selectOneMessageQueue`).

use crate::client::names::{BrokerName, Queue};

/// The next queue's index; `cursor` moves behind it. Better ones win: on another broker than `avoid` and reachable;
/// reachable; on another broker; any.
pub(super) fn choose(
    queues: &[Queue],
    cursor: &mut usize,
    avoid: Option<&BrokerName>,
    reachable: impl Fn(&BrokerName) -> bool,
) -> Option<usize> {
    let len = queues.len();
    let start = if *cursor < len { *cursor } else { 0 };
    let turn = || (start..len).chain(0..start);
    let other = |index: usize| queues.get(index).is_some_and(|queue| Some(&queue.broker) != avoid);
    let up = |index: usize| queues.get(index).is_some_and(|queue| reachable(&queue.broker));
    let found = turn()
        .find(|&index| other(index) && up(index))
        .or_else(|| turn().find(|&index| up(index)))
        .or_else(|| turn().find(|&index| other(index)))
        .or_else(|| turn().next());
    *cursor = found.map_or(0, |index| index + 1);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::names::Names;
    use alloc::vec::Vec;

    fn queues() -> Vec<Queue> {
        let mut names = Names::new(1, 9);
        let topic = names.topic("t").expect("valid");
        let brokers = ["a", "b"].map(|name| names.broker(name).expect("valid"));
        let all = brokers.iter().flat_map(|broker| (0..2).map(|id| (broker.clone(), id)));
        all.map(|(broker, id)| Queue { topic: topic.clone(), broker, id }).collect()
    }

    #[test]
    fn queues_take_turns() {
        let (queues, mut cursor) = (queues(), 3);
        let picks: Vec<_> = (0..5).map(|_| choose(&queues, &mut cursor, None, |_| true)).collect();
        assert_eq!(picks, [3, 0, 1, 2, 3].map(Some));
        assert_eq!(choose(&[], &mut cursor, None, |_| true), None);
    }

    #[test]
    fn what_failed_is_avoided_while_there_is_anything_else() {
        let (queues, mut cursor) = (queues(), 0);
        let (a, b) = (queues[0].broker.clone(), queues[2].broker.clone());
        assert_eq!(choose(&queues, &mut cursor, Some(&a), |_| true), Some(2));
        cursor = 0;
        assert_eq!(choose(&queues, &mut cursor, None, |broker| *broker == b), Some(2));
        cursor = 0;
        // Nothing else is reachable: the one that failed is better than one that is down.
        assert_eq!(choose(&queues, &mut cursor, Some(&b), |broker| *broker == b), Some(2));
        cursor = 0;
        assert_eq!(choose(&queues, &mut cursor, Some(&a), |_| false), Some(2));
        assert_eq!(choose(&queues[..2], &mut cursor, Some(&a), |_| false), Some(0));
    }
}
