//! The receipt handle of a popped message (`extraInfo`, property `POP_CK`; Java `ExtraInfoUtil`).

use core::fmt;

use super::{PopTextError, RetryMark};

/// The revive queue of ordered pops.
pub const ORDERED_REVIVE_QUEUE: i32 = 999;
const WHAT: &str = "receipt handle";

/// What acks and changes of the invisible time name a popped message by. Its text is eight parts with single
/// spaces; a form without the last is written by brokers for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptHandle<'a> {
    /// First offset of the popped batch.
    pub ck_queue_offset: i64,
    /// When it was popped, Unix milliseconds of the broker.
    pub pop_time: i64,
    /// How long it stays invisible, milliseconds.
    pub invisible_time: i64,
    /// Queue of the revive topic; [`ORDERED_REVIVE_QUEUE`] for ordered pops.
    pub revive_queue_id: i32,
    /// Where the message is stored.
    pub mark: RetryMark,
    /// Broker it was popped from.
    pub broker_name: &'a str,
    /// Queue of the message.
    pub queue_id: i32,
    /// Offset of the message; absent in the short form.
    pub queue_offset: Option<i64>,
}

impl<'a> ReceiptHandle<'a> {
    /// Reads a handle of exactly seven or eight parts.
    pub fn parse(text: &'a str) -> Result<ReceiptHandle<'a>, PopTextError> {
        let parts = text.split(' ').count();
        let mut rest = text.split(' ');
        if parts != 7 && parts != 8 {
            return Err(PopTextError::Parts { what: WHAT, parts });
        }
        let mut next = || rest.next().unwrap_or_default();
        Ok(ReceiptHandle {
            ck_queue_offset: number(next(), "ckQueueOffset")?,
            pop_time: number(next(), "popTime")?,
            invisible_time: number(next(), "invisibleTime")?,
            revive_queue_id: number(next(), "reviveQid")?,
            mark: RetryMark::parse(next()).ok_or(PopTextError::Mark { what: WHAT })?,
            broker_name: next(),
            queue_id: number(next(), "queueId")?,
            queue_offset: if parts == 8 { Some(number(next(), "queueOffset")?) } else { None },
        })
    }

    /// Whether it comes from an ordered pop.
    pub fn is_ordered(&self) -> bool {
        self.revive_queue_id == ORDERED_REVIVE_QUEUE
    }

    /// The handle after CHANGE_MESSAGE_INVISIBLETIME has been answered: it starts at the message itself, and the
    /// one before is dead.
    #[must_use]
    pub fn renewed(&self, pop_time: i64, invisible_time: i64, revive_queue_id: i32) -> ReceiptHandle<'a> {
        ReceiptHandle {
            ck_queue_offset: self.queue_offset.unwrap_or(self.ck_queue_offset),
            pop_time,
            invisible_time,
            revive_queue_id,
            ..*self
        }
    }
}

fn number<T: core::str::FromStr>(text: &str, field: &'static str) -> Result<T, PopTextError> {
    text.parse().map_err(|_| PopTextError::Number { what: WHAT, field })
}

impl fmt::Display for ReceiptHandle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReceiptHandle { ck_queue_offset, pop_time, invisible_time, revive_queue_id, .. } = self;
        let ReceiptHandle { mark, broker_name, queue_id, .. } = self;
        write!(f, "{ck_queue_offset} {pop_time} {invisible_time} {revive_queue_id} {} ", mark.as_str())?;
        write!(f, "{broker_name} {queue_id}")?;
        match self.queue_offset {
            Some(offset) => write!(f, " {offset}"),
            None => Ok(()),
        }
    }
}
