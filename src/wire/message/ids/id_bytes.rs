//! What ids are made of: bytes, and their hexadecimal text, upper case on output.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::IdError;

/// Bytes behind the address.
pub(super) const REST: usize = 12;
/// All bytes where the address is one of IPv4, and of IPv6.
const V4: usize = 4 + REST;
const V6: usize = 16 + REST;

/// The bytes of an id: an address and twelve more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct IdBytes {
    bytes: [u8; V6],
    len: u8,
}

impl IdBytes {
    #[inline]
    pub(super) fn new(ip: IpAddr, rest: [u8; REST]) -> Self {
        let (mut bytes, len) = ([0; V6], if ip.is_ipv4() { V4 } else { V6 });
        match ip {
            IpAddr::V4(ip) => bytes[..4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => bytes[..16].copy_from_slice(&ip.octets()),
        }
        let mut id = Self { bytes, len: len as u8 };
        id.end_with(rest);
        id
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    pub(super) fn ip(&self) -> IpAddr {
        match self.as_slice().split_last_chunk::<REST>() {
            Some(([a, b, c, d], _)) => Ipv4Addr::new(*a, *b, *c, *d).into(),
            Some((ip, _)) => ip.try_into().map_or(Ipv6Addr::UNSPECIFIED, <[u8; 16]>::into).into(),
            None => Ipv4Addr::UNSPECIFIED.into(),
        }
    }

    /// What is behind the address.
    #[inline]
    pub(super) fn rest(&self) -> &[u8; REST] {
        let short = self.bytes.first_chunk::<V4>().and_then(|short| short.last_chunk());
        match short {
            Some(rest) if usize::from(self.len) == V4 => rest,
            _ => self.bytes.last_chunk().unwrap_or(&[0; REST]),
        }
    }

    /// Makes these its last bytes.
    #[inline]
    pub(super) fn end_with<const N: usize>(&mut self, end: [u8; N]) {
        const { assert!(N <= REST) };
        let at = usize::from(self.len) - N;
        self.bytes[at..at + N].copy_from_slice(&end);
    }

    /// Digits of the text.
    pub(super) fn text_len(&self) -> usize {
        usize::from(self.len) * 2
    }

    /// The text in `buffer`.
    pub(super) fn encode<'t>(&self, buffer: &'t mut [u8; V6 * 2]) -> &'t str {
        let (fours, eights) = (self.as_slice().as_chunks().0, buffer.as_chunks_mut().0);
        for (four, eight) in fours.iter().zip(eights) {
            *eight = digits_of::<4, 8>(four);
        }
        str::from_utf8(&buffer[..fours.len() * 8]).unwrap_or_default()
    }

    /// Appends the text with something before and behind it, of 24 bytes together at most.
    #[inline]
    pub(super) fn append_between<const B: usize, const A: usize>(
        &self,
        out: &mut Vec<u8>,
        before: &[u8; B],
        behind: &[u8; A],
    ) {
        // Put together first: then there is one copy, of a size that is known.
        let mut all = [0; V4 * 2 + 24];
        const { assert!(B + A <= 24) };
        if let Ok(bytes) = self.as_slice().try_into() {
            all[..B].copy_from_slice(before);
            all[B..B + V4 * 2].copy_from_slice(&digits_of::<V4, { V4 * 2 }>(bytes));
            all[B + V4 * 2..B + V4 * 2 + A].copy_from_slice(behind);
            return out.extend_from_slice(&all[..B + V4 * 2 + A]);
        }
        out.extend_from_slice(before);
        out.extend_from_slice(self.encode(&mut [0; V6 * 2]).as_bytes());
        out.extend_from_slice(behind);
    }

    /// Reads the digits of an id.
    #[inline]
    pub(super) fn decode(digits: &[u8]) -> Result<Self, IdError> {
        let mut bytes = [0; V6];
        let decoded = if let Ok(digits) = <&[u8; V4 * 2]>::try_from(digits) {
            bytes_of::<{ V4 * 2 }, V4>(digits).map(|short| bytes[..V4].copy_from_slice(&short))
        } else if let Ok(digits) = <&[u8; V6 * 2]>::try_from(digits) {
            bytes_of(digits).map(|long| bytes = long)
        } else {
            return Err(IdError::Length { len: digits.len() });
        };
        match decoded {
            Some(()) => Ok(Self { bytes, len: (digits.len() / 2) as u8 }),
            None => Err(not_a_digit(digits)),
        }
    }
}

impl fmt::Debug for IdBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for IdBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; V6 * 2]))
    }
}

/// The digits of so many bytes: the compiler makes vector instructions of loops whose length it knows, and every send
/// has an id to write and one to read.
#[expect(clippy::inline_always, reason = "a few vector instructions")]
#[inline(always)]
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
        IdBytes::decode(digits).map(|id| id.as_slice().to_vec())
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
        let ips =
            [IpAddr::from([5, 42, 79, 116]), IpAddr::from(*bytes.first_chunk::<16>().expect("28 bytes"))];
        for (len, ip) in [16, 28].into_iter().zip(ips) {
            let rest = bytes[len - REST..len].try_into().expect("twelve bytes");
            let id = IdBytes::new(ip, rest);
            assert_eq!(
                (id.as_slice(), id.ip(), *id.rest(), id.text_len()),
                (&bytes[..len], ip, rest, len * 2)
            );
            let mut text = [0; 56];
            let text = id.encode(&mut text);
            let mut appended = Vec::from(*b"here ");
            id.append_between(&mut appended, b"< ", b">");
            assert_eq!(appended, alloc::format!("here < {text}>").into_bytes());
            for (pair, byte) in text.as_bytes().as_chunks::<2>().0.iter().zip(bytes) {
                assert_eq!(str::from_utf8(pair), Ok(&*alloc::format!("{byte:02X}")));
            }
            assert_eq!(decoded(text.as_bytes()), Ok(bytes[..len].to_vec()));
        }
    }
}
