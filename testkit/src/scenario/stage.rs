//! What a scenario is given: clients, waiting, the cluster.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::ops::Range;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use rocketmq_engine::wire::codes::RequestCode;
use rocketmq_engine::{
    Client, ClientConfig, ConsumerId, Delivery, Event, Instant, Notice, OnewayOutcome, ProducerId, Queue,
    SendId, SendOutcome, ShutdownReport, Uncommitted,
};

use super::app::App;
use super::controls::Controls;
use super::play::Host;
use super::remote::{Foreign, Remote};
use super::seen::{React, Received, Seen};
use super::{Failed, Outcome, check};
use crate::{Fault, FaultKind};

/// How long a scenario waits for what has to come: a loaded machine needs its time.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);
/// How long it waits for what must not come.
const LINGER: Duration = Duration::from_millis(400);
/// How often a cluster is looked at while waiting for it.
const LOOK: Duration = Duration::from_millis(20);

/// A consumer as the stage sees it: its listener, what it was given.
pub(super) struct Listening {
    pub(super) react: Box<dyn FnMut(&Received) -> React>,
    pub(super) seen: Seen,
    pub(super) held: Vec<Delivery>,
    pub(super) queues: Vec<Queue>,
    pub(super) closed: Option<Vec<Uncommitted>>,
}

/// One client and what it said.
pub(super) struct Actor {
    pub(super) killed: bool,
    pub(super) sent: BTreeMap<SendId, SendOutcome>,
    pub(super) oneway: BTreeMap<SendId, OnewayOutcome>,
    pub(super) consumers: BTreeMap<ConsumerId, Rc<RefCell<Listening>>>,
    pub(super) producers_closed: Vec<ProducerId>,
    pub(super) notices: Vec<Notice>,
    pub(super) stopped: Option<ShutdownReport>,
    pub(super) trouble: Option<String>,
}

pub(super) struct Inner {
    pub(super) host: Box<dyn Host>,
    pub(super) controls: Box<dyn Controls>,
    pub(super) actors: Vec<Actor>,
    /// When the scenario wants to be polled if nothing happens before.
    pub(super) wake_at: Option<Instant>,
    run: String,
    names: u32,
}

/// What a scenario is given. A clone is the same stage.
#[derive(Clone)]
pub struct Stage(pub(super) Rc<RefCell<Inner>>);

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage").finish_non_exhaustive()
    }
}

impl Stage {
    /// `run` goes into the names of topics and groups, so that runs on one cluster do not meet.
    pub(super) fn new(host: Box<dyn Host>, controls: Box<dyn Controls>, run: &str) -> Self {
        let run = run.to_string();
        Self(Rc::new(RefCell::new(Inner {
            host,
            controls,
            actors: Vec::new(),
            wake_at: None,
            run,
            names: 0,
        })))
    }

    // ---- clients -------------------------------------------------------------------------------------------

    /// A client with short intervals, so that a scenario need not wait for real life's.
    pub fn app(&self) -> App {
        self.app_with(|_| {})
    }

    /// One with other settings; `configure` gets the short intervals to begin with.
    pub fn app_with(&self, configure: impl FnOnce(&mut ClientConfig)) -> App {
        let name_server = self.0.borrow().controls.name_server();
        self.app_at(&name_server, configure)
    }

    /// One that is given these name servers.
    pub fn app_at(&self, name_servers: &str, configure: impl FnOnce(&mut ClientConfig)) -> App {
        let mut inner = self.0.borrow_mut();
        let mut config = ClientConfig::new(name_servers).expect("addresses of a cluster");
        config.poll_name_server_interval = Duration::from_secs(1);
        config.heartbeat_broker_interval = Duration::from_secs(1);
        config.backoff_most = Duration::from_secs(1);
        configure(&mut config);
        let index = inner.actors.len();
        inner.host.attach(config);
        inner.actors.push(Actor {
            killed: false,
            sent: BTreeMap::new(),
            oneway: BTreeMap::new(),
            consumers: BTreeMap::new(),
            producers_closed: Vec::new(),
            notices: Vec::new(),
            stopped: None,
            trouble: None,
        });
        App { stage: self.clone(), index }
    }

    /// Shuts every client down that still runs; all has to be finished in time and committed.
    pub async fn finish(&self) -> Outcome {
        let count = self.0.borrow().actors.len();
        for index in 0..count {
            let running = {
                let actor = &self.0.borrow().actors[index];
                !actor.killed && actor.stopped.is_none()
            };
            if running {
                let report = App { stage: self.clone(), index }.shutdown(Duration::from_secs(20)).await?;
                super::check!(report.in_time, "client {index} did not stop in time: {report:?}");
                super::check!(report.uncommitted.is_empty(), "client {index} left uncommitted: {report:?}");
            }
        }
        Ok(())
    }

    // ---- waiting -------------------------------------------------------------------------------------------

    /// Time on the stage's own scale.
    pub fn now(&self) -> Instant {
        self.0.borrow().host.now()
    }

    /// Time since 1970.
    pub fn unix_now(&self) -> Duration {
        self.0.borrow().host.unix_now()
    }

    fn wake_at(&self, at: Instant) {
        let mut inner = self.0.borrow_mut();
        inner.wake_at = Some(inner.wake_at.map_or(at, |before| before.min(at)));
    }

    /// Waits until clients' events have made it true; after `limit` it has failed.
    pub async fn until(&self, what: &str, limit: Duration, mut done: impl FnMut() -> bool) -> Outcome {
        let deadline = self.now() + limit;
        poll_fn(|_| {
            if done() {
                return Poll::Ready(Ok(()));
            }
            if self.now() >= deadline {
                return Poll::Ready(Err(Failed(format!("{what}: not within {limit:?}"))));
            }
            self.wake_at(deadline);
            Poll::Pending
        })
        .await
    }

    /// Waits until the cluster says so, looking again and again; after a while it has failed.
    pub async fn until_cluster(
        &self,
        what: &str,
        mut done: impl FnMut(&mut Remote<'_>) -> Outcome<bool>,
    ) -> Outcome {
        let deadline = self.now() + PATIENCE;
        loop {
            let last = match self.cluster(&mut done) {
                Ok(true) => return Ok(()),
                Ok(false) => String::new(),
                Err(failed) => format!(": {failed}"),
            };
            super::check!(self.now() < deadline, "{what}: not within {PATIENCE:?}{last}");
            self.sleep(LOOK).await;
        }
    }

    /// Lets this time pass.
    pub async fn sleep(&self, time: Duration) {
        let until = self.now() + time;
        poll_fn(|_| {
            if self.now() >= until {
                return Poll::Ready(());
            }
            self.wake_at(until);
            Poll::Pending
        })
        .await;
    }

    /// Lets the time pass in which something wrong would have come.
    pub async fn linger(&self) {
        self.sleep(LINGER).await;
    }

    // ---- the cluster ---------------------------------------------------------------------------------------

    /// Asks brokers in the protocol's words.
    pub fn cluster<T>(&self, ask: impl FnOnce(&mut Remote<'_>) -> T) -> T {
        ask(&mut Remote(&mut *self.0.borrow_mut().controls))
    }

    /// Acts on the cluster, or looks at it.
    pub fn controls<T>(&self, act: impl FnOnce(&mut dyn Controls) -> T) -> T {
        act(&mut *self.0.borrow_mut().controls)
    }

    /// A name nobody else uses.
    pub fn unique(&self, what: &str) -> String {
        let mut inner = self.0.borrow_mut();
        inner.names += 1;
        format!("{what}-{}-{}", inner.run, inner.names)
    }

    /// A new topic with so many queues at the first broker, in routes when this returns.
    pub async fn topic(&self, queues: u32) -> Outcome<String> {
        self.topic_at(1, queues).await
    }

    /// A new topic with so many queues at each of the first `brokers` brokers.
    pub async fn topic_at(&self, brokers: usize, queues: u32) -> Outcome<String> {
        let topic = self.unique("topic");
        for broker in 0..brokers {
            self.cluster(|cluster| cluster.set_topic(broker, &topic, queues, 6))?;
            self.until_routed(broker, &topic).await?;
        }
        Ok(topic)
    }

    /// Waits until routes of the topic name this broker.
    pub async fn until_routed(&self, broker: usize, topic: &str) -> Outcome {
        self.until_cluster("route", |cluster| cluster.is_routed(broker, topic)).await
    }

    /// A new consumer group, known to every broker.
    pub fn group(&self) -> Outcome<String> {
        let group = self.unique("group");
        let brokers = self.controls(|controls| controls.brokers());
        for broker in 0..brokers {
            self.cluster(|cluster| cluster.set_group(broker, &group))?;
        }
        Ok(group)
    }

    /// Messages stored in the topic at the first broker.
    pub fn stored(&self, topic: &str, queues: u32) -> Outcome<i64> {
        self.cluster(|cluster| (0..queues).map(|queue| cluster.stored(0, topic, queue)).sum())
    }

    /// Waits until so many messages are in the topic's queues at the first broker: a real one acknowledges what is
    /// in its log, and puts it into queues a little later.
    pub async fn stores(&self, topic: &str, queues: Range<u32>, total: i64) -> Outcome {
        let mut last = 0;
        let wait = self.until_cluster("store", |cluster| {
            last = queues.clone().map(|queue| cluster.stored(0, topic, queue)).sum::<Outcome<i64>>()?;
            Ok(last >= total)
        });
        let ended = wait.await;
        ended.map_err(|failed| Failed(format!("{last} of {total} stored: {failed}")))?;
        check!(last == total, "{last} stored in queues {queues:?} of {topic}, not {total}");
        Ok(())
    }

    /// Waits until the group has committed so much for the topic's queues at the first broker together.
    pub async fn committed(&self, group: &str, topic: &str, queues: u32, total: i64) -> Outcome {
        let mut last = 0;
        let wait = self.until_cluster("commit", |cluster| {
            let each = (0..queues).map(|queue| cluster.committed(0, group, topic, queue));
            last = each.map(|offset| offset.map(Option::unwrap_or_default)).sum::<Outcome<i64>>()?;
            Ok(last == total)
        });
        let ended = wait.await;
        ended.map_err(|failed| Failed(format!("{last} of {total} committed: {failed}")))
    }

    /// What another client might have stored in the topic's first queue.
    pub fn put(&self, topic: &str, message: &Foreign<'_>) -> Outcome {
        self.cluster(|cluster| cluster.put(0, topic, 0, message))
    }

    /// Makes the first broker do this wrong with the next requests of that kind.
    pub fn fault(&self, request: RequestCode, times: u32, kind: FaultKind) -> Outcome {
        self.controls(|controls| controls.inject(0, Fault::new(request, kind).times(times)))
    }

    /// Starts a killed broker again and waits until it serves.
    pub async fn start_broker(&self, broker: usize) -> Outcome {
        self.controls(|controls| controls.start_broker(broker))?;
        self.until_cluster("broker", |cluster| cluster.0.is_up(broker)).await
    }
}

impl Inner {
    /// The engine and its time.
    pub(super) fn with<R>(
        &mut self,
        client: usize,
        use_it: impl FnOnce(&mut Client, Instant) -> R,
    ) -> Option<R> {
        let (mut use_it, mut result) = (Some(use_it), None);
        self.host.with(client, &mut |client, now| {
            result = use_it.take().map(|use_it| use_it(client, now));
        });
        result
    }

    /// Hands everything a client said to where it belongs. True if there was something.
    pub(super) fn take_events(&mut self, client: usize) -> bool {
        let mut any = false;
        if self.actors[client].killed {
            return false;
        }
        while let Some(event) = self.host.next_event(client) {
            any = true;
            match event {
                Event::Delivered(delivery) => self.deliver(client, delivery),
                event => self.actors[client].take(event),
            }
        }
        let notices =
            self.with(client, |client, _| std::iter::from_fn(|| client.poll_notice()).collect::<Vec<_>>());
        self.actors[client].notices.extend(notices.into_iter().flatten());
        any
    }

    /// Every message is looked at and settled alone.
    fn deliver(&mut self, client: usize, mut delivery: Delivery) {
        let actor = &mut self.actors[client];
        let Some(listening) = actor.consumers.get(&delivery.consumer()).cloned() else {
            actor.trouble = Some(format!("a delivery for nobody: {delivery:?}"));
            return;
        };
        let mut listening = listening.borrow_mut();
        let settled = self.with(client, |client, now| {
            while let Some(piece) = delivery.pop_front() {
                let Some(received) = Received::of(&piece, now) else { continue };
                let react = (listening.react)(&received);
                listening.seen.add(received);
                match react {
                    React::Settle(settlement) => {
                        client.settle(piece, settlement, now).map_err(|rejected| rejected.to_string())?;
                    }
                    React::Hold => listening.held.push(piece),
                }
            }
            Ok::<_, String>(())
        });
        if let Some(Err(refused)) = settled {
            self.actors[client].trouble = Some(format!("a settlement was refused: {refused}"));
        }
    }
}

impl Actor {
    fn take(&mut self, event: Event) {
        match event {
            Event::Sent { id, outcome, .. } => {
                if self.sent.insert(id, outcome).is_some() {
                    self.trouble = Some(format!("{id:?} ended twice"));
                }
            }
            Event::OnewaySent { id, outcome, .. } => {
                if self.oneway.insert(id, outcome).is_some() {
                    self.trouble = Some(format!("{id:?} ended twice"));
                }
            }
            Event::Assigned { consumer, queues } => {
                if let Some(consumer) = self.consumers.get(&consumer) {
                    consumer.borrow_mut().queues.extend(queues);
                }
            }
            Event::Revoked { consumer, queues } => {
                if let Some(consumer) = self.consumers.get(&consumer) {
                    consumer.borrow_mut().queues.retain(|queue| !queues.contains(queue));
                }
            }
            Event::ConsumerClosed { consumer, uncommitted } => {
                if let Some(consumer) = self.consumers.get(&consumer) {
                    let mut consumer = consumer.borrow_mut();
                    consumer.queues.clear();
                    consumer.closed = Some(uncommitted.into_vec());
                }
            }
            Event::ProducerClosed { producer } => self.producers_closed.push(producer),
            Event::Stopped(report) => self.stopped = Some(report),
            other => self.trouble = Some(format!("an event nobody knows: {other:?}")),
        }
    }
}
