//! Name servers and brokers by address, in memory: for simulators, and behind [`TcpCluster`](crate::TcpCluster).
//!
//! | file | what |
//! |---|---|
//! | `mod` (here) | the machines, driven |
//! | `builder` | how a cluster is set up |
//! | `life` | machines ending and starting, replicas, strangers at an address |
//! | `look`, `check` | what tests look at and change; what they expect |

mod builder;
mod check;
mod life;
mod look;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

use rocketmq_engine::Instant;

pub use builder::ClusterBuilder;
pub use check::Unmet;
pub use life::Lag;

use crate::broker::Broker;
use crate::name_server::NameServer;
use crate::peer::{Now, PeerId, Peers};

/// A machine of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// The name server with this index, from 0.
    NameServer(usize),
    /// The broker with this index, from 0: masters first, then slaves.
    Broker(usize),
}

/// A broker, and what the cluster knows about it.
#[derive(Clone, Debug, Hash)]
struct Replica {
    broker: Broker,
    up: bool,
    lag: Lag,
    /// The last time it took over its master's offsets.
    synchronized: Option<Instant>,
}

/// Name servers and brokers. It is deterministic: the same calls have the same results. A clone goes its own way.
#[derive(Clone, Debug, Hash)]
pub struct Cluster {
    name_servers: Vec<NameServer>,
    replicas: Vec<Replica>,
    masters: usize,
}

impl Cluster {
    /// One broker; see [`ClusterBuilder`] for more.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// A number for the state: equal states have equal ones, and go on the same way. Histories are no part of it.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    // ---- machines ------------------------------------------------------------------------------------------

    fn peers(&mut self, node: Node) -> Option<&mut Peers> {
        match node {
            Node::NameServer(index) => self.name_servers.get_mut(index).map(NameServer::peers),
            Node::Broker(index) => self.replicas.get_mut(index).map(|replica| replica.broker.peers()),
        }
    }

    /// A client connects to a machine; `None` if it is stopped.
    pub fn handle_open(&mut self, node: Node, from: SocketAddr) -> Option<PeerId> {
        match node {
            Node::NameServer(index) => Some(self.name_servers.get_mut(index)?.peers().open()),
            Node::Broker(index) => {
                let replica = self.replicas.get_mut(index).filter(|replica| replica.up)?;
                Some(replica.broker.handle_open(from))
            }
        }
    }

    /// A client's connection is gone.
    pub fn handle_close(&mut self, node: Node, peer: PeerId) {
        match node {
            Node::NameServer(_) => {
                if let Some(peers) = self.peers(node) {
                    peers.close(peer);
                }
            }
            Node::Broker(index) => {
                if let Some(replica) = self.replicas.get_mut(index) {
                    replica.broker.handle_close(peer);
                }
            }
        }
    }

    /// Bytes of a client.
    pub fn handle_bytes(&mut self, node: Node, peer: PeerId, bytes: &[u8], now: Now) {
        match node {
            Node::NameServer(index) => {
                if let Some(name_server) = self.name_servers.get_mut(index) {
                    name_server.handle_bytes(peer, bytes, now);
                }
            }
            Node::Broker(index) => {
                self.synchronize(index, now);
                if let Some(replica) = self.replicas.get_mut(index).filter(|replica| replica.up) {
                    replica.broker.handle_bytes(peer, bytes, now);
                }
            }
        }
        self.settle();
    }

    /// Tells the machines the time, for what a test does to them between inputs.
    pub(crate) fn observe(&mut self, now: Now) {
        self.replicas.iter_mut().for_each(|replica| *replica.broker.peers().now = now);
    }

    /// Time has passed, for all machines.
    pub fn handle_timeout(&mut self, now: Now) {
        (0..self.replicas.len()).for_each(|index| self.tick(index, now));
        self.settle();
    }

    /// Time has passed for one machine: when their clocks differ.
    pub fn handle_timeout_of(&mut self, node: Node, now: Now) {
        if let Node::Broker(index) = node {
            self.tick(index, now);
            self.settle();
        }
    }

    fn tick(&mut self, index: usize, now: Now) {
        if let Some(replica) = self.replicas.get_mut(index).filter(|replica| replica.up) {
            replica.broker.handle_timeout(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn next_deadline(&self) -> Option<Instant> {
        let up = self.replicas.iter().filter(|replica| replica.up);
        up.filter_map(|replica| replica.broker.next_deadline()).min()
    }

    /// The same of one machine.
    pub fn next_deadline_of(&self, node: Node) -> Option<Instant> {
        let Node::Broker(index) = node else { return None };
        self.replicas.get(index).filter(|replica| replica.up)?.broker.next_deadline()
    }

    /// What follows from a step: slaves follow, name servers hear of topics.
    fn settle(&mut self) {
        if self.replicas.len() > self.masters {
            self.replicate();
        }
        for replica in self.replicas.iter_mut().filter(|replica| replica.up) {
            if let Some(registration) = replica.broker.take_registration() {
                self.name_servers
                    .iter_mut()
                    .for_each(|name_server| name_server.register(registration.clone()));
            }
        }
    }

    /// All machines.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        let name_servers = (0..self.name_servers.len()).map(Node::NameServer);
        name_servers.chain((0..self.replicas.len()).map(Node::Broker))
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
