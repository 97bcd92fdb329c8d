//! Ext fields that any request may carry beside its own: namespace, stream type, zone, credentials.

use core::cmp::Ordering;

use super::{EncodeFields, FieldSink, Request};
use crate::wire::codes::RequestCode;

/// The order Java sorts keys in: by UTF-16 units.
pub(crate) fn utf16_order(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// A request's fields and some more, merged so that they stay sorted by key. Where both have a key, `extra` wins.
///
/// For `ns` and `nsd` (namespace V2), `ReqT`, `__ZONE_NAME` and `__ZONE_MODE`, `_UNIQUE_KEY_QUERY`.
#[derive(Clone, Copy, Debug)]
pub struct WithExtra<'a, F> {
    /// The request's own fields.
    pub fields: &'a F,
    /// What is added, sorted by key.
    pub extra: &'a [(&'a str, &'a str)],
}

impl<F: EncodeFields> EncodeFields for WithExtra<'_, F> {
    fn encode<S: FieldSink>(&self, sink: &mut S) {
        let mut merge = MergeSink::new(sink, self.extra);
        self.fields.encode(&mut merge);
        merge.finish();
    }

    fn is_absent(&self) -> bool {
        self.fields.is_absent() && self.extra.is_empty()
    }

    fn is_sorted(&self) -> bool {
        self.fields.is_sorted() && self.extra.is_sorted_by(|a, b| utf16_order(a.0, b.0).is_le())
    }
}

impl<F: Request> Request for WithExtra<'_, F> {
    const CODE: RequestCode = F::CODE;
}

/// Puts fields of its own between those that pass, where they belong by key.
pub(crate) struct MergeSink<'s, S> {
    sink: &'s mut S,
    own: &'s [(&'s str, &'s str)],
    next: usize,
}

impl<'s, S: FieldSink> MergeSink<'s, S> {
    pub(crate) fn new(sink: &'s mut S, own: &'s [(&'s str, &'s str)]) -> Self {
        Self { sink, own, next: 0 }
    }

    /// Writes what belongs before `key`; false if `key` itself is replaced.
    fn passes(&mut self, key: &str) -> bool {
        while let Some((own, value)) = self.own.get(self.next).filter(|(own, _)| *own < key) {
            self.sink.text(own, value);
            self.next += 1;
        }
        !self.own.iter().any(|(own, _)| *own == key)
    }

    /// Writes what belongs behind the last key.
    pub(crate) fn finish(self) {
        for (own, value) in &self.own[self.next..] {
            self.sink.text(own, value);
        }
    }
}

impl<S: FieldSink> FieldSink for MergeSink<'_, S> {
    fn text(&mut self, key: &str, value: &str) {
        if self.passes(key) {
            self.sink.text(key, value);
        }
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        if self.passes(key) {
            self.sink.parts(key, parts);
        }
    }

    fn int(&mut self, key: &str, value: i64) {
        if self.passes(key) {
            self.sink.int(key, value);
        }
    }
}
