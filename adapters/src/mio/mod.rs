//! mio: one thread, no runtime.
//!
//! Driver level: [`MioDriver`] registers its sockets in the `Registry` of *your* poll, within a range of tokens you
//! give it. Handle level: [`Client`], driven by a thread of ours with a poll of its own.

mod connect;
mod driver;

use std::io;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use ::mio::{Events, Poll, Token};

pub use driver::MioDriver;

use crate::driver::Clock;
use crate::handle::{ClientError, Hub, Launch, Turn, parked};

pub use parked::{
    ConsumerBuilder, Deliveries, Delivery, Listener, Messages, Pending, Producer, ProducerBuilder,
};
pub use parked::{PushConsumer, block_on};

/// The adapter with mio.
#[derive(Clone, Copy, Debug)]
pub struct Mio;

/// A client over a mio poll of its own.
pub type Client = parked::Client<Mio>;
/// Sets a client over a mio poll of its own up.
pub type ClientBuilder = parked::ClientBuilder<Mio>;

/// The poll's own waker, as futures know wakers.
struct PollWaker(::mio::Waker);

impl Wake for PollWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // It fails only without memory or handles; the next deadline or socket wakes the poll all the same.
        let _ = self.0.wake();
    }
}

/// The token of the poll's waker; connections come after it.
const WAKER: Token = Token(0);

impl Launch for Mio {
    fn launch(hub: Hub, clock: Clock) -> Result<(), ClientError> {
        let poll = Poll::new()?;
        let waker = Waker::from(Arc::new(PollWaker(::mio::Waker::new(poll.registry(), WAKER)?)));
        hub.set_waker(&waker);
        let registry = poll.registry().try_clone()?;
        let mut driver = MioDriver::with_clock(registry, WAKER.0 + 1..usize::MAX, clock, hub.stats().clone());
        driver.set_waker(waker);
        driver.set_gather(hub.gather());
        thread::Builder::new().name("rocketmq-mio".into()).spawn(move || run(poll, hub, driver))?;
        Ok(())
    }
}

fn run(mut poll: Poll, mut hub: Hub, mut driver: MioDriver) {
    hub.set_thread();
    let mut events = Events::with_capacity(256);
    loop {
        let wait = match hub.turn(driver.clock().now(), |client| driver.turn(client)) {
            Turn::Again => continue,
            Turn::Over => break,
            Turn::Wait(wait) => wait,
        };
        if let Some(pause) = driver.pause() {
            // Commands come together as well: the driver counts as awake.
            thread::sleep(pause);
        }
        let left = driver.clock().left(wait.until);
        let timeout = driver.timeout().into_iter().chain(left).min();
        let timeout = if hub.prepare_sleep() { timeout } else { Some(Duration::ZERO) };
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
            _ => {}
        }
        for event in &events {
            driver.handle_event(hub.client(), event);
        }
    }
    // Sockets first: who waits for the end finds them closed.
    drop(driver);
    drop(hub);
}
