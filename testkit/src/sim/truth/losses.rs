//! What brokers have lost. A client cannot know that an offset it has read is another message's now, so for messages
//! at such offsets neither delivery nor its being told once can be asked (notes Z2 and Z6 of the invariants).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Truth;
use super::sends::Key;
use crate::broker::Name;

/// What is not where it was.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    /// Messages that are gone, or are where nobody may look.
    keys: BTreeSet<Key>,
    /// Offsets that were given out before, by queue.
    reused: BTreeMap<(usize, Name, u32), Range<i64>>,
}

impl Losses {
    /// Whether nobody can be blamed for not finishing the message.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }

    /// Whether the queue has lost messages: a consumer beyond its new end goes back, to the oldest message it has not
    /// finished, and what it had finished behind that comes again.
    pub(super) fn has_lost(&self, host: usize, topic: &Name, queue: u32) -> bool {
        !self.reused.is_empty() && self.reused.contains_key(&(host, topic.clone(), queue))
    }

    /// Whether another message has had this offset.
    pub(super) fn is_reused(&self, host: usize, topic: &Name, queue: u32, offset: i64) -> bool {
        // Most runs lose nothing.
        !self.reused.is_empty()
            && self.reused.get(&(host, topic.clone(), queue)).is_some_and(|range| range.contains(&offset))
    }

    /// A message is stored: at an offset a consumer may have passed already, it may be passed over.
    pub(super) fn on_stored(&mut self, host: usize, topic: &Name, queue: u32, offset: i64, key: &Key) {
        if self.is_reused(host, topic, queue, offset) {
            self.keys.insert(key.clone());
        }
    }
}

impl Truth {
    /// A broker's queues end where `end_of` says: what was behind is gone.
    pub(in super::super) fn on_lost(&mut self, broker: &str, end_of: impl Fn(&str, u32) -> i64) {
        let host = self.broker_index(broker);
        let mut any = false;
        for (place, log) in self.logs.iter_mut().filter(|((at, ..), _)| *at == host) {
            let (before, end) = (log.len() as i64, end_of(&place.1, place.2));
            if before <= end {
                continue;
            }
            any = true;
            self.losses.keys.extend(log.split_off(usize::try_from(end).unwrap_or_default()));
            let reused = self.losses.reused.entry(place.clone()).or_insert(end..before);
            *reused = reused.start.min(end)..reused.end.max(before);
            self.groups.values_mut().for_each(|group| group.on_lost(place, end));
        }
        if any {
            // Offsets begin again.
            self.order.clear();
        }
    }
}
