//! Hexadecimal text, upper case on output.

use alloc::vec::Vec;
use core::fmt;

use super::IdError;

/// Writes up to 28 bytes in one call of the formatter.
pub(super) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let mut text = [0u8; 56];
    f.write_str(encode(bytes, &mut text))
}

/// The text of up to 28 bytes, a multiple of four, in `text`.
pub(super) fn encode<'t>(bytes: &[u8], text: &'t mut [u8; 56]) -> &'t str {
    let (fours, eights) = (bytes.as_chunks().0, text.as_chunks_mut().0);
    for (four, eight) in fours.iter().zip(eights) {
        *eight = digits_of::<4, 8>(four);
    }
    str::from_utf8(&text[..fours.len() * 8]).unwrap_or_default()
}

/// Appends the text of bytes, a multiple of four.
#[inline]
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    if let Ok(bytes) = bytes.try_into() {
        return out.extend_from_slice(&digits_of::<16, 32>(bytes));
    }
    for four in bytes.as_chunks().0 {
        out.extend_from_slice(&digits_of::<4, 8>(four));
    }
}

/// The digits of so many bytes: the compiler makes vector instructions of loops whose length it knows, and every send
/// has an id to write and one to read.
#[inline]
fn digits_of<const BYTES: usize, const DIGITS: usize>(bytes: &[u8; BYTES]) -> [u8; DIGITS] {
    const { assert!(DIGITS == BYTES * 2) };
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(bytes) {
        *pair = [byte >> 4, byte & 15];
    }
    for digit in &mut digits {
        *digit += if *digit > 9 { b'A' - 10 } else { b'0' };
    }
    digits
}

/// The bytes of an id.
pub(super) enum IdBytes {
    V4([u8; 16]),
    V6([u8; 28]),
}

/// Reads the digits of an id.
#[inline]
pub(super) fn decode(digits: &[u8]) -> Result<IdBytes, IdError> {
    let bytes = if let Ok(digits) = <&[u8; 32]>::try_from(digits) {
        bytes_of(digits).map(IdBytes::V4)
    } else if let Ok(digits) = <&[u8; 56]>::try_from(digits) {
        bytes_of(digits).map(IdBytes::V6)
    } else {
        return Err(IdError::Length { len: digits.len() });
    };
    bytes.ok_or_else(|| not_a_digit(digits))
}

/// The bytes of so many digits; `None` if one is none.
#[expect(clippy::needless_bitwise_bool, reason = "lazy ones are not made vector instructions of")]
#[inline]
fn bytes_of<const DIGITS: usize, const BYTES: usize>(digits: &[u8; DIGITS]) -> Option<[u8; BYTES]> {
    const { assert!(DIGITS == BYTES * 2) };
    let (mut halves, mut wrong) = ([0; DIGITS], false);
    for (half, digit) in halves.iter_mut().zip(digits) {
        let (number, letter) = (digit.wrapping_sub(b'0'), (digit | 0x20).wrapping_sub(b'a'));
        wrong |= (number > 9) & (letter > 5);
        *half = if number > 9 { letter.wrapping_add(10) } else { number };
    }
    let mut bytes = [0; BYTES];
    for (byte, [high, low]) in bytes.iter_mut().zip(halves.as_chunks().0) {
        *byte = high << 4 | low;
    }
    (!wrong).then_some(bytes)
}

#[cold]
fn not_a_digit(digits: &[u8]) -> IdError {
    let at = digits.iter().position(|digit| !digit.is_ascii_hexdigit());
    IdError::Digit { at: at.unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(digits: &[u8]) -> Result<alloc::vec::Vec<u8>, IdError> {
        decode(digits).map(|bytes| match bytes {
            IdBytes::V4(bytes) => bytes.to_vec(),
            IdBytes::V6(bytes) => bytes.to_vec(),
        })
    }

    #[test]
    fn every_byte_is_a_digit_or_none_in_every_place() {
        for place in 0..56 {
            for byte in 0..=u8::MAX {
                let mut digits = *b"0aF9fA630aF9fA630aF9fA630aF9fA630aF9fA630aF9fA630aF9fA63";
                digits[place] = byte;
                for digits in [&digits[..], &digits[..32]] {
                    let halves = digits.iter().map(|digit| char::from(*digit).to_digit(16));
                    let expected: Option<alloc::vec::Vec<u32>> = halves.collect();
                    let expected = expected
                        .map(|halves| halves.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect());
                    assert_eq!(decoded(digits), expected.ok_or(IdError::Digit { at: place }));
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let bytes: [u8; 28] = core::array::from_fn(|at| (at * 37 + 5) as u8);
        for len in [16, 28] {
            let (mut text, mut appended) = ([0; 56], Vec::new());
            let text = encode(&bytes[..len], &mut text);
            append(&mut appended, &bytes[..len]);
            assert_eq!(appended, text.as_bytes());
            for (pair, byte) in text.as_bytes().as_chunks::<2>().0.iter().zip(bytes) {
                assert_eq!(str::from_utf8(pair), Ok(&*alloc::format!("{byte:02X}")));
            }
            assert_eq!(decoded(text.as_bytes()), Ok(bytes[..len].to_vec()));
        }
    }
}
