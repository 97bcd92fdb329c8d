//! The asynchronous driver, written once on the traits of `futures-io`.
//!
//! A runtime has to connect, sleep and spawn: [`Runtime`]. The features `async-std` and `tokio` bring theirs; for
//! another one it is about thirty lines, and `async_io::Client<Yours>` is then the client.
//!
//! Handle level: [`Client`]. Driver level: [`AsyncDriver`].

mod dial;
mod driver;
mod ready;

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use rocketmq_engine::{Instant, Wait};

pub use driver::AsyncDriver;

use crate::driver::Clock;
use crate::handle::{ClientError, Hub, Launch, Task, Turn};

pub use crate::handle::{
    Client, ClientBuilder, Closed, ConsumerBuilder, Deliveries, Delivery, Listener, Messages,
};
pub use crate::handle::{Pending, PendingOneway, Producer, ProducerBuilder, PushConsumer, Recv, Shutdown};

/// Turns the driver's task takes before it lets others run.
const TURNS: usize = 64;

/// What a runtime has to offer.
pub trait Runtime: Sized + Send + Sync + 'static {
    /// A connected socket.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// A pause.
    type Sleep: Future<Output = ()> + Send + 'static;

    /// The shortest pause its timers can make: shorter ones are not made for gathering. See
    /// [`Gather`](crate::driver::Gather).
    const SHORTEST_PAUSE: Duration;

    /// Looks a host's name up without blocking; never asked about what is an address itself. The driver tries what is
    /// found in turn, at most [`MAX_ADDRESSES`](crate::driver::MAX_ADDRESSES), each for
    /// [`CONNECT_TIMEOUT`](crate::driver::CONNECT_TIMEOUT).
    fn resolve(host: &str, port: u16)
    -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + use<Self>;

    /// Connects to one address. TCP_NODELAY is to be set.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send + use<Self>;

    /// A pause of this length.
    fn sleep(time: Duration) -> Self::Sleep;

    /// Starts a task.
    fn spawn(task: Task) -> io::Result<()>;

    /// Starts what drives a client: a task, all the time, unless a thread is better under load
    /// ([`ClientDriver::drive_until`]).
    fn drive(driver: ClientDriver<Self>) -> io::Result<()> {
        Self::spawn(Box::pin(async {
            let mut driver = driver;
            driver.drive_until(Until::End).await;
        }))
    }
}

impl<R: Runtime> Launch for R {
    const SPAWN: Option<fn(Task)> = Some(|task| {
        // Without a runtime the task is dropped, and with it what it would have received.
        let _ = R::spawn(task);
    });

    fn launch(hub: Hub, clock: Clock) -> Result<(), ClientError> {
        let mut driver = AsyncDriver::with_clock(clock, hub.stats().clone());
        driver.set_gather(hub.gather());
        Ok(R::drive(ClientDriver { driver, hub, pausing: None, paused_at: Instant::ZERO })?)
    }
}

/// When to stop driving a client for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The client is no more.
    End,
    /// There is load: its pauses are to be slept by a thread.
    Load,
    /// The same on such a thread: there has been no load for a while. Pauses are slept until then.
    Lull,
}

/// After so long without a pause a thread gives the client back.
const LULL: Duration = Duration::from_millis(10);

/// Drives the client of some handles. See [`Runtime::drive`].
// Fields are dropped in this order: who waits for the end finds the sockets closed.
#[derive(Debug)]
pub struct ClientDriver<R: Runtime> {
    driver: AsyncDriver<R>,
    hub: Hub,
    /// The pause under way, and what the engine waits for.
    pausing: Option<Wait>,
    /// When a thread last slept a pause.
    paused_at: Instant,
}

impl<R: Runtime> ClientDriver<R> {
    /// Drives it until then or until its end, whichever comes first; false at the end.
    pub async fn drive_until(&mut self, until: Until) -> bool {
        if until == Until::Lull {
            self.paused_at = self.driver.clock().now();
        }
        poll_fn(|cx| self.poll_drive(until, cx)).await
    }

    fn poll_drive(&mut self, until: Until, cx: &mut Context<'_>) -> Poll<bool> {
        self.hub.set_waker(cx.waker());
        for _ in 0..TURNS {
            let wait = match self.pausing.take() {
                Some(wait) => wait,
                None => match self.hub.turn(self.driver.clock().now(), |client| self.driver.act(client)) {
                    Turn::Again => continue,
                    Turn::Over => return Poll::Ready(false),
                    Turn::Wait(wait) => wait,
                },
            };
            // Meanwhile commands come together: they wake nobody, since the driver counts as awake.
            match until {
                Until::End => {
                    if self.driver.poll_pause(self.hub.client(), wait, cx).is_pending() {
                        self.pausing = Some(wait);
                        return Poll::Pending;
                    }
                }
                Until::Load => {
                    if self.driver.pause(self.hub.client(), wait).is_some() {
                        return Poll::Ready(true);
                    }
                }
                Until::Lull => {
                    if self.sleep_pause(wait) {
                        continue;
                    }
                    if self.driver.clock().now() - self.paused_at > LULL {
                        return Poll::Ready(true);
                    }
                }
            }
            if self.driver.poll_wait(self.hub.client(), wait, cx).is_pending() && self.hub.prepare_sleep() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sleeps a pause if there should be one. True: it was for commands, for which no socket has to be asked, and the
    /// engine's deadline is still to come.
    fn sleep_pause(&mut self, wait: Wait) -> bool {
        let Some(pause) = self.driver.pause(self.hub.client(), wait) else { return false };
        thread::sleep(pause);
        self.paused_at = self.driver.clock().now();
        self.driver.is_answered() && wait.until.is_none_or(|until| self.paused_at < until)
    }
}
