//! Offsets: where a queue begins, and what of it is committed (Java `RemoteBrokerOffsetStore`,
//! `RebalancePushImpl.computePullFromWhere`).
//!
//! A failed question is never an offset: it is asked again. A commit is acknowledged, one a queue is on its way at
//! a time, so that none can overtake another; that is why pulls do not carry one, as Java's do.
//!
//! Brokers make the table of a group and topic with its first commit, and not atomically (5.5.0 and before,
//! `ConsumerOffsetManager.commitOffset`): of two first commits at once one is acknowledged and lost. So the first one
//! at a broker goes alone, and each queue is committed once more at its release, changed or not. A broker that was
//! killed has also lost what it had not flushed: after a registration anew everything is committed again. And while
//! brokers differ on who is in the group two members may hold a queue, and the one that lets it go set back what the
//! other committed: what is held is committed anew with each rebalance (Java does so with each interval of commits).

use alloc::boxed::Box;
use bytes::Bytes;
use core::time::Duration;

use super::config::ConsumeFrom;
use super::delivery::Lease;
use super::notice::ConsumerNotice;
use super::push::{ConsumerCall, Due, PullState, PushConsumer, what_went_wrong};
use crate::client::call::{Answer, CallRefused, Purpose, Replica, Target};
use crate::client::ctx::Ctx;
use crate::client::names::{BrokerName, Topic};
use crate::wire::codes::ResponseCode;
use crate::wire::fields::{
    GetMaxOffsetRequest, GetMinOffsetRequest, OffsetResponse, QueryConsumerOffsetRequest,
    SearchOffsetRequest, UpdateConsumerOffsetRequest,
};
use crate::wire::header::Request;

/// How long questions about offsets and commits may take, as in Java.
const OFFSET_TIMEOUT: Duration = Duration::from_secs(5);
/// First wait after a failed commit, doubled with each.
const COMMIT_RETRY: Duration = Duration::from_millis(200);
/// Queues committed in one step.
const COMMITS_A_STEP: usize = 64;
/// Failed commits after which a revoked queue is let go: its next owner begins where the broker is.
const RELEASE_ATTEMPTS: u32 = 5;

/// The offset in an answer: a successful one that names an offset from 0 on.
fn offset_in(answer: &Answer<'_>) -> Option<i64> {
    let reply = answer.as_ref().ok().filter(|reply| reply.head.response_code() == ResponseCode::SUCCESS)?;
    reply.head.fields::<OffsetResponse>().ok().map(|response| response.offset).filter(|offset| *offset >= 0)
}

impl PushConsumer {
    /// Asks for the group's offset in a queue just assigned.
    pub(super) fn ask_stored_offset(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue(lease).filter(|queue| queue.pull == PullState::Starting) else { return };
        let queue = queue.queue.clone();
        let request = QueryConsumerOffsetRequest {
            broker_name: Some(queue.broker.as_str().into()),
            consumer_group: self.group().into(),
            queue_id: queue.id as i32,
            set_zero_if_not_found: None,
            topic: queue.topic.as_str().into(),
        };
        if self.ask(lease, &request, ConsumerCall::StoredOffset(lease), ctx).is_err() {
            self.start_failed(lease, None, ctx);
        }
    }

    fn ask<F: Request>(
        &self,
        lease: Lease,
        request: &F,
        call: ConsumerCall,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), CallRefused> {
        let Some(queue) = self.queue(lease) else { return Ok(()) };
        // While no master is known a slave says where to begin: what it lags behind comes again, nothing is passed.
        let replica =
            if matches!(call, ConsumerCall::Commit(..)) { Replica::Master } else { Replica::Prefer(0) };
        let to = Target::Broker { name: queue.queue.broker.clone(), replica };
        let purpose = Purpose::Consumer(self.id, call);
        let asked = ctx.net.call(&to, request, &Bytes::new(), purpose, OFFSET_TIMEOUT, ctx.now);
        asked.map(|_| ()).map_err(|(refused, _)| refused)
    }

    pub(super) fn on_stored_offset(&mut self, lease: Lease, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue(lease) else { return };
        let retried = queue.retried;
        let (code, _) = what_went_wrong(answer);
        match offset_in(answer) {
            Some(offset) => {
                if let Some(queue) = self.queue_mut(lease) {
                    queue.committed = Some(offset);
                }
                self.begin(lease, offset, ctx);
            }
            None if code == Some(ResponseCode::QUERY_NOT_FOUND) && retried => self.begin(lease, 0, ctx),
            None if code == Some(ResponseCode::QUERY_NOT_FOUND) => self.ask_start_offset(lease, ctx),
            None => self.start_failed(lease, code, ctx),
        }
    }

    /// The group has no offset: the configuration says where it begins.
    fn ask_start_offset(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue(lease) else { return };
        let queue = queue.queue.clone();
        let late = self.subscriptions.get(&queue.topic).is_some_and(|s| s.appeared_later(&queue));
        let from = if late { ConsumeFrom::First } else { self.config.consume_from };
        let (queue_id, call) = (queue.id as i32, ConsumerCall::StartOffset(lease));
        let broker_name = Some(queue.broker.as_str().into());
        let topic = queue.topic.as_str().into();
        let asked = match from {
            ConsumeFrom::First => {
                self.ask(lease, &GetMinOffsetRequest { broker_name, queue_id, topic }, call, ctx)
            }
            ConsumeFrom::Last => {
                let request = GetMaxOffsetRequest { broker_name, committed: None, queue_id, topic };
                self.ask(lease, &request, call, ctx)
            }
            ConsumeFrom::Timestamp(timestamp) => {
                let (boundary_type, lite_topic) = (None, None);
                let request = SearchOffsetRequest {
                    broker_name,
                    boundary_type,
                    lite_topic,
                    queue_id,
                    timestamp,
                    topic,
                };
                self.ask(lease, &request, call, ctx)
            }
        };
        if asked.is_err() {
            self.start_failed(lease, None, ctx);
        }
    }

    pub(super) fn on_start_offset(&mut self, lease: Lease, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        match offset_in(answer) {
            Some(offset) => self.begin(lease, offset, ctx),
            None => self.start_failed(lease, what_went_wrong(answer).0, ctx),
        }
    }

    fn begin(&mut self, lease: Lease, offset: i64, ctx: &mut Ctx<'_>) {
        let running = self.is_running();
        let Some(queue) = self.queue_mut(lease).filter(|queue| queue.pull == PullState::Starting) else {
            return;
        };
        if !running || queue.releasing.is_some() {
            return;
        }
        queue.process = super::process_queue::ProcessQueue::new(offset);
        queue.pull = PullState::Delayed;
        self.pull(lease, ctx);
    }

    fn start_failed(&mut self, lease: Lease, code: Option<ResponseCode>, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue(lease) else { return };
        self.notice(ConsumerNotice::StartUnknown { queue: queue.queue.clone(), code }, ctx);
        let wait = ctx.rng.jitter(self.config.pull_time_delay_when_exception);
        self.set_timer(ctx.now + wait, Due::Start(lease));
    }

    // ---- commits -------------------------------------------------------------------------------------------

    /// Looks at the queues that were changed: whether there is something for the next round of commits. A queue whose
    /// commit is on its way or has failed, or that waits for the first commit of another, is looked at when that ends.
    pub(super) fn note_commits(&mut self) {
        while let Some(lease) = self.touched.pop() {
            let wants = self.queue(lease).filter(|queue| queue.is_for_the_next_round());
            self.commits_wanted |= wants.is_some_and(|queue| {
                !self.first_commits.contains_key(&(queue.queue.topic.clone(), queue.queue.broker.clone()))
            });
        }
    }

    /// Commits a slice of the queues that made progress; the rest is a deadline at once.
    pub(super) fn commit_some(&mut self, ctx: &mut Ctx<'_>) {
        let mut asked = 0;
        while asked < COMMITS_A_STEP
            && let Some(lease) = self.to_commit.pop_front()
        {
            if self.queue(lease).is_some_and(|queue| queue.commit_failures == 0 && queue.wants_commit()) {
                asked += 1;
                self.commit(lease, ctx);
            }
        }
    }

    /// Commits the lowest unfinished offset, unless the broker has it or another commit is on its way.
    pub(super) fn commit(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(lease).filter(|queue| queue.wants_commit() && !queue.committing)
        else {
            return self.release_if_idle(lease, ctx);
        };
        let key = (queue.queue.topic.clone(), queue.queue.broker.clone());
        if !self.offset_tables.contains(&key) {
            if self.first_commits.contains_key(&key) {
                return self.commit_later(lease, ctx);
            }
            self.first_commits.insert(key, lease);
        }
        let Some(queue) = self.queue_mut(lease) else { return };
        queue.committing = true;
        let (offset, of) = (queue.process.lowest_unfinished(), queue.queue.clone());
        let request = UpdateConsumerOffsetRequest {
            broker_name: Some(of.broker.as_str().into()),
            commit_offset: offset,
            consumer_group: self.group().into(),
            queue_id: of.id as i32,
            topic: of.topic.as_str().into(),
        };
        if self.ask(lease, &request, ConsumerCall::Commit(Box::new((lease, offset))), ctx).is_err() {
            self.commit_failed(lease, offset, None, ctx);
        }
    }

    pub(super) fn on_commit(&mut self, lease: Lease, offset: i64, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        let (code, _) = what_went_wrong(answer);
        if code != Some(ResponseCode::SUCCESS) {
            return self.commit_failed(lease, offset, code, ctx);
        }
        self.stats.commits += 1;
        if let Some(queue) = self.queue_mut(lease) {
            queue.committing = false;
            queue.commit_failures = 0;
            queue.committed = Some(offset);
            queue.confirm = false;
            self.release_if_idle(lease, ctx);
        }
        if let Some((topic, broker)) = self.take_first_commit(lease) {
            self.offset_tables.insert((topic.clone(), broker.clone()));
            let waiting = self.leases.of_topic(&topic).filter(|(other, ..)| **other == broker);
            self.to_commit.extend(waiting.map(|(_, _, lease)| lease));
            self.work_at = ctx.now;
        }
    }

    /// The place whose first commit was this queue's.
    fn take_first_commit(&mut self, lease: Lease) -> Option<(Topic, BrokerName)> {
        let key = self.first_commits.iter().find(|(_, first)| **first == lease)?.0.clone();
        self.first_commits.remove(&key);
        Some(key)
    }

    /// A broker has been registered with anew: it may have lost what it had acknowledged.
    pub(super) fn distrust_commits(&mut self) {
        self.offset_tables.clear();
        self.confirm_commits();
    }

    /// Every queue is committed once more, changed or not: a member that held it by an older list of the group may
    /// have set it back with its last commit, and a queue that makes no progress would stay there.
    pub(super) fn confirm_commits(&mut self) {
        for lease in self.all_leases() {
            if let Some(queue) = self.queue_mut(lease) {
                queue.confirm = queue.committed.is_some();
            }
        }
    }

    fn commit_failed(&mut self, lease: Lease, offset: i64, code: Option<ResponseCode>, ctx: &mut Ctx<'_>) {
        // Others may have waited for it.
        self.commits_wanted |= self.take_first_commit(lease).is_some();
        let Some(queue) = self.queue_mut(lease) else { return };
        queue.committing = false;
        // It may have been carried out all the same: what the broker has is not known any more.
        queue.confirm = true;
        queue.commit_failures = queue.commit_failures.saturating_add(1);
        let (failures, of) = (queue.commit_failures, queue.queue.clone());
        // What the broker had acknowledged once need not be said again by all means.
        let hopeless = queue.releasing.is_some() && (failures >= RELEASE_ATTEMPTS || !queue.is_behind());
        self.stats.commit_errors += 1;
        self.notice(ConsumerNotice::CommitFailed { queue: of, offset, code }, ctx);
        if hopeless {
            return self.released(lease, ctx);
        }
        self.commit_later(lease, ctx);
    }

    /// A queue whose commit has failed commits again by a timer of its own and no other way: whatever keeps it from
    /// committing when that goes off sets the next.
    fn commit_later(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let Some(failures) = self.queue(lease).map(|queue| queue.commit_failures).filter(|n| *n > 0) else {
            return;
        };
        let wait = COMMIT_RETRY
            .saturating_mul(1 << failures.min(10))
            .min(self.config.persist_consumer_offset_interval);
        let wait = ctx.rng.jitter(wait);
        self.set_timer(ctx.now + wait, Due::Commit(lease));
    }
}
