//! Applications of the swarm: producers that send, consumers that settle in all the ways there are.

use std::any::Any;
use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use rocketmq_engine::{
    ConsumeFrom, ConsumerId, Delivery, Event, Instant, Message, PoisonPolicy, ProducerConfig, ProducerId,
    PushConsumerConfig, Queue, SendOptions, SendOutcome, Settlement, TagFilter, Topic,
};

use super::client::{App, Ctx};

/// Sends messages at a rate, for a time.
#[derive(Debug)]
pub(super) struct ProducerApp {
    topic: &'static str,
    interval: Duration,
    /// World time at which it falls silent.
    until: Duration,
    /// Every so many messages is sent in order, to one queue, after the one before was acknowledged; 0: none.
    ordered: u64,
    state: Option<ProducerState>,
    /// The world's time when it was last asked.
    elapsed: Duration,
}

#[derive(Debug)]
struct ProducerState {
    producer: ProducerId,
    topic: Topic,
    next: Instant,
    sent: u64,
    order: Option<Order>,
}

#[derive(Debug)]
struct Order {
    queue: Queue,
    waiting: Option<u64>,
    broken: bool,
}

const TAGS: [Option<&str>; 3] = [None, Some("a"), Some("b")];

impl ProducerApp {
    pub(super) fn new(topic: &'static str, interval: Duration, until: Duration, ordered: u64) -> Self {
        Self { topic, interval, until, ordered, state: None, elapsed: Duration::ZERO }
    }

    fn send(&mut self, ctx: &mut Ctx<'_>) {
        let Some(state) = &mut self.state else { return };
        state.sent += 1;
        let in_order = self.ordered > 0 && state.sent.is_multiple_of(self.ordered);
        let mut options = SendOptions::default();
        if in_order {
            if state.order.is_none() {
                let queues = ctx.client.writable_queues(&state.topic, ctx.now);
                state.order =
                    queues.into_iter().next().map(|queue| Order { queue, waiting: None, broken: false });
            }
            let Some(order) = state.order.as_mut().filter(|o| o.waiting.is_none() && !o.broken) else {
                return;
            };
            options.queue = Some(order.queue.clone());
            if let Some(truth) = &mut ctx.truth {
                truth.on_chosen(ctx.index, order.queue.broker.as_str(), order.queue.id);
            }
            // One attempt alone: another would be a second copy behind the next message.
            options.max_attempts = Some(1);
        }
        let serial = ctx.truth.as_ref().map_or(0, |truth| truth.next_serial());
        let size = if ctx.rng.chance(20) { ctx.rng.range(1_000, 20_000) } else { ctx.rng.range(8, 200) };
        let mut body = format!("{serial} ").into_bytes();
        body.resize(body.len() + size as usize, b'x');
        let body = Bytes::from(body);
        let tag = TAGS[ctx.rng.below(3) as usize];
        let mut message = Message::builder(&state.topic, body.clone());
        if let Some(tag) = tag {
            message = message.tag(tag);
        }
        let message = message.build().expect("plain text");
        let most = options.max_attempts.unwrap_or(3);
        match ctx.client.send(state.producer, message, options, ctx.now) {
            Ok(id) => {
                if let (true, Some(order)) = (in_order, &mut state.order) {
                    order.waiting = Some(u64::from(id));
                }
                if let Some(truth) = &mut ctx.truth {
                    truth.on_submit(body, tag);
                    truth.on_call(ctx.index);
                    let key = in_order.then_some(0);
                    let timeout = Duration::from_secs(3);
                    truth.on_accepted(ctx.index, u64::from(id), ctx.now, timeout, most, key);
                }
            }
            Err(refused) => assert!(
                matches!(
                    refused.reason,
                    rocketmq_engine::RejectReason::Closed
                        | rocketmq_engine::RejectReason::MemoryBudget { .. }
                ),
                "a plain send is refused: {refused:?}"
            ),
        }
    }
}

impl App for ProducerApp {
    fn start(&mut self, ctx: &mut Ctx<'_>) {
        let topic = ctx.client.topic(self.topic).expect("a plain name");
        let producer =
            ctx.client.create_producer(ProducerConfig::new("sellers"), ctx.now).expect("the client's first");
        let next = ctx.now + Duration::from_nanos(ctx.rng.below(self.interval.as_nanos() as u64 + 1));
        self.elapsed = ctx.elapsed;
        self.state = Some(ProducerState { producer, topic, next, sent: 0, order: None });
    }

    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        self.elapsed = ctx.elapsed;
        if let Event::ProducerClosed { .. } | Event::Stopped(_) = &event {
            self.state = None;
        }
        if let Event::Sent { id, outcome, .. } = &event
            && let Some(order) = self.state.as_mut().and_then(|state| state.order.as_mut())
            && order.waiting == Some(u64::from(*id))
        {
            order.waiting = None;
            // Where the last one is, or whether, is not known: the order is at its end.
            order.broken |= !matches!(outcome, SendOutcome::Acknowledged(_));
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        self.state.as_ref().filter(|_| self.elapsed < self.until).map(|state| state.next)
    }

    fn on_wake(&mut self, ctx: &mut Ctx<'_>) {
        self.elapsed = ctx.elapsed;
        if self.elapsed >= self.until {
            return;
        }
        self.send(ctx);
        if let Some(state) = &mut self.state {
            // After a pause it does not catch up.
            state.next = (state.next + self.interval).max(ctx.now);
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// How a consumer treats what it is given, in thousandths; the rest is done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habits {
    pub(super) later: u64,
    pub(super) suspend: u64,
    pub(super) abandon: u64,
    /// Milliseconds a message is held at most.
    pub(super) hold: u64,
    /// Deliveries are settled whole.
    pub(super) whole: bool,
    /// What cannot be read is pulled until it can.
    pub(super) holds_poison: bool,
}

/// Consumes a topic as a member of a group.
#[derive(Debug)]
pub(super) struct ConsumerApp {
    topic: &'static str,
    group: &'static str,
    habits: Habits,
    consumer: Option<ConsumerId>,
    held: BTreeMap<(Instant, u64), Delivery>,
    number: u64,
}

impl ConsumerApp {
    pub(super) fn new(topic: &'static str, group: &'static str, habits: Habits) -> Self {
        Self { topic, group, habits, consumer: None, held: BTreeMap::new(), number: 0 }
    }

    fn settle(&mut self, delivery: Delivery, ctx: &mut Ctx<'_>) {
        let habits = self.habits;
        let roll = ctx.rng.below(1000);
        let often = delivery.iter().any(|message| message.reconsume_times() >= 3);
        let settlement = if often || roll >= habits.later + habits.suspend + habits.abandon {
            Settlement::Done
        } else if roll < habits.later {
            Settlement::Later { delay_level: ctx.rng.range(1, 3) as i32 }
        } else if roll < habits.later + habits.suspend {
            Settlement::Suspend(Duration::from_millis(ctx.rng.range(10, 2000)))
        } else {
            Settlement::Abandon
        };
        if let Some(truth) = &mut ctx.truth {
            truth.on_settled(ctx.index, &delivery, settlement);
        }
        let _ = ctx.client.settle(delivery, settlement, ctx.now);
    }
}

impl App for ConsumerApp {
    fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.held.clear();
        let topic = ctx.client.topic(self.topic).expect("a plain name");
        let mut config = PushConsumerConfig::new(self.group);
        config.consume_from = ConsumeFrom::First;
        if self.habits.holds_poison {
            config.poison = PoisonPolicy::Hold;
        }
        let consumer = ctx.client.create_push_consumer(config, ctx.now).expect("the client's first");
        self.consumer = Some(consumer);
        if let Some(truth) = &mut ctx.truth {
            truth.on_join(ctx.index, self.group, self.topic);
        }
        ctx.client.subscribe(consumer, &topic, TagFilter::all(), ctx.now).expect("a running consumer");
    }

    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        let Event::Delivered(mut delivery) = event else { return };
        if self.habits.whole && self.habits.hold == 0 {
            return self.settle(delivery, ctx);
        }
        loop {
            let rest = if self.habits.whole || delivery.len() <= 1 {
                None
            } else {
                Some(delivery.split_off(ctx.rng.range(1, delivery.len() as u64) as usize))
            };
            let due = ctx.now + Duration::from_millis(ctx.rng.below(self.habits.hold + 1));
            self.number += 1;
            self.held.insert((due, self.number), delivery);
            match rest.filter(|rest| !rest.is_empty()) {
                Some(rest) => delivery = rest,
                None => return,
            }
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        self.held.first_key_value().map(|((at, _), _)| *at)
    }

    fn on_wake(&mut self, ctx: &mut Ctx<'_>) {
        let later = self.held.split_off(&(ctx.now, u64::MAX));
        for delivery in std::mem::replace(&mut self.held, later).into_values() {
            self.settle(delivery, ctx);
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}
