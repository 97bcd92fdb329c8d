//! A name server and its brokers by address, in memory: for simulators, and behind [`TcpCluster`](crate::TcpCluster).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use rocketmq_engine::Instant;

use crate::broker::{Broker, BrokerConfig, Fault};
use crate::name_server::NameServer;
use crate::peer::{Now, PeerId, Peers};

/// A machine of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// The name server.
    NameServer,
    /// The broker with this index, from 0.
    Broker(usize),
}

/// How a cluster is set up.
#[derive(Clone, Debug)]
pub struct ClusterBuilder {
    pub(crate) brokers: usize,
    auto_create: bool,
    default_queues: u32,
    delay_levels: Option<Vec<Duration>>,
    topics: Vec<(String, u32)>,
}

impl Default for ClusterBuilder {
    fn default() -> Self {
        Self { brokers: 1, auto_create: true, default_queues: 4, delay_levels: None, topics: Vec::new() }
    }
}

impl ClusterBuilder {
    /// Number of brokers, all masters, named `broker-a`, `broker-b` ...: 1.
    #[must_use]
    pub fn brokers(mut self, brokers: usize) -> Self {
        self.brokers = brokers.max(1);
        self
    }

    /// Whether a send to an unknown topic makes it: yes.
    #[must_use]
    pub fn auto_create(mut self, auto_create: bool) -> Self {
        self.auto_create = auto_create;
        self
    }

    /// Queues at each broker of a topic made by a send: 4.
    #[must_use]
    pub fn default_queues(mut self, queues: u32) -> Self {
        self.default_queues = queues.max(1);
        self
    }

    /// How long each delay level keeps a message: Java's 1 s to 2 h.
    #[must_use]
    pub fn delay_levels(mut self, levels: impl Into<Vec<Duration>>) -> Self {
        self.delay_levels = Some(levels.into());
        self
    }

    /// Makes a topic with that many queues at each broker.
    #[must_use]
    pub fn topic(mut self, name: impl Into<String>, queues: u32) -> Self {
        self.topics.push((name.into(), queues.max(1)));
        self
    }

    /// The cluster, its brokers told to clients at these addresses.
    pub fn build(&self, addresses: &[SocketAddr]) -> Cluster {
        let brokers = addresses.iter().enumerate().map(|(index, address)| {
            let letter = char::from(b'a' + (index % 26) as u8);
            let suffix = if index < 26 { letter.to_string() } else { format!("{letter}{}", index / 26) };
            let mut config = BrokerConfig::new(format!("broker-{suffix}"));
            config.auto_create_topic = self.auto_create;
            config.default_topic_queue_nums = self.default_queues;
            if let Some(levels) = &self.delay_levels {
                config.delay_levels.clone_from(levels);
            }
            let mut broker = Broker::new(config, *address);
            for (name, queues) in &self.topics {
                broker.create_topic(name, *queues);
            }
            broker
        });
        let brokers: Vec<Broker> = brokers.collect();
        let mut cluster =
            Cluster { name_server: NameServer::default(), up: vec![true; brokers.len()], brokers };
        cluster.register();
        cluster
    }
}

/// A name server and its brokers.
#[derive(Debug)]
pub struct Cluster {
    name_server: NameServer,
    brokers: Vec<Broker>,
    up: Vec<bool>,
}

impl Cluster {
    /// One broker; see [`ClusterBuilder`] for more.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    // ---- what tests look at and do -------------------------------------------------------------------------

    /// The brokers.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// One broker, to be looked at or changed.
    pub fn broker(&mut self, index: usize) -> Option<&mut Broker> {
        self.brokers.get_mut(index)
    }

    /// Makes a topic with that many queues at every broker.
    pub fn create_topic(&mut self, topic: &str, queues: u32) {
        self.brokers.iter_mut().for_each(|broker| broker.create_topic(topic, queues));
        self.register();
    }

    /// Makes every broker do something wrong.
    pub fn inject(&mut self, fault: &Fault) {
        self.brokers.iter_mut().for_each(|broker| broker.inject(fault.clone()));
    }

    /// Messages of a topic as stored, of all brokers.
    pub fn messages(&self, topic: &str) -> Vec<Bytes> {
        self.brokers.iter().flat_map(|broker| broker.messages(topic)).collect()
    }

    /// Messages of a topic, of all brokers.
    pub fn message_count(&self, topic: &str) -> usize {
        self.brokers.iter().map(|broker| broker.message_count(topic)).sum()
    }

    /// Ids of a group's members at the first broker, sorted.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.brokers.first().map(|broker| broker.members(group)).unwrap_or_default()
    }

    /// The sum of what a group has committed for all queues of a topic, at all brokers.
    pub fn committed_total(&self, group: &str, topic: &str) -> i64 {
        let queues = |broker: &Broker| {
            (0..64).filter_map(|queue| broker.committed_offset(group, topic, queue)).sum::<i64>()
        };
        self.brokers.iter().map(queues).sum()
    }

    /// Whether a broker runs.
    pub fn is_up(&self, index: usize) -> bool {
        self.up.get(index).copied().unwrap_or_default()
    }

    /// Stops a broker: connections end, its routes go, what it stored stays.
    pub fn stop_broker(&mut self, index: usize) {
        if let (Some(broker), Some(up)) = (self.brokers.get_mut(index), self.up.get_mut(index)) {
            *up = false;
            broker.handle_stop();
            self.name_server.unregister(&broker.config().broker_name);
        }
    }

    /// Starts it again, with what it had stored.
    pub fn start_broker(&mut self, index: usize) {
        if let (Some(broker), Some(up)) = (self.brokers.get(index), self.up.get_mut(index)) {
            *up = true;
            self.name_server.register(broker.registration());
        }
    }

    // ---- machines ------------------------------------------------------------------------------------------

    fn peers(&mut self, node: Node) -> Option<&mut Peers> {
        match node {
            Node::NameServer => Some(self.name_server.peers()),
            Node::Broker(index) => self.brokers.get_mut(index).map(Broker::peers),
        }
    }

    /// A client connects to a machine; `None` if it is stopped.
    pub fn handle_open(&mut self, node: Node, from: SocketAddr) -> Option<PeerId> {
        match node {
            Node::NameServer => Some(self.name_server.peers().open()),
            Node::Broker(index) if self.is_up(index) => {
                self.brokers.get_mut(index).map(|broker| broker.handle_open(from))
            }
            Node::Broker(_) => None,
        }
    }

    /// A client's connection is gone.
    pub fn handle_close(&mut self, node: Node, peer: PeerId) {
        match node {
            Node::NameServer => self.name_server.peers().close(peer),
            Node::Broker(index) => {
                if let Some(broker) = self.brokers.get_mut(index) {
                    broker.handle_close(peer);
                }
            }
        }
    }

    /// Bytes of a client.
    pub fn handle_bytes(&mut self, node: Node, peer: PeerId, bytes: &[u8], now: Now) {
        match node {
            Node::NameServer => self.name_server.handle_bytes(peer, bytes),
            Node::Broker(index) => {
                if let Some(broker) = self.brokers.get_mut(index) {
                    broker.handle_bytes(peer, bytes, now);
                }
            }
        }
        self.register();
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        for (broker, up) in self.brokers.iter_mut().zip(&self.up) {
            if *up {
                broker.handle_timeout(now);
            }
        }
        self.register();
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn next_deadline(&self) -> Option<Instant> {
        let up = self.brokers.iter().zip(&self.up).filter(|(_, up)| **up);
        up.filter_map(|(broker, _)| broker.next_deadline()).min()
    }

    fn register(&mut self) {
        for (broker, up) in self.brokers.iter_mut().zip(&self.up) {
            if *up && let Some(registration) = broker.take_registration() {
                self.name_server.register(registration);
            }
        }
    }

    /// All machines.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        std::iter::once(Node::NameServer).chain((0..self.brokers.len()).map(Node::Broker))
    }

    /// A connection of the machine that has new output.
    pub fn poll_output(&mut self, node: Node) -> Option<PeerId> {
        self.peers(node)?.pop_dirty()
    }

    /// What waits to be sent to a client.
    pub fn output(&mut self, node: Node, peer: PeerId) -> &[u8] {
        self.peers(node).map(|peers| peers.output(peer)).unwrap_or_default()
    }

    /// `n` bytes of it have left.
    pub fn handle_written(&mut self, node: Node, peer: PeerId, n: usize) {
        if let Some(peers) = self.peers(node) {
            peers.written(peer, n);
        }
    }

    /// A connection the machine wants closed.
    pub fn poll_close(&mut self, node: Node) -> Option<PeerId> {
        let peer = self.peers(node)?.pop_closing()?;
        self.handle_close(node, peer);
        Some(peer)
    }
}
