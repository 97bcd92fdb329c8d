//! All producers of a client and their sends under way: the room's door.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use super::config::{ProducerConfig, SendOptions};
use super::economy::Economy;
use super::message::Message;
use super::outcome::{Attempt, OnewayOutcome, SendError, SendFailure, SendOutcome};
use super::template::Templates;
use crate::client::call::CallId;
use crate::client::ctx::Ctx;
use crate::client::event::{Event, Events};
use crate::client::ids::{ConnId, ProducerId, SendId, Slab};
use crate::client::names::{BrokerName, Queue, Topic};
use crate::client::route::Use;
use crate::error::{Progress, RejectReason, Rejected};
use crate::time::Instant;
use crate::wire::body::heartbeat::ProducerData;
use crate::wire::fields::ReceiptShape;
use crate::wire::message::names::is_not_for_sending;
use crate::wire::message::properties::{check_len, names as property};
use crate::wire::message::{MessageRefused, NameError, UniqueId};

/// Attempts that are remembered of one send: the first half stays, the last ones follow.
const ATTEMPTS_KEPT: usize = 16;
/// Waiting sends that are tried again, or given up, in one step: well below a millisecond.
const SENDS_A_STEP: usize = 256;

#[derive(Clone, Debug, Hash)]
pub(super) struct Producer {
    pub(super) config: ProducerConfig,
    pending: usize,
    closing: bool,
}

/// What a send under way is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// Waits for a route, with this place in the line, until its deadline.
    Waiting(u64),
    /// Waits for its next attempt until then.
    Pausing(Instant),
    /// An attempt is under way since then.
    Attempt(CallId, Instant),
}

/// A send under way. There may be a hundred thousand: what few of them need is kept apart.
#[derive(Clone, Debug, Hash)]
pub(super) struct Pending {
    pub(super) message: Message,
    pub(super) message_id: UniqueId,
    pub(super) oneway: bool,
    pub(super) max_attempts: u16,
    /// Attempts that count: those of which something was written.
    pub(super) counted: u16,
    pub(super) producer: ProducerId,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
    pub(super) state: State,
    /// Where the attempt under way goes.
    pub(super) broker: Option<BrokerName>,
    pub(super) queue_id: u32,
    pub(super) cold: Option<Box<Cold>>,
}

/// What only unusual sends have.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Cold {
    /// The queue the application chose.
    pub(super) queue: Option<Queue>,
    pub(super) attempts: Vec<Attempt>,
    /// Broker of the last attempt, to be avoided.
    pub(super) avoid: Option<BrokerName>,
    /// It was given up: no further attempt.
    pub(super) ending: Option<SendError>,
    /// A peer about to go has sent it away once.
    pub(super) went_away: bool,
    /// What the last attempt failed with, should there be no other.
    pub(super) last_error: Option<SendError>,
}

impl Pending {
    pub(super) fn cold(&mut self) -> &mut Cold {
        self.cold.get_or_insert_default()
    }

    /// Changes what it is doing, and its timer with it.
    #[inline]
    pub(super) fn enter(&mut self, id: SendId, state: State, timers: &mut Timers) {
        let before = self.timer();
        self.state = state;
        let after = self.timer();
        if before != after {
            timers.extend(after.map(|at| (at, id.index, id.generation)));
            if let Some(at) = before {
                timers.remove(&(at, id.index, id.generation));
            }
        }
    }

    /// When its timer is set. Of an attempt that will be answered the connection watches the time.
    #[inline]
    pub(super) fn timer(&self) -> Option<Instant> {
        match self.state {
            State::Waiting(_) => Some(self.deadline),
            State::Pausing(at) => Some(at).filter(|at| *at < Instant::FAR_FUTURE),
            State::Attempt(..) => self.oneway.then_some(self.deadline),
        }
    }
}

#[derive(Clone, Debug, Default, Hash)]
pub(super) struct TopicState {
    pub(super) cursor: usize,
    waiting: BTreeMap<u64, SendId>,
    /// Nobody knows the topic: sends in the line up to this place end.
    unknown_to: Option<u64>,
    /// What name servers said last, for people.
    pub(super) trouble: Option<String>,
    /// The system keeps the topic for itself; found out once.
    reserved: Option<bool>,
    pub(super) templates: Templates,
}

/// When sends that are not watched by a connection are looked at: time, index, generation.
pub(super) type Timers = BTreeSet<(Instant, u32, u32)>;

/// The producers of one client.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Producers {
    pub(super) all: Slab<Producer>,
    pub(super) sends: Slab<Pending>,
    pub(super) topics: Vec<TopicState>,
    pub(super) timers: Timers,
    /// Topics whose waiting sends can go on, or end.
    ready: VecDeque<Topic>,
    held: usize,
    /// Last place given in a line.
    place: u64,
    pub(super) economy: Economy,
    left: Vec<String>,
    /// What brokers' answers to sends look like.
    pub(crate) receipts: ReceiptShape,
}

impl Producers {
    // ---- producers -----------------------------------------------------------------------------------------

    pub(crate) fn create(&mut self, config: ProducerConfig) -> Result<ProducerId, Rejected<ProducerConfig>> {
        if let Err(error) = config.check() {
            return Err(Rejected::new(RejectReason::Config(error), config));
        }
        if self.all.iter().any(|(_, _, producer)| producer.config.group == config.group) {
            return Err(Rejected::new(RejectReason::GroupTaken, config));
        }
        let (index, generation) = self.all.insert(Producer { config, pending: 0, closing: false });
        Ok(ProducerId { index, generation })
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn producer(&self, id: ProducerId) -> Option<&Producer> {
        self.all.get(id.index, id.generation)
    }

    /// Refuses new sends; the producer is gone when the last one has ended.
    pub(crate) fn close(&mut self, id: ProducerId, ctx: &mut Ctx<'_>) {
        if let Some(producer) = self.all.get_mut(id.index, id.generation) {
            producer.closing = true;
        }
        self.sweep(id, ctx.events);
    }

    pub(crate) fn begin_shutdown(&mut self, ctx: &mut Ctx<'_>) {
        let ids: Vec<_> =
            self.all.iter().map(|(index, generation, _)| ProducerId { index, generation }).collect();
        for id in ids {
            self.close(id, ctx);
        }
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.all.len() == 0
    }

    fn sweep(&mut self, id: ProducerId, events: &mut Events) {
        let done = self.producer(id).is_some_and(|producer| producer.closing && producer.pending == 0);
        if done && let Some(producer) = self.all.remove(id.index, id.generation) {
            self.topics.iter_mut().for_each(|topic| topic.templates.forget(id));
            self.left.push(producer.config.group);
            events.push(Event::ProducerClosed { producer: id });
        }
    }

    pub(crate) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Groups that left since the last call: brokers are to be told (UNREGISTER_CLIENT).
    pub(crate) fn take_left(&mut self) -> Vec<String> {
        core::mem::take(&mut self.left)
    }

    /// What heartbeats say about the producers.
    pub(crate) fn heartbeat_data(&self) -> impl Iterator<Item = ProducerData> {
        self.all.iter().map(|(_, _, producer)| ProducerData { group_name: producer.config.group.clone() })
    }

    /// Bytes of memory held by sends under way.
    pub(crate) fn held(&self) -> usize {
        self.held + self.sends.len() * size_of::<Pending>()
    }

    // ---- sends ---------------------------------------------------------------------------------------------

    /// Accepts a message; it ends in exactly one event with the id.
    #[inline]
    pub(crate) fn send(
        &mut self,
        id: ProducerId,
        message: Message,
        options: SendOptions,
        oneway: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<SendId, Rejected<Message>> {
        let checked = self.check(id, &message, &options, ctx);
        let (timeout, max_attempts) = match checked {
            Ok(limits) => limits,
            Err(reason) => return Err(Rejected::new(reason, message)),
        };
        let message_id = ctx.unique_ids.next(ctx.unix_ms);
        self.held += message.size();
        let cold = options.queue.map(|queue| Box::new(Cold { queue: Some(queue), ..Cold::default() }));
        let (index, generation) = self.sends.insert(Pending {
            message,
            message_id,
            oneway,
            max_attempts,
            counted: 0,
            producer: id,
            started: ctx.now,
            deadline: ctx.now + timeout,
            state: State::Pausing(Instant::FAR_FUTURE),
            broker: None,
            queue_id: 0,
            cold,
        });
        let send = SendId { index, generation };
        if let Err(reason) = self.attempt(send, true, ctx) {
            let pending = self.remove(send);
            return match pending {
                Some(pending) => Err(Rejected::new(reason, pending.message)),
                None => Ok(send),
            };
        }
        if let Some(producer) = self.all.get_mut(id.index, id.generation) {
            producer.pending += 1;
        }
        ctx.stats.sends += 1;
        Ok(send)
    }

    #[inline]
    fn check(
        &mut self,
        id: ProducerId,
        message: &Message,
        options: &SendOptions,
        ctx: &Ctx<'_>,
    ) -> Result<(core::time::Duration, u16), RejectReason> {
        let topic = message.topic.as_str();
        if !ctx.names.owns(&message.topic) {
            return Err(RejectReason::ForeignHandle);
        }
        let Some(state) = self.topic_mut(&message.topic) else { return Err(RejectReason::ForeignHandle) };
        let reserved = *state.reserved.get_or_insert_with(|| is_not_for_sending(topic));
        let Some(producer) = self.producer(id) else { return Err(RejectReason::ForeignHandle) };
        if producer.closing {
            return Err(RejectReason::Closed);
        }
        let (config, len) = (&producer.config, message.body.len());
        let refused = if reserved {
            Some(MessageRefused::Topic(NameError::NotForSending { topic: topic.into() }))
        } else if len == 0 {
            Some(MessageRefused::EmptyBody)
        } else if len > config.max_message_size {
            Some(MessageRefused::BodyTooLarge { len, max: config.max_message_size })
        } else {
            // The unique id is added when it is sent.
            let id = property::UNIQ_KEY.len() + 2 + 56;
            check_len(message.properties.len() + id).err().map(MessageRefused::Properties)
        };
        if let Some(refused) = refused {
            return Err(RejectReason::Message(refused));
        }
        if options.queue.as_ref().is_some_and(|queue| queue.topic != message.topic) {
            return Err(RejectReason::QueueOfAnotherTopic);
        }
        if options.queue.as_ref().is_some_and(|queue| !ctx.names.owns_broker(&queue.broker)) {
            return Err(RejectReason::ForeignHandle);
        }
        let limit = ctx.config.max_pending_sends;
        if self.sends.len() + ctx.events.endings() >= limit {
            let what =
                "sends under way, or ended and not polled: wait, poll events, or raise `max_pending_sends`";
            return Err(RejectReason::TooMany { what, limit });
        }
        let attempts = if options.queue.is_some() { 1 } else { 1 + config.retry_times_when_send_failed };
        let timeout = options.timeout.unwrap_or(config.send_msg_timeout);
        let attempts = options.max_attempts.unwrap_or(attempts).max(1);
        Ok((timeout, u16::try_from(attempts).unwrap_or(u16::MAX)))
    }

    /// Gives a send up. The connection that has something to say about it, if its bytes were queued already.
    pub(crate) fn cancel(&mut self, id: SendId, error: SendError, ctx: &mut Ctx<'_>) -> Option<ConnId> {
        let pending = self.sends.get_mut(id.index, id.generation)?;
        match pending.state {
            State::Attempt(call, _) => {
                pending.cold().ending = Some(error);
                ctx.net.cancel(call).then_some(call.conn)
            }
            State::Waiting(_) | State::Pausing(_) => {
                self.end_failed(id, error, ctx);
                None
            }
        }
    }

    pub(crate) fn is_pending(&self, id: SendId) -> bool {
        self.sends
            .get(id.index, id.generation)
            .is_some_and(|pending| pending.cold.as_ref().is_none_or(|cold| cold.ending.is_none()))
    }

    /// Gives every send up, at the end of a shutdown's grace.
    pub(crate) fn cancel_all(&mut self, ctx: &mut Ctx<'_>) -> Vec<ConnId> {
        let ids: Vec<_> =
            self.sends.iter().map(|(index, generation, _)| SendId { index, generation }).collect();
        let mut conns: Vec<_> =
            ids.into_iter().filter_map(|id| self.cancel(id, SendError::Stopped, ctx)).collect();
        conns.sort_unstable();
        conns.dedup();
        conns
    }

    // ---- waiting -------------------------------------------------------------------------------------------

    pub(super) fn topic_mut(&mut self, topic: &Topic) -> Option<&mut TopicState> {
        if self.topics.len() <= topic.index() {
            self.topics.resize_with(topic.index() + 1, TopicState::default);
        }
        self.topics.get_mut(topic.index())
    }

    /// Waits for the topic's route, until the send's deadline.
    pub(super) fn wait_for_route(&mut self, id: SendId, ctx: &mut Ctx<'_>) {
        self.place += 1;
        let place = self.place;
        let Some(pending) = self.sends.get_mut(id.index, id.generation) else { return };
        let topic = pending.message.topic.clone();
        let producer = self.all.get(pending.producer.index, pending.producer.generation);
        let queues = producer.map_or(u32::MAX, |producer| producer.config.default_topic_queue_nums);
        self.enter(id, State::Waiting(place));
        if let Some(state) = self.topic_mut(&topic) {
            state.waiting.insert(place, id);
        }
        let known = ctx.routes.get(&topic).is_some();
        ctx.want_route(&topic, Use::Publish(queues));
        if known {
            ctx.doubt_route(&topic);
        }
    }

    /// Changes what a send is doing, and its timer with it.
    pub(super) fn enter(&mut self, id: SendId, state: State) {
        if let Some(pending) = self.sends.get_mut(id.index, id.generation) {
            pending.enter(id, state, &mut self.timers);
        }
    }

    /// A route arrived: sends that waited for it go on, a bounded number in each step.
    pub(crate) fn on_route(&mut self, topic: &Topic, ctx: &mut Ctx<'_>) {
        if let Some(state) = self.topics.get_mut(topic.index()) {
            state.trouble = None;
            state.unknown_to = None;
            if !state.waiting.is_empty() {
                self.ready.push_back(topic.clone());
                self.run_ready(ctx);
            }
        }
    }

    /// Nobody knows the topic: sends that waited for its route end, a bounded number in each step.
    pub(crate) fn on_no_such_topic(&mut self, topic: &Topic, ctx: &mut Ctx<'_>) {
        let place = self.place;
        if let Some(state) = self.topics.get_mut(topic.index()).filter(|state| !state.waiting.is_empty()) {
            state.unknown_to = Some(place);
            self.ready.push_back(topic.clone());
            self.run_ready(ctx);
        }
    }

    fn run_ready(&mut self, ctx: &mut Ctx<'_>) {
        let mut budget = SENDS_A_STEP;
        while let Some(topic) = self.ready.front().cloned() {
            while budget > 0 && self.run_next_of(&topic, ctx) {
                budget -= 1;
            }
            if budget == 0 {
                return;
            }
            self.ready.pop_front();
        }
    }

    /// The first send of the topic's line goes on or ends; false if it has to wait, or there is none.
    fn run_next_of(&mut self, topic: &Topic, ctx: &mut Ctx<'_>) -> bool {
        let known = ctx.routes.get(topic).is_some_and(|route| !route.writable_queues().is_empty());
        let Some(state) = self.topic_mut(topic) else { return false };
        let Some((&place, &id)) = state.waiting.first_key_value() else { return false };
        if state.unknown_to.is_some_and(|last| place <= last) {
            self.end_failed(id, SendError::NoSuchTopic(topic.clone()), ctx);
        } else if known {
            state.waiting.pop_first();
            // Only the first attempt, made at the command, is refused.
            let _ = self.attempt(id, false, ctx);
        } else {
            return false;
        }
        true
    }

    /// A topic's route could not be had for now.
    pub(crate) fn on_route_trouble(&mut self, topic: &Topic, reason: &str) {
        if let Some(state) = self.topics.get_mut(topic.index()) {
            state.trouble = Some(reason.into());
        }
    }

    /// When [`on_timeout`](Self::on_timeout) wants to be called; work that is left over is due at once.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if !self.ready.is_empty() {
            return Some(Instant::ZERO);
        }
        self.timers.first().map(|(at, ..)| *at)
    }

    pub(crate) fn on_timeout(&mut self, ctx: &mut Ctx<'_>) -> Vec<ConnId> {
        self.run_ready(ctx);
        let mut touched = Vec::new();
        // What is left over is due at once.
        for _ in 0..SENDS_A_STEP {
            let Some(&(at, index, generation)) = self.timers.first().filter(|(at, ..)| *at <= ctx.now) else {
                break;
            };
            self.timers.remove(&(at, index, generation));
            let id = SendId { index, generation };
            let Some(pending) = self.sends.get_mut(index, generation) else { continue };
            if pending.deadline <= ctx.now {
                let error = self.timeout_error(id, ctx.now);
                touched.extend(self.cancel(id, error, ctx));
            } else if matches!(pending.state, State::Pausing(_)) {
                let _ = self.attempt(id, false, ctx);
            }
        }
        touched
    }

    fn timeout_error(&self, id: SendId, now: Instant) -> SendError {
        let Some(pending) = self.sends.get(id.index, id.generation) else { return SendError::Cancelled };
        let waited = now - pending.started;
        if !matches!(pending.state, State::Waiting(_)) {
            return SendError::Timeout(waited);
        }
        let topic = pending.message.topic.clone();
        let trouble = self.topics.get(topic.index()).and_then(|state| state.trouble.clone());
        let reason = trouble.unwrap_or_else(|| "it has no writable queue of a broker with a master".into());
        SendError::NoRoute { topic, waited, reason }
    }

    // ---- endings -------------------------------------------------------------------------------------------

    fn remove(&mut self, id: SendId) -> Option<Pending> {
        self.strike(id)?;
        self.sends.remove(id.index, id.generation)
    }

    /// As [`remove`](Self::remove), of a send of which nothing is given back; whose it was.
    fn discard(&mut self, id: SendId) -> Option<ProducerId> {
        let producer = self.strike(id)?;
        self.sends.discard(id.index, id.generation);
        Some(producer)
    }

    /// Takes a send off every list but that of sends; whose it is.
    fn strike(&mut self, id: SendId) -> Option<ProducerId> {
        let pending = self.sends.get(id.index, id.generation)?;
        let (producer, size, timer) = (pending.producer, pending.message.size(), pending.timer());
        if let State::Waiting(place) = pending.state
            && let Some(state) = self.topics.get_mut(pending.message.topic.index())
        {
            state.waiting.remove(&place);
        }
        self.forget(id, size, timer);
        Some(producer)
    }

    /// Of a send that waits for no route: what it holds, and its timer.
    #[inline]
    pub(super) fn forget(&mut self, id: SendId, size: usize, timer: Option<Instant>) {
        self.held = self.held.saturating_sub(size);
        if let Some(at) = timer {
            self.timers.remove(&(at, id.index, id.generation));
        }
    }

    pub(super) fn note_attempt(pending: &mut Pending, attempt: Attempt) {
        let cold = pending.cold();
        cold.avoid = Some(attempt.queue.broker.clone());
        if cold.attempts.len() >= ATTEMPTS_KEPT {
            cold.attempts.remove(ATTEMPTS_KEPT / 2);
        }
        cold.attempts.push(attempt);
    }

    pub(super) fn end_written(&mut self, id: SendId, ctx: &mut Ctx<'_>) {
        let Some(producer) = self.discard(id) else { return };
        ctx.stats.acknowledged += 1;
        ctx.events.push_ended(Event::OnewaySent { producer, id, outcome: OnewayOutcome::Written });
        self.ended(producer, ctx.events);
    }

    /// Ends a send without acknowledgement: indeterminate if any attempt may have been stored.
    pub(super) fn end_failed(&mut self, id: SendId, error: SendError, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.remove(id) else { return };
        let producer = pending.producer;
        let attempts = pending.cold.map(|cold| cold.attempts).unwrap_or_default();
        let maybe = attempts.iter().any(|attempt| attempt.progress == Progress::MayBeDelivered);
        let counter = if maybe { &mut ctx.stats.indeterminate } else { &mut ctx.stats.failed };
        *counter += 1;
        let failure = Box::new(SendFailure {
            error,
            message_id: pending.message_id,
            attempts,
            message: pending.message,
        });
        ctx.events.push(match (pending.oneway, maybe) {
            (false, false) => Event::Sent { producer, id, outcome: SendOutcome::Failed(failure) },
            (false, true) => Event::Sent { producer, id, outcome: SendOutcome::Indeterminate(failure) },
            (true, false) => Event::OnewaySent { producer, id, outcome: OnewayOutcome::Failed(failure) },
            (true, true) => {
                Event::OnewaySent { producer, id, outcome: OnewayOutcome::Indeterminate(failure) }
            }
        });
        self.ended(producer, ctx.events);
    }

    #[inline]
    pub(super) fn ended(&mut self, producer: ProducerId, events: &mut Events) {
        if let Some(state) = self.all.get_mut(producer.index, producer.generation) {
            state.pending = state.pending.saturating_sub(1);
            if !state.closing {
                return;
            }
        }
        self.sweep(producer, events);
    }
}
