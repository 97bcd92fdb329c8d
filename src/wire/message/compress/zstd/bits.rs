//! Bits read forwards (tables) and backwards (streams).

use super::{Result, malformed};

/// Reads from the first byte on, low bits first.
pub(super) struct Forward<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Forward<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Forward<'a> {
        Forward { bytes, position: 0 }
    }

    /// The next `count` bits, at most 16, without taking them; zeros behind the end.
    pub(super) fn peek(&self, count: u32) -> u32 {
        let rest = self.bytes.get(self.position / 8..).unwrap_or_default();
        let word = rest.iter().take(4).rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        word >> (self.position % 8) & ((1 << count) - 1)
    }

    pub(super) fn skip(&mut self, count: u32) -> Result<()> {
        self.position += count as usize;
        if self.position > self.bytes.len() * 8 { Err(malformed("cut short")) } else { Ok(()) }
    }

    /// Bytes begun so far.
    pub(super) fn bytes_read(&self) -> usize {
        self.position.div_ceil(8)
    }
}

/// Reads from the last byte towards the first, high bits first; the highest set bit of the last byte is a mark.
pub(super) struct Backward<'a> {
    bytes: &'a [u8],
    /// Bits left; negative when more have been read than there were.
    left: isize,
}

impl<'a> Backward<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Backward<'a>> {
        let mark =
            bytes.last().and_then(|last| last.checked_ilog2()).ok_or_else(|| malformed("bit stream"))?;
        Ok(Backward { bytes, left: (bytes.len() as isize - 1) * 8 + mark as isize })
    }

    /// Bits left; negative when more have been read than there were.
    pub(super) fn left(&self) -> isize {
        self.left
    }

    /// The next `count` bits, at most 32, without taking them; zeros where nothing is left.
    #[inline]
    pub(super) fn peek(&self, count: u32) -> u64 {
        let low = self.left - count as isize;
        let mask = (1u64 << count) - 1;
        if low < 0 {
            return if -low >= count as isize { 0 } else { self.word(0) << -low & mask };
        }
        self.word(low as usize / 8) >> (low % 8) & mask
    }

    /// Up to eight bytes from `at` on.
    #[inline]
    fn word(&self, at: usize) -> u64 {
        let rest = self.bytes.get(at..).unwrap_or_default();
        match rest.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            None => super::number(rest),
        }
    }

    #[inline]
    pub(super) fn skip(&mut self, count: u32) {
        self.left -= count as isize;
    }

    #[inline]
    pub(super) fn read(&mut self, count: u32) -> u64 {
        let bits = self.peek(count);
        self.skip(count);
        bits
    }
}
