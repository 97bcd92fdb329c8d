//! The cut sweep: one request of a small run is cut at every byte of it and of its answer, in order, with a reset or
//! by a stall, after the broker has carried it out and after it has refused. Whatever happens, every judge is asked.

use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::RequestCode;

use super::link::{CutHow, Way};
use super::plan::{Host, Mishap, MishapKind, Plan, Wrong};
use super::swarm::{GROUP, TOPIC, rest};
use super::workload::{ConsumerApp, Habits, ProducerApp};
use super::world::World;
use crate::Cluster;
use crate::broker::Keep;

/// Which request is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A message is sent.
    Send,
    /// A queue is pulled.
    Pull,
    /// Progress is committed.
    Commit,
    /// A message is sent back.
    SendBack,
    /// A broker is told who is there.
    Heartbeat,
    /// A topic's route is asked for.
    Route,
}

/// What a sweep has seen.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// Runs, each with another cut.
    pub runs: u64,
    /// Bytes of the request and of its longest answer.
    pub bytes: (u64, u64),
    /// Cuts after which something did not hold: the plan, and what.
    pub failures: Vec<(Plan, String)>,
}

const PRODUCER: usize = 0;
const CONSUMER: usize = 1;

impl Subject {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Send, Self::Pull, Self::Commit, Self::SendBack, Self::Heartbeat, Self::Route];

    fn code(self) -> RequestCode {
        match self {
            Self::Send => RequestCode::SEND_MESSAGE_V2,
            Self::Pull => RequestCode::PULL_MESSAGE,
            Self::Commit => RequestCode::UPDATE_CONSUMER_OFFSET,
            Self::SendBack => RequestCode::CONSUMER_SEND_MSG_BACK,
            Self::Heartbeat => RequestCode::HEART_BEAT,
            Self::Route => RequestCode::GET_ROUTEINFO_BY_TOPIC,
        }
    }

    fn client(self) -> usize {
        if self == Self::Send { PRODUCER } else { CONSUMER }
    }

    fn host(self) -> Host {
        if self == Self::Route { Host::NameServer(0) } else { Host::Broker(0) }
    }

    /// Requests of that code before the one that is cut: the first ones begin everything.
    fn earlier(self) -> usize {
        match self {
            Self::Pull => 2,
            Self::Send | Self::Heartbeat => 1,
            Self::Route => 3,
            Self::Commit | Self::SendBack => 0,
        }
    }
}

/// One broker with one queue, a producer of four messages, a consumer that sends the first ones back.
fn small_world() -> World {
    let cluster = Cluster::builder().topic(TOPIC, 1).keep(Keep::Events);
    let mut world = World::builder(1).cluster(cluster).build();
    world.judge(false);
    let producer = ProducerApp::new(TOPIC, Duration::from_secs(1), Duration::from_secs(4), 0);
    world.add_client_with(|_| {}, Some(Box::new(producer)));
    let habits = Habits { later: 1000, whole: true, ..Habits::default() };
    world.add_client_with(|_| {}, Some(Box::new(ConsumerApp::new(TOPIC, GROUP, habits))));
    world
}

/// Lasts until everything is sent, sent back thrice and consumed, heartbeats and routes included.
const LASTS: Duration = Duration::from_secs(62);
const REST: Duration = Duration::from_secs(120);

/// When the request is written, if nothing is cut.
fn written_at(subject: Subject) -> Instant {
    let mut world = small_world();
    if let Some(truth) = &mut world.truth {
        truth.asked = Some(Vec::new());
    }
    world.run_for(LASTS);
    let asked = world.truth.as_ref().and_then(|truth| truth.asked.clone()).unwrap_or_default();
    let mut found = asked
        .into_iter()
        .filter(|(_, client, _, code)| *client == subject.client() && *code == subject.code());
    found.nth(subject.earlier()).map(|(at, ..)| at).expect("a small run asks this")
}

/// Cuts one request in all ways there are.
pub fn sweep(subject: Subject) -> Sweep {
    // Before everything else of that instant: a dial's answer and the first bytes come together.
    let at = (written_at(subject) - Instant::ZERO).saturating_sub(Duration::from_nanos(1));
    let mut all = Sweep::default();
    // Name servers are told nothing that they could have done.
    for refused in if subject == Subject::Route { &[false][..] } else { &[false, true] } {
        let refused = *refused;
        // A refusal has no other request to tell apart: its bytes are those of the answer.
        for way in if refused { &[Way::Down][..] } else { &[Way::Up, Way::Down] } {
            for how in [CutHow::Fin, CutHow::Reset, CutHow::Stall] {
                let most = cut_all(subject, at, refused, *way, how, &mut all);
                let bytes = if *way == Way::Up { &mut all.bytes.0 } else { &mut all.bytes.1 };
                *bytes = most.max(*bytes);
            }
        }
    }
    all
}

/// Cuts after 0, 1, 2 ... bytes, until what is asked is over before the cut. How many bytes that were.
fn cut_all(subject: Subject, at: Duration, refused: bool, way: Way, how: CutHow, all: &mut Sweep) -> u64 {
    let (client, host) = (subject.client(), subject.host());
    for after in 0.. {
        let mut plan = Plan::default();
        let kind = MishapKind::Cut { client, host, way, after, how };
        // Longer than the answer takes, shorter than the pause before the next request.
        plan.mishaps.push(Mishap { at, lasts: window(subject, how), kind });
        if refused {
            let wrong = Wrong::Code(1);
            let kind = MishapKind::Answer { broker: 0, request: subject.code().0, times: 1, wrong };
            plan.mishaps.push(Mishap { at, lasts: Duration::from_secs(1), kind });
        }
        let mut world = small_world();
        world.add_plan(&plan);
        world.run_for(at + Duration::from_millis(30));
        if world.stats().cuts == 0 {
            return after;
        }
        world.run_for(LASTS.saturating_sub(world.elapsed()));
        rest(&mut world, REST);
        all.runs += 1;
        if let Some(violation) = world.violations().first() {
            all.failures.push((plan, violation.to_string()));
        }
    }
    0
}

fn window(subject: Subject, how: CutHow) -> Duration {
    match (subject, how) {
        // Longer than anybody's patience but the long poll's.
        (_, CutHow::Stall) => Duration::from_secs(8),
        _ => Duration::from_millis(25),
    }
}
