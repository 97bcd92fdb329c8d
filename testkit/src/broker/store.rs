//! Messages in memory: topics, queues, and the order of the commit log (Java `DefaultMessageStore`,
//! `TopicConfigManager`).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use rocketmq_engine::wire::message::properties::names;
use rocketmq_engine::wire::message::{
    MessageView, OffsetMessageId, Properties, StoredFields, SysFlag, encode_stored, tag_code,
};

use super::history::Name;

/// A topic at one broker (Java `TopicConfig`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicConfig {
    /// Queues consumers read, at most 65,535.
    pub read_queues: u32,
    /// Queues producers write, at most 65,535.
    pub write_queues: u32,
    /// Bits: 4 read, 2 write, 1 inherit (a template for topics made by a send).
    pub perm: u32,
    /// Unit bits.
    pub sys_flag: i32,
    /// An ordered topic.
    pub order: bool,
}

impl TopicConfig {
    /// May be read.
    pub const READ: u32 = 4;
    /// May be written.
    pub const WRITE: u32 = 2;
    /// Is a template.
    pub const INHERIT: u32 = 1;

    /// As many queues to read as to write, both allowed.
    pub fn new(queues: u32) -> Self {
        let queues = queues.clamp(1, 65_535);
        let perm = Self::READ | Self::WRITE;
        Self { read_queues: queues, write_queues: queues, perm, sys_flag: 0, order: false }
    }

    /// Another permission.
    #[must_use]
    pub fn perm(self, perm: u32) -> Self {
        Self { perm, ..self }
    }

    pub(super) fn may(&self, perm: u32) -> bool {
        self.perm & perm == perm
    }
}

/// A message to be stored.
#[derive(Clone, Debug, Hash)]
pub(super) struct Incoming {
    pub(super) topic: Name,
    pub(super) queue_id: i32,
    pub(super) flag: i32,
    pub(super) sys_flag: i32,
    pub(super) born_timestamp: i64,
    pub(super) born_host: SocketAddr,
    pub(super) reconsume_times: i32,
    pub(super) body: Bytes,
    pub(super) properties: String,
}

/// Where a message went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    pub(super) queue_offset: i64,
    pub(super) id: OffsetMessageId,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Entry {
    pub(super) bytes: Bytes,
    /// Hash code of its tag, 0 without one.
    pub(super) tag: i64,
    pub(super) stored_at: i64,
}

/// One queue: the messages from its minimum offset on.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Queue {
    min: i64,
    entries: Vec<Entry>,
}

impl Queue {
    pub(super) fn min(&self) -> i64 {
        self.min
    }

    /// The offset the next message gets.
    pub(super) fn max(&self) -> i64 {
        self.min + self.entries.len() as i64
    }

    /// The messages from an offset on.
    pub(super) fn from(&self, offset: i64) -> &[Entry] {
        let skip = usize::try_from(offset - self.min).unwrap_or_default();
        self.entries.get(skip..).unwrap_or_default()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

#[derive(Clone, Debug, Hash)]
struct Topic {
    config: TopicConfig,
    /// Those there ever were: a queue taken away keeps its messages.
    queues: Vec<Queue>,
}

/// One message in the commit log.
#[derive(Clone, Debug, Hash)]
pub(super) struct Record {
    pub(super) physical_offset: i64,
    pub(super) topic: Name,
    pub(super) queue: u32,
    pub(super) bytes: Bytes,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Store {
    host: SocketAddr,
    topics: BTreeMap<Name, Topic>,
    log: Vec<Record>,
    end: i64,
}

impl Store {
    pub(super) fn new(host: SocketAddr) -> Self {
        Self { host, topics: BTreeMap::new(), log: Vec::new(), end: 0 }
    }

    // ---- topics --------------------------------------------------------------------------------------------

    /// Makes a topic or gives the one there is another configuration; true if something is different now.
    pub(super) fn set_topic(&mut self, name: &str, config: TopicConfig) -> bool {
        let queues = config.read_queues.max(config.write_queues) as usize;
        if let Some(topic) = self.topics.get_mut(name) {
            let changed = topic.config != config;
            topic.config = config;
            if topic.queues.len() < queues {
                topic.queues.resize_with(queues, Queue::default);
            }
            return changed;
        }
        let topic = Topic { config, queues: vec![Queue::default(); queues] };
        self.topics.insert(name.into(), topic);
        true
    }

    pub(super) fn delete_topic(&mut self, name: &str) -> bool {
        self.log.retain(|record| &*record.topic != name);
        self.topics.remove(name).is_some()
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = (&Name, TopicConfig)> {
        self.topics.iter().map(|(name, topic)| (name, topic.config))
    }

    pub(super) fn topic(&self, name: &str) -> Option<TopicConfig> {
        self.topics.get(name).map(|topic| topic.config)
    }

    /// The name as the store keeps it, so that records share it.
    pub(super) fn name(&self, topic: &str) -> Name {
        self.topics.get_key_value(topic).map_or_else(|| topic.into(), |(name, _)| name.clone())
    }

    pub(super) fn queues(&self, topic: &str) -> &[Queue] {
        self.topics.get(topic).map(|topic| &topic.queues[..]).unwrap_or_default()
    }

    pub(super) fn queue(&self, topic: &str, queue: i32) -> Option<&Queue> {
        self.queues(topic).get(usize::try_from(queue).ok()?)
    }

    // ---- messages ------------------------------------------------------------------------------------------

    /// Stores a message; `None` if its lengths do not fit the format or it has no queue.
    pub(super) fn append(&mut self, message: &Incoming, unix_ms: i64) -> Option<Stored> {
        let topic = self.topics.get_mut(&message.topic)?;
        let queue = topic.queues.get_mut(usize::try_from(message.queue_id).ok()?)?;
        let (queue_offset, physical_offset) = (queue.max(), self.end);
        let mut bytes = Vec::new();
        let fields = StoredFields {
            queue_id: message.queue_id,
            flag: message.flag,
            queue_offset,
            physical_offset,
            sys_flag: SysFlag(message.sys_flag),
            born_timestamp: message.born_timestamp,
            born_host: message.born_host,
            store_timestamp: unix_ms,
            store_host: self.host,
            reconsume_times: message.reconsume_times,
            prepared_transaction_offset: 0,
            body: &message.body,
            topic: &message.topic,
            properties: &message.properties,
        };
        encode_stored(&mut bytes, &fields).ok()?;
        let bytes = Bytes::from(bytes);
        self.end += bytes.len() as i64;
        let tag = Properties::new(&message.properties).get(names::TAGS).map_or(0, tag_code);
        let record = Record {
            physical_offset,
            topic: message.topic.clone(),
            queue: message.queue_id as u32,
            bytes: bytes.clone(),
        };
        self.log.push(record);
        queue.entries.push(Entry { bytes, tag, stored_at: unix_ms });
        Some(Stored { queue_offset, id: OffsetMessageId::new(self.host, physical_offset) })
    }

    fn place(&self, physical_offset: i64) -> usize {
        self.log.partition_point(|record| record.physical_offset < physical_offset)
    }

    pub(super) fn bytes_at(&self, physical_offset: i64) -> Option<&Bytes> {
        let record = self.log.get(self.place(physical_offset))?;
        (record.physical_offset == physical_offset).then_some(&record.bytes)
    }

    // ---- loss ----------------------------------------------------------------------------------------------

    /// The offset the commit log's next message gets.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// The next message gets this offset, unless the log is longer.
    pub(super) fn go_on_at(&mut self, physical_offset: i64) {
        self.end = self.end.max(physical_offset);
    }

    /// Messages at the end of the log are lost; the offsets they had are given again.
    pub(super) fn lose_tail(&mut self, messages: usize) {
        let keep = self.log.len().saturating_sub(messages);
        for record in self.log.drain(keep..) {
            self.end = self.end.min(record.physical_offset);
            let queues = self.topics.get_mut(&record.topic).map(|topic| &mut topic.queues);
            if let Some(queue) = queues.and_then(|queues| queues.get_mut(record.queue as usize)) {
                queue.entries.pop();
            }
        }
    }

    /// Everything from this offset of the log on is lost.
    pub(super) fn cut_at(&mut self, physical_offset: i64) {
        self.lose_tail(self.log.len() - self.place(physical_offset));
        self.end = self.end.min(physical_offset);
    }

    /// Messages below an offset are gone for good; the first offset that is left.
    pub(super) fn expire(&mut self, topic: &str, queue: i32, below: i64) -> Option<i64> {
        let queues = &mut self.topics.get_mut(topic)?.queues;
        let found = queues.get_mut(usize::try_from(queue).ok()?)?;
        let gone = usize::try_from(below - found.min).unwrap_or_default().min(found.entries.len());
        found.entries.drain(..gone);
        found.min += gone as i64;
        let min = found.min;
        let gone = |record: &Record| {
            let offset = MessageView::parse(&record.bytes).map_or(i64::MAX, |view| view.queue_offset());
            &*record.topic == topic && record.queue as i32 == queue && offset < min
        };
        self.log.retain(|record| !gone(record));
        Some(min)
    }

    // ---- replication ---------------------------------------------------------------------------------------

    /// Records from an offset of the log on.
    pub(super) fn records_from(&self, physical_offset: i64) -> &[Record] {
        self.log.get(self.place(physical_offset)..).unwrap_or_default()
    }

    /// Takes over a record of the master; false if it is not the next one.
    pub(super) fn append_replica(&mut self, record: &Record) -> bool {
        let Ok(view) = MessageView::parse(&record.bytes) else { return false };
        let Some(topic) = self.topics.get_mut(&record.topic) else { return false };
        let place = record.queue as usize;
        if topic.queues.len() <= place {
            topic.queues.resize_with(place + 1, Queue::default);
        }
        let Some(queue) = topic.queues.get_mut(place) else { return false };
        if queue.entries.is_empty() {
            queue.min = view.queue_offset();
        }
        let tag = view.tag().map_or(0, tag_code);
        queue.entries.push(Entry { bytes: record.bytes.clone(), tag, stored_at: view.store_timestamp() });
        let place = self.place(record.physical_offset);
        self.log.insert(place, record.clone());
        self.end = self.end.max(record.physical_offset + record.bytes.len() as i64);
        true
    }
}
