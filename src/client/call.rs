//! Questions to name servers and brokers: to whom, what for, and how they end.

use alloc::string::String;

use super::consumer::ConsumerCall;
use super::ids::{ConnId, ConsumerId, SendId};
use super::names::{BrokerName, Topic};
use crate::connection::{Body, RequestId};
use crate::error::{Progress, RejectReason, RequestFailure};
use crate::wire::header::Head;

/// Which of a broker's replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Replica {
    /// Id 0, nothing else.
    Master,
    /// This id if it is known, else the master, else any.
    Prefer(i64),
}

/// Whom to ask.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Target {
    Broker { name: BrokerName, replica: Replica },
    NameServer(usize),
    Conn(ConnId),
}

/// What a request was for: kept with it, given back with its answer.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Purpose {
    Send(SendId),
    Oneway(SendId),
    Route { topic: Topic, server: u32, default_topic: bool },
    Heartbeat { registration: u64 },
    Unregister,
    Consumer(ConsumerId, ConsumerCall),
}

impl Purpose {
    /// The send that waits for the answer, if it is one.
    #[inline]
    pub(crate) fn as_send(&self) -> Option<SendId> {
        if let Self::Send(id) = self { Some(*id) } else { None }
    }
}

/// An answer, borrowed from the connection it came on.
#[derive(Debug)]
pub(crate) struct Reply<'r> {
    pub(crate) head: &'r Head<'r>,
    pub(crate) body: Body<'r>,
}

/// Most characters kept of a server's words.
const WORDS: usize = 256;

impl Reply<'_> {
    /// The remark, for people: cut, and without what could forge lines of a log or command a terminal.
    pub(crate) fn words(&self) -> String {
        let words = self.head.remark.map(|text| text.as_str()).unwrap_or_default();
        words.chars().take(WORDS).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Why there is no answer, and whether the question may have arrived.
#[derive(Clone, Debug)]
pub(crate) struct CallFailure {
    pub(crate) progress: Progress,
    pub(crate) cause: RequestFailure,
}

pub(crate) type Answer<'r> = Result<Reply<'r>, CallFailure>;

/// Why a request was not even queued.
#[derive(Clone, Debug)]
pub(crate) enum CallRefused {
    /// No route names an address for that broker.
    NoAddress,
    Rejected(RejectReason),
}

/// Names a request in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallId {
    pub(super) conn: ConnId,
    pub(super) request: RequestId,
}
