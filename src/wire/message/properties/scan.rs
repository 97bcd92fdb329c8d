//! Finding properties many bytes at a time: look-ups are on the path of every delivered message.
//!
//! What is written here is what the compiler makes a few vector instructions of; `cargo bench -- 7` counts them.

/// How many places are looked at together.
const STRIDE: usize = 32;
/// One byte for each place of a stride: not zero where there is what is looked for.
type Hits = [u8; STRIDE];

/// The value of the last pair called `name`. The search goes from the end, because the last of equal names wins:
/// so the first hit is the answer.
#[inline]
pub(super) fn find_last<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    // Most names are literals: then all this is nothing at run time.
    if !is_a_name(name) {
        return None;
    }
    let (mut head, mut mask) = ([0; 8], [0; 8]);
    for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(name) {
        (*head, *mask) = (*byte, u8::MAX);
    }
    search(text, name, u64::from_le_bytes(head), u64::from_le_bytes(mask))
}

/// No pair has a name that is empty or holds a separator.
#[inline]
fn is_a_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| byte != 1 && byte != 2)
}

/// Looks for `name`, whose first eight bytes are `head`, of which it has those in `mask`: nearly every candidate is
/// told by one comparison.
///
/// The pair may begin where the name's first byte is, with a separator behind as many bytes as the name has: both are
/// looked for at once, so that pairs of other names cost nothing of their own.
#[inline(never)]
fn search<'a>(text: &'a [u8], name: &[u8], head: u64, mask: u64) -> Option<&'a [u8]> {
    let mut ends = text.get(name.len()..)?;
    let mut starts = text.get(..ends.len())?;
    loop {
        let place = last_candidate(starts, ends, head as u8)?;
        let (before, rest) = text.split_at_checked(place)?;
        let Some(word) = rest.first_chunk() else { return pair_by_pair(text, name) };
        if before.last().is_none_or(|&byte| byte == 2) && (u64::from_le_bytes(*word) ^ head) & mask == 0 {
            let value = value_in(rest.get(name.len() + 1..)?)?;
            // Java skips pairs without a value.
            if value.is_empty() || (name.len() > 8 && !rest.starts_with(name)) {
                return pair_by_pair(before, name);
            }
            return Some(value);
        }
        (starts, ends) = (starts.get(..place)?, ends.get(..place)?);
    }
}

/// The plain way to do it, for what is rare.
#[cold]
#[inline(never)]
fn pair_by_pair<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut pairs = text.rsplit(|&byte| byte == 2).filter_map(split_pair);
    pairs.find(|pair| pair.0 == name).map(|(_, value)| value)
}

/// The last place that has the name's first byte and, where a name of its length would end, a separator.
#[expect(clippy::inline_always, reason = "the call costs as much as the work")]
#[inline(always)]
fn last_candidate(starts: &[u8], ends: &[u8], first: u8) -> Option<usize> {
    let (Some(start), Some(end)) = (starts.last_chunk(), ends.last_chunk()) else {
        return starts.iter().zip(ends).rposition(|(start, end)| *start == first && *end == 1);
    };
    if let Some(last) = last_set(&candidates(start, end, first)) {
        return Some(starts.len() - STRIDE + last);
    }
    // Some of those places are in the last of these strides again, which changes nothing.
    let (starts, _) = starts.as_chunks();
    let (ends, _) = ends.as_chunks();
    for (index, (start, end)) in starts.iter().zip(ends).enumerate().rev() {
        if let Some(last) = last_set(&candidates(start, end, first)) {
            return Some(index * STRIDE + last);
        }
    }
    None
}

#[expect(clippy::needless_bitwise_bool, reason = "lazy ones are not made vector instructions of")]
#[expect(clippy::inline_always, reason = "its hits stay in vector registers")]
#[inline(always)]
fn candidates(starts: &[u8; STRIDE], ends: &[u8; STRIDE], first: u8) -> Hits {
    let mut hits = [0; STRIDE];
    for ((hit, start), end) in hits.iter_mut().zip(starts).zip(ends) {
        *hit = if (*start == first) & (*end == 1) { u8::MAX } else { 0 };
    }
    hits
}

/// The value that `text` begins with.
#[expect(clippy::inline_always, reason = "the call costs as much as the work")]
#[inline(always)]
fn value_in(text: &[u8]) -> Option<&[u8]> {
    // Most end here, and need not be measured.
    if let Some(stride) = text.first_chunk()
        && let Some(end) = first_set(&separators(stride))
    {
        return stride.get(..end);
    }
    let mut rest = text.get(STRIDE..).unwrap_or(text);
    while let Some((stride, behind)) = rest.split_first_chunk() {
        if let Some(end) = first_set(&separators(stride)) {
            return text.get(..text.len() - rest.len() + end);
        }
        rest = behind;
    }
    let end = rest.iter().position(|&byte| byte == 2).unwrap_or(rest.len());
    text.get(..text.len() - rest.len() + end)
}

#[expect(clippy::inline_always, reason = "its hits stay in vector registers")]
#[inline(always)]
fn separators(text: &[u8; STRIDE]) -> Hits {
    let mut hits = [0; STRIDE];
    for (hit, byte) in hits.iter_mut().zip(text) {
        *hit = if *byte == 2 { u8::MAX } else { 0 };
    }
    hits
}

#[expect(clippy::inline_always, reason = "its hits stay in vector registers")]
#[inline(always)]
fn any(hits: &Hits) -> bool {
    hits.iter().fold(0, |any, hit| any | hit) != 0
}

#[expect(clippy::inline_always, reason = "its hits stay in vector registers")]
#[inline(always)]
fn last_set(hits: &Hits) -> Option<usize> {
    if !any(hits) {
        return None;
    }
    let (words, _) = hits.as_chunks();
    for index in (0..STRIDE / 8).rev() {
        let word = u64::from_le_bytes(words[index]);
        // There is one: the last word need not be asked.
        if word != 0 || index == 0 {
            return Some(index * 8 + ((word | 1).ilog2() >> 3) as usize);
        }
    }
    None
}

#[expect(clippy::needless_range_loop, reason = "of an iterator the compiler makes single bytes")]
#[expect(clippy::inline_always, reason = "its hits stay in vector registers")]
#[inline(always)]
fn first_set(hits: &Hits) -> Option<usize> {
    if !any(hits) {
        return None;
    }
    let (words, _) = hits.as_chunks();
    for index in 0..STRIDE / 8 {
        let word = u64::from_le_bytes(words[index]);
        // As above.
        if word != 0 || index == STRIDE / 8 - 1 {
            return Some(index * 8 + (word.trailing_zeros() >> 3) as usize);
        }
    }
    None
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
