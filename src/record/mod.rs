//! Recording a client and doing its run again, bit for bit (feature `record`).
//!
//! A client made by [`Client::recorded`](crate::Client::recorded) writes down everything it is given (time, bytes,
//! commands) and a number for everything it says (actions, events, notices, bytes that leave, answers to commands).
//! [`Replay`] makes the same client from that and gives it the same again: it must say the same. So a run that went
//! wrong somewhere goes wrong again on a desk, without broker, network or clock, as often as one likes and step by step.
//!
//! | file | what |
//! |---|---|
//! | `entry` | what is written down, one entry a call |
//! | `recorder` | the log of a running client |
//! | `replay` | the same calls again, and whether they have the same results |
//!
//! **What a log holds.** Settings, names of servers, topics and groups, and every byte received and sent: *bodies and
//! properties of messages are in it.* Of keys, tokens and signatures it holds nothing: a client is given none (what
//! leaves is kept as a number only). Keep it as you keep the messages themselves.
//!
//! **Where it can be replayed.** By the same version of this crate: [`ReplayError::OtherVersion`] says which one wrote it.
//!
//! ```
//! use std::time::Duration;
//!
//! use rocketmq_engine::record::{Ending, Replay};
//! use rocketmq_engine::{Action, Client, ClientConfig, Instant, TransportError};
//!
//! let config = ClientConfig::new("localhost:9876").unwrap();
//! let mut client = Client::recorded(config, [7; 32], Instant::ZERO, Duration::ZERO, 1 << 20).unwrap();
//! let topic = client.topic("orders").unwrap();
//! client.writable_queues(&topic, Instant::ZERO);
//! if let Action::Connect { conn, .. } = client.poll_action() {
//!     client.handle_connect_failed(conn, TransportError::Refused, Instant::from_nanos(1_000));
//! }
//! let log = client.poll_record().unwrap();
//!
//! let replayed = Replay::new(log).unwrap().run().unwrap();
//! assert_eq!((replayed.steps, replayed.ending), (6, Ending::Whole));
//! ```

mod entry;
mod recorder;
mod replay;

pub(crate) use entry::{Entry, MessageRef, NameRef, OptionsRef, Piece, PieceRef, told};
pub(crate) use recorder::Recorder;
pub(crate) use replay::strategy;
pub use replay::{Ending, Replay, ReplayError, Replayed};

/// What every log begins with; the last byte is the version of the form.
const MAGIC: [u8; 8] = *b"RMQREC\0\x01";
