//! Requests that wait for an answer: a ring indexed by the low bits of `opaque`, and their deadlines.
//!
//! Deadlines are kept in one first-in-first-out list for each distinct time-out length (requests of one length
//! expire in the order they were made), linked through the entries; what does not fit into a few lengths goes into
//! one ordered map. So inserting, answering and expiring cost the same with one entry and with a hundred thousand.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::RequestId;
use crate::time::Instant;

/// Distinct time-out lengths with a list of their own.
const CLASSES: usize = 12;
const MAP: u8 = u8::MAX;
const SMALLEST: usize = 4;

/// One request in flight: kept small, there may be a hundred thousand of them. Links are opaques; one that names
/// its own entry is none.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Entry<T> {
    pub(crate) frame: u64,
    link: Link,
    pub(crate) context: T,
}

/// Where an entry is in the lists of deadlines.
#[derive(Clone, Copy, Debug, Hash)]
struct Link {
    deadline: Instant,
    opaque: u32,
    previous: u32,
    next: u32,
    class: u8,
}

#[derive(Clone, Debug, Hash)]
struct Class {
    /// In nanoseconds.
    timeout: u64,
    /// First and last opaque of the list.
    ends: Option<(u32, u32)>,
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct InFlight<T> {
    slots: Vec<Option<Entry<T>>>,
    len: usize,
    next_id: u64,
    classes: Vec<Class>,
    others: BTreeSet<(Instant, u32)>,
}

impl<T> InFlight<T> {
    /// `start` is where `opaque` begins: random, so that an answer meant for another connection fits none here.
    pub(crate) fn new(start: u32) -> Self {
        Self {
            slots: Vec::new(),
            len: 0,
            next_id: u64::from(start),
            classes: Vec::new(),
            others: BTreeSet::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn slot(&self, opaque: u32) -> usize {
        opaque as usize & self.slots.len().wrapping_sub(1)
    }

    fn get(&self, opaque: u32) -> Option<&Entry<T>> {
        self.slots.get(self.slot(opaque))?.as_ref().filter(|entry| entry.link.opaque == opaque)
    }

    fn get_mut(&mut self, opaque: u32) -> Option<&mut Entry<T>> {
        let slot = self.slot(opaque);
        self.slots.get_mut(slot)?.as_mut().filter(|entry| entry.link.opaque == opaque)
    }

    /// The whole id of an entry: the newest one given that ends in this opaque, since a taken slot is skipped.
    fn id_of(&self, opaque: u32) -> RequestId {
        let last = self.next_id.wrapping_sub(1);
        RequestId(last.wrapping_sub(u64::from((last as u32).wrapping_sub(opaque))))
    }

    /// Takes the id whose low half the next request has to carry as `opaque`.
    ///
    /// A slot still taken is skipped: an `opaque` comes back only after 2^32 requests. A sixteenth of the ring stays
    /// free, so that few are skipped in whatever order answers come.
    #[inline]
    pub(crate) fn reserve(&mut self) -> RequestId {
        if (self.len + 1) * 16 > self.slots.len() * 15 {
            self.grow();
        }
        while self.slots[self.slot(self.next_id as u32)].is_some() {
            self.next_id += 1;
        }
        let id = self.next_id;
        self.next_id += 1;
        RequestId(id)
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.slots.len() * 2).max(SMALLEST);
        let mut slots = Vec::new();
        slots.resize_with(len, || None);
        for entry in core::mem::take(&mut self.slots).into_iter().flatten() {
            let slot = entry.link.opaque as usize & (len - 1);
            slots[slot] = Some(entry);
        }
        self.slots = slots;
    }

    /// Gives the ring's memory back when nothing is in flight.
    pub(crate) fn trim(&mut self) {
        if self.len == 0 {
            self.slots = Vec::new();
            self.classes = Vec::new();
        }
    }

    /// Notes a request under the id [`reserve`](Self::reserve) gave just before.
    #[inline]
    pub(crate) fn insert(&mut self, id: RequestId, frame: u64, deadline: Instant, context: T, now: Instant) {
        let opaque = id.0 as u32;
        let deadline = deadline.max(now);
        let timeout = match deadline {
            Instant::FAR_FUTURE => u64::MAX,
            _ => deadline.as_nanos() - now.as_nanos(),
        };
        let (class, previous) = self.link(opaque, timeout, deadline);
        let slot = self.slot(opaque);
        let link = Link { deadline, opaque, previous, next: opaque, class };
        self.slots[slot] = Some(Entry { frame, link, context });
        self.len += 1;
    }

    #[inline]
    fn link(&mut self, opaque: u32, timeout: u64, deadline: Instant) -> (u8, u32) {
        let found = self.classes.iter().position(|class| class.timeout == timeout);
        let index = found.or_else(|| {
            let free = self.classes.iter().position(|class| class.ends.is_none());
            let fresh = Class { timeout, ends: None };
            match free {
                Some(free) => self.classes[free] = fresh,
                None if self.classes.len() < CLASSES => self.classes.push(fresh),
                None => return None,
            }
            free.or(Some(self.classes.len() - 1))
        });
        let Some(index) = index else {
            self.others.insert((deadline, opaque));
            return (MAP, opaque);
        };
        let ends = &mut self.classes[index].ends;
        let Some((_, last)) = ends else {
            *ends = Some((opaque, opaque));
            return (index as u8, opaque);
        };
        let previous = core::mem::replace(last, opaque);
        if let Some(before) = self.get_mut(previous) {
            before.link.next = opaque;
        }
        (index as u8, previous)
    }

    /// Ends the request that carried this `opaque`.
    pub(crate) fn take(&mut self, opaque: u32) -> Option<(RequestId, Entry<T>)> {
        let slot = self.slot(opaque);
        let entry = self.slots.get_mut(slot)?.take_if(|entry| entry.link.opaque == opaque)?;
        self.unlink(entry.link);
        Some((self.id_of(opaque), entry))
    }

    /// Ends the request that carried this `opaque`, if what is kept with it is wanted; returns what is wanted of it.
    #[inline]
    pub(crate) fn take_wanted<R>(&mut self, opaque: u32, wanted: impl FnOnce(&T) -> Option<R>) -> Option<R> {
        let slot = self.slot(opaque);
        let place = self.slots.get_mut(slot)?;
        let entry = place.as_ref().filter(|entry| entry.link.opaque == opaque)?;
        let (link, found) = (entry.link, wanted(&entry.context)?);
        *place = None;
        self.unlink(link);
        Some(found)
    }

    /// Ends the request with this id.
    pub(crate) fn remove(&mut self, id: RequestId) -> Option<Entry<T>> {
        let opaque = id.0 as u32;
        if self.id_of(opaque) != id {
            return None;
        }
        self.take(opaque).map(|(_, entry)| entry)
    }

    fn unlink(&mut self, link: Link) {
        self.len -= 1;
        let own = link.opaque;
        if link.class == MAP {
            self.others.remove(&(link.deadline, own));
            return;
        }
        let (first, last) = (link.previous == own, link.next == own);
        if !first && let Some(before) = self.get_mut(link.previous) {
            before.link.next = if last { link.previous } else { link.next };
        }
        if !last && let Some(after) = self.get_mut(link.next) {
            after.link.previous = if first { link.next } else { link.previous };
        }
        let ends = &mut self.classes[link.class as usize].ends;
        match (first, last) {
            (true, true) => *ends = None,
            (true, false) => *ends = ends.map(|(_, last)| (link.next, last)),
            (false, true) => *ends = ends.map(|(first, _)| (first, link.previous)),
            (false, false) => {}
        }
    }

    fn earliest(&self) -> Option<(Instant, u32)> {
        let firsts = self.classes.iter().filter_map(|class| self.get(class.ends?.0));
        let others = self.others.first().copied();
        firsts.map(|entry| (entry.link.deadline, entry.link.opaque)).chain(others).min()
    }

    /// When the next request expires.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.len == 0 {
            return None;
        }
        self.earliest().map(|(deadline, _)| deadline)
    }

    /// Ends one request whose deadline has passed.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<(RequestId, Entry<T>)> {
        let (_, opaque) = self.earliest().filter(|(deadline, _)| *deadline <= now)?;
        self.take(opaque)
    }

    /// Ends all requests, nearly in the order they were made, for a connection that is gone: one at each call.
    pub(crate) fn pop(&mut self, drained: &mut usize) -> Option<(RequestId, Entry<T>)> {
        let slots = self.slots.len();
        while *drained < slots && self.len > 0 {
            // The oldest stands where the next one would be put.
            let slot = (self.next_id as usize).wrapping_add(*drained) & (slots - 1);
            *drained += 1;
            if let Some(opaque) = self.slots[slot].as_ref().map(|entry| entry.link.opaque) {
                return self.take(opaque);
            }
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
    use core::time::Duration;

    use proptest::prelude::*;

    #[test]
    fn an_answer_fits_only_its_own_request() {
        let mut table = InFlight::new(u32::MAX - 1);
        let ids: Vec<RequestId> = (0..5)
            .map(|n| {
                let id = table.reserve();
                table.insert(id, n, Instant::ZERO + Duration::from_secs(1), n, Instant::ZERO);
                id
            })
            .collect();
        assert!(table.take(77).is_none());
        let (id, entry) = table.take(ids[3].opaque() as u32).expect("in flight");
        assert_eq!((id, entry.context), (ids[3], 3));
        assert!(table.take(ids[3].opaque() as u32).is_none(), "answered twice");
    }

    #[test]
    fn what_is_in_flight_when_a_connection_ends_comes_out_once_oldest_first() {
        let mut table = InFlight::new(u32::MAX - 40);
        let mut ids = Vec::new();
        for n in 0..100_u64 {
            let id = table.reserve();
            table.insert(id, n, Instant::ZERO + Duration::from_secs(n % 15), n, Instant::ZERO);
            ids.push(id);
        }
        for gone in [3, 4, 5, 50, 99] {
            assert_eq!(table.remove(ids[gone]).expect("in flight").context, gone as u64);
            assert!(table.remove(ids[gone]).is_none());
        }
        let mut drained = 0;
        let rest: Vec<u64> =
            core::iter::from_fn(|| table.pop(&mut drained)).map(|(_, entry)| entry.context).collect();
        let expected: Vec<u64> = (0..100).filter(|n| ![3, 4, 5, 50, 99].contains(n)).collect();
        assert_eq!((rest, table.len()), (expected, 0));
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
                        table.insert(id, 0, now + timeout, n, now);
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
