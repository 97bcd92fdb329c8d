//! Which queue is next: in turn, avoiding the broker that failed last and brokers that cannot be reached
//! (Java `TopicPublishInfo.selectOneMessageQueue`).

use crate::client::names::{BrokerName, Queue};

/// The next queue's index; `cursor` moves behind it. Better ones win: on another broker than `avoid` and reachable;
/// reachable; on another broker; any.
#[inline]
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
    // Mostly the first one is good.
    let found = Some(start)
        .filter(|&index| other(index) && up(index))
        .or_else(|| turn().find(|&index| other(index) && up(index)))
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
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

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

    /// Queues of these brokers, one each.
    fn queues_of(brokers: &[u8]) -> Vec<Queue> {
        let mut names = Names::new(1, 1 << 20);
        let topic = names.topic("t").expect("valid");
        let all = brokers.iter().enumerate();
        let queue = |(id, broker): (usize, &u8)| Queue {
            topic: topic.clone(),
            broker: names.broker(&format!("b{broker}")).expect("valid"),
            id: id as u32,
        };
        all.map(queue).collect()
    }

    proptest! {
        #[test]
        fn the_next_of_the_best_kind_is_taken(
            brokers in prop::collection::vec(0..4_u8, 0..10),
            start in 0..12_usize,
            down in prop::collection::btree_set(0..4_u8, 0..4),
            avoid in prop::option::of(0..4_u8),
        ) {
            let queues = queues_of(&brokers);
            let avoided = avoid.and_then(|avoid| brokers.iter().position(|broker| *broker == avoid));
            let avoided = avoided.map(|at| queues[at].broker.clone());
            let mut cursor = start;
            let found = choose(&queues, &mut cursor, avoided.as_ref(), |broker| {
                !down.iter().any(|down| broker.as_str() == format!("b{down}"))
            });
            // Reachable weighs more than avoided; among equals the first from the cursor on.
            let len = brokers.len();
            let from = if start < len { start } else { 0 };
            let rank = |at: &usize| {
                let (up, other) = (!down.contains(&brokers[*at]), Some(brokers[*at]) != avoid);
                (!up, !other, (*at + len - from) % len)
            };
            prop_assert_eq!(found, (0..len).min_by_key(rank));
            prop_assert_eq!(cursor, found.map_or(0, |at| at + 1));
        }

        #[test]
        fn every_queue_gets_the_same_share(brokers in prop::collection::vec(0..4_u8, 1..10), rounds in 1..5_usize) {
            let (queues, mut cursor) = (queues_of(&brokers), 0);
            let mut picks: Vec<_> =
                (0..rounds * queues.len()).filter_map(|_| choose(&queues, &mut cursor, None, |_| true)).collect();
            picks.sort_unstable();
            prop_assert!(picks.into_iter().eq((0..queues.len()).flat_map(|at| core::iter::repeat_n(at, rounds))));
        }
    }
}
