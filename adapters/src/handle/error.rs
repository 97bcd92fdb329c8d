//! What can go wrong at the handle level.

use std::io;

use rocketmq_engine as engine;
use thiserror::Error;

/// A message that was not acknowledged, and what is known of it.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The engine refused it at once and gives it back: nothing was sent.
    #[error("refused: {0}")]
    Rejected(Box<engine::Rejected<engine::Message>>),
    /// No byte of it can have been stored: sending it again cannot store it twice.
    #[error("failed, nothing was stored: {0}")]
    Failed(Box<engine::SendFailure>),
    /// Some attempt may have been stored: sending it again may store it twice.
    #[error("outcome unknown, it may have been stored: {0}")]
    Indeterminate(Box<engine::SendFailure>),
    /// The driver ended, by a panic or with its runtime, before the outcome was known: it may have been stored.
    #[error("outcome unknown, it may have been stored: the client's driver ended before the answer came")]
    DriverGone,
}

impl SendError {
    /// Whether the message may have been stored all the same.
    pub fn may_be_stored(&self) -> bool {
        matches!(self, Self::Indeterminate(_) | Self::DriverGone)
    }

    /// The message, if it was refused.
    pub fn into_message(self) -> Option<engine::Message> {
        match self {
            Self::Rejected(rejected) => Some(rejected.returned),
            _ => None,
        }
    }
}

/// A client, producer or consumer could not be made, or is gone.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The configuration of the client.
    #[error("configuration: {0}")]
    Config(#[from] engine::ConfigError),
    /// The engine refused: a name, a group that is taken, a setting.
    #[error("{0}")]
    Rejected(#[from] engine::RejectReason),
    /// A subscription's expression cannot be read.
    #[error("subscription to {topic}: {cause}")]
    Filter {
        /// The topic.
        topic: String,
        /// What is wrong with the expression.
        cause: engine::wire::message::tags::ExpressionError,
    },
    /// The driver could not be started: no thread, no poll, no runtime.
    #[error("the driver could not be started: {0}")]
    Start(#[from] io::Error),
    /// The client has been shut down.
    #[error("the client has been shut down")]
    Stopped,
}
