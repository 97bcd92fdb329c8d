//! Sending.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rocketmq_engine::{Message, ProducerConfig, ProducerId, SendOptions, SendReceipt};

use super::client::Root;
use super::error::{ClientError, SendError};
use super::oneshot::oneshot;
use super::shared::{Control, Outcome, Shared};

/// Sets a producer up.
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct ProducerBuilder {
    root: Arc<Root>,
    config: ProducerConfig,
}

impl ProducerBuilder {
    pub(super) fn new(root: Arc<Root>, config: ProducerConfig) -> Self {
        Self { root, config }
    }

    /// Changes any setting of the engine's producer.
    pub fn configure(mut self, change: impl FnOnce(&mut ProducerConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Makes the producer. A client has one of each group: clone its handle.
    pub async fn build(self) -> Result<Producer, ClientError> {
        let (reply, ask) = oneshot();
        self.root.shared.control(Control::CreateProducer(self.config, reply));
        let open = ask.await??;
        Ok(Producer { inner: Arc::new(Inner { open, root: self.root }) })
    }
}

/// A producer of the engine; dropping it closes it.
#[derive(Debug)]
pub(super) struct OpenProducer {
    pub(super) id: ProducerId,
    pub(super) shared: Arc<Shared>,
}

impl Drop for OpenProducer {
    fn drop(&mut self) {
        self.shared.control(Control::CloseProducer(self.id));
    }
}

// Fields are dropped in this order: the producer closes before the last handle shuts the client down.
#[derive(Debug)]
struct Inner {
    open: OpenProducer,
    root: Arc<Root>,
}

/// Sends messages: cheap to clone, for any number of threads and tasks. The last clone dropped closes it.
#[derive(Clone, Debug)]
pub struct Producer {
    inner: Arc<Inner>,
}

impl Producer {
    /// Posts a message at once; the future tells what became of it. Make as many as should be in flight together;
    /// dropping one cancels nothing.
    pub fn send(&self, message: Message) -> Pending {
        Pending(self.post(message, SendOptions::default(), false))
    }

    /// The same with a queue, a time-out or a number of attempts of its own.
    pub fn send_with(&self, message: Message, options: SendOptions) -> Pending {
        Pending(self.post(message, options, false))
    }

    /// Sends without asking for an answer; the future resolves when its bytes have left.
    pub fn send_oneway(&self, message: Message) -> PendingOneway {
        PendingOneway(self.post(message, SendOptions::default(), true))
    }

    /// The same as [`send`](Self::send), by the name it has in the adapters with threads.
    pub fn submit(&self, message: Message) -> Pending {
        self.send(message)
    }

    /// The same as [`send_with`](Self::send_with), by the name it has in the adapters with threads.
    pub fn submit_with(&self, message: Message, options: SendOptions) -> Pending {
        self.send_with(message, options)
    }

    fn post(&self, message: Message, options: SendOptions, oneway: bool) -> Posted {
        let shared = &self.inner.root.shared;
        match shared.post_send(self.inner.open.id, message, options, oneway) {
            Ok(slot) => Posted { slot: Some((shared.clone(), slot)), refused: None },
            Err(rejected) => Posted { slot: None, refused: Some(SendError::Rejected(Box::new(rejected))) },
        }
    }
}

/// A send in the table of completions, or one that was refused. Empty once its outcome is out.
#[derive(Debug)]
struct Posted {
    slot: Option<(Arc<Shared>, u32)>,
    refused: Option<SendError>,
}

impl Posted {
    fn is_done(&self) -> bool {
        self.slot.as_ref().is_none_or(|(shared, slot)| shared.is_done(*slot))
    }

    fn drive_until_done(&self) {
        if let Some((shared, slot)) = &self.slot {
            shared.drive_until_done(*slot);
        }
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<Outcome> {
        if let Some((shared, slot)) = &self.slot {
            let polled = shared.poll_slot(*slot, cx);
            if polled.is_ready() {
                self.slot = None;
            }
            return polled;
        }
        match self.refused.take() {
            Some(error) => Poll::Ready(Err(error)),
            // Polled after its end.
            None => Poll::Pending,
        }
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        if let Some((shared, slot)) = &self.slot {
            shared.abandon_slot(*slot);
        }
    }
}

/// A send under way: resolves to its receipt, or to what is known of its failure.
///
/// Dropping it cancels nothing: the message is sent, and its outcome counts as unobserved.
#[derive(Debug)]
#[must_use = "the outcome tells whether the message was stored"]
pub struct Pending(Posted);

impl Pending {
    /// For a thread that will wait: drives itself for as long as the driver pauses.
    pub(super) fn drive_until_done(&self) {
        self.0.drive_until_done();
    }

    /// Whether awaiting it would not wait.
    pub fn is_done(&self) -> bool {
        self.0.is_done()
    }
}

impl Future for Pending {
    type Output = Result<SendReceipt, SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Only one-way sends end without a receipt.
        self.0.poll(cx).map(|outcome| outcome?.ok_or(SendError::DriverGone))
    }
}

/// A one-way send under way: resolves when its bytes have left.
#[derive(Debug)]
#[must_use = "the outcome tells whether the message left"]
pub struct PendingOneway(Posted);

impl Future for PendingOneway {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx).map(|outcome| outcome.map(drop))
    }
}
