//! One TCP connection: bytes to answers and back, for whoever owns the socket.
//!
//! | room | what |
//! |---|---|
//! | `read_buffer` | bytes in, frames out |
//! | `write_queue` | frames out, looked at and advanced |
//! | `core_state` | everything else: requests, endings, closing |
//! | `in_flight` | who waits for which answer, until when |
//!
//! It knows frames, heads and correlation, and no topic. [`Client`](crate::Client) has many of them; a proxy, a
//! tool or a test can use one alone.

mod core_state;
mod in_flight;
mod read_buffer;
#[cfg(test)]
mod tests;
mod write_queue;

use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;

pub use read_buffer::{Body, LARGE_FRAME, STAGING};
pub use write_queue::COPY_THRESHOLD;

use crate::error::{CloseCause, Progress, Rejected, RequestFailure, TransportError};
use crate::time::Instant;
use crate::wire::codes::{LanguageCode, ResponseCode, Version};
use crate::wire::frame::{FrameLimits, SerializeType};
use crate::wire::header::{EncodeFields, Head, Request};
pub(crate) use core_state::{Core, Ended, Verdict};
pub(crate) use read_buffer::ReadBuffer;
pub(crate) use write_queue::SpareQueues;

/// Names one request on one connection. It is not the wire's `opaque`, and never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// The wire's correlation number of this request.
    pub fn opaque(self) -> i32 {
        self.0 as i32
    }
}

/// Settings of one connection. Sizes are bytes.
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, Hash)]
pub struct ConnectionConfig {
    /// Form of the heads this side writes; both are read. A code that does not fit the binary form goes as JSON.
    pub serialize: SerializeType,
    /// Language announced to the peer.
    pub language: LanguageCode,
    /// Version announced to the peer: it decides the route's JSON dialect (>= 401) and GO_AWAY (> 475).
    pub version: Version,
    /// What a frame may weigh before the connection is closed.
    pub frame_limits: FrameLimits,
    /// Requests that may wait for an answer at once. Java: `clientAsyncSemaphoreValue`, 65,535.
    pub max_in_flight: usize,
    /// Bytes that may wait to be written before requests are refused.
    pub max_queued_bytes: usize,
    /// A frame must end within this after it began, else the connection is closed.
    pub frame_timeout: Duration,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            serialize: SerializeType::Json,
            language: LanguageCode::RUST,
            version: Version::V5_5_0,
            frame_limits: FrameLimits::default(),
            max_in_flight: 65_535,
            max_queued_bytes: 64 * 1024 * 1024,
            frame_timeout: Duration::from_secs(60),
        }
    }
}

/// Owed to the peer: the answer to one of its requests. Dropping it answers nothing.
#[derive(Debug)]
#[must_use = "the peer waits for an answer"]
pub struct ReplyToken {
    opaque: i32,
}

/// What came out of a connection. It borrows from the read buffer: take what you need before the next call.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnEvent<'a, T> {
    /// The answer to a request.
    Response {
        /// Which request.
        id: RequestId,
        /// What the owner kept with it.
        context: T,
        /// The answer's head.
        head: Head<'a>,
        /// The answer's body.
        body: Body<'a>,
    },
    /// A request ended without an answer.
    RequestFailed {
        /// Which request.
        id: RequestId,
        /// What the owner kept with it.
        context: T,
        /// Whether the peer may have got it.
        progress: Progress,
        /// Why.
        cause: RequestFailure,
    },
    /// The last byte of a one-way request has left.
    Written {
        /// What the owner kept with it.
        context: T,
    },
    /// The peer asks something.
    Request {
        /// The request's head.
        head: Head<'a>,
        /// The request's body.
        body: Body<'a>,
        /// What answers it; `None` if it is one-way.
        reply: Option<ReplyToken>,
    },
    /// The connection is over: the last event, exactly once.
    Closed {
        /// Why.
        cause: CloseCause,
    },
}

/// Counters of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConnStats {
    /// Requests accepted, one-way ones included.
    pub requests: u64,
    /// Answers matched to a request.
    pub responses: u64,
    /// Answers nobody waited for: late, doubled or invented.
    pub unmatched: u64,
    /// Requests of the peer.
    pub peer_requests: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
}

/// One TCP connection as a state machine over bytes and time. `T` is what the owner keeps with each request.
///
/// ```
/// use core::time::Duration;
/// use bytes::Bytes;
/// use rocketmq_engine::{ConnEvent, Connection, ConnectionConfig, Instant};
/// use rocketmq_engine::wire::fields::GetRouteInfoRequest;
///
/// let mut connection = Connection::<&str>::new(ConnectionConfig::default(), 7);
/// let now = Instant::ZERO;
/// let ask = GetRouteInfoRequest { topic: "orders".into(), ..Default::default() };
/// connection.request(&ask, &Bytes::new(), "route of orders", Duration::from_secs(3), now).unwrap();
///
/// // The driver writes what waits and says how much the socket took.
/// let mut slices = [&[][..]; 8];
/// let count = connection.write_slices(&mut slices);
/// let written = slices[..count].iter().map(|slice| slice.len()).sum();
/// connection.handle_written(written);
///
/// // Nobody answers: the request ends at its deadline, and may have been carried out.
/// connection.handle_timeout(connection.poll_timeout().unwrap());
/// assert!(matches!(connection.poll_event(), Some(ConnEvent::RequestFailed { context: "route of orders", .. })));
/// ```
#[derive(Clone, Debug)]
pub struct Connection<T> {
    reader: ReadBuffer,
    core: Core<T>,
}

impl<T> Connection<T> {
    /// An open connection. `opaque_start` should be random, so that an answer that belongs to another connection
    /// fits no request of this one.
    pub fn new(config: ConnectionConfig, opaque_start: u32) -> Self {
        let core = Core::new(Arc::new(config), opaque_start);
        Self { reader: ReadBuffer::default(), core }
    }

    /// Where the next bytes go: never empty, initialised. `None`: take events out first, or closed.
    #[must_use]
    pub fn read_buf(&mut self) -> Option<&mut [u8]> {
        if self.core.is_closed() { None } else { self.reader.read_buf() }
    }

    /// `n` bytes were put at the front of [`read_buf`](Self::read_buf). Then poll the events.
    pub fn handle_read(&mut self, n: usize, now: Instant) {
        self.reader.commit(n);
        self.core.note_read(n, now);
    }

    /// Copies bytes in; returns how many found room. Poll the events, then give the rest.
    pub fn handle_slice(&mut self, bytes: &[u8], now: Instant) -> usize {
        let n =
            if self.core.is_closed() { 0 } else { self.reader.push_slice(bytes, self.core.frame_limits()) };
        self.core.note_read(n, now);
        n
    }

    /// Takes a chunk over: whole frames in it are sliced, not copied. Gives back what found no room: poll the
    /// events, then give it again.
    pub fn handle_bytes(&mut self, chunk: Bytes, now: Instant) -> Option<Bytes> {
        if self.core.is_closed() {
            return None;
        }
        let len = chunk.len();
        let rest = self.reader.push_chunk(chunk, self.core.frame_limits());
        self.core.note_read(len - rest.as_ref().map_or(0, Bytes::len), now);
        rest
    }

    /// The peer sends no more. What it had sent is still parsed first.
    pub fn handle_eof(&mut self, _now: Instant) {
        self.drain_then_close(CloseCause::Eof);
    }

    /// The transport failed. What had arrived is still parsed first.
    pub fn handle_transport_error(&mut self, error: TransportError, _now: Instant) {
        self.drain_then_close(CloseCause::Transport(error));
    }

    fn drain_then_close(&mut self, cause: CloseCause) {
        self.core.set_closed(cause);
    }

    /// Fills `out` with what waits to be written, in order; returns how many slices were set.
    pub fn write_slices<'a>(&'a self, out: &mut [&'a [u8]]) -> usize {
        self.core.write_slices(out)
    }

    /// `n` bytes left from the front.
    pub fn handle_written(&mut self, n: usize) {
        self.core.handle_written(n);
    }

    /// Time has passed: ends what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.handle_timeout(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.next_deadline()
    }

    /// True while bytes wait to be written.
    #[must_use]
    pub fn has_pending_write(&self) -> bool {
        self.core.has_pending_write()
    }

    /// Asks the peer. Ends in exactly one [`ConnEvent::Response`] or [`ConnEvent::RequestFailed`] with the id.
    pub fn request<F: Request>(
        &mut self,
        fields: &F,
        body: &Bytes,
        context: T,
        timeout: Duration,
        now: Instant,
    ) -> Result<RequestId, Rejected<T>> {
        self.core.request(fields, body, context, timeout, now)
    }

    /// Tells the peer, who will not answer. Ends in [`ConnEvent::Written`], or in `RequestFailed` with the
    /// connection.
    pub fn oneway<F: Request>(
        &mut self,
        fields: &F,
        body: &Bytes,
        context: T,
    ) -> Result<RequestId, Rejected<T>> {
        self.core.oneway(fields, body, context)
    }

    /// Answers a request of the peer.
    pub fn respond<F: EncodeFields>(
        &mut self,
        token: ReplyToken,
        code: ResponseCode,
        remark: Option<&str>,
        fields: &F,
        body: &Bytes,
    ) -> Result<(), Rejected<ReplyToken>> {
        self.core.respond(token, code, remark, fields, body)
    }

    /// Gives a request up: its bytes are taken back if none has left. Ends in `RequestFailed` with
    /// [`RequestFailure::Cancelled`]. False if it had ended.
    pub fn cancel(&mut self, id: RequestId) -> bool {
        self.core.cancel(id)
    }

    /// Refuses new requests, lets what is queued leave, then closes.
    pub fn close(&mut self) {
        self.core.close();
    }

    /// What happened, in order. The last event is [`ConnEvent::Closed`].
    #[must_use]
    pub fn poll_event(&mut self) -> Option<ConnEvent<'_, T>> {
        let Self { reader, core } = self;
        if let Some(ended) = core.pop_ended() {
            return Some(ended.into());
        }
        while let Some(slot) = core.next_frame(reader) {
            let frame = reader.view(&slot);
            let Some(head) = core.parse_head(&frame) else { break };
            match core.classify(&head) {
                Verdict::Unmatched => {}
                // The frame is looked at again, since the borrow of a loop's turn cannot leave it.
                Verdict::Response { id, context } => {
                    let (head, body) = reader.view(&slot).parts()?;
                    return Some(ConnEvent::Response { id, context, head, body });
                }
                Verdict::Request { reply } => {
                    let (head, body) = reader.view(&slot).parts()?;
                    return Some(ConnEvent::Request { head, body, reply });
                }
            }
        }
        core.finish().map(ConnEvent::from)
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> &ConnStats {
        self.core.stats()
    }
}
