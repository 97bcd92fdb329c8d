//! What the engine asks of its driver.

use super::endpoint::Endpoint;
use super::ids::ConnId;
use crate::time::Instant;

/// How a connection is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseHow {
    /// What was written may still leave.
    Graceful,
    /// At once: the peer is broken, gone or was never reached.
    Abort,
}

/// What the driver has to do. Exhaustive on purpose: a new kind of action must break the build of every loop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "every action must be carried out, in order"]
pub enum Action {
    /// Dial; answer with `handle_connected` (after a TLS handshake, if any) or `handle_connect_failed`.
    Connect {
        /// Names the connection from now on.
        conn: ConnId,
        /// Where to.
        endpoint: Endpoint,
    },
    /// The write queue went from empty to not empty: write what `write_slices` shows.
    Write {
        /// Which connection.
        conn: ConnId,
    },
    /// Stop or resume reading this socket.
    SetRead {
        /// Which connection.
        conn: ConnId,
        /// Whether to read.
        enabled: bool,
    },
    /// Close and forget; the id is never used again.
    Close {
        /// Which connection.
        conn: ConnId,
        /// How.
        how: CloseHow,
    },
    /// Nothing to do before something happens.
    Wait(Wait),
}

/// Nothing is to be done until then, or until a socket is ready or a command is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wait {
    /// When to call `handle_timeout`; `None` if time alone changes nothing.
    pub until: Option<Instant>,
    /// What that deadline is for: for logs and tests.
    pub reason: WakeReason,
    /// `poll_event` has something: take it before sleeping.
    pub events: bool,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WakeReason {
    /// Nothing: there is no deadline.
    Idle,
    /// A request, a dial, a pause between dials, or an idle connection ends.
    Connection,
    /// A topic route is asked for.
    Route,
    /// Brokers are told who is there.
    Heartbeat,
    /// A send that waits for a route ends.
    Send,
    /// Queues are divided among the members.
    Rebalance,
    /// Progress is told to the broker.
    CommitOffsets,
    /// A consumer's closing ends.
    CloseConsumer,
    /// Where to begin is asked for.
    StartOffset,
    /// A queue is pulled.
    Pull,
    /// An unsettled delivery counts as forgotten.
    DeliveryLease,
    /// A message is delivered again locally.
    Redelivery,
    /// A phase of the shutdown ends.
    Shutdown,
    /// The rest of a long piece of work: at once.
    MoreWork,
}
