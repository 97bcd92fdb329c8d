//! The process queue: what of one queue has been delivered and what of it is finished (Java `ProcessQueue`).
//!
//! It keeps the batches as they were delivered, in offset order, with one bit a message. A settlement is found
//! by its batch's number in constant time, whatever the order; the offset to commit is the lowest unfinished one.
//! Flow control reads its counters: messages, bytes and span.

use alloc::collections::VecDeque;
use smallvec::{SmallVec, smallvec};

/// Messages as the process queue needs to know them.
pub(crate) trait Batch {
    /// Number of messages, at least one.
    fn len(&self) -> usize;
    /// Queue offset of the message at `index`; rises with the index.
    fn offset(&self, index: usize) -> i64;
    /// Bytes of the message, for flow control.
    fn size(&self, index: usize) -> usize;
    /// Bytes of memory the whole batch holds, until all of it is finished.
    fn held(&self) -> usize;
}

/// Number of a batch within its process queue: never used again.
pub(crate) type BatchNumber = u64;

#[derive(Clone, Debug, Hash)]
struct Entry<B> {
    /// Gone when all of it is finished, though an older batch is not: nothing is kept that nobody needs.
    batch: Option<B>,
    len: usize,
    /// Offset of the last message.
    last: i64,
    /// A bit for each finished message.
    finished: SmallVec<[u64; 1]>,
    unfinished: usize,
}

impl<B: Batch> Entry<B> {
    fn is_finished(&self, index: usize) -> bool {
        self.finished.get(index / 64).is_none_or(|word| word >> (index % 64) & 1 == 1)
    }

    fn first_unfinished(&self) -> Option<usize> {
        let (word, bits) = self.finished.iter().enumerate().find(|(_, bits)| **bits != u64::MAX)?;
        let index = word * 64 + bits.trailing_ones() as usize;
        (index < self.len).then_some(index)
    }
}

/// Thresholds beyond which a queue is not pulled (Java `pullThresholdForQueue`, `pullThresholdSizeForQueue`,
/// `consumeConcurrentlyMaxSpan`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowLimits {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    pub(crate) span: u64,
}

/// Delivered and unfinished messages of one queue.
#[derive(Clone, Debug, Hash)]
pub(crate) struct ProcessQueue<B> {
    entries: VecDeque<Entry<B>>,
    /// Number of the first entry.
    first: BatchNumber,
    count: usize,
    bytes: usize,
    held: usize,
    /// Everything below it was delivered, filtered or skipped: where the next pull begins.
    position: i64,
}

impl<B: Batch> ProcessQueue<B> {
    /// An empty one that begins at an offset.
    pub(crate) fn new(position: i64) -> Self {
        Self { entries: VecDeque::new(), first: 0, count: 0, bytes: 0, held: 0, position }
    }

    /// Where the next pull begins.
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    /// Passes offsets that bring no message: never backwards.
    pub(crate) fn advance(&mut self, position: i64) {
        self.position = self.position.max(position);
    }

    /// The number that the next [`push`](Self::push) gives.
    pub(crate) fn next_number(&self) -> BatchNumber {
        self.first + self.entries.len() as u64
    }

    /// Takes delivered messages in, all at or above [`position`](Self::position). `next` is where to go on.
    pub(crate) fn push(&mut self, batch: B, next: i64) -> BatchNumber {
        let len = batch.len();
        self.count += len;
        self.bytes += (0..len).map(|index| batch.size(index)).sum::<usize>();
        self.held += batch.held();
        let last = batch.offset(len.saturating_sub(1));
        self.advance(next.max(last.saturating_add(1)));
        let number = self.next_number();
        let finished = smallvec![0; len.div_ceil(64)];
        self.entries.push_back(Entry { batch: Some(batch), len, last, finished, unfinished: len });
        number
    }

    fn entry(&self, number: BatchNumber) -> Option<&Entry<B>> {
        self.entries.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Marks a message finished. False if it was finished before.
    pub(crate) fn finish(&mut self, number: BatchNumber, index: usize) -> bool {
        let Some(at) = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok()) else {
            return false;
        };
        let Some(entry) = self.entries.get_mut(at) else { return false };
        if index >= entry.len || entry.is_finished(index) {
            return false;
        }
        if let Some(word) = entry.finished.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
        entry.unfinished -= 1;
        self.count -= 1;
        self.bytes -= entry.batch.as_ref().map_or(0, |batch| batch.size(index));
        if entry.unfinished == 0 {
            self.held -= entry.batch.take().map_or(0, |batch| batch.held());
        }
        while self.entries.front().is_some_and(|entry| entry.unfinished == 0) {
            self.entries.pop_front();
            self.first += 1;
        }
        true
    }

    /// Whether a message is finished, or unknown.
    pub(crate) fn is_finished(&self, number: BatchNumber, index: usize) -> bool {
        self.entry(number).is_none_or(|entry| entry.is_finished(index))
    }

    /// The batch with this number, unless all of it is finished.
    pub(crate) fn batch(&self, number: BatchNumber) -> Option<&B> {
        self.entry(number)?.batch.as_ref()
    }

    /// The oldest batch that is not finished.
    pub(crate) fn front(&self) -> Option<BatchNumber> {
        (!self.entries.is_empty()).then_some(self.first)
    }

    /// The offset to commit: everything below it is finished.
    pub(crate) fn lowest_unfinished(&self) -> i64 {
        let front = self.entries.front();
        let lowest = front.and_then(|entry| Some(entry.batch.as_ref()?.offset(entry.first_unfinished()?)));
        lowest.unwrap_or(self.position)
    }

    /// Messages delivered and not finished.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Their bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory held.
    pub(crate) fn held(&self) -> usize {
        self.held + self.entries.len() * size_of::<Entry<B>>()
    }

    /// Distance between the lowest unfinished and the highest delivered offset.
    pub(crate) fn span(&self) -> u64 {
        self.entries.back().map_or(0, |Entry { last, .. }| {
            u64::try_from(last.saturating_sub(self.lowest_unfinished())).unwrap_or(0)
        })
    }

    /// Whether the queue is to be pulled: nothing exceeds its limit (Java compares with `>`).
    pub(crate) fn may_pull(&self, limits: &FlowLimits) -> bool {
        self.count <= limits.count && self.bytes <= limits.bytes && self.span() <= limits.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    type Model = Vec<(i64, usize)>;

    impl Batch for Model {
        fn len(&self) -> usize {
            Vec::len(self)
        }
        fn offset(&self, index: usize) -> i64 {
            self[index].0
        }
        fn size(&self, index: usize) -> usize {
            self[index].1
        }
        fn held(&self) -> usize {
            1000
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// Gap before each message, size of each, gap after.
        Push(Vec<(i64, usize)>, i64),
        Skip(i64),
        Finish(usize),
        Again(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (proptest::collection::vec((0..4_i64, 1..50_usize), 1..70), 0..5_i64)
                .prop_map(|(m, g)| Step::Push(m, g)),
            (0..9_i64).prop_map(Step::Skip),
            any::<usize>().prop_map(Step::Finish),
            any::<usize>().prop_map(Step::Finish),
            any::<usize>().prop_map(Step::Again),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_model(steps in proptest::collection::vec(step(), 1..80), start in 0..1000_i64) {
            let mut queue = ProcessQueue::new(start);
            // The model: every unfinished offset with its size and address, and the position.
            let mut open: BTreeMap<i64, (usize, BatchNumber, usize)> = BTreeMap::new();
            let mut done: BTreeSet<(BatchNumber, usize)> = BTreeSet::new();
            let (mut position, mut highest) = (start, None);
            let mut committed = start;
            for step in steps {
                match step {
                    Step::Push(messages, gap) => {
                        let mut batch = Vec::new();
                        for (before, size) in messages {
                            batch.push((position + before, size));
                            position += before + 1;
                        }
                        position += gap;
                        let number = queue.push(batch.clone(), position);
                        highest = batch.last().map(|last| last.0);
                        for (index, (offset, size)) in batch.into_iter().enumerate() {
                            open.insert(offset, (size, number, index));
                        }
                    }
                    Step::Skip(by) => {
                        position += by;
                        queue.advance(position);
                    }
                    Step::Finish(pick) if !open.is_empty() => {
                        let offset = *open.keys().nth(pick % open.len()).unwrap();
                        let (_, number, index) = open.remove(&offset).unwrap();
                        prop_assert!(!queue.is_finished(number, index));
                        prop_assert!(queue.finish(number, index));
                        done.insert((number, index));
                    }
                    Step::Again(pick) if !done.is_empty() => {
                        let (number, index) = *done.iter().nth(pick % done.len()).unwrap();
                        prop_assert!(queue.is_finished(number, index) && !queue.finish(number, index));
                    }
                    _ => {}
                }
                let lowest = open.keys().next().copied().unwrap_or(position);
                prop_assert_eq!(queue.lowest_unfinished(), lowest);
                prop_assert!(lowest >= committed, "the offset to commit never goes back");
                committed = lowest;
                prop_assert_eq!(queue.position(), position);
                prop_assert_eq!(queue.count(), open.len());
                prop_assert_eq!(queue.bytes(), open.values().map(|open| open.0).sum::<usize>());
                if let Some((first, last)) = open.keys().next().zip(highest) {
                    prop_assert_eq!(queue.span(), (last - first).max(0) as u64);
                }
                prop_assert_eq!(queue.front().is_some(), !open.is_empty());
                // A batch is held as long as one of its messages is open, whatever is open before it.
                let held: BTreeSet<BatchNumber> = open.values().map(|open| open.1).collect();
                prop_assert_eq!(queue.held, 1000 * held.len());
            }
        }
    }

    #[test]
    fn each_limit_stops_pulling_and_lets_go() {
        let free = FlowLimits { count: 100, bytes: 1000, span: 100 };
        let mut queue = ProcessQueue::new(0);
        queue.push((0..3).map(|n| (n * 10, 7)).collect::<Model>(), 21);
        assert!(queue.may_pull(&free));
        for limits in [
            FlowLimits { count: 2, ..free },
            FlowLimits { bytes: 20, ..free },
            FlowLimits { span: 19, ..free },
        ] {
            assert!(!queue.may_pull(&limits), "{limits:?}");
            let mut later = queue.clone();
            later.finish(0, 0);
            assert!(later.may_pull(&limits), "{limits:?}");
        }
    }

    #[test]
    fn what_is_not_known_counts_as_finished() {
        let mut queue = ProcessQueue::new(5);
        let number = queue.push(alloc::vec![(5, 1), (6, 1)], 7);
        assert!(!queue.finish(number, 2) && !queue.finish(number + 1, 0));
        assert!(queue.finish(number, 1) && queue.lowest_unfinished() == 5);
        assert!(queue.finish(number, 0) && queue.lowest_unfinished() == 7);
        assert!(queue.is_finished(number, 0) && queue.batch(number).is_none());
    }
}
