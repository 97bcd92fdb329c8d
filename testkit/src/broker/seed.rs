//! Messages that were there before: made up, or taken from a real broker.

use bytes::Bytes;
use rocketmq_engine::wire::message::MessageView;
use rocketmq_engine::wire::message::properties::{append_pair, names};

use super::Broker;
use super::store::{Incoming, Record, TopicConfig};

impl Broker {
    /// Stores a message as a producer's send would have, and returns its offset in the queue. The topic is made, or
    /// gets more queues, if need be.
    pub fn seed(&mut self, topic: &str, queue: u32, body: impl AsRef<[u8]>) -> i64 {
        self.seed_with(topic, queue, body, &[])
    }

    /// The same, with properties: `TAGS`, `KEYS`, or a user's own. It gets a unique key if none is among them.
    pub fn seed_with(
        &mut self,
        topic: &str,
        queue: u32,
        body: impl AsRef<[u8]>,
        properties: &[(&str, &str)],
    ) -> i64 {
        self.make_room(topic, queue);
        let now = *self.peers.now;
        let mut text = String::new();
        for (name, value) in properties {
            append_pair(&mut text, name, value);
        }
        if !properties.iter().any(|(name, _)| *name == names::UNIQ_KEY) {
            append_pair(&mut text, names::UNIQ_KEY, &self.unique_key(now));
        }
        let message = Incoming {
            topic: self.store.name(topic),
            queue_id: queue as i32,
            flag: 0,
            sys_flag: 0,
            born_timestamp: now.unix_ms,
            born_host: self.address,
            reconsume_times: 0,
            body: Bytes::copy_from_slice(body.as_ref()),
            properties: text,
        };
        let stored = self.append(&message, now);
        self.wake_long_polls(&message.topic, message.queue_id, now);
        stored.map_or(-1, |stored| stored.queue_offset)
    }

    /// Takes over a message another broker stored, with the offsets it has. False: it is none, or not the next one
    /// of its queue.
    pub fn load(&mut self, stored: &[u8]) -> bool {
        let stored = Bytes::copy_from_slice(stored);
        let Ok(view) = MessageView::parse(&stored) else { return false };
        let Ok(queue) = u32::try_from(view.queue_id()) else { return false };
        self.make_room(view.topic(), queue);
        let next = self.store.queue(view.topic(), view.queue_id());
        if next.is_some_and(|found| found.max() != view.queue_offset() && !found.entries().is_empty()) {
            return false;
        }
        let (physical_offset, topic) = (view.physical_offset(), self.store.name(view.topic()));
        self.store.append_replica(&Record { physical_offset, topic, queue, bytes: stored.clone() })
    }

    /// The log goes on at this offset, as if what was before it had been deleted: the offset message ids of what is
    /// stored from now on are those of a broker that has been used for a while.
    pub fn begin_log_at(&mut self, physical_offset: i64) {
        self.store.go_on_at(physical_offset);
    }

    fn make_room(&mut self, topic: &str, queue: u32) {
        let mut config = self.store.topic(topic).unwrap_or_else(|| TopicConfig::new(queue + 1));
        config.read_queues = config.read_queues.max(queue + 1);
        config.write_queues = config.write_queues.max(queue + 1);
        self.set_topic(topic, config);
    }
}
