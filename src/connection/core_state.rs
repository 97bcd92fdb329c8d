//! All of a connection but its read buffer, so that a frame can be borrowed while the rest changes.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::in_flight::InFlight;
use super::read_buffer::{FrameRef, FrameSlot, ReadBuffer};
use super::write_queue::{FrameState, SpareQueues, WriteQueue};
use super::{Body, ConnEvent, ConnStats, ConnectionConfig, ReplyToken, RequestId};
use crate::error::{CloseCause, Progress, RejectReason, Rejected, RequestFailure};
use crate::time::Instant;
use crate::wire::codes::ResponseCode;
use crate::wire::frame::{FrameLimits, SerializeType};
use crate::wire::header::{EncodeError, EncodeFields, Flag, Head, HeadSpec, Request, encode_head};

/// What a received head means here.
#[derive(Debug)]
pub(crate) enum Verdict<T> {
    Response {
        id: RequestId,
        context: T,
    },
    Request {
        reply: Option<ReplyToken>,
    },
    /// An answer nobody waits for.
    Unmatched,
}

/// What ended without a frame from the peer.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Ended<T> {
    Failed { id: RequestId, context: T, progress: Progress, cause: RequestFailure },
    Written { context: T },
    Closed { cause: CloseCause },
}

impl<T> From<Ended<T>> for ConnEvent<'_, T> {
    fn from(ended: Ended<T>) -> Self {
        match ended {
            Ended::Failed { id, context, progress, cause } => {
                Self::RequestFailed { id, context, progress, cause }
            }
            Ended::Written { context } => Self::Written { context },
            Ended::Closed { cause } => Self::Closed { cause },
        }
    }
}

impl<'a> FrameRef<'a> {
    /// Head and body of a frame whose head was parsed before.
    pub(crate) fn parts(&self) -> Option<(Head<'a>, Body<'a>)> {
        Head::parse(self.serialize(), self.head()).ok().map(|head| (head, self.body()))
    }
}

#[derive(Clone, Debug, Hash)]
enum State {
    Open,
    /// Refuses new requests; closes when the write queue is empty.
    Closing,
    Closed {
        cause: CloseCause,
        reported: bool,
    },
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct Core<T> {
    config: Arc<ConnectionConfig>,
    state: State,
    writes: WriteQueue,
    in_flight: InFlight<T>,
    /// How far the ring has been emptied since the connection closed.
    drained: usize,
    /// One-way requests whose last byte has not left, by frame number.
    oneways: VecDeque<(u64, RequestId, T)>,
    ended: VecDeque<Ended<T>>,
    frame_deadline: Option<Instant>,
    stats: ConnStats,
}

impl<T> Core<T> {
    pub(crate) fn new(config: Arc<ConnectionConfig>, opaque_start: u32) -> Self {
        Self {
            config,
            state: State::Open,
            writes: WriteQueue::default(),
            in_flight: InFlight::new(opaque_start),
            drained: 0,
            oneways: VecDeque::new(),
            ended: VecDeque::new(),
            frame_deadline: None,
            stats: ConnStats::default(),
        }
    }

    pub(crate) fn stats(&self) -> &ConnStats {
        &self.stats
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    pub(crate) fn frame_limits(&self) -> &FrameLimits {
        &self.config.frame_limits
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn has_pending_write(&self) -> bool {
        self.writes.queued() > 0
    }

    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.writes.held() + self.in_flight.held()
    }

    /// Before something is asked: storage for it that another connection has left.
    #[inline]
    pub(crate) fn borrow_storage(&mut self, spare: &mut SpareQueues) {
        self.writes.borrow(spare);
    }

    /// After something has left: storage that is not needed any more is left to other connections.
    #[inline]
    pub(crate) fn leave_storage(&mut self, spare: &mut SpareQueues) {
        self.writes.leave(spare);
    }

    /// Gives memory back that only a busier time needed.
    pub(crate) fn trim(&mut self) {
        self.in_flight.trim();
        self.writes.trim();
        self.oneways.shrink_to_fit();
        self.ended.shrink_to_fit();
    }

    /// Closes unless closed already; what has arrived is still parsed, then [`finish`](Self::finish) ends the rest.
    pub(crate) fn set_closed(&mut self, cause: CloseCause) {
        if !self.is_closed() {
            self.state = State::Closed { cause, reported: false };
        }
    }

    pub(crate) fn close(&mut self) {
        if matches!(self.state, State::Open) {
            self.state = State::Closing;
        }
    }

    // ---- bytes in ------------------------------------------------------------------------------------------

    pub(crate) fn note_read(&mut self, n: usize, now: Instant) {
        self.stats.bytes_in += n as u64;
        if self.frame_deadline.is_none() {
            self.frame_deadline = Some(now + self.config.frame_timeout);
        }
    }

    /// While this side does not read, a frame that has begun cannot end.
    pub(crate) fn hold_frame_deadline(&mut self, hold: bool, mid_frame: bool, now: Instant) {
        self.frame_deadline = (!hold && mid_frame).then(|| now + self.config.frame_timeout);
    }

    /// The next whole frame; a frame error closes, and nothing behind it is a frame.
    pub(crate) fn next_frame(&mut self, reader: &mut ReadBuffer) -> Option<FrameSlot> {
        if let State::Closed { cause: CloseCause::Frame(_) | CloseCause::Head(_), .. } = self.state {
            return None;
        }
        if !reader.is_mid_frame() {
            self.frame_deadline = None;
            return None;
        }
        match reader.next_frame(&self.config.frame_limits) {
            Ok(Some(slot)) => {
                self.frame_deadline = None;
                Some(slot)
            }
            Ok(None) => None,
            Err(error) => {
                self.fail(CloseCause::Frame(error));
                None
            }
        }
    }

    /// The head of a frame; one that cannot be read closes.
    #[inline]
    pub(crate) fn parse_head<'a>(&mut self, frame: &FrameRef<'a>) -> Option<Head<'a>> {
        match Head::parse(frame.serialize(), frame.head()) {
            Ok(head) => Some(head),
            Err(error) => {
                self.fail(CloseCause::Head(error));
                None
            }
        }
    }

    /// A broken stream: its cause wins over an end of file that came behind it.
    fn fail(&mut self, cause: CloseCause) {
        if !matches!(self.state, State::Closed { reported: true, .. }) {
            self.state = State::Closed { cause, reported: false };
        }
    }

    pub(crate) fn classify(&mut self, head: &Head<'_>) -> Verdict<T> {
        if !head.is_response() {
            self.stats.peer_requests += 1;
            let reply = (!head.is_oneway()).then_some(ReplyToken { opaque: head.opaque });
            return Verdict::Request { reply };
        }
        let Some((id, entry)) = self.in_flight.take(head.opaque as u32) else {
            self.stats.unmatched += 1;
            return Verdict::Unmatched;
        };
        self.stats.responses += 1;
        Verdict::Response { id, context: entry.context }
    }

    /// As [`classify`](Self::classify) of an answer with this opaque, if what it answers is wanted; else nothing is done.
    #[inline]
    pub(crate) fn answered<R>(&mut self, opaque: i32, wanted: impl FnOnce(&T) -> Option<R>) -> Option<R> {
        let found = self.in_flight.take_wanted(opaque as u32, wanted)?;
        self.stats.responses += 1;
        Some(found)
    }

    /// Something is to be taken out although no frame arrived.
    pub(crate) fn has_news(&self) -> bool {
        match self.state {
            _ if !self.ended.is_empty() => true,
            State::Open => false,
            State::Closing => !self.has_pending_write(),
            State::Closed { reported, .. } => !reported,
        }
    }

    // ---- endings -------------------------------------------------------------------------------------------

    pub(crate) fn pop_ended(&mut self) -> Option<Ended<T>> {
        self.ended.pop_front()
    }

    /// To be called when no frame is left: what a closed connection still owes, [`Ended::Closed`] last.
    pub(crate) fn finish(&mut self) -> Option<Ended<T>> {
        if let Some(ended) = self.ended.pop_front() {
            return Some(ended);
        }
        if matches!(self.state, State::Closing) && !self.has_pending_write() {
            self.set_closed(CloseCause::Local);
        }
        let State::Closed { cause, reported: false } = &self.state else { return None };
        let cause = cause.clone();
        let lost = || RequestFailure::ConnectionLost(cause.clone());
        if let Some((id, entry)) = self.in_flight.pop(&mut self.drained) {
            let progress = self.progress(entry.frame);
            return Some(Ended::Failed { id, context: entry.context, progress, cause: lost() });
        }
        if let Some((frame, id, context)) = self.oneways.pop_front() {
            return Some(Ended::Failed { id, context, progress: self.progress(frame), cause: lost() });
        }
        self.writes.clear();
        self.state = State::Closed { cause: cause.clone(), reported: true };
        Some(Ended::Closed { cause })
    }

    fn progress(&self, frame: u64) -> Progress {
        match self.writes.state(frame) {
            FrameState::Waiting => Progress::NotWritten,
            FrameState::Started | FrameState::Written => Progress::MayBeDelivered,
        }
    }

    fn end(&mut self, id: RequestId, frame: u64, context: T, cause: RequestFailure) {
        let progress = self.progress(frame);
        self.writes.remove(frame);
        self.ended.push_back(Ended::Failed { id, context, progress, cause });
    }

    pub(crate) fn cancel(&mut self, id: RequestId) -> bool {
        if let Some(entry) = self.in_flight.remove(id) {
            self.end(id, entry.frame, entry.context, RequestFailure::Cancelled);
            return true;
        }
        let Some(index) = self.oneways.iter().position(|(_, oneway, _)| *oneway == id) else { return false };
        if let Some((frame, id, context)) = self.oneways.remove(index) {
            self.end(id, frame, context, RequestFailure::Cancelled);
        }
        true
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        while let Some((id, entry)) = self.in_flight.expire(now) {
            self.end(id, entry.frame, entry.context, RequestFailure::DeadlineExceeded);
        }
        if self.frame_deadline.is_some_and(|deadline| deadline <= now) {
            self.frame_deadline = None;
            self.set_closed(CloseCause::FrameTimeout);
        }
    }

    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let frame = self.frame_deadline.filter(|_| !self.is_closed());
        self.in_flight.next_deadline().into_iter().chain(frame).min()
    }

    // ---- bytes out -----------------------------------------------------------------------------------------

    pub(crate) fn write_slices<'a>(&'a self, out: &mut [&'a [u8]]) -> usize {
        self.writes.slices(out)
    }

    #[inline]
    pub(crate) fn handle_written(&mut self, n: usize) {
        self.stats.bytes_out += n as u64;
        self.writes.advance(n);
        while let Some((frame, ..)) = self.oneways.front() {
            if *frame >= self.writes.first_frame() {
                break;
            }
            if let Some((_, _, context)) = self.oneways.pop_front() {
                self.ended.push_back(Ended::Written { context });
            }
        }
    }

    fn check_room(&self, body: &Bytes) -> Result<(), RejectReason> {
        if !matches!(self.state, State::Open) {
            return Err(RejectReason::Closed);
        }
        let limit = self.config.max_in_flight;
        if self.in_flight.len() + self.oneways.len() >= limit {
            return Err(RejectReason::InFlightFull { limit });
        }
        self.check_queue(body)
    }

    fn check_queue(&self, body: &Bytes) -> Result<(), RejectReason> {
        let (queued, limit) = (self.writes.queued(), self.config.max_queued_bytes);
        if queued > 0 && queued + body.len() > limit {
            return Err(RejectReason::WriteQueueFull { queued, limit });
        }
        Ok(())
    }

    /// The form heads go out in: a code that the binary form cannot carry goes as JSON.
    fn form(&self, code: i32) -> SerializeType {
        if i16::try_from(code).is_ok() { self.config.serialize } else { SerializeType::Json }
    }

    #[inline]
    fn queue(
        &mut self,
        head: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
        body: &Bytes,
    ) -> Result<u64, RejectReason> {
        let (ring, mark) = self.writes.begin();
        if let Err(error) = head(ring) {
            self.writes.roll_back(mark);
            return Err(RejectReason::Encode(error));
        }
        Ok(self.writes.commit(mark, body))
    }

    fn spec(&self, code: i32, opaque: i32, flag: Flag) -> HeadSpec<'static> {
        HeadSpec {
            code,
            language: self.config.language,
            version: self.config.version,
            opaque,
            flag,
            remark: None,
        }
    }

    pub(crate) fn request<F: Request>(
        &mut self,
        fields: &F,
        body: &Bytes,
        context: T,
        timeout: Duration,
        now: Instant,
    ) -> Result<RequestId, Rejected<T>> {
        let (form, spec) = (self.form(F::CODE.0), self.spec(F::CODE.0, 0, Flag::REQUEST));
        let head = |ring: &mut Vec<u8>, opaque| {
            encode_head(ring, form, &HeadSpec { opaque, ..spec }, fields, body.len())
        };
        self.request_with(head, body, context, now + timeout, now)
    }

    /// As [`request`](Self::request), the head being appended by `head`, which is given the `opaque`.
    #[inline]
    pub(crate) fn request_with(
        &mut self,
        head: impl FnOnce(&mut Vec<u8>, i32) -> Result<(), EncodeError>,
        body: &Bytes,
        context: T,
        deadline: Instant,
        now: Instant,
    ) -> Result<RequestId, Rejected<T>> {
        if let Err(reason) = self.check_room(body) {
            return Err(Rejected::new(reason, context));
        }
        let id = self.in_flight.reserve();
        match self.queue(|ring| head(ring, id.opaque()), body) {
            Ok(frame) => self.in_flight.insert(id, frame, deadline, context, now),
            Err(reason) => return Err(Rejected::new(reason, context)),
        }
        self.stats.requests += 1;
        Ok(id)
    }

    pub(crate) fn oneway<F: Request>(
        &mut self,
        fields: &F,
        body: &Bytes,
        context: T,
    ) -> Result<RequestId, Rejected<T>> {
        let (form, spec) = (self.form(F::CODE.0), self.spec(F::CODE.0, 0, Flag::ONEWAY));
        let head = |ring: &mut Vec<u8>, opaque| {
            encode_head(ring, form, &HeadSpec { opaque, ..spec }, fields, body.len())
        };
        self.oneway_with(head, body, context)
    }

    /// As [`oneway`](Self::oneway), the head being appended by `head`, which is given the `opaque`.
    pub(crate) fn oneway_with(
        &mut self,
        head: impl FnOnce(&mut Vec<u8>, i32) -> Result<(), EncodeError>,
        body: &Bytes,
        context: T,
    ) -> Result<RequestId, Rejected<T>> {
        if let Err(reason) = self.check_room(body) {
            return Err(Rejected::new(reason, context));
        }
        let id = self.in_flight.reserve();
        match self.queue(|ring| head(ring, id.opaque()), body) {
            Ok(frame) => self.oneways.push_back((frame, id, context)),
            Err(reason) => return Err(Rejected::new(reason, context)),
        }
        self.stats.requests += 1;
        Ok(id)
    }

    pub(crate) fn respond<F: EncodeFields>(
        &mut self,
        token: ReplyToken,
        code: ResponseCode,
        remark: Option<&str>,
        fields: &F,
        body: &Bytes,
    ) -> Result<(), Rejected<ReplyToken>> {
        if self.is_closed() {
            return Err(Rejected::new(RejectReason::Closed, token));
        }
        // A peer that asks and does not read is not answered without end.
        if let Err(reason) = self.check_queue(body) {
            return Err(Rejected::new(reason, token));
        }
        let spec = HeadSpec { remark, ..self.spec(code.0, token.opaque, Flag::RESPONSE) };
        let form = self.form(code.0);
        match self.queue(|ring| encode_head(ring, form, &spec, fields, body.len()), body) {
            Ok(_) => Ok(()),
            Err(reason) => Err(Rejected::new(reason, token)),
        }
    }
}
