//! A delivery: messages handed to the application, and how it says what became of them.

use alloc::sync::Arc;
use core::fmt;
use core::ops::Range;
use core::time::Duration;

use super::process_queue::{Batch, BatchNumber};
use crate::client::ids::ConsumerId;
use crate::client::names::Queue;
use crate::wire::message::properties::names;
use crate::wire::message::{MessageView, Messages, StoredMessage};

/// One assignment of a queue to a consumer: a token that no other assignment has.
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lease {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({}.{})", self.slot, self.generation)
    }
}

/// What one pull brought, shared by the pieces of its delivery and by the process queue.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Pulled {
    pub(super) engine: u64,
    pub(super) consumer: ConsumerId,
    pub(super) queue: Queue,
    pub(super) lease: Lease,
    pub(super) number: BatchNumber,
    pub(super) messages: Messages,
    /// The queue is the group's retry topic: messages name the topic they come from.
    pub(super) retried: bool,
    /// What static topics add to each offset.
    pub(super) offset_delta: i64,
}

impl Pulled {
    /// The topic the message was first sent to.
    pub(super) fn topic_of<'a>(&'a self, message: &MessageView<'a>) -> &'a str {
        let origin = if self.retried { message.properties().get(names::RETRY_TOPIC) } else { None };
        origin.unwrap_or(message.topic())
    }
}

impl Batch for Arc<Pulled> {
    fn len(&self) -> usize {
        self.messages.len()
    }

    fn offset(&self, index: usize) -> i64 {
        let offset = self.messages.get(index).map_or(0, |message| message.queue_offset());
        offset.saturating_add(self.offset_delta)
    }

    fn size(&self, index: usize) -> usize {
        // A decompressed body is held beside the stored one.
        self.messages.get(index).map_or(0, |m| m.store_size().max(m.body().len()))
    }

    fn held(&self) -> usize {
        size_of::<Pulled>() + self.messages.held()
    }
}

/// Messages of one queue, handed to the application. Each is to be settled, once, in any order:
/// [`Client::settle`](crate::Client::settle) takes the delivery, or pieces of it.
///
/// What is forgotten comes again after the consumer's `consume_timeout`, or from another member of the group when
/// the queue moves on. A settlement that comes after the queue was taken away is accepted and counted; the
/// messages come again elsewhere.
///
/// A delivery keeps the whole answer it came in alive; see [`StoredMessage::detached`].
#[must_use = "a delivery that is not settled comes again"]
#[derive(Hash)]
pub struct Delivery {
    pub(super) pulled: Arc<Pulled>,
    start: u32,
    len: u32,
}

impl Delivery {
    pub(super) fn new(pulled: Arc<Pulled>, range: Range<usize>) -> Self {
        let len = range.len().min(pulled.messages.len().saturating_sub(range.start));
        Self { pulled, start: range.start as u32, len: len as u32 }
    }

    /// Where the messages are in the batch they were pulled in.
    pub(super) fn range(&self) -> Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }

    /// The consumer it is for.
    pub fn consumer(&self) -> ConsumerId {
        self.pulled.consumer
    }

    /// The queue the messages were pulled from; for a retried message one of the group's retry topic.
    pub fn queue(&self) -> &Queue {
        &self.pulled.queue
    }

    /// Number of messages.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no message: only of a piece split off at an end.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The messages, borrowed, in the order of their offsets.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = MessageView<'_>> + ExactSizeIterator {
        self.pulled.messages.iter().skip(self.start as usize).take(self.len as usize)
    }

    /// The message at `index`.
    pub fn get(&self, index: usize) -> Option<MessageView<'_>> {
        if index >= self.len() { None } else { self.pulled.messages.get(self.start as usize + index) }
    }

    /// The topic the message at `index` was first sent to: for a retried message not that of the queue.
    pub fn topic(&self, index: usize) -> Option<&str> {
        let message = self.get(index)?;
        Some(self.pulled.topic_of(&message))
    }

    /// The message at `index` as one that owns its bytes (a slice of the answer, not a copy).
    pub fn to_owned(&self, index: usize) -> Option<StoredMessage> {
        if index >= self.len() { None } else { self.pulled.messages.to_owned(self.start as usize + index) }
    }

    /// Splits the messages from `at` on off, to be settled alone. Past the end: an empty piece.
    pub fn split_off(&mut self, at: usize) -> Delivery {
        let at = at.min(self.len()) as u32;
        let rest = Delivery { pulled: self.pulled.clone(), start: self.start + at, len: self.len - at };
        self.len = at;
        rest
    }

    /// Splits the first message off, to be settled alone. `None` when there is none left.
    pub fn pop_front(&mut self) -> Option<Delivery> {
        if self.is_empty() {
            return None;
        }
        let first = Delivery { pulled: self.pulled.clone(), start: self.start, len: 1 };
        self.start += 1;
        self.len -= 1;
        Some(first)
    }

    /// Whether that engine made it.
    #[cfg(feature = "record")]
    pub(crate) fn is_of(&self, engine: u64) -> bool {
        self.pulled.engine == engine
    }

    /// What it is a piece of.
    #[cfg(feature = "record")]
    pub(crate) fn piece(&self) -> crate::record::PieceRef {
        let Pulled { consumer, lease, number, .. } = *self.pulled;
        let of = crate::record::Piece { consumer, lease, number };
        crate::record::PieceRef { of, start: self.start, len: self.len }
    }

    /// Everything that was pulled with it.
    #[cfg(feature = "record")]
    pub(crate) fn whole(&self) -> Delivery {
        Delivery::new(self.pulled.clone(), 0..self.pulled.messages.len())
    }

    /// A piece of what was pulled with it.
    #[cfg(feature = "record")]
    pub(crate) fn cut(&self, start: u32, len: u32) -> Delivery {
        Delivery::new(self.pulled.clone(), start as usize..(start.saturating_add(len)) as usize)
    }

    /// The same delivery once more, for who clones an engine: settling it at both engines is settling it once at each.
    #[cfg(feature = "test-support")]
    pub fn duplicate(&self) -> Delivery {
        Delivery { pulled: self.pulled.clone(), start: self.start, len: self.len }
    }

    /// The first message and the others, if there are several.
    pub fn split_first(mut self) -> (Delivery, Option<Delivery>) {
        let rest = self.split_off(1);
        (self, (!rest.is_empty()).then_some(rest))
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.get(0).map(|message| message.queue_offset());
        let mut out = f.debug_struct("Delivery");
        out.field("queue", self.queue())
            .field("len", &self.len)
            .field("first_offset", &first)
            .finish_non_exhaustive()
    }
}

/// What became of the messages of a delivery.
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settlement {
    /// All are done.
    Done,
    /// The first so many are done, the others are to come later as with `Later { delay_level: 0 }` (Java's
    /// `ackIndex` is one less).
    DoneUpTo(usize),
    /// Back to the broker, which delivers them again through the group's retry topic (CONSUMER_SEND_MSG_BACK),
    /// or puts them into the dead-letter topic when they have come back too often.
    Later {
        /// 0: the broker waits longer each time, beginning with 10 s. 1 to 18: this delay level. -1: into the
        /// dead-letter topic at once.
        delay_level: i32,
    },
    /// Again locally after this time, 10 ms to 30 s; the broker is told nothing.
    Suspend(Duration),
    /// Again locally after the consumer's `redelivery_delay`: what a dropped delivery of the handle level sends.
    Abandon,
}
