//! The write queue beside a list of frames.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use crate::connection::write_queue::{COPY_THRESHOLD, FrameState, SpareQueues, WriteQueue};

#[derive(Clone, Debug)]
enum Step {
    /// Length of head, length of body.
    Push(usize, usize),
    /// A head that is begun and given up.
    GiveUp(usize),
    Advance(usize),
    Remove(usize),
    /// Storage is left to others, or had from them.
    Leave,
    Borrow,
}

fn step() -> impl Strategy<Value = Step> {
    let body = prop_oneof![
        3 => Just(0_usize),
        3 => 1..40_usize,
        1 => COPY_THRESHOLD - 1..COPY_THRESHOLD + 2,
        2 => COPY_THRESHOLD + 1..COPY_THRESHOLD + 60,
    ];
    prop_oneof![
        4 => (1..30_usize, body).prop_map(|(head, body)| Step::Push(head, body)),
        1 => (1..30_usize).prop_map(Step::GiveUp),
        3 => prop_oneof![0..20_usize, 0..5000_usize].prop_map(Step::Advance),
        2 => any::<usize>().prop_map(Step::Remove),
        2 => Just(Step::Leave),
        2 => Just(Step::Borrow),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..60)
}

/// A frame of the model: its bytes, how many have left, whether it was taken back.
struct Frame {
    bytes: Vec<u8>,
    left: usize,
    removed: bool,
}

#[derive(Default)]
struct Pair {
    queue: WriteQueue,
    frames: Vec<Frame>,
    spare: SpareQueues,
    mark: u8,
}

impl Pair {
    fn fill(&mut self, len: usize) -> Vec<u8> {
        self.mark = self.mark.wrapping_add(1);
        vec![self.mark; len]
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Push(head, body) => {
                let (head, body) = (self.fill(head), self.fill(body));
                let (ring, mark) = self.queue.begin();
                ring.extend_from_slice(&head);
                let number = self.queue.commit(mark, &Bytes::from(body.clone()));
                prop_assert_eq!(number, self.frames.len() as u64);
                self.frames.push(Frame { bytes: [head, body].concat(), left: 0, removed: false });
            }
            Step::GiveUp(head) => {
                let head = self.fill(head);
                let (ring, mark) = self.queue.begin();
                ring.extend_from_slice(&head);
                self.queue.roll_back(mark);
            }
            Step::Advance(n) => {
                self.queue.advance(n);
                let mut n = n;
                for frame in self.frames.iter_mut().filter(|frame| !frame.removed) {
                    let step = n.min(frame.bytes.len() - frame.left);
                    frame.left += step;
                    n -= step;
                }
            }
            Step::Remove(pick) if !self.frames.is_empty() => {
                let at = pick % self.frames.len();
                let frame = &mut self.frames[at];
                let waits = frame.left == 0 && !frame.removed;
                prop_assert_eq!(self.queue.remove(at as u64), waits, "frame {}", at);
                frame.removed |= waits;
            }
            Step::Remove(_) => {}
            Step::Leave => {
                let before = self.queue.held() + self.spare.held();
                self.queue.leave(&mut self.spare);
                prop_assert_eq!(self.queue.held() + self.spare.held(), before);
                prop_assert_eq!(self.queue.held() == 0, self.queue.queued() == 0);
            }
            Step::Borrow => self.queue.borrow(&mut self.spare),
        }
        Ok(())
    }

    fn waiting(&self) -> Vec<u8> {
        let rest = self.frames.iter().filter(|frame| !frame.removed).map(|frame| &frame.bytes[frame.left..]);
        rest.collect::<Vec<_>>().concat()
    }

    fn shown(&self, slots: usize) -> Vec<u8> {
        let mut slices = vec![&[][..]; slots];
        let count = self.queue.slices(&mut slices);
        slices[..count].concat()
    }
}

proptest! {
    #[test]
    fn what_waits_is_what_was_put_in_less_what_left_or_was_taken_back(steps in steps()) {
        let mut pair = Pair::default();
        for step in &steps {
            pair.take(step)?;
            let waiting = pair.waiting();
            prop_assert_eq!(pair.queue.queued(), waiting.len());
            prop_assert_eq!(pair.shown(200), waiting);
        }
    }

    #[test]
    fn few_slots_show_the_front(steps in steps(), slots in 0..4_usize) {
        let mut pair = Pair::default();
        for step in &steps {
            pair.take(step)?;
            let (shown, waiting) = (pair.shown(slots), pair.waiting());
            prop_assert!(waiting.starts_with(&shown));
            prop_assert_eq!(shown.is_empty(), waiting.is_empty() || slots == 0, "something is shown");
        }
    }

    #[test]
    fn the_state_of_each_frame_follows_its_bytes(steps in steps()) {
        let mut pair = Pair::default();
        for step in &steps {
            pair.take(step)?;
            for (number, frame) in pair.frames.iter().enumerate().filter(|(_, frame)| !frame.removed) {
                let expected = match frame.left {
                    n if n == frame.bytes.len() => FrameState::Written,
                    0 => FrameState::Waiting,
                    _ => FrameState::Started,
                };
                prop_assert_eq!(pair.queue.state(number as u64), expected, "frame {}", number);
            }
        }
    }

    #[test]
    fn the_first_frame_is_the_oldest_not_gone(steps in steps()) {
        let mut pair = Pair::default();
        for step in &steps {
            pair.take(step)?;
            let first = pair.queue.first_frame() as usize;
            prop_assert!(pair.frames[..first].iter().all(|f| f.removed || f.left == f.bytes.len()));
            let gone = |frame: &Frame| !frame.removed && frame.left == frame.bytes.len();
            prop_assert!(!pair.frames.get(first).is_some_and(gone));
        }
    }

    #[test]
    fn memory_follows_what_waits(steps in steps()) {
        let mut pair = Pair::default();
        let mut most = 0;
        for step in &steps {
            pair.take(step)?;
            most = most.max(pair.queue.queued());
            // The ring doubles, keeps what has left until half of it has, and frames cost some bytes each.
            prop_assert!(pair.queue.held() <= 4 * most + 16 * 1024, "{} of {most}", pair.queue.held());
        }
        pair.queue.clear();
        prop_assert_eq!((pair.queue.queued(), pair.queue.held()), (0, 0));
        prop_assert_eq!(pair.queue.first_frame(), pair.frames.len() as u64);
    }
}
