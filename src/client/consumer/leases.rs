//! Which queues are held, and under which lease. A consumer may hold ten thousand: what is kept of one is a few bytes.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::delivery::Lease;
use crate::client::names::{BrokerName, Queue, Topic};

/// Leases by queue: of each topic and broker the numbers of queues, rising.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Leases {
    places: BTreeMap<(Topic, BrokerName), Vec<(u32, Lease)>>,
}

impl Leases {
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(super) fn get(&self, queue: &Queue) -> Option<Lease> {
        let held = self.places.get(&(queue.topic.clone(), queue.broker.clone()))?;
        let at = held.binary_search_by_key(&queue.id, |(id, _)| *id).ok()?;
        held.get(at).map(|(_, lease)| *lease)
    }

    pub(super) fn insert(&mut self, queue: &Queue, lease: Lease) {
        let held = self.places.entry((queue.topic.clone(), queue.broker.clone())).or_default();
        match held.binary_search_by_key(&queue.id, |(id, _)| *id) {
            Ok(at) => held[at].1 = lease,
            Err(at) => held.insert(at, (queue.id, lease)),
        }
    }

    pub(super) fn remove(&mut self, queue: &Queue) {
        let place = (queue.topic.clone(), queue.broker.clone());
        let Some(held) = self.places.get_mut(&place) else { return };
        if let Ok(at) = held.binary_search_by_key(&queue.id, |(id, _)| *id) {
            held.remove(at);
        }
        if held.is_empty() {
            self.places.remove(&place);
        }
    }

    /// All leases, in the order of topic, broker and number.
    pub(super) fn all(&self) -> impl Iterator<Item = Lease> + '_ {
        self.places.values().flatten().map(|(_, lease)| *lease)
    }

    /// Those of one topic, in the order of broker and number.
    pub(super) fn of_topic<'a>(
        &'a self,
        topic: &'a Topic,
    ) -> impl Iterator<Item = (&'a BrokerName, u32, Lease)> + 'a {
        let of_topic = self.places.iter().filter(move |((other, _), _)| other == topic);
        of_topic.flat_map(|((_, broker), held)| held.iter().map(move |(id, lease)| (broker, *id, *lease)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::names::Names;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_map_by_queue(
            steps in prop::collection::vec((0..2_usize, 0..3_usize, 0..6_u32, any::<bool>()), 0..80),
        ) {
            let mut names = Names::new(1, 100);
            let topics = ["a", "b"].map(|name| names.topic(name).expect("good"));
            let brokers = ["x", "y", "z"].map(|name| names.broker(name).expect("good"));
            let (mut leases, mut model) = (Leases::default(), BTreeMap::new());
            for (number, (topic, broker, id, insert)) in steps.into_iter().enumerate() {
                let queue = Queue { topic: topics[topic].clone(), broker: brokers[broker].clone(), id };
                let lease = Lease { slot: number as u32, generation: 0 };
                if insert {
                    leases.insert(&queue, lease);
                    model.insert(queue.clone(), lease);
                } else {
                    leases.remove(&queue);
                    model.remove(&queue);
                }
                prop_assert_eq!(leases.get(&queue), model.get(&queue).copied());
                prop_assert_eq!(leases.is_empty(), model.is_empty());
                prop_assert!(leases.all().eq(model.values().copied()));
                for topic in &topics {
                    let of_topic = model.iter().filter(|(queue, _)| queue.topic == *topic);
                    let of_topic = of_topic.map(|(queue, lease)| (&queue.broker, queue.id, *lease));
                    prop_assert!(leases.of_topic(topic).eq(of_topic));
                }
            }
        }
    }
}
