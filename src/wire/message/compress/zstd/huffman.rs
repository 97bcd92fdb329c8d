//! Huffman tables and streams of literals.

use alloc::vec;
use alloc::vec::Vec;

use super::bits::Backward;
use super::fse::Fse;
use super::{Result, malformed, take};

/// Longest code.
const MAX_BITS: u32 = 11;

/// A decoding table: symbol and length of the code that a number of `bits` bits begins with.
pub(super) struct Huffman {
    bits: u32,
    entries: Vec<(u8, u8)>,
}

impl Huffman {
    /// Reads the description of a table from the front of `input`.
    pub(super) fn read(input: &mut &[u8]) -> Result<Huffman> {
        let head = usize::from(take(input, 1)?[0]);
        let mut weights = if head >= 128 {
            let count = head - 127;
            let bytes = take(input, count.div_ceil(2))?;
            let mut weights: Vec<u8> = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect();
            weights.truncate(count);
            weights
        } else {
            packed_weights(take(input, head)?)?
        };
        // The last weight follows from the others: it fills the table.
        let sum: u32 = weights.iter().map(|&weight| if weight == 0 { 0 } else { 1 << (weight - 1) }).sum();
        let bits = sum.checked_ilog2().ok_or_else(|| malformed("Huffman table"))? + 1;
        let rest = (1u32 << bits) - sum;
        if bits > MAX_BITS || !rest.is_power_of_two() || weights.len() > 255 {
            return Err(malformed("Huffman table"));
        }
        weights.push(rest.ilog2() as u8 + 1);
        Huffman::build(&weights, bits)
    }

    fn build(weights: &[u8], bits: u32) -> Result<Huffman> {
        let mut entries = vec![(0, 0); 1 << bits];
        // Longest codes, which have the smallest weights, come first; equal ones in the order of their symbols.
        let mut at = 0;
        for wanted in 1..=bits as u8 + 1 {
            for (symbol, _) in weights.iter().enumerate().filter(|(_, weight)| **weight == wanted) {
                let span = 1usize << (wanted - 1);
                let places = entries.get_mut(at..at + span).ok_or_else(|| malformed("Huffman table"))?;
                places.fill((symbol as u8, bits as u8 + 1 - wanted));
                at += span;
            }
        }
        if at == entries.len() { Ok(Huffman { bits, entries }) } else { Err(malformed("Huffman table")) }
    }

    /// Appends exactly `len` literals, which must be all of the stream.
    pub(super) fn decode(&self, stream: &[u8], len: usize, out: &mut Vec<u8>) -> Result<()> {
        let mut bits = Backward::new(stream)?;
        for _ in 0..len {
            let (symbol, used) = self.entries.get(bits.peek(self.bits) as usize).copied().unwrap_or_default();
            bits.skip(u32::from(used));
            if bits.left() < 0 {
                return Err(malformed("literals"));
            }
            out.push(symbol);
        }
        if bits.left() == 0 { Ok(()) } else { Err(malformed("literals")) }
    }
}

/// Weights that are compressed themselves: two states take turns until the bits have run out.
fn packed_weights(mut input: &[u8]) -> Result<Vec<u8>> {
    let table = Fse::read(&mut input, 6, 256)?;
    let mut bits = Backward::new(input)?;
    let (mut state, mut other) = (table.start(&mut bits), table.start(&mut bits));
    let mut weights = Vec::new();
    if bits.left() < 0 {
        return Err(malformed("Huffman table"));
    }
    loop {
        weights.push(table.symbol(state));
        state = table.next(state, &mut bits);
        if bits.left() < 0 {
            weights.push(table.symbol(other));
            break;
        }
        core::mem::swap(&mut state, &mut other);
        if weights.len() > 255 {
            return Err(malformed("Huffman table"));
        }
    }
    if weights.iter().any(|&weight| u32::from(weight) > MAX_BITS) {
        return Err(malformed("Huffman table"));
    }
    Ok(weights)
}
