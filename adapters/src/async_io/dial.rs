//! Connecting by a host's name: its addresses are tried in turn, each for a limited time.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use super::Runtime;
use crate::driver::{CONNECT_TIMEOUT, MAX_ADDRESSES, literal_address, name_not_found};

/// Finds the addresses of a host (an IPv6 address has no brackets) and connects to the first that takes us.
pub(super) async fn dial<R: Runtime>(host: String, port: u16) -> io::Result<R::Stream> {
    match literal_address(&host, port) {
        Some(address) => dial_any::<R>(vec![address]).await,
        None => dial_any::<R>(R::resolve(&host, port).await.map_err(name_not_found)?).await,
    }
}

async fn dial_any<R: Runtime>(addresses: Vec<SocketAddr>) -> io::Result<R::Stream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses.into_iter().take(MAX_ADDRESSES) {
        match dial_one::<R>(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn dial_one<R: Runtime>(address: SocketAddr) -> io::Result<R::Stream> {
    let mut connected = pin!(R::connect(address));
    let mut late = pin!(R::sleep(CONNECT_TIMEOUT));
    poll_fn(|cx| match connected.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result),
        Poll::Pending => late.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::{Pending, Ready, pending, ready};
    use std::net::{Ipv4Addr, TcpListener};
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use futures_io::{AsyncRead, AsyncWrite};

    use super::*;
    use crate::handle::Task;

    thread_local! {
        static DIALLED: RefCell<Vec<u16>> = const { RefCell::new(Vec::new()) };
    }

    /// Addresses differ by port: at 1 nobody answers, 2 refuses, 3 takes us.
    struct Scripted;

    #[derive(Debug)]
    struct Nothing;

    impl AsyncRead for Nothing {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut [u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Nothing {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    enum Outcome {
        Never(Pending<io::Result<Nothing>>),
        Now(Ready<io::Result<Nothing>>),
    }

    impl Future for Outcome {
        type Output = io::Result<Nothing>;
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            match self.get_mut() {
                Self::Never(never) => Pin::new(never).poll(cx),
                Self::Now(now) => Pin::new(now).poll(cx),
            }
        }
    }

    impl Runtime for Scripted {
        type Stream = Nothing;
        type Sleep = Ready<()>;

        const SHORTEST_PAUSE: std::time::Duration = std::time::Duration::ZERO;

        fn resolve(
            host: &str,
            port: u16,
        ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send + use<> {
            let ports = match host {
                "late.refused.taken" => vec![1, 2, 3, 3],
                "refused.late" => vec![2, 1],
                "nowhere" => vec![],
                "many" => vec![2; 2 * MAX_ADDRESSES],
                _ => return ready(Err(io::ErrorKind::Other.into())),
            };
            ready(Ok(ports.into_iter().map(|at| (Ipv4Addr::LOCALHOST, port + at).into()).collect()))
        }

        fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Nothing>> + Send + use<> {
            DIALLED.with_borrow_mut(|dialled| dialled.push(address.port()));
            match address.port() {
                1 => Outcome::Never(pending()),
                2 => Outcome::Now(ready(Err(io::ErrorKind::ConnectionRefused.into()))),
                _ => Outcome::Now(ready(Ok(Nothing))),
            }
        }

        fn sleep(_: std::time::Duration) -> Ready<()> {
            ready(())
        }

        fn spawn(_: Task) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    fn dialled(host: &str) -> (Result<(), io::ErrorKind>, Vec<u16>) {
        DIALLED.take();
        let mut dial = pin!(dial::<Scripted>(host.to_owned(), 0));
        match dial.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => (result.map(drop).map_err(|error| error.kind()), DIALLED.take()),
            Poll::Pending => panic!("nothing scripted waits"),
        }
    }

    #[test]
    fn addresses_are_tried_in_turn_until_one_takes_us() {
        assert_eq!(dialled("late.refused.taken"), (Ok(()), vec![1, 2, 3]));
    }

    #[test]
    fn the_last_failure_is_told() {
        assert_eq!(dialled("refused.late"), (Err(io::ErrorKind::TimedOut), vec![2, 1]));
        assert_eq!(dialled("nowhere"), (Err(io::ErrorKind::NotFound), vec![]));
        assert_eq!(dialled("unknown"), (Err(io::ErrorKind::NotFound), vec![]));
    }

    #[test]
    fn no_more_addresses_are_tried_than_the_limit() {
        let (result, tried) = dialled("many");
        assert_eq!((result, tried.len()), (Err(io::ErrorKind::ConnectionRefused), MAX_ADDRESSES));
    }

    /// A port nobody listens on, and one somebody does.
    #[cfg(any(feature = "async-std", feature = "tokio"))]
    fn closed_and_open() -> (TcpListener, Vec<SocketAddr>) {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let open = listen();
        let closed = listen().local_addr().expect("its address");
        let addresses = vec![closed, open.local_addr().expect("its address")];
        (open, addresses)
    }

    #[cfg(feature = "async-std")]
    #[test]
    fn async_std_takes_the_second_address_when_the_first_refuses() {
        let (open, addresses) = closed_and_open();
        let dial = dial_any::<crate::async_std::AsyncStd>(addresses);
        let stream = ::async_std::task::block_on(dial).expect("the second address is open");
        assert_eq!(stream.peer_addr().expect("a peer"), open.local_addr().expect("its address"));
    }

    #[cfg(feature = "tokio")]
    #[test]
    fn tokio_takes_the_second_address_when_the_first_refuses() {
        let (open, addresses) = closed_and_open();
        let runtime =
            ::tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let dial = dial_any::<crate::tokio::Tokio>(addresses);
        drop(runtime.block_on(dial).expect("the second address is open"));
        open.accept().expect("it came here");
    }
}
