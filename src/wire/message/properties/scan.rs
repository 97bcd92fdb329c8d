//! Finding properties many bytes at a time: look-ups are on the path of every delivered message.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
/// A word of separators behind pairs.
const AFTER_PAIR: u64 = LOW * 2;
/// How many places are looked at together: the compiler makes a few vector instructions of it.
const STRIDE: usize = 32;

/// The value of the last pair called `name`. The search goes from the end, because the last of equal names wins:
/// so the first hit is the answer.
#[inline]
pub(super) fn find_last<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // Most names are literals: then all this is nothing at run time.
    if !is_a_name(name) {
        return None;
    }
    let Needle { name, head, mask } = Needle::of(name);
    search(text, name, head, mask)
}

/// No pair has a name that is empty or holds a separator.
#[inline]
fn is_a_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| byte != 1 && byte != 2)
}

/// The needle in parts, which pass in registers.
#[inline(never)]
fn search<'a>(text: &'a [u8], name: &[u8], head: u64, mask: u64) -> Option<&'a [u8]> {
    let needle = Needle { name, head, mask };
    let (place, value) = needle.last_pair_in(text)?;
    if value.is_empty() { before_empty(text.get(..place)?, name) } else { Some(value) }
}

/// Java skips pairs without a value.
#[cold]
fn before_empty<'a>(mut text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    loop {
        match Needle::of(name).last_pair_in(text)? {
            (place, []) => text = text.get(..place)?,
            (_, value) => return Some(value),
        }
    }
}

/// Where the last pair of this name begins in a text of less than a stride.
#[inline(never)]
fn last_in_short(text: &[u8], name: &[u8]) -> Option<usize> {
    let (needle, ends) = (Needle::of(name), text.get(name.len()..)?);
    (0..ends.len()).rev().find(|&at| ends.get(at) == Some(&1) && needle.begins_at(text, at))
}

/// What is looked for.
#[derive(Clone, Copy)]
struct Needle<'n> {
    name: &'n [u8],
    /// Its first eight bytes, and which of them it has: nearly every candidate is told by one comparison.
    head: u64,
    mask: u64,
}

impl<'n> Needle<'n> {
    #[inline]
    fn of(name: &'n [u8]) -> Self {
        let (mut head, mut mask) = ([0; 8], [0; 8]);
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(name) {
            (*head, *mask) = (*byte, u8::MAX);
        }
        Self { name, head: u64::from_le_bytes(head), mask: u64::from_le_bytes(mask) }
    }

    /// Where the last pair of this name begins, and its value.
    #[expect(clippy::inline_always, reason = "the call costs as much as the work")]
    #[inline(always)]
    fn last_pair_in(self, text: &[u8]) -> Option<(usize, &[u8])> {
        let place = self.last_in(text)?;
        let value = text.get(place + self.name.len() + 1..)?;
        Some((place, value.get(..first_separator(value))?))
    }

    /// Where the last pair of this name begins.
    ///
    /// It may begin where the name's first byte is, with a separator behind as many bytes as the name has: both are
    /// looked for at once, so that pairs of other names cost nothing of their own.
    #[expect(clippy::inline_always, reason = "the call costs as much as the work")]
    #[inline(always)]
    fn last_in(self, text: &[u8]) -> Option<usize> {
        let first = self.head as u8;
        let all_ends = text.get(self.name.len()..)?;
        let all_starts = text.get(..all_ends.len())?;
        let (_, starts) = all_starts.as_rchunks::<STRIDE>();
        let (_, ends) = all_ends.as_rchunks::<STRIDE>();
        let mut at = all_starts.len();
        for (start, end) in starts.iter().zip(ends).rev() {
            at -= STRIDE;
            if any_pair(start, end, first)
                && let Some(place) = self.last_of(pairs(start, end, first), text, at)
            {
                return Some(place);
            }
        }
        let (Some(start), Some(end)) = (all_starts.first_chunk(), all_ends.first_chunk()) else {
            return last_in_short(text, self.name);
        };
        // What is left lies in the first stride, with some places that were looked at already: looking at them again
        // changes nothing.
        self.last_of(pairs(start, end, first), text, 0)
    }

    /// Where the last of these pairs that is one begins; the first of them is that of place `at`.
    #[expect(clippy::inline_always, reason = "the call costs as much as the work")]
    #[inline(always)]
    fn last_of(self, mut pairs: [u8; STRIDE], text: &[u8], at: usize) -> Option<usize> {
        loop {
            let last = last_set(&pairs)?;
            if self.begins_at(text, at + last) {
                return Some(at + last);
            }
            *pairs.get_mut(last)? = 0;
        }
    }

    /// Whether a pair begins at `at` and has this name, as the byte behind the name lets hope.
    #[expect(clippy::inline_always, reason = "the call costs as much as the work")]
    #[inline(always)]
    fn begins_at(self, text: &[u8], at: usize) -> bool {
        let Some((before, rest)) = text.split_at_checked(at) else { return false };
        before.last().is_none_or(|&byte| byte == 2)
            && match rest.first_chunk() {
                Some(word) if (u64::from_le_bytes(*word) ^ self.head) & self.mask != 0 => false,
                Some(_) if self.name.len() <= 8 => true,
                _ => rest.starts_with(self.name),
            }
    }
}

/// Whether a pair may begin at any of these places.
#[expect(clippy::needless_bitwise_bool, reason = "lazy ones are not made vector instructions of")]
#[inline]
fn any_pair(starts: &[u8; STRIDE], ends: &[u8; STRIDE], first: u8) -> bool {
    starts.iter().zip(ends).fold(false, |any, (start, end)| any | ((*start == first) & (*end == 1)))
}

/// All bits for each of these places at which a pair may begin.
#[expect(clippy::needless_bitwise_bool, reason = "lazy ones are not made vector instructions of")]
#[inline]
fn pairs(starts: &[u8; STRIDE], ends: &[u8; STRIDE], first: u8) -> [u8; STRIDE] {
    let mut pairs = [0; STRIDE];
    for ((pair, start), end) in pairs.iter_mut().zip(starts).zip(ends) {
        *pair = if (*start == first) & (*end == 1) { u8::MAX } else { 0 };
    }
    pairs
}

/// The last byte that is not zero.
#[inline]
fn last_set(pairs: &[u8; STRIDE]) -> Option<usize> {
    let (words, _) = pairs.as_chunks::<8>();
    for (index, word) in words.iter().enumerate().rev() {
        let word = u64::from_le_bytes(*word);
        if word != 0 {
            return Some(index * 8 + 7 - (word.leading_zeros() >> 3) as usize);
        }
    }
    None
}

/// Where the pair ends.
#[expect(clippy::inline_always, reason = "the call costs as much as the work")]
#[expect(clippy::needless_bitwise_bool, reason = "lazy ones are not made vector instructions of")]
#[inline(always)]
fn first_separator(text: &[u8]) -> usize {
    let mut rest = text;
    // Ids are as long as that.
    while let Some((stride, behind)) = rest.split_first_chunk::<STRIDE>()
        && !stride.iter().fold(false, |any, &byte| any | (byte == 2))
    {
        rest = behind;
    }
    while let Some((word, behind)) = rest.split_first_chunk() {
        let x = u64::from_le_bytes(*word) ^ AFTER_PAIR;
        let zeros = x.wrapping_sub(LOW) & !x & HIGH;
        if zeros != 0 {
            // The lowest hit of the quick test is exact.
            return text.len() - rest.len() + (zeros.trailing_zeros() >> 3) as usize;
        }
        rest = behind;
    }
    text.len() - rest.len() + rest.iter().position(|&byte| byte == 2).unwrap_or(rest.len())
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
        for before in 0..70 {
            for after in 0..70 {
                // 0x03 and 0x82 are neighbours of the separator for careless tests.
                let filler = |len: usize| vec![[b'x', 3, 0x82, 0][len % 4]; len];
                // Names are compared in eight bytes and what is left.
                for name in [&b"ab"[..], b"abcdefgh", b"abcdefghi"] {
                    let text = [&filler(before)[..], b"\x02", name, b"\x01c\x02", &filler(after)].concat();
                    assert_eq!(find_last(&text, name), Some(&b"c"[..]), "{before} {after}");
                    for other in [&b"a"[..], b"abc", b"abcdefgx", b"abcdefghx"] {
                        assert_eq!(find_last(&text, other), None);
                    }
                }
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_pair_hides_none() {
        // The name within a value, behind another letter, without a value: all later than the pair that counts.
        let alike = b"xab\x01no\x02y\x01ab\x01no\x02ab\x01\x02";
        for between in 0..70 {
            let text = [b"ab\x01yes\x02", &vec![b'a'; between][..], &alike.repeat(9)].concat();
            assert_eq!(find_last(&text, b"ab"), Some(&b"yes"[..]), "{between}");
        }
    }

    #[test]
    fn a_name_with_a_separator_belongs_to_no_pair() {
        let text = b"a\x01b\x01c\x02d\x01e\x02";
        assert_eq!(find_last(text, b"a"), Some(&b"b\x01c"[..]));
        for name in [&b"a\x01b"[..], b"b\x01c\x02d", b"\x02d", b""] {
            assert_eq!(find_last(text, name), None);
        }
    }
}
