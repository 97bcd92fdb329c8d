//! What the engine tells the application, and what it would tell a log.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use super::consumer::{ConsumerNotice, Delivery, Uncommitted};
use super::endpoint::Endpoint;
use super::ids::{ConsumerId, ProducerId, SendId};
use super::names::{Queue, Topic};
use super::producer::{OnewayOutcome, SendOutcome};
use crate::error::{CloseCause, TransportError};
use crate::wire::codes::{RequestCode, ResponseCode};

/// What happened. Never dropped; the number waiting is bounded by what was asked for.
#[derive(Debug, Hash)]
#[non_exhaustive]
#[must_use = "endings and deliveries come this way and no other"]
pub enum Event {
    /// A send ended: exactly one for each id.
    Sent {
        /// Whose.
        producer: ProducerId,
        /// Which.
        id: SendId,
        /// How.
        outcome: SendOutcome,
    },
    /// A one-way send ended: exactly one for each id.
    OnewaySent {
        /// Whose.
        producer: ProducerId,
        /// Which.
        id: SendId,
        /// How.
        outcome: OnewayOutcome,
    },
    /// Messages for a consumer, to be settled.
    Delivered(Delivery),
    /// Queues a consumer has from now on.
    Assigned {
        /// Whose.
        consumer: ConsumerId,
        /// The queues that are new.
        queues: Box<[Queue]>,
    },
    /// Queues a consumer no longer has.
    Revoked {
        /// Whose.
        consumer: ConsumerId,
        /// The queues that are gone.
        queues: Box<[Queue]>,
    },
    /// A consumer has closed: its last event.
    ConsumerClosed {
        /// Which.
        consumer: ConsumerId,
        /// Progress the brokers were not told: these messages come again.
        uncommitted: Box<[Uncommitted]>,
    },
    /// A producer has closed: its last event.
    ProducerClosed {
        /// Which.
        producer: ProducerId,
    },
    /// The client has stopped: the last event of all.
    Stopped(ShutdownReport),
}

impl Event {
    /// For the ending of a send: bytes of the message it gives back.
    fn given_back(&self) -> Option<usize> {
        Some(match self {
            Self::Sent { outcome: SendOutcome::Acknowledged(_), .. }
            | Self::OnewaySent { outcome: OnewayOutcome::Written, .. } => 0,
            Self::Sent {
                outcome: SendOutcome::Failed(failure) | SendOutcome::Indeterminate(failure),
                ..
            }
            | Self::OnewaySent {
                outcome: OnewayOutcome::Failed(failure) | OnewayOutcome::Indeterminate(failure),
                ..
            } => failure.message.size(),
            _ => return None,
        })
    }
}

#[cfg(feature = "test-support")]
impl Event {
    /// The same event once more, for who clones an engine.
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Sent { producer, id, outcome } => {
                Self::Sent { producer: *producer, id: *id, outcome: outcome.clone() }
            }
            Self::OnewaySent { producer, id, outcome } => {
                Self::OnewaySent { producer: *producer, id: *id, outcome: outcome.clone() }
            }
            Self::Delivered(delivery) => Self::Delivered(delivery.duplicate()),
            Self::Assigned { consumer, queues } => {
                Self::Assigned { consumer: *consumer, queues: queues.clone() }
            }
            Self::Revoked { consumer, queues } => {
                Self::Revoked { consumer: *consumer, queues: queues.clone() }
            }
            Self::ConsumerClosed { consumer, uncommitted } => {
                Self::ConsumerClosed { consumer: *consumer, uncommitted: uncommitted.clone() }
            }
            Self::ProducerClosed { producer } => Self::ProducerClosed { producer: *producer },
            Self::Stopped(report) => Self::Stopped(report.clone()),
        }
    }
}

/// What became of everything, from [`shutdown`](crate::Client::shutdown) on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Sends that ended acknowledged since the shutdown began.
    pub acknowledged: u64,
    /// Sends that ended failed since the shutdown began.
    pub failed: u64,
    /// Sends that ended indeterminate since the shutdown began.
    pub indeterminate: u64,
    /// Progress the brokers were not told: these messages come again.
    pub uncommitted: Vec<Uncommitted>,
    /// Everything was finished within the grace.
    pub in_time: bool,
}

/// Something a person or a log may want to know; nothing depends on it.
#[derive(Clone, Debug, PartialEq, Hash)]
#[non_exhaustive]
pub enum Notice {
    /// A connection stands.
    Connected {
        /// Where to.
        endpoint: Endpoint,
    },
    /// A connection could not be made.
    ConnectFailed {
        /// Where to.
        endpoint: Endpoint,
        /// Why.
        error: TransportError,
    },
    /// A connection ended.
    Closed {
        /// Where to.
        endpoint: Endpoint,
        /// Why.
        cause: CloseCause,
    },
    /// A topic's route could not be had; the last good one stays.
    RouteFailed {
        /// The topic.
        topic: Topic,
        /// Why.
        reason: String,
    },
    /// A broker did not take a heartbeat.
    HeartbeatFailed {
        /// The broker.
        endpoint: Option<Endpoint>,
        /// Its answer, if there was one.
        code: Option<ResponseCode>,
        /// Its words, or why there was no answer.
        remark: String,
    },
    /// The broker asked something this client does not do: it was told so.
    NotSupported {
        /// What it asked.
        code: RequestCode,
    },
    /// Of a consumer.
    Consumer {
        /// Which.
        consumer: ConsumerId,
        /// What.
        notice: ConsumerNotice,
    },
}

/// Events in order; bounded by what was asked for.
#[derive(Debug, Default, Hash)]
pub(crate) struct Events {
    waiting: VecDeque<Event>,
    /// Endings of sends among them, and the bytes of the messages given back with them.
    endings: usize,
    bytes: usize,
    /// What consumers that closed could not commit, for the shutdown's report.
    pub(crate) uncommitted: Vec<Uncommitted>,
}

#[cfg(feature = "test-support")]
impl Clone for Events {
    fn clone(&self) -> Self {
        let waiting = self.waiting.iter().map(Event::duplicate).collect();
        Self { waiting, uncommitted: self.uncommitted.clone(), ..*self }
    }
}

impl Events {
    #[inline]
    pub(crate) fn push(&mut self, event: Event) {
        if let Event::ConsumerClosed { uncommitted, .. } = &event {
            self.uncommitted.extend_from_slice(uncommitted);
        }
        if let Some(bytes) = event.given_back() {
            self.endings += 1;
            self.bytes += bytes;
        }
        self.waiting.push_back(event);
    }

    /// As [`push`](Self::push) of the ending of a send that gives nothing back: it is not looked at.
    #[inline]
    pub(crate) fn push_ended(&mut self, event: Event) {
        debug_assert_eq!(event.given_back(), Some(0));
        self.endings += 1;
        self.waiting.push_back(event);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Event> {
        // Looked at where it lies, and moved once.
        if let Some(bytes) = self.waiting.front()?.given_back() {
            self.endings -= 1;
            self.bytes -= bytes;
        }
        self.waiting.pop_front()
    }

    /// Endings of sends that nobody has polled.
    pub(crate) fn endings(&self) -> usize {
        self.endings
    }

    /// Bytes of memory held, what deliveries share with their process queue excepted.
    pub(crate) fn held(&self) -> usize {
        self.waiting.len() * size_of::<Event>() + self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// What the texts of a notice take, at most four times as much.
const NOTICE_TEXT: usize = 256;

/// Notices in order; the oldest are dropped and counted.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Notices {
    waiting: VecDeque<Notice>,
    limit: usize,
    pub(crate) dropped: u64,
}

impl Notices {
    pub(crate) fn new(limit: usize) -> Self {
        Self { waiting: VecDeque::new(), limit, dropped: 0 }
    }

    pub(crate) fn push(&mut self, notice: Notice) {
        if self.waiting.len() >= self.limit {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.waiting.push_back(notice);
    }

    pub(crate) fn pop(&mut self) -> Option<Notice> {
        self.waiting.pop_front()
    }

    /// Bytes of memory held, their short texts estimated.
    pub(crate) fn held(&self) -> usize {
        self.waiting.len() * (size_of::<Notice>() + NOTICE_TEXT)
    }
}
