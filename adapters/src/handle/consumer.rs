//! Consuming: a push consumer's deliveries, one by one, as a stream, or through a listener.

use std::fmt;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use rocketmq_engine::{
    ConsumeFrom, ConsumerId, ConsumerStats, PushConsumerConfig, Queue, TagFilter, Uncommitted,
};

use super::client::Root;
use super::delivery::Delivery;
use super::error::ClientError;
use super::inlet::{Inlet, Ticket};
use super::oneshot::oneshot;
use super::shared::{Control, Shared};

/// Sets a push consumer up.
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct ConsumerBuilder {
    root: Arc<Root>,
    config: PushConsumerConfig,
    subscriptions: Vec<(String, String)>,
    batch: usize,
}

impl ConsumerBuilder {
    pub(super) fn new(root: Arc<Root>, config: PushConsumerConfig) -> Self {
        Self { root, config, subscriptions: Vec::new(), batch: usize::MAX }
    }

    /// Adds a topic and which of its messages: `"TagA || TagB"`, or `"*"` for all.
    pub fn subscribe(mut self, topic: &str, expression: &str) -> Self {
        self.subscriptions.push((topic.into(), expression.into()));
        self
    }

    /// Where the group begins in a queue it has no offset for: by default at what is written from now on.
    pub fn consume_from(mut self, from: ConsumeFrom) -> Self {
        self.config.consume_from = from;
        self
    }

    /// Most messages of one delivery (Java `consumeMessageBatchMaxSize`): by default all that one pull brought.
    pub fn batch(mut self, messages: usize) -> Self {
        self.batch = messages.max(1);
        self
    }

    /// Changes any setting of the engine's consumer.
    pub fn configure(mut self, change: impl FnOnce(&mut PushConsumerConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Makes the consumer and begins. A client has one of each group: clone its handle.
    pub async fn build(self) -> Result<PushConsumer, ClientError> {
        let Self { root, config, subscriptions, batch } = self;
        let read = subscriptions.into_iter().map(|(topic, expression)| {
            let filter = filter(&topic, &expression)?;
            Ok((topic, filter))
        });
        let subscriptions = read.collect::<Result<Vec<_>, ClientError>>()?;
        let inlet = Arc::new(Inlet::new(root.shared.clone(), batch));
        let (reply, ask) = oneshot();
        let config = Box::new(config);
        let create = Control::CreateConsumer { config, subscriptions, inlet: inlet.clone(), reply };
        root.shared.control(create);
        let open = ask.await??;
        Ok(PushConsumer { inner: Arc::new(Inner { open, inlet, root }) })
    }
}

fn filter(topic: &str, expression: &str) -> Result<TagFilter, ClientError> {
    TagFilter::parse(expression).map_err(|cause| ClientError::Filter { topic: topic.into(), cause })
}

/// A consumer of the engine; dropping it closes it.
#[derive(Debug)]
pub(super) struct OpenConsumer {
    pub(super) id: ConsumerId,
    pub(super) shared: Arc<Shared>,
}

impl Drop for OpenConsumer {
    fn drop(&mut self) {
        self.shared.control(Control::CloseConsumer(self.id));
    }
}

#[derive(Debug)]
struct Inner {
    open: OpenConsumer,
    inlet: Arc<Inlet>,
    root: Arc<Root>,
}

/// Receives messages: cheap to clone, for any number of threads and tasks, which share them. The last clone
/// dropped closes it: unsettled deliveries are waited for, offsets committed, queues given to other members.
#[derive(Clone, Debug)]
pub struct PushConsumer {
    inner: Arc<Inner>,
}

impl PushConsumer {
    pub(super) fn inlet(&self) -> &Arc<Inlet> {
        &self.inner.inlet
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.inner.root.shared
    }

    /// The next delivery; `None` once the consumer has closed.
    pub fn recv(&self) -> Recv {
        Recv::new(self.inlet().clone())
    }

    /// A delivery that is there already.
    pub fn try_recv(&self) -> Option<Delivery> {
        self.inlet().try_pop()
    }

    /// The deliveries as a stream that ends when the consumer has closed.
    pub fn deliveries(&self) -> Deliveries {
        Deliveries(self.recv())
    }

    /// Queues assigned to this consumer just now.
    pub fn queues(&self) -> Vec<Queue> {
        self.inlet().queues()
    }

    /// Adds a topic, or changes which of its messages are wanted.
    pub async fn subscribe(&self, topic: &str, expression: &str) -> Result<(), ClientError> {
        let filter = filter(topic, expression)?;
        let (reply, ask) = oneshot();
        let id = self.inner.open.id;
        self.shared().control(Control::Subscribe(id, topic.into(), filter, reply));
        ask.await?
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, topic: &str) {
        self.shared().control(Control::Unsubscribe(self.inner.open.id, topic.into()));
    }

    /// The consumer's counters; `None` once it has closed.
    pub async fn stats(&self) -> Result<Option<ConsumerStats>, ClientError> {
        let (reply, ask) = oneshot();
        self.shared().control(Control::ConsumerStats(self.inner.open.id, reply));
        ask.await
    }

    /// Closes the consumer before its handles go. Resolves to the offsets that could not be committed.
    pub fn close(&self) -> Closed {
        self.shared().control(Control::CloseConsumer(self.inner.open.id));
        Closed { inlet: self.inlet().clone() }
    }

    /// Hands each delivery to `listener`, as many at a time as `concurrency` says, in tasks of its own. A
    /// listener that panics abandons its delivery, and the task goes on. The tasks end with the consumer, which
    /// lives as long as what is returned.
    pub fn listen<F, R>(&self, concurrency: usize, listener: F) -> Listener
    where
        F: Fn(Delivery) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = Arc::new(listener);
        for _ in 0..concurrency.max(1) {
            let (inlet, listener) = (self.inlet().clone(), listener.clone());
            let work = async move {
                while let Some(delivery) = Recv::new(inlet.clone()).await {
                    let Ok(work) = catch_unwind(AssertUnwindSafe(|| listener(delivery))) else { continue };
                    Unwound(Box::pin(work)).await;
                }
            };
            if let Some(spawn) = self.shared().spawn {
                spawn(Box::pin(work));
            }
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

/// A future whose panic ends itself only.
struct Unwound<F>(Pin<Box<F>>);

impl<F: Future<Output = ()>> Future for Unwound<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))).unwrap_or(Poll::Ready(()))
    }
}

/// The next delivery, to be awaited. Dropping it loses nothing.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Recv {
    inlet: Arc<Inlet>,
    ticket: Ticket,
}

impl Recv {
    pub(super) fn new(inlet: Arc<Inlet>) -> Self {
        Self { inlet, ticket: Ticket::default() }
    }
}

impl Future for Recv {
    type Output = Option<Delivery>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.inlet.poll_pop(&mut this.ticket, cx)
    }
}

impl Drop for Recv {
    fn drop(&mut self) {
        self.inlet.give_up(&mut self.ticket);
    }
}

/// A consumer's deliveries as a stream.
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Deliveries(Recv);

impl Deliveries {
    /// The next one; `None` once the consumer has closed.
    pub async fn next(&mut self) -> Option<Delivery> {
        std::future::poll_fn(|cx| pin!(&mut self.0).poll(cx)).await
    }
}

impl Stream for Deliveries {
    type Item = Delivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        pin!(&mut self.0).poll(cx)
    }
}

/// Resolves when a consumer has closed, to the offsets that could not be committed.
#[must_use = "futures do nothing unless awaited"]
pub struct Closed {
    inlet: Arc<Inlet>,
}

impl fmt::Debug for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closed").finish_non_exhaustive()
    }
}

impl Future for Closed {
    type Output = Box<[Uncommitted]>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.inlet.poll_closed(cx).map(|mut uncommitted| mem::take(&mut uncommitted))
    }
}
