//! How a cluster is set up.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Cluster, Lag, Replica};
use crate::broker::{Broker, BrokerConfig, Keep};
use crate::name_server::NameServer;

/// How a cluster is set up.
#[derive(Clone, Debug)]
pub struct ClusterBuilder {
    pub(crate) name_servers: usize,
    brokers: usize,
    slaves: usize,
    auto_create: bool,
    default_queues: Option<u32>,
    delay_levels: Option<Vec<Duration>>,
    topics: Vec<(String, u32)>,
    keep: Keep,
}

impl Default for ClusterBuilder {
    fn default() -> Self {
        Self {
            name_servers: 1,
            brokers: 1,
            slaves: 0,
            auto_create: true,
            default_queues: None,
            delay_levels: None,
            topics: Vec::new(),
            keep: Keep::Nothing,
        }
    }
}

impl ClusterBuilder {
    /// Number of name servers, each told everything: 1.
    #[must_use]
    pub fn name_servers(mut self, name_servers: usize) -> Self {
        self.name_servers = name_servers.max(1);
        self
    }

    /// Number of masters, named `broker-a`, `broker-b` ...: 1.
    #[must_use]
    pub fn brokers(mut self, brokers: usize) -> Self {
        self.brokers = brokers.max(1);
        self
    }

    /// Number of slaves each master has: none.
    #[must_use]
    pub fn slaves(mut self, slaves: usize) -> Self {
        self.slaves = slaves;
        self
    }

    /// Whether a send to an unknown topic makes it: yes.
    #[must_use]
    pub fn auto_create(mut self, auto_create: bool) -> Self {
        self.auto_create = auto_create;
        self
    }

    /// Most queues at each broker of a topic made by a send: 8, of which clients ask for 4.
    #[must_use]
    pub fn default_queues(mut self, queues: u32) -> Self {
        self.default_queues = Some(queues.max(1));
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
        self.topics.push((name.into(), queues));
        self
    }

    /// What is kept of what brokers did and answered: nothing.
    #[must_use]
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Addresses [`build`](Self::build) wants: of the masters, then of the slaves, master by master.
    pub fn addresses(&self) -> usize {
        self.brokers * (1 + self.slaves)
    }

    /// The cluster, its brokers told to clients at these addresses (see [`addresses`](Self::addresses)); brokers
    /// without an address are left out.
    pub fn build(&self, addresses: &[SocketAddr]) -> Cluster {
        let broker = |(index, address): (usize, &SocketAddr)| {
            let master = match index.checked_sub(self.brokers) {
                None => index,
                Some(slave) => slave / self.slaves.max(1),
            };
            let id = index.checked_sub(self.brokers).map_or(0, |slave| slave % self.slaves.max(1) + 1);
            let mut broker = Broker::new(self.config(master), *address);
            broker.keep(self.keep);
            for (name, queues) in &self.topics {
                broker.create_topic(name, *queues);
            }
            if id > 0 {
                broker.become_replica(id as i64, None);
            }
            Replica { broker, up: true, lag: Lag::default(), synchronized: None }
        };
        let replicas = addresses.iter().take(self.addresses()).enumerate().map(broker).collect();
        let name_servers = (0..self.name_servers).map(|_| NameServer::default()).collect();
        let mut cluster = Cluster { name_servers, replicas, masters: self.brokers };
        cluster.name_servers.iter_mut().for_each(|name_server| name_server.keep(self.keep));
        cluster.settle();
        cluster
    }

    fn config(&self, master: usize) -> BrokerConfig {
        let letter = char::from(b'a' + (master % 26) as u8);
        let suffix = if master < 26 { letter.to_string() } else { format!("{letter}{}", master / 26) };
        let mut config = BrokerConfig::new(format!("broker-{suffix}"));
        config.auto_create_topic = self.auto_create;
        if let Some(queues) = self.default_queues {
            config.default_topic_queue_nums = queues;
        }
        if let Some(levels) = &self.delay_levels {
            config.delay_levels.clone_from(levels);
        }
        config
    }
}
