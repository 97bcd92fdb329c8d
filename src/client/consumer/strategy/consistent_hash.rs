//! Queues and members on a ring of hashes: when a member comes or goes, few queues change hands.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use md5::{Digest, Md5};

use super::{AllocateStrategy, QueueName};

/// `CONSISTENT_HASH` (Java `AllocateMessageQueueConsistentHash`): each member stands at several places of a ring, and a
/// queue belongs to the first it meets. Divides less evenly than [`Average`](super::Average); not what Go's client
/// calls by this name.
///
/// Feature `consistent-hash`.
#[derive(Clone, Copy, Debug)]
pub struct ConsistentHash {
    /// Places of each member on the ring: the more, the more even the division. The same for every member of the
    /// group; Java's default is 10. With 0 no queue belongs to anybody.
    pub virtual_nodes: u32,
}

impl Default for ConsistentHash {
    fn default() -> Self {
        Self { virtual_nodes: 10 }
    }
}

impl ConsistentHash {
    /// The ring: at equal places the last one stands (Java `ConsistentHashRouter.addNode`).
    fn ring<'a>(self, members: &[&'a str]) -> BTreeMap<u32, &'a str> {
        let mut ring = BTreeMap::new();
        let mut places: BTreeMap<&str, u32> = BTreeMap::new();
        for member in members {
            // An id that occurs twice goes on numbering where it stopped.
            let next = places.entry(member).or_default();
            for place in *next..next.saturating_add(self.virtual_nodes) {
                ring.insert(hash(&format!("{member}-{place}")), *member);
            }
            *next = next.saturating_add(self.virtual_nodes);
        }
        ring
    }
}

/// The member whom a text meets first, going up from its hash and around.
fn owner<'a>(ring: &BTreeMap<u32, &'a str>, text: &str) -> Option<&'a str> {
    ring.range(hash(text)..).next().or_else(|| ring.first_key_value()).map(|(_, member)| *member)
}

/// The first four bytes of MD5, big endian (Java `ConsistentHashRouter.MD5Hash`).
fn hash(text: &str) -> u32 {
    let [a, b, c, d, ..]: [u8; 16] = Md5::digest(text.as_bytes()).into();
    u32::from_be_bytes([a, b, c, d])
}

/// Java's `MessageQueue.toString`, which is what is hashed.
fn text_of(queue: &QueueName<'_>) -> String {
    format!("MessageQueue [topic={}, brokerName={}, queueId={}]", queue.topic, queue.broker, queue.id)
}

impl AllocateStrategy for ConsistentHash {
    fn name(&self) -> &'static str {
        "CONSISTENT_HASH"
    }

    fn allocate(&self, own: &str, queues: &[QueueName<'_>], members: &[&str]) -> Vec<usize> {
        if !members.contains(&own) {
            return Vec::new();
        }
        let ring = self.ring(members);
        let ours = |queue: &QueueName<'_>| owner(&ring, &text_of(queue)) == Some(own);
        (0..queues.len()).filter(|&at| queues.get(at).is_some_and(ours)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn hashes_as_java_does() {
        let vectors = include_str!("../../../../tests/vectors/offline/consistent_hash_function.jsonl");
        let mut checked = 0;
        for line in vectors.lines() {
            let vector: Value = serde_json::from_str(line).expect("a vector");
            let input = &vector["in"];
            let nodes: Vec<&str> =
                input["nodes"].as_array().expect("nodes").iter().filter_map(Value::as_str).collect();
            let virtual_nodes = input["virtualNodes"].as_u64().expect("a number") as u32;
            let ring = ConsistentHash { virtual_nodes }.ring(&nodes);
            let key = input["key"].as_str().expect("a key");
            assert_eq!(owner(&ring, key), vector["out"].as_str(), "{}", vector["id"]);
            checked += 1;
        }
        assert!(checked > 5, "{checked}");
    }

    #[test]
    fn without_places_nobody_owns_anything_and_ids_that_occur_twice_have_twice_the_places() {
        let queues = [QueueName { topic: "T", broker: "b", id: 0 }];
        assert!(ConsistentHash { virtual_nodes: 0 }.allocate("c", &queues, &["c"]).is_empty());
        assert_eq!(ConsistentHash { virtual_nodes: 3 }.ring(&["c", "c"]).len(), 6);
        assert_eq!(ConsistentHash::default().allocate("c", &queues, &["c"]), [0]);
    }
}
