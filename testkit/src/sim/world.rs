//! The world: clients, a cluster, a network and time, all moved by one loop.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rocketmq_engine::{Client, ClientConfig, Event, Instant, Notice};

use super::agenda::{Agenda, Happening};
use super::client::{App, ClientNode, Ctx};
use super::digest::Digest;
use super::link::{Link, LinkId, Road};
use super::plan::{Host, Mishap, Plan};
use super::rng::SimRng;
use super::swarm::TOPIC;
use super::truth::{Bug, Truth, Violation};
use crate::broker::TopicConfig;
use crate::cluster::{Cluster, ClusterBuilder, Node};
use crate::peer::{Now, PeerId};

/// First of January 2026: where wall clocks begin.
const EPOCH_MS: i64 = 1_767_225_600_000;

/// How a [`World`] is made.
#[derive(Clone, Debug)]
pub struct WorldBuilder {
    seed: u64,
    cluster: ClusterBuilder,
    latency: (Duration, Duration),
    window: usize,
}

impl WorldBuilder {
    /// Name servers, brokers, topics and what else a cluster is made of.
    #[must_use]
    pub fn cluster(mut self, cluster: ClusterBuilder) -> Self {
        self.cluster = cluster;
        self
    }

    /// How long bytes take one way; each pair of machines has its own time between these two: 100 us to 1 ms.
    #[must_use]
    pub fn latency(mut self, least: Duration, most: Duration) -> Self {
        self.latency = (least, most.max(least));
        self
    }

    /// Bytes one way of a connection holds before writing it blocks: 256 KiB.
    #[must_use]
    pub fn window(mut self, bytes: usize) -> Self {
        self.window = bytes.max(1);
        self
    }

    /// The world, at time zero.
    pub fn build(self) -> World {
        let brokers = self.cluster.addresses();
        let addresses: Vec<SocketAddr> = (0..brokers).map(|index| broker_address(index).into()).collect();
        let cluster = self.cluster.build(&addresses);
        let hosts: Vec<HostState> = cluster.nodes().map(HostState::new).collect();
        let topic = cluster.brokers().find_map(|broker| broker.topic(TOPIC)).unwrap_or(TopicConfig::new(1));
        World {
            topic,
            now: Instant::ZERO,
            agenda: Agenda::default(),
            cluster,
            hosts,
            clients: Vec::new(),
            links: Vec::new(),
            free_links: Vec::new(),
            by_peer: BTreeMap::new(),
            roads: Vec::new(),
            mishaps: Vec::new(),
            rng: SimRng::new(self.seed, 1),
            seeds: SimRng::new(self.seed, 2),
            digest: Digest::default(),
            latency: self.latency,
            window: self.window,
            stats: WorldStats::default(),
            truth: None,
        }
    }
}

fn broker_address(index: usize) -> (Ipv4Addr, u16) {
    (Ipv4Addr::new(10, 0, (index / 250) as u8, (index % 250 + 1) as u8), 10_911)
}

/// A machine's place on the network.
#[derive(Clone, Debug)]
pub(super) struct HostState {
    pub(super) host: Host,
    pub(super) node: Node,
    /// Its name in addresses.
    pub(super) name: String,
    pub(super) refuses_until: Instant,
    pub(super) hangs_until: Instant,
    /// It is stopped and does not even refuse.
    pub(super) dark: bool,
    /// When the machine is to be woken, as far as that is on the agenda.
    wake_at: Instant,
}

impl HostState {
    fn new(node: Node) -> Self {
        let (host, name) = match node {
            Node::NameServer(index) => (Host::NameServer(index), format!("ns{index}")),
            Node::Broker(index) => (Host::Broker(index), broker_address(index).0.to_string()),
        };
        let (refuses_until, hangs_until) = (Instant::ZERO, Instant::ZERO);
        Self { host, node, name, refuses_until, hangs_until, dark: false, wake_at: Instant::FAR_FUTURE }
    }
}

/// What a world has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorldStats {
    /// Things that happened.
    pub steps: u64,
    /// Times a client was given something and polled until it waits.
    pub turns: u64,
    /// Bytes that arrived at clients.
    pub bytes_down: u64,
    /// Bytes that arrived at the cluster.
    pub bytes_up: u64,
    /// Connections dialled.
    pub dials: u64,
    /// Cuts that found their byte.
    pub cuts: u64,
}

/// Clients, name servers and brokers on one virtual network and clock, in one thread. The same seed and the same
/// calls give the same run, bit for bit.
///
/// ```
/// use std::time::Duration;
///
/// use rocketmq_engine::{Event, Message, ProducerConfig, SendOptions, SendOutcome};
/// use rocketmq_testkit::Cluster;
/// use rocketmq_testkit::sim::World;
///
/// let mut world = World::builder(7).cluster(Cluster::builder().brokers(2).topic("orders", 4)).build();
/// let client = world.add_client();
/// world.with(client, |client, now| {
///     let orders = client.topic("orders").unwrap();
///     let producer = client.create_producer(ProducerConfig::new("shop"), now).unwrap();
///     client.send(producer, Message::new(&orders, "paid"), SendOptions::default(), now).unwrap();
/// });
/// assert!(world.run_until(Duration::from_secs(10), |world| world.has_events(client)));
/// let events = world.events(client);
/// assert!(matches!(&events[..], [Event::Sent { outcome: SendOutcome::Acknowledged(_), .. }]));
/// assert_eq!(world.cluster().message_count("orders"), 1);
/// ```
#[derive(Debug)]
pub struct World {
    pub(super) now: Instant,
    pub(super) agenda: Agenda,
    pub(super) cluster: Cluster,
    pub(super) hosts: Vec<HostState>,
    /// Taken out while a client has its turn.
    pub(super) clients: Vec<Option<Box<ClientNode>>>,
    pub(super) links: Vec<(u32, Option<Link>)>,
    pub(super) free_links: Vec<u32>,
    pub(super) by_peer: BTreeMap<(Node, PeerId), LinkId>,
    /// By client and host.
    pub(super) roads: Vec<Road>,
    pub(super) mishaps: Vec<Mishap>,
    /// The scenarios' topic as it is when nothing is wrong.
    pub(super) topic: TopicConfig,
    pub(super) rng: SimRng,
    seeds: SimRng,
    pub(super) digest: Digest,
    latency: (Duration, Duration),
    pub(super) window: usize,
    pub(super) stats: WorldStats,
    /// Judges, if there are any. They change nothing.
    pub(super) truth: Option<Box<Truth>>,
}

impl World {
    /// A world of this seed: one name server and one broker unless said otherwise.
    pub fn builder(seed: u64) -> WorldBuilder {
        WorldBuilder {
            seed,
            cluster: Cluster::builder(),
            latency: (Duration::from_micros(100), Duration::from_millis(1)),
            window: 256 << 10,
        }
    }

    // ---- what is in it -------------------------------------------------------------------------------------

    /// A client with Java's defaults that knows all name servers; events are collected for [`events`](Self::events).
    pub fn add_client(&mut self) -> usize {
        self.add_client_with(|_| {}, None)
    }

    /// A client with an application that is given its events. `configure` changes the configuration of each life
    /// of its process.
    pub fn add_client_with(
        &mut self,
        configure: impl Fn(&mut ClientConfig) + Send + 'static,
        app: Option<Box<dyn App>>,
    ) -> usize {
        let index = self.clients.len();
        let servers = self.hosts.iter().filter(|state| matches!(state.host, Host::NameServer(_)));
        let names: Vec<String> = servers.map(|state| format!("{}:9876", state.name)).collect();
        let config = ClientConfig::new(&names.join(";")).expect("host names and a port");
        let origin = Duration::from_secs(self.seeds.range(1, 1_000_000));
        let node = ClientNode::new(index, config, Box::new(configure), app, origin, EPOCH_MS);
        self.clients.push(Some(Box::new(node)));
        for _ in 0..self.hosts.len() {
            let (least, most) = self.latency;
            let spread = most.saturating_sub(least).as_nanos() as u64;
            let latency = least + Duration::from_nanos(self.rng.below(spread.saturating_add(1)));
            self.roads.push(Road::new(latency, latency / 4));
        }
        self.start_client(index);
        index
    }

    /// Lets a client's clock run so many millionths faster, or slower, from now on.
    pub fn set_drift(&mut self, client: usize, ppm: i32) {
        let now = self.now;
        if let Some(node) = self.client_mut(client) {
            node.set_drift(now, ppm);
        }
        self.turn(client);
    }

    pub(super) fn start_client(&mut self, index: usize) {
        let (seed, now) = (self.seeds.seed(), self.now);
        let mut truth = self.truth.take();
        if let Some(node) = self.client_mut(index) {
            node.start(seed, now, truth.as_deref_mut());
        }
        self.truth = truth;
        self.turn(index);
    }

    /// Gives a client commands; what they cause to be written leaves at once. `None` if its process does not run.
    pub fn with<R>(&mut self, client: usize, command: impl FnOnce(&mut Client, Instant) -> R) -> Option<R> {
        let now = self.now;
        let node = self.client_mut(client)?;
        let local = node.clock.local(now);
        let result = command(node.client.as_mut()?, local);
        self.turn(client);
        Some(result)
    }

    /// A client, to be looked at; `None` if its process does not run.
    pub fn client(&self, client: usize) -> Option<&Client> {
        self.clients.get(client)?.as_ref()?.client.as_ref()
    }

    /// Whether a client without an application has events to be taken.
    pub fn has_events(&self, client: usize) -> bool {
        self.clients.get(client).and_then(Option::as_ref).is_some_and(|node| !node.events.is_empty())
    }

    /// The events of a client without an application, and what its application left.
    pub fn events(&mut self, client: usize) -> Vec<Event> {
        self.client_mut(client).map(|node| std::mem::take(&mut node.events).into()).unwrap_or_default()
    }

    /// What a client would have had logged, the last 1,024 of it.
    pub fn notices(&mut self, client: usize) -> Vec<Notice> {
        let client = self.client_mut(client).and_then(|node| node.client.as_mut());
        client.map(|client| std::iter::from_fn(|| client.poll_notice()).collect()).unwrap_or_default()
    }

    /// Looks at an application, or lets it do something.
    pub fn app<R>(&mut self, client: usize, act: impl FnOnce(&mut dyn App, &mut Ctx<'_>) -> R) -> Option<R> {
        let now = self.now;
        let mut truth = self.truth.take();
        let result = self.client_mut(client).and_then(|node| node.act(now, truth.as_deref_mut(), act));
        self.truth = truth;
        self.turn(client);
        result
    }

    pub(super) fn client_mut(&mut self, client: usize) -> Option<&mut ClientNode> {
        self.clients.get_mut(client)?.as_deref_mut()
    }

    /// Number of clients.
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// The cluster, to be looked at.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Changes the cluster; what its machines say because of that is sent.
    pub fn with_cluster<R>(&mut self, change: impl FnOnce(&mut Cluster) -> R) -> R {
        let result = change(&mut self.cluster);
        self.drain_cluster();
        result
    }

    /// Time from the start.
    pub fn elapsed(&self) -> Duration {
        self.now - Instant::ZERO
    }

    /// What happened so far.
    pub fn stats(&self) -> WorldStats {
        self.stats
    }

    /// A digest of all that engines put out so far: bytes, actions, events and when.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }

    // ---- judges --------------------------------------------------------------------------------------------

    /// Judges the run from now on, as far as its applications report. `calm`: nothing is to go wrong, so nothing
    /// may come twice. Brokers must keep events.
    pub(super) fn judge(&mut self, calm: bool) {
        let names: Vec<String> =
            self.cluster.brokers().map(|broker| broker.config().broker_name.clone()).collect();
        let name_of = |state: &HostState| match state.host {
            Host::Broker(index) => names.get(index).cloned(),
            Host::NameServer(_) => None,
        };
        let hosts = self.hosts.iter().map(name_of).collect();
        self.truth = Some(Box::new(Truth::new(names, hosts, self.topic.read_queues, calm)));
    }

    /// Plants a bug for the judges to find.
    pub(super) fn plant(&mut self, bug: Bug) {
        if let Some(truth) = &mut self.truth {
            truth.plant(bug);
        }
    }

    /// What did not hold so far.
    pub fn violations(&self) -> &[Violation] {
        self.truth.as_ref().map(|truth| truth.violations()).unwrap_or_default()
    }

    /// Shows the judges what a broker has done.
    pub(super) fn judge_machine(&mut self, node: Node) {
        let (Some(truth), Node::Broker(index)) = (&mut self.truth, node) else { return };
        let Some(broker) = self.cluster.broker(index) else { return };
        let applied = broker.take_applied();
        broker.take_answered();
        let (peers, links) = (&self.by_peer, &self.links);
        truth.on_applied(index, applied, |peer| {
            let id = peers.get(&(node, peer))?;
            links.get(id.index as usize)?.1.as_ref().map(|link| (*id, link.client))
        });
    }

    // ---- what goes wrong -----------------------------------------------------------------------------------

    /// Puts mishaps on the agenda; their times count from the start of the world.
    pub fn add_plan(&mut self, plan: &Plan) {
        for mishap in &plan.mishaps {
            let index = self.mishaps.len() as u32;
            self.mishaps.push(*mishap);
            let at = (Instant::ZERO + mishap.at).max(self.now);
            self.agenda.push(at, Happening::Mishap { index, begins: true });
            let end = (Instant::ZERO + mishap.end()).max(self.now);
            self.agenda.push(end, Happening::Mishap { index, begins: false });
        }
    }

    // ---- time ----------------------------------------------------------------------------------------------

    /// Runs for so long.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.agenda.next_at().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = self.now.max(end);
    }

    /// Runs until `done` says so, for `most` at most; whether it did.
    pub fn run_until(&mut self, most: Duration, mut done: impl FnMut(&mut World) -> bool) -> bool {
        let end = self.now + most;
        while !done(self) {
            if self.agenda.next_at().is_none_or(|at| at > end) {
                self.now = self.now.max(end);
                return done(self);
            }
            self.step();
        }
        true
    }

    /// Lets the next thing happen; false if nothing will.
    pub fn step(&mut self) -> bool {
        let Some((at, what)) = self.agenda.pop() else { return false };
        self.now = self.now.max(at);
        self.stats.steps += 1;
        if let Some(truth) = &mut self.truth {
            truth.at(self.now);
            truth.roll(self.now);
        }
        match what {
            Happening::Arrive { link, way, bytes } => self.arrive(link, way, bytes),
            Happening::End { link, way, reset } => self.end(link, way, reset),
            Happening::Dialled { link } => self.dialled(link),
            Happening::Room { link, way } => self.room(link, way),
            Happening::Timeout { client } => self.client_timeout(client as usize, at),
            Happening::Wake { client } => self.client_wake(client as usize, at),
            Happening::Resume { client } => self.resume(client as usize),
            Happening::Reborn { client } => self.reborn(client as usize),
            Happening::Machine { host } => self.machine_timeout(host as usize, at),
            Happening::Mishap { index, begins } => self.mishap(index as usize, begins),
        }
        true
    }

    fn machine_timeout(&mut self, host: usize, at: Instant) {
        let now = self.cluster_now();
        let Some(state) = self.hosts.get_mut(host).filter(|state| state.wake_at == at) else { return };
        state.wake_at = Instant::FAR_FUTURE;
        let node = state.node;
        self.cluster.handle_timeout_of(node, now);
        self.drain(node);
    }

    /// The present, as machines of the cluster see it.
    pub fn cluster_now(&self) -> Now {
        let unix_ms = EPOCH_MS + (self.now.as_nanos() / 1_000_000) as i64;
        Now { instant: self.now, unix_ms }
    }

    /// Puts a machine's next deadline on the agenda if it is earlier than what is there.
    pub(super) fn watch_machine(&mut self, node: Node) {
        let Some(at) = self.cluster.next_deadline_of(node) else { return };
        let found = self.hosts.iter_mut().enumerate().find(|(_, state)| state.node == node);
        if let Some((host, state)) = found.filter(|(_, state)| at < state.wake_at) {
            state.wake_at = at.max(self.now);
            self.agenda.push(state.wake_at, Happening::Machine { host: host as u32 });
        }
    }

    fn client_timeout(&mut self, client: usize, at: Instant) {
        if self.wait_for_resume(client, Happening::Timeout { client: client as u32 }) {
            return;
        }
        let now = self.now;
        if self.client_mut(client).is_some_and(|node| node.timeout(at, now)) {
            self.turn(client);
        } else {
            self.watch_client(client);
        }
    }

    fn client_wake(&mut self, client: usize, at: Instant) {
        if self.wait_for_resume(client, Happening::Wake { client: client as u32 }) {
            return;
        }
        let now = self.now;
        let mut truth = self.truth.take();
        let woken = self.client_mut(client).is_some_and(|node| node.wake(at, now, truth.as_deref_mut()));
        self.truth = truth;
        if woken {
            self.turn(client);
        }
    }

    /// Whether a client is paused; then what was to happen to it happens when it goes on.
    pub(super) fn wait_for_resume(&mut self, client: usize, what: Happening) -> bool {
        let now = self.now;
        let Some(node) = self.client_mut(client).filter(|node| node.paused_until > now) else { return false };
        let until = node.paused_until;
        node.hold(what, until);
        self.agenda.push(until, what);
        true
    }
}
