//! Blocking sockets and threads: std alone, so it runs wherever std runs.
//!
//! Each connection has a thread that waits for it, each dial one that resolves and connects. One thread at a time drives a
//! client. It has a thread for that; a reader whose socket has something drives itself and reads straight into the engine,
//! unless another drives just now. For that one it fills a chunk: chunks go from the readers to the driver and back, nothing is
//! allocated for them after the start. Under load the driver keeps the chunks, for which the readers wait, and reads the
//! sockets itself; it pauses before each look, and a thread that waits for its sends drives meanwhile. Who wants one thread for
//! everything takes mio.
//!
//! Handle level: [`Client`]. Driver level: [`BlockingDriver`].

mod driver;
mod helm;
mod mailbox;
mod reader;

use std::thread;

pub use driver::BlockingDriver;

use helm::Helm;

use crate::driver::Clock;
use crate::handle::{ClientError, Hub, Launch, parked};

pub use parked::{
    ConsumerBuilder, Deliveries, Delivery, Listener, Messages, Pending, Producer, ProducerBuilder,
};
pub use parked::{PushConsumer, block_on};

/// The adapter with blocking sockets.
#[derive(Clone, Copy, Debug)]
pub struct Blocking;

/// A client over blocking sockets.
pub type Client = parked::Client<Blocking>;
/// Sets a client over blocking sockets up.
pub type ClientBuilder = parked::ClientBuilder<Blocking>;

impl Launch for Blocking {
    fn launch(hub: Hub, clock: Clock) -> Result<(), ClientError> {
        let mut driver = BlockingDriver::with_clock(clock, hub.stats().clone());
        driver.set_gather(hub.gather());
        hub.set_waker(driver.waker());
        let helm = Helm::new(hub, driver);
        thread::Builder::new().name("rocketmq".into()).spawn(move || helm.run())?;
        Ok(())
    }
}
