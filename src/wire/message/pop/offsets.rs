//! The three info strings of a pop answer (Java `ExtraInfoUtil.parseStartOffsetInfo` and its sisters):
//! elements joined by `;`, parts of an element by one space. Empty text is no element.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::{PopTextError, RetryMark};

/// Most elements, and most offsets of one element, that are read. A pop answers with at most 32 messages.
pub const MAX_ENTRIES: usize = 4096;

/// First offset popped from a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartOffset {
    /// Topic or retry topic.
    pub mark: RetryMark,
    /// Queue.
    pub queue_id: i32,
    /// First offset.
    pub offset: i64,
}

/// The offsets popped from a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageOffsets {
    /// Topic or retry topic.
    pub mark: RetryMark,
    /// Queue.
    pub queue_id: i32,
    /// In the order written, which is ascending.
    pub offsets: Vec<i64>,
}

/// What an order count is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderCountKey {
    /// A whole queue.
    Queue(i32),
    /// One message: queue and offset.
    Message(i32, i64),
}

/// How often a queue or message of an ordered pop has been delivered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderCount {
    /// Topic or retry topic.
    pub mark: RetryMark,
    /// Queue or message.
    pub key: OrderCountKey,
    /// Deliveries before this one.
    pub count: i32,
}

/// The parts of each element; trailing empty ones are dropped, as Java's split does.
fn elements<'a>(
    what: &'static str,
    text: &'a str,
) -> impl Iterator<Item = Result<(RetryMark, &'a str, &'a str), PopTextError>> {
    text.trim_end_matches(';').split(';').filter(move |_| !text.is_empty()).enumerate().map(
        move |(index, element)| {
            if index >= MAX_ENTRIES {
                return Err(PopTextError::TooMany { what, max: MAX_ENTRIES });
            }
            let mut parts = element.split(' ');
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(mark), Some(queue), Some(value), None) => {
                    let mark = RetryMark::parse(mark).ok_or(PopTextError::Mark { what })?;
                    Ok((mark, queue, value))
                }
                _ => Err(PopTextError::Parts { what, parts: element.split(' ').count() }),
            }
        },
    )
}

fn number<T: core::str::FromStr>(
    what: &'static str,
    field: &'static str,
    text: &str,
) -> Result<T, PopTextError> {
    text.parse().map_err(|_| PopTextError::Number { what, field })
}

/// Reads `startOffsetInfo`.
pub fn start_offsets(text: &str) -> Result<Vec<StartOffset>, PopTextError> {
    const WHAT: &str = "startOffsetInfo";
    let mut out: Vec<StartOffset> = Vec::new();
    for element in elements(WHAT, text) {
        let (mark, queue, offset) = element?;
        let queue_id = number(WHAT, "queueId", queue)?;
        if out.iter().any(|known| (known.mark, known.queue_id) == (mark, queue_id)) {
            return Err(PopTextError::Duplicate { what: WHAT });
        }
        out.push(StartOffset { mark, queue_id, offset: number(WHAT, "offset", offset)? });
    }
    Ok(out)
}

/// Reads `msgOffsetInfo`.
pub fn message_offsets(text: &str) -> Result<Vec<MessageOffsets>, PopTextError> {
    const WHAT: &str = "msgOffsetInfo";
    let mut out: Vec<MessageOffsets> = Vec::new();
    for element in elements(WHAT, text) {
        let (mark, queue, list) = element?;
        let queue_id = number(WHAT, "queueId", queue)?;
        if out.iter().any(|known| (known.mark, known.queue_id) == (mark, queue_id)) {
            return Err(PopTextError::Duplicate { what: WHAT });
        }
        let mut offsets = Vec::new();
        for offset in list.trim_end_matches(',').split(',') {
            if offsets.len() >= MAX_ENTRIES {
                return Err(PopTextError::TooMany { what: WHAT, max: MAX_ENTRIES });
            }
            offsets.push(number(WHAT, "offset", offset)?);
        }
        out.push(MessageOffsets { mark, queue_id, offsets });
    }
    Ok(out)
}

/// Reads `orderCountInfo`.
pub fn order_counts(text: &str) -> Result<Vec<OrderCount>, PopTextError> {
    const WHAT: &str = "orderCountInfo";
    let mut out: Vec<OrderCount> = Vec::new();
    for element in elements(WHAT, text) {
        let (mark, key, count) = element?;
        let key = match key.strip_prefix("qo").and_then(|key| key.split_once('%')) {
            Some((queue, offset)) => {
                OrderCountKey::Message(number(WHAT, "queueId", queue)?, number(WHAT, "offset", offset)?)
            }
            None => OrderCountKey::Queue(number(WHAT, "queueId", key)?),
        };
        if out.iter().any(|known| (known.mark, known.key) == (mark, key)) {
            return Err(PopTextError::Duplicate { what: WHAT });
        }
        out.push(OrderCount { mark, key, count: number(WHAT, "count", count)? });
    }
    Ok(out)
}

/// Reads the `orderCountInfo` of a lite pop: one count for each of `messages`, each alone (`0;0`) or behind its
/// key (`0 qo0%1 1`). `None` where the numbers do not match: Java then takes 0 for all.
pub fn lite_order_counts(text: &str, messages: usize) -> Option<Vec<i32>> {
    let elements = text.trim_end_matches(';').split(';').filter(|_| !text.is_empty());
    if messages > MAX_ENTRIES || elements.clone().count() != messages {
        return None;
    }
    elements
        .map(|element| match element.split(' ').count() {
            1 | 3 => element.rsplit(' ').next()?.parse().ok(),
            _ => None,
        })
        .collect()
}

/// Writes `startOffsetInfo`, as a broker does.
pub fn write_start_offsets(offsets: &[StartOffset]) -> String {
    join(offsets, |out, entry| {
        let _ = write!(out, "{} {} {}", entry.mark.as_str(), entry.queue_id, entry.offset);
    })
}

/// Writes `msgOffsetInfo`, as a broker does.
pub fn write_message_offsets(offsets: &[MessageOffsets]) -> String {
    join(offsets, |out, entry| {
        let _ = write!(out, "{} {} ", entry.mark.as_str(), entry.queue_id);
        for (index, offset) in entry.offsets.iter().enumerate() {
            let _ = write!(out, "{}{offset}", if index == 0 { "" } else { "," });
        }
    })
}

/// Writes `orderCountInfo`, as a broker does.
pub fn write_order_counts(counts: &[OrderCount]) -> String {
    join(counts, |out, entry| {
        let _ = match entry.key {
            OrderCountKey::Queue(queue) => write!(out, "{} {queue} {}", entry.mark.as_str(), entry.count),
            OrderCountKey::Message(queue, offset) => {
                write!(out, "{} qo{queue}%{offset} {}", entry.mark.as_str(), entry.count)
            }
        };
    })
}

fn join<T>(entries: &[T], write: impl Fn(&mut String, &T)) -> String {
    let mut out = String::new();
    for entry in entries {
        if !out.is_empty() {
            out.push(';');
        }
        write(&mut out, entry);
    }
    out
}
