//! The whole client: producers and consumers over many connections.
//!
//! | room | what |
//! |---|---|
//! | `mod` (here) | inputs from the driver, outputs to it |
//! | `commands` | what the application asks for |
//! | `process` | frames of a connection to whom they are for |
//! | `shutdown` | stopping in order |
//! | `producer` | from a message to its one ending |
//! | `consumer` | from a subscription to settled deliveries |
//! | `route` | name servers and topic routes |
//! | `heartbeat` | brokers are told who is there |
//! | `net` | connections, dialling, back-off; `call`: questions; `endpoint`, `action`: words for the driver |
//! | `event`, `stats` | what the application is told |
//! | `names`, `ids` | interned names, ids that never come back |
//! | `backoff` | waiting, and all randomness |
//! | `ctx` | what a sub-machine may touch |
//! | `digest` | one number for the whole state, for simulators and recordings (features `test-support`, `record`) |

pub(crate) mod action;
pub(crate) mod backoff;
pub(crate) mod call;
mod commands;
pub(crate) mod consumer;
pub(crate) mod ctx;
#[cfg(any(feature = "record", feature = "test-support"))]
pub(crate) mod digest;
pub(crate) mod endpoint;
pub(crate) mod event;
mod heartbeat;
pub(crate) mod ids;
pub(crate) mod names;
pub(crate) mod net;
mod process;
pub(crate) mod producer;
pub(crate) mod route;
mod shutdown;
pub(crate) mod stats;
#[cfg(test)]
mod tests;

use alloc::sync::Arc;
#[cfg(feature = "record")]
use alloc::{borrow::Cow, boxed::Box};
use core::time::Duration;

use bytes::Bytes;

use self::action::{Action, Wait, WakeReason};
use self::backoff::Rng;
use self::consumer::Consumers;
use self::ctx::Identity;
use self::event::{Event, Events, Notice, Notices};
use self::heartbeat::Heartbeat;
use self::ids::ConnId;
use self::names::Names;
use self::net::Net;
use self::producer::Producers;
use self::route::Routes;
use self::shutdown::Lifecycle;
use self::stats::ClientStats;
use crate::config::{ClientConfig, ConfigError};
use crate::error::{CloseCause, TransportError};
#[cfg(feature = "record")]
use crate::record::{Entry, Recorder};
use crate::time::Instant;
use crate::wire::message::UniqueIdGenerator;

/// A RocketMQ client as a state machine: it takes bytes, time and commands, and gives bytes, actions, events and
/// deadlines. See the [crate documentation](crate) for the loop around it.
///
/// No input fails and none panics, whatever peers send. Calls may come in any order; more polling than needed does
/// no harm.
#[cfg_attr(feature = "test-support", derive(Clone))]
#[derive(Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    ids: Identity,
    net: Net,
    routes: Routes,
    heartbeat: Heartbeat,
    producers: Producers,
    consumers: Consumers,
    names: Names,
    events: Events,
    notices: Notices,
    rng: Rng,
    unique_ids: UniqueIdGenerator,
    stats: ClientStats,
    lifecycle: Lifecycle,
    /// The last `now` that was given.
    now: Instant,
    /// Unix time less monotonic time, in milliseconds.
    unix_offset_ms: i64,
    /// What was found last.
    due: Due,
    #[cfg(feature = "record")]
    recorder: Option<Box<Recorder>>,
}

/// The earliest deadline and whose it is, if there is one.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// Something may have changed it.
    Unknown,
    Known(Option<(Instant, WakeReason)>),
}

/// What sub-machines share, borrowed apart from them.
macro_rules! borrow {
    ($client:expr) => {
        $crate::client::ctx::Ctx {
            net: &mut $client.net,
            routes: &mut $client.routes,
            events: &mut $client.events,
            notices: &mut $client.notices,
            names: &mut $client.names,
            rng: &mut $client.rng,
            unique_ids: &mut $client.unique_ids,
            stats: &mut $client.stats,
            config: &$client.config,
            ids: &$client.ids,
            now: $client.now,
            unix_ms: $client.unix_offset_ms.saturating_add(($client.now.as_nanos() / 1_000_000) as i64),
        }
    };
}
use borrow;

/// Writes a call down if the client is recorded: with what it is given, or what it gives.
macro_rules! record {
    ($client:expr, $entry:expr) => {
        #[cfg(feature = "record")]
        {
            if let Some(recorder) = &mut $client.recorder {
                #[allow(unused_imports, reason = "what entries are made of")]
                use crate::record::{Entry, MessageRef, NameRef, OptionsRef};
                recorder.note(&$entry);
            }
        }
    };
}
use record;

/// Writes what a call gives down if the client is recorded. Apart from the usual way: there, what nobody looks at is
/// moved once.
macro_rules! record_output {
    ($client:expr, $output:expr, $entry:expr) => {
        #[cfg(feature = "record")]
        {
            if $client.recorder.is_some() {
                return $client.note_output($output, $entry);
            }
        }
    };
}

impl Client {
    /// A client that has done nothing yet. `seed` should be random: ids and jitter come from it, and the same seed
    /// and inputs give the same outputs. `unix_now` is the time since 1970 at `now`; it only fills fields on the
    /// wire.
    pub fn new(
        config: ClientConfig,
        seed: [u8; 32],
        now: Instant,
        unix_now: Duration,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        let config = Arc::new(config);
        let mut rng = Rng::new(&seed);
        let ids = Identity::new(&config, &mut rng);
        let random = (rng.next() as u32).to_be_bytes();
        let pid = config.process_id as u16;
        let unique_ids = UniqueIdGenerator::new(config.client_ip, pid, random, config.utc_offset_seconds);
        let net_rng = Rng::new(&seed_of(rng.next()));
        let mut client = Self {
            names: Names::new(ids.engine(), config.max_names),
            net: Net::new(config.clone(), net_rng),
            routes: Routes::default(),
            heartbeat: Heartbeat::new(now),
            producers: Producers::default(),
            consumers: Consumers::default(),
            events: Events::default(),
            notices: Notices::new(config.max_notices),
            lifecycle: Lifecycle::default(),
            stats: ClientStats::default(),
            unique_ids,
            config,
            ids,
            rng,
            now,
            unix_offset_ms: 0,
            due: Due::Unknown,
            #[cfg(feature = "record")]
            recorder: None,
        };
        client.handle_unix_time(unix_now, now);
        Ok(client)
    }

    /// A client that writes down what it is given and what it says: see [`record`](crate::record). At most `most`
    /// bytes of that wait for [`poll_record`](Self::poll_record), beside the memory budget; beyond, recording ends, and the
    /// log says so.
    #[cfg(feature = "record")]
    pub fn recorded(
        config: ClientConfig,
        seed: [u8; 32],
        now: Instant,
        unix_now: Duration,
        most: usize,
    ) -> Result<Self, ConfigError> {
        let mut client = Self::new(config, seed, now, unix_now)?;
        let (config, engine) = (Cow::Borrowed(&*client.config), env!("CARGO_PKG_VERSION"));
        let begin = Entry::Begin { engine, seed, config, now, unix_now };
        client.recorder = Some(Box::new(Recorder::new(&begin, most)));
        Ok(client)
    }

    /// What was recorded since the last call, for the host to keep; `None` if nothing was. Part of no frame: what is
    /// fetched is put behind what was fetched before.
    #[cfg(feature = "record")]
    #[must_use]
    pub fn poll_record(&mut self) -> Option<Bytes> {
        self.recorder.as_mut()?.take()
    }

    #[cfg(feature = "record")]
    #[cold]
    fn note_output<T: core::hash::Hash>(
        &mut self,
        output: fn(&mut Self) -> T,
        entry: fn(u64) -> Entry<'static>,
    ) -> T {
        let output = output(self);
        record!(self, entry(digest::digest_of(&output)));
        output
    }

    /// Ends recording. What was not fetched is lost.
    #[cfg(feature = "record")]
    pub fn stop_recording(&mut self) {
        self.recorder = None;
    }

    /// The id this client has at brokers (Java `clientId`).
    pub fn client_id(&self) -> &str {
        self.ids.client_id()
    }

    /// Its configuration.
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    // ---- inputs: connections -------------------------------------------------------------------------------

    /// Every input and command begins with it. Time never goes back in here, whatever the host's does.
    fn at(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.due = Due::Unknown;
    }

    /// The connection stands; with TLS, after the handshake.
    pub fn handle_connected(&mut self, conn: ConnId, now: Instant) {
        record!(self, Entry::Connected(conn, now));
        self.at(now);
        if self.net.handle_connected(conn, self.now)
            && let Some(endpoint) = self.net.endpoint(conn).cloned()
        {
            self.notices.push(Notice::Connected { endpoint });
        }
    }

    /// The connection could not be made. The driver forgets the id.
    pub fn handle_connect_failed(&mut self, conn: ConnId, error: TransportError, now: Instant) {
        record!(self, Entry::ConnectFailed(conn, error, now));
        self.at(now);
        self.connect_failed(conn, error, false);
    }

    /// Where the next bytes of a connection go: never empty, initialised. `None`: it is closed, or reading pauses;
    /// an action says so.
    #[must_use]
    pub fn read_buf(&mut self, conn: ConnId) -> Option<&mut [u8]> {
        record!(self, Entry::ReadBuf(conn));
        self.net.read_buf(conn)
    }

    /// `n` bytes were put at the front of [`read_buf`](Self::read_buf). Of 0 nothing follows but that the buffer, if it
    /// is empty, may be used by other connections: to be said when a socket turned out to have nothing to read.
    pub fn handle_read(&mut self, conn: ConnId, n: usize, now: Instant) {
        record!(self, Entry::Read(conn, self.net.peek_read(conn, n), now));
        self.at(now);
        self.net.handle_read(conn, n, self.now);
        if n > 0 {
            self.process(conn);
        }
    }

    /// Bytes arrived: they are copied.
    pub fn handle_slice(&mut self, conn: ConnId, mut bytes: &[u8], now: Instant) {
        record!(self, Entry::Slice(conn, bytes, now));
        self.at(now);
        while !bytes.is_empty() {
            let taken = self.net.handle_slice(conn, bytes, self.now);
            self.process(conn);
            if taken == 0 {
                return;
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// A chunk arrived that the caller owns: whole frames in it are sliced, not copied.
    pub fn handle_bytes(&mut self, conn: ConnId, chunk: Bytes, now: Instant) {
        record!(self, Entry::Chunk(conn, &chunk, now));
        self.at(now);
        let mut rest = Some(chunk);
        while let Some(chunk) = rest {
            rest = self.net.handle_bytes(conn, chunk, self.now);
            self.process(conn);
        }
    }

    /// The peer sends no more.
    pub fn handle_eof(&mut self, conn: ConnId, now: Instant) {
        record!(self, Entry::Eof(conn, now));
        self.at(now);
        self.lost(conn, CloseCause::Eof);
    }

    /// The transport failed.
    pub fn handle_transport_error(&mut self, conn: ConnId, error: TransportError, now: Instant) {
        record!(self, Entry::TransportFailed(conn, error, now));
        self.at(now);
        self.lost(conn, CloseCause::Transport(error));
    }

    /// Fills `out` with what waits to be written to a connection, in order; returns how many slices were set.
    /// Nothing is taken from the queue: say with [`handle_written`](Self::handle_written) how much has left.
    pub fn write_slices<'a>(&'a self, conn: ConnId, out: &mut [&'a [u8]]) -> usize {
        self.net.write_slices(conn, out)
    }

    /// Whether anything waits to be written to a connection.
    #[must_use]
    pub fn has_pending_write(&self, conn: ConnId) -> bool {
        self.net.has_pending_write(conn)
    }

    /// `n` bytes left from the front of a connection's queue.
    pub fn handle_written(&mut self, conn: ConnId, n: usize, now: Instant) {
        record!(self, Entry::Written(conn, n, pending_digest(&self.net, conn, n), now));
        self.at(now);
        if self.net.handle_written(conn, n, self.now) {
            self.process(conn);
        }
    }

    // ---- inputs: time --------------------------------------------------------------------------------------

    /// Time has passed: to be called when [`Wait::until`] is reached. Calling it earlier does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        record!(self, Entry::Timeout(now));
        self.now = self.now.max(now);
        if self.due().is_none_or(|(due, _)| due > self.now) {
            return;
        }
        self.at(now);
        for conn in self.net.handle_timeout(self.now) {
            if self.net.connect_timed_out(conn, self.now) {
                self.connect_failed(conn, TransportError::TimedOut, true);
            } else {
                self.process(conn);
            }
        }
        let mut ctx = borrow!(self);
        let (routes, mut ask) = ctx.asking();
        routes.on_timeout(&mut ask);
        for conn in self.heartbeat.on_timeout(&mut borrow!(self)) {
            self.process(conn);
        }
        self.consumers.on_timeout(&mut borrow!(self));
        for conn in self.producers.on_timeout(&mut borrow!(self)) {
            self.process(conn);
        }
        self.settle_down();
    }

    /// The wall clock was set: only fields on the wire change. Scheduling uses `now` alone.
    pub fn handle_unix_time(&mut self, unix_now: Duration, now: Instant) {
        record!(self, Entry::UnixTime(unix_now, now));
        self.at(now);
        let unix_ms = i64::try_from(unix_now.as_millis()).unwrap_or(i64::MAX);
        self.unix_offset_ms = unix_ms.saturating_sub((now.as_nanos() / 1_000_000) as i64);
    }

    // ---- outputs -------------------------------------------------------------------------------------------

    /// What the driver has to do; to be called until it says [`Action::Wait`].
    pub fn poll_action(&mut self) -> Action {
        record_output!(self, Self::next_action, Entry::PolledAction);
        self.next_action()
    }

    #[inline]
    fn next_action(&mut self) -> Action {
        self.net.actions.pop_front().unwrap_or_else(|| Action::Wait(self.wait()))
    }

    fn wait(&mut self) -> Wait {
        let events = !self.events.is_empty();
        match self.due() {
            Some((at, reason)) => Wait { until: Some(at.max(self.now)), reason, events },
            None => Wait { until: None, reason: WakeReason::Idle, events },
        }
    }

    /// The earliest deadline, and whose it is.
    fn due(&mut self) -> Option<(Instant, WakeReason)> {
        if let Due::Known(found) = self.due {
            debug_assert_eq!(found, self.find_due());
            return found;
        }
        let found = self.find_due();
        self.due = Due::Known(found);
        found
    }

    fn find_due(&mut self) -> Option<(Instant, WakeReason)> {
        if self.lifecycle.is_stopped() {
            return None;
        }
        // One after the other, the first of equals staying: every wait asks for it.
        let mut least = None;
        let mut note = |at: Option<Instant>, reason| {
            if let Some(at) = at
                && least.is_none_or(|(least, _)| at < least)
            {
                least = Some((at, reason));
            }
        };
        note(self.net.next_deadline(), WakeReason::Connection);
        note(self.routes.next_deadline(), WakeReason::Route);
        note(self.heartbeat.next_deadline(self.net.has_greeting()), WakeReason::Heartbeat);
        note(self.producers.next_deadline(), WakeReason::Send);
        if let Some((at, reason)) = self.consumers.next_deadline() {
            note(Some(at), reason);
        }
        note(self.lifecycle.next_deadline(), WakeReason::Shutdown);
        least
    }

    /// What happened, for the application. It may be left for later: endings wait, and flow control keeps
    /// deliveries within the limits.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        record_output!(self, |client| client.events.pop(), Entry::PolledEvent);
        self.events.pop()
    }

    /// What a log may want to know.
    #[must_use]
    pub fn poll_notice(&mut self) -> Option<Notice> {
        record_output!(self, |client| client.notices.pop(), Entry::PolledNotice);
        self.notices.pop()
    }

    /// Counters.
    pub fn stats(&self) -> ClientStats {
        let net = &self.net.stats;
        ClientStats {
            connects: net.connects,
            connect_failures: net.connect_failures,
            closes: net.closes,
            notices_dropped: self.notices.dropped,
            ..self.stats
        }
    }

    /// Whether settlements may come a few milliseconds late without holding anything up: no consumer has so much unfinished
    /// that a queue waits for it, and none is closing. For drivers that take settlements from other threads, and would
    /// rather not be woken for each.
    pub fn settlements_can_wait(&self) -> bool {
        !self.net.is_reading_paused() && self.consumers.settlements_can_wait()
    }

    /// Bytes of memory held: read and write buffers, requests in flight, messages under way, events and notices that
    /// wait, deliveries not settled with the answers they came in, names, routes. Linear in the number of connections.
    ///
    /// It stays within [`ClientConfig::memory_budget`].
    pub fn held_bytes(&self) -> usize {
        self.held_in() + self.held_out()
    }

    /// What comes from servers and is not settled, and what is remembered of them.
    fn held_in(&self) -> usize {
        let remembered = self.names.held() + self.routes.held() + self.notices.held();
        self.consumers.held() + self.net.held_in() + remembered
    }

    /// What goes out, and its endings.
    fn held_out(&self) -> usize {
        self.producers.held() + self.net.held_out() + self.events.held()
    }
}

fn seed_of(number: u64) -> [u8; 32] {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    seed
}

/// A number for the first `n` bytes that wait to be written.
#[cfg(feature = "record")]
fn pending_digest(net: &Net, conn: ConnId, n: usize) -> u64 {
    let mut slices = [&[][..]; 64];
    let (mut left, mut number) = (n, 0);
    let count = net.write_slices(conn, &mut slices);
    for slice in slices.iter().take(count) {
        let part = slice.get(..left.min(slice.len())).unwrap_or_default();
        number = digest::digest_of(&(number, part));
        left -= part.len();
    }
    number
}

/// What a replay needs beside inputs and commands.
#[cfg(feature = "record")]
impl Client {
    pub(crate) fn digest_of_pending(&self, conn: ConnId, n: usize) -> u64 {
        pending_digest(&self.net, conn, n)
    }

    pub(crate) fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    /// Settling what another client delivered: refused, as then.
    pub(crate) fn refuse_foreign(&mut self, now: Instant) -> u64 {
        self.at(now);
        crate::record::told(&Err::<(), _>(crate::error::RejectReason::ForeignHandle), |()| 0)
    }
}
