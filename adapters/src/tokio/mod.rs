//! tokio: how it connects, sleeps and spawns.

mod stream;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use ::tokio::net::TcpStream;
use ::tokio::runtime::Handle;
use ::tokio::time;

use crate::async_io::{self, Runtime};
use crate::handle::Task;

pub use crate::handle::{
    Closed, ConsumerBuilder, Deliveries, Delivery, Listener, Messages, Pending, PendingOneway,
};
pub use crate::handle::{Producer, ProducerBuilder, PushConsumer, Recv, Shutdown};
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
    type Sleep = Pin<Box<time::Sleep>>;

    // Its timers count milliseconds, and round up; having a thread of its pool sleep costs more than gathering saves.
    const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

    fn resolve(host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + use<> {
        let host = host.to_owned();
        async move { ::tokio::net::lookup_host((host.as_str(), port)).await.map(Iterator::collect) }
    }

    async fn connect(address: SocketAddr) -> io::Result<Stream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Stream(stream))
    }

    fn sleep(time: Duration) -> Self::Sleep {
        Box::pin(time::sleep(time))
    }

    fn spawn(task: Task) -> io::Result<()> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        drop(runtime.spawn(task));
        Ok(())
    }
}
