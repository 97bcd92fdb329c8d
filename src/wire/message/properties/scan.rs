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
    // Most names are literals: then this is nothing at run time.
    if is_a_name(name) { search(text, name) } else { None }
}

/// No pair has a name that is empty or holds a separator.
#[inline]
fn is_a_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| byte != 1 && byte != 2)
}

#[inline(never)]
fn search<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut places = text.len().checked_sub(name.len())?;
    loop {
        places = last_alike(text, name, places)?;
        if let Some(value) = value_at(text, places, name) {
            return Some(value);
        }
    }
}

/// The last of the first `places` places of the text at which a pair of this name may begin.
///
/// It begins with the name's first byte and has a separator behind as many bytes as the name has: both are looked
/// for at once, so that pairs of other names cost nothing of their own.
#[inline(never)]
fn last_alike(text: &[u8], name: &[u8], places: usize) -> Option<usize> {
    let first = *name.first()?;
    let (starts, ends) = (text.get(..places)?, text.get(name.len()..)?.get(..places)?);
    let (early, starts) = starts.as_rchunks::<STRIDE>();
    let (early_ends, ends) = ends.as_rchunks::<STRIDE>();
    let mut strides = starts.iter().zip(ends);
    while let Some((start, end)) = strides.next_back() {
        if any_pair(start, end, first) {
            return Some(early.len() + strides.len() * STRIDE + last_pair(start, end, first)?);
        }
    }
    // What is left, in a stride of its own.
    let (mut start, mut end) = ([0; STRIDE], [0; STRIDE]);
    start.get_mut(..early.len())?.copy_from_slice(early);
    end.get_mut(..early.len())?.copy_from_slice(early_ends);
    last_pair(&start, &end, first)
}

/// Whether a pair may begin at any of these places.
#[expect(clippy::needless_bitwise_bool, reason = "lazy ones are not made vector instructions of")]
#[inline]
fn any_pair(starts: &[u8; STRIDE], ends: &[u8; STRIDE], first: u8) -> bool {
    starts.iter().zip(ends).fold(false, |any, (start, end)| any | ((*start == first) & (*end == 1)))
}

/// The last of these places at which a pair may begin.
#[expect(clippy::needless_bitwise_bool, reason = "lazy ones are not made vector instructions of")]
#[inline]
fn last_pair(starts: &[u8; STRIDE], ends: &[u8; STRIDE], first: u8) -> Option<usize> {
    let pairs = COUNTED.iter().zip(starts).zip(ends);
    let last = pairs.fold(0, |last: u8, ((count, start), end)| {
        last.max(if (*start == first) & (*end == 1) { *count } else { 0 })
    });
    usize::from(last).checked_sub(1)
}

/// The places of a stride, counted from one.
const COUNTED: [u8; STRIDE] = {
    let mut places = [0; STRIDE];
    let mut at = 0;
    while at < STRIDE {
        places[at] = at as u8 + 1;
        at += 1;
    }
    places
};

/// The value of the pair at `at` if one begins there, belongs to `name` and has a value that is not empty.
#[inline]
fn value_at<'a>(text: &'a [u8], at: usize, name: &[u8]) -> Option<&'a [u8]> {
    let (before, rest) = text.split_at_checked(at)?;
    // First, so that no text is so made that values are searched again and again.
    before.last().is_none_or(|&byte| byte == 2).then_some(())?;
    let value = rest.strip_prefix(name)?.strip_prefix(&[1])?;
    let value = value.get(..first_separator(value))?;
    (!value.is_empty()).then_some(value)
}

/// Where the pair ends.
#[expect(clippy::needless_bitwise_bool, reason = "lazy ones are not made vector instructions of")]
#[inline]
fn first_separator(text: &[u8]) -> usize {
    let mut rest = text;
    // Ids are as long as that.
    while let Some((stride, behind)) = rest.split_first_chunk::<STRIDE>()
        && !stride.iter().fold(false, |any, &byte| any | (byte == 2))
    {
        rest = behind;
    }
    let passed = text.len() - rest.len();
    let (words, rest) = rest.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let x = u64::from_le_bytes(*word) ^ AFTER_PAIR;
        let zeros = x.wrapping_sub(LOW) & !x & HIGH;
        if zeros != 0 {
            // The lowest hit of the quick test is exact.
            return passed + index * 8 + (zeros.trailing_zeros() >> 3) as usize;
        }
    }
    passed + words.len() * 8 + rest.iter().position(|&byte| byte == 2).unwrap_or(rest.len())
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
                let text = [&filler(before)[..], b"\x02", b"ab\x01c\x02", &filler(after)].concat();
                assert_eq!(find_last(&text, b"ab"), Some(&b"c"[..]), "{before} {after}");
                assert_eq!(find_last(&text, b"a"), None);
                assert_eq!(find_last(&text, b"abc"), None);
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
