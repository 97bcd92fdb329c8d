//! The threads that wait for sockets: dials, and a reader for each connection.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;

use rocketmq_engine::{ConnId, Endpoint};

use super::helm::Helm;
use super::mailbox::{Incoming, Input, Mailbox};
use crate::driver::{CONNECT_TIMEOUT, literal_address, resolve};

/// Bytes of one chunk at first, and at most: it grows while reads fill it, since each read costs a hand-over.
const CHUNK: usize = 64 * 1024;
const MAX_CHUNK: usize = 512 * 1024;
/// Reads in a row that use less than a fourth of their chunk, before chunks become smaller again.
const SHORT_READS: u32 = 64;
/// Chunks of one connection: one is filled while another is looked at. When none is free the reader stops.
pub(super) const CHUNKS: usize = 2;

/// Where chunks go back to their reader; dropping it ends the reader.
pub(super) type Recycle = SyncSender<Vec<u8>>;

/// Resolves and connects in a thread of its own.
pub(super) fn dial(conn: ConnId, endpoint: Endpoint, mailbox: Arc<Mailbox>) -> io::Result<()> {
    let name = format!("rocketmq-dial {endpoint}");
    thread::Builder::new().name(name).spawn(move || {
        mailbox.post(match connect(&endpoint) {
            Ok(stream) => Input::Connected(conn, stream),
            Err(error) => Input::ConnectFailed(conn, error),
        });
    })?;
    Ok(())
}

fn connect(endpoint: &Endpoint) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match literal_address(endpoint.host(), endpoint.port()) {
        Some(address) => vec![address],
        None => resolve(endpoint.host(), endpoint.port())?,
    };
    connect_any(&addresses)
}

fn connect_any(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Starts a connection's reader.
pub(super) fn start(
    conn: ConnId,
    stream: TcpStream,
    mailbox: Arc<Mailbox>,
    helm: Weak<Helm>,
) -> io::Result<Recycle> {
    let (recycle, chunks) = sync_channel(CHUNKS);
    for _ in 0..CHUNKS {
        // There is room for all chunks there are.
        let _ = recycle.try_send(vec![0; CHUNK]);
    }
    thread::Builder::new().name("rocketmq-read".into()).spawn(move || {
        read(conn, stream, &chunks, &mailbox, &helm);
    })?;
    Ok(recycle)
}

/// How large chunks are just now.
#[derive(Debug)]
struct ChunkSize {
    bytes: usize,
    short: u32,
}

impl ChunkSize {
    const fn new() -> Self {
        Self { bytes: CHUNK, short: 0 }
    }

    /// Learns from a read of `len` bytes.
    fn note(&mut self, len: usize) {
        if len >= self.bytes {
            self.bytes = (self.bytes * 2).min(MAX_CHUNK);
        }
        self.short = if len < self.bytes / 4 { self.short + 1 } else { 0 };
        if self.short == SHORT_READS {
            *self = Self { bytes: (self.bytes / 2).max(CHUNK), short: 0 };
        }
    }

    /// Gives a chunk that comes back this size.
    fn fit(&self, chunk: &mut Vec<u8>) {
        if chunk.len() < self.bytes {
            chunk.resize(self.bytes, 0);
        } else if chunk.len() > self.bytes {
            chunk.truncate(self.bytes);
            chunk.shrink_to_fit();
        }
    }
}

/// Waits for bytes; at the helm they go straight into the engine. False if another is there, or the socket has no more.
fn drives(conn: ConnId, stream: &TcpStream, helm: &Weak<Helm>) -> bool {
    // Without a helm it would only cost a system call.
    helm.strong_count() > 0
        && matches!(stream.peek(&mut [0]), Ok(1..))
        && helm.upgrade().is_some_and(|helm| helm.read(conn))
}

fn read(
    conn: ConnId,
    mut stream: TcpStream,
    chunks: &Receiver<Vec<u8>>,
    mailbox: &Mailbox,
    helm: &Weak<Helm>,
) {
    let mut size = ChunkSize::new();
    while let Ok(mut chunk) = chunks.recv() {
        // The chunk is for whoever is at the helm instead.
        while drives(conn, &stream, helm) {}
        size.fit(&mut chunk);
        let found = loop {
            match stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => break Incoming::Eof,
                Ok(len) => break Incoming::Bytes { chunk, len },
                Err(error) => break Incoming::Failed(error),
            }
        };
        let over = match found {
            Incoming::Bytes { len, .. } => {
                size.note(len);
                false
            }
            _ => true,
        };
        mailbox.post(Input::Read(conn, found));
        if over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn chunks_grow_while_reads_fill_them_and_shrink_when_they_do_not() {
        let (mut size, mut chunk) = (ChunkSize::new(), vec![0; CHUNK]);
        size.note(CHUNK - 1);
        assert_eq!(size.bytes, CHUNK, "there was room left");
        for _ in 0..9 {
            size.note(size.bytes);
            size.fit(&mut chunk);
            assert_eq!(chunk.len(), size.bytes);
        }
        assert_eq!(size.bytes, MAX_CHUNK);
        // One good read begins the count anew.
        (0..SHORT_READS - 1).for_each(|_| size.note(1));
        size.note(MAX_CHUNK / 4);
        assert_eq!(size.bytes, MAX_CHUNK);
        (0..10 * SHORT_READS).for_each(|_| size.note(1));
        size.fit(&mut chunk);
        assert_eq!((size.bytes, chunk.len(), chunk.capacity()), (CHUNK, CHUNK, CHUNK));
    }

    #[test]
    fn the_second_address_is_taken_when_the_first_refuses() {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let open = listen();
        let closed = listen().local_addr().expect("its address");
        let address = open.local_addr().expect("its address");
        let stream = connect_any(&[closed, address]).expect("the second address is open");
        assert_eq!(stream.peer_addr().expect("a peer"), address);
        let failure = connect_any(&[closed]).expect_err("nobody listens there");
        assert_eq!(failure.kind(), io::ErrorKind::ConnectionRefused);
    }
}
