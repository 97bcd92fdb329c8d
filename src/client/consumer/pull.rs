//! Pulling a queue, and every answer to a pull (Java `DefaultMQPushConsumerImpl.pullMessage`, `PullAPIWrapper`).

use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;

use super::config::PoisonPolicy;
use super::delivery::{Delivery, Lease, Pulled};
use super::notice::ConsumerNotice;
use super::process_queue::Batch;
use super::push::{ConsumerCall, Due, PullState, PushConsumer, what_went_wrong};
use super::sift::{Place, Sifted};
use crate::client::call::{Answer, Purpose, Replica, Target};
use crate::client::ctx::Ctx;
use crate::client::event::Event;
use crate::time::Instant;
use crate::wire::codes::ResponseCode;
use crate::wire::fields::{PullMessageRequest, PullMessageResponse};
use crate::wire::message::{Messages, PullSysFlag, WalkLimits, walk};

/// Until the next pull after FLOW_CONTROL (Java `PULL_TIME_DELAY_MILLS_WHEN_BROKER_FLOW_CONTROL`).
const BROKER_FLOW_CONTROL: Duration = Duration::from_millis(20);
/// A broker that answers "nothing new" sooner than this does not hold pulls back: the next one waits so long.
const EARLY_ANSWER: Duration = Duration::from_millis(100);
/// Starved queues looked at when something was finished.
const STARVED_A_STEP: usize = 8;

impl PushConsumer {
    /// Pulls the queue, or notes why it is not to be pulled now.
    pub(super) fn pull(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let starving = self.held_bytes > self.config.cached_bytes_limit || ctx.net.is_reading_paused();
        let limits = self.config.flow_limits();
        let running = self.is_running();
        let Some(queue) = self.queue_mut(lease) else { return };
        if !running || queue.releasing.is_some() {
            queue.pull = PullState::Stopped;
            return;
        }
        if !queue.process.may_pull(&limits) {
            queue.pull = PullState::Blocked;
            return;
        }
        if starving {
            queue.pull = PullState::Blocked;
            return self.starve(lease);
        }
        self.ask_pull(lease, ctx);
    }

    fn ask_pull(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(lease) else { return };
        queue.pull_number = queue.pull_number.wrapping_add(1);
        let number = queue.pull_number;
        let Some(queue) = self.queue(lease) else { return };
        let posted = self.config.post_subscription_when_pull;
        let flag = PullSysFlag(PullSysFlag::SUSPEND).with(PullSysFlag::SUBSCRIPTION, posted);
        let request = PullMessageRequest {
            broker_name: Some(queue.queue.broker.as_str().into()),
            commit_offset: 0,
            consumer_group: self.group().into(),
            expression_type: Some(queue.filter.expression().expression_type.as_str().into()),
            lite_topic: None,
            max_msg_bytes: Some(i32::try_from(self.config.pull_batch_size_in_bytes).unwrap_or(i32::MAX)),
            // A message that could not be read is asked for alone, so that skipping it skips nothing else.
            max_msg_nums: if queue.poisoned > 0 { 1 } else { self.config.pull_batch_size as i32 },
            proxy_forward_client_id: None,
            queue_id: queue.queue.id as i32,
            queue_offset: queue.process.position(),
            request_source: None,
            sub_version: queue.version,
            subscription: posted.then(|| queue.filter.as_str().into()),
            suspend_timeout_millis: self.config.broker_suspend_max_time.as_millis() as i64,
            sys_flag: flag.0,
            topic: queue.queue.topic.as_str().into(),
        };
        let broker = queue.queue.broker.clone();
        let master = queue.replica == 0 && ctx.net.has_master(&broker);
        let to = Target::Broker { name: broker, replica: Replica::Prefer(queue.replica) };
        let purpose = Purpose::Consumer(self.id, ConsumerCall::Pull(lease, number));
        let timeout = self.config.consumer_timeout_when_suspend;
        let asked = ctx.net.call(&to, &request, &Bytes::new(), purpose, timeout, ctx.now);
        match (asked, self.queue_mut(lease)) {
            (Ok(_), Some(queue)) => {
                queue.pull = PullState::InFlight(ctx.now);
                queue.asked_master = master;
                self.stats.pulls += 1;
            }
            (Err(_), _) => self.pull_later(lease, self.config.pull_time_delay_when_exception, ctx),
            (Ok(_), None) => {}
        }
    }

    fn pull_later(&mut self, lease: Lease, wait: Duration, ctx: &mut Ctx<'_>) {
        if let Some(queue) = self.queue_mut(lease) {
            queue.pull = PullState::Delayed;
            self.set_timer(ctx.now + wait, Due::Pull(lease));
        }
    }

    pub(super) fn pull_after_delay(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        if self.queue(lease).is_some_and(|queue| queue.pull == PullState::Delayed) {
            self.pull(lease, ctx);
        }
    }

    /// Something of the queue was finished: it may be pulled again.
    pub(super) fn pull_if_blocked(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let limits = self.config.flow_limits();
        let free = self.held_bytes <= self.config.cached_bytes_limit && !ctx.net.is_reading_paused();
        let ready = |queue: &&super::push::Assigned| {
            queue.pull == PullState::Blocked && queue.process.may_pull(&limits)
        };
        if self.queue(lease).as_ref().is_some_and(ready) {
            if free {
                self.pull(lease, ctx);
            } else {
                self.starve(lease);
            }
        }
        self.pull_starved(ctx);
    }

    /// Puts a blocked queue in the line of those that wait for bytes, once.
    fn starve(&mut self, lease: Lease) {
        if let Some(queue) = self.queue_mut(lease)
            && !core::mem::replace(&mut queue.starving, true)
        {
            self.starved.push_back(lease);
        }
    }

    /// Whether queues wait for bytes that are free now.
    pub(super) fn may_feed_starved(&self) -> bool {
        !self.paused && !self.starved.is_empty() && self.held_bytes <= self.config.cached_bytes_limit
    }

    /// Bytes were freed: queues that waited for that go on, a few at a time; the rest is a deadline at once.
    pub(super) fn pull_starved(&mut self, ctx: &mut Ctx<'_>) {
        for _ in 0..STARVED_A_STEP {
            if !self.may_feed_starved() {
                return;
            }
            let Some(lease) = self.starved.pop_front() else { return };
            let Some(queue) = self.queue_mut(lease) else { continue };
            queue.starving = false;
            if queue.pull == PullState::Blocked {
                self.pull(lease, ctx);
            }
        }
    }

    // ---- answers -------------------------------------------------------------------------------------------

    /// The filter changed: a pull on its way has the old one, and the broker passes over what only the new one
    /// wants. Its answer is not looked at; the next pull leaves when brokers have been told.
    pub(super) fn pull_anew(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        if let Some(queue) = self.queue_mut(lease)
            && matches!(queue.pull, PullState::InFlight(_))
        {
            queue.pull_number = queue.pull_number.wrapping_add(1);
            self.pull_later(lease, EARLY_ANSWER, ctx);
        }
    }

    pub(super) fn on_pull(&mut self, lease: Lease, number: u32, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        let running = self.is_running();
        let Some(queue) = self.queue_mut(lease).filter(|queue| queue.pull_number == number) else { return };
        let PullState::InFlight(asked_at) = queue.pull else { return };
        if !running || queue.releasing.is_some() {
            // What came is not taken: its offsets are not passed, so that it comes again.
            queue.pull = PullState::Stopped;
            return;
        }
        let code = answer.as_ref().ok().map(|reply| reply.head.response_code());
        if code == Some(ResponseCode::FLOW_CONTROL) {
            return self.pull_later(lease, BROKER_FLOW_CONTROL, ctx);
        }
        let response = answer.as_ref().ok().and_then(|reply| reply.head.fields::<PullMessageResponse>().ok());
        match (code, response, &answer) {
            (Some(ResponseCode::SUCCESS), Some(response), Ok(reply)) => {
                let body = reply.body.to_bytes();
                self.on_found(lease, &response, &body, ctx);
            }
            (
                Some(ResponseCode::PULL_NOT_FOUND | ResponseCode::PULL_RETRY_IMMEDIATELY),
                Some(response),
                _,
            ) => {
                self.on_nothing(lease, &response, asked_at, ctx);
            }
            (Some(ResponseCode::PULL_OFFSET_MOVED), Some(response), _) => {
                self.on_illegal(lease, &response, ctx);
            }
            _ => self.pull_failed(lease, answer, ctx),
        }
    }

    fn pull_failed(&mut self, lease: Lease, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(lease) else { return };
        // Another replica may have been at fault: the master is asked next.
        queue.replica = 0;
        let queue = queue.queue.clone();
        let (code, remark) = what_went_wrong(answer);
        if matches!(code, Some(ResponseCode::SUBSCRIPTION_NOT_EXIST | ResponseCode::SUBSCRIPTION_NOT_LATEST))
        {
            self.register_again(ctx.now);
        }
        // Brokers move, queues are taken from them, masters die: the route may know more by now.
        if matches!(code, None | Some(ResponseCode::TOPIC_NOT_EXIST | ResponseCode::NO_PERMISSION)) {
            ctx.doubt_route(&queue.topic);
        }
        self.stats.pull_errors += 1;
        self.notice(ConsumerNotice::PullFailed { queue, code, remark }, ctx);
        let wait = ctx.rng.jitter(self.config.pull_time_delay_when_exception);
        self.pull_later(lease, wait, ctx);
    }

    /// The answer contradicts the question or itself: it is reported and asked again, and nothing moves.
    fn pull_nonsense(&mut self, lease: Lease, asked: i64, next: i64, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue(lease).map(|queue| queue.queue.clone()) else { return };
        self.notice(ConsumerNotice::PullNonsense { queue, asked, next }, ctx);
        self.pull_later(lease, self.config.pull_time_delay_when_exception, ctx);
    }

    /// Nothing there, or nothing that matches: the queue goes on where the broker says, never backwards and never
    /// beyond what it says it has.
    fn on_nothing(
        &mut self,
        lease: Lease,
        response: &PullMessageResponse,
        asked_at: Instant,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(queue) = self.queue_mut(lease) else { return };
        let asked = queue.process.position();
        queue.replica = response.suggest_which_broker_id;
        if response.next_begin_offset < asked || response.next_begin_offset > asked.max(response.max_offset) {
            return self.pull_nonsense(lease, asked, response.next_begin_offset, ctx);
        }
        queue.process.advance(response.next_begin_offset);
        if response.next_begin_offset == asked && ctx.now - asked_at < EARLY_ANSWER {
            return self.pull_later(lease, EARLY_ANSWER, ctx);
        }
        self.pull(lease, ctx);
    }

    /// The broker does not have the offset. A slave may merely be behind: the master is asked before anything moves.
    fn on_illegal(&mut self, lease: Lease, response: &PullMessageResponse, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(lease) else { return };
        if !queue.asked_master {
            let asked_suggested = core::mem::take(&mut queue.replica) != 0;
            if asked_suggested && ctx.net.has_master(&queue.queue.broker) {
                return self.pull(lease, ctx);
            }
            // No master is known: the slave may catch up, or the master come back.
            return self.pull_later(lease, self.config.pull_time_delay_when_exception, ctx);
        }
        let from = queue.process.position();
        let (min, max) = (response.min_offset, response.max_offset);
        if min < 0 || min > max {
            return self.pull_nonsense(lease, from, response.next_begin_offset, ctx);
        }
        // The nearest offset the broker has. Backwards, what is not finished below it is begun again.
        let mut to = from.clamp(min, max);
        if to < from {
            to = to.min(queue.process.lowest_unfinished()).max(min);
        }
        let of = queue.queue.clone();
        self.notice(ConsumerNotice::OffsetReset { queue: of.clone(), from, to, min, max }, ctx);
        if to > from {
            // The messages between are gone from the broker; those delivered already may still be finished.
            queue_advance(self, lease, to);
            return self.pull(lease, ctx);
        }
        if to == from {
            return self.pull_later(lease, self.config.pull_time_delay_when_exception, ctx);
        }
        // Backwards: a new assignment, which no settlement and no answer of the old one can touch.
        let Some(old) = self.forget(lease) else { return };
        let Some(lease) = self.insert(of, ctx.now) else { return };
        if let Some(queue) = self.queue_mut(lease) {
            queue.process = super::process_queue::ProcessQueue::new(to);
            queue.committed = old.committed;
            queue.pull = PullState::Delayed;
        }
        self.commit(lease, ctx);
        self.pull(lease, ctx);
    }

    fn on_found(&mut self, lease: Lease, response: &PullMessageResponse, body: &Bytes, ctx: &mut Ctx<'_>) {
        let mut walk_limits = WalkLimits::default();
        // What an answer can grow to must fit into what the budget keeps for answers.
        let most = ctx.config.memory_budget / 8;
        let inflate = &mut walk_limits.inflate;
        (inflate.max_batch, inflate.max_output) = (inflate.max_batch.min(most), inflate.max_output.min(most));
        let mut messages = walk(body, true, &walk_limits);
        let poison = self.dispose_of_poison(lease, &mut messages, ctx);
        let retries = self.poison_retries();
        let (engine, consumer) = (self.engine, self.id);
        let Some(queue) = self.queue_mut(lease) else { return };
        let asked = queue.process.position();
        queue.replica = response.suggest_which_broker_id;
        let place = Place::new(&queue.queue, asked, response, &messages, walk_limits.max_messages);
        let strict = poison == FoundPoison::None && queue.poisoned < retries;
        let Sifted { last, filtered, doubtful } = place.sift(&mut messages, &queue.filter, strict);
        if doubtful {
            queue.poisoned = if last < asked { queue.poisoned.saturating_add(1) } else { 1 };
        } else if poison == FoundPoison::None {
            queue.poisoned = 0;
        }
        // What is to be pulled again holds the queue behind the last good message before it.
        let again = poison == FoundPoison::HeldBack || doubtful;
        let next = if again {
            last.saturating_add(1)
        } else {
            response.next_begin_offset.min(response.max_offset).max(last.saturating_add(1))
        };
        if doubtful {
            let queue = queue.queue.clone();
            self.notice(ConsumerNotice::PullNonsense { queue, asked, next: response.next_begin_offset }, ctx);
        }
        let progress = next > asked;
        self.stats.filtered += filtered;
        if messages.is_empty() {
            let lie = last < asked && response.next_begin_offset > asked.max(response.max_offset);
            if !again && (!progress || lie) {
                return self.pull_nonsense(lease, asked, response.next_begin_offset, ctx);
            }
            queue_advance(self, lease, next);
            let wait = if again { self.config.pull_time_delay_when_exception } else { Duration::ZERO };
            return self.pull_again(lease, wait, ctx);
        }
        let Some(queue) = self.queue_mut(lease) else { return };
        let pulled = Arc::new(Pulled {
            engine,
            consumer,
            queue: queue.queue.clone(),
            lease,
            number: queue.process.next_number(),
            messages,
            retried: queue.retried,
            offset_delta: response.offset_delta.unwrap_or(0),
        });
        let wait = if again { self.config.pull_time_delay_when_exception } else { self.config.pull_interval };
        self.deliver(lease, &pulled, next, ctx);
        self.pull_again(lease, wait, ctx);
    }

    /// Hands messages to the application, for the first time or again.
    pub(super) fn hand_over(&mut self, delivery: Delivery, ctx: &mut Ctx<'_>) {
        self.stats.delivered += delivery.len() as u64;
        ctx.stats.delivered += delivery.len() as u64;
        ctx.events.push(Event::Delivered(delivery));
    }

    fn pull_again(&mut self, lease: Lease, wait: Duration, ctx: &mut Ctx<'_>) {
        if wait.is_zero() {
            self.pull(lease, ctx);
        } else {
            self.pull_later(lease, wait, ctx);
        }
    }

    /// Puts a batch into the process queue and hands it out.
    fn deliver(&mut self, lease: Lease, pulled: &Arc<Pulled>, next: i64, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(lease) else { return };
        if queue.process.front().is_none() {
            queue.progress_at = ctx.now;
        }
        let before = queue.process.held();
        queue.process.push(pulled.clone(), next);
        let bytes = queue.process.held() - before;
        let len = Batch::len(pulled);
        self.held_bytes += bytes;
        self.count_unfinished(len as i64);
        self.hand_over(Delivery::new(pulled.clone(), 0..len), ctx);
        self.watch_lease(lease, ctx);
    }

    /// How often what cannot be read, or cannot be, is pulled again before it is passed.
    fn poison_retries(&self) -> u32 {
        match self.config.poison {
            PoisonPolicy::Skip => self.config.poison_retries,
            PoisonPolicy::Hold => u32::MAX,
        }
    }

    /// Reports poison. While it is to be pulled again the messages from it on are put aside.
    fn dispose_of_poison(&mut self, lease: Lease, messages: &mut Messages, ctx: &mut Ctx<'_>) -> FoundPoison {
        let found = messages.take_poison();
        let retries = self.poison_retries();
        let (Some(queue), Some(first)) = (self.queue_mut(lease), found.first()) else {
            return FoundPoison::None;
        };
        // A new front means that the poison met before was passed or has gone.
        if first.before > 0 {
            queue.poisoned = 0;
        }
        let again = queue.poisoned < retries;
        queue.poisoned = if again { queue.poisoned.saturating_add(1) } else { 0 };
        let of = queue.queue.clone();
        self.stats.poison += if again { 1 } else { found.len() as u64 };
        for poison in found.iter().take(if again { 1 } else { found.len() }) {
            let notice = ConsumerNotice::Poison {
                queue: of.clone(),
                offset: poison.queue_offset,
                reason: poison.reason.clone(),
                skipped: !again,
            };
            self.notice(notice, ctx);
        }
        if !again {
            return FoundPoison::Passed;
        }
        drop(messages.split_off(first.before));
        FoundPoison::HeldBack
    }
}

/// What became of the messages of an answer that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FoundPoison {
    None,
    Passed,
    /// They and what follows are pulled again.
    HeldBack,
}

/// Passes offsets of a queue that bring no message.
fn queue_advance(consumer: &mut PushConsumer, lease: Lease, next: i64) {
    if let Some(queue) = consumer.queue_mut(lease) {
        queue.process.advance(next);
    }
}
