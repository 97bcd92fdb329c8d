//! async-std: how it connects, sleeps and spawns. It is discontinued upstream; smol is the same code with two
//! imports changed.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use ::async_std::net::TcpStream;
use ::async_std::task;

use crate::async_io::{self, ClientDriver, Runtime, Until};
use crate::handle::Task;

pub use crate::handle::{
    Closed, ConsumerBuilder, Deliveries, Delivery, Listener, Messages, Pending, PendingOneway,
};
pub use crate::handle::{Producer, ProducerBuilder, PushConsumer, Recv, Shutdown};

/// The adapter with async-std.
#[derive(Clone, Copy, Debug)]
pub struct AsyncStd;

/// A client driven by an async-std task, and under load by a thread for work that blocks.
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

    // A wake-up of a task costs this executor two of threads, and a pause three system calls.
    fn drive(mut driver: ClientDriver<Self>) -> io::Result<()> {
        Self::spawn(Box::pin(async move {
            while driver.drive_until(Until::Load).await {
                driver = task::spawn_blocking(move || {
                    task::block_on(driver.drive_until(Until::Lull));
                    driver
                })
                .await;
            }
        }))
    }
}
