//! How a send ends: acknowledged, failed or indeterminate, and what was tried.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use thiserror::Error;

use super::message::Message;
use crate::client::names::{Queue, Topic};
use crate::error::{Progress, RequestFailure};
use crate::wire::codes::ResponseCode;
use crate::wire::message::{OffsetMessageId, UniqueId};

/// How a send ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a send that was not acknowledged has to be dealt with"]
pub enum SendOutcome {
    /// The broker has it.
    Acknowledged(SendReceipt),
    /// No broker can have stored it: sending it again makes no duplicate.
    Failed(Box<SendFailure>),
    /// Some attempt may have been stored although nobody said so: sending it again may make a duplicate.
    Indeterminate(Box<SendFailure>),
}

/// How a one-way send ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a send that failed has to be dealt with"]
pub enum OnewayOutcome {
    /// Its last byte was given to the transport. Nobody says more.
    Written,
    /// No byte of it has left.
    Failed(Box<SendFailure>),
    /// Some byte of it has left when its connection ended.
    Indeterminate(Box<SendFailure>),
}

/// What the broker said about storing (Java `SendStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SendStatus {
    /// Stored as the broker is configured to.
    SendOk,
    /// Stored, but not yet on the master's disk when the broker stopped waiting.
    FlushDiskTimeout,
    /// Stored, but not yet on a slave when the broker stopped waiting.
    FlushSlaveTimeout,
    /// Stored, but there is no slave.
    SlaveNotAvailable,
}

impl SendStatus {
    /// What an answer's code says, if it says that the message is stored.
    pub(crate) fn of(code: ResponseCode) -> Option<Self> {
        match code {
            ResponseCode::SUCCESS => Some(Self::SendOk),
            ResponseCode::FLUSH_DISK_TIMEOUT => Some(Self::FlushDiskTimeout),
            ResponseCode::FLUSH_SLAVE_TIMEOUT => Some(Self::FlushSlaveTimeout),
            ResponseCode::SLAVE_NOT_AVAILABLE => Some(Self::SlaveNotAvailable),
            _ => None,
        }
    }
}

/// The broker's word that it has a message (Java `SendResult`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SendReceipt {
    /// How it is stored.
    pub status: SendStatus,
    /// The id this client gave it (Java `msgId`). Attempts of one send share it.
    pub message_id: UniqueId,
    /// Where the broker stored it (Java `offsetMsgId`); `None` if the broker's text cannot be read.
    pub offset_message_id: Option<OffsetMessageId>,
    /// The queue it is in.
    pub queue: Queue,
    /// Its offset there.
    pub queue_offset: i64,
    /// Attempts made, this one included. After more than one there may be a duplicate.
    pub attempts: u32,
}

/// A send that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SendFailure {
    /// Why it was given up.
    pub error: SendError,
    /// The id this client gave it.
    pub message_id: UniqueId,
    /// What was tried, oldest first; of many, the first and the last ones.
    pub attempts: Vec<Attempt>,
    /// The message, given back.
    pub message: Message,
}

impl fmt::Display for SendFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)?;
        for (index, attempt) in self.attempts.iter().enumerate() {
            write!(f, "{} {attempt}", if index == 0 { "; tried" } else { "," })?;
        }
        Ok(())
    }
}

impl core::error::Error for SendFailure {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Why a send was given up.
#[derive(Clone, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SendError {
    /// Its deadline passed.
    #[error("not acknowledged within {}", Millis(*.0))]
    Timeout(Duration),
    /// No name server knows the topic, and brokers do not create topics by themselves.
    #[error("topic {0} does not exist: create it, or switch on autoCreateTopicEnable at the brokers")]
    NoSuchTopic(Topic),
    /// No route was found in time.
    #[error("no route for topic {topic} within {}: {reason}", Millis(*.waited))]
    NoRoute {
        /// The topic.
        topic: Topic,
        /// How long it was waited for.
        waited: Duration,
        /// What the name servers said.
        reason: String,
    },
    /// The broker refused it, the last attempt's words.
    #[error("the broker refused: {code} {remark}")]
    Refused {
        /// The answer's code.
        code: ResponseCode,
        /// The answer's words.
        remark: String,
    },
    /// The broker said it is stored, in an answer that cannot be read.
    #[error("the broker's answer cannot be read: {0}")]
    Nonsense(String),
    /// The last attempt's connection failed.
    #[error("{0}")]
    Connection(RequestFailure),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The client or the producer stopped before it was acknowledged.
    #[error("the client stopped before it was acknowledged")]
    Stopped,
}

struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0.as_millis())
    }
}

/// One attempt that was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Attempt {
    /// Where to.
    pub queue: Queue,
    /// How long it took.
    pub took: Duration,
    /// Whether the broker can have stored it.
    pub progress: Progress,
    /// How it ended.
    pub failure: AttemptFailure,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrived = match self.progress {
            Progress::NotWritten => "not stored",
            Progress::MayBeDelivered => "may be stored",
        };
        write!(f, "{} ({}, {}, {arrived})", self.queue, self.failure, Millis(self.took))
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptFailure {
    /// The broker refused.
    #[error("{code} {remark}")]
    Refused {
        /// The answer's code.
        code: ResponseCode,
        /// The answer's words.
        remark: String,
    },
    /// The answer cannot be read.
    #[error("unreadable answer: {0}")]
    Nonsense(String),
    /// There was no answer.
    #[error("{0}")]
    NoAnswer(RequestFailure),
    /// The route names no address of the broker's master.
    #[error("no master known")]
    NoMaster,
}
