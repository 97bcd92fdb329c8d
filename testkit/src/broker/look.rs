//! What tests look at and change: the truth behind the answers.

use bytes::Bytes;
use rocketmq_engine::wire::message::MessageView;

use super::history::{Answered, Applied, Effect, Keep, Name};
use super::offsets::CommittedOffset;
use super::store::{Queue, TopicConfig};
use super::{Broker, Fault};
use crate::peer::Now;

/// A message as a broker has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMessage {
    /// The queue.
    pub queue: u32,
    /// Its offset there.
    pub offset: i64,
    /// When it was stored, Unix milliseconds on the broker's clock.
    pub stored_at: i64,
    /// The stored message, from TOTALSIZE on.
    pub bytes: Bytes,
}

impl LogMessage {
    /// All that is in it. `None` cannot happen for a message a broker stored.
    pub fn view(&self) -> Option<MessageView<'_>> {
        MessageView::parse(&self.bytes).ok()
    }

    /// Its unique key, made by the producer; empty if it has none.
    pub fn unique_key(&self) -> &str {
        self.view().and_then(|view| view.unique_key()).unwrap_or_default()
    }

    /// Its body as stored: compressed, if the producer compressed it.
    pub fn body(&self) -> &[u8] {
        self.view().map(|view| view.body()).unwrap_or_default()
    }

    /// The value of a property, `None` without it.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.view()?.properties().get(name)
    }
}

impl Broker {
    // ---- topics and messages -------------------------------------------------------------------------------

    /// Names of all topics, the system's included.
    pub fn topics(&self) -> Vec<(Name, TopicConfig)> {
        self.store.topics().map(|(name, config)| (name.clone(), config)).collect()
    }

    /// A topic's configuration.
    pub fn topic(&self, topic: &str) -> Option<TopicConfig> {
        self.store.topic(topic)
    }

    /// Messages of one queue, by offset, from its minimum offset on.
    pub fn log(&self, topic: &str, queue: u32) -> Vec<LogMessage> {
        let Some(found) = self.store.queue(topic, queue as i32) else { return Vec::new() };
        let message = |(offset, entry): (i64, &super::store::Entry)| LogMessage {
            queue,
            offset,
            stored_at: entry.stored_at,
            bytes: entry.bytes.clone(),
        };
        (found.min()..).zip(found.entries()).map(message).collect()
    }

    /// Messages of a topic as stored, by queue and offset.
    pub fn messages(&self, topic: &str) -> Vec<Bytes> {
        let entries = self.store.queues(topic).iter().flat_map(Queue::entries);
        entries.map(|entry| entry.bytes.clone()).collect()
    }

    /// Messages of a topic.
    pub fn message_count(&self, topic: &str) -> usize {
        self.store.queues(topic).iter().map(|queue| queue.entries().len()).sum()
    }

    /// First offset of a queue, and the one its next message gets.
    pub fn limits(&self, topic: &str, queue: u32) -> Option<(i64, i64)> {
        self.store.queue(topic, queue as i32).map(|queue| (queue.min(), queue.max()))
    }

    /// Makes a topic with that many queues to read and to write, or gives the one there is as many.
    pub fn create_topic(&mut self, topic: &str, queues: u32) {
        self.set_topic(topic, TopicConfig::new(queues));
    }

    /// Makes a topic, or changes its queues and permission. Queues that are taken away keep their messages, as in a
    /// real broker: they come back with a larger number.
    pub fn set_topic(&mut self, topic: &str, config: TopicConfig) {
        if self.store.set_topic(topic, config) {
            self.topics_changed();
            self.note(|store| Effect::TopicChanged { topic: store.name(topic), config });
        }
    }

    fn topics_changed(&mut self) {
        self.registration_changed = true;
        self.topics_version += 1;
    }

    /// Deletes a topic, its messages and what groups committed for it.
    pub fn delete_topic(&mut self, topic: &str) {
        let name = self.store.name(topic);
        if self.store.delete_topic(topic) {
            self.offsets.forget_topic(topic);
            self.topics_changed();
            self.note(|_| Effect::TopicDeleted { topic: name });
        }
    }

    /// Messages below an offset are gone, as when the broker deletes old files.
    pub fn expire(&mut self, topic: &str, queue: u32, below: i64) {
        if let Some(min) = self.store.expire(topic, queue as i32, below) {
            self.note(|store| Effect::Expired { topic: store.name(topic), queue, min });
        }
    }

    // ---- groups and offsets --------------------------------------------------------------------------------

    /// The offset a group has committed for a queue.
    pub fn committed_offset(&self, group: &str, topic: &str, queue: u32) -> Option<i64> {
        self.offsets.get(group, topic, queue as i32)
    }

    /// Every value that offset has had, with the time of the change.
    pub fn offset_history(&self, group: &str, topic: &str, queue: u32) -> &[(Now, i64)] {
        self.offsets.history(group, topic, queue as i32)
    }

    /// All committed offsets, by group, topic and queue.
    pub fn committed_offsets(&self) -> impl Iterator<Item = CommittedOffset> {
        self.offsets.iter()
    }

    /// Sets a group's offset, as an administrator may.
    pub fn set_committed_offset(&mut self, group: &str, topic: &str, queue: u32, offset: i64) {
        self.groups.learn(group);
        self.commit(group, topic, queue as i32, offset);
    }

    /// Ids of a group's members, sorted.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.groups.members(group)
    }

    /// Topics a group's members subscribe to, each with its expression's text.
    pub fn subscriptions(&self, group: &str) -> Vec<(Name, String)> {
        self.groups.subscriptions(group)
    }

    /// Ids of clients that registered the producer group, sorted.
    pub fn producers(&self, group: &str) -> Vec<String> {
        self.groups.producers(group)
    }

    // ---- histories -----------------------------------------------------------------------------------------

    /// Keeps histories from now on.
    pub fn keep(&mut self, keep: Keep) {
        *self.peers.keep = keep;
    }

    /// What it has done since histories are kept, in order.
    pub fn applied(&self) -> &[Applied] {
        &self.applied
    }

    /// What it has answered, in order.
    pub fn answered(&self) -> &[Answered] {
        &self.peers.answered
    }

    /// Takes what it has done since the last call: for checkers that look at each step.
    pub fn take_applied(&mut self) -> Vec<Applied> {
        std::mem::take(&mut self.applied)
    }

    /// Takes what it has answered since the last call.
    pub fn take_answered(&mut self) -> Vec<Answered> {
        std::mem::take(&mut self.peers.answered)
    }

    // ---- faults --------------------------------------------------------------------------------------------

    /// Makes it do something wrong.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Forgets every fault that has not happened yet.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Faults that have not happened yet, or not often enough.
    pub fn faults(&self) -> &[Fault] {
        self.faults.waiting()
    }

    /// Tells pulls which replica to go to next; 0, the master, unless said otherwise. Real brokers send consumers that
    /// are far behind to slave 1.
    pub fn suggest_replica(&mut self, id: i64) {
        self.suggest = id;
    }

    /// It shuts down gracefully: requests of clients that know the code are answered GO_AWAY and not served.
    pub fn go_away(&mut self) {
        self.going_away = true;
    }
}
