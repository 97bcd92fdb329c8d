//! Which messages of a pull's answer are new to the queue and wanted, and whether they can be where they say they are.

use crate::client::names::Queue;
use crate::wire::fields::PullMessageResponse;
use crate::wire::message::{MessageView, Messages};

use super::subscription::TagFilter;

/// Where the messages of an answer can be: rising from what was asked for, before where the broker goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    asked: i64,
    next: i64,
    /// Behind it nothing is the queue's, whatever the broker stands to.
    end: i64,
    offset_delta: i64,
    /// Number of the queue; none where queues are mapped to others of other numbers (static topics).
    queue: Option<i32>,
    /// A stored batch is answered whole, with members before what was asked for.
    batched: bool,
}

/// What was found in an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sifted {
    /// Offset of the last message that is the queue's, wanted or not; just below what was asked for if there is none.
    pub(super) last: i64,
    /// Messages that the filter left out.
    pub(super) filtered: u64,
    /// A message cannot be where it says it is, or none is there: it and what follows is left out.
    pub(super) doubtful: bool,
}

impl Place {
    /// `most`: messages that one answer can hold. So many may have been appended while the broker answered.
    pub(super) fn new(
        queue: &Queue,
        asked: i64,
        response: &PullMessageResponse,
        messages: &Messages,
        most: usize,
    ) -> Self {
        let offset_delta = response.offset_delta.unwrap_or(0);
        let first = messages.get(0).map(|first| first.queue_offset().saturating_add(offset_delta));
        Self {
            asked,
            next: response.next_begin_offset,
            end: response.max_offset.max(asked).saturating_add(most as i64),
            offset_delta,
            queue: i32::try_from(queue.id).ok().filter(|_| response.offset_delta.is_none()),
            batched: first.is_some_and(|first| first < asked) && messages.has_inner_batches(),
        }
    }

    /// Keeps what is new and wanted. `strict`: up to the first message that cannot be there; no checksum guards an
    /// offset.
    pub(super) fn sift(&self, messages: &mut Messages, filter: &TagFilter, strict: bool) -> Sifted {
        let doubtful = strict && messages.is_empty() && self.next > self.asked;
        let mut found = Sifted { last: self.asked.saturating_sub(1), filtered: 0, doubtful };
        messages.retain(|message| {
            let offset = message.queue_offset().saturating_add(self.offset_delta);
            found.doubtful |= strict && !self.may_be(message, offset, found.last);
            // Below what was asked for, or not rising: delivered before. Far beyond the queue's end: not of it.
            if found.doubtful || offset <= found.last || offset >= self.end {
                return false;
            }
            found.last = offset;
            let wanted = filter.matches(message.tag());
            found.filtered += u64::from(!wanted);
            wanted
        });
        found
    }

    #[inline]
    fn may_be(&self, message: &MessageView<'_>, offset: i64, last: i64) -> bool {
        let rises = offset > last || (self.batched && offset < self.asked);
        rises && offset < self.next && self.queue.is_none_or(|queue| message.queue_id() == queue)
    }
}
