//! Messages in memory: topics, queues, and the order of the commit log (Java `DefaultMessageStore`).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use rocketmq_engine::wire::message::properties::names;
use rocketmq_engine::wire::message::{
    MessageView, OffsetMessageId, Properties, StoredFields, SysFlag, encode_stored, tag_code,
};

/// A message to be stored.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) topic: String,
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

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) bytes: Bytes,
    /// Hash code of its tag, 0 without one.
    pub(super) tag: i64,
    pub(super) stored_at: i64,
}

#[derive(Debug)]
struct Topic {
    perm: u32,
    queues: Vec<Vec<Entry>>,
}

#[derive(Debug)]
pub(super) struct Store {
    host: SocketAddr,
    topics: BTreeMap<String, Topic>,
    /// Every message by its offset in the commit log: topic, queue, place.
    log: BTreeMap<i64, Bytes>,
    end: i64,
}

impl Store {
    pub(super) fn new(host: SocketAddr) -> Self {
        Self { host, topics: BTreeMap::new(), log: BTreeMap::new(), end: 0 }
    }

    pub(super) fn create_topic(&mut self, name: &str, queues: u32, perm: u32) {
        let topic = self.topics.entry(name.to_string()).or_insert(Topic { perm, queues: Vec::new() });
        topic.perm = perm;
        if topic.queues.len() < queues as usize {
            topic.queues.resize_with(queues as usize, Vec::new);
        }
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = (&str, u32, u32)> {
        self.topics.iter().map(|(name, topic)| (name.as_str(), topic.queues.len() as u32, topic.perm))
    }

    /// Queues of a topic, if there is one.
    pub(super) fn queue_count(&self, topic: &str) -> Option<usize> {
        self.topics.get(topic).map(|topic| topic.queues.len())
    }

    pub(super) fn queue(&self, topic: &str, queue: i32) -> Option<&[Entry]> {
        let queues = &self.topics.get(topic)?.queues;
        queues.get(usize::try_from(queue).ok()?).map(Vec::as_slice)
    }

    /// Stores a message; `None` if its lengths do not fit the format.
    pub(super) fn append(&mut self, message: &Incoming, unix_ms: i64) -> Option<Stored> {
        let topic = self.topics.get_mut(&message.topic)?;
        let queue = topic.queues.get_mut(usize::try_from(message.queue_id).ok()?)?;
        let (queue_offset, physical_offset) = (queue.len() as i64, self.end);
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
        self.log.insert(physical_offset, bytes.clone());
        queue.push(Entry { bytes, tag, stored_at: unix_ms });
        Some(Stored { queue_offset, id: OffsetMessageId { host: self.host, physical_offset } })
    }

    /// The message at this offset of the commit log.
    pub(super) fn by_physical_offset(&self, offset: i64) -> Option<MessageView<'_>> {
        MessageView::parse(self.log.get(&offset)?).ok()
    }

    pub(super) fn bytes_at(&self, offset: i64) -> Option<&Bytes> {
        self.log.get(&offset)
    }

    pub(super) fn messages(&self, topic: &str) -> Vec<Bytes> {
        let queues = self.topics.get(topic).into_iter().flat_map(|topic| &topic.queues);
        queues.flatten().map(|entry| entry.bytes.clone()).collect()
    }

    pub(super) fn message_count(&self, topic: &str) -> usize {
        self.topics.get(topic).map_or(0, |topic| topic.queues.iter().map(Vec::len).sum())
    }
}
