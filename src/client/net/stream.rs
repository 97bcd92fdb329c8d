//! Bytes in and out of a connection.

use bytes::Bytes;

use super::{LinkState, Net, Question};
use crate::client::endpoint::Role;
use crate::client::ids::ConnId;
use crate::connection::ReadBuffer;
use crate::time::Instant;

impl Net {
    pub(crate) fn read_buf(&mut self, conn: ConnId) -> Option<&mut [u8]> {
        let Self { links, spare, paused, .. } = self;
        let link = links.get_mut(conn.index, conn.generation)?;
        if link.core.is_closed() || (*paused && link.endpoint.role() != Role::NameServer) {
            return None;
        }
        link.reader.give_spare(spare);
        link.reader.read_buf()
    }

    /// Bytes put into a connection's [`read_buf`](Self::read_buf) of which it is not told yet.
    #[cfg(feature = "record")]
    pub(crate) fn peek_read(&self, conn: ConnId, n: usize) -> &[u8] {
        self.link(conn).map(|link| link.reader.peek(n)).unwrap_or_default()
    }

    pub(crate) fn handle_read(&mut self, conn: ConnId, n: usize, now: Instant) {
        if let Some(link) = self.link_mut(conn) {
            link.reader.commit(n);
            link.core.note_read(n, now);
            self.heard(conn, now);
        }
    }

    /// Something came in: the peer is there.
    fn heard(&mut self, conn: ConnId, now: Instant) {
        let Some(link) = self.link_mut(conn) else { return };
        (link.last_traffic, link.unanswered_since) = (now, None);
        if core::mem::take(&mut link.suspect)
            && let Question::At(at) = link.question
        {
            link.question = Question::NotBefore(at);
        }
        if !core::mem::replace(&mut link.proven, true) {
            let endpoint = link.endpoint.clone();
            self.probes_changed |= self.backoffs.remove(&endpoint).is_some();
        }
    }

    /// Copies bytes in; returns how many found room.
    pub(crate) fn handle_slice(&mut self, conn: ConnId, bytes: &[u8], now: Instant) -> usize {
        let Self { links, spare, .. } = self;
        let Some(link) = links.get_mut(conn.index, conn.generation) else { return 0 };
        if link.core.is_closed() {
            return 0;
        }
        // Also while reading pauses: what the driver has read already must not be lost.
        link.reader.give_spare(spare);
        let n = link.reader.push_slice(bytes);
        link.core.note_read(n, now);
        self.heard(conn, now);
        n
    }

    /// Takes a chunk over; gives back what found no room.
    pub(crate) fn handle_bytes(&mut self, conn: ConnId, chunk: Bytes, now: Instant) -> Option<Bytes> {
        let link = self.link_mut(conn)?;
        if link.core.is_closed() {
            return None;
        }
        let len = chunk.len();
        let rest = link.reader.push_chunk(chunk);
        link.core.note_read(len - rest.as_ref().map_or(0, Bytes::len), now);
        self.heard(conn, now);
        rest
    }

    /// Takes the read buffer out, so that a frame in it can be looked at while everything else changes.
    pub(crate) fn take_reader(&mut self, conn: ConnId) -> Option<ReadBuffer> {
        self.link_mut(conn).map(|link| core::mem::take(&mut link.reader))
    }

    /// Puts the read buffer back; an idle one leaves its storage to others.
    pub(crate) fn restore_reader(&mut self, conn: ConnId, mut reader: ReadBuffer) {
        if let Some(storage) = reader.take_spare()
            && self.spare.len() < 4
        {
            self.spare.push(storage);
        }
        if let Some(link) = self.link_mut(conn) {
            link.reader = reader;
        }
    }

    pub(crate) fn write_slices<'a>(&'a self, conn: ConnId, out: &mut [&'a [u8]]) -> usize {
        match self.link(conn) {
            Some(link) if link.state == LinkState::Open => link.core.write_slices(out),
            _ => 0,
        }
    }

    pub(crate) fn has_pending_write(&self, conn: ConnId) -> bool {
        self.link(conn).is_some_and(|link| link.state == LinkState::Open && link.core.has_pending_write())
    }

    /// True if the connection has something to say now.
    pub(crate) fn handle_written(&mut self, conn: ConnId, n: usize, now: Instant) -> bool {
        let Some(link) = self.link_mut(conn) else { return false };
        link.core.handle_written(n);
        link.last_traffic = now;
        link.unanswered_since.get_or_insert(now);
        if !link.core.has_pending_write() {
            link.write_announced = false;
        }
        let news = link.core.has_news();
        self.reschedule(conn);
        news
    }
}
