//! The asynchronous driver, written once on the traits of `futures-io`.
//!
//! A runtime has to connect, sleep and spawn: [`Runtime`]. The features `async-std` and `tokio` bring theirs; for
//! another one it is about thirty lines, and `async_io::Client<Yours>` is then the client.
//!
//! Handle level: [`Client`]. Driver level: [`AsyncDriver`].

mod dial;
mod driver;
mod ready;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use rocketmq_engine::Wait;

pub use driver::AsyncDriver;

use crate::driver::Clock;
use crate::handle::{ClientError, Hub, Launch, Task};

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

    /// Starts what drives a client: as a task, unless its own thread serves it better ([`ClientDriver::with_thread`]).
    fn drive(driver: ClientDriver<Self>) -> io::Result<()> {
        Self::spawn(Box::pin(driver))
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
        Ok(R::drive(ClientDriver { driver, hub, pausing: None, has_thread: false })?)
    }
}

/// Drives the client of some handles, to be polled until it is ready: then the client is no more. See
/// [`Runtime::drive`].
// Fields are dropped in this order: who waits for the end finds the sockets closed.
#[derive(Debug)]
pub struct ClientDriver<R: Runtime> {
    driver: AsyncDriver<R>,
    hub: Hub,
    /// The pause under way, and what the engine waits for.
    pausing: Option<Wait>,
    has_thread: bool,
}

impl<R: Runtime> ClientDriver<R> {
    /// Whoever polls it has a thread for it alone: under load that sleeps, which is cheaper than a timer.
    #[must_use]
    pub fn with_thread(mut self) -> Self {
        self.has_thread = true;
        self
    }

    /// Ready when answers have come together. Meanwhile commands do as well: they wake nobody, since the driver counts
    /// as awake.
    fn poll_pause(&mut self, wait: Wait, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_thread {
            return self.driver.poll_pause(self.hub.client(), wait, cx);
        }
        if let Some(pause) = self.driver.pause(self.hub.client(), wait) {
            thread::sleep(pause);
        }
        Poll::Ready(())
    }
}

impl<R: Runtime> Future for ClientDriver<R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.hub.set_waker(cx.waker());
        for _ in 0..TURNS {
            let wait = match this.pausing.take() {
                Some(wait) => wait,
                None => {
                    let now = this.driver.clock().now();
                    this.hub.exchange(now);
                    let wait = this.driver.act(this.hub.client());
                    if wait.events {
                        continue;
                    }
                    if this.hub.is_finished() {
                        return Poll::Ready(());
                    }
                    this.hub.doze(wait, now)
                }
            };
            if this.poll_pause(wait, cx).is_pending() {
                this.pausing = Some(wait);
                return Poll::Pending;
            }
            if this.driver.poll_wait(this.hub.client(), wait, cx).is_pending() && this.hub.prepare_sleep() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
