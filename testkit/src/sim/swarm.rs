//! Scenarios of many seeds: each seed switches most classes of mishaps off and a few on hard; when the last one is
//! over everything heals, and everything has to come to rest.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rocketmq_engine::ClientConfig;

use super::link::{CutHow, Way};
use super::plan::{Host, Ignorance, Mishap, MishapKind, Plan, Wrong};
use super::rng::SimRng;
use super::truth::{Bug, Violation};
use super::workload::{ConsumerApp, Habits, ProducerApp};
use super::world::World;
use crate::Cluster;
use crate::broker::Keep;

/// The topic of all scenarios.
pub(super) const TOPIC: &str = "orders";
/// The group of all consumers.
pub(super) const GROUP: &str = "billing";
/// Mishaps begin and end within this time.
const TROUBLE: (u64, u64) = (10_000, 130_000);
/// I14: everything comes to rest within this time after the last mishap: rebalance, long poll and the longest
/// retry delay in use, twice.
const REST: Duration = Duration::from_secs(2 * (20 + 30 + 10));
/// How often it is looked whether a run has come to rest.
const SLICE: Duration = Duration::from_secs(5);
/// Two rebalance intervals and a commit.
const SETTLE: Duration = Duration::from_secs(46);
/// I16 asks for a stable view of the group: a peer that fell silent in the last mishap is noticed after the next
/// heartbeat and two of their intervals, and registered with anew; that long a broker may not know a member.
const UNHEARD: Duration = Duration::from_secs(3 * 30);

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// Networks, processes, clocks, answers.
    Swarm,
    /// Less of these, and brokers that lose, change or invent what they had.
    Losses,
}

/// A kind of run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name on command lines.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    brokers: usize,
    producers: usize,
    consumers: usize,
    queues: u32,
    interval_ms: u64,
    /// Slaves of each broker.
    slaves: usize,
    trouble: Trouble,
    /// Virtual time during which messages are sent.
    lasts_s: u64,
    judged: bool,
}

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "swarm",
        about: "few classes of mishaps, hard; every invariant; heals and comes to rest",
        brokers: 3,
        producers: 2,
        consumers: 3,
        queues: 2,
        interval_ms: 200,
        slaves: 0,
        trouble: Trouble::Swarm,
        lasts_s: 140,
        judged: true,
    },
    Scenario {
        name: "losses",
        about: "besides the swarm's: logs and offset tables that lose their ends, slaves, topics and routes that change, lies",
        brokers: 2,
        producers: 2,
        consumers: 3,
        queues: 2,
        interval_ms: 200,
        slaves: 1,
        trouble: Trouble::Losses,
        lasts_s: 140,
        judged: true,
    },
    Scenario {
        name: "calm",
        about: "nothing goes wrong: nothing may come twice",
        brokers: 2,
        producers: 2,
        consumers: 2,
        queues: 2,
        interval_ms: 200,
        slaves: 0,
        trouble: Trouble::None,
        lasts_s: 120,
        judged: true,
    },
    Scenario {
        name: "speed",
        about: "3 brokers, 4 consumers, 2 producers at 5 messages a second: how fast time passes",
        brokers: 3,
        producers: 2,
        consumers: 4,
        queues: 4,
        interval_ms: 200,
        slaves: 0,
        trouble: Trouble::None,
        lasts_s: 3600,
        judged: false,
    },
];

/// The scenario of that name.
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

/// How a run went.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Of everything engines put out.
    pub digest: u64,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// It panicked with these words.
    pub panic: Option<String>,
    /// Virtual time.
    pub elapsed: Duration,
    /// Things that happened.
    pub steps: u64,
    /// Sends acknowledged, and not.
    pub sends: (u64, u64),
    /// Messages delivered, repetitions included.
    pub delivered: u64,
}

impl Report {
    /// Whether everything held.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.panic.is_none()
    }

    /// The first thing that did not hold, in words that tell one kind of failure from another: `I12`, `panic`.
    pub fn kind(&self) -> Option<&'static str> {
        self.panic.as_ref().map(|_| "panic").or(self.violations.first().map(|first| first.invariant))
    }
}

impl Scenario {
    /// The mishaps of a seed.
    pub fn plan(&self, seed: u64) -> Plan {
        let mut plan = Plan::default();
        let (often, more_often) = match self.trouble {
            Trouble::None => return plan,
            Trouble::Swarm => (220, 0),
            Trouble::Losses => (100, 250),
        };
        let mut rng = SimRng::new(seed, 11);
        let mut classes = (0..CLASSES).filter(|_| rng.chance(often)).collect::<Vec<_>>();
        if more_often > 0 {
            classes.extend((CLASSES..CLASSES + LOSSES).filter(|_| rng.chance(more_often)));
        }
        for class in classes {
            for _ in 0..rng.range(1, 8) {
                let at = rng.range(TROUBLE.0, TROUBLE.1 - 1000);
                let lasts = rng.range(0, (TROUBLE.1 - at).min(45_000));
                let kind = if class < CLASSES {
                    self.mishap(class, &mut rng)
                } else {
                    self.loss(class - CLASSES, &mut rng)
                };
                let millis = Duration::from_millis;
                plan.mishaps.push(Mishap { at: millis(at), lasts: millis(lasts), kind });
            }
        }
        plan.mishaps.sort_unstable();
        plan
    }

    fn mishap(&self, class: u64, rng: &mut SimRng) -> MishapKind {
        use MishapKind as K;
        let client = rng.below((self.producers + self.consumers) as u64) as usize;
        let broker = rng.below(self.brokers as u64) as usize;
        let host =
            if rng.chance(150) { Host::NameServer(rng.below(2) as usize) } else { Host::Broker(broker) };
        let way = if rng.chance(500) { Way::Up } else { Way::Down };
        let how = [CutHow::Fin, CutHow::Reset, CutHow::Silent, CutHow::Stall][rng.below(4) as usize];
        match class {
            0 => K::Cut { client, host, way, after: rng.below(2000), how },
            1 => K::Stall { client, host, way },
            2 => K::Partition { client, host },
            3 => K::HalfOpen { client, host },
            4 => K::Slow { client, host, millis: rng.range(1, 4000) },
            5 => K::Crumbs { client, host, bytes: rng.range(1, 64) as u32 },
            6 => K::Twice { client, host },
            7 => K::Flip { client, host, bit: rng.below(64) },
            8 => K::Refuse { host },
            9 => K::Hang { host },
            10 => K::KillBroker { broker, dark: rng.chance(500), tail: 0, stale: 0 },
            11 => K::KillClient { client },
            12 => K::Pause { client, clock_stops: rng.chance(500) },
            13 => K::Wall { client, by_ms: rng.below(400_000_000) as i64 - 200_000_000 },
            14 => K::Leave { client },
            _ => {
                let requests = [310, 11, 15, 36, 34, 38, 14, 35];
                let request = requests[rng.below(requests.len() as u64) as usize];
                let wrong = match rng.below(6) {
                    0 => Wrong::Code([1, 2, 14, 16, 17][rng.below(5) as usize]),
                    1 => Wrong::Ignore,
                    2 => Wrong::DropAnswer,
                    3 => Wrong::CloseBefore,
                    4 => Wrong::CloseAfter,
                    _ => Wrong::Late(rng.range(1, 8000)),
                };
                K::Answer { broker, request, times: rng.range(1, 40) as u32, wrong }
            }
        }
    }

    /// What brokers and name servers lose, change or invent.
    fn loss(&self, class: u64, rng: &mut SimRng) -> MishapKind {
        use MishapKind as K;
        let broker = rng.below(self.brokers as u64) as usize;
        let slave = self.brokers + broker;
        let dark = rng.chance(500);
        match class {
            0 => K::KillBroker { broker, dark, tail: rng.range(1, 30) as usize, stale: 0 },
            1 => K::KillBroker { broker, dark, tail: 0, stale: rng.range(1, 30_000) },
            2 => {
                let how = [Ignorance::Frozen, Ignorance::Forgets, Ignorance::Hides][rng.below(3) as usize];
                K::Routes { server: rng.below(2) as usize, how }
            }
            3 => {
                let (read, write) = (rng.range(1, 4) as u32, rng.range(1, 4) as u32);
                K::Topic { broker, read, write, perm: [6, 6, 4, 2][rng.below(4) as usize] }
            }
            4 => K::Delete { broker },
            5 => K::Lag { slave, messages: rng.range(1, 40) as u32 },
            6 => K::Suggest { broker, replica: rng.below(3) as i64 },
            7 => K::Switch { slave },
            8 => {
                // Another queue's end would be believed, as the end of a log that lost its tail is, and messages after a
                // gap, as those after others that a filter left out are.
                let wrong = match rng.below(3) {
                    0 => Wrong::EmptyFound,
                    1 => Wrong::From(0),
                    _ => Wrong::Next(rng.below(3) as i64 - 2),
                };
                K::Answer { broker, request: 11, times: rng.range(1, 40) as u32, wrong }
            }
            _ => {
                let (request, code) =
                    [(310, 10), (310, 11), (310, 12), (36, 1), (15, 1)][rng.below(5) as usize];
                K::Answer { broker, request, times: rng.range(1, 40) as u32, wrong: Wrong::Act(code) }
            }
        }
    }

    /// The world of a seed, at time zero.
    fn world(&self, seed: u64, calm: bool) -> World {
        let keep = if self.judged { Keep::Events } else { Keep::Nothing };
        let cluster = Cluster::builder()
            .name_servers(2)
            .brokers(self.brokers)
            .slaves(self.slaves)
            .topic(TOPIC, self.queues)
            .keep(keep);
        let mut world = World::builder(seed).cluster(cluster).build();
        if self.judged {
            world.judge(calm);
        }
        let mut rng = SimRng::new(seed, 12);
        let interval = Duration::from_millis(self.interval_ms);
        let until = Duration::from_secs(self.lasts_s);
        let small = |config: &mut ClientConfig| {
            config.connection.frame_limits.max_frame = 1 << 20;
            config.memory_budget = 8 << 20;
        };
        for _ in 0..self.producers {
            let ordered = if self.judged { 7 } else { 0 };
            let app = ProducerApp::new(TOPIC, interval, until, ordered);
            world.add_client_with(small, Some(Box::new(app)));
        }
        for _ in 0..self.consumers {
            let habits = self.habits(&mut rng, calm);
            let app = ConsumerApp::new(TOPIC, GROUP, habits);
            world.add_client_with(small, Some(Box::new(app)));
        }
        world
    }

    fn habits(&self, rng: &mut SimRng, calm: bool) -> Habits {
        if calm || !self.judged {
            return Habits { whole: true, ..Habits::default() };
        }
        let mut some = |most| if rng.chance(400) { rng.below(most) } else { 0 };
        let (later, suspend, abandon, hold) = (some(200), some(200), some(100), some(3000));
        // A broker that lies for long is believed at last, which may pass messages: not here.
        let holds_poison = self.trouble == Trouble::Losses;
        Habits { later, suspend, abandon, hold, whole: rng.chance(300), holds_poison }
    }

    /// Runs a seed with a plan. A bug, if there is one, is planted before.
    pub fn run(&self, seed: u64, plan: &Plan, bug: Option<Bug>) -> Report {
        let run = || self.run_inner(seed, plan, bug);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(report) => report,
            Err(words) => {
                let words = words
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| words.downcast_ref::<&str>().map(ToString::to_string));
                Report { panic: Some(words.unwrap_or_default()), ..Report::default() }
            }
        }
    }

    fn run_inner(&self, seed: u64, plan: &Plan, bug: Option<Bug>) -> Report {
        let mut world = self.world(seed, self.trouble == Trouble::None);
        if let Some(bug) = bug {
            world.plant(bug);
        }
        world.add_plan(plan);
        let end = Duration::from_secs(self.lasts_s).max(plan.end());
        world.run_for(end);
        if self.judged {
            world.with_cluster(Cluster::clear_faults);
            self.come_to_rest(&mut world, plan.end());
        }
        let violations = world.violations().to_vec();
        let (sends, delivered) = world
            .truth
            .as_ref()
            .map_or(((0, 0), 0), |truth| ((truth.acknowledged, truth.not_acknowledged), truth.delivered));
        let (digest, elapsed, steps) = (world.digest(), world.elapsed(), world.stats().steps);
        Report { digest, violations, panic: None, elapsed, steps, sends, delivered }
    }

    fn come_to_rest(&self, world: &mut World, healed: Duration) {
        rest(world, REST);
        world.run_for(SETTLE);
        while world.elapsed() < healed + UNHEARD + SETTLE && !self.is_settled(world) {
            world.run_for(SLICE);
        }
        self.judge_rest(world);
        for client in 0..world.client_count() {
            world.leave(client, Duration::from_secs(10));
        }
        world.run_for(Duration::from_secs(11));
        judge_end(world);
    }

    /// All queues, and those not committed to their end, in words.
    fn progress(&self, world: &World) -> (BTreeSet<(String, String, u32)>, Vec<String>) {
        let mut all = BTreeSet::new();
        let mut behind = Vec::new();
        for broker in world.cluster.masters() {
            let name = &broker.config().broker_name;
            for queue in 0..self.queues {
                all.insert((name.clone(), TOPIC.to_string(), queue));
                let max = broker.limits(TOPIC, queue).map_or(0, |(_, max)| max);
                let committed = broker.committed_offset(GROUP, TOPIC, queue).unwrap_or_default();
                if committed != max {
                    behind.push(format!("{name}:{queue} is committed to {committed} of {max}"));
                }
            }
        }
        (all, behind)
    }

    fn is_settled(&self, world: &World) -> bool {
        let (all, behind) = self.progress(world);
        behind.is_empty()
            && world.truth.as_ref().is_none_or(|truth| truth.ill_divided(GROUP, &all).is_empty())
    }

    /// I16, I27, and progress committed to the end.
    fn judge_rest(&self, world: &mut World) {
        let (all, behind) = self.progress(world);
        if let Some(truth) = &mut world.truth {
            truth.judge_division(GROUP, &all);
            truth.judge_routes();
            if !behind.is_empty() {
                truth.blame("I14", behind.join(", "));
            }
        }
    }
}

/// Classes of mishaps.
const CLASSES: u64 = 16;
/// Classes of losses.
const LOSSES: u64 = 10;

/// Waits until every send has ended and every message is finished, and judges that.
pub(super) fn rest(world: &mut World, most: Duration) {
    let mut left = most;
    while left > Duration::ZERO && !is_at_rest(world) {
        world.run_for(SLICE);
        left = left.saturating_sub(SLICE);
    }
    if let Some(truth) = &mut world.truth {
        truth.finish(world.now);
    }
}

fn is_at_rest(world: &World) -> bool {
    world.truth.as_ref().is_none_or(|truth| truth.open_sends() == 0 && truth.missing().is_empty())
}

/// I28: after the shutdown nothing is left.
fn judge_end(world: &mut World) {
    let mut left = Vec::new();
    for (index, node) in world.clients.iter().enumerate() {
        let Some(node) = node else { continue };
        let links = node.links().count();
        if links > 0 || node.waits() {
            left.push(format!("client {index} has {links} connections, waits: {}", node.waits()));
        }
    }
    if let Some(truth) = &mut world.truth {
        if !left.is_empty() {
            truth.blame("I28", left.join(", "));
        }
        truth.judge_stopped();
    }
}
