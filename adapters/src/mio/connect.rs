//! Making connections without blocking: names are looked up in a thread, addresses tried in turn.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Waker;
use std::thread;

use ::mio::net::TcpStream;
use ::mio::{Interest, Registry, Token};
use rocketmq_engine::{ConnId, Endpoint, Instant};

use crate::driver::{CONNECT_TIMEOUT, literal_address, resolve};

type Found = (ConnId, io::Result<Vec<SocketAddr>>);

/// Host names being looked up.
#[derive(Debug)]
pub(super) struct Lookups {
    sender: Sender<Found>,
    receiver: Receiver<Found>,
    pending: usize,
}

impl Lookups {
    pub(super) fn new() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver, pending: 0 }
    }

    /// Looks a name up in a thread, which then wakes the loop if it can. An address is found at once.
    pub(super) fn start(
        &mut self,
        conn: ConnId,
        endpoint: &Endpoint,
        waker: Option<Waker>,
    ) -> io::Result<()> {
        self.pending += 1;
        let sender = self.sender.clone();
        if let Some(address) = literal_address(endpoint.host(), endpoint.port()) {
            let _ = sender.send((conn, Ok(vec![address])));
            return Ok(());
        }
        let endpoint = endpoint.clone();
        let look_up = move || {
            let _ = sender.send((conn, resolve(endpoint.host(), endpoint.port())));
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        let started = thread::Builder::new().name("rocketmq-dns".into()).spawn(look_up);
        if started.is_err() {
            self.pending -= 1;
        }
        started.map(drop)
    }

    pub(super) fn next(&mut self) -> Option<Found> {
        let found = self.receiver.try_recv().ok()?;
        self.pending -= 1;
        Some(found)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending == 0
    }
}

/// A connection on its way.
#[derive(Debug)]
pub(super) struct Connecting {
    stream: TcpStream,
    left: VecDeque<SocketAddr>,
    until: Instant,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Progress {
    Pending(Connecting),
    Connected(TcpStream),
    Failed(io::Error),
}

impl Connecting {
    /// Begins with the first address that lets itself be dialled.
    pub(super) fn start(
        addresses: Vec<SocketAddr>,
        registry: &Registry,
        token: Token,
        now: Instant,
    ) -> Progress {
        next_address(addresses.into(), io::ErrorKind::NotFound.into(), registry, token, now)
    }

    /// When the next address is tried.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Looks how it goes; on failure or after its time goes on with the next address.
    pub(super) fn check(mut self, registry: &Registry, token: Token, now: Instant) -> Progress {
        let failure = match self.stream.take_error() {
            Ok(Some(error)) | Err(error) => error,
            Ok(None) => match self.stream.peer_addr() {
                Ok(_) => return Progress::Connected(self.stream),
                Err(_) if now < self.until => return Progress::Pending(self),
                Err(_) => io::ErrorKind::TimedOut.into(),
            },
        };
        let _ = registry.deregister(&mut self.stream);
        next_address(self.left, failure, registry, token, now)
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

fn next_address(
    mut left: VecDeque<SocketAddr>,
    mut failure: io::Error,
    registry: &Registry,
    token: Token,
    now: Instant,
) -> Progress {
    while let Some(address) = left.pop_front() {
        let dialled = TcpStream::connect(address).and_then(|mut stream| {
            stream.set_nodelay(true)?;
            registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
            Ok(stream)
        });
        match dialled {
            Ok(stream) => {
                return Progress::Pending(Connecting { stream, left, until: now + CONNECT_TIMEOUT });
            }
            Err(error) => failure = error,
        }
    }
    Progress::Failed(failure)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use ::mio::{Events, Poll};

    use super::*;

    const TOKEN: Token = Token(7);

    fn connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
        let mut poll = Poll::new()?;
        let now = Instant::from_nanos(1);
        let mut progress = Connecting::start(addresses, poll.registry(), TOKEN, now);
        let mut events = Events::with_capacity(4);
        loop {
            match progress {
                Progress::Connected(stream) => return Ok(stream),
                Progress::Failed(error) => return Err(error),
                Progress::Pending(connecting) => {
                    poll.poll(&mut events, Some(Duration::from_secs(10)))?;
                    progress = connecting.check(poll.registry(), TOKEN, now);
                }
            }
        }
    }

    #[test]
    fn the_second_address_is_taken_when_the_first_refuses() {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let open = listen();
        let closed = listen().local_addr().expect("its address");
        let address = open.local_addr().expect("its address");
        let stream = connect(vec![closed, address]).expect("the second address is open");
        assert_eq!(stream.peer_addr().expect("a peer"), address);
        let failure = connect(vec![closed]).expect_err("nobody listens there");
        assert_eq!(failure.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn an_address_that_stays_silent_has_its_time() {
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = silent.local_addr().expect("its address");
        let poll = Poll::new().expect("a poll");
        let now = Instant::from_nanos(1);
        match Connecting::start(vec![address], poll.registry(), TOKEN, now) {
            Progress::Pending(connecting) => assert_eq!(connecting.until(), now + CONNECT_TIMEOUT),
            other => panic!("a connect of a non-blocking socket is pending: {other:?}"),
        }
    }
}
