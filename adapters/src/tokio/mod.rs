//! tokio: how it connects, sleeps and spawns.

mod sleep;
mod stream;

use std::future::Future;
use std::io;
use std::time::Duration;

use ::tokio::net::TcpStream;
use ::tokio::runtime::Handle;
use ::tokio::time;

use crate::async_io::{self, Runtime};
use crate::driver::{CONNECT_TIMEOUT, MAX_ADDRESSES};
use crate::handle::Task;

pub use crate::handle::{
    Closed, ConsumerBuilder, Deliveries, Delivery, Listener, Messages, Pending, PendingOneway,
};
pub use crate::handle::{Producer, ProducerBuilder, PushConsumer, Recv, Shutdown};
pub use sleep::Sleep;
pub use stream::Stream;

/// The adapter with tokio. Its runtime needs I/O and time enabled.
#[derive(Clone, Copy, Debug)]
pub struct Tokio;

/// A client driven by a tokio task.
pub type Client = async_io::Client<Tokio>;
/// Sets a client driven by a tokio task up.
pub type ClientBuilder = async_io::ClientBuilder<Tokio>;
/// The driver level for tokio.
pub type TokioDriver = async_io::AsyncDriver<Tokio>;

impl Runtime for Tokio {
    type Stream = Stream;
    type Sleep = Sleep;

    fn connect(host: &str, port: u16) -> impl Future<Output = io::Result<Stream>> + Send + use<> {
        let host = host.to_owned();
        async move {
            let not_found = |error| io::Error::new(io::ErrorKind::NotFound, error);
            let addresses = ::tokio::net::lookup_host((host.as_str(), port)).await.map_err(not_found)?;
            let mut failure = io::Error::from(io::ErrorKind::NotFound);
            for address in addresses.take(MAX_ADDRESSES) {
                match time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                    Ok(Ok(stream)) => {
                        stream.set_nodelay(true)?;
                        return Ok(Stream(stream));
                    }
                    Ok(Err(error)) => failure = error,
                    Err(_) => failure = io::ErrorKind::TimedOut.into(),
                }
            }
            Err(failure)
        }
    }

    fn sleep(time: Duration) -> Sleep {
        Sleep::new(time)
    }

    fn spawn(task: Task) -> io::Result<()> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        drop(runtime.spawn(task));
        Ok(())
    }
}
