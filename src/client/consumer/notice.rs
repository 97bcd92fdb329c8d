//! What a consumer has to tell beside its events, and its counters.

use alloc::string::String;

use crate::client::names::{Queue, Topic};
use crate::wire::codes::ResponseCode;
use crate::wire::message::MessageError;

/// Something that happened inside a consumer and that a person may want to know.
#[derive(Clone, Debug, PartialEq, Hash)]
#[non_exhaustive]
pub enum ConsumerNotice {
    /// A broker's list of the group's members does not name this one: its queues are kept, it registers again.
    NotInMemberList {
        /// The topic whose queues were to be divided.
        topic: Topic,
    },
    /// A broker's list of the group's members names this client's id twice: another client has the same
    /// `instance_name`, and the two read some queues twice and others never. Give each its own.
    SharedClientId {
        /// The topic whose queues were divided.
        topic: Topic,
    },
    /// The group's members could not be asked for: the present division stays.
    MembersUnknown {
        /// The topic whose queues were to be divided.
        topic: Topic,
        /// The broker's answer, if there was one.
        code: Option<ResponseCode>,
    },
    /// Where to begin could not be asked for: the queue waits and asks again.
    StartUnknown {
        /// The queue.
        queue: Queue,
        /// The broker's answer, if there was one.
        code: Option<ResponseCode>,
    },
    /// A pull failed: the queue waits and pulls again.
    PullFailed {
        /// The queue.
        queue: Queue,
        /// The broker's answer, if there was one.
        code: Option<ResponseCode>,
        /// The broker's words.
        remark: String,
    },
    /// The answer to a pull contradicts itself or the question.
    PullNonsense {
        /// The queue.
        queue: Queue,
        /// Offset asked for.
        asked: i64,
        /// Where the broker wants the next pull to begin.
        next: i64,
    },
    /// The broker does not have the offset asked for: the queue goes on at another.
    OffsetReset {
        /// The queue.
        queue: Queue,
        /// Offset asked for.
        from: i64,
        /// Offset it goes on at.
        to: i64,
        /// First offset the broker has.
        min: i64,
        /// Offset its next message will get.
        max: i64,
    },
    /// A message cannot be read.
    Poison {
        /// The queue.
        queue: Queue,
        /// Its offset, as far as that can be read.
        offset: Option<i64>,
        /// What is wrong with it.
        reason: MessageError,
        /// It was passed over; else it is pulled again.
        skipped: bool,
    },
    /// An offset could not be committed: it is tried again.
    CommitFailed {
        /// The queue.
        queue: Queue,
        /// The offset.
        offset: i64,
        /// The broker's answer, if there was one.
        code: Option<ResponseCode>,
    },
    /// A message could not be sent back: it is delivered again locally.
    SendBackFailed {
        /// The queue.
        queue: Queue,
        /// Its offset.
        offset: i64,
    },
    /// A delivery was not settled in time and goes back to the broker.
    LeaseExpired {
        /// The queue.
        queue: Queue,
        /// How many messages.
        messages: usize,
    },
    /// A settlement came after the queue was taken away: the messages come again elsewhere.
    LateSettlement {
        /// The queue.
        queue: Queue,
        /// How many messages.
        messages: usize,
    },
}

/// What a consumer has done, counted from its creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConsumerStats {
    /// Messages delivered, repetitions included.
    pub delivered: u64,
    /// Messages delivered again locally.
    pub redelivered: u64,
    /// Messages finished.
    pub finished: u64,
    /// Messages that passed the broker's filter and not ours.
    pub filtered: u64,
    /// Messages that cannot be read.
    pub poison: u64,
    /// Messages sent back and confirmed by the broker.
    pub sent_back: u64,
    /// Pulls asked.
    pub pulls: u64,
    /// Pulls that failed.
    pub pull_errors: u64,
    /// Commits the broker confirmed.
    pub commits: u64,
    /// Commits that failed.
    pub commit_errors: u64,
    /// Divisions of a topic's queues computed.
    pub rebalances: u64,
    /// Messages settled after their queue was taken away.
    pub late_settlements: u64,
    /// Messages whose lease expired.
    pub leases_expired: u64,
    /// Messages delivered and not finished now.
    pub unfinished: u64,
    /// Bytes of memory they hold, with the answers they came in.
    pub unfinished_bytes: u64,
    /// The most bytes that were unfinished at once.
    pub most_unfinished_bytes: u64,
}

/// An offset that was not committed when its consumer closed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Uncommitted {
    /// The queue.
    pub queue: Queue,
    /// The lowest unfinished offset, which should have been committed.
    pub offset: i64,
    /// What the broker is known to have, if anything.
    pub committed: Option<i64>,
}
