//! The ROCKETMQ binary form of a head.
//!
//! ```text
//! code i16 | language u8 | version i16 | opaque i32 | flag i32 | remark len i32, bytes | ext len i32, entries
//! entry: key len i16, key | value len i32, value
//! ```

use alloc::vec::Vec;

use super::{
    EncodeError, EncodeFields, ExtFields, FieldSink, Flag, Form, Head, HeadError, HeadSpec, Text, Twins,
};
use crate::wire::codes::{LanguageCode, Version};
use crate::wire::json::format_int;

pub(super) fn encode<F: EncodeFields>(
    out: &mut Vec<u8>,
    spec: &HeadSpec<'_>,
    fields: &F,
) -> Result<(), EncodeError> {
    let code = i16::try_from(spec.code).map_err(|_| EncodeError::Code(spec.code))?;
    out.extend_from_slice(&code.to_be_bytes());
    out.push(spec.language.0);
    out.extend_from_slice(&(spec.version.0 as i16).to_be_bytes());
    out.extend_from_slice(&spec.opaque.to_be_bytes());
    out.extend_from_slice(&spec.flag.0.to_be_bytes());
    let remark = spec.remark.unwrap_or_default();
    out.extend_from_slice(&(remark.len() as u32).to_be_bytes());
    out.extend_from_slice(remark.as_bytes());
    let mark = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut sink = BinarySink { out, error: None };
    fields.encode(&mut sink);
    if let Some(error) = sink.error {
        return Err(error);
    }
    let ext = (out.len() - mark - 4) as u32;
    out[mark..mark + 4].copy_from_slice(&ext.to_be_bytes());
    Ok(())
}

struct BinarySink<'o> {
    out: &'o mut Vec<u8>,
    error: Option<EncodeError>,
}

impl BinarySink<'_> {
    #[inline]
    fn key(&mut self, key: &str) {
        match i16::try_from(key.len()) {
            Ok(len) => self.out.extend_from_slice(&len.to_be_bytes()),
            Err(_) => self.error = Some(EncodeError::KeyTooLong(key.len())),
        }
        self.out.extend_from_slice(key.as_bytes());
    }
}

impl FieldSink for BinarySink<'_> {
    /// An empty value is left out: this form cannot tell it from none, and a signature over it would not fit.
    #[inline]
    fn text(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.key(key);
        self.out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        self.out.extend_from_slice(value.as_bytes());
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len == 0 {
            return;
        }
        self.key(key);
        self.out.extend_from_slice(&(len as u32).to_be_bytes());
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    #[inline]
    fn int(&mut self, key: &str, value: i64) {
        let mut buffer = [0; 20];
        let digits = format_int(&mut buffer, value);
        self.key(key);
        self.out.extend_from_slice(&(digits.len() as u32).to_be_bytes());
        self.out.extend_from_slice(digits);
    }
}

/// One cursor over exactly the head: nothing nested can leave it.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], HeadError> {
        let end = self.at.checked_add(len);
        let found = end.and_then(|end| self.bytes.get(self.at..end));
        let found = found.ok_or(HeadError::Overrun { field, at: self.at })?;
        self.at += len;
        Ok(found)
    }

    #[inline]
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], HeadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let found = rest.first_chunk::<N>().ok_or(HeadError::Overrun { field, at: self.at })?;
        self.at += N;
        Ok(*found)
    }

    fn length(&mut self, field: &'static str) -> Result<usize, HeadError> {
        let at = self.at;
        let length = i32::from_be_bytes(self.array(field)?);
        usize::try_from(length).map_err(|_| HeadError::Overrun { field, at })
    }

    fn text(&mut self, len: usize, field: &'static str) -> Result<&'a str, HeadError> {
        let at = self.at;
        core::str::from_utf8(self.take(len, field)?).map_err(|_| HeadError::Utf8 { field, at })
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Head<'_>, HeadError> {
    let mut cursor = Cursor { bytes, at: 0 };
    let code = i16::from_be_bytes(cursor.array("code")?);
    let [language] = cursor.array("language")?;
    let version = i16::from_be_bytes(cursor.array("version")?);
    let opaque = i32::from_be_bytes(cursor.array("opaque")?);
    let flag = i32::from_be_bytes(cursor.array("flag")?);
    let remark = cursor.length("remark length")?;
    let remark = cursor.text(remark, "remark")?;
    let ext = cursor.length("ext length")?;
    let start = cursor.at;
    let block = cursor.take(ext, "ext block")?;
    check_ext(block, start)?;
    Ok(Head {
        code: i32::from(code),
        language: Some(LanguageCode(language)).filter(|code| code.name().is_some()),
        version: Version(i32::from(version)),
        opaque,
        flag: Flag(flag),
        remark: Some(Text::plain(remark)).filter(|remark| !remark.is_empty()),
        ext: ExtFields(if block.is_empty() { Form::None } else { Form::Binary(block) }),
    })
}

fn check_ext(block: &[u8], start: usize) -> Result<(), HeadError> {
    let shift = |error| match error {
        HeadError::Overrun { field, at } => HeadError::Overrun { field, at: at + start },
        HeadError::Utf8 { field, at } => HeadError::Utf8 { field, at: at + start },
        other => other,
    };
    let mut cursor = Cursor { bytes: block, at: 0 };
    let mut twins = Twins::default();
    while cursor.at < block.len() {
        let at = cursor.at;
        let (key, value) = entry(&mut cursor).map_err(shift)?;
        let key = Text::plain(key);
        let before = block.get(..at).unwrap_or_default();
        // Java's client writes the fields of its fast codec twice when it signs: twice the same is accepted.
        twins.check(key, at + start, || ExtCursor::new(before).any_other(key, value))?;
    }
    Ok(())
}

#[inline]
fn entry<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a str, &'a str), HeadError> {
    let at = cursor.at;
    let key = i16::from_be_bytes(cursor.array("ext key length")?);
    let key = usize::try_from(key).map_err(|_| HeadError::Overrun { field: "ext key length", at })?;
    let key = cursor.text(key, "ext key")?;
    let value = cursor.length("ext value length")?;
    Ok((key, cursor.text(value, "ext value")?))
}

/// Walks an ext block that has been checked.
#[derive(Clone, Debug)]
pub struct ExtCursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> ExtCursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// True if the key came with another value.
    fn any_other(mut self, wanted: Text<'_>, as_well: &str) -> bool {
        core::iter::from_fn(|| self.entry()).any(|(key, value)| wanted == *key && value != as_well)
    }

    #[inline]
    fn entry(&mut self) -> Option<(&'a str, &'a str)> {
        let mut cursor = Cursor { bytes: self.bytes, at: self.at };
        let found = entry(&mut cursor).ok()?;
        self.at = cursor.at;
        Some(found)
    }
}

impl<'a> Iterator for ExtCursor<'a> {
    type Item = (Text<'a>, Text<'a>);

    /// An empty value is none, as in Java; so is one with an empty key.
    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (key, value) = self.entry()?;
            if !key.is_empty() && !value.is_empty() {
                return Some((Text::plain(key), Text::plain(value)));
            }
        }
    }
}
