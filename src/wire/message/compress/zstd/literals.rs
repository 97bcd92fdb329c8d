//! The first section of a block: literals, plain, repeated or Huffman-coded.

use alloc::vec;
use alloc::vec::Vec;

use super::huffman::Huffman;
use super::{MAX_BLOCK, Result, malformed, number, take};

/// Reads the section from the front of `input`; a new table is kept for later blocks.
pub(super) fn read(input: &mut &[u8], table: &mut Option<Huffman>) -> Result<Vec<u8>> {
    let first = *input.first().ok_or_else(|| malformed("cut short"))?;
    let format = first >> 2 & 3;
    if first & 3 < 2 {
        let (head, shift) = [(1, 3), (2, 4), (1, 3), (3, 4)][usize::from(format)];
        let len = (number(take(input, head)?) >> shift) as usize;
        if len > MAX_BLOCK {
            return Err(malformed("literals"));
        }
        return Ok(match first & 3 {
            0 => take(input, len)?.to_vec(),
            _ => vec![number(take(input, 1)?) as u8; len],
        });
    }
    let (head, bits, streams) = [(3, 10, 1), (3, 10, 4), (4, 14, 4), (5, 18, 4)][usize::from(format)];
    let sizes = number(take(input, head)?) >> 4;
    let (len, packed) = ((sizes & ((1 << bits) - 1)) as usize, (sizes >> bits) as usize);
    if len > MAX_BLOCK {
        return Err(malformed("literals"));
    }
    let mut data = take(input, packed)?;
    if first & 3 == 2 {
        *table = Some(Huffman::read(&mut data)?);
    }
    let table = table.as_ref().ok_or_else(|| malformed("no Huffman table"))?;
    let mut out = Vec::with_capacity(len);
    if streams == 1 {
        table.decode(data, len, &mut out)?;
    } else {
        four_streams(table, data, len, &mut out)?;
    }
    Ok(out)
}

fn four_streams(table: &Huffman, mut data: &[u8], len: usize, out: &mut Vec<u8>) -> Result<()> {
    let part = len.div_ceil(4);
    let last = len.checked_sub(3 * part).ok_or_else(|| malformed("literals"))?;
    let jumps = take(&mut data, 6)?;
    for jump in jumps.as_chunks::<2>().0 {
        table.decode(take(&mut data, usize::from(u16::from_le_bytes(*jump)))?, part, out)?;
    }
    table.decode(data, last, out)
}
