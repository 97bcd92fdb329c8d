//! Where ext fields lie, noted while a head is checked, so that reading them does not walk it again.
//!
//! Only ASCII is noted: it is recognised at a tenth of the price of checking UTF-8, and may be cut anywhere. Numbers
//! are read from the bytes; the few texts that somebody wants are made such when they are asked for.

use core::ops::Range;

use super::Text;
use crate::wire::json::parse_i64;

/// Fields that are noted: more than any request of the hot paths has. Heads with more are walked.
const MOST: usize = 16;

/// Offsets of values in the ext fields of one head, in the order of the wire: keys lie so many bytes before and behind
/// them. Nothing is noted of what is in any way unusual.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spans {
    all: [Span; MOST],
    count: u8,
    /// A bit for each value with escapes in it.
    escaped: u16,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    value: u16,
    end: u16,
}

/// Where the first key begins, behind `{"` or its length.
const FIRST_KEY: usize = 2;

/// Bytes between a value and the next key: `","`, or the length of that key.
#[inline]
fn lead(gap: usize) -> usize {
    if gap == usize::from(super::json::GAP) { 3 } else { 2 }
}

impl Spans {
    /// Notes a field: where its value begins and ends. `None` if there is no room for it.
    #[inline]
    pub(super) fn push(&mut self, value: usize, end: usize) -> Option<()> {
        let slot = self.all.get_mut(usize::from(self.count))?;
        // The end is the larger of the two.
        let end = u16::try_from(end).ok()?;
        *slot = Span { value: value as u16, end };
        self.count += 1;
        Some(())
    }

    /// The value noted last has escapes, which have been checked.
    #[inline]
    pub(super) fn is_escaped(&mut self) {
        self.escaped |= 1 << (self.count - 1);
    }

    #[inline]
    fn raw<'a>(&self, index: usize, value: &'a [u8]) -> Raw<'a> {
        if self.escaped >> index & 1 == 0 { Raw::Ascii(value) } else { Raw::escaped(value) }
    }

    /// The key and the value of a field in `text`, where `gap` bytes lie between them.
    #[inline]
    pub(super) fn get<'a>(&self, index: u8, text: &'a [u8], gap: usize) -> Option<(&'a [u8], Raw<'a>)> {
        let index = usize::from(index);
        let before = index.checked_sub(1).and_then(|before| self.used().get(before));
        let key = before.map_or(FIRST_KEY, |before| usize::from(before.end) + lead(gap));
        let (key, value) = self.used().get(index)?.cut(key, text, gap)?;
        Some((key, self.raw(index, value)))
    }

    /// All keys and values, in their order.
    #[inline]
    pub(super) fn for_each<'a>(&self, text: &'a [u8], gap: usize, mut visit: impl FnMut(&'a [u8], Raw<'a>)) {
        let mut at = FIRST_KEY;
        for (index, span) in self.used().iter().enumerate() {
            if let Some((key, value)) = span.cut(at, text, gap) {
                visit(key, if self.escaped == 0 { Raw::Ascii(value) } else { self.raw(index, value) });
            }
            at = usize::from(span.end) + lead(gap);
        }
    }

    /// All keys, and where in `text` their values lie.
    pub(super) fn places<'a>(
        &'a self,
        text: &'a [u8],
        gap: usize,
    ) -> impl Iterator<Item = (&'a [u8], Range<usize>)> {
        let places = self.used().iter().zip(0..self.count);
        places.filter_map(move |(span, index)| {
            let (key, _) = self.get(index, text, gap)?;
            Some((key, usize::from(span.value)..usize::from(span.end)))
        })
    }

    /// Where the value of that field begins, or its quote; of the last, if there are several.
    pub(super) fn value_of(&self, field: &str, text: &[u8], gap: usize) -> Option<usize> {
        let named = |index: &u8| self.get(*index, text, gap).is_some_and(|(key, _)| key == field.as_bytes());
        let found = (0..self.count).rev().find(named)?;
        let value = usize::from(self.used().get(usize::from(found))?.value);
        // In JSON its quote is the last byte of the gap; in the binary form a length ends there.
        Some(if gap == usize::from(super::json::GAP) { value - 1 } else { value })
    }

    fn used(&self) -> &[Span] {
        self.all.get(..usize::from(self.count)).unwrap_or_default()
    }
}

impl Span {
    #[inline]
    fn cut(self, key: usize, text: &[u8], gap: usize) -> Option<(&[u8], &[u8])> {
        // From the back: one comparison for each cut.
        let (front, _) = text.split_at_checked(usize::from(self.end))?;
        let (front, value) = front.split_at_checked(usize::from(self.value))?;
        let (front, _) = front.split_at_checked(front.len().wrapping_sub(gap))?;
        Some((front.get(key..)?, value))
    }
}

/// A field's value as it was received: text, or ASCII that may become one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw<'a> {
    Ascii(&'a [u8]),
    Text(Text<'a>),
}

impl<'a> Raw<'a> {
    /// ASCII with escapes in it.
    #[cold]
    fn escaped(bytes: &'a [u8]) -> Self {
        Self::Text(Text::escaped(core::str::from_utf8(bytes).unwrap_or_default()))
    }

    /// The text.
    #[inline]
    pub(crate) fn text(self) -> Text<'a> {
        match self {
            // It was checked.
            Self::Ascii(bytes) => Text::plain(core::str::from_utf8(bytes).unwrap_or_default()),
            Self::Text(text) => text,
        }
    }

    /// The bytes, if there are no escapes among them.
    #[inline]
    pub(crate) fn as_plain(self) -> Option<&'a [u8]> {
        match self {
            Self::Ascii(bytes) => Some(bytes),
            Self::Text(text) => text.as_plain().map(str::as_bytes),
        }
    }

    /// As [`Text::to_i64`].
    #[inline]
    pub(crate) fn to_i64(self) -> Option<i64> {
        self.as_plain().and_then(parse_i64)
    }

    /// As [`Text::to_i32`].
    #[inline]
    pub(crate) fn to_i32(self) -> Option<i32> {
        self.to_i64().and_then(|value| i32::try_from(value).ok())
    }
}
