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
//! | [`Fault`], [`Lie`], [`Restart`], [`Lag`] | what a broker is to do wrong, to lose, to be late with |
//! | [`Applied`], [`Answered`] | what a broker has done and what it has said |
//! | [`sim`] | clients and a cluster on a virtual network and clock: faults as data, the same run for the same seed |
//! | [`scenario`] | application code against the engine, for every runner and cluster |
//!
//! A test looks into the cluster while clients work with it, says what it expects, and makes brokers do wrong:
//!
//! ```
//! use std::time::Duration;
//! use rocketmq_engine::wire::codes::ResponseCode;
//! use rocketmq_testkit::{Fault, FaultKind, Lie, Requests, TcpCluster};
//!
//! let cluster = TcpCluster::builder().topic("orders", 4).start().unwrap();
//! cluster.with(|cluster| {
//!     cluster.seed("orders", 0, "order 1");
//!     // The next three sends find the broker busy, the one after is stored and not answered.
//!     let words = "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while";
//!     cluster.inject(&Fault::answer(Requests::Sends, ResponseCode::SYSTEM_BUSY, words).times(3));
//!     cluster.inject(&Fault::new(Requests::Sends, FaultKind::DropAnswer));
//!     // The next pull is cut in its answer, the one after says to go on at an offset that is not there.
//!     cluster.inject(&Fault::new(Requests::Pulls, FaultKind::CutAfter(100)));
//!     cluster.inject(&Fault::lie(Requests::Pulls, Lie::Offset(1_000)));
//!     cluster.clear_faults();
//! });
//! // ... the code that is tested, with cluster.name_server() ...
//! cluster.eventually(Duration::from_secs(5), |cluster| cluster.expect_bodies("orders", &["order 1"]));
//! ```
//!
//! The machines know the wire format of `rocketmq_engine::wire` and nothing of the client; the simulator and the
//! scenarios drive clients by the surface every driver uses.

pub mod broker;
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
pub use cluster::{Cluster, ClusterBuilder, Lag, Node, Unmet};
pub use name_server::NameServer;
pub use peer::{Now, PeerId};
pub use tcp::{TcpCluster, TcpClusterBuilder};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
