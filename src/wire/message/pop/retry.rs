//! Where a popped message comes from: the topic itself or one of its two kinds of retry topics (Java
//! `KeyBuilder`, `ExtraInfoUtil.getRetry`).

use alloc::format;
use alloc::string::String;

use crate::wire::message::names::RETRY_PREFIX;

/// The `mark` of offset infos and receipt handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetryMark {
    /// The topic itself.
    Normal = 0,
    /// `%RETRY%group_topic`.
    RetryV1 = 1,
    /// `%RETRY%group+topic`.
    RetryV2 = 2,
}

impl RetryMark {
    /// The mark as written: `0`, `1` or `2`.
    pub const fn as_str(self) -> &'static str {
        match self {
            RetryMark::Normal => "0",
            RetryMark::RetryV1 => "1",
            RetryMark::RetryV2 => "2",
        }
    }

    /// Reads a mark.
    pub fn parse(text: &str) -> Option<RetryMark> {
        [RetryMark::Normal, RetryMark::RetryV1, RetryMark::RetryV2].into_iter().find(|m| m.as_str() == text)
    }

    /// The mark of a stored message's topic.
    pub fn of_topic(topic: &str) -> RetryMark {
        if !topic.starts_with(RETRY_PREFIX) {
            RetryMark::Normal
        } else if topic.contains('+') {
            RetryMark::RetryV2
        } else {
            RetryMark::RetryV1
        }
    }

    /// The topic a message with this mark is stored under.
    pub fn real_topic(self, topic: &str, group: &str) -> String {
        match self {
            RetryMark::Normal => topic.into(),
            RetryMark::RetryV1 => pop_retry_topic_v1(topic, group),
            RetryMark::RetryV2 => pop_retry_topic_v2(topic, group),
        }
    }
}

/// The older retry topic of a popped topic, still the broker's default.
pub fn pop_retry_topic_v1(topic: &str, group: &str) -> String {
    format!("{RETRY_PREFIX}{group}_{topic}")
}

/// The newer retry topic: `+` cannot be part of a name, so it can be taken apart.
pub fn pop_retry_topic_v2(topic: &str, group: &str) -> String {
    format!("{RETRY_PREFIX}{group}+{topic}")
}

/// A topic taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryTopic<'a> {
    /// The topic the application subscribed to; the whole name where that cannot be told.
    pub topic: &'a str,
    /// The group; all that follows the prefix where that cannot be told, `None` without the prefix.
    pub group: Option<&'a str>,
}

impl<'a> RetryTopic<'a> {
    /// Takes a name apart without knowing the group: only the newer form can be.
    pub fn parse(name: &'a str) -> RetryTopic<'a> {
        let Some(rest) = name.strip_prefix(RETRY_PREFIX) else {
            return RetryTopic { topic: name, group: None };
        };
        match rest.split_once('+') {
            Some((group, topic)) if !topic.is_empty() && !topic.contains('+') => {
                RetryTopic { topic, group: Some(group) }
            }
            _ => RetryTopic { topic: name, group: Some(rest) },
        }
    }

    /// The topic behind a retry topic of a known group, in either form; other names stay as they are.
    pub fn topic_of(name: &'a str, group: &str) -> &'a str {
        name.strip_prefix(RETRY_PREFIX)
            .and_then(|rest| rest.strip_prefix(group))
            .and_then(|rest| rest.strip_prefix(['+', '_']))
            .unwrap_or(name)
    }
}
