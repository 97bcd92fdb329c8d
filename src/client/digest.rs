//! One number for everything an engine remembers: simulators and model checkers tell states apart by it.

use core::hash::{Hash, Hasher};

use super::Client;

/// Mixes 64 bits at a time (the finish of SplitMix64). No random keys: the same state is the same number in every
/// run of one build.
#[derive(Debug)]
struct Digester(u64);

impl Digester {
    fn mix(&mut self, word: u64) {
        let mut z = (self.0 ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = z ^ (z >> 31);
    }
}

impl Hasher for Digester {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(bytes.len() as u64);
    }

    fn write_u8(&mut self, i: u8) {
        self.mix(u64::from(i));
    }

    fn write_u32(&mut self, i: u32) {
        self.mix(u64::from(i));
    }

    fn write_u64(&mut self, i: u64) {
        self.mix(i);
    }

    fn write_usize(&mut self, i: usize) {
        self.mix(i as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A number that stands for a value: without random keys and fast, for whoever keeps millions of states.
///
/// Comparable within one build.
pub fn digest_of(value: &impl Hash) -> u64 {
    let mut state = Digester(0);
    value.hash(&mut state);
    state.finish()
}

impl Client {
    /// A number that stands for the whole state: connections and their bytes, sends, queues, timers, random
    /// numbers, counters, pending actions, events and notices. Engines with equal digests do the same from there on.
    ///
    /// Comparable within one build of the engine.
    pub fn digest(&self) -> u64 {
        // Taken apart, so that a new field must be thought of here.
        let Self {
            config: _,
            stats,
            ids,
            net,
            routes,
            heartbeat,
            producers,
            consumers,
            names,
            events,
            notices,
            rng,
            unique_ids,
            lifecycle,
            now,
            unix_offset_ms,
            // It follows from the others.
            due: _,
            // What was told, not what will be.
            #[cfg(feature = "record")]
                recorder: _,
        } = self;
        let first = (ids, net, routes, heartbeat, producers, consumers, names, stats);
        digest_of(&(first, (events, notices, rng, unique_ids, lifecycle, now, unix_offset_ms)))
    }
}
