//! Apache RocketMQ client as a runtime-agnostic sans-IO protocol engine.
//!
//! [`Client`] is a pure state machine. Bytes, time and commands go in; bytes, actions, events and deadlines come
//! out. It never opens a socket, never reads a clock, never starts a thread, never logs: whoever owns the sockets
//! drives it. For sockets that are driven already (blocking threads, mio, async-std, tokio) take the crate
//! `rocketmq-io`.
//!
//! ```text
//!   commands        send, settle, subscribe, shutdown ...     bytes      handle_read, handle_bytes, handle_eof
//!                        |                                                   |
//!                        v                                                   v
//!                   +-------------------------------------------------------------+
//!      seed, time ->|  Client:  routes  heartbeats  producers  consumers  timers   |
//!                   +-------------------------------------------------------------+
//!                        |                                                   |
//!                        v                                                   v
//!   events          poll_event: Sent, Delivered, Stopped ...  actions    poll_action: Connect, Write, Wait ...
//! ```
//!
//! # The loop
//!
//! This is all there is to driving it; `examples/custom_event_loop.rs` has the same loop over poll(2).
//!
//! ```
//! # use rocketmq_engine::{Action, Client, CloseHow, ConnId, Endpoint, Event, Instant};
//! # enum Ready { Readable(ConnId), Writable(ConnId) }
//! # trait Sockets {
//! #     fn now(&self) -> Instant;
//! #     fn dial(&mut self, client: &mut Client, conn: ConnId, endpoint: &Endpoint);
//! #     fn flush(&mut self, client: &mut Client, conn: ConnId);
//! #     fn fill(&mut self, client: &mut Client, conn: ConnId);
//! #     fn set_read(&mut self, conn: ConnId, enabled: bool);
//! #     fn close(&mut self, conn: ConnId, how: CloseHow);
//! #     fn wait(&self, client: &Client, until: Option<Instant>) -> std::io::Result<Vec<Ready>>;
//! # }
//! # struct App { stopped: Option<rocketmq_engine::ShutdownReport> }
//! # impl App { fn on_event(&mut self, _: Event, _: &mut Client, _: Instant) {} }
//! # fn run(mut client: Client, mut sockets: impl Sockets, mut app: App) -> std::io::Result<()> {
//!     while app.stopped.is_none() {
//!         let wait = loop {
//!             match client.poll_action() {
//!                 Action::Connect { conn, endpoint } => sockets.dial(&mut client, conn, &endpoint),
//!                 Action::Write { conn } => sockets.flush(&mut client, conn),
//!                 Action::SetRead { conn, enabled } => sockets.set_read(conn, enabled),
//!                 Action::Close { conn, how } => sockets.close(conn, how),
//!                 Action::Wait(wait) => break wait,
//!             }
//!         };
//!         if wait.events {
//!             while let Some(event) = client.poll_event() {
//!                 app.on_event(event, &mut client, sockets.now());
//!             }
//!             continue;
//!         }
//!         for ready in sockets.wait(&client, wait.until)? {
//!             match ready {
//!                 Ready::Readable(conn) => sockets.fill(&mut client, conn),
//!                 Ready::Writable(conn) => sockets.flush(&mut client, conn),
//!             }
//!         }
//!         client.handle_timeout(sockets.now());
//!     }
//! #     Ok(())
//! # }
//! ```
//!
//! # Rules one can rely on
//!
//! - Inputs never fail and never panic, whatever a peer sends. Commands may be refused: [`Rejected`] says why and
//!   gives the value back.
//! - Every accepted send ends in exactly one event with its id, by its deadline, also at shutdown.
//! - A send is acknowledged, failed (no broker can have stored it) or indeterminate (some attempt may have
//!   arrived); [`SendFailure`] lists the attempts.
//! - A delivery that is never settled comes again. Progress that is committed is derived, never set.
//! - The same seed and inputs give the same outputs, bit for bit.
//!
//! # The map
//!
//! | room | what | may name |
//! |---|---|---|
//! | [`time`] | [`Instant`], a plain number | |
//! | [`wire`] | bytes to values and back, no state but a cursor | `time` |
//! | [`connection`] | one TCP connection: frames, requests in flight, endings | `wire` |
//! | [`client`] | the whole client over many connections | `connection`, `wire` |
//! | [`config`], [`error`] | what can be set, what can go wrong | |
//! | `record` | a client's run written down and done again (feature `record`) | `client` |
#![no_std]

extern crate alloc;

pub mod client;
pub mod config;
pub mod connection;
pub mod error;
#[cfg(feature = "record")]
pub mod record;
pub mod time;
pub mod wire;

pub use client::Client;
pub use client::action::{Action, CloseHow, Wait, WakeReason};
#[cfg(feature = "consistent-hash")]
pub use client::consumer::ConsistentHash;
pub use client::consumer::{
    AllocateStrategy, Average, AverageByCircle, Configured, ConsumeFrom, ConsumerConfigError, ConsumerNotice,
    ConsumerStats, Delivery, MachineRoom, MachineRoomNearby, PoisonPolicy, PushConsumerConfig, QueueName,
    RoomResolver, Settlement, TagFilter, Uncommitted, java_order, queue_order,
};
#[cfg(any(feature = "record", feature = "test-support"))]
pub use client::digest::digest_of;
pub use client::endpoint::{Endpoint, Role};
pub use client::event::{Event, Notice, ShutdownReport};
pub use client::ids::{ConnId, ConsumerId, ProducerId, SendId};
pub use client::names::{BrokerName, InternError, Queue, Topic};
pub use client::producer::{
    Attempt, AttemptFailure, Message, MessageBuilder, OnewayOutcome, ProducerConfig, SendError, SendFailure,
    SendOptions, SendOutcome, SendReceipt, SendStatus,
};
pub use client::stats::ClientStats;
pub use config::{ClientConfig, ConfigError};
pub use connection::{Body, ConnEvent, ConnStats, Connection, ConnectionConfig, ReplyToken, RequestId};
pub use error::{CloseCause, Progress, RejectReason, Rejected, RequestFailure, TransportError};
pub use time::Instant;
pub use wire::message::{MessageView, StoredMessage};
