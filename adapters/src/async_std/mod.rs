//! async-std: how it connects, sleeps and spawns. It is discontinued upstream; smol is the same code with two
//! imports changed.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use ::async_std::net::TcpStream;
use ::async_std::task;

use crate::async_io::{self, Runtime};
use crate::driver::{CONNECT_TIMEOUT, MAX_ADDRESSES};
use crate::handle::Task;

pub use crate::handle::{
    Closed, ConsumerBuilder, Deliveries, Delivery, Listener, Messages, Pending, PendingOneway,
};
pub use crate::handle::{Producer, ProducerBuilder, PushConsumer, Recv, Shutdown};

/// The adapter with async-std.
#[derive(Clone, Copy, Debug)]
pub struct AsyncStd;

/// A client driven by an async-std task.
pub type Client = async_io::Client<AsyncStd>;
/// Sets a client driven by an async-std task up.
pub type ClientBuilder = async_io::ClientBuilder<AsyncStd>;
/// The driver level for async-std.
pub type AsyncStdDriver = async_io::AsyncDriver<AsyncStd>;

impl Runtime for AsyncStd {
    type Stream = TcpStream;
    type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn connect(host: &str, port: u16) -> impl Future<Output = io::Result<TcpStream>> + Send + use<> {
        let host = host.to_owned();
        async move {
            let not_found = |error| io::Error::new(io::ErrorKind::NotFound, error);
            let lookup = ::async_std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port));
            let mut failure = io::Error::from(io::ErrorKind::NotFound);
            for address in lookup.await.map_err(not_found)?.take(MAX_ADDRESSES) {
                match ::async_std::future::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                    Ok(Ok(stream)) => {
                        stream.set_nodelay(true)?;
                        return Ok(stream);
                    }
                    Ok(Err(error)) => failure = error,
                    Err(_) => failure = io::ErrorKind::TimedOut.into(),
                }
            }
            Err(failure)
        }
    }

    fn sleep(time: Duration) -> Self::Sleep {
        Box::pin(task::sleep(time))
    }

    fn spawn(task: Task) -> io::Result<()> {
        drop(task::spawn(task));
        Ok(())
    }
}
