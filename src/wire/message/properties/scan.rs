//! Finding separators eight bytes at a time: property look-ups are on the path of every delivered message.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Position of the last `byte` in `text`.
pub(super) fn rfind(text: &[u8], byte: u8) -> Option<usize> {
    let pattern = LOW * u64::from(byte);
    let mut rest = text;
    while let Some((before, word)) = rest.split_last_chunk::<8>() {
        // A byte of `x` is zero where the word holds the byte looked for. The exact form of the test is needed:
        // borrows of the cheap form would run upwards, and the search comes from above.
        let x = u64::from_le_bytes(*word) ^ pattern;
        let zeros = !(((x & !HIGH) + !HIGH) | x | !HIGH);
        if zeros != 0 {
            return Some(before.len() + 7 - (zeros.leading_zeros() / 8) as usize);
        }
        rest = before;
    }
    rest.iter().rposition(|&b| b == byte)
}

/// Name and value of a piece; `None` where Java skips it.
pub(super) fn split_pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = piece.iter().position(|&b| b == 1)?;
    let (name, value) = (&piece[..at], &piece[at + 1..]);
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::rfind;

    #[test]
    fn agrees_with_a_plain_search() {
        let mut text = [0u8; 40];
        for at in 0..text.len() {
            text.fill(3);
            text[at] = 2;
            assert_eq!(rfind(&text, 2), Some(at));
            for len in 0..text.len() {
                assert_eq!(rfind(&text[..len], 2), text[..len].iter().rposition(|&b| b == 2));
            }
        }
        assert_eq!(rfind(&[1, 2, 3, 0x82, 0, 2, 1, 1, 1, 1], 2), Some(5));
    }
}
