//! Connections: which endpoint has which, when to dial again, and who waits for which answer.
//!
//! | room | what |
//! |---|---|
//! | `mod` (here) | the table of connections; requests |
//! | `brokers` | where brokers are, what is said first to them |
//! | `dial` | opening, dialling again, closing |
//! | `stream` | bytes in and out |
//! | `time` | what becomes due; `deadlines`: the earliest of many |

mod brokers;
mod deadlines;
mod dial;
mod stream;
mod time;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use self::brokers::Replicas;
use self::deadlines::Deadlines;
use self::stream::{Reader, SpareReaders};
use super::action::Action;
use super::backoff::{Backoff, Rng};
use super::call::{CallId, CallRefused, Purpose, Target};
use super::endpoint::{Endpoint, Role};
use super::ids::{ConnId, Slab};
use super::names::BrokerName;
use crate::config::ClientConfig;
use crate::connection::{ConnectionConfig, Core, RequestId, SpareQueues};
use crate::error::Rejected;
use crate::time::{Instant, Nanos};
use crate::wire::header::{EncodeError, Request};

/// What an endpoint takes in a table, a usual host name included.
const ENDPOINT: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum LinkState {
    /// Waits until it may be dialled again.
    Backoff(Instant),
    Connecting(Instant),
    Open,
}

/// Bytes of memory. No part of the state that is digested: a clone does the same, and holds less for it.
#[derive(Clone, Copy, Debug)]
struct Noted(usize);

impl Hash for Noted {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// At least so long between questions for a sign of life: a broker may answer these at once, and sends never.
const QUESTION_INTERVAL: Duration = Duration::from_secs(2);

/// Whether a peer is to be asked for a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Question {
    /// It is not; should it be, then not earlier.
    NotBefore(Instant),
    /// It is, then.
    At(Instant),
}

#[derive(Clone, Debug, Hash)]
struct Link {
    endpoint: Endpoint,
    state: LinkState,
    core: Core<Purpose>,
    reader: Reader,
    /// A `Write` was emitted and the queue has not been empty since.
    write_announced: bool,
    last_traffic: Instant,
    /// When something was first written that nothing has been received after.
    unanswered_since: Option<Instant>,
    /// Its back-off is over with the first bytes that come in.
    proven: bool,
    /// A request ran out and nothing has been heard since: others are preferred.
    suspect: bool,
    question: Question,
    /// The peer is about to go: nothing new is asked on it, and it closes when all is answered.
    draining: bool,
    /// A heartbeat is on its way.
    greeting: bool,
    /// The newest registration said on it, and the newest its broker confirmed.
    greeted: u64,
    registered: u64,
    /// Bytes its outgoing side held when that was last noted.
    noted: Noted,
}

impl Link {
    /// Notes the bytes that its outgoing side holds now, among those of all.
    #[inline]
    fn note_held(&mut self, all: &mut Noted) {
        let held = self.core.held();
        all.0 = all.0 + held - self.noted.0;
        self.noted.0 = held;
    }

    /// Says once that something waits to be written, and notes what that takes.
    #[inline]
    fn announce_write(&mut self, conn: ConnId, actions: &mut VecDeque<Action>, noted_out: &mut Noted) {
        if self.state == LinkState::Open && !self.write_announced && self.core.has_pending_write() {
            self.write_announced = true;
            actions.push_back(Action::Write { conn });
        }
        self.note_held(noted_out);
    }

    /// Requests may have been taken back before a byte of them left: an empty queue turns non-empty anew.
    fn note_taken_back(&mut self) {
        self.write_announced &= self.core.has_pending_write();
    }
}

#[derive(Clone, Debug, Default, Hash)]
struct Broker {
    replicas: Replicas,
    master: Option<ConnId>,
    /// Since when no route names it.
    unnamed_since: Option<Instant>,
}

/// What happened to a connection while its bytes were taken in.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct NetStats {
    pub(crate) connects: u64,
    pub(crate) connect_failures: u64,
    pub(crate) closes: u64,
}

/// All connections of a client.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Net {
    config: Arc<ClientConfig>,
    connection: Arc<ConnectionConfig>,
    /// Of the configuration: asked for in every turn.
    idle: Nanos,
    heartbeat_interval: Nanos,
    links: Slab<Link>,
    by_endpoint: BTreeMap<Endpoint, ConnId>,
    backoffs: BTreeMap<Endpoint, Backoff>,
    brokers: Vec<Broker>,
    name_servers: Vec<Endpoint>,
    pub(crate) actions: VecDeque<Action>,
    spare: SpareReaders,
    /// Storage of write queues that no connection uses just now.
    spare_queues: SpareQueues,
    /// Body of the heartbeat that opens every broker connection, so that the broker knows us before it is asked.
    greeting: Bytes,
    /// Counts up with each change of the greeting.
    registration: u64,
    /// Reading from brokers pauses: the memory budget is spent.
    paused: bool,
    /// When something is due on each connection, by its index.
    deadlines: Deadlines,
    /// Bytes held by what goes out on all connections, as noted with each.
    noted_out: Noted,
    /// When a broker that failed is tried again; to be found anew after a change.
    probe_at: Option<Instant>,
    probes_changed: bool,
    /// The client stops: no connection is opened any more.
    closing: bool,
    rng: Rng,
    pub(crate) stats: NetStats,
}

impl Net {
    pub(crate) fn new(config: Arc<ClientConfig>, rng: Rng) -> Self {
        let name_servers = config.name_servers().to_vec();
        Self {
            connection: Arc::new(config.connection.clone()),
            spare: SpareReaders::new(config.memory_budget),
            idle: config.idle_timeout.into(),
            heartbeat_interval: config.heartbeat_broker_interval.into(),
            config,
            links: Slab::default(),
            by_endpoint: BTreeMap::new(),
            backoffs: BTreeMap::new(),
            brokers: Vec::new(),
            name_servers,
            actions: VecDeque::new(),
            spare_queues: SpareQueues::default(),
            greeting: Bytes::new(),
            registration: 0,
            paused: false,
            deadlines: Deadlines::default(),
            noted_out: Noted(0),
            probe_at: None,
            probes_changed: false,
            closing: false,
            rng,
            stats: NetStats::default(),
        }
    }

    #[inline]
    fn link(&self, conn: ConnId) -> Option<&Link> {
        self.links.get(conn.index, conn.generation)
    }

    #[inline]
    fn link_mut(&mut self, conn: ConnId) -> Option<&mut Link> {
        self.links.get_mut(conn.index, conn.generation)
    }

    pub(crate) fn core_mut(&mut self, conn: ConnId) -> Option<&mut Core<Purpose>> {
        self.link_mut(conn).map(|link| &mut link.core)
    }

    pub(crate) fn endpoint(&self, conn: ConnId) -> Option<&Endpoint> {
        self.link(conn).map(|link| &link.endpoint)
    }

    pub(crate) fn name_server_count(&self) -> usize {
        self.name_servers.len()
    }

    pub(crate) fn name_server(&self, index: usize) -> Option<&Endpoint> {
        self.name_servers.get(index)
    }

    /// Connections alive, with their endpoints.
    pub(crate) fn connections(&self) -> impl Iterator<Item = (ConnId, &Endpoint)> {
        self.links.iter().map(|(index, generation, link)| (ConnId { index, generation }, &link.endpoint))
    }

    /// Open connections to brokers.
    pub(crate) fn open_broker_connections(&self) -> Vec<ConnId> {
        let open = self
            .links
            .iter()
            .filter(|(_, _, link)| link.state == LinkState::Open && link.endpoint.role() != Role::NameServer);
        open.map(|(index, generation, _)| ConnId { index, generation }).collect()
    }

    /// True while nothing is open or being opened.
    pub(crate) fn is_empty(&self) -> bool {
        self.links.len() == 0
    }

    /// Bytes of memory held by what comes in, and by the tables of endpoints.
    pub(crate) fn held_in(&self) -> usize {
        let readers: usize =
            self.links.iter().map(|(_, _, link)| size_of::<Link>() + link.reader.held()).sum();
        let endpoints = self.brokers.len() * size_of::<Broker>() + self.backoffs.len() * ENDPOINT;
        readers + self.spare.held() + endpoints
    }

    /// Bytes of memory held by what goes out, bodies excepted that belong to whoever asked. Asked for each send, so it
    /// is not added up anew.
    pub(crate) fn held_out(&self) -> usize {
        debug_assert!(self.noted_out.0 >= self.links.iter().map(|(_, _, link)| link.core.held()).sum());
        self.noted_out.0 + self.spare_queues.held() + self.greeting.len()
    }

    // ---- the memory budget ---------------------------------------------------------------------------------

    pub(crate) fn is_reading_paused(&self) -> bool {
        self.paused
    }

    /// Stops or resumes reading from brokers. What they could not say meanwhile is not held against them.
    pub(crate) fn pause_reading(&mut self, paused: bool, now: Instant) {
        self.paused = paused;
        for conn in self.open_broker_connections() {
            // What was not read meanwhile is not the peer's silence.
            if let Some(link) = self.link_mut(conn) {
                link.unanswered_since = None;
                link.core.hold_frame_deadline(paused, link.reader.is_mid_frame(), now);
            }
            self.actions.push_back(Action::SetRead { conn, enabled: !paused });
            self.reschedule(conn);
        }
    }

    // ---- requests ------------------------------------------------------------------------------------------

    /// Asks; ends in exactly one answer with `purpose`. A refusal gives the purpose back at once.
    pub(crate) fn call<F: Request>(
        &mut self,
        to: &Target,
        fields: &F,
        body: &Bytes,
        purpose: Purpose,
        timeout: Duration,
        now: Instant,
    ) -> Result<CallId, (CallRefused, Purpose)> {
        let Some(conn) = self.resolve(to, now) else { return Err((CallRefused::NoAddress, purpose)) };
        self.ask(conn, purpose, |core, purpose| core.request(fields, body, purpose, timeout, now))
    }

    /// As [`call`](Self::call) of a broker's master, with a head made from a template.
    pub(crate) fn call_with(
        &mut self,
        broker: &BrokerName,
        head: impl FnOnce(&mut Vec<u8>, i32) -> Result<(), EncodeError>,
        body: &Bytes,
        purpose: Purpose,
        deadline: Instant,
        now: Instant,
    ) -> Result<CallId, (CallRefused, Purpose)> {
        let Some(conn) = self.master(broker, now) else { return Err((CallRefused::NoAddress, purpose)) };
        self.ask(conn, purpose, |core, purpose| core.request_with(head, body, purpose, deadline, now))
    }

    /// Tells a broker's master without wanting an answer; ends when written or failed, with `purpose`.
    pub(crate) fn tell_with(
        &mut self,
        broker: &BrokerName,
        head: impl FnOnce(&mut Vec<u8>, i32) -> Result<(), EncodeError>,
        body: &Bytes,
        purpose: Purpose,
        now: Instant,
    ) -> Result<CallId, (CallRefused, Purpose)> {
        let Some(conn) = self.master(broker, now) else { return Err((CallRefused::NoAddress, purpose)) };
        self.ask(conn, purpose, |core, purpose| core.oneway_with(head, body, purpose))
    }

    /// Asks on a connection, and says once that something waits to be written.
    #[inline]
    fn ask(
        &mut self,
        conn: ConnId,
        purpose: Purpose,
        ask: impl FnOnce(&mut Core<Purpose>, Purpose) -> Result<RequestId, Rejected<Purpose>>,
    ) -> Result<CallId, (CallRefused, Purpose)> {
        let Self { links, spare_queues, actions, deadlines, noted_out, .. } = self;
        let Some(link) = links.get_mut(conn.index, conn.generation) else {
            return Err((CallRefused::NoAddress, purpose));
        };
        link.core.borrow_storage(spare_queues);
        match ask(&mut link.core, purpose) {
            Ok(request) => {
                link.announce_write(conn, actions, noted_out);
                deadlines.mark(conn.index());
                Ok(CallId { conn, request })
            }
            Err(rejected) => {
                link.core.leave_storage(spare_queues);
                link.note_held(noted_out);
                Err((CallRefused::Rejected(rejected.reason), rejected.returned))
            }
        }
    }

    /// Gives a request up; its ending comes with the next processing of the connection.
    pub(crate) fn cancel(&mut self, call: CallId) -> bool {
        let Some(link) = self.link_mut(call.conn) else { return false };
        let found = link.core.cancel(call.request);
        link.note_taken_back();
        found
    }

    /// `Write` is an edge: once when the queue turns non-empty on an open connection.
    pub(crate) fn announce_write(&mut self, conn: ConnId) {
        let Self { links, actions, deadlines, noted_out, .. } = self;
        if let Some(link) = links.get_mut(conn.index, conn.generation) {
            link.announce_write(conn, actions, noted_out);
            deadlines.mark(conn.index());
        }
    }
}
