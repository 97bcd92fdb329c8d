//! Consuming, for threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rocketmq_engine::{ConsumeFrom, ConsumerStats, PushConsumerConfig, Queue, Uncommitted};

use super::{block_on, block_on_until};
use crate::handle::{self, ClientError, Delivery};

/// Sets a push consumer up.
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct ConsumerBuilder(pub(super) handle::ConsumerBuilder);

impl ConsumerBuilder {
    /// Adds a topic and which of its messages: `"TagA || TagB"`, or `"*"` for all.
    pub fn subscribe(self, topic: &str, expression: &str) -> Self {
        Self(self.0.subscribe(topic, expression))
    }

    /// Where the group begins in a queue it has no offset for: by default at what is written from now on.
    pub fn consume_from(self, from: ConsumeFrom) -> Self {
        Self(self.0.consume_from(from))
    }

    /// Most messages of one delivery (Java `consumeMessageBatchMaxSize`): by default all that one pull brought.
    pub fn batch(self, messages: usize) -> Self {
        Self(self.0.batch(messages))
    }

    /// Changes any setting of the engine's consumer.
    pub fn configure(self, change: impl FnOnce(&mut PushConsumerConfig)) -> Self {
        Self(self.0.configure(change))
    }

    /// Makes the consumer and begins. A client has one of each group: clone its handle.
    pub fn build(self) -> Result<PushConsumer, ClientError> {
        block_on(self.0.build()).map(PushConsumer)
    }
}

/// Receives messages: cheap to clone, for any number of threads, which share them. The last clone dropped closes
/// it: unsettled deliveries are waited for, offsets committed, queues given to other members.
#[derive(Clone, Debug)]
pub struct PushConsumer(handle::PushConsumer);

impl PushConsumer {
    /// Waits for the next delivery; `None` once the consumer has closed.
    pub fn recv(&self) -> Option<Delivery> {
        block_on(self.0.recv())
    }

    /// Waits at most so long; `None` if nothing came, or the consumer has closed.
    pub fn recv_timeout(&self, timeout: Duration) -> Option<Delivery> {
        block_on_until(self.0.recv(), Instant::now() + timeout).flatten()
    }

    /// A delivery that is there already.
    pub fn try_recv(&self) -> Option<Delivery> {
        self.0.try_recv()
    }

    /// The deliveries as an iterator that waits for each and ends when the consumer has closed.
    pub fn deliveries(&self) -> Deliveries {
        Deliveries(self.clone())
    }

    /// Queues assigned to this consumer just now.
    pub fn queues(&self) -> Vec<Queue> {
        self.0.queues()
    }

    /// Adds a topic, or changes which of its messages are wanted.
    pub fn subscribe(&self, topic: &str, expression: &str) -> Result<(), ClientError> {
        block_on(self.0.subscribe(topic, expression))
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, topic: &str) {
        self.0.unsubscribe(topic);
    }

    /// The consumer's counters; `None` once it has closed.
    pub fn stats(&self) -> Result<Option<ConsumerStats>, ClientError> {
        block_on(self.0.stats())
    }

    /// Closes the consumer before its handles go. Returns the offsets that could not be committed.
    pub fn close(&self) -> Box<[Uncommitted]> {
        block_on(self.0.close())
    }

    /// Hands each delivery to `listener`, in as many threads as `concurrency` says. A listener that panics abandons
    /// its delivery, and the thread goes on. The threads end with the consumer, which lives as long as what is
    /// returned.
    pub fn listen<F>(&self, concurrency: usize, listener: F) -> Listener
    where
        F: Fn(Delivery) + Send + Sync + 'static,
    {
        let listener = Arc::new(listener);
        for _ in 0..concurrency.max(1) {
            let (inlet, listener) = (self.0.inlet().clone(), listener.clone());
            thread::spawn(move || {
                while let Some(delivery) = block_on(handle::Recv::new(inlet.clone())) {
                    // The panic has been reported by its hook; what it held comes again.
                    let _ = catch_unwind(AssertUnwindSafe(|| listener(delivery)));
                }
            });
        }
        Listener { _consumer: self.clone() }
    }
}

/// A listener at work: it ends when its consumer closes, and closes it when this is dropped and no other handle
/// is left.
#[derive(Debug)]
#[must_use = "dropping it may close the consumer"]
pub struct Listener {
    _consumer: PushConsumer,
}

/// A consumer's deliveries as an iterator.
#[derive(Debug)]
pub struct Deliveries(PushConsumer);

impl Iterator for Deliveries {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        self.0.recv()
    }
}
