//! The client handle: the door to producers and consumers, and the way out.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rocketmq_engine::{
    ClientConfig, ClientStats, ProducerConfig, PushConsumerConfig, Queue, ShutdownReport, Topic,
};

use super::builder::{ClientBuilder, Launch};
use super::consumer::ConsumerBuilder;
use super::error::ClientError;
use super::oneshot::oneshot;
use super::producer::ProducerBuilder;
use super::shared::{Control, DriverStats, Shared};

/// Held by every client, producer and consumer handle: when the last one goes, the client shuts down.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) shared: Arc<Shared>,
    grace: Duration,
}

impl Drop for Root {
    fn drop(&mut self) {
        self.shared.control(Control::Shutdown(self.grace));
        if self.shared.spawn.is_none() {
            super::parked::wait_for_stop(&self.shared, self.grace);
        }
    }
}

/// One client of a RocketMQ cluster: cheap to clone, for any number of threads and tasks.
///
/// Dropping the last handle (producers and consumers count) starts an orderly shutdown and leaves it to the
/// driver; [`shutdown`](Self::shutdown) does it at once and tells how it went.
pub struct Client<L> {
    root: Arc<Root>,
    adapter: PhantomData<fn() -> L>,
}

impl<L> Clone for Client<L> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone(), adapter: PhantomData }
    }
}

impl<L> fmt::Debug for Client<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl<L: Launch> Client<L> {
    /// A client of the cluster whose name servers are at `"host:port"`, several parted by `;`.
    pub fn builder(name_servers: &str) -> ClientBuilder<L> {
        ClientBuilder::new(ClientConfig::new(name_servers))
    }

    /// A client with a configuration made before.
    pub fn with_config(config: ClientConfig) -> ClientBuilder<L> {
        ClientBuilder::new(Ok(config))
    }

    pub(super) fn new(shared: Arc<Shared>, grace: Duration) -> Self {
        Self { root: Arc::new(Root { shared, grace }), adapter: PhantomData }
    }

    fn shared(&self) -> &Shared {
        &self.root.shared
    }

    /// The handle of a topic, for messages. Names are made into handles once; ask once and keep it.
    pub async fn topic(&self, name: &str) -> Result<Topic, ClientError> {
        let (reply, ask) = oneshot();
        self.shared().control(Control::Topic(name.into(), reply));
        Ok(ask.await??)
    }

    /// A producer of this group.
    pub fn producer(&self, group: &str) -> ProducerBuilder {
        ProducerBuilder::new(self.root.clone(), ProducerConfig::new(group))
    }

    /// A push consumer of this group.
    pub fn push_consumer(&self, group: &str) -> ConsumerBuilder {
        ConsumerBuilder::new(self.root.clone(), PushConsumerConfig::new(group))
    }

    /// Queues that can be sent to, as the topic's last route says; empty before the first send.
    pub async fn writable_queues(&self, topic: &Topic) -> Result<Vec<Queue>, ClientError> {
        let (reply, ask) = oneshot();
        self.shared().control(Control::WritableQueues(topic.clone(), reply));
        ask.await
    }

    /// The engine's counters.
    pub async fn stats(&self) -> Result<ClientStats, ClientError> {
        let (reply, ask) = oneshot();
        self.shared().control(Control::Stats(reply));
        ask.await
    }

    /// The driver's counters.
    pub fn driver_stats(&self) -> Arc<DriverStats> {
        self.root.shared.stats.clone()
    }

    /// Ends the client: no new work is taken, unfinished sends and deliveries get `grace`, offsets are committed,
    /// brokers are told. Resolves when all connections are closed. Asking again shortens the grace.
    pub fn shutdown(&self, grace: Duration) -> Shutdown {
        self.shared().control(Control::Shutdown(grace));
        Shutdown { shared: self.root.shared.clone() }
    }
}

/// Resolves to the report when the client has stopped. Dropping it changes nothing.
#[derive(Debug)]
#[must_use = "the report tells what was left undone"]
pub struct Shutdown {
    shared: Arc<Shared>,
}

impl Future for Shutdown {
    /// Nothing if the driver ended without a shutdown, by a panic or with its runtime.
    type Output = Result<ShutdownReport, ClientError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.shared.poll_stopped(cx).map(|report| report.ok_or(ClientError::Stopped))
    }
}
