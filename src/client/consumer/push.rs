//! One push consumer: its queues, its timers, opening and closing.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use smallvec::SmallVec;

use super::config::PushConsumerConfig;
use super::delivery::{Delivery, Lease, Pulled};
use super::leases::Leases;
use super::notice::{ConsumerNotice, ConsumerStats, Uncommitted};
use super::process_queue::{BatchNumber, ProcessQueue};
use super::rebalance::Work;
use super::settle::OnTheirWay;
use super::subscription::{Subscription, TagFilter};
use crate::client::action::WakeReason;
use crate::client::call::Answer;
use crate::client::ctx::Ctx;
use crate::client::event::{Event, Notice};
use crate::client::ids::{ConsumerId, Slab};
use crate::client::names::{BrokerName, Queue, Topic};
use crate::time::Instant;
use crate::wire::body::ConsumerData;

/// What a request of a consumer was for.
#[derive(Clone, Debug, Hash)]
pub(crate) enum ConsumerCall {
    Members(Topic),
    StoredOffset(Lease),
    StartOffset(Lease),
    /// With its number: the answer to an older pull is for nobody.
    Pull(Lease, u32),
    // Boxed: every request in flight keeps room for the largest of these.
    Commit(Box<(Lease, i64)>),
    SendBack(Box<Returning>),
    SendAsMessage(Box<Returning>),
}

/// One message on its way back to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Returning {
    pub(super) lease: Lease,
    pub(super) number: BatchNumber,
    pub(super) index: u32,
    pub(super) delay_level: i32,
}

/// What a queue is doing about pulling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PullState {
    /// It is not known yet where to begin; a question or a timer is on its way.
    Starting,
    /// A pull is on its way since then.
    InFlight(Instant),
    /// A timer will pull.
    Delayed,
    /// Too much is unfinished: a settlement will pull.
    Blocked,
    /// No more pulls.
    Stopped,
}

/// A queue assigned to this consumer.
#[derive(Clone, Debug, Hash)]
pub(super) struct Assigned {
    pub(super) queue: Queue,
    pub(super) filter: TagFilter,
    pub(super) version: i64,
    pub(super) retried: bool,
    pub(super) process: ProcessQueue<Arc<Pulled>>,
    pub(super) pull: PullState,
    /// It is in the line of queues that wait for bytes.
    pub(super) starving: bool,
    /// Of the pull asked last.
    pub(super) pull_number: u32,
    /// Replica the broker suggested for the next pull; 0 is the master.
    pub(super) replica: i64,
    /// The pull on its way goes to the master: what it says of its offsets counts.
    pub(super) asked_master: bool,
    /// How often the message at the position could not be read, or could not be one of the queue there.
    pub(super) poisoned: u32,
    /// What the broker is known to have.
    pub(super) committed: Option<i64>,
    /// The broker may have lost it: it is committed once more.
    pub(super) confirm: bool,
    pub(super) committing: bool,
    /// Revoked: the queue goes when its last commit is done. True in the pair: it is assigned again then.
    pub(super) releasing: Option<bool>,
    pub(super) commit_failures: u32,
    /// Messages on their way back.
    pub(super) returning: OnTheirWay,
    /// When the oldest delivery became the oldest or last made progress.
    pub(super) progress_at: Instant,
    pub(super) lease_timer: bool,
}

impl Assigned {
    /// Whether what is finished is more than what the broker is known to have.
    pub(super) fn is_behind(&self) -> bool {
        self.pull != PullState::Starting && self.committed != Some(self.process.lowest_unfinished())
    }

    /// Whether the next round of commits is to tell the broker something.
    pub(super) fn is_for_the_next_round(&self) -> bool {
        self.commit_failures == 0 && !self.committing && self.wants_commit()
    }

    /// Whether there is something to tell the broker.
    pub(super) fn wants_commit(&self) -> bool {
        self.is_behind() || (self.confirm && self.pull != PullState::Starting)
    }
}

/// A timer of one consumer.
#[derive(Debug, Hash)]
pub(super) enum Due {
    Start(Lease),
    Pull(Lease),
    Commit(Lease),
    Forgotten(Lease),
    Redeliver(Delivery),
}

#[cfg(feature = "test-support")]
impl Clone for Due {
    fn clone(&self) -> Self {
        match self {
            Self::Start(lease) => Self::Start(*lease),
            Self::Pull(lease) => Self::Pull(*lease),
            Self::Commit(lease) => Self::Commit(*lease),
            Self::Forgotten(lease) => Self::Forgotten(*lease),
            Self::Redeliver(delivery) => Self::Redeliver(delivery.duplicate()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Running,
    /// Waits for settlements until the first instant, for commits until the second.
    Draining(Instant, Instant),
    /// Waits for the last commits.
    Committing(Instant),
    Closed,
}

#[cfg_attr(feature = "test-support", derive(Clone))]
#[derive(Debug, Hash)]
pub(crate) struct PushConsumer {
    pub(super) id: ConsumerId,
    pub(super) engine: u64,
    pub(super) config: PushConsumerConfig,
    pub(super) retry_topic: Topic,
    pub(super) phase: Phase,
    pub(super) subscriptions: BTreeMap<Topic, Subscription>,
    pub(super) queues: Slab<Assigned>,
    pub(super) leases: Leases,
    /// Queues not pulled because all queues together hold too much.
    pub(super) starved: VecDeque<Lease>,
    pub(super) held_bytes: usize,
    /// The client has no room for answers: nothing is pulled.
    pub(super) paused: bool,
    pub(super) timers: BTreeMap<(Instant, u64), Due>,
    pub(super) timer_number: u64,
    pub(super) rebalance_at: Instant,
    pub(super) rebalanced_at: Option<Instant>,
    pub(super) commit_at: Instant,
    /// Some queue has something to commit that no round has come to: without, a round is no deadline.
    pub(super) commits_wanted: bool,
    /// Queues that were changed since that was last found out.
    pub(super) touched: SmallVec<[Lease; 4]>,
    /// Queues that a round of commits has not come to yet.
    pub(super) to_commit: VecDeque<Lease>,
    /// Changes of the assignment still to be made.
    pub(super) work: VecDeque<Work>,
    /// When the last slice of it was made.
    pub(super) work_at: Instant,
    /// Where a topic's first commit is on its way, and of which queue: others wait for it.
    pub(super) first_commits: BTreeMap<(Topic, BrokerName), Lease>,
    /// Where it has been made.
    pub(super) offset_tables: BTreeSet<(Topic, BrokerName)>,
    pub(super) uncommitted: Vec<Uncommitted>,
    /// While closing: messages given back unfinished. Nobody will be asked about them again.
    pub(super) given_back: u64,
    /// What brokers were told about this consumer is out of date.
    pub(super) registration_changed: bool,
    /// When a broker last made it tell them again.
    pub(super) registered_again_at: Option<Instant>,
    /// The newest version given to a subscription of this consumer, or of one of the client before it.
    pub(super) newest_version: i64,
    pub(super) stats: ConsumerStats,
}

/// Changed queues that are remembered before they are looked at.
const MOST_TOUCHED: usize = 64;
/// Timers run in one step.
const TIMERS_A_STEP: usize = 64;

impl PushConsumer {
    pub(super) fn new(
        id: ConsumerId,
        config: PushConsumerConfig,
        retry_topic: &Topic,
        newest_version: i64,
        ctx: &mut Ctx<'_>,
    ) -> Self {
        let mut consumer = Self {
            id,
            engine: ctx.ids.engine(),
            retry_topic: retry_topic.clone(),
            phase: Phase::Running,
            subscriptions: BTreeMap::new(),
            queues: Slab::default(),
            leases: Leases::default(),
            starved: VecDeque::new(),
            held_bytes: 0,
            paused: ctx.net.is_reading_paused(),
            timers: BTreeMap::new(),
            timer_number: 0,
            rebalance_at: ctx.now,
            rebalanced_at: None,
            commit_at: ctx.now + config.persist_consumer_offset_interval,
            commits_wanted: false,
            touched: SmallVec::new(),
            to_commit: VecDeque::new(),
            work: VecDeque::new(),
            work_at: ctx.now,
            first_commits: BTreeMap::new(),
            offset_tables: BTreeSet::new(),
            uncommitted: Vec::new(),
            given_back: 0,
            registration_changed: true,
            registered_again_at: None,
            newest_version,
            stats: ConsumerStats::default(),
            config,
        };
        consumer.subscribe(retry_topic, TagFilter::all(), ctx);
        consumer
    }

    pub(super) fn group(&self) -> &str {
        &self.config.group
    }

    pub(super) fn notice(&self, notice: ConsumerNotice, ctx: &mut Ctx<'_>) {
        ctx.notices.push(Notice::Consumer { consumer: self.id, notice });
    }

    // ---- subscriptions -------------------------------------------------------------------------------------

    /// Adds a subscription, or changes its filter: queues held already go on with the new one.
    pub(super) fn subscribe(&mut self, topic: &Topic, filter: TagFilter, ctx: &mut Ctx<'_>) {
        // Brokers keep the newest version, also of what was unsubscribed: one made in the same millisecond, or after
        // the wall clock was set back, must be newer, too.
        self.newest_version = ctx.unix_ms.max(self.newest_version.saturating_add(1));
        let mut subscription = Subscription::new(filter, self.newest_version);
        if let Some(before) = self.subscriptions.remove(topic) {
            subscription.first_seen = before.first_seen;
            subscription.asking = before.asking;
        }
        for lease in self.leases_of(topic) {
            let Some(queue) = self.queue_mut(lease) else { continue };
            let same = queue.filter == subscription.filter;
            queue.filter = subscription.filter.clone();
            queue.version = subscription.version;
            if !same {
                self.pull_anew(lease, ctx);
            }
        }
        self.subscriptions.insert(topic.clone(), subscription);
        self.registration_changed = true;
        self.rebalance_soon(ctx.now);
    }

    /// Ends a subscription: its queues are released, their offsets committed.
    pub(super) fn unsubscribe(&mut self, topic: &Topic, ctx: &mut Ctx<'_>) {
        if *topic == self.retry_topic || self.subscriptions.remove(topic).is_none() {
            return;
        }
        self.registration_changed = true;
        let leases = self.leases_of(topic);
        self.work.extend(leases.into_iter().map(Work::Revoke));
        self.run_work(ctx);
    }

    pub(super) fn heartbeat_data(&self) -> ConsumerData {
        use super::config::ConsumeFrom;
        let from = match self.config.consume_from {
            ConsumeFrom::First => "CONSUME_FROM_FIRST_OFFSET",
            ConsumeFrom::Last => "CONSUME_FROM_LAST_OFFSET",
            ConsumeFrom::Timestamp(_) => "CONSUME_FROM_TIMESTAMP",
        };
        ConsumerData {
            consume_from_where: from.into(),
            consume_type: "CONSUME_PASSIVELY".into(),
            group_name: self.config.group.clone(),
            message_model: "CLUSTERING".into(),
            subscription_data_set: self.subscriptions.iter().map(|(topic, s)| s.data(topic)).collect(),
            unit_mode: self.config.unit_mode,
        }
    }

    /// A broker does not know what is subscribed: it is told again, though not for each answer that says so.
    pub(super) fn register_again(&mut self, now: Instant) {
        let least = self.config.rebalance_min_interval;
        if self.registered_again_at.is_none_or(|last| last + least <= now) {
            self.registered_again_at = Some(now);
            self.registration_changed = true;
        }
    }

    // ---- queues --------------------------------------------------------------------------------------------

    pub(super) fn queue(&self, lease: Lease) -> Option<&Assigned> {
        self.queues.get(lease.slot, lease.generation)
    }

    /// Every change of a queue goes through here: afterwards it may have something to commit.
    pub(super) fn queue_mut(&mut self, lease: Lease) -> Option<&mut Assigned> {
        if self.touched.last() != Some(&lease) {
            if self.touched.len() == MOST_TOUCHED {
                self.note_commits();
            }
            self.touched.push(lease);
        }
        self.queues.get_mut(lease.slot, lease.generation)
    }

    pub(super) fn leases_of(&self, topic: &Topic) -> Vec<Lease> {
        self.leases.of_topic(topic).map(|(_, _, lease)| lease).collect()
    }

    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    // ---- timers --------------------------------------------------------------------------------------------

    pub(super) fn set_timer(&mut self, at: Instant, due: Due) {
        self.timer_number += 1;
        self.timers.insert((at, self.timer_number), due);
    }

    /// The next deadline and what it is for.
    pub(super) fn next_deadline(&mut self) -> Option<(Instant, WakeReason)> {
        self.note_commits();
        let own = match self.phase {
            Phase::Running => (self.rebalance_at, WakeReason::Rebalance),
            Phase::Draining(until, _) | Phase::Committing(until) => (until, WakeReason::CloseConsumer),
            Phase::Closed => return None,
        };
        let round = self.commits_wanted.then_some((self.commit_at, WakeReason::CommitOffsets));
        let work = (!self.work.is_empty()).then_some((self.work_at, WakeReason::Rebalance));
        let starved = self.may_feed_starved().then_some((self.work_at, WakeReason::MoreWork));
        let commits = (!self.to_commit.is_empty()).then_some((self.work_at, WakeReason::CommitOffsets));
        let timer = self.timers.first_key_value().map(|(key, due)| {
            let reason = match due {
                Due::Start(_) => WakeReason::StartOffset,
                Due::Pull(_) => WakeReason::Pull,
                Due::Commit(_) => WakeReason::CommitOffsets,
                Due::Forgotten(_) => WakeReason::DeliveryLease,
                Due::Redeliver(_) => WakeReason::Redelivery,
            };
            (key.0, reason)
        });
        let others = round.into_iter().chain(work).chain(starved).chain(commits).chain(timer);
        core::iter::once(own).chain(others).min_by_key(|(at, _)| *at)
    }

    pub(super) fn handle_timeout(&mut self, ctx: &mut Ctx<'_>) {
        self.run_work(ctx);
        self.pull_starved(ctx);
        for _ in 0..TIMERS_A_STEP {
            let Some(first) = self.timers.first_entry().filter(|entry| entry.key().0 <= ctx.now) else {
                break;
            };
            match first.remove() {
                Due::Start(lease) => self.ask_stored_offset(lease, ctx),
                Due::Pull(lease) => self.pull_after_delay(lease, ctx),
                Due::Commit(lease) => self.commit(lease, ctx),
                Due::Forgotten(lease) => self.check_forgotten(lease, ctx),
                Due::Redeliver(delivery) => self.redeliver(&delivery, ctx),
            }
        }
        self.note_commits();
        if self.phase != Phase::Closed && self.commits_wanted && self.commit_at <= ctx.now {
            self.commit_at = ctx.now + self.config.persist_consumer_offset_interval;
            self.to_commit = self.leases.all().collect();
            self.commits_wanted = false;
        }
        self.commit_some(ctx);
        match self.phase {
            Phase::Running if self.rebalance_at <= ctx.now => self.rebalance(ctx),
            Phase::Draining(until, end) if until <= ctx.now => self.stop_waiting(end, ctx),
            Phase::Committing(end) if end <= ctx.now => self.give_up(ctx),
            _ => {}
        }
    }

    // ---- answers -------------------------------------------------------------------------------------------

    pub(super) fn on_answer(&mut self, call: ConsumerCall, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        match call {
            ConsumerCall::Members(topic) => self.on_members(&topic, answer, ctx),
            ConsumerCall::StoredOffset(lease) => self.on_stored_offset(lease, answer, ctx),
            ConsumerCall::StartOffset(lease) => self.on_start_offset(lease, answer, ctx),
            ConsumerCall::Pull(lease, number) => self.on_pull(lease, number, answer, ctx),
            ConsumerCall::Commit(commit) => self.on_commit(commit.0, commit.1, answer, ctx),
            ConsumerCall::SendBack(returning) => self.on_sent_back(*returning, answer, ctx),
            ConsumerCall::SendAsMessage(returning) => self.on_sent_as_message(*returning, answer, ctx),
        }
    }

    // ---- closing -------------------------------------------------------------------------------------------

    /// Stops pulling, waits for what is unsettled, commits, all within `grace`.
    pub(super) fn close(&mut self, grace: Duration, ctx: &mut Ctx<'_>) {
        if self.phase != Phase::Running {
            return;
        }
        // Part of the time is kept for the last commits.
        let reserve = (grace / 4).min(Duration::from_secs(3));
        let end = ctx.now + grace;
        self.phase = Phase::Draining(ctx.now + grace.saturating_sub(reserve), end);
        self.work.clear();
        let waiting = self.timers.values().filter_map(|due| match due {
            Due::Redeliver(delivery) => Some(self.unfinished_of(delivery)),
            _ => None,
        });
        self.given_back = waiting.sum();
        for lease in self.all_leases() {
            if let Some(queue) = self.queue_mut(lease)
                && queue.pull != PullState::Starting
                && !matches!(queue.pull, PullState::InFlight(_))
            {
                queue.pull = PullState::Stopped;
            }
        }
        self.check_drained(ctx);
    }

    pub(super) fn all_leases(&self) -> Vec<Lease> {
        self.leases.all().collect()
    }

    /// Messages of a delivery that are neither finished nor on their way back.
    pub(super) fn unfinished_of(&self, delivery: &Delivery) -> u64 {
        let number = delivery.pulled.number;
        let Some(queue) = self.queue(delivery.pulled.lease) else { return 0 };
        let open = |index: &usize| {
            !queue.process.is_finished(number, *index) && !queue.returning.has(number, *index)
        };
        delivery.range().filter(open).count() as u64
    }

    /// While closing: goes on as soon as nothing is unsettled.
    pub(super) fn check_drained(&mut self, ctx: &mut Ctx<'_>) {
        if let Phase::Draining(_, end) = self.phase
            && self.stats.unfinished <= self.given_back
        {
            self.stop_waiting(end, ctx);
        }
    }

    fn stop_waiting(&mut self, end: Instant, ctx: &mut Ctx<'_>) {
        self.phase = Phase::Committing(end);
        for lease in self.all_leases() {
            self.revoke(lease, ctx);
        }
        self.check_closed(ctx);
    }

    /// Ends at once, whatever is unfinished.
    pub(super) fn give_up_now(&mut self, ctx: &mut Ctx<'_>) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Committing(ctx.now);
            self.give_up(ctx);
        }
    }

    /// The grace is over: what is not committed is reported.
    fn give_up(&mut self, ctx: &mut Ctx<'_>) {
        for lease in self.all_leases() {
            self.forget(lease);
        }
        self.check_closed(ctx);
    }

    /// While closing: the last event, when no queue is left.
    pub(super) fn check_closed(&mut self, ctx: &mut Ctx<'_>) {
        if matches!(self.phase, Phase::Committing(_)) && self.leases.is_empty() {
            self.phase = Phase::Closed;
            self.timers.clear();
            let uncommitted = core::mem::take(&mut self.uncommitted).into_boxed_slice();
            ctx.events.push(Event::ConsumerClosed { consumer: self.id, uncommitted });
        }
    }

    /// Removes a queue; what is not committed of it is remembered for the report.
    pub(super) fn forget(&mut self, lease: Lease) -> Option<Assigned> {
        let queue = self.queues.remove(lease.slot, lease.generation)?;
        self.leases.remove(&queue.queue);
        self.held_bytes = self.held_bytes.saturating_sub(queue.process.held());
        self.count_unfinished(-(queue.process.count() as i64));
        if !self.is_running() && queue.is_behind() {
            self.uncommitted.push(Uncommitted {
                offset: queue.process.lowest_unfinished(),
                committed: queue.committed,
                queue: queue.queue.clone(),
            });
        }
        Some(queue)
    }

    pub(super) fn count_unfinished(&mut self, change: i64) {
        self.stats.unfinished = self.stats.unfinished.saturating_add_signed(change);
        self.stats.unfinished_bytes = self.held_bytes as u64;
        self.stats.most_unfinished_bytes = self.stats.most_unfinished_bytes.max(self.held_bytes as u64);
    }

    /// Nothing hinges on a settlement just now: it is running, and less is unfinished than holds one queue's pulls back.
    /// The span of a queue aside, which one message may hold.
    pub(super) fn settlements_can_wait(&self) -> bool {
        let limits = self.config.flow_limits();
        self.is_running()
            && self.stats.unfinished <= limits.count as u64
            && self.held_bytes <= limits.bytes.min(self.config.cached_bytes_limit)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Topics whose routes are wanted.
    pub(super) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.subscriptions.keys()
    }
}

/// The code and words of an answer that is no success, for notices.
pub(super) fn what_went_wrong(answer: &Answer<'_>) -> (Option<crate::wire::codes::ResponseCode>, String) {
    match answer {
        Ok(reply) => (Some(reply.head.response_code()), reply.words()),
        Err(failure) => (None, alloc::format!("{}", failure.cause)),
    }
}
