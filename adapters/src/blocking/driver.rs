//! The driver level over blocking sockets.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use rocketmq_engine::{Action, Client, ConnId, Endpoint, Instant, TransportError, Wait};

use super::helm::Helm;
use super::mailbox::{Incoming, Input, Mailbox};
use super::reader::{self, Recycle};
use crate::driver::{Budget, Clock, Gather, Pump, pump_read, pump_write, transport_error};
use crate::handle::DriverStats;

/// How long one write may block before the others get their turn.
const WRITE_SLICE: Duration = Duration::from_millis(20);
/// How long a peer may take no bytes at all before its connection counts as dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// Looks in a row at a taken socket that find nothing, before its reader waits for it again.
const QUIET: u32 = 16;

#[derive(Debug)]
struct Conn {
    id: ConnId,
    /// `None` while it is dialled.
    stream: Option<TcpStream>,
    recycle: Option<Recycle>,
    reading: bool,
    /// What waits while reading pauses; few, since a reader has few chunks.
    incoming: VecDeque<Incoming>,
    /// Chunks kept from the reader, which stops without: with all of them here, the socket is taken.
    held: Vec<Vec<u8>>,
    /// Looks in a row at the taken socket that found nothing.
    quiet: u32,
    /// Since when the peer has taken nothing.
    stalled: Option<Instant>,
}

impl Conn {
    fn is_taken(&self) -> bool {
        self.held.len() == reader::CHUNKS
    }

    /// Moves bytes from the socket into the engine, and says whether there were any.
    fn read(
        &mut self,
        client: &mut Client,
        budget: Budget,
        now: Instant,
        stats: &DriverStats,
    ) -> (Pump, bool) {
        let Some(stream) = &mut self.stream else { return (Pump::Gone, false) };
        let mut found = false;
        let pump = pump_read(client, self.id, budget, now, |free| {
            stats.count_read();
            let n = stream.read(free)?;
            found |= n > 0;
            Ok(n)
        });
        (pump, found)
    }

    /// The same of a socket that has something, without waiting for more.
    fn read_ready(&mut self, client: &mut Client, now: Instant, stats: &DriverStats) -> bool {
        // One read: a second might wait.
        let (pump, found) = self.read(client, Budget { bytes: 1, until_blocked: false }, now, stats);
        // All the room was filled, so there may be more.
        if pump == Pump::BudgetSpent && self.set_nonblocking(true).is_ok() {
            let _ = self.read(client, Budget::default(), now, stats);
            if let Err(error) = self.set_nonblocking(false) {
                client.handle_transport_error(self.id, transport_error(&error), now);
            }
        }
        found
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.stream.as_ref().map_or(Ok(()), |stream| stream.set_nonblocking(nonblocking))
    }

    /// Keeps a chunk from the reader; with the last one the socket is the driver's.
    fn hold(&mut self, chunk: Vec<u8>) {
        self.held.push(chunk);
        if !self.is_taken() {
            return;
        }
        self.quiet = 0;
        if self.set_nonblocking(true).is_err() {
            let _ = self.give_back();
        }
    }

    /// Gives the reader its chunks again.
    fn give_back(&mut self) -> io::Result<()> {
        let made = if self.is_taken() { self.set_nonblocking(false) } else { Ok(()) };
        for chunk in self.held.drain(..) {
            if let Some(recycle) = &self.recycle {
                // There is room for all chunks there are.
                let _ = recycle.try_send(chunk);
            }
        }
        made
    }
}

/// The connection with this id, unless another has its place by now.
fn find(conns: &mut [Option<Conn>], id: ConnId) -> Option<&mut Conn> {
    conns.get_mut(id.index())?.as_mut().filter(|conn| conn.id == id)
}

/// Owns the sockets of one engine: carries out its actions, hands it what readers bring, waits.
///
/// Under load ([`Gather`]) it takes the sockets that bring something from their readers and looks at them itself, after
/// each pause: then nothing is handed from thread to thread.
///
/// ```no_run
/// # use rocketmq_io::blocking::BlockingDriver;
/// # use rocketmq_io::{driver, engine::{Client, ClientConfig, Event}};
/// # fn on_event(event: Event, client: &mut Client) {}
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut driver = BlockingDriver::new();
/// let config = ClientConfig::new("localhost:9876")?;
/// let mut client = Client::new(config, driver::seed(), driver.clock().now(), driver::unix_now())?;
/// loop {
///     while let Some(event) = client.poll_event() {
///         on_event(event, &mut client);       // and commands
///     }
///     driver.turn(&mut client);
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct BlockingDriver {
    clock: Clock,
    mailbox: Arc<Mailbox>,
    waker: Waker,
    conns: Vec<Option<Conn>>,
    inputs: Vec<Input>,
    /// Connections whose peer does not take what is written.
    stalled: Vec<ConnId>,
    /// Connections of whose chunks some are kept from the reader.
    taken: Vec<ConnId>,
    gather: Gather,
    /// A socket had more than its share of a turn: the rest does not wait.
    more: bool,
    stats: Arc<DriverStats>,
    /// Where readers drive themselves; nowhere at the driver level.
    helm: Weak<Helm>,
}

impl Default for BlockingDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl BlockingDriver {
    /// A driver without connections.
    pub fn new() -> Self {
        Self::with_clock(Clock::new(), Arc::default())
    }

    pub(super) fn with_clock(clock: Clock, stats: Arc<DriverStats>) -> Self {
        let mailbox = Arc::<Mailbox>::default();
        let waker = Waker::from(mailbox.clone());
        Self {
            clock,
            mailbox,
            waker,
            conns: Vec::new(),
            inputs: Vec::new(),
            stalled: Vec::new(),
            taken: Vec::new(),
            gather: Gather::default(),
            more: false,
            stats,
            helm: Weak::new(),
        }
    }

    /// Readers of connections to come take the helm when they have something.
    pub(super) fn set_helm(&mut self, helm: Weak<Helm>) {
        self.helm = helm;
    }

    pub(super) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    /// Answers are gathered just now: readers keep out.
    pub(super) fn is_loaded(&self) -> bool {
        !self.gather.apart().is_zero()
    }

    /// A peer does not take what is written.
    pub(super) fn is_stalled(&self) -> bool {
        !self.stalled.is_empty()
    }

    /// How long answers may be left unread under load; zero: never. See [`Gather`].
    pub fn set_gather(&mut self, bound: Duration) {
        self.gather = Gather::new(bound);
    }

    /// The clock whose time the engine is given.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Ends [`wait`](Self::wait) from any thread.
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    /// What this driver has done.
    pub fn stats(&self) -> &DriverStats {
        &self.stats
    }

    /// Carries out all actions; waits, unless events are there already; hands in what came.
    pub fn turn(&mut self, client: &mut Client) {
        let wait = self.act(client);
        if wait.events {
            return;
        }
        match self.pause(client, wait) {
            Some(pause) => {
                self.mailbox.wait(Some(pause));
                self.look(client, wait);
            }
            None => self.wait(client, wait),
        }
    }

    /// Carries out all actions there are.
    pub fn act(&mut self, client: &mut Client) -> Wait {
        for conn in mem::take(&mut self.stalled) {
            self.flush(client, conn);
        }
        loop {
            match client.poll_action() {
                Action::Connect { conn, endpoint } => self.connect(client, conn, endpoint),
                Action::Write { conn } => self.flush(client, conn),
                Action::SetRead { conn, enabled } => {
                    if let Some(link) = self.conn(conn) {
                        link.reading = enabled;
                        self.feed(client, conn);
                    }
                }
                Action::Close { conn, .. } => self.close(conn),
                Action::Wait(wait) => return wait,
            }
        }
    }

    /// Sleeps until the engine's deadline, input or the waker; hands in what came.
    pub fn wait(&mut self, client: &mut Client, wait: Wait) {
        let timeout = self.prepare_wait(client, wait);
        self.mailbox.wait(timeout);
        self.look(client, wait);
    }

    /// Gives readers what is theirs; how long to sleep.
    pub(super) fn prepare_wait(&mut self, client: &mut Client, wait: Wait) -> Option<Duration> {
        self.give_back_all(client);
        // A stalled write waits by itself.
        if self.is_stalled() { Some(Duration::ZERO) } else { self.clock.left(wait.until) }
    }

    /// Hands in what came, without sleeping.
    pub(super) fn look(&mut self, client: &mut Client, wait: Wait) {
        self.take_in(client, wait.until, None);
    }

    /// Under load: how long to wait for the next read alone, so that commands come together meanwhile. `None`: it is no load,
    /// or nothing has been read for so long that commands should not wait for it.
    pub(super) fn pause(&mut self, client: &Client, wait: Wait) -> Option<Duration> {
        if mem::take(&mut self.more) {
            return Some(Duration::ZERO);
        }
        let now = self.clock.now();
        self.gather.note(&client.stats(), now);
        let pause = self.gather.pause(now).filter(|_| !self.is_stalled())?;
        self.stats.count_pause();
        Some(self.clock.left(wait.until).map_or(pause, |left| left.min(pause)))
    }

    /// Hands in what came from dials and readers, what there is at taken sockets, and the engine's deadline. What the socket
    /// `ready` has comes behind what its reader has brought, which may still be in the mailbox; false if it is not read now.
    pub(super) fn take_in(
        &mut self,
        client: &mut Client,
        until: Option<Instant>,
        ready: Option<ConnId>,
    ) -> bool {
        let mut inputs = mem::take(&mut self.inputs);
        self.mailbox.take(&mut inputs);
        self.stats.count_turn();
        let now = self.clock.now();
        self.clock.check(client, now);
        if !inputs.is_empty() {
            self.gather.note_read(now);
        }
        for input in inputs.drain(..) {
            match input {
                Input::Connected(conn, stream) => self.connected(client, conn, stream, now),
                Input::ConnectFailed(conn, error) => {
                    client.handle_connect_failed(conn, transport_error(&error), now);
                }
                Input::Read(conn, incoming) => {
                    self.stats.count_read();
                    if let Some(link) = self.conn(conn) {
                        link.incoming.push_back(incoming);
                        self.feed(client, conn);
                    }
                }
            }
        }
        self.inputs = inputs;
        let read = ready.is_some_and(|id| self.read_ready(client, id, now));
        self.read_taken(client, now);
        if until.is_some_and(|until| until <= now) {
            client.handle_timeout(now);
        }
        self.gather.note(&client.stats(), now);
        if !self.is_loaded() {
            self.give_back_all(client);
        }
        read
    }

    /// Reads a socket of which its reader said that it has something; false if it is not to be read now.
    fn read_ready(&mut self, client: &mut Client, id: ConnId, now: Instant) -> bool {
        let Some(conn) = find(&mut self.conns, id).filter(|conn| conn.reading && conn.incoming.is_empty())
        else {
            return false;
        };
        // The look of its reader is a system call, too.
        self.stats.count_read();
        let found = conn.read_ready(client, now, &self.stats);
        if found {
            self.gather.note_read(now);
        }
        found
    }

    /// Looks at the sockets that are taken from their readers.
    fn read_taken(&mut self, client: &mut Client, now: Instant) {
        let mut taken = mem::take(&mut self.taken);
        taken.retain(|id| self.read(client, *id, now));
        self.taken = taken;
    }

    /// Looks at a socket if it is taken; false if its reader has all chunks, or no socket is left.
    fn read(&mut self, client: &mut Client, id: ConnId, now: Instant) -> bool {
        let Some(conn) = find(&mut self.conns, id) else { return false };
        if !conn.is_taken() || !conn.reading {
            return true;
        }
        let (pump, found) = conn.read(client, Budget::default(), now, &self.stats);
        if found {
            conn.quiet = 0;
            self.gather.note_read(now);
        } else {
            conn.quiet += 1;
        }
        if conn.quiet == QUIET {
            self.give_back(client, id);
            return false;
        }
        self.more |= pump == Pump::BudgetSpent;
        pump != Pump::Gone
    }

    fn give_back(&mut self, client: &mut Client, id: ConnId) {
        if let Some(conn) = self.conn(id)
            && let Err(error) = conn.give_back()
        {
            client.handle_transport_error(id, transport_error(&error), self.clock.now());
        }
    }

    fn give_back_all(&mut self, client: &mut Client) {
        let mut taken = mem::take(&mut self.taken);
        for id in taken.drain(..) {
            self.give_back(client, id);
        }
        self.taken = taken;
    }

    fn conn(&mut self, id: ConnId) -> Option<&mut Conn> {
        find(&mut self.conns, id)
    }

    fn connect(&mut self, client: &mut Client, id: ConnId, endpoint: Endpoint) {
        if let Err(error) = reader::dial(id, endpoint, self.mailbox.clone()) {
            client.handle_connect_failed(id, transport_error(&error), self.clock.now());
            return;
        }
        if self.conns.len() <= id.index() {
            self.conns.resize_with(id.index() + 1, || None);
        }
        let (incoming, stalled) = (VecDeque::with_capacity(reader::CHUNKS + 1), None);
        let held = Vec::with_capacity(reader::CHUNKS);
        let conn = Conn { id, stream: None, recycle: None, reading: true, incoming, held, quiet: 0, stalled };
        self.conns[id.index()] = Some(conn);
    }

    fn connected(&mut self, client: &mut Client, id: ConnId, stream: TcpStream, now: Instant) {
        let (mailbox, helm) = (self.mailbox.clone(), self.helm.clone());
        // The engine may have given it up meanwhile.
        let Some(conn) = self.conn(id) else { return };
        let ready = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_write_timeout(Some(WRITE_SLICE)))
            .and_then(|()| reader::start(id, stream.try_clone()?, mailbox, helm));
        match ready {
            Ok(recycle) => {
                (conn.stream, conn.recycle) = (Some(stream), Some(recycle));
                client.handle_connected(id, now);
            }
            Err(error) => client.handle_connect_failed(id, transport_error(&error), now),
        }
    }

    /// Hands the engine what a reader brought, unless reading pauses.
    fn feed(&mut self, client: &mut Client, id: ConnId) {
        let (now, loaded) = (self.clock.now(), self.is_loaded());
        let Some(conn) = self.conn(id).filter(|conn| conn.reading) else { return };
        let before = conn.held.len();
        while let Some(incoming) = conn.incoming.front_mut() {
            match incoming {
                Incoming::Bytes { chunk, len } => {
                    client.handle_slice(id, chunk.get(..*len).unwrap_or_default(), now);
                    let chunk = mem::take(chunk);
                    if loaded {
                        conn.hold(chunk);
                    } else if let Some(recycle) = &conn.recycle {
                        let _ = recycle.try_send(chunk);
                    }
                }
                Incoming::Eof => client.handle_eof(id, now),
                Incoming::Failed(error) => client.handle_transport_error(id, transport_error(error), now),
            }
            conn.incoming.pop_front();
        }
        if before == 0 && !conn.held.is_empty() && !self.taken.contains(&id) {
            self.taken.push(id);
        }
    }

    fn flush(&mut self, client: &mut Client, id: ConnId) {
        let (now, stats) = (self.clock.now(), &self.stats);
        let Some(conn) = find(&mut self.conns, id) else { return };
        let Some(stream) = &mut conn.stream else { return };
        let mut wrote = 0;
        let pump = pump_write(client, id, Budget::default(), now, |slices| {
            stats.count_write();
            let n = stream.write_vectored(slices)?;
            wrote += n;
            Ok(n)
        });
        match pump {
            Pump::Idle | Pump::Gone => conn.stalled = None,
            Pump::Blocked | Pump::BudgetSpent => {
                let since = if wrote > 0 { now } else { conn.stalled.unwrap_or(now) };
                conn.stalled = Some(since);
                if now - since > WRITE_TIMEOUT {
                    client.handle_transport_error(id, TransportError::TimedOut, now);
                } else if client.has_pending_write(id) {
                    self.stalled.push(id);
                    // Its reader waits for it again, and a write waits for the peer.
                    self.give_back(client, id);
                }
            }
        }
    }

    fn close(&mut self, id: ConnId) {
        if self.conn(id).is_some()
            && let Some(conn) = self.conns[id.index()].take()
            && let Some(stream) = conn.stream
        {
            // Wakes its reader. What was written before still leaves.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for BlockingDriver {
    fn drop(&mut self) {
        for conn in self.conns.drain(..).flatten() {
            if let Some(stream) = conn.stream {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}
