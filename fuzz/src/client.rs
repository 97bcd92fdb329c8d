//! The whole engine: the bytes are the network, the clock and the application, and what must always hold is looked
//! at after each of their steps.
//!
//! - Nothing panics, whatever comes in whatever order.
//! - Each accepted send ends in one event with its id, by its deadline, also at shutdown.
//! - Deadlines pass: at one point in time the engine asks for a bounded number of calls.
//! - What is held stays within the budget.
//! - A connection's id never comes back, and nothing is asked for one that is gone.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rocketmq_engine::{
    Action, Client, ClientConfig, ConnId, ConsumeFrom, ConsumerId, Delivery, Event, Instant, Message,
    ProducerConfig, ProducerId, PushConsumerConfig, SendId, SendOptions, Settlement, TagFilter, Topic,
    TransportError, Wait,
};

use super::input::Input;
use super::peer::Peer;

const MAX_FRAME: usize = 64 << 10;
const BUDGET: usize = 8 * MAX_FRAME;
/// Calls the engine may ask for at one point in time.
const CALLS: usize = 2_000;
/// Steps of one input.
const STEPS: usize = 400;
const GRACE: Duration = Duration::from_secs(5);

/// One life of a client.
pub fn client(data: &[u8]) {
    let mut input = Input::new(data);
    let mut world = World::new(&mut input);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        world.step(&mut input);
        world.settle_down();
    }
    world.end();
}

fn config(input: &mut Input<'_>) -> ClientConfig {
    let servers = if input.flag() { "ns:1" } else { "ns:1;ns2:2" };
    let mut config = ClientConfig::new(servers).expect("valid");
    config.memory_budget = BUDGET;
    config.max_pending_sends = 8;
    config.max_notices = 16;
    config.connection.frame_limits.max_frame = MAX_FRAME;
    config.connection.max_in_flight = 64;
    config.connection.max_queued_bytes = 32 << 10;
    config.instance_name = Some("fuzz".into());
    config
}

struct World {
    client: Client,
    now: Instant,
    peers: BTreeMap<ConnId, Peer>,
    gone: BTreeSet<ConnId>,
    topics: Vec<Topic>,
    producers: Vec<ProducerId>,
    consumers: Vec<ConsumerId>,
    /// Sends that have not ended, with their deadlines.
    sends: BTreeMap<SendId, Instant>,
    deliveries: Vec<Delivery>,
    /// The application does not look at events for now.
    asleep: bool,
    stopping: Option<Instant>,
    stopped: bool,
}

impl World {
    fn new(input: &mut Input<'_>) -> Self {
        let (now, config) = (Instant::from_nanos(1_000_000_000), config(input));
        let mut client =
            Client::new(config, [input.byte(); 32], now, Duration::from_secs(1_700_000_000)).expect("valid");
        let topics = ["t", "u"].map(|name| client.topic(name).expect("valid")).into();
        Self {
            client,
            now,
            peers: BTreeMap::new(),
            gone: BTreeSet::new(),
            topics,
            producers: Vec::new(),
            consumers: Vec::new(),
            sends: BTreeMap::new(),
            deliveries: Vec::new(),
            asleep: false,
            stopping: None,
            stopped: false,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 24 {
            0 => self.pass(Duration::from_millis(input.byte().into())),
            1 => self.pass(Duration::from_millis(u64::from(input.u16()) * 10)),
            2 | 3 => self.jump(),
            4 | 5 => self.connect(input),
            6 | 7 => self.flush(input),
            8..=11 => self.answer(input),
            12 => self.noise(input),
            13 => self.hang_up(input),
            14 | 15 => self.send(input),
            16 => {
                let pick = usize::from(input.byte());
                if let Some(id) = pick_key(&self.sends, pick) {
                    self.client.cancel(id, self.now);
                }
            }
            17 | 18 => self.settle(input),
            19 => self.producer(input),
            20 => self.consumer(input),
            21 => self.subscribe(input),
            22 => self.asleep = input.flag(),
            _ => self.rare(input),
        }
    }

    // ---- the clock -----------------------------------------------------------------------------------------

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.client.handle_timeout(self.now);
    }

    fn jump(&mut self) {
        if let Some(until) = self.actions().until {
            self.now = self.now.max(until);
            self.client.handle_timeout(self.now);
        }
    }

    // ---- the network ---------------------------------------------------------------------------------------

    fn pick(&self, input: &mut Input<'_>) -> Option<ConnId> {
        pick_key(&self.peers, usize::from(input.byte()))
    }

    fn connect(&mut self, input: &mut Input<'_>) {
        let Some(conn) = self.pick(input) else { return };
        let refused = input.byte() > 230;
        let Some(peer) = self.peers.get_mut(&conn).filter(|peer| !peer.up) else { return };
        if refused {
            self.client.handle_connect_failed(conn, TransportError::Refused, self.now);
            self.forget(conn);
        } else {
            peer.up = true;
            self.client.handle_connected(conn, self.now);
        }
    }

    /// The driver forgets a connection whose failure it told.
    fn forget(&mut self, conn: ConnId) {
        self.peers.remove(&conn);
        self.gone.insert(conn);
    }

    /// The socket takes some bytes, or all there are.
    fn flush(&mut self, input: &mut Input<'_>) {
        let Some(conn) = self.pick(input) else { return };
        let most = match input.byte() {
            0..=199 => usize::MAX,
            _ => usize::from(input.u16() >> 4),
        };
        let mut slices = [&[][..]; 16];
        let count = self.client.write_slices(conn, &mut slices);
        let taken: Vec<u8> = slices[..count].concat().into_iter().take(most).collect();
        let up = self.peers.get(&conn).is_some_and(|peer| peer.up);
        assert!(up || taken.is_empty(), "bytes for a connection that does not stand");
        if let Some(peer) = self.peers.get_mut(&conn) {
            peer.take(&taken);
        }
        self.client.handle_written(conn, taken.len(), self.now);
    }

    fn answer(&mut self, input: &mut Input<'_>) {
        let Some(conn) = self.pick(input) else { return };
        let own = self.client.client_id().to_owned();
        let Some(frame) = self.peers.get_mut(&conn).and_then(|peer| peer.answer(input, &own)) else { return };
        self.give(conn, &frame, input.byte());
    }

    fn noise(&mut self, input: &mut Input<'_>) {
        let Some(conn) = self.pick(input) else { return };
        let bytes = match input.byte() {
            0..=99 => input.short().to_vec(),
            100..=199 => Peer::asks(input),
            _ => Peer::invents(input),
        };
        self.give(conn, &bytes, input.byte());
    }

    /// Bytes arrive in one of the ways there are, perhaps in two pieces.
    fn give(&mut self, conn: ConnId, bytes: &[u8], way: u8) {
        let (first, second) = bytes.split_at(bytes.len() * usize::from(way >> 2) / 64);
        for part in [first, second] {
            match way & 3 {
                0 => self.client.handle_slice(conn, part, self.now),
                1 => self.client.handle_bytes(conn, Bytes::copy_from_slice(part), self.now),
                _ => {
                    let mut part = part;
                    while !part.is_empty() {
                        let Some(room) = self.client.read_buf(conn) else { break };
                        let n = room.len().min(part.len());
                        room[..n].copy_from_slice(&part[..n]);
                        self.client.handle_read(conn, n, self.now);
                        part = &part[n..];
                    }
                }
            }
        }
    }

    fn hang_up(&mut self, input: &mut Input<'_>) {
        let Some(conn) = self.pick(input) else { return };
        if !self.peers.get(&conn).is_some_and(|peer| peer.up) {
            return;
        }
        if input.flag() {
            self.client.handle_eof(conn, self.now);
        } else {
            self.client.handle_transport_error(conn, TransportError::Reset, self.now);
        }
    }

    // ---- the application -----------------------------------------------------------------------------------

    fn producer(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        if choice >= 200 {
            if let Some(id) = self.producers.get(usize::from(choice) % self.producers.len().max(1)) {
                self.client.close_producer(*id, self.now);
            }
            return;
        }
        let mut config = ProducerConfig::new(format!("p{}", choice % 3));
        config.retry_times_when_send_failed = u32::from(choice % 4);
        if let Ok(id) = self.client.create_producer(config, self.now) {
            self.producers.push(id);
        }
    }

    fn send(&mut self, input: &mut Input<'_>) {
        let (choice, size) = (usize::from(input.byte()), usize::from(input.u16() >> 2));
        let Some(producer) = self.producers.get(choice % self.producers.len().max(1)).copied() else {
            return;
        };
        let topic = &self.topics[choice % self.topics.len()];
        let Ok(message) = Message::builder(topic, vec![7; size]).tag("A").build() else { return };
        let mut options = SendOptions::default();
        let mut timeout = ProducerConfig::new("p").send_msg_timeout;
        if choice & 4 != 0 {
            timeout = Duration::from_millis(input.u16().into());
            options.timeout = Some(timeout);
        }
        if choice & 8 != 0 {
            options.queue = self.client.writable_queues(topic, self.now).pop();
        }
        let sent = if choice & 16 != 0 {
            self.client.send_oneway(producer, message, options, self.now)
        } else {
            self.client.send(producer, message, options, self.now)
        };
        if let Ok(id) = sent {
            assert!(self.sends.insert(id, self.now + timeout).is_none(), "an id that was not free");
        }
    }

    fn consumer(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        if choice >= 200 {
            if let Some(id) = self.consumers.get(usize::from(choice) % self.consumers.len().max(1)) {
                self.client.close_consumer(*id, self.now);
            }
            return;
        }
        let mut config = PushConsumerConfig::new(format!("c{}", choice % 2));
        config.consume_from = if choice & 2 == 0 { ConsumeFrom::First } else { ConsumeFrom::Last };
        config.cached_bytes_limit = 16 << 10;
        config.pull_threshold_for_queue = 1 + u32::from(choice >> 3);
        if let Ok(id) = self.client.create_push_consumer(config, self.now) {
            self.consumers.push(id);
        }
    }

    fn subscribe(&mut self, input: &mut Input<'_>) {
        let choice = usize::from(input.byte());
        let Some(consumer) = self.consumers.get(choice % self.consumers.len().max(1)).copied() else {
            return;
        };
        let topic = &self.topics[choice / 2 % self.topics.len()];
        if choice >= 200 {
            return self.client.unsubscribe(consumer, topic, self.now);
        }
        let filter = if choice & 8 == 0 { "*" } else { "A || B" };
        let filter = TagFilter::parse(filter).expect("valid");
        let _ = self.client.subscribe(consumer, topic, filter, self.now);
    }

    fn settle(&mut self, input: &mut Input<'_>) {
        if self.deliveries.is_empty() {
            return;
        }
        let at = usize::from(input.byte()) % self.deliveries.len();
        let mut delivery = self.deliveries.swap_remove(at);
        let rest = delivery.split_off(1 + usize::from(input.byte() % 8));
        if !rest.is_empty() {
            self.deliveries.push(rest);
        }
        let settlement = match input.byte() % 8 {
            0..=3 => Settlement::Done,
            4 => Settlement::DoneUpTo(input.byte().into()),
            5 => Settlement::Later { delay_level: i32::from(input.byte() as i8) },
            6 => Settlement::Suspend(Duration::from_millis(input.u16().into())),
            _ => Settlement::Abandon,
        };
        self.client.settle(delivery, settlement, self.now).expect("our own delivery");
    }

    fn rare(&mut self, input: &mut Input<'_>) {
        match input.byte() % 8 {
            0 => self.deliveries.clear(),
            1 => {
                let unix = Duration::from_millis(input.i64().unsigned_abs());
                self.client.handle_unix_time(unix, self.now);
            }
            2 if input.byte() > 200 => self.shutdown(Duration::from_millis(input.u16().into())),
            3 => {
                let _ = self.client.topic(input.text());
            }
            // Inputs of connections that never were.
            4 => {
                let conn = ConnId::from(input.i64() as u64);
                self.client.handle_slice(conn, input.short(), self.now);
                self.client.handle_eof(conn, self.now);
            }
            _ => {}
        }
    }

    fn shutdown(&mut self, grace: Duration) {
        self.client.shutdown(grace, self.now);
        self.stopping.get_or_insert(self.now + grace);
    }

    // ---- what must hold ------------------------------------------------------------------------------------

    /// Carries out what the engine asks for, at this point in time.
    fn actions(&mut self) -> Wait {
        for _ in 0..CALLS {
            match self.client.poll_action() {
                Action::Connect { conn, endpoint } => {
                    assert!(!self.gone.contains(&conn), "{conn:?} comes back");
                    let peer = Peer::new(endpoint.role());
                    assert!(self.peers.insert(conn, peer).is_none(), "{conn:?} is dialled twice");
                }
                Action::Write { conn } | Action::SetRead { conn, .. } => {
                    assert!(self.gone.contains(&conn) || self.peers.get(&conn).is_some_and(|peer| peer.up));
                }
                Action::Close { conn, .. } => {
                    assert!(
                        !self.gone.contains(&conn) || !self.peers.contains_key(&conn),
                        "{conn:?} closes twice"
                    );
                    self.forget(conn);
                }
                Action::Wait(wait) => return wait,
            }
        }
        panic!("the actions do not end");
    }

    fn settle_down(&mut self) {
        let mut calls = 0;
        loop {
            let wait = self.actions();
            assert!(wait.until.is_none_or(|until| until >= self.now), "{wait:?} before {:?}", self.now);
            if !self.asleep {
                self.events();
            }
            if wait.until.is_none_or(|until| until > self.now) {
                break;
            }
            calls += 1;
            assert!(calls < CALLS, "time stands still: {wait:?}");
            self.client.handle_timeout(self.now);
        }
        while self.client.poll_notice().is_some() {}
        let held = self.client.held_bytes();
        assert!(held <= BUDGET, "{held} bytes are held, {BUDGET} may be");
        if !self.asleep {
            let late = self.sends.iter().find(|(_, deadline)| **deadline <= self.now);
            assert!(late.is_none(), "{late:?} has not ended at {:?}", self.now);
        }
        if let Some(until) = self.stopping.filter(|until| *until <= self.now && !self.asleep) {
            assert!(self.stopped, "not stopped at {:?}, grace ended at {until:?}", self.now);
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            assert!(!self.stopped, "{event:?} after the last event");
            match event {
                Event::Sent { id, .. } | Event::OnewaySent { id, .. } => {
                    assert!(self.sends.remove(&id).is_some(), "{id:?} ended twice, or never began");
                }
                Event::Delivered(delivery) => self.deliveries.push(delivery),
                Event::Stopped(_) => {
                    assert!(self.sends.is_empty(), "stopped with {:?} under way", self.sends);
                    self.stopped = true;
                }
                _ => {}
            }
        }
    }

    /// The network falls silent and the client stops, by the deadlines it names.
    fn end(mut self) {
        self.asleep = false;
        self.settle_down();
        self.shutdown(GRACE);
        self.settle_down();
        for _ in 0..10 * CALLS {
            if self.stopped {
                let wait = self.actions();
                assert!(wait.until.is_none() && self.sends.is_empty());
                return;
            }
            assert!(self.actions().until.is_some(), "stopping, and nothing is waited for");
            self.jump();
            self.settle_down();
        }
        panic!("it does not stop");
    }
}

fn pick_key<K: Copy + Ord, V>(map: &BTreeMap<K, V>, pick: usize) -> Option<K> {
    map.keys().nth(pick % map.len().max(1)).copied()
}
