//! Whether bytes are ASCII: heads and properties nearly always are, and short.

const HIGH: u128 = 0x8080_8080_8080_8080_8080_8080_8080_8080;

/// True if all bytes are ASCII: without core's steps for long texts. The last bytes are read twice rather than one by
/// one (`cargo bench -- 3 4`).
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call of it takes as long as what it does for short texts")]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    let word = |eight: &[u8; 8]| u128::from(u64::from_ne_bytes(*eight));
    let all = if let Some(last) = bytes.last_chunk::<64>() {
        bytes.as_chunks::<64>().0.iter().fold(any_of(last), |all, chunk| all | any_of(chunk))
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<32>(), bytes.last_chunk::<32>()) {
        any_of(first) | any_of(last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<16>(), bytes.last_chunk::<16>()) {
        any_of(first) | any_of(last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        word(first) | word(last)
    } else {
        bytes.iter().fold(0, |all, &byte| all | u128::from(byte))
    };
    all & HIGH == 0
}

/// The bits that are set in any of the bytes, sixteen together.
#[inline]
fn any_of<const N: usize>(bytes: &[u8; N]) -> u128 {
    bytes.as_chunks::<16>().0.iter().fold(0, |all, chunk| all | u128::from_ne_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_of_many_is_found_wherever_it_stands() {
        for len in 0..200 {
            let mut bytes = alloc::vec![b'a'; len];
            assert!(is_ascii(&bytes));
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes), "{at} of {len}");
                bytes[at] = 0x7f;
            }
        }
    }
}
