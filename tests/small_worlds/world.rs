//! A small world: two clients of one group, a cluster, and everything that may happen next.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use rocketmq_engine::{
    Client, ClientConfig, ConsumeFrom, Delivery, Instant, PushConsumerConfig, Settlement, TagFilter,
    TransportError, digest_of,
};
use rocketmq_testkit::{Cluster, Node, Now, PeerId};

use crate::link::{Down, Link, Up, Way, frames};
use crate::truth::{self, Judged, LOG, TOPIC, Truth, must};
use crate::turn::Bug;

pub(crate) const GROUP: &str = "G";
const BROKER: &str = "10.0.0.1:10911";
/// Unix time at the beginning.
const UNIX_MS: i64 = 1_700_000_000_000;
/// Intervals so short that what they bring about falls within the horizon.
const REBALANCE: Duration = Duration::from_millis(10);
const COMMIT: Duration = Duration::from_millis(100);
/// How long a client that leaves waits for its application.
const GRACE: Duration = Duration::from_secs(3);

/// A connection, in the order of a client's dials.
pub(crate) type LinkKey = (usize, u64);

/// Whose deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    Client(usize),
    Cluster,
}

/// Something that may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The next frame of a connection and direction arrives.
    Arrives(LinkKey, Way),
    /// A deadline that has come is noticed.
    Timer(Machine),
    /// An application finishes the message it holds at this place.
    Settle(usize, usize),
    /// A client is told to stop.
    Leave(usize),
    /// Nothing is under way: time goes on to the next deadline.
    Advance,
    /// The fault: a connection is reset, what is under way is lost.
    Cut(LinkKey),
    /// The fault: a direction of a connection stands still ...
    Hold(LinkKey, Way),
    /// ... until it goes on.
    Resume(LinkKey),
}

/// What the faults of a run may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// None happens.
    None,
    /// One may still happen to a connection between this client and the broker.
    To(usize),
    /// It has happened.
    Happened,
}

/// A message its application has not finished.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) delivery: Delivery,
    pub(crate) place: (u32, i64),
    pub(crate) epoch: u32,
}

/// A client with its application.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) client: Client,
    pub(crate) until: Option<Instant>,
    pub(crate) held: Vec<Held>,
    pub(crate) digest: u64,
}

impl Clone for Side {
    fn clone(&self) -> Self {
        let held = |held: &Held| Held { delivery: held.delivery.duplicate(), ..*held };
        Self { client: self.client.clone(), held: self.held.iter().map(held).collect(), ..*self }
    }
}

/// The servers, with the number that stands for their state.
#[derive(Clone, Debug)]
struct Servers {
    cluster: Cluster,
    digest: u64,
}

/// How a world is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) fault: Fault,
    /// The client that may be told to stop.
    pub(crate) leaver: Option<usize>,
    /// Applications finish what they are given at once, in order.
    pub(crate) prompt: bool,
    pub(crate) bug: Option<Bug>,
}

/// One state. Machines are shared with the states it came from until they change.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: Instant,
    /// From then on nothing goes wrong and one order is as good as another.
    horizon: Instant,
    fault: Fault,
    leaver: Option<usize>,
    prompt: bool,
    leaving: BTreeSet<usize>,
    pub(crate) bug: Option<Bug>,
    sides: Vec<Rc<Side>>,
    servers: Rc<Servers>,
    pub(crate) links: BTreeMap<LinkKey, Link>,
    truth: Rc<Truth>,
}

impl World {
    /// A cluster with three messages, and no client yet.
    pub(crate) fn new() -> Self {
        let address = BROKER.parse().expect("an address");
        let mut cluster = Cluster::builder().topic(TOPIC, LOG.len() as u32).build(&[address]);
        cluster.create_topic(&format!("%RETRY%{GROUP}"), 1);
        for (queue, end) in (0..).zip(LOG) {
            for offset in 0..end {
                cluster.seed(TOPIC, queue, truth::body(queue, offset));
            }
        }
        let now = Instant::from_nanos(1_000_000_000);
        Self {
            now,
            horizon: Instant::FAR_FUTURE,
            fault: Fault::None,
            leaver: None,
            prompt: false,
            leaving: BTreeSet::new(),
            bug: None,
            sides: Vec::new(),
            servers: Rc::new(Servers { digest: digest_of(&cluster), cluster }),
            links: BTreeMap::new(),
            truth: Rc::default(),
        }
    }

    /// A client starts and joins the group.
    pub(crate) fn join(&mut self) -> Judged {
        let index = self.sides.len();
        let mut config = ClientConfig::new("ns:9876").expect("an address");
        config.instance_name = Some(format!("client-{index}"));
        let seed = [index as u8 + 1; 32];
        let unix = Duration::from_millis(self.unix_ms().unsigned_abs());
        let mut client = Client::new(config, seed, self.now, unix).expect("valid");
        let mut settings = PushConsumerConfig::new(GROUP).consume_from(ConsumeFrom::First);
        settings.rebalance_min_interval = REBALANCE;
        settings.persist_consumer_offset_interval = COMMIT;
        let consumer = client.create_push_consumer(settings, self.now).expect("accepted");
        let topic = client.topic(TOPIC).expect("a name");
        client.subscribe(consumer, &topic, TagFilter::all(), self.now).expect("accepted");
        self.sides.push(Rc::new(Side { client, until: None, held: Vec::new(), digest: 0 }));
        self.turn(index)
    }

    fn unix_ms(&self) -> i64 {
        UNIX_MS + (self.now.as_nanos() / 1_000_000) as i64
    }

    /// From here on everything that may happen is tried, for so long.
    pub(crate) fn begin(&mut self, setup: &Setup, time: Duration) {
        self.horizon = self.now + time;
        self.fault = setup.fault;
        self.leaver = setup.leaver;
        self.prompt = setup.prompt;
        self.bug = setup.bug;
    }

    /// A number for the state, time and judges' memory included: nothing is relative, states of different times are
    /// different.
    pub(crate) fn digest(&self) -> u64 {
        let held = |side: &Rc<Side>| {
            let held: Vec<_> = side.held.iter().map(|held| (held.place, held.epoch)).collect();
            (side.digest, held)
        };
        let sides: Vec<_> = self.sides.iter().map(held).collect();
        let setup = (self.now, self.fault, self.leaver, self.prompt, &self.leaving, self.bug);
        digest_of(&(setup, sides, self.servers.digest, &self.links, &self.truth))
    }

    pub(crate) fn clients(&self) -> usize {
        self.sides.len()
    }

    /// The code of what would arrive, for people.
    pub(crate) fn describe(&self, choice: Choice) -> String {
        let code = |frame: &[u8]| {
            truth::with_head(frame, |head| {
                if head.is_response() {
                    format!("answer {} to {}", head.response_code().0, head.opaque)
                } else {
                    format!("request {} number {}", head.request_code().0, head.opaque)
                }
            })
        };
        let Choice::Arrives(key, way) = choice else { return format!("{choice:?}") };
        let link = &self.links[&key];
        let what = match way {
            Way::Up => match &link.up[0] {
                Up::Frame(frame) => code(frame),
                other => format!("{other:?}"),
            },
            Way::Down => match &link.down[0] {
                Down::Frame(frame) => code(frame),
                other => format!("{other:?}"),
            },
        };
        format!("{way:?} at {:?} of client {}: {what}", link.node, key.0)
    }

    pub(crate) fn faulty(&self) -> bool {
        self.fault == Fault::Happened
    }

    /// Nothing goes wrong any more; for how long.
    pub(crate) fn healed(&self) -> Option<Duration> {
        (self.now >= self.horizon).then(|| self.now - self.horizon)
    }

    // ---- what may happen -----------------------------------------------------------------------------------

    fn due(&self, machine: Machine) -> bool {
        self.deadline(machine).is_some_and(|at| at <= self.now)
    }

    fn deadline(&self, machine: Machine) -> Option<Instant> {
        match machine {
            Machine::Client(index) => self.sides[index].until,
            Machine::Cluster => self.servers.cluster.next_deadline(),
        }
    }

    /// Whether a client has something to experience that may as well come before all that happens elsewhere: see
    /// [`explore`](crate::explore).
    pub(crate) fn goes_first(&self, client: usize) -> bool {
        let mut own = self.links.iter().filter(|(key, _)| key.0 == client).map(|(_, link)| link);
        if own.clone().all(|link| link.node != Node::Broker(0)) {
            return own.any(|link| link.passes(Way::Up) || link.passes(Way::Down));
        }
        self.fault != Fault::To(client) && own.any(|link| link.passes(Way::Down))
    }

    /// What an application that waits for nothing does.
    pub(crate) fn at_once(&self) -> Option<Choice> {
        let holds = |client: &usize| self.prompt && !self.sides[*client].held.is_empty();
        (0..self.clients()).find(holds).map(|client| Choice::Settle(client, 0))
    }

    /// The same, and what a name server, who only answers, is asked by it.
    pub(crate) fn first_choices(&self, client: usize) -> Vec<Choice> {
        let mut out = Vec::new();
        self.choices_of(client, &mut out);
        let asks = |(key, link): &(&LinkKey, &Link)| {
            key.0 == client && link.node != Node::Broker(0) && link.passes(Way::Up)
        };
        out.extend(self.links.iter().filter(asks).map(|(key, _)| Choice::Arrives(*key, Way::Up)));
        out
    }

    /// What a client may experience next: all of it is independent of what happens elsewhere meanwhile.
    pub(crate) fn choices_of(&self, client: usize, out: &mut Vec<Choice>) {
        for (key, link) in self.links.iter().filter(|(key, _)| key.0 == client) {
            if link.passes(Way::Down) {
                out.push(Choice::Arrives(*key, Way::Down));
            }
            if link.held.is_some() {
                out.push(Choice::Resume(*key));
            }
        }
        if self.due(Machine::Client(client)) {
            out.push(Choice::Timer(Machine::Client(client)));
        }
        out.extend((0..self.sides[client].held.len()).map(|held| Choice::Settle(client, held)));
        if self.leaver == Some(client) && self.healed().is_none() {
            out.push(Choice::Leave(client));
        }
    }

    /// Everything that may happen next.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        let mut out = Vec::new();
        (0..self.clients()).for_each(|client| self.choices_of(client, &mut out));
        let ups = self.links.iter().filter(|(_, link)| link.passes(Way::Up));
        out.extend(ups.map(|(key, _)| Choice::Arrives(*key, Way::Up)));
        if self.due(Machine::Cluster) {
            out.push(Choice::Timer(Machine::Cluster));
        }
        let forced = |choice: &Choice| matches!(choice, Choice::Arrives(..) | Choice::Timer(_));
        let healed = self.healed().is_some();
        let late = |choice: &Choice| healed && matches!(choice, Choice::Settle(..) | Choice::Resume(_));
        if !out.iter().any(|choice| forced(choice) || late(choice)) {
            out.push(Choice::Advance);
        }
        if let (Fault::To(client), false) = (self.fault, healed) {
            self.faults(client, &mut out);
        }
        out
    }

    fn faults(&self, client: usize, out: &mut Vec<Choice>) {
        for (key, link) in self.links.iter().filter(|(key, link)| key.0 == client && link.is_to_broker()) {
            out.push(Choice::Cut(*key));
            // A direction that stands still with nothing on it is one that does so when something comes.
            let ways = [Way::Up, Way::Down].into_iter().filter(|way| link.waits(*way));
            out.extend(ways.map(|way| Choice::Hold(*key, way)));
        }
    }

    // ---- it happens ----------------------------------------------------------------------------------------

    pub(crate) fn step(&mut self, choice: Choice) -> Judged {
        match choice {
            Choice::Arrives(key, Way::Up) => self.arrives_up(key),
            Choice::Arrives(key, Way::Down) => self.arrives_down(key),
            Choice::Timer(Machine::Client(client)) => {
                let now = self.now;
                self.side(client).client.handle_timeout(now);
                self.turn(client)
            }
            Choice::Timer(Machine::Cluster) => {
                let now = self.server_time();
                Rc::make_mut(&mut self.servers).cluster.handle_timeout(now);
                self.served();
                Ok(())
            }
            Choice::Settle(client, held) => self.settle(client, held),
            Choice::Leave(client) => {
                (self.leaver, self.leaving) = (None, BTreeSet::from([client]));
                let now = self.now;
                self.side(client).client.shutdown(GRACE, now);
                self.turn(client)
            }
            Choice::Advance => self.advance(),
            Choice::Cut(key) => {
                self.fault = Fault::Happened;
                self.link(key).cut();
                Ok(())
            }
            Choice::Hold(key, way) => {
                self.fault = Fault::Happened;
                self.link(key).held = Some(way);
                Ok(())
            }
            Choice::Resume(key) => {
                self.link(key).held = None;
                self.sweep();
                Ok(())
            }
        }
    }

    pub(crate) fn side(&mut self, client: usize) -> &mut Side {
        Rc::make_mut(&mut self.sides[client])
    }

    fn link(&mut self, key: LinkKey) -> &mut Link {
        self.links.get_mut(&key).expect("a choice of this state")
    }

    pub(crate) fn truth(&mut self) -> &mut Truth {
        Rc::make_mut(&mut self.truth)
    }

    fn server_time(&self) -> Now {
        Now { instant: self.now, unix_ms: self.unix_ms() }
    }

    fn advance(&mut self) -> Judged {
        let machines = (0..self.clients()).map(Machine::Client).chain([Machine::Cluster]);
        let next = machines.filter_map(|machine| self.deadline(machine)).min();
        let next = next.ok_or_else(|| truth::Violation("I14", "nobody waits for anything".into()))?;
        must(next > self.now, "I24", || "time stands still".into())?;
        // The horizon is a moment of its own: what follows it is another game.
        let past = self.healed().is_none() && next > self.horizon;
        self.now = if past { self.horizon } else { next };
        Ok(())
    }

    fn settle(&mut self, client: usize, held: usize) -> Judged {
        let now = self.now;
        let Held { delivery, place: (queue, offset), epoch } = self.side(client).held.remove(held);
        if !self.strikes(Bug::DroppedYetSettled) {
            self.truth().on_settled(client, epoch, queue, offset);
        }
        let taken = self.side(client).client.settle(delivery, Settlement::Done, now);
        must(taken.is_ok(), "law 3", || format!("{queue}:{offset} cannot be settled: {taken:?}"))?;
        self.turn(client)
    }

    fn arrives_up(&mut self, key: LinkKey) -> Judged {
        let link = self.link(key);
        let (node, peer) = (link.node, link.peer);
        let what = link.up.pop_front().expect("it waits");
        let now = self.server_time();
        match (what, peer) {
            (Up::Dial, _) => {
                let from = ([10, 1, 0, key.0 as u8], 40_000).into();
                let peer = Rc::make_mut(&mut self.servers).cluster.handle_open(node, from);
                let link = self.link(key);
                link.peer = peer;
                link.down.push_back(if peer.is_some() { Down::Connected } else { Down::Ended });
            }
            (Up::Frame(frame), Some(peer)) => {
                let cluster = &mut Rc::make_mut(&mut self.servers).cluster;
                let broker = cluster.broker(0).expect("there is one");
                let stored = |queue| broker.committed_offset(GROUP, TOPIC, queue);
                Rc::make_mut(&mut self.truth).on_served(key.0, &frame, stored);
                cluster.handle_bytes(node, peer, &frame, now);
            }
            (Up::Closed, Some(peer)) => {
                Rc::make_mut(&mut self.servers).cluster.handle_close(node, peer);
                self.link(key).peer = None;
            }
            (_, None) => {}
        }
        self.served();
        self.sweep();
        self.judge_stored(key.0)
    }

    fn judge_stored(&mut self, client: usize) -> Judged {
        let faulty = self.faulty();
        let broker = self.servers.cluster.brokers().next().expect("there is one");
        for queue in 0..LOG.len() as u32 {
            let now = broker.committed_offset(GROUP, TOPIC, queue);
            Rc::make_mut(&mut self.truth).on_stored(client, queue, now, faulty)?;
        }
        Ok(())
    }

    /// What servers have said goes onto the connections.
    fn served(&mut self) {
        let servers = Rc::make_mut(&mut self.servers);
        let find = |links: &mut BTreeMap<LinkKey, Link>, node: Node, peer: PeerId| {
            let found = links.iter().find(|(_, link)| link.node == node && link.peer == Some(peer));
            found.map(|(key, _)| *key)
        };
        for node in servers.cluster.nodes() {
            while let Some(peer) = servers.cluster.poll_output(node) {
                let said = frames(servers.cluster.output(node, peer));
                let length = said.iter().map(Bytes::len).sum();
                servers.cluster.handle_written(node, peer, length);
                let Some(key) = find(&mut self.links, node, peer) else { continue };
                let link = self.links.get_mut(&key).expect("found");
                if link.client_side && !link.down.iter().any(|down| matches!(down, Down::Ended)) {
                    link.down.extend(said.into_iter().map(Down::Frame));
                }
            }
            while let Some(peer) = servers.cluster.poll_close(node) {
                let Some(key) = find(&mut self.links, node, peer) else { continue };
                let link = self.links.get_mut(&key).expect("found");
                link.peer = None;
                if link.client_side {
                    link.down.push_back(Down::Ended);
                }
            }
        }
        servers.digest = digest_of(&servers.cluster);
    }

    pub(crate) fn sweep(&mut self) {
        self.links.retain(|_, link| !link.is_over());
    }

    fn arrives_down(&mut self, key: LinkKey) -> Judged {
        let now = self.now;
        let link = self.link(key);
        let conn = link.conn;
        let what = link.down.pop_front().expect("it waits");
        let connected = link.connected;
        match &what {
            Down::Connected => link.connected = true,
            Down::Frame(_) => {}
            Down::Ended => link.client_side = false,
        }
        let client = &mut self.side(key.0).client;
        match what {
            Down::Connected => client.handle_connected(conn, now),
            Down::Frame(frame) => client.handle_bytes(conn, frame, now),
            Down::Ended if connected => client.handle_transport_error(conn, TransportError::Reset, now),
            Down::Ended => client.handle_connect_failed(conn, TransportError::Refused, now),
        }
        self.turn(key.0)
    }

    // ---- at rest -------------------------------------------------------------------------------------------

    /// Whether all is done that is to be done, or what is missing to that.
    pub(crate) fn rest(&self) -> Judged {
        let busy = self.links.values().any(|link| link.waits(Way::Up) || link.waits(Way::Down));
        let held = self.sides.iter().any(|side| !side.held.is_empty());
        must(!busy && !held, "I14", || "something is still under way".into())?;
        self.truth.missing(&self.leaving)
    }
}
