//! What the application asks for: each command is decided at once, what follows comes as events.

use alloc::vec::Vec;
use core::time::Duration;

use super::consumer::{ConsumerStats, Delivery, PushConsumerConfig, Settlement, TagFilter};
use super::ids::{ConsumerId, ProducerId, SendId};
use super::names::{Queue, Topic};
use super::producer::config::DEFAULT_TOPIC_QUEUE_NUMS;
use super::producer::{Message, ProducerConfig, SendError, SendOptions};
use super::route::Use;
use super::{Client, borrow};
use crate::error::{RejectReason, Rejected};
use crate::time::Instant;

impl Client {
    /// The topic's handle, made once and cloned cheaply from then on.
    pub fn topic(&mut self, name: &str) -> Result<Topic, RejectReason> {
        Ok(self.names.topic(name)?)
    }

    /// Queues a message for the topic can be sent to now; empty until its route is known. Asking for them makes
    /// the route wanted.
    pub fn writable_queues(&mut self, topic: &Topic, now: Instant) -> Vec<Queue> {
        self.at(now);
        if self.names.owns(topic) {
            borrow!(self).want_route(topic, Use::Publish(DEFAULT_TOPIC_QUEUE_NUMS));
        }
        self.routes.get(topic).map(|route| route.writable_queues().to_vec()).unwrap_or_default()
    }

    // ---- producers -----------------------------------------------------------------------------------------

    /// A new producer. One for each group and client.
    pub fn create_producer(
        &mut self,
        config: ProducerConfig,
        now: Instant,
    ) -> Result<ProducerId, Rejected<ProducerConfig>> {
        self.at(now);
        if !self.lifecycle.is_running() {
            return Err(Rejected::new(RejectReason::Closed, config));
        }
        if let Err(reason) = self.check_groups() {
            return Err(Rejected::new(reason, config));
        }
        let id = self.producers.create(config)?;
        self.renew_registration();
        Ok(id)
    }

    fn check_groups(&self) -> Result<(), RejectReason> {
        let limit = self.config.max_groups;
        if self.producers.count() + self.consumers.count() >= limit {
            return Err(RejectReason::TooMany {
                what: "producers and consumers: close some, or raise `max_groups`",
                limit,
            });
        }
        Ok(())
    }

    /// Refuses new sends; [`Event::ProducerClosed`](crate::Event::ProducerClosed) when the last one has ended.
    pub fn close_producer(&mut self, id: ProducerId, now: Instant) {
        self.at(now);
        self.producers.close(id, &mut borrow!(self));
        self.settle_down();
    }

    /// Sends a message. It ends in exactly one [`Event::Sent`](crate::Event::Sent) with the id, by its deadline
    /// and a moment at the latest.
    pub fn send(
        &mut self,
        producer: ProducerId,
        message: Message,
        options: SendOptions,
        now: Instant,
    ) -> Result<SendId, Rejected<Message>> {
        self.start_send(producer, message, options, false, now)
    }

    /// Sends a message nobody answers to. It ends in exactly one [`Event::OnewaySent`](crate::Event::OnewaySent)
    /// with the id, when its last byte was given to the transport.
    pub fn send_oneway(
        &mut self,
        producer: ProducerId,
        message: Message,
        options: SendOptions,
        now: Instant,
    ) -> Result<SendId, Rejected<Message>> {
        self.start_send(producer, message, options, true, now)
    }

    fn start_send(
        &mut self,
        producer: ProducerId,
        message: Message,
        options: SendOptions,
        oneway: bool,
        now: Instant,
    ) -> Result<SendId, Rejected<Message>> {
        self.at(now);
        let (held, limit) = (self.held_out() + message.size(), self.config.memory_budget / 2);
        if held > limit {
            return Err(Rejected::new(RejectReason::MemoryBudget { held, limit }, message));
        }
        self.producers.send(producer, message, options, oneway, &mut borrow!(self))
    }

    /// Gives a send up: it ends as failed if no byte of it has left, else as indeterminate. False if it had ended.
    pub fn cancel(&mut self, id: SendId, now: Instant) -> bool {
        self.at(now);
        if !self.producers.is_pending(id) {
            return false;
        }
        if let Some(conn) = self.producers.cancel(id, SendError::Cancelled, &mut borrow!(self)) {
            self.process(conn);
        }
        true
    }

    // ---- consumers -----------------------------------------------------------------------------------------

    /// A new push consumer; it begins when it is subscribed to something. One for each group and client.
    pub fn create_push_consumer(
        &mut self,
        config: PushConsumerConfig,
        now: Instant,
    ) -> Result<ConsumerId, Rejected<PushConsumerConfig>> {
        self.at(now);
        if !self.lifecycle.is_running() {
            return Err(Rejected::new(RejectReason::Closed, config));
        }
        if let Err(reason) = self.check_groups() {
            return Err(Rejected::new(reason, config));
        }
        let id = self.consumers.create(config, &mut borrow!(self))?;
        self.want_consumed_routes();
        Ok(id)
    }

    /// Adds a subscription, or changes its filter. All members of a group must have the same.
    pub fn subscribe(
        &mut self,
        consumer: ConsumerId,
        topic: &Topic,
        filter: TagFilter,
        now: Instant,
    ) -> Result<(), RejectReason> {
        self.at(now);
        self.consumers.subscribe(consumer, topic, filter, &mut borrow!(self))?;
        self.want_consumed_routes();
        self.settle_down();
        Ok(())
    }

    /// Ends a subscription: its queues are released, their progress committed.
    pub fn unsubscribe(&mut self, consumer: ConsumerId, topic: &Topic, now: Instant) {
        self.at(now);
        self.consumers.unsubscribe(consumer, topic, &mut borrow!(self));
        self.settle_down();
    }

    /// Says what became of a delivery, or of a piece of one: in any order, each piece once.
    pub fn settle(
        &mut self,
        delivery: Delivery,
        settlement: Settlement,
        now: Instant,
    ) -> Result<(), Rejected<Delivery>> {
        self.at(now);
        self.consumers.settle(delivery, settlement, &mut borrow!(self))?;
        self.settle_down();
        Ok(())
    }

    /// Closes a consumer in order: no more pulls, unsettled deliveries are waited for, progress is committed. Ends
    /// in [`Event::ConsumerClosed`](crate::Event::ConsumerClosed).
    pub fn close_consumer(&mut self, id: ConsumerId, now: Instant) {
        self.at(now);
        self.consumers.close(id, &mut borrow!(self));
        self.settle_down();
    }

    /// Counters of a consumer; `None` after it has closed.
    pub fn consumer_stats(&self, id: ConsumerId) -> Option<&ConsumerStats> {
        self.consumers.stats(id)
    }

    fn want_consumed_routes(&mut self) {
        let topics: Vec<Topic> = self.consumers.topics().cloned().collect();
        for topic in topics {
            borrow!(self).want_route(&topic, Use::Subscribe);
        }
    }

    // ---- the end -------------------------------------------------------------------------------------------

    /// Stops in order within `grace`: sends are waited for, deliveries are waited for, progress is committed,
    /// brokers are told, connections closed. Ends in [`Event::Stopped`](crate::Event::Stopped), the last event.
    pub fn shutdown(&mut self, grace: Duration, now: Instant) {
        self.at(now);
        self.begin_shutdown(grace);
    }
}
