//! What happens next: one heap of events by time, in the order they were put in for equal times.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rocketmq_engine::Instant;

use super::link::{LinkId, Way};

/// Something that happens to a machine at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// So many bytes at the front of a connection's way arrive.
    Arrive { link: LinkId, way: Way, bytes: u32 },
    /// The end of a connection reaches the receiver of a way.
    End { link: LinkId, way: Way, reset: bool },
    /// A dial is answered.
    Dialled { link: LinkId },
    /// There may be room again for what a sender has waiting.
    Room { link: LinkId, way: Way },
    /// A client's deadline.
    Timeout { client: u32 },
    /// A deadline of a client's application.
    Wake { client: u32 },
    /// A paused client goes on.
    Resume { client: u32 },
    /// A client that was killed starts again.
    Reborn { client: u32 },
    /// A deadline of one of the cluster's machines.
    Machine { host: u32 },
    /// A mishap of the plan begins, or ends.
    Mishap { index: u32, begins: bool },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Instant,
    number: u64,
    what: Happening,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// The heap gives the greatest: the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// All that is going to happen.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Entry>,
    number: u64,
}

impl Agenda {
    pub(super) fn push(&mut self, at: Instant, what: Happening) {
        self.number += 1;
        self.heap.push(Entry { at, number: self.number, what });
    }

    /// When the next thing happens.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Instant, Happening)> {
        self.heap.pop().map(|entry| (entry.at, entry.what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_time_then_in_the_order_put_in() {
        let mut agenda = Agenda::default();
        let at = Instant::from_nanos;
        agenda.push(at(2), Happening::Machine { host: 0 });
        agenda.push(at(1), Happening::Resume { client: 1 });
        agenda.push(at(1), Happening::Resume { client: 0 });
        let order: Vec<_> = std::iter::from_fn(|| agenda.pop()).collect();
        let resumes = |client| (at(1), Happening::Resume { client });
        assert_eq!(order, [resumes(1), resumes(0), (at(2), Happening::Machine { host: 0 })]);
    }
}
