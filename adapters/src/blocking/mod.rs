//! Blocking sockets and threads: std alone, so it runs wherever std runs.
//!
//! One thread holds the engine; each connection has a thread that reads, each dial one that resolves and connects.
//! Chunks of bytes go from the readers to the driver and back to be filled again: nothing is allocated for them
//! after the start. Under load the driver keeps the chunks, for which the readers wait, and reads the sockets itself.
//! Who wants one thread for everything takes mio.
//!
//! Handle level: [`Client`]. Driver level: [`BlockingDriver`].

mod driver;
mod mailbox;
mod reader;

use std::thread;

pub use driver::BlockingDriver;

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
        thread::Builder::new().name("rocketmq".into()).spawn(move || run(hub, driver))?;
        Ok(())
    }
}

fn run(mut hub: Hub, mut driver: BlockingDriver) {
    hub.set_thread();
    loop {
        hub.exchange(driver.clock().now());
        let wait = driver.act(hub.client());
        if wait.events {
            continue;
        }
        if hub.is_finished() {
            break;
        }
        // Commands that come while answers are gathered wake nobody: the driver counts as awake.
        if driver.gather(hub.client(), wait) {
            continue;
        }
        if hub.prepare_sleep() {
            driver.wait(hub.client(), wait);
        } else {
            driver.look(hub.client(), wait);
        }
    }
    // Sockets first: who waits for the end finds them closed.
    drop(driver);
    drop(hub);
}
