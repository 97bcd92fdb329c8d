//! The driver level on futures.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use rocketmq_engine::{Action, Client, ConnId, Endpoint, Instant, Wait};

use super::Runtime;
use super::dial::dial;
use super::ready::{ConnWaker, Ready};
use crate::driver::{Budget, Clock, Gather, Pump, pump_read, pump_write, transport_error};
use crate::handle::DriverStats;

type Dial<S> = Pin<Box<dyn Future<Output = io::Result<S>> + Send>>;

enum Link<S> {
    Dialling(Dial<S>),
    Open(S),
    /// The engine knows that it is over, and will close it.
    Over,
}

/// A sleep of the runtime, made once and set again and again.
struct Timer<R: Runtime> {
    sleep: Option<Pin<Box<R::Sleep>>>,
    until: Option<Instant>,
}

impl<R: Runtime> Default for Timer<R> {
    fn default() -> Self {
        Self { sleep: None, until: None }
    }
}

impl<R: Runtime> Timer<R> {
    fn is_set(&self) -> bool {
        self.until.is_some()
    }

    /// An earlier one stays as it is: setting one wakes a reactor, and deadlines move on with each request.
    fn set(&mut self, until: Instant, now: Instant) {
        if self.until.is_some_and(|before| before <= until) {
            return;
        }
        self.until = Some(until);
        let sleep = R::sleep(until - now);
        match &mut self.sleep {
            Some(before) => before.set(sleep),
            None => self.sleep = Some(Box::pin(sleep)),
        }
    }

    /// What is left of it must not wake anybody.
    fn clear(&mut self) {
        *self = Self::default();
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.sleep.as_mut().map_or(Poll::Ready(()), |sleep| sleep.as_mut().poll(cx));
        if polled.is_ready() {
            self.until = None;
        }
        polled
    }
}

struct Conn<S> {
    id: ConnId,
    link: Link<S>,
    reading: bool,
    wake: Arc<ConnWaker>,
    waker: Waker,
}

/// Owns the sockets of one engine within a task.
///
/// ```no_run
/// # #[cfg(feature = "tokio")]
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// # use rocketmq_io::async_io::AsyncDriver;
/// # use rocketmq_io::{driver, engine::{Client, ClientConfig, Event}, tokio::Tokio};
/// # fn on_event(event: Event, client: &mut Client) {}
/// let mut driver = AsyncDriver::<Tokio>::new();
/// let config = ClientConfig::new("localhost:9876")?;
/// let mut client = Client::new(config, driver::seed(), driver.clock().now(), driver::unix_now())?;
/// loop {
///     while let Some(event) = client.poll_event() {
///         on_event(event, &mut client);       // and commands
///     }
///     driver.turn(&mut client).await;
/// }
/// # }
/// ```
pub struct AsyncDriver<R: Runtime> {
    clock: Clock,
    conns: Vec<Option<Conn<R::Stream>>>,
    ready: Arc<Ready>,
    work: Vec<usize>,
    sleep: Timer<R>,
    gather: Gather,
    /// Looks at the sockets are kept apart just now.
    gathers: bool,
    pause: Timer<R>,
    stats: Arc<DriverStats>,
}

impl<R: Runtime> fmt::Debug for AsyncDriver<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conns = self.conns.iter().flatten().count();
        f.debug_struct("AsyncDriver").field("connections", &conns).finish_non_exhaustive()
    }
}

impl<R: Runtime> Default for AsyncDriver<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: Runtime> AsyncDriver<R> {
    /// A driver without connections.
    pub fn new() -> Self {
        Self::with_clock(Clock::new(), Arc::default())
    }

    pub(super) fn with_clock(clock: Clock, stats: Arc<DriverStats>) -> Self {
        Self {
            clock,
            conns: Vec::new(),
            ready: Arc::default(),
            work: Vec::new(),
            sleep: Timer::default(),
            gather: Gather::default(),
            gathers: false,
            pause: Timer::default(),
            stats,
        }
    }

    /// How long answers may be left unread under load; zero: never. See [`Gather`].
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

    /// Carries out all actions; waits, unless events are there already; hands in what came. May be dropped at any
    /// time and begun anew: nothing is lost.
    pub async fn turn(&mut self, client: &mut Client) {
        let wait = self.act(client);
        if !wait.events {
            poll_fn(|cx| self.poll_pause(client, wait, cx)).await;
            poll_fn(|cx| self.poll_wait(client, wait, cx)).await;
        }
    }

    /// Carries out all actions there are.
    pub fn act(&mut self, client: &mut Client) -> Wait {
        loop {
            match client.poll_action() {
                Action::Connect { conn, endpoint } => self.connect(conn, &endpoint),
                Action::Write { conn } => {
                    let now = self.clock.now();
                    if let Some(link) = Self::find(&mut self.conns, conn) {
                        write(link, client, &self.stats, now);
                    }
                }
                Action::SetRead { conn, enabled } => {
                    if let Some(link) = Self::find(&mut self.conns, conn) {
                        link.reading = enabled;
                        link.wake.again();
                    }
                }
                Action::Close { conn, .. } => {
                    if Self::find(&mut self.conns, conn).is_some() {
                        // What was written before still leaves.
                        self.conns[conn.index()] = None;
                    }
                }
                Action::Wait(wait) => return wait,
            }
        }
    }

    /// Under load: ready when enough answers will have come together, a few hundred microseconds after the last look
    /// and never after the engine's deadline. Else at once.
    pub fn poll_pause(&mut self, client: &Client, wait: Wait, cx: &mut Context<'_>) -> Poll<()> {
        if !self.pause.is_set() {
            let Some(pause) = self.pause(client, wait) else { return Poll::Ready(()) };
            let now = self.clock.now();
            self.pause.set(now + pause, now);
        }
        self.pause.poll(cx)
    }

    /// How long such a pause should be, for a driver that may let its thread sleep instead.
    pub fn pause(&mut self, client: &Client, wait: Wait) -> Option<Duration> {
        let now = self.clock.now();
        self.gather.note(&client.stats(), now);
        let apart = self.gather.apart();
        self.gathers = !apart.is_zero() && apart >= R::SHORTEST_PAUSE;
        if !self.gathers {
            return None;
        }
        let pause = self.gather.pause(now)?;
        let pause = pause.min(wait.until.unwrap_or(Instant::FAR_FUTURE) - now);
        if pause < R::SHORTEST_PAUSE || pause.is_zero() {
            return None;
        }
        self.stats.count_pause();
        Some(pause)
    }

    /// No send is under way: see [`Gather::is_answered`].
    pub(super) fn is_answered(&self) -> bool {
        self.gather.is_answered()
    }

    /// Hands in what came; ready if there was something, or if the engine's deadline has passed.
    pub fn poll_wait(&mut self, client: &mut Client, wait: Wait, cx: &mut Context<'_>) -> Poll<()> {
        let mut work = mem::take(&mut self.work);
        self.ready.take(&mut work, cx.waker());
        self.stats.count_turn();
        let now = self.clock.now();
        self.clock.check(client, now);
        // A look that moved nothing is none: a runtime that lets a task have so much in one go, as tokio does, lets
        // sockets wait from then on, and wakes them at once, until the task has waited itself.
        let mut progress = false;
        // Who pauses before the next look need not be woken before, nor ask for it.
        let budget = Budget { until_blocked: !self.gathers, ..Budget::default() };
        for index in work.drain(..) {
            if let Some(conn) = self.conns.get_mut(index).and_then(Option::as_mut) {
                conn.wake.clear();
                progress |= look_at(conn, client, &self.stats, budget, now);
            }
        }
        self.work = work;
        if progress {
            self.gather.note_read(now);
        }
        // Who does not wait needs no timer: setting one wakes a reactor.
        let over = match wait.until {
            Some(until) if progress => until <= now,
            until => self.poll_deadline(until, now, cx),
        };
        if over {
            client.handle_timeout(self.clock.now());
        }
        if progress || over { Poll::Ready(()) } else { Poll::Pending }
    }

    /// True when the deadline has passed; else the task is woken then.
    fn poll_deadline(&mut self, until: Option<Instant>, mut now: Instant, cx: &mut Context<'_>) -> bool {
        let Some(until) = until.filter(|until| *until != Instant::FAR_FUTURE) else {
            self.sleep.clear();
            return false;
        };
        while now < until {
            self.sleep.set(until, now);
            if self.sleep.poll(cx).is_pending() {
                return false;
            }
            now = self.clock.now();
        }
        true
    }

    fn find(conns: &mut [Option<Conn<R::Stream>>], id: ConnId) -> Option<&mut Conn<R::Stream>> {
        conns.get_mut(id.index())?.as_mut().filter(|conn| conn.id == id)
    }

    fn connect(&mut self, id: ConnId, endpoint: &Endpoint) {
        if self.conns.len() <= id.index() {
            self.conns.resize_with(id.index() + 1, || None);
        }
        let wake = ConnWaker::new(self.ready.clone(), id.index());
        let waker = Waker::from(wake.clone());
        wake.again();
        let link = Link::Dialling(Box::pin(dial::<R>(endpoint.host().to_owned(), endpoint.port())));
        self.conns[id.index()] = Some(Conn { id, link, reading: true, wake, waker });
    }
}

/// Goes on with a connection as far as it goes without waiting; false if it went nowhere.
fn look_at<S>(
    conn: &mut Conn<S>,
    client: &mut Client,
    stats: &DriverStats,
    reads: Budget,
    now: Instant,
) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut moved = false;
    if let Link::Dialling(dial) = &mut conn.link {
        match dial.as_mut().poll(&mut Context::from_waker(&conn.waker)) {
            Poll::Pending => return false,
            Poll::Ready(Ok(stream)) => {
                conn.link = Link::Open(stream);
                client.handle_connected(conn.id, now);
                moved = true;
            }
            Poll::Ready(Err(error)) => {
                conn.link = Link::Over;
                client.handle_connect_failed(conn.id, transport_error(&error), now);
                return true;
            }
        }
    }
    if conn.reading {
        moved |= read(conn, client, stats, reads, now);
    }
    if client.has_pending_write(conn.id) {
        moved |= write(conn, client, stats, now);
    }
    moved
}

fn blocked<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// False if the socket had nothing.
fn read<S>(conn: &mut Conn<S>, client: &mut Client, stats: &DriverStats, budget: Budget, now: Instant) -> bool
where
    S: AsyncRead + Unpin,
{
    let Link::Open(stream) = &mut conn.link else { return false };
    let (mut moved, mut waits) = (false, false);
    let cx = &mut Context::from_waker(&conn.waker);
    let pump = pump_read(client, conn.id, budget, now, |free| {
        stats.count_read();
        let read = Pin::new(&mut *stream).poll_read(cx, free);
        waits = read.is_pending();
        moved |= matches!(read, Poll::Ready(Ok(_)));
        blocked(read)
    });
    match pump {
        Pump::Blocked if waits => return moved,
        // It was not asked until it said that it waits, and will not wake us.
        Pump::Blocked => conn.wake.queue(),
        Pump::BudgetSpent | Pump::Idle => conn.wake.again(),
        Pump::Gone => conn.link = Link::Over,
    }
    true
}

/// False if the socket took nothing.
fn write<S>(conn: &mut Conn<S>, client: &mut Client, stats: &DriverStats, now: Instant) -> bool
where
    S: AsyncWrite + Unpin,
{
    let Link::Open(stream) = &mut conn.link else { return false };
    let mut moved = false;
    let cx = &mut Context::from_waker(&conn.waker);
    // A future has to be polled until it says that it waits: only then it will wake us.
    let budget = Budget { until_blocked: true, ..Budget::default() };
    let pump = pump_write(client, conn.id, budget, now, |slices| {
        stats.count_write();
        let written = blocked(Pin::new(&mut *stream).poll_write_vectored(cx, slices));
        moved |= written.is_ok();
        written
    });
    match pump {
        Pump::Blocked | Pump::Idle => return moved,
        Pump::BudgetSpent => conn.wake.again(),
        Pump::Gone => conn.link = Link::Over,
    }
    true
}

#[cfg(all(test, feature = "async-std"))]
mod tests {
    use super::*;
    use crate::async_std::AsyncStd;

    #[test]
    fn a_deadline_that_moves_on_leaves_the_timer_as_it_is() {
        let at = |secs: u64| Instant::from_nanos(secs * 1_000_000_000);
        let mut timer = Timer::<AsyncStd>::default();
        timer.set(at(100), at(0));
        timer.set(at(101), at(1));
        assert_eq!(timer.until, Some(at(100)));
        timer.set(at(50), at(1));
        assert_eq!(timer.until, Some(at(50)));
        timer.clear();
        timer.set(at(102), at(1));
        assert_eq!(timer.until, Some(at(102)));
    }

    #[test]
    fn a_timer_set_for_an_earlier_deadline_is_not_taken_for_a_later_one() {
        let mut driver = AsyncDriver::<AsyncStd>::new();
        let (began, ms) = (driver.clock.now(), Duration::from_millis);
        let (early, late) = (began + ms(20), began + ms(60));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(!driver.poll_deadline(Some(early), began, cx));
        ::async_std::task::block_on(poll_fn(|cx| {
            let now = driver.clock.now();
            if driver.poll_deadline(Some(late), now, cx) { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert!(driver.clock.now() >= late);
    }
}
