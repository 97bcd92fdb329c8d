//! The threads that wait for sockets: dials, and a reader for each connection.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rocketmq_engine::{ConnId, Endpoint};

use super::mailbox::{Incoming, Input, Mailbox};
use crate::driver::{CONNECT_TIMEOUT, literal_address, resolve};

/// Bytes of one chunk.
const CHUNK: usize = 64 * 1024;
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
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Starts a connection's reader.
pub(super) fn start(conn: ConnId, stream: TcpStream, mailbox: Arc<Mailbox>) -> io::Result<Recycle> {
    let (recycle, chunks) = sync_channel(CHUNKS);
    for _ in 0..CHUNKS {
        // There is room for all chunks there are.
        let _ = recycle.try_send(vec![0; CHUNK]);
    }
    thread::Builder::new()
        .name("rocketmq-read".into())
        .spawn(move || read(conn, stream, &mailbox, &chunks))?;
    Ok(recycle)
}

fn read(conn: ConnId, mut stream: TcpStream, mailbox: &Mailbox, chunks: &Receiver<Vec<u8>>) {
    while let Ok(mut chunk) = chunks.recv() {
        let found = loop {
            match stream.read(&mut chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) => break Incoming::Eof,
                Ok(len) => break Incoming::Bytes { chunk, len },
                Err(error) => break Incoming::Failed(error),
            }
        };
        let over = !matches!(found, Incoming::Bytes { .. });
        mailbox.post(Input::Read(conn, found));
        if over {
            return;
        }
    }
}
