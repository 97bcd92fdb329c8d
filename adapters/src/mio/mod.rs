//! mio: one thread, no runtime.
//!
//! Driver level: [`MioDriver`] registers its sockets in the `Registry` of *your* poll, within a range of tokens you
//! give it. Handle level: [`Client`], driven by a thread of ours with a poll of its own, and under load by one that waits for
//! its sends.

mod connect;
mod driver;
mod helm;

use std::thread;

use ::mio::{Poll, Token};

pub use driver::MioDriver;

use crate::driver::Clock;
use crate::handle::{ClientError, Hub, Launch, parked};

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

/// The token of the poll's waker; connections come after it.
const WAKER: Token = Token(0);

impl Launch for Mio {
    fn launch(hub: Hub, clock: Clock) -> Result<(), ClientError> {
        let poll = Poll::new()?;
        let waker = ::mio::Waker::new(poll.registry(), WAKER)?;
        let registry = poll.registry().try_clone()?;
        let mut driver = MioDriver::with_clock(registry, WAKER.0 + 1..usize::MAX, clock, hub.stats().clone());
        driver.set_gather(hub.gather());
        thread::Builder::new()
            .name("rocketmq-mio".into())
            .spawn(move || helm::run(poll, waker, hub, driver))?;
        Ok(())
    }
}
