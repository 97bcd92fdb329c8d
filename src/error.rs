//! What can go wrong, each with whose fault it is and how far it reaches.

use core::fmt;

use thiserror::Error;

use crate::wire::frame::FrameError;
use crate::wire::header::{EncodeError, HeadError};

/// What the host's transport said, in words that need no `std`.
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum TransportError {
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The peer cut the connection.
    #[error("connection reset")]
    Reset,
    /// The transport gave up waiting.
    #[error("timed out")]
    TimedOut,
    /// No way leads there.
    #[error("host or network unreachable")]
    Unreachable,
    /// The host name has no address.
    #[error("host name not found")]
    NameNotFound,
    /// The TLS handshake or a TLS record failed.
    #[error("TLS failed")]
    Tls,
    /// Anything else.
    #[error("transport error")]
    Other,
}

/// How far a request had come when it ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Progress {
    /// No byte of it has left: it cannot have had an effect, doing it again cannot do it twice.
    NotWritten,
    /// Some byte has left: the peer may have carried it out.
    MayBeDelivered,
}

/// Why a connection ended.
#[derive(Clone, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCause {
    /// This side closed it.
    #[error("closed by this side")]
    Local,
    /// The peer closed it in order.
    #[error("closed by the peer")]
    Eof,
    /// The transport failed.
    #[error("{0}")]
    Transport(TransportError),
    /// The peer sent what is no frame.
    #[error("the peer broke the protocol: {0}")]
    Frame(FrameError),
    /// The peer sent a frame whose head cannot be read.
    #[error("the peer broke the protocol: {0}")]
    Head(HeadError),
    /// A frame had begun and did not end within the frame time-out.
    #[error("a frame had begun and did not end within the frame time-out")]
    FrameTimeout,
}

/// Why a request ended without an answer.
#[derive(Clone, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestFailure {
    /// The deadline passed.
    #[error("no answer within the deadline")]
    DeadlineExceeded,
    /// The connection could not be made.
    #[error("connecting failed: {0}")]
    ConnectFailed(TransportError),
    /// The connection ended.
    #[error("connection lost: {0}")]
    ConnectionLost(CloseCause),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// A command that was refused; the value is given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected<T> {
    /// Why.
    pub reason: RejectReason,
    /// What was given.
    pub returned: T,
}

impl<T> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<T: fmt::Debug> core::error::Error for Rejected<T> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.reason)
    }
}

impl<T> Rejected<T> {
    pub(crate) fn new(reason: RejectReason, returned: T) -> Self {
        Self { reason, returned }
    }

    /// The same refusal with another value given back.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Rejected<U> {
        Rejected { reason: self.reason, returned: f(self.returned) }
    }
}

/// Why a command was refused. Nothing of it was done.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectReason {
    /// As many requests wait for an answer as the limit allows: wait for one to end.
    #[error("{limit} requests are in flight, the limit: wait for one to end, or raise `max_in_flight`")]
    InFlightFull {
        /// The limit.
        limit: usize,
    },
    /// More bytes wait to be written than the limit allows: the peer or the network is slow.
    #[error("{queued} bytes wait to be written, the limit is {limit}: wait, or raise `max_queued_bytes`")]
    WriteQueueFull {
        /// Bytes waiting.
        queued: usize,
        /// The limit.
        limit: usize,
    },
    /// The engine holds as many bytes as its budget allows.
    #[error("the client holds {held} bytes, its budget is {limit}: wait, or raise `memory_budget`")]
    MemoryBudget {
        /// Bytes held.
        held: usize,
        /// The budget.
        limit: usize,
    },
    /// The connection or client is closed or about to close.
    #[error("closed, or about to close")]
    Closed,
    /// The handle was made by another engine, or what it named is gone.
    #[error("the handle belongs to another engine, or what it named is gone")]
    ForeignHandle,
    /// The name cannot be had.
    #[error("{0}")]
    Name(#[from] crate::client::names::InternError),
    /// A group has one producer and one consumer a client at most.
    #[error("this client has a producer or consumer of that group already: use it, or make another client")]
    GroupTaken,
    /// A configuration value is out of its range.
    #[error("configuration: {0}")]
    Config(#[from] crate::config::ConfigError),
    /// A value of a consumer's configuration is out of its range.
    #[error("consumer configuration: {0}")]
    Consumer(#[from] crate::client::consumer::ConsumerConfigError),
    /// The message is not one a broker would take.
    #[error("{0}")]
    Message(#[from] crate::wire::message::MessageRefused),
    /// The queue belongs to another topic than the message.
    #[error("the queue given belongs to another topic than the message")]
    QueueOfAnotherTopic,
    /// More of something than the limit allows.
    #[error("{what}: the limit is {limit}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The head cannot be written.
    #[error("the head cannot be written: {0}")]
    Encode(#[from] EncodeError),
}
