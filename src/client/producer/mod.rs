//! Producers: from a message to its one ending (Java `DefaultMQProducerImpl`, `TopicPublishInfo`).
//!
//! | file | what |
//! |---|---|
//! | [`config`] | what can be set |
//! | [`message`] | a message, checked when it is built |
//! | [`outcome`] | acknowledged, failed or indeterminate, with the attempts |
//! | `choice` | which queue is next, pure |
//! | `economy` | how many retries a broker is asked for, pure |
//! | `producers` | all producers of a client and their sends: what the client talks to |
//! | `attempt` | one attempt, its answer, and whether there is another |
//! | `template` | heads encoded once, filled in for each send |

mod attempt;
mod choice;
pub(crate) mod config;
mod economy;
pub(crate) mod message;
pub(crate) mod outcome;
mod producers;
mod template;

pub use config::{ProducerConfig, SendOptions};
pub use message::{Message, MessageBuilder};
pub use outcome::{
    Attempt, AttemptFailure, OnewayOutcome, SendError, SendFailure, SendOutcome, SendReceipt, SendStatus,
};
pub(crate) use producers::Producers;
