//! async-std: how it connects, sleeps and spawns. It is discontinued upstream; smol is the same code with two
//! imports changed.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use ::async_std::net::TcpStream;
use ::async_std::task;

use crate::async_io::{self, ClientDriver, Runtime};
use crate::handle::Task;

pub use crate::handle::{
    Closed, ConsumerBuilder, Deliveries, Delivery, Listener, Messages, Pending, PendingOneway,
};
pub use crate::handle::{Producer, ProducerBuilder, PushConsumer, Recv, Shutdown};

/// The adapter with async-std.
#[derive(Clone, Copy, Debug)]
pub struct AsyncStd;

/// A client driven by a thread of its own, whose sockets are async-std's.
pub type Client = async_io::Client<AsyncStd>;
/// Sets such a client up.
pub type ClientBuilder = async_io::ClientBuilder<AsyncStd>;
/// The driver level for async-std.
pub type AsyncStdDriver = async_io::AsyncDriver<AsyncStd>;

impl Runtime for AsyncStd {
    type Stream = TcpStream;
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    const SHORTEST_PAUSE: Duration = Duration::ZERO;

    fn resolve(host: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + use<> {
        let host = host.to_owned();
        async move {
            ::async_std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port))
                .await
                .map(Iterator::collect)
        }
    }

    async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn sleep(time: Duration) -> Self::Sleep {
        Box::pin(task::sleep(time))
    }

    fn spawn(task: Task) -> io::Result<()> {
        drop(task::spawn(task));
        Ok(())
    }

    // A task's wake-up costs this executor two threads' wake-ups, and a pause three system calls.
    fn drive(driver: ClientDriver<Self>) -> io::Result<()> {
        let thread = thread::Builder::new().name("rocketmq-async-std".into());
        thread.spawn(move || task::block_on(driver.with_thread())).map(drop)
    }
}
