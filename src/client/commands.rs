//! What the application asks for: each command is decided at once, what follows comes as events.

#[cfg(feature = "record")]
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::time::Duration;

use super::consumer::{ConsumerStats, Delivery, PushConsumerConfig, Settlement, TagFilter};
#[cfg(feature = "record")]
use super::digest::digest_of;
use super::ids::{ConsumerId, ProducerId, SendId};
use super::names::{Queue, Topic};
use super::producer::config::DEFAULT_TOPIC_QUEUE_NUMS;
use super::producer::{Message, ProducerConfig, SendError, SendOptions};
use super::route::Use;
use super::{Client, borrow, record};
use crate::error::{RejectReason, Rejected};
#[cfg(feature = "record")]
use crate::record::told;
use crate::time::Instant;

impl Client {
    /// The topic's handle, made once and cloned cheaply from then on.
    pub fn topic(&mut self, name: &str) -> Result<Topic, RejectReason> {
        record!(self, Entry::Topic(name));
        let topic = Ok(self.names.topic(name)?);
        record!(self, Entry::Reply(told(&topic, digest_of)));
        topic
    }

    /// Queues a message for the topic can be sent to now; empty until its route is known. Asking for them makes
    /// the route wanted.
    pub fn writable_queues(&mut self, topic: &Topic, now: Instant) -> Vec<Queue> {
        record!(self, Entry::WritableQueues(NameRef::topic(topic, &self.names), now));
        self.at(now);
        if self.names.owns(topic) {
            borrow!(self).want_route(topic, Use::Publish(DEFAULT_TOPIC_QUEUE_NUMS));
        }
        let queues = self.routes.get(topic).map(|route| route.writable_queues().to_vec()).unwrap_or_default();
        record!(self, Entry::Reply(digest_of(&queues)));
        queues
    }

    // ---- producers -----------------------------------------------------------------------------------------

    /// A new producer. One for each group and client.
    pub fn create_producer(
        &mut self,
        config: ProducerConfig,
        now: Instant,
    ) -> Result<ProducerId, Rejected<ProducerConfig>> {
        record!(self, Entry::CreateProducer(Cow::Borrowed(&config), now));
        self.at(now);
        let created = match self.check_new_group() {
            Ok(()) => self.producers.create(config),
            Err(reason) => Err(Rejected::new(reason, config)),
        };
        record!(self, Entry::Reply(told(&created, |id| (*id).into())));
        let id = created?;
        self.renew_registration();
        Ok(id)
    }

    fn check_new_group(&self) -> Result<(), RejectReason> {
        if !self.lifecycle.is_running() {
            return Err(RejectReason::Closed);
        }
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
        record!(self, Entry::CloseProducer(id, now));
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

    #[inline]
    fn start_send(
        &mut self,
        producer: ProducerId,
        message: Message,
        options: SendOptions,
        oneway: bool,
        now: Instant,
    ) -> Result<SendId, Rejected<Message>> {
        #[cfg(feature = "record")]
        if self.recorder.is_some() {
            return self.recorded_send(producer, message, options, oneway, now);
        }
        self.accept(producer, message, options, oneway, now)
    }

    #[inline]
    fn accept(
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

    /// Apart: within the usual way it would cost every send some 25 instructions (`cargo bench -- 11`).
    #[cfg(feature = "record")]
    #[cold]
    fn recorded_send(
        &mut self,
        producer: ProducerId,
        message: Message,
        options: SendOptions,
        oneway: bool,
        now: Instant,
    ) -> Result<SendId, Rejected<Message>> {
        record!(
            self,
            Entry::Send(
                producer,
                MessageRef::new(&message, &self.names),
                OptionsRef::new(&options, &self.names),
                oneway,
                now
            )
        );
        let sent = self.accept(producer, message, options, oneway, now);
        record!(self, Entry::Reply(told(&sent, |id| (*id).into())));
        sent
    }

    /// Gives a send up: it ends as failed if no byte of it has left, else as indeterminate. False if it had ended.
    pub fn cancel(&mut self, id: SendId, now: Instant) -> bool {
        record!(self, Entry::Cancel(id, now));
        self.at(now);
        let pending = self.producers.is_pending(id);
        record!(self, Entry::Reply(u64::from(pending)));
        if pending && let Some(conn) = self.producers.cancel(id, SendError::Cancelled, &mut borrow!(self)) {
            self.process(conn);
        }
        pending
    }

    // ---- consumers -----------------------------------------------------------------------------------------

    /// A new push consumer; it begins when it is subscribed to something. One for each group and client.
    pub fn create_push_consumer(
        &mut self,
        config: PushConsumerConfig,
        now: Instant,
    ) -> Result<ConsumerId, Rejected<PushConsumerConfig>> {
        record!(self, Entry::CreatePushConsumer(Cow::Borrowed(&config), now));
        self.at(now);
        let created = match self.check_new_group() {
            Ok(()) => self.consumers.create(config, &mut borrow!(self)),
            Err(reason) => Err(Rejected::new(reason, config)),
        };
        record!(self, Entry::Reply(told(&created, |id| (*id).into())));
        let id = created?;
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
        record!(self, Entry::Subscribe(consumer, NameRef::topic(topic, &self.names), filter.as_str(), now));
        self.at(now);
        let subscribed = self.consumers.subscribe(consumer, topic, filter, &mut borrow!(self));
        record!(self, Entry::Reply(told(&subscribed, |()| 0)));
        subscribed?;
        self.want_consumed_routes();
        self.settle_down();
        Ok(())
    }

    /// Ends a subscription: its queues are released, their progress committed.
    pub fn unsubscribe(&mut self, consumer: ConsumerId, topic: &Topic, now: Instant) {
        record!(self, Entry::Unsubscribe(consumer, NameRef::topic(topic, &self.names), now));
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
        record!(
            self,
            Entry::Settle(delivery.is_of(self.ids.engine()).then(|| delivery.piece()), settlement, now)
        );
        self.at(now);
        let settled = self.consumers.settle(delivery, settlement, &mut borrow!(self));
        record!(self, Entry::Reply(told(&settled, |()| 0)));
        settled?;
        self.settle_down();
        Ok(())
    }

    /// Closes a consumer in order: no more pulls, unsettled deliveries are waited for, progress is committed. Ends
    /// in [`Event::ConsumerClosed`](crate::Event::ConsumerClosed).
    pub fn close_consumer(&mut self, id: ConsumerId, now: Instant) {
        record!(self, Entry::CloseConsumer(id, now));
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
        record!(self, Entry::Shutdown(grace, now));
        self.at(now);
        self.begin_shutdown(grace);
    }
}
