//! Finding properties eight bytes at a time: look-ups are on the path of every delivered message.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
/// A word of separators.
const SEPARATORS: u64 = LOW * 2;

/// The value of the last pair called `name`. The search goes from the end, because the last of equal names wins:
/// so the first hit is the answer.
#[inline]
pub(super) fn find_last<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // What is before `end` has not been compared, what is before `base` not even been searched.
    let (mut end, mut base) = (text.len(), text.len());
    let mut rest = text;
    while let Some((before, word)) = rest.split_last_chunk::<8>() {
        rest = before;
        base -= 8;
        let x = u64::from_le_bytes(*word) ^ SEPARATORS;
        // Not zero when a byte is; says where only after the exact test.
        if x.wrapping_sub(LOW) & !x & HIGH == 0 {
            continue;
        }
        let mut zeros = !(((x & !HIGH) + !HIGH) | x | !HIGH);
        while zeros != 0 {
            let bit = 63 - zeros.leading_zeros();
            zeros ^= 1 << bit;
            let at = base + (bit / 8) as usize;
            if let Some(value) = value_of(text.get(at + 1..end)?, name) {
                return Some(value);
            }
            end = at;
        }
    }
    while let Some((&byte, before)) = rest.split_last() {
        if byte == 2 {
            if let Some(value) = value_of(text.get(rest.len()..end)?, name) {
                return Some(value);
            }
            end = before.len();
        }
        rest = before;
    }
    value_of(text.get(..end)?, name)
}

/// The value in `piece` if it belongs to `name` and is not empty.
#[inline]
fn value_of<'a>(piece: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // The separator is looked at first: it settles nearly every piece.
    if piece.get(name.len()) == Some(&1) && piece.starts_with(name) && piece.len() > name.len() + 1 {
        piece.get(name.len() + 1..)
    } else {
        None
    }
}

/// Name and value of a piece; `None` where Java skips it.
pub(super) fn split_pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = piece.iter().position(|&b| b == 1)?;
    let (name, value) = (&piece[..at], &piece[at + 1..]);
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::find_last;
    use alloc::vec;

    #[test]
    fn finds_a_pair_wherever_it_stands() {
        for before in 0..20 {
            for after in 0..20 {
                // 0x03 and 0x82 are neighbours of the separator for careless tests.
                let filler = |len: usize| vec![[b'x', 3, 0x82, 0][len % 4]; len];
                let text = [&filler(before)[..], b"\x02", b"ab\x01c\x02", &filler(after)].concat();
                assert_eq!(find_last(&text, b"ab"), Some(&b"c"[..]), "{before} {after}");
                assert_eq!(find_last(&text, b"a"), None);
                assert_eq!(find_last(&text, b"abc"), None);
            }
        }
    }
}
