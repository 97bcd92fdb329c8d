//! What a consumer gets, and its answer.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use rocketmq_engine as engine;
use rocketmq_engine::Settlement;

use super::shared::{Command, Shared};

/// Messages of one queue, to be settled once: together, or in pieces, in any order, from any thread.
///
/// What is dropped without a word is abandoned: it is delivered again after the consumer's `redelivery_delay`.
/// Reading goes through [`engine::Delivery`]: `len`, `iter`, `get`, `topic`, `to_owned`, `queue`.
#[derive(Debug)]
#[must_use = "a delivery that is dropped comes again"]
pub struct Delivery {
    inner: engine::Delivery,
    shared: Arc<Shared>,
}

impl Delivery {
    pub(super) fn new(inner: engine::Delivery, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    fn settle(mut self, settlement: Settlement) {
        // What is left in `self` is empty, and dropping that settles nothing.
        let all = self.inner.split_off(0);
        self.shared.post(Command::Settle(all, settlement));
    }

    /// All messages are done.
    pub fn ack(self) {
        self.settle(Settlement::Done);
    }

    /// The first `count` messages are done, the others come again later.
    pub fn ack_up_to(self, count: usize) {
        self.settle(Settlement::DoneUpTo(count));
    }

    /// Back to the broker, which delivers them again: after 10 s at first, later each time, at last into the
    /// group's dead-letter topic.
    pub fn retry_later(self) {
        self.retry_at_level(0);
    }

    /// The same with a delay level, 1 (1 s) to 18 (2 h); -1 is the dead-letter topic at once.
    pub fn retry_at_level(self, delay_level: i32) {
        self.settle(Settlement::Later { delay_level });
    }

    /// Again to this consumer after `time` (10 ms to 30 s); the broker is told nothing.
    pub fn suspend(self, time: Duration) {
        self.settle(Settlement::Suspend(time));
    }

    /// Splits the messages from `at` on off, to be settled alone. Past the end: an empty piece.
    pub fn split_off(&mut self, at: usize) -> Delivery {
        Delivery { inner: self.inner.split_off(at), shared: self.shared.clone() }
    }

    /// Splits the first message off, to be settled alone. `None` when there is none left.
    pub fn pop_front(&mut self) -> Option<Delivery> {
        let first = self.inner.pop_front()?;
        Some(Delivery { inner: first, shared: self.shared.clone() })
    }

    /// The messages one by one, each a delivery of its own.
    pub fn messages(self) -> Messages {
        Messages(self)
    }
}

impl Deref for Delivery {
    type Target = engine::Delivery;

    fn deref(&self) -> &engine::Delivery {
        &self.inner
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.inner.is_empty() {
            let all = self.inner.split_off(0);
            self.shared.post(Command::Settle(all, Settlement::Abandon));
        }
    }
}

/// A delivery taken apart. Messages not taken when it is dropped come again.
#[derive(Debug)]
#[must_use = "what is not taken comes again"]
pub struct Messages(Delivery);

impl Iterator for Messages {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        self.0.pop_front()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}
