//! An embedded RocketMQ cluster: a name server and brokers as sans-IO machines with in-memory storage. For the
//! engine's own tests, and for yours: no Java, ready in a millisecond.
//!
//! ```
//! use rocketmq_testkit::TcpCluster;
//!
//! let cluster = TcpCluster::builder().brokers(2).topic("orders", 4).start().unwrap();
//! println!("connect any RocketMQ client to {}", cluster.name_server());
//! assert_eq!(cluster.with(|cluster| cluster.message_count("orders")), 0);
//! ```
//!
//! | room | what |
//! |---|---|
//! | [`NameServer`], [`Broker`] | the machines: bytes in, bytes out, time as an argument |
//! | [`Cluster`] | a name server and its brokers by address, in memory |
//! | [`TcpCluster`] | the same behind loopback listeners, one thread for all |
//! | [`Fault`] | what a broker is to do wrong |
//! | [`sim`] | clients and a cluster on a virtual network and clock: faults as data, the same run for the same seed |
//! | [`scenario`] | application code against the engine, for every runner and cluster |
//!
//! The machines know the wire format of `rocketmq_engine::wire` and nothing of the client; the simulator and the
//! scenarios drive clients by the surface every driver uses.

mod broker;
mod cluster;
mod name_server;
mod peer;
pub mod scenario;
pub mod sim;
mod tcp;

pub use broker::{
    Answered, Applied, Broker, BrokerConfig, CommittedOffset, Effect, Fault, FaultKind, Keep, Lie,
    LogMessage, Name, Origin, Requests, Restart, TopicConfig,
};
pub use cluster::{Cluster, ClusterBuilder, Lag, Node};
pub use name_server::NameServer;
pub use peer::{Now, PeerId};
pub use tcp::{TcpCluster, TcpClusterBuilder};
