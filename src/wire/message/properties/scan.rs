//! Finding properties eight bytes at a time: look-ups are on the path of every delivered message.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
/// A word of separators behind names.
const AFTER_NAME: u64 = LOW;
/// A word of separators behind pairs.
const AFTER_PAIR: u64 = LOW * 2;

/// The value of the last pair called `name`. The search goes from the end, because the last of equal names wins:
/// so the first hit is the answer.
///
/// A pair of this name begins behind a separator and has the other separator behind as many bytes as the name
/// has: both are looked for at once, so that pairs with names of other lengths cost nothing of their own.
pub(super) fn find_last<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let starts = text.get(..text.len().checked_sub(name.len() + 1)?)?;
    let ends = text.get(name.len() + 1..)?;
    let (short_starts, starts) = starts.as_rchunks::<8>();
    let (short_ends, ends) = ends.as_rchunks::<8>();
    let mut words = starts.iter().zip(ends);
    while let Some((start, end)) = words.next_back() {
        let x = (u64::from_le_bytes(*start) ^ AFTER_PAIR) | (u64::from_le_bytes(*end) ^ AFTER_NAME);
        // Not zero when a byte of `x` is; where is found out elsewhere, which keeps this loop in registers.
        if x.wrapping_sub(LOW) & !x & HIGH != 0
            && let Some(value) = confirm(text, name, short_starts.len() + words.len() * 8, x)
        {
            return Some(value);
        }
    }
    find_first(text, name, short_starts, short_ends)
}

/// Looks at each place where a pair may begin in the word at `base`: where a byte of `x` is zero.
#[inline(never)]
fn confirm<'a>(text: &'a [u8], name: &[u8], base: usize, x: u64) -> Option<&'a [u8]> {
    let mut zeros = !(((x & !HIGH) + !HIGH) | x | !HIGH);
    while let Some(bit) = zeros.checked_ilog2() {
        zeros ^= 1 << bit;
        if let Some(value) = value_at(text.get(base + (bit >> 3) as usize + 1..)?, name) {
            return Some(value);
        }
    }
    None
}

/// The rest of the search: up to seven bytes, then the first pair.
#[inline(never)]
fn find_first<'a>(text: &'a [u8], name: &[u8], starts: &[u8], ends: &[u8]) -> Option<&'a [u8]> {
    for (at, pair) in starts.iter().zip(ends).enumerate().rev() {
        if pair == (&2, &1)
            && let Some(value) = value_at(text.get(at + 1..)?, name)
        {
            return Some(value);
        }
    }
    value_at(text, name)
}

/// The value at the start of `rest` if the pair there belongs to `name` and the value is not empty.
#[inline]
fn value_at<'a>(rest: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let value = rest.strip_prefix(name)?.strip_prefix(&[1])?;
    let value = value.get(..first_separator(value))?;
    // A name that is empty or holds a separator belongs to no pair.
    (!value.is_empty() && !name.is_empty() && name.iter().all(|&byte| byte != 1 && byte != 2))
        .then_some(value)
}

/// Where the pair ends.
#[inline]
fn first_separator(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let x = u64::from_le_bytes(*word) ^ AFTER_PAIR;
        let zeros = x.wrapping_sub(LOW) & !x & HIGH;
        if zeros != 0 {
            // The lowest hit of the quick test is exact.
            return index * 8 + (zeros.trailing_zeros() >> 3) as usize;
        }
    }
    words.len() * 8 + rest.iter().position(|&byte| byte == 2).unwrap_or(rest.len())
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
