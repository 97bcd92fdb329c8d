//! The earliest deadline of many things, each changed often: a tree of minima over their indices.

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use crate::time::Instant;

/// Sixteen bytes for each index. The earliest one is read in one step, a change climbs only as far as it matters: a
/// few steps more with a thousand connections than with one, where an ordered map would allocate and compare.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    /// The root at 1, the children of `n` at `2n` and `2n + 1`, the leaves in the second half.
    nodes: Vec<Instant>,
    /// Indices whose deadline is to be found anew, and a bit for each of them.
    stale: Vec<u32>,
    marks: Vec<u64>,
}

/// They follow from what they are the deadlines of, which is digested.
impl Hash for Deadlines {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Deadlines {
    fn leaves(&self) -> usize {
        self.nodes.len() / 2
    }

    /// Notes that the deadline of an index may be another. It is found anew when somebody asks, once for many changes.
    #[inline]
    pub(super) fn mark(&mut self, index: usize) {
        // Mostly it is the one that was marked last.
        if self.stale.last().is_some_and(|last| *last as usize == index) {
            return;
        }
        let (word, bit) = (index / 64, 1_u64 << (index % 64));
        if self.marks.len() <= word {
            self.marks.resize(word + 1, 0);
        }
        if let Some(marks) = self.marks.get_mut(word).filter(|marks| **marks & bit == 0) {
            *marks |= bit;
            self.stale.push(index as u32);
        }
    }

    /// An index that was marked, and is no longer.
    #[inline]
    pub(super) fn take_marked(&mut self) -> Option<u32> {
        let index = self.stale.pop()?;
        if let Some(marks) = self.marks.get_mut(index as usize / 64) {
            *marks &= !(1 << (index % 64));
        }
        Some(index)
    }

    /// Sets the deadline of an index; [`Instant::FAR_FUTURE`] is none.
    #[inline]
    pub(super) fn set(&mut self, index: usize, at: Instant) {
        if index >= self.leaves() {
            self.grow(index);
        }
        let mut node = self.leaves() + index;
        let mut least = at;
        while let Some(place) = self.nodes.get_mut(node).filter(|place| **place != least) {
            *place = least;
            if node == 1 {
                return;
            }
            let sibling = self.nodes.get(node ^ 1).copied().unwrap_or(Instant::FAR_FUTURE);
            least = least.min(sibling);
            node /= 2;
        }
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        let leaves = (index + 1).next_power_of_two();
        let old = core::mem::take(&mut self.nodes);
        self.nodes.resize(leaves * 2, Instant::FAR_FUTURE);
        for (index, at) in old.iter().skip(old.len() / 2).enumerate() {
            self.set(index, *at);
        }
    }

    /// The earliest one.
    #[inline]
    pub(super) fn first(&self) -> Option<Instant> {
        self.nodes.get(1).copied().filter(|at| *at < Instant::FAR_FUTURE)
    }

    /// An index whose deadline is reached.
    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        self.first().filter(|at| *at <= now)?;
        let mut node = 1;
        while node < self.leaves() {
            let left = node * 2;
            node = left + usize::from(self.nodes.get(left).is_none_or(|at| *at > now));
        }
        Some(node - self.leaves())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[test]
    fn what_is_marked_often_is_taken_once() {
        let mut tree = Deadlines::default();
        for index in [3, 200, 3, 0, 200] {
            tree.mark(index);
        }
        let mut taken: Vec<_> = core::iter::from_fn(|| tree.take_marked()).collect();
        taken.sort_unstable();
        assert_eq!(taken, [0, 3, 200]);
        tree.mark(3);
        assert_eq!((tree.take_marked(), tree.take_marked()), (Some(3), None));
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(changes in prop::collection::vec((0..40_usize, 0..20_u64), 0..200)) {
            let (mut tree, mut model) = (Deadlines::default(), BTreeMap::new());
            for (index, at) in changes {
                // Every twentieth change takes a deadline away.
                let at = if at == 0 { Instant::FAR_FUTURE } else { Instant::from_nanos(at) };
                tree.set(index, at);
                model.insert(index, at);
                let least = model.values().min().copied().filter(|at| *at < Instant::FAR_FUTURE);
                prop_assert_eq!(tree.first(), least);
                for now in [0, 5, 10].map(Instant::from_nanos) {
                    let due = tree.due(now);
                    prop_assert_eq!(due.is_some(), least.is_some_and(|at| at <= now));
                    prop_assert!(due.is_none_or(|index| model[&index] <= now));
                }
            }
        }
    }
}
