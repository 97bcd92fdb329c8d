//! One attempt of a send: its request, its answer, and whether there is another.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::choice::choose;
use super::config::ProducerConfig;
use super::economy::Economy;
use super::outcome::{Attempt, AttemptFailure, SendError, SendOutcome, SendReceipt, SendStatus};
use super::producers::{Pending, Producers, State, TopicState};
use crate::client::call::{Answer, CallId, CallRefused, Purpose, Reply};
use crate::client::ctx::Ctx;
use crate::client::event::{Event, Events};
use crate::client::ids::SendId;
use crate::client::names::{BrokerName, Queue};
use crate::client::stats::ClientStats;
use crate::error::{Progress, RejectReason, RequestFailure};
use crate::wire::codes::ResponseCode;
use crate::wire::fields::{ReceiptFields, SendMessageV2Request, ShapedReceipt};
use crate::wire::frame::SerializeType;
use crate::wire::header::{EncodeError, Head, Hole, Part, Request};

/// Pause before an attempt is made again that found every queue full, or no master; the first before a retry.
const PAUSE: Duration = Duration::from_millis(20);

impl Producers {
    /// Makes the next attempt, or waits for what it needs. A refusal only if `first`: nothing of it was done.
    pub(super) fn attempt(&mut self, id: SendId, first: bool, ctx: &mut Ctx<'_>) -> Result<(), RejectReason> {
        let Self { sends, topics, economy, .. } = self;
        let Some(pending) = sends.get_mut(id.index, id.generation) else { return Ok(()) };
        let Some((broker, queue_id)) = pick(pending, topics, economy, ctx) else {
            self.wait_for_route(id, ctx);
            return Ok(());
        };
        if pending.cold.as_ref().is_none_or(|cold| cold.attempts.is_empty()) {
            economy.call();
        }
        if !economy.attempt(&broker, pending.counted > 0) {
            let error = pending.cold().last_error.take().unwrap_or(SendError::Cancelled);
            self.end_failed(id, error, ctx);
            return Ok(());
        }
        let Some(producer) = self.all.get(pending.producer.index, pending.producer.generation) else {
            return Ok(());
        };
        match ask(id, pending, &producer.config, topics, &broker, queue_id, ctx) {
            Some(Ok(call)) => {
                (pending.broker, pending.queue_id) = (Some(broker), queue_id);
                pending.enter(id, State::Attempt(call, ctx.now), &mut self.timers);
                Ok(())
            }
            Some(Err(CallRefused::Rejected(reason))) if first => Err(reason),
            Some(Err(refused)) => {
                self.refused(id, broker, queue_id, &refused, ctx);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Another attempt after a short pause, longer with each, with jitter: what fails for all at once must not come
    /// back all at once.
    fn try_again_later(&mut self, id: SendId, error: SendError, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.sends.get_mut(id.index, id.generation) else { return };
        let pause = PAUSE.saturating_mul(1 << pending.counted.saturating_sub(1).min(5));
        let at = (ctx.now + ctx.rng.jitter(pause)).min(pending.deadline);
        pending.cold().last_error = Some(error);
        self.enter(id, State::Pausing(at));
    }

    fn refused(
        &mut self,
        id: SendId,
        broker: BrokerName,
        queue_id: u32,
        refused: &CallRefused,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(pending) = self.sends.get_mut(id.index, id.generation) else { return };
        let at = (ctx.now + PAUSE).min(pending.deadline);
        if matches!(refused, CallRefused::NoAddress) {
            let topic = pending.message.topic.clone();
            let queue = Queue { topic: topic.clone(), broker, id: queue_id };
            let failure = AttemptFailure::NoMaster;
            let attempt = Attempt { queue, took: Duration::ZERO, progress: Progress::NotWritten, failure };
            Self::note_attempt(pending, attempt);
            ctx.doubt_route(&topic);
        }
        self.enter(id, State::Pausing(at));
    }

    /// A one-way send's last byte has left.
    pub(crate) fn on_written(&mut self, id: SendId, ctx: &mut Ctx<'_>) {
        self.end_written(id, ctx);
    }

    /// An answer to a send looked otherwise than those before it: if the broker has the message, the next ones may
    /// look like this one.
    pub(crate) fn learn(&mut self, serialize: SerializeType, bytes: &[u8], head: &Head<'_>) {
        if SendStatus::of(head.response_code()).is_some() {
            self.receipts.learn(serialize, bytes, head);
        }
    }

    /// An answer that looks like those before it: the broker has the message.
    #[inline]
    pub(crate) fn on_receipt(
        &mut self,
        id: SendId,
        receipt: &ShapedReceipt,
        stats: &mut ClientStats,
        events: &mut Events,
    ) {
        if let Some(status) = SendStatus::of(receipt.code) {
            self.on_stored(id, status, &receipt.fields, stats, events);
        }
    }

    #[inline]
    fn on_stored(
        &mut self,
        id: SendId,
        status: SendStatus,
        fields: &ReceiptFields,
        stats: &mut ClientStats,
        events: &mut Events,
    ) {
        let Some(pending) = self.sends.get_mut(id.index, id.generation) else { return };
        let (State::Attempt(..), Some(broker)) = (pending.state, pending.broker.take()) else { return };
        let receipt = SendReceipt {
            status,
            message_id: pending.message_id,
            offset_message_id: fields.offset_message_id,
            queue: Queue { topic: pending.message.topic.clone(), broker, id: fields.queue_id.max(0) as u32 },
            queue_offset: fields.queue_offset,
            attempts: u32::from(pending.counted) + 1,
        };
        let (producer, size, timer) = (pending.producer, pending.message.size(), pending.timer());
        self.forget(id, size, timer);
        self.sends.discard(id.index, id.generation);
        stats.acknowledged += 1;
        events.push_ended(Event::Sent { producer, id, outcome: SendOutcome::Acknowledged(receipt) });
        self.ended(producer, events);
    }

    /// The answer to an attempt, or why there is none.
    pub(crate) fn on_answer(&mut self, id: SendId, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        let (progress, failure, again) = match answer {
            Ok(reply) => match read(reply) {
                Read::Stored(status, fields) => {
                    return self.on_stored(id, status, &fields, ctx.stats, ctx.events);
                }
                Read::Refused(code, remark) => {
                    let progress =
                        if is_definite(code) { Progress::NotWritten } else { Progress::MayBeDelivered };
                    (progress, AttemptFailure::Refused { code, remark }, is_worth_another(code))
                }
                // Said to be stored: another attempt would make a duplicate for certain.
                Read::Nonsense(text) => (Progress::MayBeDelivered, AttemptFailure::Nonsense(text), false),
            },
            Err(failed) => (failed.progress, AttemptFailure::NoAnswer(failed.cause.clone()), true),
        };
        let Some(pending) = self.sends.get_mut(id.index, id.generation) else { return };
        let (State::Attempt(_, since), Some(broker)) = (pending.state, pending.broker.take()) else { return };
        let queue = Queue { topic: pending.message.topic.clone(), broker, id: pending.queue_id };
        // A peer about to go took nothing: once, the next attempt is the same on a new connection.
        let sent_away = matches!(&failure, AttemptFailure::Refused { code: ResponseCode::GO_AWAY, .. })
            && !core::mem::replace(&mut pending.cold().went_away, true);
        let free = (progress == Progress::NotWritten && answer.is_err()) || sent_away;
        pending.counted = pending.counted.saturating_add(u16::from(!free));
        let error = match &failure {
            AttemptFailure::Refused { code, remark } => {
                SendError::Refused { code: *code, remark: remark.clone() }
            }
            AttemptFailure::Nonsense(text) => SendError::Nonsense(text.clone()),
            AttemptFailure::NoAnswer(RequestFailure::DeadlineExceeded) | AttemptFailure::NoMaster => {
                SendError::Timeout(ctx.now - pending.started)
            }
            AttemptFailure::NoAnswer(cause) => SendError::Connection(cause.clone()),
        };
        let topic = queue.topic.clone();
        let stale = matches!(&failure, AttemptFailure::Refused { code, .. } if is_about_the_route(*code));
        Self::note_attempt(pending, Attempt { queue, took: ctx.now - since, progress, failure });
        let ending = pending.cold().ending.take();
        let left = pending.counted < pending.max_attempts;
        let in_time = pending.deadline > ctx.now;
        if stale {
            ctx.doubt_route(&topic);
        }
        match ending {
            Some(error) => self.end_failed(id, error, ctx),
            None if again && left && in_time && free => {
                ctx.stats.retries += 1;
                let _ = self.attempt(id, false, ctx);
            }
            None if again && left && in_time => {
                ctx.stats.retries += 1;
                self.try_again_later(id, error, ctx);
            }
            None => self.end_failed(id, error, ctx),
        }
    }
}

/// The broker and the queue of the next attempt.
#[inline]
fn pick(
    pending: &Pending,
    topics: &mut [TopicState],
    economy: &Economy,
    ctx: &Ctx<'_>,
) -> Option<(BrokerName, u32)> {
    let topic = &pending.message.topic;
    let route = ctx.routes.get(topic)?;
    let cold = pending.cold.as_deref();
    if let Some(queue) = cold.and_then(|cold| cold.queue.as_ref()) {
        return Some((queue.broker.clone(), queue.id));
    }
    let avoid = cold.and_then(|cold| cold.avoid.as_ref());
    let state = topics.get_mut(topic.index())?;
    let (queues, net, again) = (route.writable_queues(), &ctx.net, pending.counted > 0);
    let good = |broker: &BrokerName| net.is_reachable(broker) && (!again || economy.allows(broker));
    let index = choose(queues, &mut state.cursor, avoid, good)?;
    queues.get(index).map(|queue| (queue.broker.clone(), queue.id))
}

/// Puts the send into the write queue of the broker's connection.
#[inline]
fn ask(
    id: SendId,
    pending: &Pending,
    config: &ProducerConfig,
    topics: &mut [TopicState],
    broker: &BrokerName,
    queue_id: u32,
    ctx: &mut Ctx<'_>,
) -> Option<Result<CallId, CallRefused>> {
    let (message, oneway) = (&pending.message, pending.oneway);
    let templates = &mut topics.get_mut(message.topic.index())?.templates;
    let connection = &ctx.config.connection;
    let template = templates.get(pending.producer, config, &message.topic, broker, oneway, connection);
    let Some(template) = template else {
        let error = EncodeError::Code(SendMessageV2Request::CODE.0);
        return Some(Err(CallRefused::Rejected(RejectReason::Encode(error))));
    };
    let properties = [Part::Text(&message.properties), Part::UniqueKey(&pending.message_id)];
    let values = [
        Hole::Int(i64::from(queue_id)),
        Hole::Int(ctx.unix_ms),
        Hole::Int(i64::from(message.flag)),
        Hole::Parts(&properties),
    ];
    let (body, now) = (&message.body, ctx.now);
    let head = |ring: &mut Vec<u8>, opaque: i32| template.fill(ring, opaque, &values, body.len());
    let asked = if oneway {
        ctx.net.tell_with(broker, head, body, Purpose::Oneway(id), now)
    } else {
        let mut deadline = pending.deadline;
        if pending.counted + 1 < pending.max_attempts {
            deadline = deadline.min(now + config.send_msg_max_timeout_per_request);
        }
        ctx.net.call_with(broker, head, body, Purpose::Send(id), deadline, now)
    };
    Some(asked.map_err(|(refused, _)| refused))
}

enum Read {
    Stored(SendStatus, ReceiptFields),
    Refused(ResponseCode, String),
    Nonsense(String),
}

fn read(reply: &Reply<'_>) -> Read {
    let code = reply.head.response_code();
    let Some(status) = SendStatus::of(code) else {
        return Read::Refused(code, reply.words());
    };
    match reply.head.fields() {
        Ok(fields) => Read::Stored(status, fields),
        Err(error) => Read::Nonsense(format!("{error}")),
    }
}

/// Codes after which another broker may take the message (Java `retryResponseCodes`).
fn is_worth_another(code: ResponseCode) -> bool {
    matches!(
        code,
        ResponseCode::TOPIC_NOT_EXIST
            | ResponseCode::SERVICE_NOT_AVAILABLE
            | ResponseCode::SYSTEM_ERROR
            | ResponseCode::SYSTEM_BUSY
            | ResponseCode::NO_PERMISSION
            | ResponseCode::NO_BUYER_ID
            | ResponseCode::NOT_IN_CURRENT_UNIT
            | ResponseCode::GO_AWAY
    )
}

/// Codes a broker answers before it stores anything. `SYSTEM_ERROR` is none: a broker says it as well when it does
/// not know what became of the message, or has stored it and lacks replicas.
fn is_definite(code: ResponseCode) -> bool {
    matches!(
        code,
        ResponseCode::TOPIC_NOT_EXIST
            | ResponseCode::SERVICE_NOT_AVAILABLE
            | ResponseCode::SYSTEM_BUSY
            | ResponseCode::NO_PERMISSION
            | ResponseCode::NO_BUYER_ID
            | ResponseCode::NOT_IN_CURRENT_UNIT
            | ResponseCode::GO_AWAY
            | ResponseCode::MESSAGE_ILLEGAL
            | ResponseCode::INVALID_PARAMETER
            | ResponseCode::REQUEST_CODE_NOT_SUPPORTED
            | ResponseCode::FLOW_CONTROL
    )
}

/// Codes that say that the broker no longer has the topic, or not to be written to.
fn is_about_the_route(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::TOPIC_NOT_EXIST | ResponseCode::NO_PERMISSION)
}
