//! The simulator as a runner: clients and cluster in a world of virtual time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rocketmq_engine::{Client, ClientConfig, Event, Instant};

use super::embedded::{brokers, delay_levels};
use super::{Controls, Failed, Host, Need, Outcome, Play, Scenario, Step};
use crate::sim::{self, Mishap, MishapKind, Plan, World};
use crate::{Cluster, Fault, Node};

/// Longer than any scenario.
const DAY: Duration = Duration::from_secs(86_400);
/// A scenario in which nothing happens for so long is stuck.
const STUCK: Duration = Duration::from_secs(3600);

type Shared = Rc<RefCell<World>>;

/// Plays a scenario in a simulated world of this seed: how it ends, and how long it took there.
///
/// ```
/// use rocketmq_testkit::scenario::{all, simulate};
///
/// let scenario = all().iter().find(|scenario| scenario.name == "retry::steps_rise").unwrap();
/// let (outcome, took) = simulate(scenario, 7);
/// assert_eq!(outcome, Ok(()));
/// assert!(took.as_secs() < 60);
/// ```
pub fn simulate(scenario: &Scenario, seed: u64) -> (Outcome, Duration) {
    let cluster = Cluster::builder()
        .name_servers(3)
        .brokers(brokers(scenario.needs))
        .auto_create(!scenario.needs.contains(&Need::NoAutoCreate))
        .delay_levels(delay_levels());
    // The second name server refuses connections, the third neither takes nor refuses them.
    let mut world = World::builder(seed).cluster(cluster).build();
    let always = |kind| Mishap { at: Duration::ZERO, lasts: DAY, kind };
    let refuse = always(MishapKind::Refuse { host: sim::Host::NameServer(1) });
    let hang = always(MishapKind::Hang { host: sim::Host::NameServer(2) });
    world.add_plan(&Plan { mishaps: vec![refuse, hang] });
    world.run_for(Duration::from_millis(1));

    let world = Rc::new(RefCell::new(world));
    let host = Clients { world: world.clone(), events: Vec::new() };
    let mut play = Play::new(scenario, Box::new(host), Box::new(Machines(world.clone())), "sim");
    let outcome = loop {
        let until = match play.step() {
            Step::Finished(outcome) => break outcome,
            Step::Wait(until) => until,
        };
        let mut world = world.borrow_mut();
        let left = until.map_or(STUCK, |until| until - at(&world));
        let any = |world: &mut World| (0..world.client_count()).any(|client| world.has_events(client));
        if !world.run_until(left, any) && until.is_none() {
            break Err(Failed(format!("nothing happened for {STUCK:?}")));
        }
    };
    let took = world.borrow().elapsed();
    (outcome, took)
}

fn at(world: &World) -> Instant {
    Instant::ZERO + world.elapsed()
}

/// The clients of a world.
struct Clients {
    world: Shared,
    events: Vec<VecDeque<Event>>,
}

impl Host for Clients {
    fn attach(&mut self, config: ClientConfig) {
        self.world.borrow_mut().add_client_with(move |its| *its = config.clone(), None);
        self.events.push(VecDeque::new());
    }

    fn with(&mut self, client: usize, use_it: &mut dyn FnMut(&mut Client, Instant)) {
        self.world.borrow_mut().with(client, |client, now| use_it(client, now));
    }

    fn next_event(&mut self, client: usize) -> Option<Event> {
        let waiting = &mut self.events[client];
        if waiting.is_empty() {
            waiting.extend(self.world.borrow_mut().events(client));
        }
        waiting.pop_front()
    }

    fn kill(&mut self, client: usize) {
        let mut world = self.world.borrow_mut();
        let kill = Mishap { at: world.elapsed(), lasts: DAY, kind: MishapKind::KillClient { client } };
        world.add_plan(&Plan { mishaps: vec![kill] });
        self.events[client].clear();
    }

    fn now(&self) -> Instant {
        at(&self.world.borrow())
    }

    fn unix_now(&self) -> Duration {
        Duration::from_millis(self.world.borrow().cluster_now().unix_ms.unsigned_abs())
    }
}

/// The cluster of a world.
struct Machines(Shared);

impl Controls for Machines {
    fn can(&self, _: Need) -> Result<(), String> {
        Ok(())
    }

    fn name_server(&self) -> String {
        "ns0:9876".into()
    }

    fn brokers(&self) -> usize {
        self.0.borrow().cluster().brokers().count()
    }

    /// Carried out at once: no time passes.
    fn exchange(&mut self, broker: Option<usize>, frame: &[u8]) -> Outcome<Vec<u8>> {
        let mut world = self.0.borrow_mut();
        let now = world.cluster_now();
        let node = broker.map_or(Node::NameServer(0), Node::Broker);
        world.with_cluster(|cluster| {
            let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
            let peer = cluster.handle_open(node, from).ok_or_else(|| Failed(format!("{node:?} is down")))?;
            cluster.handle_bytes(node, peer, frame, now);
            let answer = cluster.output(node, peer).to_vec();
            cluster.handle_close(node, peer);
            Ok(answer)
        })
    }

    fn kill_broker(&mut self, broker: usize) -> Outcome {
        self.0.borrow_mut().with_cluster(|cluster| cluster.kill_broker(broker));
        Ok(())
    }

    fn start_broker(&mut self, broker: usize) -> Outcome {
        self.0.borrow_mut().with_cluster(|cluster| cluster.start_broker(broker));
        Ok(())
    }

    fn is_up(&mut self, broker: usize) -> Outcome<bool> {
        Ok(self.0.borrow().cluster().is_up(broker))
    }

    fn inject(&mut self, broker: usize, fault: Fault) -> Outcome {
        let inject = |cluster: &mut Cluster| cluster.broker(broker).map(|broker| broker.inject(fault));
        let injected = self.0.borrow_mut().with_cluster(inject);
        injected.ok_or_else(|| Failed(format!("there is no broker {broker}")))
    }

    fn set_name_server(&mut self, up: bool) -> Outcome {
        self.0.borrow_mut().refuse(sim::Host::NameServer(0), !up);
        Ok(())
    }

    fn refusing_address(&mut self) -> Outcome<String> {
        Ok("ns1:9876".into())
    }

    fn silent_address(&mut self) -> Outcome<String> {
        Ok("ns2:9876".into())
    }
}
