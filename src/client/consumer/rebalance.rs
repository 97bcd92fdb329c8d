//! Rebalance: the group's members are asked for, the queues divided, revoked ones released, new ones begun
//! (Java `RebalanceImpl`, `RebalancePushImpl`).
//!
//! Better than Java here: a member list without our own id drops nothing; a revoked queue is gone only when its
//! last commit is answered; what is done at a time is limited.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::delivery::Lease;
use super::notice::ConsumerNotice;
use super::process_queue::ProcessQueue;
use super::push::{Assigned, ConsumerCall, PullState, PushConsumer, what_went_wrong};
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
        let mut brokers: Vec<_> = route.readable_queues().map(|queue| queue.broker).collect();
        brokers.dedup();
        let pick = ctx.rng.below(brokers.len() as u64) as usize;
        let Some(broker) = brokers.get(pick) else { return };
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
        let mut queues: Vec<Queue> = route.readable_queues().collect();
        let Some(subscription) = self.subscriptions.get_mut(topic).filter(|_| !queues.is_empty()) else {
            return;
        };
        subscription.first_seen.get_or_insert_with(|| {
            let mut seen = queues.clone();
            seen.sort();
            seen
        });
        queues.sort_by(|a, b| queue_order(&name(a), &name(b)));
        members.sort_by(|a, b| java_order(a, b));
        let names: Vec<QueueName<'_>> = queues.iter().map(name).collect();
        let members: Vec<&str> = members.iter().map(String::as_str).collect();
        let chosen = self.config.allocate_strategy.allocate(ctx.ids.client_id(), &names, &members);
        let ours: BTreeSet<Queue> = chosen.into_iter().filter_map(|at| queues.get(at).cloned()).collect();
        self.stats.rebalances += 1;
        self.plan(topic, ours);
        self.run_work(ctx);
    }

    /// Revocations first, so that what moves within the group is committed before anybody begins.
    fn plan(&mut self, topic: &Topic, ours: BTreeSet<Queue>) {
        self.work.retain(|work| !matches!(work, Work::Assign(queue) if queue.topic == *topic));
        let held: Vec<(Queue, Lease)> = self
            .by_queue
            .iter()
            .filter(|(queue, _)| queue.topic == *topic)
            .map(|(queue, lease)| (queue.clone(), *lease))
            .collect();
        for (queue, lease) in held {
            if ours.contains(&queue) {
                continue;
            }
            match self.queue_mut(lease) {
                // It was to begin again after its release: no longer.
                Some(Assigned { releasing: Some(again), .. }) => *again = false,
                _ => self.work.push_back(Work::Revoke(lease)),
            }
        }
        for queue in ours {
            let kept = self.by_queue.get(&queue).and_then(|lease| self.queue(*lease));
            if kept.is_none_or(|kept| kept.releasing.is_some()) {
                self.work.push_back(Work::Assign(queue));
            }
        }
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
                None => break,
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
        if let Some(lease) = self.by_queue.get(queue).copied() {
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
            queue: queue.clone(),
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
            returning: BTreeSet::new(),
            progress_at: now,
            lease_timer: false,
        };
        let (slot, generation) = self.queues.insert(assigned);
        let lease = Lease { slot, generation };
        self.by_queue.insert(queue, lease);
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
