//! One attempt of a send: its request, its answer, and whether there is another.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::choice::choose;
use super::outcome::{Attempt, AttemptFailure, SendError, SendReceipt, SendStatus};
use super::producers::{Producers, State};
use crate::client::call::{Answer, CallRefused, Purpose, Replica, Reply, Target};
use crate::client::ctx::Ctx;
use crate::client::ids::SendId;
use crate::client::names::Queue;
use crate::error::{Progress, RejectReason, RequestFailure};
use crate::wire::codes::ResponseCode;
use crate::wire::fields::{Parts, SendMessageResponse, SendMessageV2Request};
use crate::wire::header::FieldError;
use crate::wire::message::names::DEFAULT_TOPIC;

/// Pause before an attempt is made again that found every queue full, or no master.
const PAUSE: Duration = Duration::from_millis(20);

impl Producers {
    /// Makes the next attempt, or waits for what it needs. A refusal only if `first`: nothing of it was done.
    pub(super) fn attempt(&mut self, id: SendId, first: bool, ctx: &mut Ctx<'_>) -> Result<(), RejectReason> {
        let Some(queue) = self.pick(id, ctx) else {
            self.wait_for_route(id, ctx);
            return Ok(());
        };
        let Some(pending) = self.sends.get(id.index, id.generation) else { return Ok(()) };
        let Some(producer) = self.producer(pending.producer) else { return Ok(()) };
        let config = &producer.config;
        let message = &pending.message;
        let mut text = [0; 56];
        let unique = pending.message_id.encode(&mut text);
        let properties = [message.properties.as_str(), "UNIQ_KEY\u{1}", unique, "\u{2}"];
        let fields = SendMessageV2Request {
            producer_group: config.group.as_str().into(),
            topic: message.topic.as_str().into(),
            default_topic: DEFAULT_TOPIC.into(),
            default_topic_queue_nums: config.default_topic_queue_nums as i32,
            queue_id: queue.id as i32,
            sys_flag: 0,
            born_timestamp: ctx.unix_ms,
            flag: message.flag,
            properties: Some(Parts::Split(&properties)),
            reconsume_times: Some(0),
            unit_mode: Some(config.unit_mode),
            max_reconsume_times: None,
            batch: Some(false),
            broker_name: Some(queue.broker.as_str().into()),
        };
        let remaining = pending.deadline - ctx.now;
        let last = pending.counted + 1 >= pending.max_attempts;
        let timeout = if last { remaining } else { remaining.min(config.send_msg_max_timeout_per_request) };
        let to = Target::Broker { name: queue.broker.clone(), replica: Replica::Master };
        let asked = if pending.oneway {
            ctx.net.tell(&to, &fields, &message.body, Purpose::Oneway(id), ctx.now)
        } else {
            ctx.net.call(&to, &fields, &message.body, Purpose::Send(id), timeout, ctx.now)
        };
        let (oneway, deadline) = (pending.oneway, pending.deadline);
        match asked {
            Ok(call) => {
                if let Some(pending) = self.sends.get_mut(id.index, id.generation) {
                    pending.state = State::Attempt(call, ctx.now);
                    pending.queue = Some(queue);
                }
                if oneway {
                    self.set_timer(id, deadline);
                } else {
                    self.clear_timer(id);
                }
                Ok(())
            }
            Err((CallRefused::Rejected(reason), _)) if first => Err(reason),
            Err((refused, _)) => {
                self.refused(id, queue, &refused, ctx);
                Ok(())
            }
        }
    }

    /// The queue of the next attempt.
    fn pick(&mut self, id: SendId, ctx: &mut Ctx<'_>) -> Option<Queue> {
        let pending = self.sends.get(id.index, id.generation)?;
        let topic = pending.message.topic.clone();
        let route = ctx.routes.get(&topic)?;
        if let Some(queue) = &pending.options.queue {
            return Some(queue.clone());
        }
        let avoid = pending.avoid.clone();
        let state = self.topic_mut(&topic)?;
        let queues = route.writable_queues();
        let net = &ctx.net;
        let index = choose(queues, &mut state.cursor, avoid.as_ref(), |broker| net.is_reachable(broker))?;
        queues.get(index).cloned()
    }

    fn refused(&mut self, id: SendId, queue: Queue, refused: &CallRefused, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.sends.get_mut(id.index, id.generation) else { return };
        pending.state = State::Pausing;
        let at = (ctx.now + PAUSE).min(pending.deadline);
        if matches!(refused, CallRefused::NoAddress) {
            let topic = queue.topic.clone();
            let failure = AttemptFailure::NoMaster;
            let attempt = Attempt { queue, took: Duration::ZERO, progress: Progress::NotWritten, failure };
            Self::note_attempt(pending, attempt);
            ctx.doubt_route(&topic);
        }
        self.set_timer(id, at);
    }

    /// A one-way send's last byte has left.
    pub(crate) fn on_written(&mut self, id: SendId, ctx: &mut Ctx<'_>) {
        self.end_written(id, ctx);
    }

    /// The answer to an attempt, or why there is none.
    pub(crate) fn on_answer(&mut self, id: SendId, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.sends.get_mut(id.index, id.generation) else { return };
        let (State::Attempt(_, since), Some(queue)) = (pending.state, pending.queue.take()) else { return };
        let (progress, failure, again) = match answer {
            Ok(reply) => match receipt(reply, &queue, pending.message_id, pending.counted + 1, ctx) {
                Read::Stored(receipt) => return self.end_acknowledged(id, receipt, ctx),
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
        let free = progress == Progress::NotWritten && answer.is_err();
        pending.counted += u32::from(!free);
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
        let (ending, left) = (pending.ending.take(), pending.counted < pending.max_attempts);
        let in_time = pending.deadline > ctx.now;
        if stale {
            ctx.doubt_route(&topic);
        }
        match ending {
            Some(error) => self.end_failed(id, error, ctx),
            None if again && left && in_time => {
                ctx.stats.retries += 1;
                let _ = self.attempt(id, false, ctx);
            }
            None => self.end_failed(id, error, ctx),
        }
    }
}

enum Read {
    Stored(SendReceipt),
    Refused(ResponseCode, String),
    Nonsense(String),
}

fn receipt(
    reply: &Reply<'_>,
    asked: &Queue,
    message_id: crate::wire::message::UniqueId,
    attempts: u32,
    _ctx: &Ctx<'_>,
) -> Read {
    let code = reply.head.response_code();
    let Some(status) = SendStatus::of(code) else {
        return Read::Refused(code, reply.words());
    };
    let fields: Result<SendMessageResponse<'_>, FieldError> = reply.head.fields();
    match fields {
        Ok(fields) => Read::Stored(SendReceipt {
            status,
            message_id,
            offset_message_id: fields.msg_id.parse().ok(),
            queue: Queue { id: fields.queue_id.max(0) as u32, ..asked.clone() },
            queue_offset: fields.queue_offset,
            attempts,
        }),
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
            | ResponseCode::REQUEST_CODE_NOT_SUPPORTED
            | ResponseCode::FLOW_CONTROL
    )
}

/// Codes that say that the broker no longer has the topic, or not to be written to.
fn is_about_the_route(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::TOPIC_NOT_EXIST | ResponseCode::NO_PERMISSION)
}
