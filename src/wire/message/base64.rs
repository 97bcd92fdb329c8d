//! Base64 with padding, standard and URL-safe: receipt bit sets and recall handles need it whatever features are on.

use alloc::string::String;
use alloc::vec::Vec;

/// The last two of the 64 characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// `+` and `/`.
    Standard,
    /// `-` and `_`.
    UrlSafe,
}

const COMMON: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Alphabet {
    fn last(self) -> [u8; 2] {
        if self == Alphabet::Standard { *b"+/" } else { *b"-_" }
    }

    fn symbol(self, value: u32) -> u8 {
        let value = (value & 63) as usize;
        COMMON.get(value).copied().unwrap_or_else(|| self.last()[value & 1])
    }

    fn value(self, symbol: u8) -> Option<u32> {
        Some(match symbol {
            b'A'..=b'Z' => u32::from(symbol - b'A'),
            b'a'..=b'z' => u32::from(symbol - b'a') + 26,
            b'0'..=b'9' => u32::from(symbol - b'0') + 52,
            _ => 62 + self.last().iter().position(|&last| last == symbol)? as u32,
        })
    }
}

/// The text, symbol by symbol.
pub(crate) fn symbols(bytes: &[u8], alphabet: Alphabet) -> impl Iterator<Item = u8> + '_ {
    bytes.chunks(3).flat_map(move |chunk| {
        let word = chunk.iter().fold(0u32, |word, &b| word << 8 | u32::from(b)) << (8 * (3 - chunk.len()));
        core::array::from_fn::<u8, 4, _>(|index| {
            if index > chunk.len() { b'=' } else { alphabet.symbol(word >> (18 - 6 * index)) }
        })
    })
}

pub(crate) fn encode(bytes: &[u8], alphabet: Alphabet) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    out.extend(symbols(bytes, alphabet).map(char::from));
    out
}

/// `None` when the text is no Base64; the padding may be absent, as Java's decoder allows.
pub(crate) fn decode(text: &str, alphabet: Alphabet) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    let padded = text.len().is_multiple_of(4);
    let symbols = match text {
        [rest @ .., b'=', b'='] | [rest @ .., b'='] if padded => rest,
        _ => text,
    };
    let mut out = Vec::with_capacity(symbols.len() / 4 * 3 + 2);
    for chunk in symbols.chunks(4) {
        let mut word = 0u32;
        for &symbol in chunk {
            word = word << 6 | alphabet.value(symbol)?;
        }
        let bytes = (word << (6 * (4 - chunk.len())) << 8).to_be_bytes();
        match chunk.len() {
            1 => return None,
            len => out.extend_from_slice(&bytes[..len - 1]),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(encode(plain.as_bytes(), Alphabet::Standard), text);
            assert_eq!(decode(text, Alphabet::Standard).as_deref(), Some(plain.as_bytes()));
            assert_eq!(
                decode(text.trim_end_matches('='), Alphabet::Standard).as_deref(),
                Some(plain.as_bytes())
            );
        }
        assert_eq!(encode(&[0xFB, 0xFF], Alphabet::UrlSafe), "-_8=");
        assert_eq!(encode(&[0xFB, 0xFF], Alphabet::Standard), "+/8=");
        for bad in ["Z", "Zg=", "Z===", "Zg=v", "Z g=", "-_8="] {
            assert_eq!(decode(bad, Alphabet::Standard), None, "{bad}");
        }
    }
}
