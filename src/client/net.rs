//! Connections: which endpoint has which, when to dial again, and who waits for which answer.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use core::time::Duration;

use super::action::{Action, CloseHow};
use super::backoff::{Backoff, Rng};
use super::call::{CallFailure, CallId, CallRefused, Purpose, Replica, Target};
use super::endpoint::{Endpoint, Role};
use super::ids::{ConnId, Slab};
use super::names::BrokerName;
use crate::config::ClientConfig;
use crate::connection::{Core, Ended, ReadBuffer};
use crate::error::{CloseCause, RequestFailure, TransportError};
use crate::time::Instant;
use crate::wire::fields::HeartbeatRequest;
use crate::wire::header::Request;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum LinkState {
    /// Waits until it may be dialled again.
    Backoff(Instant),
    Connecting(Instant),
    Open,
}

#[derive(Clone, Debug, Hash)]
struct Link {
    endpoint: Endpoint,
    state: LinkState,
    core: Core<Purpose>,
    reader: ReadBuffer,
    /// A `Write` was emitted and the queue has not been empty since.
    write_announced: bool,
    last_traffic: Instant,
    /// The newest registration said on it, and the newest its broker confirmed.
    greeted: u64,
    registered: u64,
}

#[derive(Clone, Debug, Default, Hash)]
struct Broker {
    replicas: BTreeMap<i64, Endpoint>,
    master: Option<ConnId>,
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
    links: Slab<Link>,
    by_endpoint: BTreeMap<Endpoint, ConnId>,
    backoffs: BTreeMap<Endpoint, Backoff>,
    brokers: Vec<Broker>,
    name_servers: Vec<Endpoint>,
    pub(crate) actions: VecDeque<Action>,
    /// Staging buffers that no connection uses just now.
    spare: Vec<Vec<u8>>,
    /// Body of the heartbeat that opens every broker connection, so that the broker knows us before it is asked.
    greeting: Bytes,
    /// Counts up with each change of the greeting.
    registration: u64,
    /// Reading from brokers pauses: the memory budget is spent.
    paused: bool,
    rng: Rng,
    pub(crate) stats: NetStats,
}

impl Net {
    pub(crate) fn new(config: Arc<ClientConfig>, rng: Rng) -> Self {
        let name_servers = config.name_servers().to_vec();
        Self {
            config,
            links: Slab::default(),
            by_endpoint: BTreeMap::new(),
            backoffs: BTreeMap::new(),
            brokers: Vec::new(),
            name_servers,
            actions: VecDeque::new(),
            spare: Vec::new(),
            greeting: Bytes::new(),
            registration: 0,
            paused: false,
            rng,
            stats: NetStats::default(),
        }
    }

    fn link(&self, conn: ConnId) -> Option<&Link> {
        self.links.get(conn.index, conn.generation)
    }

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

    /// Bytes of memory held by connections.
    pub(crate) fn held(&self) -> usize {
        self.links.iter().map(|(_, _, link)| link.core.held() + link.reader.held()).sum()
    }

    /// What every new broker connection says first; empty: nothing.
    pub(crate) fn set_greeting(&mut self, heartbeat: Bytes) {
        self.registration += 1;
        self.greeting = heartbeat;
    }

    /// A broker confirmed a registration: true if it is a newer one than the connection had confirmed before.
    pub(crate) fn confirm(&mut self, conn: ConnId, registration: u64) -> bool {
        let Some(link) = self.link_mut(conn) else { return false };
        let newer = link.registered < registration;
        link.registered = link.registered.max(registration);
        newer
    }

    /// Sends the greeting, as a heartbeat, once: a heartbeat still on its way is enough.
    pub(crate) fn greet(&mut self, to: &Target, now: Instant) {
        if self.greeting.is_empty() {
            return;
        }
        let Some(conn) = self.resolve(to, now) else { return };
        let registration = self.registration;
        match self.link_mut(conn) {
            Some(link) if link.greeted < registration || link.registered >= registration => {
                link.greeted = registration;
            }
            // Said already, not confirmed yet: the answer or its deadline comes.
            Some(link) if link.core.in_flight() > 0 => return,
            Some(_) => {}
            None => return,
        }
        self.say_greeting(conn, now);
    }

    /// Sends the greeting to a broker that has not been sent it.
    pub(crate) fn greet_new(&mut self, to: &Target, now: Instant) {
        let registration = self.registration;
        if !self.greeting.is_empty()
            && let Some(conn) = self.resolve(to, now)
            && self.link(conn).is_some_and(|link| link.greeted < registration)
        {
            self.say_greeting(conn, now);
        }
    }

    pub(crate) fn has_greeting(&self) -> bool {
        !self.greeting.is_empty()
    }

    // ---- the memory budget ---------------------------------------------------------------------------------

    pub(crate) fn is_reading_paused(&self) -> bool {
        self.paused
    }

    /// Stops or resumes reading from brokers.
    pub(crate) fn pause_reading(&mut self, paused: bool) {
        self.paused = paused;
        for conn in self.open_broker_connections() {
            self.actions.push_back(Action::SetRead { conn, enabled: !paused });
        }
    }

    fn say_greeting(&mut self, conn: ConnId, now: Instant) {
        let (body, timeout) = (self.greeting.clone(), self.config.request_timeout);
        let registration = self.registration;
        if let Some(link) = self.link_mut(conn) {
            link.greeted = registration;
        }
        let purpose = Purpose::Heartbeat { registration };
        // A refusal means that the queue is full of other things: the next heartbeat comes by timer.
        let _ = self.call(&Target::Conn(conn), &HeartbeatRequest::default(), &body, purpose, timeout, now);
    }

    // ---- brokers -------------------------------------------------------------------------------------------

    /// Notes where a broker's replicas are, as a route said. Addresses that cannot be read are left out.
    pub(crate) fn set_broker(&mut self, name: &BrokerName, replicas: &BTreeMap<i64, String>) {
        let read = replicas.iter().filter_map(|(id, address)| {
            let mapped = self.config.map_address(address);
            Endpoint::parse(mapped, Role::Broker).map(|endpoint| (*id, endpoint))
        });
        let replicas: BTreeMap<i64, Endpoint> = read.collect();
        if replicas.is_empty() {
            return;
        }
        if self.brokers.len() <= name.index() {
            self.brokers.resize_with(name.index() + 1, Broker::default);
        }
        if let Some(broker) = self.brokers.get_mut(name.index())
            && broker.replicas != replicas
        {
            *broker = Broker { replicas, master: None };
        }
    }

    pub(crate) fn replica_ids(&self, name: &BrokerName) -> impl Iterator<Item = i64> + use<'_> {
        self.brokers.get(name.index()).into_iter().flat_map(|broker| broker.replicas.keys().copied())
    }

    /// False after a failure, until a connection to the broker's master stands again: [`Net`] itself tries.
    pub(crate) fn is_reachable(&self, name: &BrokerName) -> bool {
        let Some(broker) = self.brokers.get(name.index()) else { return false };
        let conn = broker.master.and_then(|conn| self.link(conn));
        if conn.is_some_and(|link| link.state == LinkState::Open) {
            return true;
        }
        broker.replicas.get(&0).is_some_and(|master| !self.backoffs.contains_key(master))
    }

    /// Brokers in use that failed and have no connection now, with when to try again.
    fn probes(&self) -> impl Iterator<Item = (&Endpoint, Instant)> {
        let used =
            |endpoint: &Endpoint| self.brokers.iter().any(|broker| broker.replicas.get(&0) == Some(endpoint));
        let asleep = !self.greeting.is_empty();
        let failed = self.backoffs.iter().filter(move |(endpoint, _)| {
            asleep && !self.by_endpoint.contains_key(*endpoint) && used(endpoint)
        });
        failed.map(|(endpoint, backoff)| (endpoint, backoff.until()))
    }

    fn probe(&mut self, now: Instant) {
        let due = self.probes().filter(|(_, until)| *until <= now).map(|(endpoint, _)| endpoint.clone());
        for endpoint in due.collect::<Vec<_>>() {
            self.open(&endpoint, now);
        }
    }

    fn resolve(&mut self, to: &Target, now: Instant) -> Option<ConnId> {
        match to {
            Target::Conn(conn) => self.link(*conn).map(|_| *conn),
            Target::NameServer(index) => {
                let endpoint = self.name_servers.get(*index)?.clone();
                Some(self.open(&endpoint, now))
            }
            Target::Broker { name, replica } => {
                let broker = self.brokers.get(name.index())?;
                if *replica == Replica::Master
                    && let Some(conn) = broker.master
                    && self.link(conn).is_some()
                {
                    return Some(conn);
                }
                let endpoint = match replica {
                    Replica::Master => broker.replicas.get(&0)?,
                    Replica::Prefer(id) => {
                        let wanted = broker.replicas.get(id).or_else(|| broker.replicas.get(&0));
                        wanted.or_else(|| broker.replicas.values().next())?
                    }
                }
                .clone();
                let conn = self.open(&endpoint, now);
                if *replica == Replica::Master
                    && let Some(broker) = self.brokers.get_mut(name.index())
                {
                    broker.master = Some(conn);
                }
                Some(conn)
            }
        }
    }

    // ---- opening and closing -------------------------------------------------------------------------------

    /// The connection to an endpoint, dialled if there is none. After a failure it is dialled only when its
    /// back-off is over; what is asked meanwhile waits in its write queue.
    fn open(&mut self, endpoint: &Endpoint, now: Instant) -> ConnId {
        if let Some(conn) = self.by_endpoint.get(endpoint) {
            return *conn;
        }
        let core = Core::new(self.config.connection.clone(), self.rng.next() as u32);
        let connecting = LinkState::Connecting(now + self.config.connect_timeout);
        let link = Link {
            endpoint: endpoint.clone(),
            state: connecting,
            core,
            reader: ReadBuffer::default(),
            write_announced: false,
            last_traffic: now,
            greeted: 0,
            registered: 0,
        };
        let (index, generation) = self.links.insert(link);
        let conn = ConnId { index, generation };
        self.by_endpoint.insert(endpoint.clone(), conn);
        self.dial_or_wait(conn, now);
        if endpoint.role() != Role::NameServer && !self.greeting.is_empty() {
            self.say_greeting(conn, now);
        }
        conn
    }

    fn dial_or_wait(&mut self, conn: ConnId, now: Instant) {
        let until = self.endpoint(conn).and_then(|endpoint| self.backoffs.get(endpoint)).map(Backoff::until);
        match (until.filter(|until| *until > now), self.link_mut(conn)) {
            (Some(until), Some(link)) => link.state = LinkState::Backoff(until),
            _ => self.dial(conn, now),
        }
    }

    fn dial(&mut self, conn: ConnId, now: Instant) {
        let until = now + self.config.connect_timeout;
        let Some(link) = self.link_mut(conn) else { return };
        link.state = LinkState::Connecting(until);
        let endpoint = link.endpoint.clone();
        self.actions.push_back(Action::Connect { conn, endpoint });
    }

    /// False if it is not waited for.
    pub(crate) fn handle_connected(&mut self, conn: ConnId, now: Instant) -> bool {
        let Some(link) = self.link_mut(conn) else { return false };
        if !matches!(link.state, LinkState::Connecting(_)) {
            return false;
        }
        link.state = LinkState::Open;
        link.last_traffic = now;
        let endpoint = link.endpoint.clone();
        self.backoffs.remove(&endpoint);
        self.stats.connects += 1;
        self.announce_write(conn);
        if self.paused && endpoint.role() != Role::NameServer {
            self.actions.push_back(Action::SetRead { conn, enabled: false });
        }
        true
    }

    /// The driver could not connect: everything queued fails as not written.
    pub(crate) fn handle_connect_failed(
        &mut self,
        conn: ConnId,
        error: TransportError,
        now: Instant,
    ) -> Vec<(Purpose, CallFailure)> {
        let Some(link) = self.link_mut(conn) else { return Vec::new() };
        if link.state == LinkState::Open {
            return Vec::new();
        }
        let endpoint = link.endpoint.clone();
        link.core.set_closed(CloseCause::Transport(error));
        self.count_failure(&endpoint, now);
        self.stats.connect_failures += 1;
        let mut failed = self.forget(conn);
        for (_, failure) in &mut failed {
            if let RequestFailure::ConnectionLost(_) = failure.cause {
                failure.cause = RequestFailure::ConnectFailed(error);
            }
        }
        failed
    }

    /// A connection that took too long to make: the driver is told to forget it.
    pub(crate) fn give_up_connecting(&mut self, conn: ConnId, now: Instant) -> Vec<(Purpose, CallFailure)> {
        let failed = self.handle_connect_failed(conn, TransportError::TimedOut, now);
        self.actions.push_back(Action::Close { conn, how: CloseHow::Abort });
        failed
    }

    fn count_failure(&mut self, endpoint: &Endpoint, now: Instant) {
        let (first, most) = (self.config.backoff_first, self.config.backoff_most);
        let mut backoff = self.backoffs.get(endpoint).copied().unwrap_or_default();
        backoff.fail(first, most, &mut self.rng, now);
        self.backoffs.insert(endpoint.clone(), backoff);
    }

    /// Removes a connection; what waited on it is returned with its failure.
    fn forget(&mut self, conn: ConnId) -> Vec<(Purpose, CallFailure)> {
        let Some(mut link) = self.links.remove(conn.index, conn.generation) else { return Vec::new() };
        if self.by_endpoint.get(&link.endpoint) == Some(&conn) {
            self.by_endpoint.remove(&link.endpoint);
        }
        let mut failed = Vec::new();
        while let Some(ended) = link.core.finish() {
            if let Ended::Failed { context, progress, cause, .. } = ended {
                failed.push((context, CallFailure { progress, cause }));
            }
        }
        failed
    }

    /// The connection said its last word: tells the driver to drop the socket.
    pub(crate) fn on_closed(&mut self, conn: ConnId, cause: &CloseCause, now: Instant) {
        let how = match cause {
            CloseCause::Local => CloseHow::Graceful,
            _ => CloseHow::Abort,
        };
        if !matches!(cause, CloseCause::Local)
            && let Some(endpoint) = self.endpoint(conn).cloned()
        {
            self.count_failure(&endpoint, now);
        }
        self.stats.closes += 1;
        let _ = self.forget(conn);
        self.actions.push_back(Action::Close { conn, how });
    }

    /// Closes every connection once its queue is empty.
    pub(crate) fn close_all(&mut self) -> Vec<ConnId> {
        let conns: Vec<ConnId> = self.connections().map(|(conn, _)| conn).collect();
        for conn in &conns {
            if let Some(link) = self.link_mut(*conn) {
                match link.state {
                    LinkState::Open => link.core.close(),
                    _ => link.core.set_closed(CloseCause::Local),
                }
            }
        }
        conns
    }

    /// Closes every connection at once.
    pub(crate) fn abort_all(&mut self) -> Vec<ConnId> {
        let conns: Vec<ConnId> = self.connections().map(|(conn, _)| conn).collect();
        for conn in &conns {
            if let Some(link) = self.link_mut(*conn) {
                link.core.set_closed(CloseCause::Local);
            }
        }
        conns
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
        let Some(link) = self.link_mut(conn) else { return Err((CallRefused::NoAddress, purpose)) };
        match link.core.request(fields, body, purpose, timeout, now) {
            Ok(request) => {
                self.announce_write(conn);
                Ok(CallId { conn, request })
            }
            Err(rejected) => Err((CallRefused::Rejected(rejected.reason), rejected.returned)),
        }
    }

    /// Tells without wanting an answer; ends when written or failed, with `purpose`.
    pub(crate) fn tell<F: Request>(
        &mut self,
        to: &Target,
        fields: &F,
        body: &Bytes,
        purpose: Purpose,
        now: Instant,
    ) -> Result<CallId, (CallRefused, Purpose)> {
        let Some(conn) = self.resolve(to, now) else { return Err((CallRefused::NoAddress, purpose)) };
        let Some(link) = self.link_mut(conn) else { return Err((CallRefused::NoAddress, purpose)) };
        match link.core.oneway(fields, body, purpose) {
            Ok(request) => {
                self.announce_write(conn);
                Ok(CallId { conn, request })
            }
            Err(rejected) => Err((CallRefused::Rejected(rejected.reason), rejected.returned)),
        }
    }

    /// Gives a request up; its ending comes with the next processing of the connection.
    pub(crate) fn cancel(&mut self, call: CallId) -> bool {
        self.core_mut(call.conn).is_some_and(|core| core.cancel(call.request))
    }

    /// `Write` is an edge: once when the queue turns non-empty on an open connection.
    pub(crate) fn announce_write(&mut self, conn: ConnId) {
        let Some(link) = self.link_mut(conn) else { return };
        if link.state == LinkState::Open && !link.write_announced && link.core.has_pending_write() {
            link.write_announced = true;
            self.actions.push_back(Action::Write { conn });
        }
    }

    // ---- bytes ---------------------------------------------------------------------------------------------

    pub(crate) fn read_buf(&mut self, conn: ConnId) -> Option<&mut [u8]> {
        let Self { links, spare, paused, .. } = self;
        let link = links.get_mut(conn.index, conn.generation)?;
        if link.core.is_closed() || (*paused && link.endpoint.role() != Role::NameServer) {
            return None;
        }
        link.reader.give_spare(spare);
        link.reader.read_buf()
    }

    pub(crate) fn handle_read(&mut self, conn: ConnId, n: usize, now: Instant) {
        if let Some(link) = self.link_mut(conn) {
            link.reader.commit(n);
            link.core.note_read(n, now);
            link.last_traffic = now;
        }
    }

    /// Copies bytes in; returns how many found room.
    pub(crate) fn handle_slice(&mut self, conn: ConnId, bytes: &[u8], now: Instant) -> usize {
        let Self { links, spare, .. } = self;
        let Some(link) = links.get_mut(conn.index, conn.generation) else { return 0 };
        if link.core.is_closed() {
            return 0;
        }
        // Also while reading pauses: what the driver has read already must not be lost.
        link.reader.give_spare(spare);
        let n = link.reader.push_slice(bytes);
        link.core.note_read(n, now);
        link.last_traffic = now;
        n
    }

    /// Takes a chunk over; gives back what found no room.
    pub(crate) fn handle_bytes(&mut self, conn: ConnId, chunk: Bytes, now: Instant) -> Option<Bytes> {
        let link = self.link_mut(conn)?;
        if link.core.is_closed() {
            return None;
        }
        link.last_traffic = now;
        let len = chunk.len();
        let rest = link.reader.push_chunk(chunk);
        link.core.note_read(len - rest.as_ref().map_or(0, Bytes::len), now);
        rest
    }

    /// Takes the read buffer out, so that a frame in it can be looked at while everything else changes.
    pub(crate) fn take_reader(&mut self, conn: ConnId) -> Option<ReadBuffer> {
        self.link_mut(conn).map(|link| core::mem::take(&mut link.reader))
    }

    /// Puts the read buffer back; an idle one leaves its storage to others.
    pub(crate) fn restore_reader(&mut self, conn: ConnId, mut reader: ReadBuffer) {
        if let Some(storage) = reader.take_spare()
            && self.spare.len() < 4
        {
            self.spare.push(storage);
        }
        if let Some(link) = self.link_mut(conn) {
            link.reader = reader;
        }
    }

    pub(crate) fn write_slices<'a>(&'a self, conn: ConnId, out: &mut [&'a [u8]]) -> usize {
        match self.link(conn) {
            Some(link) if link.state == LinkState::Open => link.core.write_slices(out),
            _ => 0,
        }
    }

    pub(crate) fn has_pending_write(&self, conn: ConnId) -> bool {
        self.link(conn).is_some_and(|link| link.state == LinkState::Open && link.core.has_pending_write())
    }

    /// True if the connection has something to say now.
    pub(crate) fn handle_written(&mut self, conn: ConnId, n: usize, now: Instant) -> bool {
        let Some(link) = self.link_mut(conn) else { return false };
        link.core.handle_written(n);
        link.last_traffic = now;
        if !link.core.has_pending_write() {
            link.write_announced = false;
        }
        link.core.has_news()
    }

    // ---- time ----------------------------------------------------------------------------------------------

    /// Brings connections up to `now`: dials what may be dialled again, gives up what did not connect, expires
    /// requests, closes what nobody has used for long. Returns those that have something to say.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<ConnId> {
        let mut due = Vec::new();
        let idle = self.config.idle_timeout;
        self.probe(now);
        let all: Vec<ConnId> = self.connections().map(|(conn, _)| conn).collect();
        for conn in all {
            let Some(link) = self.link_mut(conn) else { continue };
            match link.state {
                LinkState::Backoff(until) if until <= now => self.dial(conn, now),
                LinkState::Connecting(until) if until <= now => due.push(conn),
                LinkState::Open if link.last_traffic + idle <= now && link.core.in_flight() == 0 => {
                    link.core.set_closed(CloseCause::Local);
                    due.push(conn);
                }
                _ => {}
            }
            if let Some(link) = self.link_mut(conn)
                && link.core.next_deadline().is_some_and(|deadline| deadline <= now)
            {
                link.core.handle_timeout(now);
                due.push(conn);
            }
        }
        due.dedup();
        due
    }

    /// True if the connection is still being made although its time is over.
    pub(crate) fn connect_timed_out(&self, conn: ConnId, now: Instant) -> bool {
        matches!(self.link(conn).map(|link| link.state), Some(LinkState::Connecting(until)) if until <= now)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let idle = self.config.idle_timeout;
        let each = self.links.iter().filter_map(|(_, _, link)| {
            let own = match link.state {
                LinkState::Backoff(until) | LinkState::Connecting(until) => Some(until),
                LinkState::Open if link.core.in_flight() == 0 => Some(link.last_traffic + idle),
                LinkState::Open => None,
            };
            own.into_iter().chain(link.core.next_deadline()).min()
        });
        each.chain(self.probes().map(|(_, until)| until)).min()
    }
}
