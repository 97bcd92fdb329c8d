//! Requests that wait for an answer: a ring indexed by the low bits of `opaque`, and their deadlines.
//!
//! Deadlines are kept in one first-in-first-out list for each distinct time-out length (requests of one length
//! expire in the order they were made), linked through the entries; what does not fit into a few lengths goes into
//! one ordered map. So inserting, answering and expiring cost the same with one entry and with a hundred thousand.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use smallvec::SmallVec;

use super::RequestId;
use crate::time::Instant;

/// Distinct time-out lengths with a list of their own.
const CLASSES: usize = 12;
const NONE: u64 = u64::MAX;
const MAP: u8 = u8::MAX;
const SMALLEST: usize = 16;

#[derive(Clone, Debug, Hash)]
pub(crate) struct Entry<T> {
    id: u64,
    pub(crate) frame: u64,
    deadline: Instant,
    previous: u64,
    next: u64,
    class: u8,
    pub(crate) context: T,
}

#[derive(Clone, Debug, Hash)]
struct Class {
    timeout: Duration,
    first: u64,
    last: u64,
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct InFlight<T> {
    slots: Vec<Option<Entry<T>>>,
    len: usize,
    next_id: u64,
    classes: SmallVec<[Class; CLASSES]>,
    others: BTreeSet<(Instant, u64)>,
}

impl<T> InFlight<T> {
    /// `start` is where `opaque` begins: random, so that an answer meant for another connection fits none here.
    pub(crate) fn new(start: u32) -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
            next_id: u64::from(start),
            classes: SmallVec::new(),
            others: BTreeSet::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn slot(&self, id: u64) -> usize {
        id as usize & self.slots.len().wrapping_sub(1)
    }

    fn get(&self, id: u64) -> Option<&Entry<T>> {
        self.slots.get(self.slot(id))?.as_ref().filter(|entry| entry.id == id)
    }

    fn get_mut(&mut self, id: u64) -> Option<&mut Entry<T>> {
        let slot = self.slot(id);
        self.slots.get_mut(slot)?.as_mut().filter(|entry| entry.id == id)
    }

    /// Takes the id whose low half the next request has to carry as `opaque`.
    ///
    /// A slot still taken is skipped: an `opaque` comes back only after 2^32 requests.
    pub(crate) fn reserve(&mut self) -> RequestId {
        if self.len * 2 >= self.slots.len() {
            self.grow();
        }
        while self.slots[self.slot(self.next_id)].is_some() {
            self.next_id += 1;
        }
        let id = self.next_id;
        self.next_id += 1;
        RequestId(id)
    }

    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(SMALLEST);
        let mut slots = Vec::new();
        slots.resize_with(len, || None);
        for entry in core::mem::take(&mut self.slots).into_iter().flatten() {
            let slot = entry.id as usize & (len - 1);
            slots[slot] = Some(entry);
        }
        self.slots = slots;
    }

    /// Notes a request under the id [`reserve`](Self::reserve) gave just before.
    pub(crate) fn insert(&mut self, id: RequestId, frame: u64, timeout: Duration, context: T, now: Instant) {
        let id = id.0;
        let deadline = now + timeout;
        let (class, previous) = self.link(id, timeout, deadline);
        let slot = self.slot(id);
        self.slots[slot] = Some(Entry { id, frame, deadline, previous, next: NONE, class, context });
        self.len += 1;
    }

    fn link(&mut self, id: u64, timeout: Duration, deadline: Instant) -> (u8, u64) {
        let found = self.classes.iter().position(|class| class.timeout == timeout);
        let index = found.or_else(|| {
            let free = self.classes.iter().position(|class| class.first == NONE);
            let fresh = Class { timeout, first: NONE, last: NONE };
            match free {
                Some(free) => self.classes[free] = fresh,
                None if self.classes.len() < CLASSES => self.classes.push(fresh),
                None => return None,
            }
            free.or(Some(self.classes.len() - 1))
        });
        let Some(index) = index else {
            self.others.insert((deadline, id));
            return (MAP, NONE);
        };
        let previous = core::mem::replace(&mut self.classes[index].last, id);
        if previous == NONE {
            self.classes[index].first = id;
        } else if let Some(before) = self.get_mut(previous) {
            before.next = id;
        }
        (index as u8, previous)
    }

    /// Ends the request that carried this `opaque`.
    pub(crate) fn take(&mut self, opaque: u32) -> Option<(RequestId, Entry<T>)> {
        let slot = self.slot(u64::from(opaque));
        let id = self.slots.get(slot)?.as_ref().filter(|entry| entry.id as u32 == opaque)?.id;
        self.remove(RequestId(id)).map(|entry| (RequestId(id), entry))
    }

    /// Ends the request with this id.
    pub(crate) fn remove(&mut self, id: RequestId) -> Option<Entry<T>> {
        self.get(id.0)?;
        let slot = self.slot(id.0);
        let entry = self.slots[slot].take()?;
        self.len -= 1;
        if entry.class == MAP {
            self.others.remove(&(entry.deadline, entry.id));
            return Some(entry);
        }
        match self.get_mut(entry.previous) {
            Some(before) => before.next = entry.next,
            None => self.classes[entry.class as usize].first = entry.next,
        }
        match self.get_mut(entry.next) {
            Some(after) => after.previous = entry.previous,
            None => self.classes[entry.class as usize].last = entry.previous,
        }
        Some(entry)
    }

    fn earliest(&self) -> Option<(Instant, u64)> {
        let listed =
            self.classes.iter().filter_map(|class| self.get(class.first)).map(|e| (e.deadline, e.id));
        listed.chain(self.others.first().copied()).min()
    }

    /// When the next request expires.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.earliest().map(|(deadline, _)| deadline)
    }

    /// Ends one request whose deadline has passed.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(RequestId, Entry<T>)> {
        let (_, id) = self.earliest().filter(|(deadline, _)| *deadline <= now)?;
        self.remove(RequestId(id)).map(|entry| (RequestId(id), entry))
    }

    /// Ends one request, the oldest first, for a connection that is gone.
    pub(crate) fn pop(&mut self) -> Option<(RequestId, Entry<T>)> {
        let oldest = self.slots.iter().flatten().map(|entry| entry.id).min();
        if let Some(id) = oldest {
            return self.remove(RequestId(id)).map(|entry| (RequestId(id), entry));
        }
        self.slots = Vec::new();
        None
    }

    /// Bytes of memory held, what the contexts point to excepted.
    pub(crate) fn held(&self) -> usize {
        self.slots.capacity() * size_of::<Option<Entry<T>>>() + self.others.len() * 24
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[test]
    fn an_answer_fits_only_its_own_request() {
        let mut table = InFlight::new(u32::MAX - 1);
        let ids: Vec<RequestId> = (0..5)
            .map(|n| {
                let id = table.reserve();
                table.insert(id, n, Duration::from_secs(1), n, Instant::ZERO);
                id
            })
            .collect();
        assert!(table.take(77).is_none());
        let (id, entry) = table.take(ids[3].opaque() as u32).expect("in flight");
        assert_eq!((id, entry.context), (ids[3], 3));
        assert!(table.take(ids[3].opaque() as u32).is_none(), "answered twice");
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64),
        Answer(usize),
        Advance(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..20_u64).prop_map(Step::Insert),
            3 => any::<usize>().prop_map(Step::Answer),
            1 => (0..9_u64).prop_map(Step::Advance),
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_map_with_deadlines(start: u32, steps in prop::collection::vec(step(), 0..300)) {
            let mut table = InFlight::new(start);
            let mut model = BTreeMap::new();
            let mut now = Instant::ZERO;
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(timeout) => {
                        let timeout = Duration::from_nanos(timeout);
                        let id = table.reserve();
                        table.insert(id, 0, timeout, n, now);
                        prop_assert!(model.insert(id, (now + timeout, n)).is_none());
                    }
                    Step::Answer(which) if !model.is_empty() => {
                        let id = *model.keys().nth(which % model.len()).unwrap();
                        let (_, context) = model.remove(&id).unwrap();
                        let (found, entry) = table.take(id.opaque() as u32).unwrap();
                        prop_assert_eq!((found, entry.context), (id, context));
                    }
                    Step::Answer(_) => {}
                    Step::Advance(by) => {
                        now = now + Duration::from_nanos(by);
                        while let Some((id, entry)) = table.expire(now) {
                            let (deadline, context) = model.remove(&id).unwrap();
                            prop_assert!(deadline <= now);
                            prop_assert_eq!(entry.context, context);
                        }
                    }
                }
                prop_assert_eq!(table.len(), model.len());
                prop_assert_eq!(table.next_deadline(), model.values().map(|(deadline, _)| *deadline).min());
            }
        }
    }
}
