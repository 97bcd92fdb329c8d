//! Doing wrong when told to.

use std::collections::BTreeMap;
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
use rocketmq_engine::wire::frame::SerializeType;

use crate::peer::PeerId;

/// Which requests a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requests {
    /// All of them.
    Any,
    /// Those that send messages: codes 10, 310 and 320.
    Sends,
    /// Those that pull: codes 11 and 361.
    Pulls,
    /// Those with this code.
    Code(RequestCode),
}

impl Requests {
    pub(super) fn has(self, request: RequestCode) -> bool {
        match self {
            Self::Any => true,
            Self::Sends => matches!(
                request,
                RequestCode::SEND_MESSAGE | RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_BATCH_MESSAGE
            ),
            Self::Pulls => matches!(request, RequestCode::PULL_MESSAGE | RequestCode::LITE_PULL_MESSAGE),
            Self::Code(code) => code == request,
        }
    }
}

impl From<RequestCode> for Requests {
    fn from(code: RequestCode) -> Self {
        Self::Code(code)
    }
}

/// Something a broker is to do wrong with the next requests of one kind.
///
/// ```
/// use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
/// use rocketmq_testkit::{Fault, FaultKind, Requests};
///
/// let busy = Fault::answer(Requests::Sends, ResponseCode::SYSTEM_BUSY, "[TIMEOUT_CLEAN_QUEUE]broker busy").times(3);
/// let lost = Fault::new(RequestCode::UPDATE_CONSUMER_OFFSET, FaultKind::DropAnswer).after(2);
/// # let _ = (busy, lost);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Which requests.
    pub requests: Requests,
    /// How many of them go well before.
    pub after: u32,
    /// How many of them then go wrong.
    pub times: u32,
    /// What is wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// The next such request goes wrong.
    pub fn new(requests: impl Into<Requests>, kind: FaultKind) -> Self {
        Self { requests: requests.into(), after: 0, times: 1, kind }
    }

    /// The next such request is answered this code and these words, and nothing is done.
    pub fn answer(requests: impl Into<Requests>, code: ResponseCode, remark: &str) -> Self {
        Self::new(requests, FaultKind::Answer(code, remark.into()))
    }

    /// Something in the answer to the next such request is not true.
    pub fn lie(requests: impl Into<Requests>, lie: Lie) -> Self {
        Self::new(requests, FaultKind::Lie(lie))
    }

    /// How often it happens: once, unless said otherwise.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// It happens until [`clear_faults`](crate::Broker::clear_faults).
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// So many such requests go well before.
    #[must_use]
    pub fn after(self, requests: u32) -> Self {
        Self { after: requests, ..self }
    }
}

/// What a broker does wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// It answers this code and these words, and does nothing.
    Answer(ResponseCode, String),
    /// It acts, and answers with this code where it would have answered 0: FLUSH_DISK_TIMEOUT,
    /// FLUSH_SLAVE_TIMEOUT and SLAVE_NOT_AVAILABLE are answered so by brokers that wait for disks and slaves.
    ActAndAnswer(ResponseCode),
    /// It neither acts nor answers.
    Ignore,
    /// It acts, and does not answer: the cause of duplicates.
    DropAnswer,
    /// It acts, and answers twice.
    AnswerTwice,
    /// It closes the connection, and does nothing.
    CloseBefore,
    /// It acts, and closes the connection instead of answering.
    CloseAfter,
    /// It acts, and closes the connection after so many bytes of its answer.
    CutAfter(usize),
    /// From now on it neither reads this connection nor writes to it, and keeps it open.
    Stall,
    /// It begins only after this time.
    Delay(Duration),
    /// It acts, and something in its answer is not true.
    Lie(Lie),
}

/// What is not true in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// The offset: `nextBeginOffset` of a pull, `queueOffset` of a send, `offset` of a query.
    Offset(i64),
    /// The first and the last offset of a pull's answer.
    Limits {
        /// `minOffset`.
        min: i64,
        /// `maxOffset`.
        max: i64,
    },
    /// A pull that found nothing, or something, answers "found" with an empty body.
    EmptyFound,
    /// A pull brings the messages of another queue of the topic.
    OtherQueue(i32),
    /// A pull brings the messages from another offset than the one asked for.
    From(i64),
}

type Held = (PeerId, SerializeType, Vec<u8>, Vec<u8>);

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Faults {
    waiting: Vec<Fault>,
    held: BTreeMap<(Instant, u64), Held>,
    number: u64,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn waiting(&self) -> &[Fault] {
        &self.waiting
    }

    /// Requests held back are gone with the process.
    pub(super) fn drop_held(&mut self) {
        self.held.clear();
    }

    /// What is to be done wrong with this request.
    pub(super) fn next(&mut self, request: RequestCode) -> Option<FaultKind> {
        let found = self.waiting.iter().position(|fault| fault.requests.has(request) && fault.times > 0)?;
        let fault = self.waiting.get_mut(found)?;
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        let kind = fault.kind.clone();
        if fault.times != u32::MAX {
            fault.times -= 1;
        }
        if fault.times == 0 {
            self.waiting.remove(found);
        }
        Some(kind)
    }

    pub(super) fn hold(
        &mut self,
        until: Instant,
        peer: PeerId,
        serialize: SerializeType,
        head: Vec<u8>,
        body: Vec<u8>,
    ) {
        self.number += 1;
        self.held.insert((until, self.number), (peer, serialize, head, body));
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Held> {
        if self.held.is_empty() {
            return Vec::new();
        }
        let later = self.held.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.held, later).into_values().collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.held.first_key_value().map(|((at, _), _)| *at)
    }
}
