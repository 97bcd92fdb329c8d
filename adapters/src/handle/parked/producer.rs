//! Sending, for threads.

use std::time::{Duration, Instant};

use rocketmq_engine::{Message, ProducerConfig, SendOptions, SendReceipt};

use super::{block_on, block_on_until};
use crate::handle::{self, ClientError, SendError};

/// Sets a producer up.
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct ProducerBuilder(pub(super) handle::ProducerBuilder);

impl ProducerBuilder {
    /// Changes any setting of the engine's producer.
    pub fn configure(self, change: impl FnOnce(&mut ProducerConfig)) -> Self {
        Self(self.0.configure(change))
    }

    /// Makes the producer. A client has one of each group: clone its handle.
    pub fn build(self) -> Result<Producer, ClientError> {
        block_on(self.0.build()).map(Producer)
    }
}

/// Sends messages: cheap to clone, for any number of threads. The last clone dropped closes it.
#[derive(Clone, Debug)]
pub struct Producer(handle::Producer);

impl Producer {
    /// Sends a message and waits for its outcome.
    pub fn send(&self, message: Message) -> Result<SendReceipt, SendError> {
        block_on(self.0.send(message))
    }

    /// The same with a queue, a time-out or a number of attempts of its own.
    pub fn send_with(&self, message: Message, options: SendOptions) -> Result<SendReceipt, SendError> {
        block_on(self.0.send_with(message, options))
    }

    /// Sends without asking for an answer, and waits until its bytes have left.
    pub fn send_oneway(&self, message: Message) -> Result<(), SendError> {
        block_on(self.0.send_oneway(message))
    }

    /// Posts a message and does not wait: make as many as should be in flight together. Dropping one cancels
    /// nothing.
    pub fn submit(&self, message: Message) -> Pending {
        Pending(self.0.send(message))
    }

    /// The same with a queue, a time-out or a number of attempts of its own.
    pub fn submit_with(&self, message: Message, options: SendOptions) -> Pending {
        Pending(self.0.send_with(message, options))
    }
}

/// A send under way.
///
/// Dropping it cancels nothing: the message is sent, and its outcome counts as unobserved.
#[derive(Debug)]
#[must_use = "the outcome tells whether the message was stored"]
pub struct Pending(handle::Pending);

impl Pending {
    /// Whether waiting would not wait.
    pub fn is_done(&self) -> bool {
        self.0.is_done()
    }

    /// Waits for the outcome. Under load a thread that waits alone drives the client itself for so long
    /// ([`DriverStats::lent`](crate::handle::DriverStats::lent)).
    pub fn wait(self) -> Result<SendReceipt, SendError> {
        self.0.drive_until_done();
        block_on(self.0)
    }

    /// Waits for the outcome at most so long; gives the send back if it is not over.
    pub fn wait_timeout(mut self, timeout: Duration) -> Result<Result<SendReceipt, SendError>, Self> {
        let until = Instant::now() + timeout;
        block_on_until(&mut self.0, until).ok_or(self)
    }
}
