//! The handle level, written once for all adapters: cheap handles on the application's side, one [`Hub`] on the
//! driver's, an inbox of commands and a table of completions between them.
//!
//! | file | what |
//! |---|---|
//! | `shared` | what both sides touch: the inbox, the completions, who has to be woken |
//! | `hub` | the driver's side: takes commands into the engine, hands its events out |
//! | `helm` | threads that wait, in the place of a driver that pauses |
//! | `builder`, `client` | making a client, stopping it |
//! | `producer`, `consumer`, `delivery` | what applications use |
//! | `record` | where a recording goes (feature `record`) |
//! | `inlet` | where a consumer's deliveries wait |
//! | `sync` | where its locks and threads come from |
//! | `parked/` | the same for threads: each future is waited for by parking |
//!
//! A burst of commands costs one lock each and one wake-up together; the driver takes all commands with one lock,
//! and gives all completions of a turn back with another. An adapter adds a driver and [`Launch`].

mod builder;
mod client;
mod consumer;
mod delivery;
mod error;
pub(crate) mod helm;
mod hub;
mod inlet;
#[cfg(test)]
mod model;
mod oneshot;
pub mod parked;
mod producer;
#[cfg(feature = "record")]
mod record;
mod shared;
pub(crate) mod sync;

pub use builder::{ClientBuilder, Launch, Task};
pub use client::{Client, Shutdown};
pub use consumer::{Closed, ConsumerBuilder, Deliveries, Listener, PushConsumer, Recv};
pub use delivery::{Delivery, Messages};
pub use error::{ClientError, SendError};
pub use hub::{Hub, Turn};
pub use producer::{Pending, PendingOneway, Producer, ProducerBuilder};
pub use shared::DriverStats;
