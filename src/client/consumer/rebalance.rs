//! Rebalance: the group's members are asked for, the queues divided, revoked ones released, new ones begun
//! (Java `RebalanceImpl`, `RebalancePushImpl`).
//!
//! Better than Java here: a member list without our own id drops nothing; a revoked queue is gone only when its
//! last commit is answered; what is done at a time is limited.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::delivery::Lease;
use super::notice::ConsumerNotice;
use super::process_queue::ProcessQueue;
use super::push::{Assigned, ConsumerCall, PullState, PushConsumer, what_went_wrong};
use super::settle::OnTheirWay;
use super::strategy::{QueueName, java_order, queue_order};
use crate::client::call::{Answer, Purpose, Replica, Target};
use crate::client::ctx::Ctx;
use crate::client::event::Event;
use crate::client::names::{Queue, Topic};
use crate::time::Instant;
use crate::wire::body::GetConsumerListByGroupResponseBody;
use crate::wire::codes::ResponseCode;
use crate::wire::fields::GetConsumerListByGroupRequest;

/// A change of the assignment.
#[derive(Clone, Debug, Hash)]
pub(super) enum Work {
    Revoke(Lease),
    Assign(Queue),
}

/// Changes made in one step.
const WORK_A_STEP: usize = 64;
/// How long a member list may take (Java `mqClientApiTimeout`).
const MEMBERS_TIMEOUT: Duration = Duration::from_secs(3);

impl PushConsumer {
    /// Divides the queues again as soon as the least interval allows: notifications are coalesced by that.
    pub(super) fn rebalance_soon(&mut self, now: Instant) {
        let soonest = self.rebalanced_at.map_or(now, |last| last + self.config.rebalance_min_interval);
        self.rebalance_at = self.rebalance_at.min(soonest.max(now));
    }

    /// Asks for the members of the group, once for each topic.
    pub(super) fn rebalance(&mut self, ctx: &mut Ctx<'_>) {
        self.rebalanced_at = Some(ctx.now);
        self.rebalance_at = ctx.now + self.config.rebalance_interval;
        self.confirm_commits();
        let topics: Vec<Topic> = self.topics().cloned().collect();
        for topic in topics {
            self.ask_members(&topic, ctx);
        }
    }

    fn ask_members(&mut self, topic: &Topic, ctx: &mut Ctx<'_>) {
        // Without a route there is nothing to divide: the client tells when it arrives.
        let Some(route) = ctx.routes.get(topic) else { return };
        let Some(subscription) = self.subscriptions.get_mut(topic).filter(|s| !s.asking) else { return };
        let mut brokers: Vec<_> = route.readable_queues().iter().map(|queue| &queue.broker).collect();
        brokers.dedup();
        let pick = ctx.rng.below(brokers.len() as u64) as usize;
        let Some(broker) = brokers.get(pick).copied() else { return };
        let request = GetConsumerListByGroupRequest {
            broker_name: Some(broker.as_str().into()),
            consumer_group: self.config.group.as_str().into(),
        };
        let to = Target::Broker { name: broker.clone(), replica: Replica::Prefer(0) };
        let purpose = Purpose::Consumer(self.id, ConsumerCall::Members(topic.clone()));
        match ctx.net.call(&to, &request, &bytes::Bytes::new(), purpose, MEMBERS_TIMEOUT, ctx.now) {
            Ok(_) => subscription.asking = true,
            Err(_) => self.rebalance_soon(ctx.now),
        }
    }

    pub(super) fn on_members(&mut self, topic: &Topic, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        let Some(subscription) = self.subscriptions.get_mut(topic) else { return };
        subscription.asking = false;
        if !self.is_running() {
            return;
        }
        let members = match &answer {
            Ok(reply) if reply.head.response_code() == ResponseCode::SUCCESS => {
                GetConsumerListByGroupResponseBody::decode(reply.body.as_slice())
                    .ok()
                    .map(|b| b.consumer_id_list)
            }
            // "no consumer for this group": the broker has not seen our heartbeat yet.
            Ok(reply) if reply.head.response_code() == ResponseCode::SYSTEM_ERROR => Some(Vec::new()),
            _ => None,
        };
        let Some(members) = members else {
            let (code, _) = what_went_wrong(answer);
            self.notice(ConsumerNotice::MembersUnknown { topic: topic.clone(), code }, ctx);
            return self.rebalance_soon(ctx.now);
        };
        if !members.iter().any(|member| *member == ctx.ids.client_id()) {
            self.notice(ConsumerNotice::NotInMemberList { topic: topic.clone() }, ctx);
            self.register_again(ctx.now);
            return self.rebalance_soon(ctx.now);
        }
        if members.iter().filter(|member| *member == ctx.ids.client_id()).nth(1).is_some() {
            self.notice(ConsumerNotice::SharedClientId { topic: topic.clone() }, ctx);
        }
        self.divide(topic, members, ctx);
    }

    /// Computes which queues of the topic are ours and queues up the changes.
    fn divide(&mut self, topic: &Topic, mut members: Vec<String>, ctx: &mut Ctx<'_>) {
        let Some(route) = ctx.routes.get(topic) else { return };
        let queues = route.readable_queues();
        let Some(subscription) = self.subscriptions.get_mut(topic).filter(|_| !queues.is_empty()) else {
            return;
        };
        subscription.note_first(queues);
        // Nearly always sorted already.
        let mut sorted: Vec<&Queue> = queues.iter().collect();
        sorted.sort_by(|a, b| queue_order(&name(a), &name(b)));
        members.sort_by(|a, b| java_order(a, b));
        let names: Vec<QueueName<'_>> = sorted.iter().map(|queue| name(queue)).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let chosen = self.config.allocate_strategy.allocate(ctx.ids.client_id(), &names, &members);
        let mut ours: Vec<&Queue> = chosen.into_iter().filter_map(|at| sorted.get(at).copied()).collect();
        ours.sort();
        ours.dedup();
        self.stats.rebalances += 1;
        self.plan(topic, &ours);
        self.run_work(ctx);
    }

    /// Revocations first, so that what moves within the group is committed before anybody begins. `ours` is sorted, and
    /// so is what is held: they are gone through side by side.
    fn plan(&mut self, topic: &Topic, ours: &[&Queue]) {
        self.work.retain(|work| !matches!(work, Work::Assign(queue) if queue.topic == *topic));
        let (mut revoked, mut assigned) = (Vec::new(), Vec::new());
        let mut wanted = ours.iter().copied().peekable();
        for (broker, id, lease) in self.leases.of_topic(topic) {
            let place = |queue: &Queue| (&queue.broker, queue.id).cmp(&(broker, id));
            while let Some(queue) = wanted.next_if(|queue| place(queue).is_lt()) {
                assigned.push(queue.clone());
            }
            match wanted.next_if(|queue| place(queue).is_eq()) {
                None => revoked.push(lease),
                Some(queue) if self.queue(lease).is_none_or(|held| held.releasing.is_some()) => {
                    assigned.push(queue.clone());
                }
                Some(_) => {}
            }
        }
        assigned.extend(wanted.cloned());
        for lease in revoked {
            match self.queue_mut(lease) {
                // It was to begin again after its release: no longer.
                Some(Assigned { releasing: Some(again), .. }) => *again = false,
                _ => self.work.push_back(Work::Revoke(lease)),
            }
        }
        self.work.extend(assigned.into_iter().map(Work::Assign));
    }

    /// Makes a slice of the changes; the rest is a deadline at once.
    pub(super) fn run_work(&mut self, ctx: &mut Ctx<'_>) {
        self.work_at = ctx.now;
        let (mut revoked, mut assigned) = (Vec::new(), Vec::new());
        for _ in 0..WORK_A_STEP {
            match self.work.pop_front() {
                Some(Work::Revoke(lease)) => {
                    if let Some(queue) = self.queue(lease).filter(|queue| queue.releasing.is_none()) {
                        revoked.push(queue.queue.clone());
                        self.revoke(lease, ctx);
                    }
                }
                Some(Work::Assign(queue))
                    if self.is_running() && self.subscriptions.contains_key(&queue.topic) =>
                {
                    if self.assign(&queue, ctx) {
                        assigned.push(queue);
                    }
                }
                Some(Work::Assign(_)) => {}
                None => {
                    // Changes are rare: nothing is kept for the next.
                    self.work = VecDeque::new();
                    break;
                }
            }
        }
        if !revoked.is_empty() {
            ctx.events.push(Event::Revoked { consumer: self.id, queues: revoked.into_boxed_slice() });
        }
        if !assigned.is_empty() {
            ctx.events.push(Event::Assigned { consumer: self.id, queues: assigned.into_boxed_slice() });
        }
    }

    /// Begins a queue; false if it is held already or waits for its own release.
    fn assign(&mut self, queue: &Queue, ctx: &mut Ctx<'_>) -> bool {
        if let Some(lease) = self.leases.get(queue) {
            if let Some(Assigned { releasing: Some(again), .. }) = self.queue_mut(lease) {
                *again = true;
            }
            return false;
        }
        let Some(lease) = self.insert(queue.clone(), ctx.now) else { return false };
        self.ask_stored_offset(lease, ctx);
        true
    }

    /// Puts a queue into the tables, with a lease no other assignment has.
    pub(super) fn insert(&mut self, queue: Queue, now: Instant) -> Option<Lease> {
        let subscription = self.subscriptions.get(&queue.topic)?;
        let assigned = Assigned {
            filter: subscription.filter.clone(),
            version: subscription.version,
            retried: queue.topic == self.retry_topic,
            queue,
            process: ProcessQueue::new(0),
            pull: PullState::Starting,
            starving: false,
            pull_number: 0,
            replica: 0,
            asked_master: false,
            poisoned: 0,
            committed: None,
            confirm: false,
            committing: false,
            releasing: None,
            commit_failures: 0,
            returning: OnTheirWay::default(),
            progress_at: now,
            lease_timer: false,
        };
        let queue = assigned.queue.clone();
        let (slot, generation) = self.queues.insert(assigned);
        let lease = Lease { slot, generation };
        self.leases.insert(&queue, lease);
        Some(lease)
    }

    /// Stops a queue and commits it for the last time; it is gone when that is answered.
    pub(super) fn revoke(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(lease).filter(|queue| queue.releasing.is_none()) else { return };
        queue.releasing = Some(false);
        if queue.pull == PullState::Starting {
            self.released(lease, ctx);
            return;
        }
        queue.pull = PullState::Stopped;
        // Whoever is next begins where the broker is, so it is told once more, changed or not.
        queue.confirm = true;
        self.release_if_idle(lease, ctx);
    }

    /// Goes on with a release: first what is on its way back to the broker, then the commit, then it is gone.
    pub(super) fn release_if_idle(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue(lease).filter(|queue| queue.releasing.is_some()) else { return };
        if !queue.returning.is_empty() || queue.committing {
            return;
        }
        if queue.wants_commit() {
            self.commit(lease, ctx);
        } else {
            self.released(lease, ctx);
        }
    }

    /// The queue is gone, or begins again if it was assigned meanwhile.
    pub(super) fn released(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.forget(lease) else { return };
        if queue.releasing == Some(true) && self.is_running() {
            self.work.push_back(Work::Assign(queue.queue));
        }
        self.pull_starved(ctx);
        self.check_closed(ctx);
    }
}

fn name(queue: &Queue) -> QueueName<'_> {
    QueueName { topic: queue.topic.as_str(), broker: queue.broker.as_str(), id: queue.id }
}
