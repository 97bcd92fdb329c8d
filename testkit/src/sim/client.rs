//! A client of the world: the engine, its clock, its application, and the driver between engine and network.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use rocketmq_engine::{Action, Client, ClientConfig, ConnId, Event, Instant, WakeReason};

use super::agenda::Happening;
use super::clock::NodeClock;
use super::digest::Digest;
use super::link::LinkId;
use super::rng::SimRng;
use super::truth::{Moment, Truth};
use super::world::World;

/// Deadlines of one instant after which an engine counts as spinning.
const MOST_DEADLINES_AT_ONCE: u32 = 10_000;

/// An application on a client: it is given the client's events and has a deadline of its own.
pub trait App: fmt::Debug + Send {
    /// The process starts: once for each life, and nothing of the life before may be used.
    fn start(&mut self, ctx: &mut Ctx<'_>);

    /// Something happened.
    fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>);

    /// When [`on_wake`](Self::on_wake) is to be called, on the client's own clock.
    fn next_wake(&self) -> Option<Instant> {
        None
    }

    /// [`next_wake`](Self::next_wake) has come.
    fn on_wake(&mut self, _ctx: &mut Ctx<'_>) {}

    /// To be looked into by tests: `self`.
    fn as_any(&mut self) -> &mut dyn std::any::Any;
}

/// What an application has at hand.
#[derive(Debug)]
pub struct Ctx<'a> {
    /// The engine.
    pub client: &'a mut Client,
    /// The client's monotonic clock.
    pub now: Instant,
    /// Time from the start of the world.
    pub elapsed: Duration,
    /// Random numbers of this application.
    pub rng: &'a mut SimRng,
    /// Lives of this process before this one.
    pub life: u32,
    /// The client's number.
    pub index: usize,
    /// What is true of the run, where it is judged.
    pub(super) truth: Option<&'a mut Truth>,
}

type Configure = Box<dyn Fn(&mut ClientConfig) + Send>;

/// One process on one machine.
pub(super) struct ClientNode {
    pub(super) index: usize,
    config: ClientConfig,
    configure: Configure,
    pub(super) app: Option<Box<dyn App>>,
    pub(super) events: VecDeque<Event>,
    /// `None` while its process does not run.
    pub(super) client: Option<Client>,
    pub(super) life: u32,
    pub(super) clock: NodeClock,
    pub(super) paused_until: Instant,
    pub(super) paused_at: Instant,
    /// Since when it runs without a pause, on its clock.
    pub(super) running_since: Instant,
    rng: SimRng,
    /// By the small number of the engine's connection.
    conns: Vec<Option<(ConnId, LinkId)>>,
    /// What the engine waits for, on its clock.
    until: Option<(Instant, WakeReason)>,
    /// What is on the agenda, in world time.
    timer_at: Instant,
    wake_at: Instant,
    at_once: (Instant, u32),
}

impl fmt::Debug for ClientNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientNode")
            .field("index", &self.index)
            .field("life", &self.life)
            .field("app", &self.app)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl ClientNode {
    pub(super) fn new(
        index: usize,
        config: ClientConfig,
        configure: Configure,
        app: Option<Box<dyn App>>,
        origin: Duration,
        wall_ms: i64,
    ) -> Self {
        Self {
            index,
            config,
            configure,
            app,
            events: VecDeque::new(),
            client: None,
            life: 0,
            clock: NodeClock::new(origin, wall_ms),
            paused_until: Instant::ZERO,
            paused_at: Instant::ZERO,
            running_since: Instant::ZERO,
            rng: SimRng::new(0, 0),
            conns: Vec::new(),
            until: None,
            timer_at: Instant::FAR_FUTURE,
            wake_at: Instant::FAR_FUTURE,
            at_once: (Instant::ZERO, 0),
        }
    }

    /// The process starts.
    pub(super) fn start(&mut self, seed: [u8; 32], now: Instant, truth: Option<&mut Truth>) {
        let mut config = self.config.clone();
        config.process_id = 1000 + self.index as u32 + self.life * 10_000;
        (self.configure)(&mut config);
        let local = self.clock.local(now);
        let client = Client::new(config, seed, local, self.unix(now)).expect("a configuration that passes");
        self.client = Some(client);
        self.rng = SimRng::new(u64::from_le_bytes(seed[..8].try_into().expect("8 bytes")), 3);
        self.timer_at = Instant::FAR_FUTURE;
        self.wake_at = Instant::FAR_FUTURE;
        self.until = None;
        self.running_since = local;
        let _ = self.act(now, truth, start);
    }

    /// The process ends at once. Connections it had.
    pub(super) fn kill(&mut self) -> Vec<LinkId> {
        self.client = None;
        self.until = None;
        self.life += 1;
        self.conns.drain(..).flatten().map(|(_, link)| link).collect()
    }

    fn unix(&self, now: Instant) -> Duration {
        Duration::from_millis(self.clock.unix_ms(now).unsigned_abs())
    }

    /// Lets the application do something.
    pub(super) fn act<R>(
        &mut self,
        now: Instant,
        truth: Option<&mut Truth>,
        act: impl FnOnce(&mut dyn App, &mut Ctx<'_>) -> R,
    ) -> Option<R> {
        let mut ctx = Ctx {
            client: self.client.as_mut()?,
            now: self.clock.local(now),
            elapsed: now - Instant::ZERO,
            rng: &mut self.rng,
            life: self.life,
            index: self.index,
            truth,
        };
        Some(act(self.app.as_deref_mut()?, &mut ctx))
    }

    pub(super) fn set_drift(&mut self, now: Instant, ppm: i32) {
        self.clock.set_drift(now, ppm);
        self.timer_at = Instant::FAR_FUTURE;
        self.wake_at = Instant::FAR_FUTURE;
    }

    /// Sets the wall clock; the engine's deadlines before it was told and after, if it was.
    pub(super) fn step_wall(&mut self, by_ms: i64, now: Instant) -> Option<[Instant; 2]> {
        self.clock.step_wall(by_ms);
        // A process that does not run is told when it goes on, when its clock is right again.
        if self.paused_until > now {
            return None;
        }
        let before = self.deadline(now)?;
        self.tell_wall(now);
        Some([before, self.deadline(now)?])
    }

    /// When the engine wants to be woken; what is overdue is due now. After a turn it has nothing else to say.
    fn deadline(&mut self, now: Instant) -> Option<Instant> {
        let local = self.clock.local(now);
        match self.client.as_mut()?.poll_action() {
            Action::Wait(wait) => Some(wait.until.unwrap_or(Instant::FAR_FUTURE).max(local)),
            other => panic!("{other:?} was left over from the last turn"),
        }
    }

    pub(super) fn tell_wall(&mut self, now: Instant) {
        let (local, unix) = (self.clock.local(now), self.unix(now));
        if let Some(client) = &mut self.client {
            client.handle_unix_time(unix, local);
        }
    }

    /// Whether the engine has a deadline.
    pub(super) fn waits(&self) -> bool {
        self.client.is_some() && self.until.is_some()
    }

    pub(super) fn moment(&self, now: Instant) -> Moment {
        Moment { world: now, local: self.clock.local(now), running_since: self.running_since }
    }

    // ---- connections ---------------------------------------------------------------------------------------

    /// Connections the engine has.
    pub(super) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.conns.iter().flatten().map(|(_, link)| *link)
    }

    pub(super) fn link_of(&self, conn: ConnId) -> Option<LinkId> {
        let entry = self.conns.get(conn.index()).copied().flatten();
        entry.filter(|(known, _)| *known == conn).map(|(_, link)| link)
    }

    pub(super) fn add_link(&mut self, conn: ConnId, link: LinkId) {
        if self.conns.len() <= conn.index() {
            self.conns.resize(conn.index() + 1, None);
        }
        if let Some(entry) = self.conns.get_mut(conn.index()) {
            *entry = Some((conn, link));
        }
    }

    pub(super) fn remove_link(&mut self, conn: ConnId) -> Option<LinkId> {
        let link = self.link_of(conn)?;
        self.conns.get_mut(conn.index())?.take();
        Some(link)
    }

    // ---- deadlines -----------------------------------------------------------------------------------------

    /// A deadline on the agenda has come: whether the engine was told of it.
    pub(super) fn timeout(&mut self, at: Instant, now: Instant) -> bool {
        if at != self.timer_at {
            return false;
        }
        self.timer_at = Instant::FAR_FUTURE;
        let local = self.clock.local(now);
        let Some((_, reason)) = self.until.filter(|(until, _)| *until <= local) else { return false };
        let Some(client) = &mut self.client else { return false };
        self.at_once = if self.at_once.0 == local { (local, self.at_once.1 + 1) } else { (local, 0) };
        assert!(
            self.at_once.1 < MOST_DEADLINES_AT_ONCE,
            "I24: the deadline for {reason:?} comes again and again"
        );
        client.handle_timeout(local);
        true
    }

    pub(super) fn wake(&mut self, at: Instant, now: Instant, truth: Option<&mut Truth>) -> bool {
        if at != self.wake_at {
            return false;
        }
        self.wake_at = Instant::FAR_FUTURE;
        let local = self.clock.local(now);
        let due = self.app.as_ref().and_then(|app| app.next_wake()).is_some_and(|wake| wake <= local);
        if due {
            self.act(now, truth, on_wake);
        }
        true
    }

    /// A deadline waits until the process goes on.
    pub(super) fn hold(&mut self, what: Happening, until: Instant) {
        match what {
            Happening::Timeout { .. } => self.timer_at = until,
            Happening::Wake { .. } => self.wake_at = until,
            _ => {}
        }
    }

    /// World times at which the engine and the application are to be woken, where the agenda does not know.
    pub(super) fn unwatched(&mut self, now: Instant) -> (Option<Instant>, Option<Instant>) {
        let earlier = |wanted: Option<Instant>, known: &mut Instant, clock: &NodeClock| {
            let at = clock.world(wanted?).max(now);
            (at < *known).then(|| {
                *known = at;
                at
            })
        };
        if self.client.is_none() {
            return (None, None);
        }
        let wake = self.app.as_ref().and_then(|app| app.next_wake());
        let until = self.until.map(|(until, _)| until);
        (earlier(until, &mut self.timer_at, &self.clock), earlier(wake, &mut self.wake_at, &self.clock))
    }

    /// Hands events on; what they were goes into the digest.
    fn hand_over(&mut self, now: Instant, digest: &mut Digest, truth: &mut Option<Box<Truth>>) {
        while let Some(event) = self.client.as_mut().and_then(Client::poll_event) {
            note_event(digest, &event);
            let moment = self.moment(now);
            let mut truth = truth.as_deref_mut();
            if let Some(truth) = &mut truth {
                truth.on_event(self.index, &event, moment);
            }
            if self.app.is_some() {
                self.act(now, truth, |app, ctx| app.on_event(event, ctx));
            } else {
                self.events.push_back(event);
            }
        }
    }
}

fn start(app: &mut dyn App, ctx: &mut Ctx<'_>) {
    app.start(ctx);
}

fn on_wake(app: &mut dyn App, ctx: &mut Ctx<'_>) {
    app.on_wake(ctx);
}

/// What an event was, in a few words of the digest.
fn note_event(digest: &mut Digest, event: &Event) {
    match event {
        Event::Sent { id, outcome, .. } => {
            digest.word(1);
            digest.word(u64::from(*id));
            if let rocketmq_engine::SendOutcome::Acknowledged(receipt) = outcome {
                digest.word(receipt.queue_offset as u64);
                digest.word(u64::from(receipt.attempts));
            } else {
                digest.bytes(format!("{outcome:?}").as_bytes());
            }
        }
        Event::Delivered(delivery) => {
            digest.word(2);
            digest.word(u64::from(delivery.consumer()));
            digest.bytes(delivery.queue().broker.as_str().as_bytes());
            digest.word(u64::from(delivery.queue().id));
            for message in delivery.iter() {
                digest.word(message.queue_offset() as u64);
            }
        }
        other => digest.bytes(format!("{other:?}").as_bytes()),
    }
}

impl World {
    /// Carries out what a client wants until it waits, and hands its events on.
    pub(super) fn turn(&mut self, index: usize) {
        let Some(mut node) = self.clients.get_mut(index).and_then(Option::take) else { return };
        if node.paused_until <= self.now {
            self.stats.turns += 1;
            self.drive(&mut node);
        }
        if let Some(place) = self.clients.get_mut(index) {
            *place = Some(node);
        }
        self.watch_client(index);
    }

    fn drive(&mut self, node: &mut ClientNode) {
        self.digest.word(node.index as u64);
        self.digest.word(self.now.as_nanos());
        let local = node.clock.local(self.now);
        loop {
            let Some(action) = node.client.as_mut().map(Client::poll_action) else { return };
            match action {
                Action::Connect { conn, endpoint } => self.dial(node, conn, &endpoint),
                Action::Write { conn } => {
                    if let (Some(link), Some(client)) = (node.link_of(conn), &mut node.client) {
                        self.flush_up(client, local, link);
                    }
                }
                Action::SetRead { conn, enabled } => self.set_read(node, conn, enabled),
                Action::Close { conn, how } => self.close_by_client(node, conn, how),
                Action::Wait(wait) => {
                    node.until = wait.until.map(|until| (until, wait.reason));
                    if !wait.events {
                        return self.judge_turn(node);
                    }
                    node.hand_over(self.now, &mut self.digest, &mut self.truth);
                }
            }
        }
    }

    fn judge_turn(&mut self, node: &ClientNode) {
        if let (Some(truth), Some(client)) = (&mut self.truth, &node.client) {
            truth.on_turn(node.index, client.held_bytes(), client.config().memory_budget);
        }
    }

    /// Puts a client's next deadlines on the agenda if they are earlier than what is there.
    pub(super) fn watch_client(&mut self, index: usize) {
        let now = self.now;
        let Some(node) = self.client_mut(index) else { return };
        let (timer, wake) = node.unwatched(now);
        let client = index as u32;
        if let Some(at) = timer {
            self.agenda.push(at, Happening::Timeout { client });
        }
        if let Some(at) = wake {
            self.agenda.push(at, Happening::Wake { client });
        }
    }
}
