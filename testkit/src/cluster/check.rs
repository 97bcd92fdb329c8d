//! What a test expects, and what is there instead.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::Cluster;
use crate::broker::LogMessage;

/// Messages a failure shows of one topic.
const SHOWN: usize = 20;

/// An expectation that is not met, and what is there instead. Its `Debug` text is for people, so that `unwrap` in a
/// test prints it as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Unmet(String);

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unmet {}

fn met(so: bool, otherwise: impl FnOnce() -> String) -> Result<(), Unmet> {
    if so { Ok(()) } else { Err(Unmet(otherwise())) }
}

impl Cluster {
    /// Messages of a topic at all masters, by broker, queue and offset.
    pub fn log(&self, topic: &str) -> Vec<LogMessage> {
        let queues = self.masters().flat_map(|broker| {
            let queues = broker.topic(topic).map_or(0, |config| config.read_queues.max(config.write_queues));
            (0..queues).map(move |queue| broker.log(topic, queue))
        });
        queues.flatten().collect()
    }

    /// What a group gave up on.
    pub fn dead_letters(&self, group: &str) -> Vec<LogMessage> {
        self.log(&format!("%DLQ%{group}"))
    }

    /// What a group asked for again.
    pub fn retries(&self, group: &str) -> Vec<LogMessage> {
        self.log(&format!("%RETRY%{group}"))
    }

    /// Messages of a topic that are there more than once, by unique key.
    pub fn duplicates(&self, topic: &str) -> BTreeMap<String, usize> {
        let mut copies: BTreeMap<String, usize> = BTreeMap::new();
        for message in self.log(topic) {
            *copies.entry(message.unique_key().to_owned()).or_default() += 1;
        }
        copies.retain(|_, copies| *copies > 1);
        copies
    }

    /// Messages of a topic that a group has not committed yet, by broker and queue.
    pub fn uncommitted(&self, group: &str, topic: &str) -> BTreeMap<(String, u32), i64> {
        let mut left = BTreeMap::new();
        for broker in self.masters() {
            for queue in 0..broker.topic(topic).map_or(0, |config| config.read_queues) {
                let (min, max) = broker.limits(topic, queue).unwrap_or_default();
                let behind = max - broker.committed_offset(group, topic, queue).unwrap_or(min);
                if behind != 0 {
                    left.insert((broker.config().broker_name.clone(), queue), behind);
                }
            }
        }
        left
    }

    /// That a topic holds so many messages. The error shows the topic.
    pub fn expect_stored(&self, topic: &str, messages: usize) -> Result<(), Unmet> {
        let found = self.message_count(topic);
        met(found == messages, || {
            format!("{messages} messages expected in {topic}\n{}", self.describe(topic))
        })
    }

    /// That exactly these bodies are in a topic, in any order. The error shows the topic.
    pub fn expect_bodies(&self, topic: &str, bodies: &[&str]) -> Result<(), Unmet> {
        let text = |message: &LogMessage| String::from_utf8_lossy(message.body()).into_owned();
        let mut found: Vec<String> = self.log(topic).iter().map(text).collect();
        let mut wanted = bodies.to_vec();
        found.sort();
        wanted.sort_unstable();
        met(found == wanted, || format!("{wanted:?} expected in {topic}\n{}", self.describe(topic)))
    }

    /// That a group has committed everything there is in a topic. The error shows each queue that is behind.
    pub fn expect_consumed(&self, group: &str, topic: &str) -> Result<(), Unmet> {
        let left = self.uncommitted(group, topic);
        met(left.is_empty(), || {
            let mut report = format!("{group} has not committed all of {topic}\n");
            for ((broker, queue), behind) in &left {
                let _ = writeln!(report, "  {broker} queue {queue}: {behind} messages behind");
            }
            report + &self.describe(topic)
        })
    }

    /// That a group has so many members. The error names them.
    pub fn expect_members(&self, group: &str, count: usize) -> Result<(), Unmet> {
        let members = self.members(group);
        met(members.len() == count, || format!("{count} members expected in {group}, it has {members:?}"))
    }

    /// A topic in words: its messages, one a line.
    pub fn describe(&self, topic: &str) -> String {
        let mut out = format!("{topic} holds {} messages", self.message_count(topic));
        let all = self.log(topic);
        for message in all.iter().take(SHOWN) {
            let body: String = String::from_utf8_lossy(message.body()).chars().take(60).collect();
            let (queue, offset, key) = (message.queue, message.offset, message.unique_key());
            let _ = write!(out, "\n  queue {queue} offset {offset}: {body:?} key {key}");
        }
        if all.len() > SHOWN {
            let _ = write!(out, "\n  ... and {} more", all.len() - SHOWN);
        }
        out
    }
}
