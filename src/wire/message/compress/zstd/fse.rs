//! Finite state entropy: tables and the state that walks them.

use alloc::vec;
use alloc::vec::Vec;

use super::bits::{Backward, Forward};
use super::{Result, malformed};

#[derive(Clone, Copy, Default)]
struct Entry {
    symbol: u8,
    bits: u8,
    base: u16,
}

/// A decoding table of at most 512 states.
#[derive(Clone)]
pub(super) struct Fse {
    log: u32,
    entries: Vec<Entry>,
}

impl Fse {
    /// A table that has one symbol only.
    pub(super) fn rle(symbol: u8) -> Fse {
        Fse { log: 0, entries: vec![Entry { symbol, bits: 0, base: 0 }] }
    }

    /// The table of these probabilities, which add up to `1 << log`; -1 stands for less than one.
    pub(super) fn build(probabilities: &[i16], log: u32) -> Result<Fse> {
        let size = 1usize << log;
        let mut entries = vec![Entry::default(); size];
        let mut next = [0u16; 256];
        let mut high = size;
        for (symbol, &probability) in probabilities.iter().enumerate().filter(|(_, p)| **p < 0) {
            let _ = probability;
            high = high.checked_sub(1).ok_or_else(|| malformed("table"))?;
            entries[high].symbol = symbol as u8;
            next[symbol & 255] = 1;
        }
        let (step, mask) = ((size >> 1) + (size >> 3) + 3, size - 1);
        let mut at = 0;
        for (symbol, &probability) in probabilities.iter().enumerate().filter(|(_, p)| **p > 0) {
            next[symbol & 255] = probability as u16;
            for _ in 0..probability {
                entries[at].symbol = symbol as u8;
                at = (at + step) & mask;
                // Every place below `high` is visited once per round, so this ends.
                while at >= high && high > 0 {
                    at = (at + step) & mask;
                }
            }
        }
        if at != 0 {
            return Err(malformed("table"));
        }
        for entry in &mut entries {
            let count = &mut next[usize::from(entry.symbol)];
            let bits = log - count.checked_ilog2().ok_or_else(|| malformed("table"))?;
            entry.bits = bits as u8;
            entry.base = (u32::from(*count) << bits).wrapping_sub(size as u32) as u16;
            *count += 1;
        }
        Ok(Fse { log, entries })
    }

    /// Reads a table of at most `symbols` symbols from the front of `input`.
    pub(super) fn read(input: &mut &[u8], max_log: u32, symbols: usize) -> Result<Fse> {
        let mut bits = Forward::new(input);
        let log = bits.peek(4) + 5;
        bits.skip(4)?;
        if log > max_log {
            return Err(malformed("table"));
        }
        let mut probabilities = Vec::with_capacity(symbols);
        let mut left = 1u32 << log;
        while left > 0 {
            let count = (left + 1).ilog2() + 1;
            let mut value = bits.peek(count);
            let low_mask = (1 << (count - 1)) - 1;
            let threshold = (1 << count) - 1 - (left + 1);
            if value & low_mask < threshold {
                value &= low_mask;
                bits.skip(count - 1)?;
            } else {
                if value > low_mask {
                    value -= threshold;
                }
                bits.skip(count)?;
            }
            let probability = value as i16 - 1;
            left =
                left.checked_sub(u32::from(probability.unsigned_abs())).ok_or_else(|| malformed("table"))?;
            probabilities.push(probability);
            if probability == 0 {
                loop {
                    let zeros = bits.peek(2) as usize;
                    bits.skip(2)?;
                    probabilities.resize(probabilities.len() + zeros, 0);
                    if zeros != 3 || probabilities.len() > symbols {
                        break;
                    }
                }
            }
            if probabilities.len() > symbols {
                return Err(malformed("table"));
            }
        }
        let used = bits.bytes_read();
        *input = input.get(used..).ok_or_else(|| malformed("cut short"))?;
        Fse::build(&probabilities, log)
    }

    /// The first state.
    pub(super) fn start(&self, bits: &mut Backward<'_>) -> usize {
        bits.read(self.log) as usize
    }

    #[inline]
    fn entry(&self, state: usize) -> Entry {
        self.entries.get(state).copied().unwrap_or_default()
    }

    /// The symbol of a state.
    #[inline]
    pub(super) fn symbol(&self, state: usize) -> u8 {
        self.entry(state).symbol
    }

    /// The state after this one.
    #[inline]
    pub(super) fn next(&self, state: usize, bits: &mut Backward<'_>) -> usize {
        let entry = self.entry(state);
        usize::from(entry.base) + bits.read(u32::from(entry.bits)) as usize
    }
}
