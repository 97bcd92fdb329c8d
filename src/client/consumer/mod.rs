//! The push consumer: clustering, concurrent mode (Java `DefaultMQPushConsumerImpl` with a concurrent listener).
//!
//! | file | what |
//! |---|---|
//! | [`config`] | what can be set |
//! | [`subscription`] | topics and tag filters |
//! | [`strategy`] | dividing queues among members, pure |
//! | [`process_queue`] | what is delivered and what is finished, pure |
//! | `leases` | which queues are held, a table |
//! | [`delivery`] | what the application gets and how it settles it |
//! | `push` | one consumer: its queues, its timers, opening and closing |
//! | `rebalance` | member lists, revoking and assigning queues |
//! | `pull` | pulling one queue, and every answer to a pull |
//! | `sift` | which messages of an answer are the queue's, pure |
//! | `offsets` | where to begin, and what is committed |
//! | `settle` | settlements, sending back, delivering again |
//! | `consumers` | all consumers of a client: what the client talks to |
//! | `notice` | what is worth telling, and counters |

pub(crate) mod config;
mod consumers;
pub(crate) mod delivery;
mod leases;
pub(crate) mod notice;
mod offsets;
pub(crate) mod process_queue;
mod pull;
mod push;
mod rebalance;
mod settle;
mod sift;
pub(crate) mod strategy;
pub(crate) mod subscription;
#[cfg(test)]
mod tests;

pub use config::{ConsumeFrom, ConsumerConfigError, PoisonPolicy, PushConsumerConfig};
pub(crate) use consumers::Consumers;
pub use delivery::{Delivery, Settlement};
pub use notice::{ConsumerNotice, ConsumerStats, Uncommitted};
pub(crate) use push::ConsumerCall;
#[cfg(feature = "consistent-hash")]
pub use strategy::ConsistentHash;
pub use strategy::{
    AllocateStrategy, Average, AverageByCircle, Configured, MachineRoom, MachineRoomNearby, QueueName,
    RoomResolver, java_order, queue_order,
};
pub use subscription::TagFilter;
