//! The driver level over mio.

use std::io::{Read, Write};
use std::mem;
use std::net::Shutdown;
use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use ::mio::event::Event;
use ::mio::net::TcpStream;
use ::mio::{Registry, Token};
use rocketmq_engine::{Action, Client, ConnId, Endpoint, Instant, TransportError, Wait};

use super::connect::{Connecting, Lookups, Progress};
use crate::driver::{Budget, Clock, Gather, Pump, pump_read, pump_write, transport_error};
use crate::handle::DriverStats;

/// How often the loop has to come back while a host name is looked up and there is no waker to say when it is.
const LOOKUP_INTERVAL: Duration = Duration::from_millis(10);

#[derive(Debug)]
enum Link {
    Resolving,
    Connecting(Connecting),
    Open(TcpStream),
}

#[derive(Debug)]
struct Conn {
    id: ConnId,
    link: Link,
    reading: bool,
    /// The poll has said that there is something to read, and reading has not found the end of it.
    readable: bool,
}

/// Owns the sockets of one engine within the application's own poll.
///
/// ```no_run
/// # use rocketmq_io::mio::MioDriver;
/// # use rocketmq_io::{driver, engine::{Client, ClientConfig, Event}};
/// # fn on_event(event: Event, client: &mut Client) {}
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut poll = mio::Poll::new()?;
/// let mut events = mio::Events::with_capacity(256);
/// // The application keeps tokens 0 to 999 for itself.
/// let mut driver = MioDriver::new(poll.registry().try_clone()?, 1_000..2_000);
/// let config = ClientConfig::new("localhost:9876")?;
/// let mut client = Client::new(config, driver::seed(), driver.clock().now(), driver::unix_now())?;
/// loop {
///     while let Some(event) = client.poll_event() {
///         on_event(event, &mut client);       // and commands
///     }
///     if driver.turn(&mut client).events {
///         continue;
///     }
///     // Under load answers come together meanwhile; a loop with other sockets may leave it out.
///     if let Some(pause) = driver.pause() {
///         std::thread::sleep(pause);
///     }
///     poll.poll(&mut events, driver.timeout())?;
///     for event in &events {
///         if !driver.handle_event(&mut client, event) {
///             // One of the application's own.
///         }
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct MioDriver {
    clock: Clock,
    registry: Registry,
    tokens: Range<usize>,
    conns: Vec<Option<Conn>>,
    lookups: Lookups,
    waker: Option<Waker>,
    /// Connections with work left from last turn: their budget was spent, or the engine had events.
    again: Vec<ConnId>,
    until: Option<Instant>,
    gather: Gather,
    stats: Arc<DriverStats>,
}

impl MioDriver {
    /// A driver that registers its sockets here, with tokens of this range: one for each connection alive.
    pub fn new(registry: Registry, tokens: Range<usize>) -> Self {
        Self::with_clock(registry, tokens, Clock::new(), Arc::default())
    }

    pub(super) fn with_clock(
        registry: Registry,
        tokens: Range<usize>,
        clock: Clock,
        stats: Arc<DriverStats>,
    ) -> Self {
        Self {
            clock,
            registry,
            tokens,
            conns: Vec::new(),
            lookups: Lookups::new(),
            waker: None,
            again: Vec::new(),
            until: None,
            gather: Gather::default(),
            stats,
        }
    }

    /// Host names are looked up in a thread. With a waker of the poll the loop is woken when one is found;
    /// without it [`timeout`](Self::timeout) is short for that long.
    pub fn set_waker(&mut self, waker: Waker) {
        self.waker = Some(waker);
    }

    /// How long [`pause`](Self::pause) may let answers come together; zero: it never will. See [`Gather`].
    pub fn set_gather(&mut self, bound: Duration) {
        self.gather = Gather::new(bound);
    }

    /// The clock whose time the engine is given.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What this driver has done.
    pub fn stats(&self) -> &DriverStats {
        &self.stats
    }

    /// Carries out all actions there are, and tells the engine the time if it has asked for that. Sleep only if
    /// the result's `events` is false, at most for [`timeout`](Self::timeout).
    pub fn turn(&mut self, client: &mut Client) -> Wait {
        self.stats.count_turn();
        let now = self.clock.now();
        self.clock.check(client, now);
        if self.until.is_some_and(|until| until <= now) {
            client.handle_timeout(now);
        }
        for conn in mem::take(&mut self.again) {
            self.pump(client, conn, now);
        }
        while let Some((conn, found)) = self.lookups.next() {
            match found {
                Ok(addresses) => {
                    let progress = Connecting::start(addresses, &self.registry, self.token(conn), now);
                    self.connecting(client, conn, progress, now);
                }
                Err(error) => client.handle_connect_failed(conn, transport_error(&error), now),
            }
        }
        self.check_connecting(client, now);
        let wait = loop {
            match client.poll_action() {
                Action::Connect { conn, endpoint } => self.connect(client, conn, &endpoint, now),
                Action::Write { conn } => self.flush(client, conn, now),
                Action::SetRead { conn, enabled } => {
                    if let Some(link) = self.conn(conn) {
                        link.reading = enabled;
                        self.again.push(conn);
                    }
                }
                Action::Close { conn, .. } => self.close(conn),
                Action::Wait(wait) => break wait,
            }
        };
        self.until = wait.until;
        self.gather.note(&client.stats(), now);
        wait
    }

    /// How long it pays to sleep before the next look at the sockets, under load: a few hundred microseconds, and
    /// never beyond the engine's deadline. It is for a loop that has a thread of its own.
    pub fn pause(&mut self) -> Option<Duration> {
        if !self.again.is_empty() {
            return None;
        }
        let pause = self.gather.pause(self.clock.now())?;
        let pause = pause.min(self.timeout().unwrap_or(pause));
        self.stats.count_pause();
        Some(pause)
    }

    /// How long the poll may sleep after the last [`turn`](Self::turn).
    pub fn timeout(&self) -> Option<Duration> {
        if !self.again.is_empty() {
            return Some(Duration::ZERO);
        }
        let connecting = self.conns.iter().flatten().filter_map(|conn| match &conn.link {
            Link::Connecting(connecting) => Some(connecting.until()),
            _ => None,
        });
        let left = self.clock.left(connecting.chain(self.until).min());
        if self.lookups.is_empty() || self.waker.is_some() {
            return left;
        }
        Some(left.map_or(LOOKUP_INTERVAL, |left| left.min(LOOKUP_INTERVAL)))
    }

    /// Takes an event of the poll; false if its token is not of this driver's range.
    pub fn handle_event(&mut self, client: &mut Client, event: &Event) -> bool {
        let token = event.token().0;
        if !self.tokens.contains(&token) {
            return false;
        }
        let now = self.clock.now();
        let conn = self.conns.get_mut(token - self.tokens.start).and_then(Option::as_mut);
        if let Some(conn) = conn {
            let id = conn.id;
            conn.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            match mem::replace(&mut conn.link, Link::Resolving) {
                Link::Connecting(connecting) => {
                    let progress = connecting.check(&self.registry, Token(token), now);
                    self.connecting(client, id, progress, now);
                }
                link => {
                    conn.link = link;
                    self.pump(client, id, now);
                }
            }
        }
        true
    }

    fn token(&self, conn: ConnId) -> Token {
        Token(self.tokens.start + conn.index())
    }

    fn conn(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.conns.get_mut(id.index())?.as_mut().filter(|conn| conn.id == id)
    }

    fn connect(&mut self, client: &mut Client, id: ConnId, endpoint: &Endpoint, now: Instant) {
        // More connections than tokens: none is left for this one.
        let started = self.tokens.contains(&self.token(id).0)
            && self.lookups.start(id, endpoint, self.waker.clone()).is_ok();
        if !started {
            client.handle_connect_failed(id, TransportError::Other, now);
            return;
        }
        if self.conns.len() <= id.index() {
            self.conns.resize_with(id.index() + 1, || None);
        }
        self.conns[id.index()] = Some(Conn { id, link: Link::Resolving, reading: true, readable: false });
        if let Some((conn, Ok(addresses))) = self.lookups.next() {
            let progress = Connecting::start(addresses, &self.registry, self.token(conn), now);
            self.connecting(client, conn, progress, now);
        }
    }

    fn connecting(&mut self, client: &mut Client, id: ConnId, progress: Progress, now: Instant) {
        let Some(conn) = self.conns.get_mut(id.index()).and_then(Option::as_mut).filter(|c| c.id == id)
        else {
            // The engine has given it up meanwhile.
            if let Progress::Pending(connecting) = progress {
                let _ = self.registry.deregister(&mut connecting.into_stream());
            }
            return;
        };
        match progress {
            Progress::Pending(connecting) => conn.link = Link::Connecting(connecting),
            Progress::Connected(stream) => {
                conn.link = Link::Open(stream);
                client.handle_connected(id, now);
                self.pump(client, id, now);
            }
            Progress::Failed(error) => client.handle_connect_failed(id, transport_error(&error), now),
        }
    }

    /// Goes on with the next address where one has had its time.
    fn check_connecting(&mut self, client: &mut Client, now: Instant) {
        for index in 0..self.conns.len() {
            let Some(conn) = &mut self.conns[index] else { continue };
            let id = conn.id;
            if !matches!(&conn.link, Link::Connecting(connecting) if connecting.until() <= now) {
                continue;
            }
            if let Link::Connecting(connecting) = mem::replace(&mut conn.link, Link::Resolving) {
                let progress = connecting.check(&self.registry, Token(self.tokens.start + index), now);
                self.connecting(client, id, progress, now);
            }
        }
    }

    /// Reads what there is to read, and writes what waits.
    fn pump(&mut self, client: &mut Client, id: ConnId, now: Instant) {
        let Self { conns, stats, again, gather, .. } = self;
        let Some(conn) = conns.get_mut(id.index()).and_then(Option::as_mut).filter(|c| c.id == id) else {
            return;
        };
        let Link::Open(stream) = &mut conn.link else { return };
        if conn.readable && conn.reading {
            let pump = pump_read(client, id, Budget::default(), now, |free| {
                stats.count_read();
                stream.read(free)
            });
            match pump {
                Pump::Blocked => {
                    conn.readable = false;
                    gather.note_read(now);
                }
                Pump::BudgetSpent | Pump::Idle => again.push(id),
                Pump::Gone => return,
            }
        }
        if client.has_pending_write(id) {
            self.flush(client, id, now);
        }
    }

    fn flush(&mut self, client: &mut Client, id: ConnId, now: Instant) {
        let Self { conns, stats, again, .. } = self;
        let conn = conns.get_mut(id.index()).and_then(Option::as_mut).filter(|c| c.id == id);
        let Some(Conn { link: Link::Open(stream), .. }) = conn else { return };
        let pump = pump_write(client, id, Budget::default(), now, |slices| {
            stats.count_write();
            stream.write_vectored(slices)
        });
        if pump == Pump::BudgetSpent {
            again.push(id);
        }
    }

    fn close(&mut self, id: ConnId) {
        if self.conn(id).is_none() {
            return;
        }
        let Some(conn) = self.conns[id.index()].take() else { return };
        let mut stream = match conn.link {
            Link::Resolving => return,
            Link::Connecting(connecting) => connecting.into_stream(),
            Link::Open(stream) => stream,
        };
        let _ = self.registry.deregister(&mut stream);
        // What was written before still leaves.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

impl Drop for MioDriver {
    fn drop(&mut self) {
        let ids: Vec<ConnId> = self.conns.iter().flatten().map(|conn| conn.id).collect();
        for id in ids {
            self.close(id);
        }
    }
}
