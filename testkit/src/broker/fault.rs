//! Doing wrong when told to.

use std::collections::BTreeMap;
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
use rocketmq_engine::wire::frame::SerializeType;

use crate::peer::PeerId;

/// Something a broker is to do wrong with the next requests of one kind.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which requests.
    pub request: RequestCode,
    /// How many of them.
    pub times: u32,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What a broker does wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It answers this code and these words, and does nothing.
    Answer(ResponseCode, String),
    /// It neither acts nor answers.
    Ignore,
    /// It acts, and does not answer: the cause of duplicates.
    DropAnswer,
    /// It closes the connection, and does nothing.
    CloseBefore,
    /// It acts, and closes the connection instead of answering.
    CloseAfter,
    /// It begins only after this time.
    Delay(Duration),
}

type Held = (PeerId, SerializeType, Vec<u8>, Vec<u8>);

#[derive(Debug, Default)]
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

    /// What is to be done wrong with this request.
    pub(super) fn next(&mut self, request: RequestCode) -> Option<FaultKind> {
        let found = self.waiting.iter().position(|fault| fault.request == request && fault.times > 0)?;
        let fault = self.waiting.get_mut(found)?;
        fault.times -= 1;
        let kind = fault.kind.clone();
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
        let later = self.held.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.held, later).into_values().collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.held.first_key_value().map(|((at, _), _)| *at)
    }
}
