//! All consumers of a client: the room's door. The client hands in commands, answers, notifications and time.

use alloc::vec::Vec;
use core::time::Duration;

use super::config::PushConsumerConfig;
use super::delivery::{Delivery, Settlement};
use super::notice::ConsumerStats;
use super::push::{ConsumerCall, PushConsumer};
use super::subscription::TagFilter;
use crate::client::action::WakeReason;
use crate::client::call::Answer;
use crate::client::ctx::Ctx;
use crate::client::ids::{ConsumerId, Slab};
use crate::client::names::Topic;
use crate::error::{RejectReason, Rejected};
use crate::time::Instant;
use crate::wire::body::ConsumerData;
use crate::wire::message::names::retry_topic;

/// The consumers of one client.
#[cfg_attr(feature = "test-support", derive(Clone))]
#[derive(Debug, Default, Hash)]
pub(crate) struct Consumers {
    all: Slab<PushConsumer>,
    /// Groups that left: the client tells the brokers.
    left: Vec<alloc::string::String>,
    /// The newest version a subscription of a consumer that left had.
    newest_version: i64,
}

impl Consumers {
    /// A new consumer; it begins when it is subscribed to something.
    pub(crate) fn create(
        &mut self,
        config: PushConsumerConfig,
        ctx: &mut Ctx<'_>,
    ) -> Result<ConsumerId, Rejected<PushConsumerConfig>> {
        let refused = |reason, returned| Err(Rejected { reason, returned });
        if let Err(error) = config.check() {
            return refused(RejectReason::Consumer(error), config);
        }
        if self.all.iter().any(|(_, _, consumer)| consumer.group() == config.group) {
            return refused(RejectReason::GroupTaken, config);
        }
        let retry = match ctx.names.topic(&retry_topic(&config.group)) {
            Ok(topic) => topic,
            Err(error) => return refused(RejectReason::Name(error), config),
        };
        let (index, generation) = self.all.next_id();
        let id = ConsumerId { index, generation };
        let consumer = PushConsumer::new(id, config, &retry, self.newest_version, ctx);
        self.all.insert(consumer);
        Ok(id)
    }

    fn get_mut(&mut self, id: ConsumerId) -> Option<&mut PushConsumer> {
        self.all.get_mut(id.index, id.generation)
    }

    /// Adds a subscription or changes its filter.
    pub(crate) fn subscribe(
        &mut self,
        id: ConsumerId,
        topic: &Topic,
        filter: TagFilter,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), RejectReason> {
        if !ctx.names.owns(topic) {
            return Err(RejectReason::ForeignHandle);
        }
        let consumer = self.get_mut(id).ok_or(RejectReason::ForeignHandle)?;
        if !consumer.is_running() {
            return Err(RejectReason::Closed);
        }
        let limit = consumer.config.max_subscriptions;
        if !consumer.subscriptions.contains_key(topic) && consumer.subscriptions.len() > limit {
            return Err(RejectReason::TooMany {
                what: "subscriptions of a consumer: raise `max_subscriptions`",
                limit,
            });
        }
        consumer.subscribe(topic, filter, ctx);
        Ok(())
    }

    /// Ends a subscription.
    pub(crate) fn unsubscribe(&mut self, id: ConsumerId, topic: &Topic, ctx: &mut Ctx<'_>) {
        if let Some(consumer) = self.get_mut(id) {
            consumer.unsubscribe(topic, ctx);
        }
    }

    /// Settles a delivery or a piece of one. Of a consumer that has closed: accepted, without effect.
    pub(crate) fn settle(
        &mut self,
        delivery: Delivery,
        settlement: Settlement,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Rejected<Delivery>> {
        if delivery.pulled.engine != ctx.ids.engine() {
            return Err(Rejected { reason: RejectReason::ForeignHandle, returned: delivery });
        }
        let id = delivery.consumer();
        if let Some(consumer) = self.get_mut(id) {
            consumer.settle(delivery, settlement, ctx);
        }
        self.sweep(id);
        Ok(())
    }

    /// Closes a consumer within its own `await_termination_when_shutdown`.
    pub(crate) fn close(&mut self, id: ConsumerId, ctx: &mut Ctx<'_>) {
        if let Some(consumer) = self.get_mut(id) {
            let grace = consumer.config.await_termination_when_shutdown;
            consumer.close(grace, ctx);
        }
        self.sweep(id);
    }

    /// Closes all consumers within `grace`.
    pub(crate) fn begin_shutdown(&mut self, grace: Duration, ctx: &mut Ctx<'_>) {
        for id in self.ids() {
            if let Some(consumer) = self.get_mut(id) {
                consumer.close(grace, ctx);
            }
            self.sweep(id);
        }
    }

    /// Ends all consumers now; what is not committed is reported.
    pub(crate) fn give_up(&mut self, ctx: &mut Ctx<'_>) {
        for id in self.ids() {
            if let Some(consumer) = self.get_mut(id) {
                consumer.give_up_now(ctx);
            }
            self.sweep(id);
        }
    }

    /// The client has room for answers again, or no longer.
    pub(crate) fn set_paused(&mut self, paused: bool) {
        for id in self.ids() {
            if let Some(consumer) = self.get_mut(id) {
                consumer.paused = paused;
            }
        }
    }

    /// Bytes of deliveries that are not settled.
    pub(crate) fn held(&self) -> usize {
        self.all.iter().map(|(_, _, consumer)| consumer.held_bytes).sum()
    }

    pub(crate) fn settlements_can_wait(&self) -> bool {
        self.all.iter().all(|(_, _, consumer)| consumer.settlements_can_wait())
    }

    pub(crate) fn count(&self) -> usize {
        self.all.len()
    }

    /// Whether no consumer is left.
    pub(crate) fn is_drained(&self) -> bool {
        self.all.len() == 0
    }

    fn ids(&self) -> Vec<ConsumerId> {
        self.all.iter().map(|(index, generation, _)| ConsumerId { index, generation }).collect()
    }

    /// Removes a consumer that has closed.
    fn sweep(&mut self, id: ConsumerId) {
        if self.get_mut(id).is_some_and(|consumer| consumer.is_closed())
            && let Some(consumer) = self.all.remove(id.index, id.generation)
        {
            self.newest_version = self.newest_version.max(consumer.newest_version);
            self.left.push(consumer.config.group);
        }
    }

    pub(crate) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Groups that left since the last call: brokers are to be told (UNREGISTER_CLIENT).
    pub(crate) fn take_left(&mut self) -> Vec<alloc::string::String> {
        core::mem::take(&mut self.left)
    }

    /// Whether brokers have to be told anew what is subscribed. Asking resets it.
    pub(crate) fn take_registration_changed(&mut self) -> bool {
        let mut changed = false;
        for consumer in self.all.values_mut() {
            changed |= core::mem::take(&mut consumer.registration_changed);
        }
        changed
    }

    /// An answer to a request of a consumer.
    pub(crate) fn on_answer(
        &mut self,
        id: ConsumerId,
        call: ConsumerCall,
        answer: &Answer<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        if let Some(consumer) = self.get_mut(id) {
            consumer.on_answer(call, answer, ctx);
        }
        self.sweep(id);
    }

    /// A topic's route arrived or changed.
    pub(crate) fn on_route_changed(&mut self, topic: &Topic, ctx: &mut Ctx<'_>) {
        for id in self.ids() {
            if let Some(consumer) = self.get_mut(id)
                && consumer.topics().any(|subscribed| subscribed == topic)
            {
                consumer.rebalance_soon(ctx.now);
            }
        }
    }

    /// A broker says that a group's members changed (40). False: no such group here.
    pub(crate) fn on_members_changed(&mut self, group: &str, ctx: &mut Ctx<'_>) -> bool {
        let id = self.ids().into_iter().find(|id| self.get_mut(*id).is_some_and(|c| c.group() == group));
        let consumer = id.and_then(|id| self.get_mut(id));
        consumer.map(|consumer| consumer.rebalance_soon(ctx.now)).is_some()
    }

    /// A broker confirmed a registration that was new to it: who is missing in its lists may be there now.
    pub(crate) fn on_registered(&mut self, ctx: &mut Ctx<'_>) {
        for id in self.ids() {
            if let Some(consumer) = self.get_mut(id) {
                consumer.rebalance_soon(ctx.now);
                consumer.distrust_commits();
            }
        }
    }

    /// Brings everything up to `now`.
    pub(crate) fn on_timeout(&mut self, ctx: &mut Ctx<'_>) {
        if self.next_deadline().is_none_or(|(at, _)| at > ctx.now) {
            return;
        }
        for id in self.ids() {
            if let Some(consumer) = self.get_mut(id)
                && consumer.next_deadline().is_some_and(|(at, _)| at <= ctx.now)
            {
                consumer.handle_timeout(ctx);
            }
            self.sweep(id);
        }
    }

    /// The next deadline and what it is for.
    pub(crate) fn next_deadline(&mut self) -> Option<(Instant, WakeReason)> {
        let each = self.all.values_mut().filter_map(PushConsumer::next_deadline);
        each.min_by_key(|(at, _)| *at)
    }

    /// What heartbeats say about the consumers.
    pub(crate) fn heartbeat_data(&self) -> impl Iterator<Item = ConsumerData> {
        self.all.iter().map(|(_, _, consumer)| consumer.heartbeat_data())
    }

    /// Topics whose routes are wanted.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.all.iter().flat_map(|(_, _, consumer)| consumer.topics())
    }

    /// Counters of a consumer.
    pub(crate) fn stats(&self, id: ConsumerId) -> Option<&ConsumerStats> {
        self.all.get(id.index, id.generation).map(|consumer| &consumer.stats)
    }
}
