//! Allocation strategies: which queues of a topic are this member's. Pure, and bit-compatible with Java's
//! `AllocateMessageQueueStrategy` classes, since every member of a group computes the whole division alone.
//!
//! Every member of a group must use the same strategy: brokers do not tell which one another member uses.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

#[cfg(feature = "consistent-hash")]
mod consistent_hash;
#[cfg(feature = "consistent-hash")]
pub use consistent_hash::ConsistentHash;

/// A queue as strategies see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueName<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The broker's name.
    pub broker: &'a str,
    /// Number of the queue at that broker.
    pub id: u32,
}

/// Divides the queues of one topic among the members of a group.
///
/// An implementation must be a pure function: each member runs it with the same lists and takes its own part.
pub trait AllocateStrategy: fmt::Debug + Send + Sync {
    /// Java's `getName`, which brokers know the strategy by.
    fn name(&self) -> &str;

    /// Indices into `queues` that belong to `own`, in order. Both lists are sorted ([`queue_order`],
    /// [`java_order`]); `own` is one of `members`.
    fn allocate(&self, own: &str, queues: &[QueueName<'_>], members: &[&str]) -> Vec<usize>;
}

impl core::hash::Hash for dyn AllocateStrategy {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

/// Order of Java's `String.compareTo`: by UTF-16 code units. It differs from the order of `str` only where
/// characters beyond U+FFFF meet ones from U+E000 on.
pub fn java_order(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

/// Order of Java's `MessageQueue.compareTo`: topic, broker name, queue id.
pub fn queue_order(a: &QueueName<'_>, b: &QueueName<'_>) -> Ordering {
    java_order(a.topic, b.topic).then_with(|| java_order(a.broker, b.broker)).then(a.id.cmp(&b.id))
}

/// `AVG` (Java `AllocateMessageQueueAveragely`, the default): each member a run of neighbours, the first
/// members one more when the division leaves a rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Average;

impl AllocateStrategy for Average {
    fn name(&self) -> &'static str {
        "AVG"
    }

    fn allocate(&self, own: &str, queues: &[QueueName<'_>], members: &[&str]) -> Vec<usize> {
        let Some(index) = position(own, members) else { return Vec::new() };
        let (each, rest) = (queues.len() / members.len(), queues.len() % members.len());
        let start = index * each + index.min(rest);
        let count = each + usize::from(index < rest);
        (start..(start + count).min(queues.len())).collect()
    }
}

/// `AVG_BY_CIRCLE` (Java `AllocateMessageQueueAveragelyByCircle`): dealt out like cards.
#[derive(Clone, Copy, Debug, Default)]
pub struct AverageByCircle;

impl AllocateStrategy for AverageByCircle {
    fn name(&self) -> &'static str {
        "AVG_BY_CIRCLE"
    }

    fn allocate(&self, own: &str, queues: &[QueueName<'_>], members: &[&str]) -> Vec<usize> {
        let Some(index) = position(own, members) else { return Vec::new() };
        (index..queues.len()).step_by(members.len()).collect()
    }
}

/// `CONFIG` (Java `AllocateMessageQueueByConfig`): the configured queues, whoever else is in the group.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// Broker name and queue id of each queue that is ours; queues a topic does not have are left out.
    pub queues: Vec<(String, u32)>,
}

impl AllocateStrategy for Configured {
    fn name(&self) -> &'static str {
        "CONFIG"
    }

    fn allocate(&self, _own: &str, queues: &[QueueName<'_>], _members: &[&str]) -> Vec<usize> {
        let ours = |queue: &QueueName<'_>| {
            self.queues.iter().any(|(name, id)| name == queue.broker && *id == queue.id)
        };
        (0..queues.len()).filter(|&index| queues.get(index).is_some_and(ours)).collect()
    }
}

/// `MACHINE_ROOM` (Java `AllocateMessageQueueByMachineRoom`): only queues of brokers named `room@broker` in one
/// of the given rooms, divided evenly.
#[derive(Clone, Debug, Default)]
pub struct MachineRoom {
    /// The rooms whose brokers are consumed.
    pub rooms: Vec<String>,
}

impl AllocateStrategy for MachineRoom {
    fn name(&self) -> &'static str {
        "MACHINE_ROOM"
    }

    fn allocate(&self, own: &str, queues: &[QueueName<'_>], members: &[&str]) -> Vec<usize> {
        let Some(index) = position(own, members) else { return Vec::new() };
        let wanted = |queue: &QueueName<'_>| {
            room_of(queue.broker).is_some_and(|room| self.rooms.iter().any(|wanted| wanted == room))
        };
        let ours: Vec<usize> = (0..queues.len()).filter(|&at| queues.get(at).is_some_and(wanted)).collect();
        let (each, rest) = (ours.len() / members.len(), ours.len() % members.len());
        let mut mine: Vec<usize> = ours.iter().copied().skip(each * index).take(each).collect();
        if index < rest {
            mine.extend(ours.get(each * members.len() + index));
        }
        mine
    }
}

/// The room of a broker named `room@broker`, exactly one `@` as Java splits it.
fn room_of(broker: &str) -> Option<&str> {
    let (room, name) = broker.split_once('@')?;
    (!name.contains('@') && !name.is_empty()).then_some(room)
}

/// Says in which room queues and members are (Java `MachineRoomResolver`).
pub trait RoomResolver: fmt::Debug + Send + Sync {
    /// Room of a queue's broker; not empty.
    fn of_queue(&self, queue: &QueueName<'_>) -> String;
    /// Room of a member, by its client id; not empty.
    fn of_member(&self, member: &str) -> String;
}

/// `MACHINE_ROOM_NEARBY-` and the inner strategy's name (Java `AllocateMachineRoomNearby`): the queues of a
/// room go to the members in it, the queues of rooms without a member to everybody.
#[derive(Clone, Debug)]
pub struct MachineRoomNearby {
    inner: Arc<dyn AllocateStrategy>,
    rooms: Arc<dyn RoomResolver>,
    name: String,
}

impl MachineRoomNearby {
    /// Divides by `inner` within each room of `rooms`.
    pub fn new(inner: Arc<dyn AllocateStrategy>, rooms: Arc<dyn RoomResolver>) -> Self {
        let name = format!("MACHINE_ROOM_NEARBY-{}", inner.name());
        Self { inner, rooms, name }
    }

    fn divide(&self, own: &str, queues: &[QueueName<'_>], part: &[usize], members: &[&str]) -> Vec<usize> {
        let names: Vec<QueueName<'_>> = part.iter().filter_map(|&at| queues.get(at).copied()).collect();
        let chosen = self.inner.allocate(own, &names, members);
        chosen.into_iter().filter_map(|at| part.get(at).copied()).collect()
    }
}

impl AllocateStrategy for MachineRoomNearby {
    fn name(&self) -> &str {
        &self.name
    }

    fn allocate(&self, own: &str, queues: &[QueueName<'_>], members: &[&str]) -> Vec<usize> {
        let mut rooms: Vec<(String, Vec<usize>)> = Vec::new();
        for (at, queue) in queues.iter().enumerate() {
            let room = self.rooms.of_queue(queue);
            match rooms.iter_mut().find(|(name, _)| *name == room) {
                Some((_, part)) => part.push(at),
                None => rooms.push((room, alloc::vec![at])),
            }
        }
        rooms.sort_by(|a, b| java_order(&a.0, &b.0));
        let member_rooms: Vec<String> = members.iter().map(|member| self.rooms.of_member(member)).collect();
        let own_room = self.rooms.of_member(own);
        let in_room = |room: &String| -> Vec<&str> {
            let both = members.iter().zip(&member_rooms);
            both.filter(|(_, other)| *other == room).map(|(member, _)| *member).collect()
        };
        let mut mine = Vec::new();
        if let Some((room, part)) = rooms.iter().find(|(room, _)| *room == own_room) {
            mine.extend(self.divide(own, queues, part, &in_room(room)));
        }
        for (room, part) in rooms.iter().filter(|(room, _)| *room != own_room) {
            if in_room(room).is_empty() {
                mine.extend(self.divide(own, queues, part, members));
            }
        }
        mine
    }
}

fn position(own: &str, members: &[&str]) -> Option<usize> {
    members.iter().position(|member| *member == own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use serde_json::Value;

    const VECTORS: &str = include_str!("../../../tests/vectors/offline/allocate.jsonl");
    const ORDER: &str = include_str!("../../../tests/vectors/offline/message_queue_order.jsonl");

    #[derive(Debug)]
    struct ByPrefix;

    impl RoomResolver for ByPrefix {
        fn of_queue(&self, queue: &QueueName<'_>) -> String {
            queue.broker.split(['-', '@']).next().unwrap_or_default().to_string()
        }
        fn of_member(&self, member: &str) -> String {
            member.split('-').next().unwrap_or_default().to_string()
        }
    }

    fn strings(value: &Value) -> Vec<String> {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().filter_map(Value::as_str).map(ToString::to_string).collect()
    }

    fn strategy(name: &str, input: &Value) -> Option<Arc<dyn AllocateStrategy>> {
        let configured = strings(&input["configured"]);
        let configured = configured.iter().filter_map(|text| {
            let (broker, id) = text.rsplit_once(':')?;
            Some((broker.to_string(), id.parse().ok()?))
        });
        Some(match name {
            "AVG" => Arc::new(Average),
            "AVG_BY_CIRCLE" => Arc::new(AverageByCircle),
            "CONFIG" => Arc::new(Configured { queues: configured.collect() }),
            "MACHINE_ROOM" => Arc::new(MachineRoom { rooms: strings(&input["consumerIdcs"]) }),
            "MACHINE_ROOM_NEARBY-AVG" => {
                let nearby = MachineRoomNearby::new(Arc::new(Average), Arc::new(ByPrefix));
                assert_eq!(nearby.name(), name);
                Arc::new(nearby)
            }
            #[cfg(feature = "consistent-hash")]
            "CONSISTENT_HASH(10 virtual nodes)" => Arc::new(ConsistentHash::default()),
            #[cfg(feature = "consistent-hash")]
            "CONSISTENT_HASH(1 virtual node)" => Arc::new(ConsistentHash { virtual_nodes: 1 }),
            _ => return None,
        })
    }

    #[test]
    fn divides_as_java_does() {
        let mut checked = 0;
        for line in VECTORS.lines() {
            let vector: Value = serde_json::from_str(line).expect("a vector");
            let input = &vector["in"];
            let name = input["strategy"].as_str().unwrap_or_default();
            let Some(strategy) = strategy(name, input) else {
                let left_out = !cfg!(feature = "consistent-hash") && name.starts_with("CONSISTENT_HASH");
                assert!(left_out, "{name} is not covered");
                continue;
            };
            let texts = strings(&input["queues"]);
            let queues: Vec<QueueName<'_>> = texts
                .iter()
                .map(|text| {
                    let (broker, id) = text.rsplit_once(':').expect("broker:id");
                    QueueName { topic: "T", broker, id: id.parse().expect("a number") }
                })
                .collect();
            let clients = strings(&input["clients"]);
            let members: Vec<&str> = clients.iter().map(String::as_str).collect();
            let nobody = serde_json::Map::from_iter([(String::new(), vector["out"].clone())]);
            // CONFIG looks at no member: its vector has one result instead of one for each.
            for (own, expected) in vector["out"].as_object().unwrap_or(&nobody) {
                let chosen = strategy.allocate(own, &queues, &members);
                let found: Vec<&str> = chosen.iter().map(|&at| texts[at].as_str()).collect();
                assert_eq!(found, strings(expected), "{} {own}", vector["id"]);
                checked += 1;
            }
        }
        assert!(checked > 60, "{checked}");
    }

    #[test]
    fn sorts_queues_as_java_does() {
        for line in ORDER.lines() {
            let vector: Value = serde_json::from_str(line).expect("a vector");
            let texts = strings(&vector["in"]);
            let mut queues: Vec<QueueName<'_>> = texts
                .iter()
                .map(|text| {
                    let mut parts = text.split('/');
                    let mut next = || parts.next().expect("three parts");
                    QueueName { topic: next(), broker: next(), id: next().parse().expect("a number") }
                })
                .collect();
            queues.sort_by(queue_order);
            let found: Vec<String> =
                queues.iter().map(|q| format!("{}/{}/{}", q.topic, q.broker, q.id)).collect();
            assert_eq!(found, strings(&vector["out"]));
        }
        assert_eq!(java_order("\u{10000}", "\u{e000}"), Ordering::Less);
    }

    proptest::proptest! {
        #[test]
        fn every_queue_has_exactly_one_owner(queues in 0..40_u32, members in 1..12_usize, circle: bool) {
            let list: Vec<QueueName<'_>> =
                (0..queues).map(|id| QueueName { topic: "T", broker: "b", id }).collect();
            let names: Vec<String> = (0..members).map(|n| format!("c{n:02}")).collect();
            let members: Vec<&str> = names.iter().map(String::as_str).collect();
            let strategy: &dyn AllocateStrategy = if circle { &AverageByCircle } else { &Average };
            let parts: Vec<Vec<usize>> = members.iter().map(|own| strategy.allocate(own, &list, &members)).collect();
            let mut all: Vec<usize> = parts.concat();
            all.sort_unstable();
            proptest::prop_assert_eq!(all, (0..list.len()).collect::<Vec<_>>());
            let sizes = parts.iter().map(Vec::len);
            proptest::prop_assert!(sizes.clone().max().unwrap_or(0) - sizes.min().unwrap_or(0) <= 1);
        }
    }
}
