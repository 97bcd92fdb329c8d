//! Bytes that wait to leave: one growing byte ring for heads and small bodies, large bodies by reference.
//!
//! The queue is looked at and advanced, never popped, because TCP writes are partial. It knows of every frame how
//! much of it has left, which is what lets the engine tell "not written" from "may have been delivered".

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use bytes::Bytes;

/// Bodies up to this size are copied behind their head, larger ones go out by reference.
///
/// Measured with the socket write included: copying wins below 1 to 2 KiB, gathering from 4 KiB.
pub const COPY_THRESHOLD: usize = 2048;

#[derive(Clone, Debug, Hash)]
enum Segment {
    /// The next `n` bytes of the ring.
    Inline(usize),
    /// A body that belongs to the caller.
    Shared(Bytes),
}

impl Segment {
    fn len(&self) -> usize {
        match self {
            Self::Inline(n) => *n,
            Self::Shared(bytes) => bytes.len(),
        }
    }
}

/// What happened to a frame so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameState {
    Waiting,
    Started,
    Written,
}

/// What waits in a queue.
#[derive(Clone, Debug, Default)]
struct Waiting {
    ring: Vec<u8>,
    /// First byte of `ring` that has not left.
    ring_start: usize,
    segments: VecDeque<Segment>,
    /// Bytes of the first segment that have left.
    front_done: usize,
    /// Lengths of the frames that have not left whole; a removed one is zero.
    frames: VecDeque<usize>,
    /// Bytes of the first frame that have left.
    frame_done: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct WriteQueue {
    /// None while nothing waits, unless its storage was kept.
    waiting: Option<Box<Waiting>>,
    /// Number of the first frame in it.
    first_frame: u64,
    queued: usize,
}

/// What counts is what waits, not what has left and still lies in the ring.
impl Hash for WriteQueue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.first_frame.hash(state);
        if let Some(waiting) = self.waiting.as_deref().filter(|waiting| !waiting.frames.is_empty()) {
            waiting.ring.get(waiting.ring_start..).hash(state);
            (&waiting.segments, waiting.front_done).hash(state);
            (&waiting.frames, waiting.frame_done).hash(state);
        }
    }
}

/// Queues of which storage is kept when nothing waits in them: more than have something to say in one turn.
const SPARE_QUEUES: usize = 64;
/// A queue that has grown beyond these bytes keeps its storage until it is trimmed.
const SPARE_HELD: usize = 64 * 1024;

/// Storage of queues in which nothing waits: an idle connection has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpareQueues {
    #[expect(clippy::vec_box, reason = "boxes pass between here and connections")]
    all: Vec<Box<Waiting>>,
    held: usize,
}

/// Memory for anything is no part of what will be done.
impl Hash for SpareQueues {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl SpareQueues {
    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        self.held
    }
}

impl WriteQueue {
    /// Gives the queue storage that another left, if it has none.
    #[inline]
    pub(crate) fn borrow(&mut self, spare: &mut SpareQueues) {
        if self.waiting.is_none()
            && let Some(waiting) = spare.all.pop()
        {
            spare.held -= waiting.held();
            self.waiting = Some(waiting);
        }
    }

    /// Leaves its storage to others if nothing waits.
    #[inline]
    pub(crate) fn leave(&mut self, spare: &mut SpareQueues) {
        let held = self.held();
        if self.queued == 0
            && held <= SPARE_HELD
            && let Some(mut waiting) = self.waiting.take()
        {
            if !waiting.frames.is_empty() {
                self.first_frame += waiting.empty() as u64;
            }
            if spare.all.len() < SPARE_QUEUES {
                spare.held += held;
                spare.all.push(waiting);
            }
        }
    }

    /// The ring to append a head to, and the mark where it begins; [`commit`](Self::commit) makes it a frame.
    #[inline]
    pub(crate) fn begin(&mut self) -> (&mut Vec<u8>, usize) {
        let waiting = self.waiting.get_or_insert_default();
        if waiting.ring_start == waiting.ring.len() {
            waiting.ring.clear();
            waiting.ring_start = 0;
        } else if waiting.ring_start > waiting.ring.len() / 2 && waiting.ring_start > 4096 {
            waiting.ring.drain(..waiting.ring_start);
            waiting.ring_start = 0;
        }
        let mark = waiting.ring.len();
        (&mut waiting.ring, mark)
    }

    /// Forgets what was appended after `mark`.
    pub(crate) fn roll_back(&mut self, mark: usize) {
        if let Some(waiting) = &mut self.waiting {
            waiting.ring.truncate(mark);
        }
    }

    /// Ends the frame begun at `mark` with its body and returns its number.
    #[inline]
    pub(crate) fn commit(&mut self, mark: usize, body: &Bytes) -> u64 {
        let waiting = self.waiting.get_or_insert_default();
        let len = waiting.commit(mark, body);
        self.queued += len;
        self.first_frame + waiting.frames.len() as u64 - 1
    }

    /// Fills `out` with what waits, in order; returns how many slices were set.
    #[inline]
    pub(crate) fn slices<'a>(&'a self, out: &mut [&'a [u8]]) -> usize {
        let Some(waiting) = self.waiting.as_deref() else { return 0 };
        match (waiting.all_inline(), &mut *out) {
            (Some(bytes), [slot, ..]) => {
                *slot = bytes;
                1
            }
            _ => waiting.slices(out),
        }
    }

    /// `n` bytes left from the front.
    #[inline]
    pub(crate) fn advance(&mut self, n: usize) {
        let n = n.min(self.queued);
        self.queued -= n;
        let Some(waiting) = &mut self.waiting else { return };
        if self.queued == 0 {
            // Nothing is left to be gone through.
            self.first_frame += waiting.empty() as u64;
        } else {
            waiting.advance_segments(n);
            self.first_frame += waiting.advance_frames(n);
        }
    }

    /// How far the frame with this number is.
    pub(crate) fn state(&self, frame: u64) -> FrameState {
        let begun = || self.waiting.as_deref().is_some_and(|waiting| waiting.frame_done > 0);
        match frame.checked_sub(self.first_frame) {
            None => FrameState::Written,
            Some(0) if begun() => FrameState::Started,
            Some(_) => FrameState::Waiting,
        }
    }

    /// Number of the first frame that has not left whole.
    #[inline]
    pub(crate) fn first_frame(&self) -> u64 {
        self.first_frame
    }

    /// Takes a frame back of which no byte has left; false if some has, or it was taken back before.
    ///
    /// Linear in what waits: it happens only when a deadline passes before the socket took the bytes.
    pub(crate) fn remove(&mut self, frame: u64) -> bool {
        if self.state(frame) != FrameState::Waiting {
            return false;
        }
        let index = (frame - self.first_frame) as usize;
        let removed = self.waiting.as_deref_mut().map_or(0, |waiting| waiting.remove(index));
        self.queued -= removed;
        removed > 0
    }

    /// Bytes that have not left.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// Bytes of memory held; bodies by reference belong to whoever asked.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        self.waiting.as_deref().map_or(0, Waiting::held)
    }

    /// Gives memory back that only a busier time needed.
    pub(crate) fn trim(&mut self) {
        if self.queued == 0 {
            self.clear();
        }
    }

    /// Drops everything, for a connection that is gone.
    pub(crate) fn clear(&mut self) {
        let frames = self.waiting.as_deref().map_or(0, |waiting| waiting.frames.len());
        *self = Self { first_frame: self.first_frame + frames as u64, ..Self::default() };
    }
}

impl Waiting {
    fn commit(&mut self, mark: usize, body: &Bytes) -> usize {
        let shared = body.len() > COPY_THRESHOLD;
        if !shared {
            self.ring.extend_from_slice(body);
        }
        let mut len = self.ring.len() - mark;
        self.push_inline(len);
        if shared {
            len += body.len();
            self.segments.push_back(Segment::Shared(body.clone()));
        }
        self.frames.push_back(len);
        len
    }

    #[inline]
    fn push_inline(&mut self, n: usize) {
        match self.segments.back_mut() {
            _ if n == 0 => {}
            Some(Segment::Inline(last)) => *last += n,
            _ => self.segments.push_back(Segment::Inline(n)),
        }
    }

    /// Heads and small bodies lie behind each other: all that waits, if it is nothing else.
    #[inline]
    fn all_inline(&self) -> Option<&[u8]> {
        match (self.segments.len(), self.segments.front()) {
            (1, Some(Segment::Inline(_))) => self.ring.get(self.ring_start..),
            _ => None,
        }
    }

    fn slices<'a>(&'a self, out: &mut [&'a [u8]]) -> usize {
        let mut ring = self.ring.get(self.ring_start..).unwrap_or_default();
        let mut skip = self.front_done;
        let mut count = 0;
        for segment in &self.segments {
            let Some(slot) = out.get_mut(count) else { break };
            let bytes = match segment {
                Segment::Inline(n) => {
                    let (now, later) = ring.split_at((n - skip).min(ring.len()));
                    ring = later;
                    now
                }
                Segment::Shared(bytes) => bytes.get(skip..).unwrap_or_default(),
            };
            skip = 0;
            if !bytes.is_empty() {
                *slot = bytes;
                count += 1;
            }
        }
        count
    }

    /// Frames that have left whole now that `n` bytes more have left.
    fn advance_frames(&mut self, n: usize) -> u64 {
        let mut left = 0;
        self.frame_done += n;
        while let Some(&len) = self.frames.front() {
            if self.frame_done < len {
                break;
            }
            self.frame_done -= len;
            self.frames.pop_front();
            left += 1;
        }
        left
    }

    fn advance_segments(&mut self, mut n: usize) {
        while n > 0 {
            let Some(front) = self.segments.front() else { return };
            let left = front.len() - self.front_done;
            let step = left.min(n);
            if matches!(front, Segment::Inline(_)) {
                self.ring_start += step;
            }
            n -= step;
            if step == left {
                self.segments.pop_front();
                self.front_done = 0;
            } else {
                self.front_done += step;
            }
        }
    }

    /// Takes the frame at this place back, if it was not before; returns its length.
    fn remove(&mut self, index: usize) -> usize {
        let Some(len) = self.frames.get_mut(index).map(core::mem::take) else { return 0 };
        if len > 0 {
            let at = self.frames.iter().take(index).sum::<usize>() - self.frame_done;
            self.cut(at, len);
        }
        len
    }

    /// Cuts `len` bytes out, `at` bytes behind the front. They are one frame: inline bytes and at most one body.
    fn cut(&mut self, at: usize, len: usize) {
        let old = core::mem::take(&mut self.segments);
        let (mut from, mut ring_at, mut skip) = (0, self.ring_start, self.front_done);
        let mut hole = 0..0;
        for segment in old {
            let to = from + segment.len() - skip;
            let overlap = to.min(at + len).saturating_sub(from.max(at));
            match segment {
                Segment::Inline(n) => {
                    if overlap > 0 {
                        let start = ring_at + at.saturating_sub(from);
                        hole = start..start + overlap;
                    }
                    ring_at += to - from;
                    self.push_inline(n - overlap);
                }
                Segment::Shared(_) if overlap > 0 => {}
                shared @ Segment::Shared(_) => self.segments.push_back(shared),
            }
            (from, skip) = (to, 0);
        }
        self.ring.drain(hole);
    }

    /// Forgets all frames; returns how many.
    #[inline]
    fn empty(&mut self) -> usize {
        let frames = self.frames.len();
        self.frames.clear();
        // Few: one, unless large bodies went between.
        while self.segments.pop_front().is_some() {}
        self.ring.clear();
        (self.ring_start, self.front_done, self.frame_done) = (0, 0, 0);
        frames
    }

    fn held(&self) -> usize {
        let lists = self.segments.capacity() * size_of::<Segment>() + self.frames.capacity() * 8;
        size_of::<Self>() + self.ring.capacity() + lists
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn push(queue: &mut WriteQueue, head: &[u8], body: &Bytes) -> u64 {
        let (ring, mark) = queue.begin();
        ring.extend_from_slice(head);
        queue.commit(mark, body)
    }

    fn drain(queue: &mut WriteQueue, step: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while queue.queued() > 0 {
            let mut slices = [&[][..]; 4];
            let count = queue.slices(&mut slices);
            let taken: Vec<u8> = slices[..count].concat().into_iter().take(step).collect();
            out.extend_from_slice(&taken);
            queue.advance(taken.len());
        }
        out
    }

    #[test]
    fn any_write_length_gives_the_same_bytes() {
        let large = Bytes::from(vec![7; COPY_THRESHOLD + 1]);
        let small = Bytes::from_static(b"small");
        let expected = [b"one", &small[..], b"two", &large, b"three", &small].concat();
        for step in [1, 2, 3, 5, 1000, 5000] {
            let mut queue = WriteQueue::default();
            push(&mut queue, b"one", &small);
            push(&mut queue, b"two", &large);
            push(&mut queue, b"three", &small);
            assert_eq!(drain(&mut queue, step), expected, "step {step}");
        }
    }

    #[test]
    fn a_frame_is_removed_only_while_no_byte_of_it_has_left() {
        let large = Bytes::from(vec![7; COPY_THRESHOLD + 1]);
        let heads = [&b"aaa"[..], b"bbb", b"ccc", b"ddd"];
        let body = |index: usize| if index % 2 == 1 { large.clone() } else { Bytes::new() };
        for started in 0..6 {
            for victim in 0..4_usize {
                let mut queue = WriteQueue::default();
                for (index, head) in heads.iter().enumerate() {
                    push(&mut queue, head, &body(index));
                }
                queue.advance(started);
                let untouched = started <= [0, 3, 3 + 3 + large.len(), usize::MAX][victim];
                assert_eq!(queue.remove(victim as u64), untouched, "{started} {victim}");
                assert!(!queue.remove(victim as u64), "removed twice");
                let kept = (0..4).filter(|index| !(untouched && *index == victim));
                let expected: Vec<u8> =
                    kept.flat_map(|i| [heads[i].to_vec(), body(i).to_vec()].concat()).collect();
                assert_eq!(drain(&mut queue, 3), expected[started..], "{started} {victim}");
            }
        }
    }

    #[test]
    fn state_follows_the_bytes() {
        let mut queue = WriteQueue::default();
        let first = push(&mut queue, b"abc", &Bytes::new());
        let second = push(&mut queue, b"def", &Bytes::new());
        assert_eq!(queue.state(first), FrameState::Waiting);
        queue.advance(1);
        assert_eq!((queue.state(first), queue.state(second)), (FrameState::Started, FrameState::Waiting));
        queue.advance(2);
        assert_eq!((queue.state(first), queue.state(second)), (FrameState::Written, FrameState::Waiting));
    }
}
