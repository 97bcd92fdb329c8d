//! Hexadecimal text, upper case on output.

use alloc::vec::Vec;
use core::fmt;

use super::IdError;

/// One in each byte: digits are worked on eight at a time, as every send has an id to write and one to read.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The digits of eight half bytes, which are at most 15.
#[inline]
fn digits_of(halves: u64) -> u64 {
    // Six more than a letter's value carries into bit 4.
    let letters = ((halves + ONES * 6) >> 4) & ONES;
    halves + ONES * u64::from(b'0') + letters * u64::from(b'A' - b'9' - 1)
}

/// The half bytes of eight digits; `None` if one is none.
#[inline]
fn halves_of(digits: u64) -> Option<u64> {
    // Letters have bit 6, and bit 5 if they are small ones.
    let letters = (digits >> 6) & ONES;
    let halves = (digits & (ONES * 15)) + letters * 9;
    let upper = digits & !(letters * 0x20);
    (halves & (ONES * 0xf0) == 0 && digits_of(halves) == upper).then_some(halves)
}

/// Writes up to 28 bytes in one call of the formatter.
pub(super) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let mut text = [0u8; 56];
    f.write_str(encode(bytes, &mut text))
}

/// The text of up to 28 bytes, a multiple of four, in `text`.
pub(super) fn encode<'t>(bytes: &[u8], text: &'t mut [u8; 56]) -> &'t str {
    let (fours, eights) = (bytes.as_chunks::<4>().0, text.as_chunks_mut::<8>().0);
    for (four, eight) in fours.iter().zip(eights) {
        *eight = eight_of(*four);
    }
    str::from_utf8(&text[..fours.len() * 8]).unwrap_or_default()
}

/// Appends the text of bytes, a multiple of four.
#[inline]
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    for four in bytes.as_chunks::<4>().0 {
        out.extend_from_slice(&eight_of(*four));
    }
}

/// The digits of four bytes.
#[inline]
fn eight_of(four: [u8; 4]) -> [u8; 8] {
    // Spread over twice the width, each byte's halves in their order.
    let spread = u64::from(u32::from_le_bytes(four));
    let spread = (spread | spread << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    digits_of((spread >> 4 | spread << 8) & (ONES * 15)).to_le_bytes()
}

/// Reads 16 or 28 bytes; the number of bytes is returned with them.
pub(super) fn decode(digits: &[u8]) -> Result<([u8; 28], usize), IdError> {
    if digits.len() != 32 && digits.len() != 56 {
        return Err(IdError::Length { len: digits.len() });
    }
    let mut bytes = [0u8; 28];
    for (eight, four) in digits.as_chunks::<8>().0.iter().zip(bytes.as_chunks_mut::<4>().0) {
        let Some(halves) = halves_of(u64::from_le_bytes(*eight)) else { return Err(not_a_digit(digits)) };
        // Two halves to a byte, then bytes to a quarter of the width.
        let pairs = (halves << 4 | halves >> 8) & 0x00ff_00ff_00ff_00ff;
        let quads = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
        *four = ((quads | quads >> 16) as u32).to_le_bytes();
    }
    Ok((bytes, digits.len() / 2))
}

#[cold]
fn not_a_digit(digits: &[u8]) -> IdError {
    let at = digits.iter().position(|digit| !digit.is_ascii_hexdigit());
    IdError::Digit { at: at.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_digit_or_none_in_every_place() {
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                let mut digits = *b"0aF9fA63";
                digits[place] = byte;
                let found = halves_of(u64::from_le_bytes(digits)).map(u64::to_le_bytes);
                let expected = char::from(byte).to_digit(16);
                assert_eq!(found.map(|halves| u32::from(halves[place])), expected, "{byte} at {place}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes: [u8; 28] = core::array::from_fn(|at| (at * 37 + 5) as u8);
        for len in [16, 28] {
            let mut text = [0; 56];
            let text = encode(&bytes[..len], &mut text);
            for (pair, byte) in text.as_bytes().as_chunks::<2>().0.iter().zip(bytes) {
                assert_eq!(str::from_utf8(pair), Ok(&*alloc::format!("{byte:02X}")));
            }
            let (read, read_len) = decode(text.as_bytes()).expect("its own digits");
            assert_eq!((&read[..read_len], read_len), (&bytes[..len], len));
        }
    }
}
