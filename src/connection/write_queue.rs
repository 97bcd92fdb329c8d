//! Bytes that wait to leave: one growing byte ring for heads and small bodies, large bodies by reference.
//!
//! The queue is looked at and advanced, never popped, because TCP writes are partial. It knows of every frame how
//! much of it has left, which is what lets the engine tell "not written" from "may have been delivered".

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

#[derive(Clone, Debug, Default)]
pub(crate) struct WriteQueue {
    ring: Vec<u8>,
    /// First byte of `ring` that has not left.
    ring_start: usize,
    segments: VecDeque<Segment>,
    /// Bytes of the first segment that have left.
    front_done: usize,
    /// Lengths of the frames that have not left whole; a removed one is zero.
    frames: VecDeque<usize>,
    /// Number of the first frame in `frames`.
    first_frame: u64,
    /// Bytes of the first frame that have left.
    frame_done: usize,
    queued: usize,
}

/// What counts is what waits, not what has left and still lies in the ring.
impl Hash for WriteQueue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ring.get(self.ring_start..).hash(state);
        (&self.segments, self.front_done).hash(state);
        (&self.frames, self.first_frame, self.frame_done).hash(state);
    }
}

impl WriteQueue {
    /// The ring to append a head to, and the mark where it begins; [`commit`](Self::commit) makes it a frame.
    pub(crate) fn begin(&mut self) -> (&mut Vec<u8>, usize) {
        if self.ring_start == self.ring.len() {
            self.ring.clear();
            self.ring_start = 0;
        } else if self.ring_start > self.ring.len() / 2 && self.ring_start > 4096 {
            self.ring.drain(..self.ring_start);
            self.ring_start = 0;
        }
        let mark = self.ring.len();
        (&mut self.ring, mark)
    }

    /// Forgets what was appended after `mark`.
    pub(crate) fn roll_back(&mut self, mark: usize) {
        self.ring.truncate(mark);
    }

    /// Ends the frame begun at `mark` with its body and returns its number.
    pub(crate) fn commit(&mut self, mark: usize, body: &Bytes) -> u64 {
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
        self.queued += len;
        self.frames.push_back(len);
        self.first_frame + self.frames.len() as u64 - 1
    }

    fn push_inline(&mut self, n: usize) {
        match self.segments.back_mut() {
            _ if n == 0 => {}
            Some(Segment::Inline(last)) => *last += n,
            _ => self.segments.push_back(Segment::Inline(n)),
        }
    }

    /// Fills `out` with what waits, in order; returns how many slices were set.
    pub(crate) fn slices<'a>(&'a self, out: &mut [&'a [u8]]) -> usize {
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

    /// `n` bytes left from the front.
    pub(crate) fn advance(&mut self, n: usize) {
        let n = n.min(self.queued);
        self.queued -= n;
        self.advance_segments(n);
        self.frame_done += n;
        while let Some(&len) = self.frames.front() {
            if self.frame_done < len {
                break;
            }
            self.frame_done -= len;
            self.frames.pop_front();
            self.first_frame += 1;
        }
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

    /// How far the frame with this number is.
    pub(crate) fn state(&self, frame: u64) -> FrameState {
        match frame.checked_sub(self.first_frame) {
            None => FrameState::Written,
            Some(0) if self.frame_done > 0 => FrameState::Started,
            Some(_) => FrameState::Waiting,
        }
    }

    /// Number of the first frame that has not left whole.
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
        let Some(len) = self.frames.get_mut(index).map(core::mem::take).filter(|len| *len > 0) else {
            return false;
        };
        let at = self.frames.iter().take(index).sum::<usize>() - self.frame_done;
        self.cut(at, len);
        self.queued -= len;
        true
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

    /// Bytes that have not left.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// Bytes of memory held; bodies by reference belong to whoever asked.
    pub(crate) fn held(&self) -> usize {
        self.ring.capacity() + self.segments.capacity() * size_of::<Segment>() + self.frames.capacity() * 8
    }

    /// Gives memory back that only a busier time needed.
    pub(crate) fn trim(&mut self) {
        if self.queued == 0 {
            (self.ring, self.ring_start) = (Vec::new(), 0);
            self.segments.shrink_to_fit();
            self.frames.shrink_to_fit();
        }
    }

    /// Drops everything, for a connection that is gone.
    pub(crate) fn clear(&mut self) {
        self.first_frame += self.frames.len() as u64;
        let first_frame = self.first_frame;
        *self = Self { first_frame, ..Self::default() };
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
