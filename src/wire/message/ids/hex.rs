//! Hexadecimal text, upper case on output.

use super::IdError;
use core::fmt;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// The value of each digit; 255 for what is none. Every acknowledged send brings an id to read.
const VALUES: [u8; 256] = {
    let mut table = [255; 256];
    let mut digit = 0;
    while digit < 16 {
        let upper = DIGITS[digit];
        table[upper as usize] = digit as u8;
        table[upper.to_ascii_lowercase() as usize] = digit as u8;
        digit += 1;
    }
    table
};

/// Writes up to 28 bytes in one call of the formatter.
pub(super) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let mut text = [0u8; 56];
    f.write_str(encode(bytes, &mut text))
}

/// The text of up to 28 bytes in `text`.
pub(super) fn encode<'t>(bytes: &[u8], text: &'t mut [u8; 56]) -> &'t str {
    let mut len = 0;
    for (byte, pair) in bytes.iter().zip(text.as_chunks_mut::<2>().0) {
        *pair = [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
        len += 2;
    }
    str::from_utf8(&text[..len]).unwrap_or_default()
}

/// Reads 16 or 28 bytes; the number of bytes is returned with them.
pub(super) fn decode(text: &str) -> Result<([u8; 28], usize), IdError> {
    let digits = text.as_bytes();
    if digits.len() != 32 && digits.len() != 56 {
        return Err(IdError::Length { len: digits.len() });
    }
    let mut bytes = [0u8; 28];
    for (index, (pair, byte)) in digits.as_chunks::<2>().0.iter().zip(bytes.iter_mut()).enumerate() {
        let [high, low] = pair.map(|digit| VALUES[usize::from(digit)]);
        if (high | low) > 15 {
            return Err(IdError::Digit { at: index * 2 + usize::from(high <= 15) });
        }
        *byte = high << 4 | low;
    }
    Ok((bytes, digits.len() / 2))
}
