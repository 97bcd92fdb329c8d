//! One client, and what is asked of it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use rocketmq_engine::{
    Client, ConsumeFrom, ConsumerId, ConsumerStats, Instant, Message, Notice, OnewayOutcome, ProducerConfig,
    ProducerId, PushConsumerConfig, Queue, SendFailure, SendId, SendOptions, SendOutcome, SendReceipt,
    Settlement, ShutdownReport, TagFilter, Topic, Uncommitted,
};

use super::seen::{React, Received, Seen};
use super::stage::{Actor, Listening, PATIENCE, Stage};
use super::{Failed, Outcome};

/// Sends that [`Producer::send_all`] has under way at once.
const DEPTH: usize = 64;

/// A client. A clone is the same one.
#[derive(Clone, Debug)]
pub struct App {
    pub(super) stage: Stage,
    pub(super) index: usize,
}

fn failed(error: impl fmt::Display) -> Failed {
    Failed(error.to_string())
}

impl App {
    /// The engine itself, and the time to give it.
    pub fn with<R>(&self, use_it: impl FnOnce(&mut Client, Instant) -> R) -> R {
        let used = self.stage.0.borrow_mut().with(self.index, use_it);
        used.expect("a scenario uses no client it has killed")
    }

    fn actor<R>(&self, look: impl FnOnce(&mut Actor) -> R) -> R {
        look(&mut self.stage.0.borrow_mut().actors[self.index])
    }

    /// A topic's handle.
    pub fn topic(&self, name: &str) -> Outcome<Topic> {
        self.with(|client, _| client.topic(name)).map_err(failed)
    }

    /// A producer of a group of its own.
    pub fn producer(&self) -> Producer {
        let group = self.stage.unique("producers");
        self.producer_of(ProducerConfig::new(group)).expect("a group nobody has")
    }

    /// A producer with this configuration.
    pub fn producer_of(&self, config: ProducerConfig) -> Outcome<Producer> {
        let id = self.with(|client, now| client.create_producer(config, now)).map_err(failed)?;
        Ok(Producer { app: self.clone(), id })
    }

    /// A consumer that begins at the first message, with short intervals.
    pub fn consumer(&self, group: &str) -> ConsumerBuilder {
        let mut config = PushConsumerConfig::new(group).consume_from(ConsumeFrom::First);
        config.rebalance_interval = Duration::from_secs(1);
        config.rebalance_min_interval = Duration::from_millis(100);
        config.redelivery_delay = Duration::from_millis(50);
        config.persist_consumer_offset_interval = Duration::from_millis(200);
        config.pull_time_delay_when_exception = Duration::from_millis(100);
        let (subscriptions, react) = (Vec::new(), Box::new(|_: &Received| React::DONE));
        ConsumerBuilder { app: self.clone(), config, subscriptions, react, seen: None }
    }

    /// Writable queues of the topic, once its route is known.
    pub async fn queues(&self, topic: &str) -> Outcome<Vec<Queue>> {
        let handle = self.topic(topic)?;
        let ask = || self.with(|client, now| client.writable_queues(&handle, now));
        let deadline = self.stage.now() + PATIENCE;
        while ask().is_empty() {
            super::check!(self.stage.now() < deadline, "no route of {topic}");
            self.stage.sleep(Duration::from_millis(20)).await;
        }
        Ok(ask())
    }

    /// What it would have written to a log.
    pub fn notices(&self) -> Vec<Notice> {
        self.actor(|actor| actor.notices.clone())
    }

    /// Stops in order.
    pub async fn shutdown(&self, grace: Duration) -> Outcome<ShutdownReport> {
        self.with(|client, now| client.shutdown(grace, now));
        let limit = grace + Duration::from_secs(5);
        self.stage.until("shutdown", limit, || self.actor(|actor| actor.stopped.is_some())).await?;
        self.actor(|actor| actor.stopped.clone()).ok_or_else(|| Failed("no report".into()))
    }

    /// Gone without a word, as a process that is killed.
    pub fn kill(&self) {
        let mut inner = self.stage.0.borrow_mut();
        inner.actors[self.index].killed = true;
        inner.host.kill(self.index);
    }
}

/// A producer of a client.
#[derive(Clone, Debug)]
pub struct Producer {
    app: App,
    id: ProducerId,
}

impl Producer {
    /// Begins to send.
    pub fn post(&self, message: Message) -> Outcome<SendId> {
        self.post_with(message, SendOptions::default())
    }

    /// Begins to send, with options.
    pub fn post_with(&self, message: Message, options: SendOptions) -> Outcome<SendId> {
        self.app.with(|client, now| client.send(self.id, message, options, now)).map_err(failed)
    }

    /// Begins to send without an answer.
    pub fn post_oneway(&self, message: Message) -> Outcome<SendId> {
        let send =
            |client: &mut Client, now| client.send_oneway(self.id, message, SendOptions::default(), now);
        self.app.with(send).map_err(failed)
    }

    /// Waits for the end of a send.
    pub async fn outcome(&self, id: SendId) -> Outcome<SendOutcome> {
        let app = &self.app;
        app.stage.until("a send's end", PATIENCE, || app.actor(|a| a.sent.contains_key(&id))).await?;
        app.actor(|actor| actor.sent.get(&id).cloned()).ok_or_else(|| Failed("no outcome".into()))
    }

    /// Waits for the end of a one-way send.
    pub async fn oneway_outcome(&self, id: SendId) -> Outcome<OnewayOutcome> {
        let app = &self.app;
        app.stage.until("a send's end", PATIENCE, || app.actor(|a| a.oneway.contains_key(&id))).await?;
        app.actor(|actor| actor.oneway.get(&id).cloned()).ok_or_else(|| Failed("no outcome".into()))
    }

    /// Sends; it has to be acknowledged.
    pub async fn send(&self, message: Message) -> Outcome<SendReceipt> {
        self.send_with(message, SendOptions::default()).await
    }

    /// Sends with options; it has to be acknowledged.
    pub async fn send_with(&self, message: Message, options: SendOptions) -> Outcome<SendReceipt> {
        let id = self.post_with(message, options)?;
        match self.outcome(id).await? {
            SendOutcome::Acknowledged(receipt) => Ok(receipt),
            SendOutcome::Failed(failure) => Err(Failed(format!("a send failed: {failure}"))),
            SendOutcome::Indeterminate(failure) => Err(Failed(format!("a send is indeterminate: {failure}"))),
        }
    }

    /// Sends; it must not be acknowledged. How it ended: failed for certain, and what was tried.
    pub async fn send_in_vain(&self, message: Message) -> Outcome<(bool, SendFailure)> {
        let id = self.post(message)?;
        match self.outcome(id).await? {
            SendOutcome::Acknowledged(receipt) => {
                Err(Failed(format!("a send was acknowledged that cannot be: {receipt:?}")))
            }
            SendOutcome::Failed(failure) => Ok((true, *failure)),
            SendOutcome::Indeterminate(failure) => Ok((false, *failure)),
        }
    }

    /// Sends all, many at a time; each has to be acknowledged. Receipts in their order.
    pub async fn send_all(&self, messages: impl IntoIterator<Item = Message>) -> Outcome<Vec<SendReceipt>> {
        let (mut ids, mut receipts) = (Vec::new(), Vec::new());
        let mut messages = messages.into_iter();
        loop {
            let next: Vec<Message> = messages.by_ref().take(DEPTH).collect();
            if next.is_empty() {
                return Ok(receipts);
            }
            for message in next {
                ids.push(self.post(message)?);
            }
            for id in ids.drain(..) {
                match self.outcome(id).await? {
                    SendOutcome::Acknowledged(receipt) => receipts.push(receipt),
                    other => return Err(Failed(format!("a send was not acknowledged: {other:?}"))),
                }
            }
        }
    }

    /// Sends a message for each number, whose body is the number; the bodies.
    pub async fn send_numbers(&self, topic: &str, numbers: Range<usize>) -> Outcome<BTreeSet<Vec<u8>>> {
        let topic = self.app.topic(topic)?;
        let body = |number: usize| number.to_string().into_bytes();
        self.send_all(numbers.clone().map(|number| Message::new(&topic, body(number)))).await?;
        Ok(numbers.map(body).collect())
    }

    /// Refuses new sends; returns when the last one has ended.
    pub async fn close(&self) -> Outcome {
        self.app.with(|client, now| client.close_producer(self.id, now));
        let closed = || self.app.actor(|actor| actor.producers_closed.contains(&self.id));
        self.app.stage.until("the producer's end", PATIENCE, closed).await
    }
}

/// A consumer to be.
#[must_use = "it begins with `start`"]
pub struct ConsumerBuilder {
    app: App,
    config: PushConsumerConfig,
    subscriptions: Vec<(String, String)>,
    react: Box<dyn FnMut(&Received) -> React>,
    seen: Option<Seen>,
}

impl fmt::Debug for ConsumerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl ConsumerBuilder {
    /// Subscribes to what of the topic passes the filter.
    pub fn subscribe(mut self, topic: &str, filter: &str) -> Self {
        self.subscriptions.push((topic.into(), filter.into()));
        self
    }

    /// Where to begin.
    pub fn from(mut self, from: ConsumeFrom) -> Self {
        self.config.consume_from = from;
        self
    }

    /// Other settings.
    pub fn configure(mut self, configure: impl FnOnce(&mut PushConsumerConfig)) -> Self {
        configure(&mut self.config);
        self
    }

    /// What becomes of each message: done, if nothing is said.
    pub fn react(mut self, react: impl FnMut(&Received) -> React + 'static) -> Self {
        self.react = Box::new(react);
        self
    }

    /// Writes what comes into this book, beside others.
    pub fn into(mut self, seen: &Seen) -> Self {
        self.seen = Some(seen.clone());
        self
    }

    /// Begins.
    pub fn start(self) -> Outcome<Consumer> {
        let Self { app, config, subscriptions, react, seen } = self;
        let id = app.with(|client, now| client.create_push_consumer(config, now)).map_err(failed)?;
        let seen = seen.unwrap_or_else(|| Seen::new(&app.stage));
        let state = Listening { react, seen, held: Vec::new(), queues: Vec::new(), closed: None };
        let state = Rc::new(RefCell::new(state));
        app.actor(|actor| actor.consumers.insert(id, state.clone()));
        let consumer = Consumer { app, id, state };
        for (topic, filter) in subscriptions {
            consumer.subscribe(&topic, &filter)?;
        }
        Ok(consumer)
    }
}

/// A push consumer of a client.
#[derive(Clone)]
pub struct Consumer {
    app: App,
    id: ConsumerId,
    state: Rc<RefCell<Listening>>,
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Consumer {
    /// What came.
    pub fn seen(&self) -> Seen {
        self.state.borrow().seen.clone()
    }

    /// Its client.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Changes what becomes of each message from now on.
    pub fn react(&self, react: impl FnMut(&Received) -> React + 'static) {
        self.state.borrow_mut().react = Box::new(react);
    }

    /// Subscribes, or changes the filter.
    pub fn subscribe(&self, topic: &str, filter: &str) -> Outcome {
        let topic = self.app.topic(topic)?;
        let filter = TagFilter::parse(filter).map_err(failed)?;
        self.app.with(|client, now| client.subscribe(self.id, &topic, filter, now)).map_err(failed)
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, topic: &str) -> Outcome {
        let topic = self.app.topic(topic)?;
        self.app.with(|client, now| client.unsubscribe(self.id, &topic, now));
        Ok(())
    }

    /// The queues of this topic that it has.
    pub fn queues(&self, topic: &str) -> BTreeSet<Queue> {
        let state = self.state.borrow();
        state.queues.iter().filter(|queue| queue.topic.as_str() == topic).cloned().collect()
    }

    /// Messages that are held.
    pub fn held(&self) -> usize {
        self.state.borrow().held.len()
    }

    /// Settles what is held, the last first.
    pub fn settle_held(&self, settlement: Settlement) -> Outcome {
        let held = std::mem::take(&mut self.state.borrow_mut().held);
        for piece in held.into_iter().rev() {
            self.app.with(|client, now| client.settle(piece, settlement, now)).map_err(failed)?;
        }
        Ok(())
    }

    /// Its counters.
    pub fn stats(&self) -> ConsumerStats {
        self.app.with(|client, _| client.consumer_stats(self.id).copied()).unwrap_or_default()
    }

    /// Leaves the group in order; what could not be committed.
    pub async fn close(&self) -> Outcome<Vec<Uncommitted>> {
        self.app.with(|client, now| client.close_consumer(self.id, now));
        let closed = || self.state.borrow().closed.is_some();
        self.app.stage.until("the consumer's end", PATIENCE, closed).await?;
        Ok(self.state.borrow().closed.clone().unwrap_or_default())
    }
}
