//! The handle level for threads: the futures of the level above, waited for by parking.
//!
//! Names and arguments are those of the asynchronous handles. What there is awaited returns here when it is done.

mod client;
mod consumer;
mod park;
mod producer;

use std::task::Poll;
use std::time::{Duration, Instant};

pub use super::{Delivery, Messages};
pub use client::{Client, ClientBuilder};
pub use consumer::{ConsumerBuilder, Deliveries, Listener, PushConsumer};
pub use park::{block_on, block_on_until};
pub use producer::{Pending, Producer, ProducerBuilder};

use super::shared::Shared;

/// The last handle is gone: waits for the driver to end, but not on its own thread.
pub(super) fn wait_for_stop(shared: &Shared, grace: Duration) {
    if shared.on_driver_thread() {
        return;
    }
    // A driver that hangs must not hang everybody: connections are closed soon after the grace.
    let until = Instant::now() + grace + Duration::from_secs(5);
    let stopped = std::future::poll_fn(|cx| match shared.poll_stopped(cx) {
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
    });
    let _ = block_on_until(stopped, until);
}
