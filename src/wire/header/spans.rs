//! Where ext fields lie, noted while a head is checked, so that reading them does not walk it again.

/// Fields that are noted; answers to the requests of the hot paths have at most eight. Heads with more are walked.
const MOST: usize = 8;

/// Offsets of keys and values in the ext fields of one head: in the order of the wire, each value so many bytes behind
/// its key. Nothing is noted of what is in any way unusual.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spans {
    all: [Span; MOST],
    count: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    key: u16,
    value: u16,
    end: u16,
}

impl Spans {
    /// Notes a field: where its key begins, where its value begins and ends. `None` if there is no room for it.
    #[inline]
    pub(super) fn push(&mut self, key: usize, value: usize, end: usize) -> Option<()> {
        let slot = self.all.get_mut(usize::from(self.count))?;
        // The end is the largest of the three.
        let end = u16::try_from(end).ok()?;
        *slot = Span { key: key as u16, value: value as u16, end };
        self.count += 1;
        Some(())
    }

    /// The key and the value of a field in `text`, where `gap` bytes lie between them.
    #[inline]
    pub(super) fn get<'a>(&self, index: u8, text: &'a str, gap: usize) -> Option<(&'a str, &'a str)> {
        self.used().get(usize::from(index))?.cut(text, gap)
    }

    /// All keys and values, in their order.
    #[inline]
    pub(super) fn for_each<'a>(&self, text: &'a str, gap: usize, mut visit: impl FnMut(&'a str, &'a str)) {
        for (key, value) in self.used().iter().filter_map(|span| span.cut(text, gap)) {
            visit(key, value);
        }
    }

    /// Where the value of that field begins, or its quote; of the last, if there are several.
    pub(super) fn value_of(&self, field: &str, text: &str, gap: usize) -> Option<usize> {
        let mut all = self.used().iter().rev();
        let found = all.find(|span| span.cut(text, gap).is_some_and(|(key, _)| key == field))?;
        let value = usize::from(found.value);
        // In JSON its quote is the last byte of the gap; in the binary form a length ends there.
        Some(if gap == usize::from(super::json::GAP) { value - 1 } else { value })
    }

    fn used(&self) -> &[Span] {
        self.all.get(..usize::from(self.count)).unwrap_or_default()
    }
}

impl Span {
    #[inline]
    fn cut(self, text: &str, gap: usize) -> Option<(&str, &str)> {
        let value = usize::from(self.value);
        let key = text.get(usize::from(self.key)..value.checked_sub(gap)?)?;
        Some((key, text.get(value..usize::from(self.end))?))
    }
}
