//! The truth of a run, and the judges that hold engines to it. Numbers are those of the project's invariants.
//!
//! | file | what it judges |
//! |---|---|
//! | `sends` | I1 truthful success, I2 one outcome, I3 three values, I4 copies, I5 order of a key, I6 content stored |
//! | `consuming` | I6 content delivered, I12 no skip, I13 commits, I15 duplicates, I16 division, I18 retries, I20 epochs |
//! | `wire` | I8 economy, I22 pairing, I26 one connection an endpoint, back-off, silent peers |
//! | `routes` | I27 queues that may be written to, routes that are kept and refreshed, brokers that are gone |
//! | `losses` | what brokers have lost, and what cannot be asked of anybody because of that |
//! | here | I14 liveness, I23 memory, I28 shutdown |
//!
//! I24 (no spin) is asserted by the driver, I29 compares runs, I33 is scripted tests of the engine. Rooms
//! that wait for their features: I7 batches, I9 to I11 transactions, I17 order, I19 broadcast, I21 pop, I30 to I32
//! security.
//!
//! [`Bug`] plants what a judge is to find: the engine's output is changed on its way to the judge.

mod consuming;
mod losses;
mod routes;
mod sends;
mod wire;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use rocketmq_engine::wire::codes::RequestCode;
use rocketmq_engine::{Event, Instant, Settlement};

use super::link::LinkId;
use crate::broker::{Applied, Effect, Name, Origin};
use crate::peer::PeerId;
use consuming::Group;
use losses::Losses;
use routes::Routes;
use sends::{Key, OpenSend};
use wire::{LinkTap, Windows};

/// A change of what an engine said or did, made on its way to the judge that must notice it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bug {
    /// I1: an acknowledged offset is another one.
    WrongOffset,
    /// I2: an outcome comes twice.
    OutcomeTwice,
    /// I2: an outcome never comes.
    OutcomeLost,
    /// I3: what is indeterminate, or acknowledged, is called failed.
    CalledFailed,
    /// I4: an attempt is not mentioned.
    HiddenAttempt,
    /// I5: an ordered send lands before the one it followed.
    OrderLost,
    /// I6: a delivered body differs.
    BodyChanged,
    /// I8: every request counts for ten.
    Storm,
    /// I12: a message is called done although the application never said so.
    Skipped,
    /// I13: a commit goes back.
    CommitBack,
    /// I14: a message that was never consumed.
    Forgotten,
    /// I15: a delivery comes twice.
    DeliveredTwice,
    /// I16: a queue given away is kept.
    KeptQueue,
    /// I18: a retry says it is the seventh.
    WrongRetryCount,
    /// I20: a delivery from a queue that was given away.
    AfterRevoke,
    /// I22: a request's number is used while it is out.
    NumberReused,
    /// I23: more memory is held than allowed.
    OverBudget,
    /// I24: it panics.
    Panics,
    /// I25: a wall clock that is set moves a deadline.
    WallMovesDeadline,
    /// I26: a second connection to one endpoint.
    SecondConnection,
    /// I27: a send goes to a queue that is in no route.
    SentOffRoute,
    /// I27: a send is said to have no route though there is one.
    RouteGivenUp,
    /// I27: answers about routes are not taken any more.
    RouteNotRefreshed,
    /// I27: a broker that left all routes keeps its connection.
    BrokerKept,
    /// I28: the shutdown takes too long.
    LateStop,
}

impl Bug {
    /// All, with the invariant whose judge must notice.
    pub const ALL: [(Self, &'static str); 25] = [
        (Self::WrongOffset, "I1"),
        (Self::OutcomeTwice, "I2"),
        (Self::OutcomeLost, "I2"),
        (Self::CalledFailed, "I3"),
        (Self::HiddenAttempt, "I4"),
        (Self::OrderLost, "I5"),
        (Self::BodyChanged, "I6"),
        (Self::Storm, "I8"),
        (Self::Skipped, "I12"),
        (Self::CommitBack, "I13"),
        (Self::Forgotten, "I14"),
        (Self::DeliveredTwice, "I15"),
        (Self::KeptQueue, "I16"),
        (Self::WrongRetryCount, "I18"),
        (Self::AfterRevoke, "I20"),
        (Self::NumberReused, "I22"),
        (Self::OverBudget, "I23"),
        (Self::Panics, "I24"),
        (Self::WallMovesDeadline, "I25"),
        (Self::SecondConnection, "I26"),
        (Self::SentOffRoute, "I27"),
        (Self::RouteGivenUp, "I27"),
        (Self::RouteNotRefreshed, "I27"),
        (Self::BrokerKept, "I27"),
        (Self::LateStop, "I28"),
    ];
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which, as `I1`.
    pub invariant: &'static str,
    /// When, from the start of the world.
    pub at: Duration,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:.3} s: {}", self.invariant, self.at.as_secs_f64(), self.what)
    }
}

/// A message's place: index of the broker, topic, queue, offset.
pub(super) type Place = (usize, Name, u32, i64);

/// When something happened to a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) world: Instant,
    /// On the client's clock.
    pub(super) local: Instant,
    /// Since when it runs without a pause, on its clock.
    pub(super) running_since: Instant,
}

/// What was submitted.
#[derive(Clone, Debug)]
pub(super) struct Submitted {
    pub(super) body: Bytes,
    pub(super) tag: Option<&'static str>,
}

/// Everything that is true of a run.
#[derive(Debug, Default)]
pub struct Truth {
    now: Instant,
    bug: Option<Bug>,
    planted: bool,
    violations: Vec<Violation>,
    /// Names of brokers by index; slaves have their masters' names.
    brokers: Vec<String>,
    /// Queues of the scenarios' topic when nothing is wrong.
    queues: u32,
    // ---- producing
    submitted: Vec<Submitted>,
    open: HashMap<(usize, u64), OpenSend>,
    /// Unique keys by place.
    logs: BTreeMap<(usize, Name, u32), Vec<Key>>,
    copies: HashMap<Key, u32>,
    most_copies: HashMap<Key, u32>,
    failed: BTreeSet<Key>,
    order: HashMap<(usize, u32), (String, i64)>,
    losses: Losses,
    pub(super) acknowledged: u64,
    pub(super) not_acknowledged: u64,
    // ---- consuming
    groups: BTreeMap<&'static str, Group>,
    /// Group of each client.
    members: BTreeMap<usize, &'static str>,
    pub(super) delivered: u64,
    /// Nothing goes wrong in this run.
    pub(super) calm: bool,
    // ---- wire
    taps: HashMap<LinkId2, LinkTap>,
    windows: Windows,
    routes: Routes,
    /// Every request, when and by whom it was written, if that is wanted.
    pub(super) asked: Option<Vec<Asked>>,
    stopping: BTreeMap<usize, (Instant, Duration)>,
}

/// A request: when it was written, by which client, to which machine, its code.
pub(super) type Asked = (Instant, usize, usize, RequestCode);

type LinkId2 = (u32, u32);

fn link_key(id: LinkId) -> LinkId2 {
    (id.index, id.generation)
}

impl Truth {
    /// `hosts`: the name of the broker on each machine; name servers have none.
    pub(super) fn new(brokers: Vec<String>, hosts: Vec<Option<String>>, queues: u32, calm: bool) -> Self {
        Self { brokers, routes: Routes::new(hosts), queues, calm, ..Self::default() }
    }

    /// Plants a bug for the judges to find.
    pub(super) fn plant(&mut self, bug: Bug) {
        self.bug = Some(bug);
    }

    /// True once, if this bug is planted.
    fn strikes(&mut self, bug: Bug) -> bool {
        let strikes = self.bug == Some(bug) && !self.planted;
        self.planted |= strikes;
        strikes
    }

    /// What did not hold so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(super) fn blame(&mut self, invariant: &'static str, what: String) {
        if self.violations.len() < 50 {
            self.violations.push(Violation { invariant, at: self.now - Instant::ZERO, what });
        }
    }

    // ---- what the world tells ------------------------------------------------------------------------------

    pub(super) fn at(&mut self, now: Instant) {
        self.now = now;
    }

    /// A client's event, before its application sees it.
    pub(super) fn on_event(&mut self, client: usize, event: &Event, moment: Moment) {
        self.now = moment.world;
        match event {
            Event::Sent { id, outcome, .. } => {
                if self.strikes(Bug::OutcomeLost) {
                    return;
                }
                if self.bug == Some(Bug::OutcomeTwice) && !self.planted {
                    self.planted = true;
                    self.on_outcome(client, u64::from(*id), outcome, moment);
                }
                self.on_outcome(client, u64::from(*id), outcome, moment);
            }
            Event::Delivered(delivery) => {
                if self.strikes(Bug::DeliveredTwice) {
                    self.on_delivered(client, delivery);
                }
                self.on_delivered(client, delivery);
            }
            Event::Assigned { queues, .. } => self.on_assigned(client, queues),
            Event::Revoked { queues, .. } => self.on_revoked(client, queues),
            Event::ConsumerClosed { .. } => self.on_left(client),
            Event::Stopped(_) => self.on_stopped(client, moment),
            _ => {}
        }
    }

    /// What a broker has done.
    pub(super) fn on_applied(
        &mut self,
        host: usize,
        applied: Vec<Applied>,
        link_of: impl Fn(PeerId) -> Option<(LinkId, usize)>,
    ) {
        let host = self.brokers.get(host).map_or(host, |name| self.broker_index(name));
        for Applied { at, by, effect } in applied {
            self.now = at.instant;
            let link = by.and_then(|Origin { peer, .. }| link_of(peer));
            let client = link.map(|(_, client)| client);
            match effect {
                Effect::Stored { topic, queue, offset, unique_key, .. } => {
                    self.on_stored(host, by, client, &topic, queue, offset, unique_key);
                }
                Effect::Committed { group, topic, queue, before, offset } => {
                    let asked_at = by.zip(link).and_then(|(by, (id, _))| self.asked_at(id, by.opaque));
                    self.on_committed(host, client, asked_at, &group, &topic, queue, before, offset);
                }
                _ => {}
            }
        }
    }

    /// A client's process was killed: what it had under way ends unheard.
    pub(super) fn on_killed(&mut self, client: usize) {
        self.open.retain(|(owner, _), _| *owner != client);
        self.order.retain(|(owner, _), _| *owner != client);
        self.stopping.remove(&client);
        self.forget_dials(client);
        self.routes.on_killed(client);
        self.on_left(client);
    }

    /// A client was told to stop.
    pub(super) fn on_shutdown(&mut self, client: usize, grace: Duration, moment: Moment) {
        self.stopping.insert(client, (moment.local, grace));
    }

    fn on_stopped(&mut self, client: usize, moment: Moment) {
        let Some((since, grace)) = self.stopping.remove(&client) else { return };
        let late = if self.strikes(Bug::LateStop) { grace * 2 } else { Duration::ZERO };
        let took = moment.local - since + late;
        if took > grace + Duration::from_millis(50) && moment.running_since <= since {
            self.blame("I28", format!("client {client} took {took:?} to stop, {grace:?} were allowed"));
        }
        if let Some(id) = self.open.keys().find(|(owner, _)| *owner == client) {
            self.blame("I2", format!("client {client} has stopped, send {} has not ended", id.1));
        }
    }

    /// A client has had its turn.
    pub(super) fn on_turn(&mut self, client: usize, held: usize, budget: usize) {
        assert!(!self.strikes(Bug::Panics), "planted");
        let held = if self.strikes(Bug::OverBudget) { budget + 1 } else { held };
        if held > budget {
            self.blame("I23", format!("client {client} holds {held} bytes, {budget} are allowed"));
        }
    }

    /// Every client that was told to stop has said so.
    pub(super) fn judge_stopped(&mut self) {
        if !self.stopping.is_empty() {
            let clients: Vec<_> = self.stopping.keys().copied().collect();
            self.blame("I28", format!("clients {clients:?} have not stopped"));
        }
    }

    // ---- the end -------------------------------------------------------------------------------------------

    /// Sends that have not ended.
    pub(super) fn open_sends(&self) -> usize {
        self.open.len()
    }

    /// The run is over: everything has had time to come to rest.
    pub(super) fn finish(&mut self, now: Instant) {
        self.now = now;
        self.finish_sends();
        if self.strikes(Bug::Forgotten) {
            self.forget_one();
        }
        for (group, missing) in self.missing() {
            let few: Vec<_> = missing.iter().take(3).map(|key| self.whereabouts(group, key)).collect();
            let count = missing.len();
            self.blame("I14", format!("group {group} never finished {count} messages: {}", few.join("; ")));
        }
    }

    /// A wall clock was set: what the engine waits for is what it waited for before (I25).
    pub(super) fn on_wall(&mut self, client: usize, [before, after]: [Instant; 2]) {
        let by = u64::from(self.strikes(Bug::WallMovesDeadline));
        let after = after + Duration::from_millis(by);
        if before != after {
            self.blame(
                "I25",
                format!("client {client} is told the time of day, and waits for {after:?}, not {before:?}"),
            );
        }
    }

    /// A group's members have these queues; they should be all there are.
    pub(super) fn judge_division(&mut self, group: &'static str, all: &BTreeSet<(String, String, u32)>) {
        self.on_rest(group, all);
    }

    // ---- what applications tell ----------------------------------------------------------------------------

    /// A new message's number; its body begins with it.
    pub(super) fn next_serial(&self) -> u64 {
        self.submitted.len() as u64
    }

    /// A client joins a group.
    pub(super) fn on_join(&mut self, client: usize, group: &'static str, topic: &'static str) {
        self.members.insert(client, group);
        let entry = self.groups.entry(group).or_insert_with(|| Group::new(topic));
        entry.joined(client);
    }

    /// An application says what became of messages.
    pub(super) fn on_settled(
        &mut self,
        client: usize,
        delivery: &rocketmq_engine::Delivery,
        settlement: Settlement,
    ) {
        self.note_settled(client, delivery, settlement);
    }

    fn broker_index(&self, name: &str) -> usize {
        self.brokers.iter().position(|known| known == name).unwrap_or(usize::MAX)
    }
}
