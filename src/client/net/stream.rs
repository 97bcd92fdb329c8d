//! Bytes in and out of a connection.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use bytes::Bytes;

use super::{Link, LinkState, Net, Question};
use crate::client::endpoint::Role;
use crate::client::ids::ConnId;
use crate::connection::{ReadBuffer, STAGING};
use crate::time::Instant;

/// Read buffers that no connection uses just now.
#[derive(Clone, Debug)]
pub(super) struct SpareReaders {
    #[expect(clippy::vec_box, reason = "boxes pass between here and connections")]
    all: Vec<Box<ReadBuffer>>,
    /// Those that connections have.
    lent: usize,
    /// So many may hold their whole staging: beyond, one in which a frame has begun holds what has arrived of it.
    most: usize,
}

/// Memory for anything is no part of what will be done.
impl Hash for SpareReaders {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl SpareReaders {
    const KEPT: usize = 4;

    /// An eighth of the memory budget is for staging: a frame that has begun on each of many connections must not cost
    /// a staging buffer each.
    pub(super) fn new(memory_budget: usize) -> Self {
        Self { all: Vec::new(), lent: 0, most: (memory_budget / 8 / STAGING).max(1) }
    }

    #[inline]
    fn lend(&mut self) -> Box<ReadBuffer> {
        self.lent += 1;
        self.all.pop().unwrap_or_default()
    }

    /// Takes a buffer back, or gives it again to the connection whose frame has begun in it.
    #[inline]
    fn take_back(&mut self, mut buffer: Box<ReadBuffer>) -> Option<Box<ReadBuffer>> {
        let short = self.lent + self.all.len() > self.most;
        if buffer.is_free() {
            self.lent -= 1;
            if self.all.len() < Self::KEPT && !short {
                self.all.push(buffer);
            }
            return None;
        }
        if short {
            buffer.shrink();
        }
        Some(buffer)
    }

    /// A connection is gone, with the buffer it may have.
    pub(super) fn forget(&mut self, reader: &Reader) {
        self.lent -= usize::from(reader.0.is_some());
    }

    /// Bytes of memory held by those that are not lent.
    pub(super) fn held(&self) -> usize {
        self.all.iter().map(|buffer| held(buffer)).sum()
    }
}

/// The read buffer of a connection, lent to it while anything is in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader(Option<Box<ReadBuffer>>);

/// An empty buffer is as good as none.
impl Hash for Reader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_deref().filter(|buffer| buffer.is_mid_frame()).hash(state);
    }
}

impl Reader {
    #[inline]
    fn lent(&mut self, spare: &mut SpareReaders) -> &mut ReadBuffer {
        self.0.get_or_insert_with(|| spare.lend())
    }

    pub(super) fn is_mid_frame(&self) -> bool {
        self.0.as_deref().is_some_and(ReadBuffer::is_mid_frame)
    }

    /// Bytes of memory held.
    pub(super) fn held(&self) -> usize {
        self.0.as_deref().map_or(0, held)
    }
}

/// Bytes of memory that a read buffer takes.
fn held(buffer: &ReadBuffer) -> usize {
    size_of::<ReadBuffer>() + buffer.held()
}

impl Link {
    /// So many bytes came in: the peer is there. True if it had not been before.
    #[inline]
    fn heard(&mut self, n: usize, now: Instant) -> bool {
        self.core.note_read(n, now);
        (self.last_traffic, self.unanswered_since) = (now, None);
        if core::mem::take(&mut self.suspect)
            && let Question::At(at) = self.question
        {
            self.question = Question::NotBefore(at);
        }
        !self.proven
    }
}

impl Net {
    #[inline]
    pub(crate) fn read_buf(&mut self, conn: ConnId) -> Option<&mut [u8]> {
        let Self { links, spare, paused, .. } = self;
        let link = links.get_mut(conn.index, conn.generation)?;
        if link.core.is_closed() || (*paused && link.endpoint.role() != Role::NameServer) {
            return None;
        }
        link.reader.lent(spare).read_buf()
    }

    /// Bytes put into a connection's [`read_buf`](Self::read_buf) of which it is not told yet.
    #[cfg(feature = "record")]
    pub(crate) fn peek_read(&self, conn: ConnId, n: usize) -> &[u8] {
        self.link(conn)
            .and_then(|link| link.reader.0.as_deref())
            .map(|buffer| buffer.peek(n))
            .unwrap_or_default()
    }

    #[inline]
    pub(crate) fn handle_read(&mut self, conn: ConnId, n: usize, now: Instant) {
        if n == 0 {
            let buffer = self.take_reader(conn);
            self.restore_reader(conn, buffer);
            return;
        }
        if let Some(link) = self.link_mut(conn)
            && let Some(buffer) = &mut link.reader.0
        {
            buffer.commit(n);
            if link.heard(n, now) {
                self.prove(conn);
            }
        }
    }

    /// Its back-off is over.
    #[cold]
    fn prove(&mut self, conn: ConnId) {
        if let Some(link) = self.links.get_mut(conn.index, conn.generation) {
            link.proven = true;
            self.probes_changed |= self.backoffs.remove(&link.endpoint).is_some();
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
        let n = link.reader.lent(spare).push_slice(bytes, link.core.frame_limits());
        if link.heard(n, now) {
            self.prove(conn);
        }
        n
    }

    /// Takes a chunk over; gives back what found no room.
    pub(crate) fn handle_bytes(&mut self, conn: ConnId, chunk: Bytes, now: Instant) -> Option<Bytes> {
        let Self { links, spare, .. } = self;
        let link = links.get_mut(conn.index, conn.generation)?;
        if link.core.is_closed() {
            return None;
        }
        let len = chunk.len();
        let rest = link.reader.lent(spare).push_chunk(chunk, link.core.frame_limits());
        if link.heard(len - rest.as_ref().map_or(0, Bytes::len), now) {
            self.prove(conn);
        }
        rest
    }

    /// Takes the read buffer out, so that a frame in it can be looked at while everything else changes.
    pub(crate) fn take_reader(&mut self, conn: ConnId) -> Option<Box<ReadBuffer>> {
        self.link_mut(conn)?.reader.0.take()
    }

    /// The read buffer, or one that it may use.
    #[cfg(test)]
    pub(crate) fn take_any_reader(&mut self, conn: ConnId) -> Box<ReadBuffer> {
        self.take_reader(conn).unwrap_or_else(|| self.spare.lend())
    }

    /// Puts the read buffer back, among the spare ones if nothing is in it, closes a connection that is drained, and
    /// says what is to be written now. True if the connection has something to say.
    pub(crate) fn restore_reader(&mut self, conn: ConnId, buffer: Option<Box<ReadBuffer>>) -> bool {
        let Self { links, spare, actions, deadlines, noted_out, .. } = self;
        let kept = buffer.and_then(|buffer| spare.take_back(buffer));
        let Some(link) = links.get_mut(conn.index, conn.generation) else {
            spare.lent -= usize::from(kept.is_some());
            return false;
        };
        link.reader.0 = kept;
        if link.draining && link.core.in_flight() == 0 {
            link.core.close();
        }
        // Without an answer to the peer nothing more goes out.
        if link.core.has_pending_write() {
            link.announce_write(conn, actions, noted_out);
        }
        deadlines.mark(conn.index());
        link.core.has_news()
    }

    #[inline]
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
    #[inline]
    pub(crate) fn handle_written(&mut self, conn: ConnId, n: usize, now: Instant) -> bool {
        let Self { links, spare_queues, deadlines, noted_out, .. } = self;
        let Some(link) = links.get_mut(conn.index, conn.generation) else { return false };
        link.core.handle_written(n);
        link.last_traffic = now;
        link.unanswered_since.get_or_insert(now);
        if !link.core.has_pending_write() {
            link.write_announced = false;
            link.core.leave_storage(spare_queues);
        }
        link.note_held(noted_out);
        deadlines.mark(conn.index());
        link.core.has_news()
    }
}
