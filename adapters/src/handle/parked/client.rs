//! The client handle for threads.

use std::sync::Arc;
use std::time::Duration;

use rocketmq_engine::{ClientConfig, ClientStats, Notice, Queue, ShutdownReport, Topic};

use super::{ConsumerBuilder, ProducerBuilder, block_on};
use crate::handle::{self, ClientError, DriverStats, Launch};

/// Sets a client up; see [`Client::builder`].
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct ClientBuilder<L>(handle::ClientBuilder<L>);

impl<L: Launch> ClientBuilder<L> {
    /// Changes any setting of the engine.
    pub fn configure(self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        Self(self.0.configure(change))
    }

    /// How long unfinished sends and deliveries are waited for when the last handle is dropped: 5 s.
    pub fn grace(self, grace: Duration) -> Self {
        Self(self.0.grace(grace))
    }

    /// How long answers may be left unread under load, so that many come with one system call and one wake-up: up
    /// to 500 us unless set; zero is never. With fewer than eight sends in flight nothing waits. See
    /// [`Gather`](crate::driver::Gather).
    pub fn gather(self, bound: Duration) -> Self {
        Self(self.0.gather(bound))
    }

    /// Whom to tell what a log may want to know: connections made and lost, pulls that failed, messages that cannot
    /// be read. Called on the driver, so it should be quick.
    pub fn on_notice(self, told: impl FnMut(Notice) + Send + 'static) -> Self {
        Self(self.0.on_notice(told))
    }

    /// Records everything the client is given and what it says: see
    /// [`handle::ClientBuilder::record`](crate::handle::ClientBuilder::record).
    #[cfg(feature = "record")]
    pub fn record(self, most: usize, to: impl std::io::Write + Send + 'static) -> Self {
        Self(self.0.record(most, to))
    }

    /// Checks the settings and starts the driver. No connection is made before something is asked of a server.
    pub fn build(self) -> Result<Client<L>, ClientError> {
        Ok(Client(self.0.build()?))
    }
}

/// One client of a RocketMQ cluster: cheap to clone, for any number of threads.
///
/// Dropping the last handle (producers and consumers count) shuts the client down in order and waits for that;
/// [`shutdown`](Self::shutdown) does it at once and tells how it went.
#[derive(Debug)]
pub struct Client<L>(handle::Client<L>);

impl<L> Clone for Client<L> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<L: Launch> Client<L> {
    /// A client of the cluster whose name servers are at `"host:port"`, several parted by `;`.
    pub fn builder(name_servers: &str) -> ClientBuilder<L> {
        ClientBuilder(handle::Client::builder(name_servers))
    }

    /// A client with a configuration made before.
    pub fn with_config(config: ClientConfig) -> ClientBuilder<L> {
        ClientBuilder(handle::Client::with_config(config))
    }

    /// The handle of a topic, for messages. Names are made into handles once; ask once and keep it.
    pub fn topic(&self, name: &str) -> Result<Topic, ClientError> {
        block_on(self.0.topic(name))
    }

    /// A producer of this group.
    pub fn producer(&self, group: &str) -> ProducerBuilder {
        ProducerBuilder(self.0.producer(group))
    }

    /// A push consumer of this group.
    pub fn push_consumer(&self, group: &str) -> ConsumerBuilder {
        ConsumerBuilder(self.0.push_consumer(group))
    }

    /// Queues that can be sent to, as the topic's last route says; empty before the first send.
    pub fn writable_queues(&self, topic: &Topic) -> Result<Vec<Queue>, ClientError> {
        block_on(self.0.writable_queues(topic))
    }

    /// The engine's counters.
    pub fn stats(&self) -> Result<ClientStats, ClientError> {
        block_on(self.0.stats())
    }

    /// The driver's counters.
    pub fn driver_stats(&self) -> Arc<DriverStats> {
        self.0.driver_stats()
    }

    /// Ends the client: no new work is taken, unfinished sends and deliveries get `grace`, offsets are committed,
    /// brokers are told. Returns when all connections are closed.
    pub fn shutdown(&self, grace: Duration) -> Result<ShutdownReport, ClientError> {
        block_on(self.0.shutdown(grace))
    }
}
