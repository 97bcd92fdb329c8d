//! Names interned once: topics, broker names, groups. A clone is a reference count.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::{cmp, fmt, hash};

use thiserror::Error;

use crate::wire::message::NameError;
use crate::wire::message::names::check_stored_topic;

/// Most bytes of a broker's name.
const MAX_BROKER_NAME: usize = 255;

/// Why a name cannot be had.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InternError {
    /// RocketMQ does not allow it.
    #[error("{0}")]
    Name(#[from] NameError),
    /// A broker's name is empty, too long or holds control characters.
    #[error("a broker's name has {len} bytes, 1 to {limit} are allowed, none of them a control character")]
    BrokerName {
        /// Bytes of the name.
        len: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// More names than a client remembers.
    #[error("this client knows {limit} topics and brokers, the limit: raise `max_names` if they are genuine")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

#[derive(Debug)]
struct Interned {
    engine: u64,
    index: u32,
    name: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $type(Arc<Interned>);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0.name
            }

            pub(crate) fn index(&self) -> usize {
                self.0.index as usize
            }

        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0.name)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0.name, f)
            }
        }

        impl PartialEq for $type {
            fn eq(&self, other: &Self) -> bool {
                Arc::ptr_eq(&self.0, &other.0) || self.0.name == other.0.name
            }
        }

        impl Eq for $type {}

        impl PartialOrd for $type {
            fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $type {
            fn cmp(&self, other: &Self) -> cmp::Ordering {
                // Queues of one broker are compared far more often than those of two.
                if Arc::ptr_eq(&self.0, &other.0) {
                    return cmp::Ordering::Equal;
                }
                self.0.name.cmp(&other.0.name)
            }
        }

        impl hash::Hash for $type {
            fn hash<H: hash::Hasher>(&self, state: &mut H) {
                self.0.name.hash(state);
            }
        }
    };
}

name! {
    /// A topic, made once by [`Client::topic`](crate::Client::topic) and cloned cheaply from then on.
    Topic
}
name! {
    /// The name of a broker (a master and its slaves share it).
    BrokerName
}

/// A message queue: one of a topic's partitions on one broker.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Queue {
    /// The topic.
    pub topic: Topic,
    /// The broker that has it.
    pub broker: BrokerName,
    /// Its number at that broker, from 0.
    pub id: u32,
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.topic, self.broker, self.id)
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All names of one engine.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Names {
    engine: u64,
    topics: BTreeMap<String, Topic>,
    brokers: BTreeMap<String, BrokerName>,
    /// Bytes of their texts.
    text: usize,
    limit: usize,
}

/// What a name takes beside its text, which is held twice.
const NAME: usize = size_of::<Interned>() + size_of::<String>() + 32;

impl Names {
    pub(crate) fn new(engine: u64, limit: usize) -> Self {
        Self { engine, topics: BTreeMap::new(), brokers: BTreeMap::new(), text: 0, limit }
    }

    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        (self.topics.len() + self.brokers.len()) * NAME + 2 * self.text
    }

    fn intern(&mut self, index: usize, name: &str) -> Result<Arc<Interned>, InternError> {
        if self.topics.len() + self.brokers.len() >= self.limit {
            return Err(InternError::TooMany { limit: self.limit });
        }
        self.text += name.len();
        Ok(Arc::new(Interned { engine: self.engine, index: index as u32, name: name.to_string() }))
    }

    pub(crate) fn topic(&mut self, name: &str) -> Result<Topic, InternError> {
        if let Some(topic) = self.topics.get(name) {
            return Ok(topic.clone());
        }
        check_stored_topic(name)?;
        let index = self.topics.len();
        let topic = Topic(self.intern(index, name)?);
        self.topics.insert(name.to_string(), topic.clone());
        Ok(topic)
    }

    pub(crate) fn broker(&mut self, name: &str) -> Result<BrokerName, InternError> {
        if let Some(broker) = self.brokers.get(name) {
            return Ok(broker.clone());
        }
        // Names come from name servers and go into logs: they must not forge lines there.
        if name.is_empty() || name.len() > MAX_BROKER_NAME || name.contains(char::is_control) {
            return Err(InternError::BrokerName { len: name.len(), limit: MAX_BROKER_NAME });
        }
        let index = self.brokers.len();
        let broker = BrokerName(self.intern(index, name)?);
        self.brokers.insert(name.to_string(), broker.clone());
        Ok(broker)
    }

    /// True if the broker's name was made by this engine.
    pub(crate) fn owns_broker(&self, broker: &BrokerName) -> bool {
        broker.0.engine == self.engine
    }

    /// True if the topic was made by this engine.
    pub(crate) fn owns(&self, topic: &Topic) -> bool {
        topic.0.engine == self.engine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_interned_once() {
        let mut names = Names::new(1, 9);
        let first = names.topic("orders").expect("valid");
        let second = names.topic("orders").expect("valid");
        assert!(Arc::ptr_eq(&first.0, &second.0));
        assert!(names.owns(&first) && !Names::new(2, 9).owns(&first));
    }

    #[test]
    fn names_are_checked_and_limited() {
        let mut names = Names::new(1, 9);
        assert!(matches!(names.topic(" "), Err(InternError::Name(_))));
        let retry = alloc::format!("%RETRY%{}", "x".repeat(128));
        assert!(names.topic(&retry).is_ok() && names.topic(&retry[7..]).is_err());
        assert_eq!(names.broker(""), Err(InternError::BrokerName { len: 0, limit: MAX_BROKER_NAME }));
        names.broker("a").expect("valid");
        let mut few = Names::new(1, 2);
        assert!(few.topic("a").is_ok() && few.broker("a").is_ok() && few.topic("a").is_ok());
        assert_eq!(few.topic("b"), Err(InternError::TooMany { limit: 2 }));
        assert_eq!(few.broker("b"), Err(InternError::TooMany { limit: 2 }));
    }
}
