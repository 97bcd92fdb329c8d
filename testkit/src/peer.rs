//! Connections of a machine: bytes in, frames out of them; answers in, bytes out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use bytes::Bytes;
use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{EncodeFields, Flag, Head, HeadSpec, NoFields, Request, encode_head};

use crate::broker::{Answered, Aside, Keep, Lie, Origin};

/// One connection of a machine; the number never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub(crate) u64);

/// The present, on both scales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Now {
    /// Monotonic: deadlines.
    pub instant: Instant,
    /// Milliseconds since 1970: time stamps.
    pub unix_ms: i64,
}

/// Whom an answer is for (the request's connection and number), and what is to be wrong with it.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct ReplyTo {
    pub(crate) peer: PeerId,
    opaque: i32,
    request: RequestCode,
    oneway: bool,
    pub(crate) twist: Option<Twist>,
}

impl ReplyTo {
    pub(crate) fn new(peer: PeerId, head: &Head<'_>) -> Self {
        let (opaque, request, oneway) = (head.opaque, head.request_code(), head.is_oneway());
        Self { peer, opaque, request, oneway, twist: None }
    }

    /// The same, whose answer goes nowhere.
    pub(crate) fn muted(self) -> Self {
        Self { oneway: true, ..self }
    }

    /// The same, its answer twisted.
    pub(crate) fn twisted(self, twist: Twist) -> Self {
        Self { twist: Some(twist), ..self }
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin { peer: self.peer, opaque: self.opaque, request: self.request }
    }

    pub(crate) fn lie(&self) -> Option<Lie> {
        match self.twist {
            Some(Twist::Lie(lie)) => Some(lie),
            _ => None,
        }
    }
}

/// What is wrong with one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Twist {
    /// Only so many bytes of it leave, then the connection ends.
    CutAfter(usize),
    /// Another code instead of 0, the rest as it is.
    Recode(ResponseCode),
    /// Something in it is not true.
    Lie(Lie),
    /// It comes twice.
    Twice,
}

#[derive(Clone, Debug, Default, Hash)]
struct Peer {
    input: Vec<u8>,
    output: Vec<u8>,
    /// Bytes of `output` that have left.
    sent: usize,
    /// Bytes before `output`, ever.
    before: u64,
    /// It is neither read nor answered any more.
    stalled: bool,
}

/// The connections of one machine.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Peers {
    open: BTreeMap<PeerId, Peer>,
    /// Connections with output nobody has been told of.
    dirty: BTreeSet<PeerId>,
    /// Connections the machine wants closed once their output has left.
    closing: BTreeSet<PeerId>,
    next: u64,
    /// The form of heads that are sent: servers have one of their own, whatever clients use.
    pub(crate) serialize: SerializeType,
    /// When the last input came.
    pub(crate) now: Aside<Now>,
    pub(crate) keep: Aside<Keep>,
    pub(crate) answered: Aside<Vec<Answered>>,
}

/// A frame's place in the input taken out.
pub(crate) struct Framed {
    pub(crate) head: Range<usize>,
    pub(crate) body: Range<usize>,
    pub(crate) serialize: SerializeType,
}

impl Peers {
    pub(crate) fn open(&mut self) -> PeerId {
        self.next += 1;
        let peer = PeerId(self.next);
        self.open.insert(peer, Peer::default());
        peer
    }

    pub(crate) fn close(&mut self, peer: PeerId) {
        self.open.remove(&peer);
        self.dirty.remove(&peer);
        self.closing.remove(&peer);
    }

    /// The process has ended: what had not left never will.
    pub(crate) fn kill(&mut self) {
        self.ids().into_iter().for_each(|peer| self.cut(peer));
    }

    /// The connection ends at once, with what had not left.
    pub(crate) fn cut(&mut self, id: PeerId) {
        if let Some(peer) = self.open.get_mut(&id) {
            peer.output.truncate(peer.sent);
            peer.input.clear();
            self.dirty.remove(&id);
            self.closing.insert(id);
        }
    }

    /// Connections that are open.
    pub(crate) fn ids(&self) -> Vec<PeerId> {
        self.open.keys().copied().collect()
    }

    /// From now on the connection is neither read nor answered, and stays open.
    pub(crate) fn stall(&mut self, peer: PeerId) {
        if let Some(peer) = self.open.get_mut(&peer) {
            peer.stalled = true;
        }
    }

    pub(crate) fn is_open(&self, peer: PeerId) -> bool {
        self.open.get(&peer).is_some_and(|peer| !peer.stalled) && !self.closing.contains(&peer)
    }

    /// Adds bytes and takes out everything that has arrived, to be parsed in place.
    pub(crate) fn take_input(&mut self, peer: PeerId, bytes: &[u8]) -> Vec<u8> {
        let Some(peer) = self.open.get_mut(&peer).filter(|peer| !peer.stalled) else { return Vec::new() };
        peer.input.extend_from_slice(bytes);
        std::mem::take(&mut peer.input)
    }

    /// Puts back what is no whole frame yet.
    pub(crate) fn restore_input(&mut self, peer: PeerId, mut input: Vec<u8>, parsed: usize) {
        if let Some(peer) = self.open.get_mut(&peer) {
            input.drain(..parsed.min(input.len()));
            peer.input = input;
        }
    }

    /// The machine wants the connection closed.
    pub(crate) fn hang_up(&mut self, peer: PeerId) {
        if self.open.contains_key(&peer) {
            self.closing.insert(peer);
        }
    }

    /// The whole frame at `at`, if there is one; a broken one hangs up.
    pub(crate) fn frame_at(&mut self, peer: PeerId, input: &[u8], at: usize) -> Option<(Framed, usize)> {
        let rest = input.get(at..)?;
        match Prefix::parse(rest, &FrameLimits::default()) {
            Ok(Some(prefix)) if rest.len() >= prefix.frame_len => {
                let shift = |range: Range<usize>| range.start + at..range.end + at;
                let (head, body) = (shift(prefix.head_range()), shift(prefix.body_range()));
                Some((Framed { head, body, serialize: prefix.serialize }, at + prefix.frame_len))
            }
            Ok(_) => None,
            Err(_) => {
                self.hang_up(peer);
                None
            }
        }
    }

    // ---- answers -------------------------------------------------------------------------------------------

    pub(crate) fn answer<F: EncodeFields>(
        &mut self,
        to: &ReplyTo,
        code: ResponseCode,
        remark: Option<&str>,
        fields: &F,
        body: &[u8],
    ) {
        self.answer_parts(to, code, remark, fields, std::iter::once(body), body.len());
    }

    /// An answer whose body comes in parts, copied once.
    pub(crate) fn answer_parts<'b, F: EncodeFields>(
        &mut self,
        to: &ReplyTo,
        code: ResponseCode,
        remark: Option<&str>,
        fields: &F,
        body: impl Iterator<Item = &'b [u8]>,
        body_len: usize,
    ) {
        if to.oneway {
            return;
        }
        let code = match to.twist {
            // What was refused was not done, and is refused as it is.
            Some(Twist::Recode(other)) if code == ResponseCode::SUCCESS => other,
            _ => code,
        };
        let spec = spec(code.0, to.opaque, Flag::RESPONSE, remark);
        let Some(mut frame) = self.queue(to.peer, &spec, fields, body, body_len) else {
            return;
        };
        let Some(peer) = self.open.get_mut(&to.peer) else { return };
        match to.twist {
            Some(Twist::CutAfter(most)) => {
                frame.end = frame.end.min(frame.start + most);
                peer.output.truncate(frame.end);
                self.closing.insert(to.peer);
            }
            Some(Twist::Twice) => peer.output.extend_from_within(frame.clone()),
            _ => {}
        }
        if *self.keep != Keep::Nothing {
            let copy = |range: Range<usize>| peer.output.get(range).map(Bytes::copy_from_slice);
            let bytes = peer.before + frame.start as u64..peer.before + frame.end as u64;
            let frame = if *self.keep == Keep::Frames { copy(frame) } else { None };
            self.answered.push(Answered { at: *self.now, to: to.origin(), code, bytes, frame });
        }
    }

    /// An answer that is a code and words.
    pub(crate) fn refuse(&mut self, to: &ReplyTo, code: ResponseCode, remark: &str) {
        self.answer(to, code, Some(remark), &NoFields, &[]);
    }

    /// Tells a client something, one-way.
    pub(crate) fn tell<F: Request>(&mut self, peer: PeerId, opaque: i32, fields: &F) {
        let spec = spec(F::CODE.0, opaque, Flag::ONEWAY, None);
        self.queue(peer, &spec, fields, std::iter::empty(), 0);
    }

    fn queue<'b, F: EncodeFields>(
        &mut self,
        id: PeerId,
        spec: &HeadSpec<'_>,
        fields: &F,
        body: impl Iterator<Item = &'b [u8]>,
        body_len: usize,
    ) -> Option<Range<usize>> {
        if self.closing.contains(&id) {
            return None;
        }
        let peer = self.open.get_mut(&id).filter(|peer| !peer.stalled)?;
        if peer.sent == peer.output.len() {
            peer.before += peer.sent as u64;
            peer.output.clear();
            peer.sent = 0;
        }
        let mark = peer.output.len();
        if encode_head(&mut peer.output, self.serialize, spec, fields, body_len).is_err() {
            peer.output.truncate(mark);
            return None;
        }
        body.for_each(|part| peer.output.extend_from_slice(part));
        self.dirty.insert(id);
        Some(mark..peer.output.len())
    }

    // ---- outputs -------------------------------------------------------------------------------------------

    pub(crate) fn pop_dirty(&mut self) -> Option<PeerId> {
        self.dirty.pop_first()
    }

    pub(crate) fn output(&self, peer: PeerId) -> &[u8] {
        self.open.get(&peer).and_then(|peer| peer.output.get(peer.sent..)).unwrap_or_default()
    }

    pub(crate) fn written(&mut self, id: PeerId, n: usize) {
        if let Some(peer) = self.open.get_mut(&id) {
            peer.sent = (peer.sent + n).min(peer.output.len());
        }
    }

    /// A connection the machine wants closed, its output gone.
    pub(crate) fn pop_closing(&mut self) -> Option<PeerId> {
        let done = self.closing.iter().copied().find(|peer| self.output(*peer).is_empty())?;
        self.close(done);
        Some(done)
    }
}

fn spec(code: i32, opaque: i32, flag: Flag, remark: Option<&str>) -> HeadSpec<'_> {
    HeadSpec { code, language: LanguageCode::JAVA, version: Version::V5_5_0, opaque, flag, remark }
}

/// What a server answers to a request it does not know (Java `NettyRemotingAbstract`).
pub(crate) fn not_supported(peers: &mut Peers, to: &ReplyTo, code: RequestCode) {
    let remark = format!(" request type {} not supported", code.0);
    peers.refuse(to, ResponseCode::REQUEST_CODE_NOT_SUPPORTED, &remark);
}
