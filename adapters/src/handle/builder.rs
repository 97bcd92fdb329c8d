//! Making a client.

use std::future::Future;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rocketmq_engine as engine;
use rocketmq_engine::{ClientConfig, ConfigError, Endpoint, Notice};

use super::client::Client;
use super::error::ClientError;
use super::hub::{Hub, NoticeSink};
#[cfg(feature = "record")]
use super::record::RecordSink;
use super::shared::Shared;
use crate::driver::{Clock, GATHER, literal_address, seed, unix_now};

/// A task, as runtimes take it.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An adapter: how a driver is started that runs a [`Hub`] to its end.
pub trait Launch: Sized + Send + Sync + 'static {
    /// Starts the driver. It owns the hub, and drops it at [`Turn::Over`](super::Turn::Over).
    fn launch(hub: Hub, clock: Clock) -> Result<(), ClientError>;

    /// Starts a task, where there are tasks: for listeners.
    const SPAWN: Option<fn(Task)> = None;
}

/// Sets a client up; see [`Client::builder`].
#[derive(Debug)]
#[must_use = "nothing happens before `build`"]
pub struct ClientBuilder<L> {
    config: Result<ClientConfig, ConfigError>,
    grace: Duration,
    gather: Duration,
    notices: NoticeSink,
    #[cfg(feature = "record")]
    record: Option<RecordSink>,
    adapter: PhantomData<fn() -> L>,
}

impl<L: Launch> ClientBuilder<L> {
    pub(super) fn new(config: Result<ClientConfig, ConfigError>) -> Self {
        Self {
            config,
            grace: Duration::from_secs(5),
            gather: GATHER,
            notices: NoticeSink::default(),
            #[cfg(feature = "record")]
            record: None,
            adapter: PhantomData,
        }
    }

    /// Changes any setting of the engine.
    pub fn configure(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        if let Ok(config) = &mut self.config {
            change(config);
        }
        self
    }

    /// How long unfinished sends and deliveries are waited for when the last handle is dropped: 5 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How long answers may be left unread under load, so that many come with one system call and one wake-up: up
    /// to 500 us unless set; zero is never. With fewer than eight sends in flight nothing waits. tokio's timers count
    /// milliseconds: there only pauses of one or more are made. See [`Gather`](crate::driver::Gather).
    pub fn gather(mut self, bound: Duration) -> Self {
        self.gather = bound;
        self
    }

    /// Whom to tell what a log may want to know: connections made and lost, pulls that failed, messages that cannot
    /// be read. Called on the driver, so it should be quick.
    pub fn on_notice(mut self, told: impl FnMut(Notice) + Send + 'static) -> Self {
        self.notices = NoticeSink(Some(Box::new(told)));
        self
    }

    /// Records everything the client is given and what it says, for [`rocketmq_engine::record::Replay`]: see there what
    /// such a log holds. `to` is written to on the driver, each turn, and flushed before a shutdown has its report; give it
    /// a buffer. Should more than `most` bytes come together in one turn, recording ends, and the log says so.
    ///
    /// An error of `to` ends recording too; the client goes on.
    #[cfg(feature = "record")]
    pub fn record(mut self, most: usize, to: impl std::io::Write + Send + 'static) -> Self {
        self.record = Some(RecordSink::new(most, to));
        self
    }

    /// Checks the settings and starts the driver. No connection is made before something is asked of a server.
    pub fn build(self) -> Result<Client<L>, ClientError> {
        let mut config = self.config?;
        identify(&mut config);
        let clock = Clock::new();
        let shared = Arc::new(Shared::new(L::SPAWN));
        #[cfg(feature = "record")]
        if let Some(sink) = self.record {
            let client = engine::Client::recorded(config, seed(), clock.now(), unix_now(), sink.most)?;
            let mut hub = Hub::new(client, shared.clone(), self.gather, self.notices);
            hub.set_record(sink);
            L::launch(hub, clock)?;
            return Ok(Client::new(shared, self.grace));
        }
        let client = engine::Client::new(config, seed(), clock.now(), unix_now())?;
        L::launch(Hub::new(client, shared.clone(), self.gather, self.notices), clock)?;
        Ok(Client::new(shared, self.grace))
    }
}

/// Fills in what the engine cannot know of its host, where the application has not.
pub(crate) fn identify(config: &mut ClientConfig) {
    if config.process_id == 0 {
        config.process_id = std::process::id();
    }
    if config.client_ip == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let literal = |server: &Endpoint| literal_address(server.host(), server.port());
        let towards = config.name_servers().iter().find_map(literal);
        if let Some(ip) = towards.or(literal_address("192.0.2.1", 9)).and_then(address_towards) {
            config.client_ip = ip;
        }
    }
}

/// The address of the interface that leads to `peer`.
fn address_towards(peer: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    // Connecting a datagram socket sends nothing: it asks the routing table.
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
