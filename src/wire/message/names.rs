//! Names: what a topic or group may be called, reserved names, retry and dead-letter topics, namespaces, light
//! queues, delay levels (Java `Validators`, `TopicValidator`, `NamespaceUtil`, `MixAll`, `LiteUtil`).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use thiserror::Error;

use super::properties::names as property;
use super::tags::string_hash;

/// Prefix of a group's retry topic.
pub const RETRY_PREFIX: &str = "%RETRY%";
/// Prefix of a group's dead-letter topic.
pub const DLQ_PREFIX: &str = "%DLQ%";
/// Prefix of light queues.
pub const LMQ_PREFIX: &str = "%LMQ%";
/// Topic whose route serves topics that do not exist yet.
pub const DEFAULT_TOPIC: &str = "TBW102";
/// Topic of trace messages.
pub const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
/// Longest topic a client may name, in characters.
pub const MAX_TOPIC: usize = 127;
/// Longest retry or dead-letter topic.
pub const MAX_RETRY_TOPIC: usize = 255;
/// Longest group.
pub const MAX_GROUP: usize = 120;
/// Longest lite topic, in bytes.
pub const MAX_LITE_TOPIC: usize = 64;

const SYSTEM_TOPICS: [&str; 12] = [
    DEFAULT_TOPIC,
    "SCHEDULE_TOPIC_XXXX",
    "BenchmarkTest",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
    TRACE_TOPIC,
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
    "CHECKPOINT_TOPIC",
];
const SYSTEM_TOPIC_PREFIX: &str = "rmq_sys_";
const SYSTEM_GROUP_PREFIX: &str = "CID_RMQ_SYS_";

const NOT_FOR_SENDING: [&str; 8] = [
    "SCHEDULE_TOPIC_XXXX",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
];

/// A name is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Empty or white space.
    #[error("the specified {what} is blank")]
    Blank {
        /// `topic`, `group` or `lite topic`.
        what: &'static str,
    },
    /// Too many characters.
    #[error("the specified {what} has {len} characters, the longest allowed has {max}")]
    TooLong {
        /// `topic`, `group` or `lite topic`.
        what: &'static str,
        /// Characters of the name.
        len: usize,
        /// Most characters allowed.
        max: usize,
    },
    /// A character outside letters, digits, `%`, `|`, `_` and `-`.
    #[error("the specified {what} contains {character:?}; letters, digits and {allowed} are allowed")]
    Character {
        /// `topic`, `group` or `lite topic`.
        what: &'static str,
        /// The first character refused.
        character: char,
        /// What is allowed beside letters and digits.
        allowed: &'static str,
    },
    /// The topic belongs to the system.
    #[error("sending message to topic[{topic}] is forbidden")]
    NotForSending {
        /// The topic.
        topic: String,
    },
}

fn check_name(what: &'static str, name: &str, max: usize) -> Result<(), NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Blank { what });
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '%' | '|' | '_' | '-');
    if let Some(character) = name.chars().find(|&c| !allowed(c)) {
        return Err(NameError::Character { what, character, allowed: "% | _ -" });
    }
    if name.len() > max {
        return Err(NameError::TooLong { what, len: name.len(), max });
    }
    Ok(())
}

/// Whether a client may name this topic (Java `Validators.checkTopic`).
pub fn check_topic(topic: &str) -> Result<(), NameError> {
    check_name("topic", topic, MAX_TOPIC)
}

/// Whether a client may name this group (Java `Validators.checkGroup`).
pub fn check_group(group: &str) -> Result<(), NameError> {
    check_name("group", group, MAX_GROUP)
}

/// Whether a broker takes this topic: retry and dead-letter topics may be longer (Java
/// `TopicValidator.validateTopic`). For names that come from servers as well.
pub fn check_stored_topic(topic: &str) -> Result<(), NameError> {
    let retry = topic.starts_with(RETRY_PREFIX) || topic.starts_with(DLQ_PREFIX);
    check_name("topic", topic, if retry { MAX_RETRY_TOPIC } else { MAX_TOPIC })
}

/// Whether a client may send to this topic: a valid name that is none of the broker's own topics.
pub fn check_send_topic(topic: &str) -> Result<(), NameError> {
    check_topic(topic)?;
    if is_not_for_sending(topic) { Err(NameError::NotForSending { topic: topic.into() }) } else { Ok(()) }
}

/// Whether the topic belongs to the system.
pub fn is_system_topic(topic: &str) -> bool {
    SYSTEM_TOPICS.contains(&topic) || topic.starts_with(SYSTEM_TOPIC_PREFIX)
}

/// Whether clients must not send to the topic.
pub fn is_not_for_sending(topic: &str) -> bool {
    NOT_FOR_SENDING.contains(&topic)
}

/// Whether the group belongs to the system.
pub fn is_system_group(group: &str) -> bool {
    group.starts_with(SYSTEM_GROUP_PREFIX)
}

/// Whether the name is that of a light queue.
pub fn is_lmq(name: &str) -> bool {
    name.starts_with(LMQ_PREFIX)
}

/// The group's retry topic.
pub fn retry_topic(group: &str) -> String {
    format!("{RETRY_PREFIX}{group}")
}

/// The group's dead-letter topic.
pub fn dlq_topic(group: &str) -> String {
    format!("{DLQ_PREFIX}{group}")
}

/// Whether users must not set a property of this name (Java `MessageConst.STRING_HASH_SET` of 5.5).
pub fn is_reserved_property(name: &str) -> bool {
    RESERVED.contains(&name)
}

const RESERVED: [&str; 54] = [
    property::TRACE_ON,
    property::MSG_REGION,
    property::KEYS,
    property::TAGS,
    property::WAIT,
    property::DELAY,
    property::RETRY_TOPIC,
    property::REAL_TOPIC,
    property::REAL_QUEUE_ID,
    property::TRANSACTION_PREPARED,
    property::PRODUCER_GROUP,
    property::MIN_OFFSET,
    property::MAX_OFFSET,
    property::BUYER_ID,
    property::ORIGIN_MESSAGE_ID,
    property::TRANSFER_FLAG,
    property::CORRECTION_FLAG,
    property::MQ2_FLAG,
    property::RECONSUME_TIME,
    property::UNIQ_KEY,
    property::MAX_RECONSUME_TIMES,
    property::CONSUME_START_TIME,
    property::POP_CK,
    property::POP_CK_OFFSET,
    property::FIRST_POP_TIME,
    property::TRANSACTION_PREPARED_QUEUE_OFFSET,
    property::DUP_INFO,
    property::EXTEND_UNIQ_INFO,
    property::INSTANCE_ID,
    property::CORRELATION_ID,
    property::REPLY_TO_CLIENT,
    property::TTL,
    property::ARRIVE_TIME,
    property::PUSH_REPLY_TIME,
    property::CLUSTER,
    property::MSG_TYPE,
    property::INNER_MULTI_QUEUE_OFFSET,
    property::TIMER_DELAY_MS,
    property::TIMER_DELAY_SEC,
    property::TIMER_DELIVER_MS,
    property::TIMER_ENQUEUE_MS,
    property::TIMER_DEQUEUE_MS,
    property::TIMER_ROLL_TIMES,
    property::TIMER_OUT_MS,
    property::TIMER_DEL_UNIQKEY,
    property::TIMER_DELAY_LEVEL,
    property::BORN_HOST,
    property::BORN_TIMESTAMP,
    property::DLQ_ORIGIN_TOPIC,
    property::DLQ_ORIGIN_MESSAGE_ID,
    property::CRC32,
    property::ORIGIN_GROUP,
    property::PRIORITY,
    property::LITE_TOPIC,
];

/// The old kind of namespace: a prefix of every name on the wire (Java `NamespaceUtil`). Empty is none.
pub mod namespace {
    use super::{DLQ_PREFIX, RETRY_PREFIX, String, ToString, format, is_system_group, is_system_topic};

    const SEPARATOR: char = '%';

    /// `%RETRY%` or `%DLQ%` when the name begins so, and the rest.
    fn split_prefix(resource: &str) -> (&str, &str) {
        for prefix in [RETRY_PREFIX, DLQ_PREFIX] {
            if let Some(rest) = resource.strip_prefix(prefix) {
                return (prefix, rest);
            }
        }
        ("", resource)
    }

    fn is_system(resource: &str) -> bool {
        is_system_topic(resource) || is_system_group(resource)
    }

    /// Whether the name carries this namespace.
    pub fn has(resource: &str, namespace: &str) -> bool {
        let (_, rest) = split_prefix(resource);
        !namespace.is_empty()
            && !is_system(resource)
            && rest.strip_prefix(namespace).is_some_and(|rest| rest.starts_with(SEPARATOR))
    }

    /// The name as it goes over the wire. System names stay as they are.
    pub fn wrap(namespace: &str, resource: &str) -> String {
        if namespace.is_empty() || resource.is_empty() || is_system(resource) || has(resource, namespace) {
            return resource.to_string();
        }
        let (prefix, rest) = split_prefix(resource);
        format!("{prefix}{namespace}{SEPARATOR}{rest}")
    }

    /// The retry topic of a group in the namespace; `None` for an empty group.
    pub fn wrap_and_retry(namespace: &str, group: &str) -> Option<String> {
        (!group.is_empty()).then(|| super::retry_topic(&wrap(namespace, group)))
    }

    /// The namespace of a name, empty when it has none.
    pub fn of(resource: &str) -> &str {
        let (_, rest) = split_prefix(resource);
        match rest.find(SEPARATOR) {
            Some(at) if at > 0 && !is_system(resource) => rest.get(..at).unwrap_or_default(),
            _ => "",
        }
    }

    /// The name without any namespace.
    pub fn without(resource: &str) -> String {
        let (prefix, rest) = split_prefix(resource);
        match of(resource) {
            "" => resource.to_string(),
            namespace => format!("{prefix}{}", rest.get(namespace.len() + 1..).unwrap_or_default()),
        }
    }

    /// The name without this namespace; unchanged when it has another one or none.
    pub fn without_this(resource: &str, namespace: &str) -> String {
        let (_, rest) = split_prefix(resource);
        let named = rest.strip_prefix(namespace).is_some_and(|rest| rest.starts_with(SEPARATOR));
        if namespace.is_empty() || !named { resource.to_string() } else { without(resource) }
    }
}

/// Light queues under a parent topic (Java `LiteUtil`) and where their messages go.
pub mod lite {
    use super::{LMQ_PREFIX, MAX_LITE_TOPIC, NameError, String, format, string_hash};

    const SEPARATOR: char = '$';

    /// Whether the name may be sent as a lite topic: letters, digits, `_`, `-`, at most 64 bytes. Brokers do not
    /// check, and one of 5.5 stops dispatching for good on a name with `$`.
    pub fn check(lite_topic: &str) -> Result<(), NameError> {
        let what = "lite topic";
        if lite_topic.is_empty() {
            return Err(NameError::Blank { what });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if let Some(character) = lite_topic.chars().find(|&c| !allowed(c)) {
            return Err(NameError::Character { what, character, allowed: "_ -" });
        }
        if lite_topic.len() > MAX_LITE_TOPIC {
            return Err(NameError::TooLong { what, len: lite_topic.len(), max: MAX_LITE_TOPIC });
        }
        Ok(())
    }

    /// The light queue's name; `None` when either part is empty.
    pub fn queue_name(parent: &str, lite_topic: &str) -> Option<String> {
        (!parent.is_empty() && !lite_topic.is_empty())
            .then(|| format!("{LMQ_PREFIX}{SEPARATOR}{parent}{SEPARATOR}{lite_topic}"))
    }

    /// Whether the name begins like that of a lite topic's queue.
    pub fn is_lite_queue(name: &str) -> bool {
        name.strip_prefix(LMQ_PREFIX).is_some_and(|rest| rest.starts_with(SEPARATOR))
    }

    /// Parent and lite topic of a light queue; `None` unless it has exactly these parts.
    pub fn split(name: &str) -> Option<(&str, &str)> {
        let mut parts = name.strip_prefix(LMQ_PREFIX)?.strip_prefix(SEPARATOR)?.split(SEPARATOR);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(parent), Some(lite), None) if !parent.is_empty() && !lite.is_empty() => {
                Some((parent, lite))
            }
            _ => None,
        }
    }

    /// Which of `buckets` queues a lite topic belongs to (Guava's consistent hash of the Java string hash); 0
    /// when there is none.
    pub fn shard(lite_topic: &str, buckets: i32) -> i32 {
        let mut state = i64::from(string_hash(lite_topic));
        let mut candidate = 0i32;
        loop {
            state = state.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
            // The top 31 bits: positive as Java's int, so one more may be 2^31.
            let draw = f64::from((state as u64 >> 33) as i32) + 1.0;
            let next = (f64::from(candidate) + 1.0) / (draw / 2_147_483_648.0);
            let next = next as i32;
            if (0..buckets).contains(&next) && next > candidate {
                candidate = next;
            } else {
                return candidate;
            }
        }
    }
}

/// A delay level table is malformed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("delay level {level} ({text:?}) is not a number followed by s, m, h or d")]
pub struct DelayLevelError {
    /// Position in the table, from 1.
    pub level: usize,
    /// The piece refused.
    pub text: String,
}

/// A broker's table of delay levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayLevels {
    /// Milliseconds of level 1 and up.
    pub millis: Vec<i64>,
}

impl DelayLevels {
    /// A broker's default table.
    pub const DEFAULT: &'static str = "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h";

    /// Reads `messageDelayLevel` of a broker's configuration (Java `ScheduleMessageService.parseDelayLevel`).
    pub fn parse(text: &str) -> Result<DelayLevels, DelayLevelError> {
        let mut millis = Vec::new();
        for (index, piece) in text.split(' ').enumerate() {
            let refused = || DelayLevelError { level: index + 1, text: piece.to_string() };
            let unit = match piece.as_bytes().last() {
                Some(b's') => 1000,
                Some(b'm') => 60_000,
                Some(b'h') => 3_600_000,
                Some(b'd') => 86_400_000,
                _ => return Err(refused()),
            };
            let number: i64 =
                piece.get(..piece.len() - 1).and_then(|number| number.parse().ok()).ok_or_else(refused)?;
            millis.push(number.checked_mul(unit).ok_or_else(refused)?);
        }
        Ok(DelayLevels { millis })
    }

    /// The delay of a level: `None` for 0 and below, the last level's for levels above it.
    pub fn delay_ms(&self, level: i32) -> Option<i64> {
        let level = usize::try_from(level).ok().filter(|&level| level > 0)?.min(self.millis.len());
        self.millis.get(level.checked_sub(1)?).copied()
    }
}
