//! The ROCKETMQ binary form of a head.
//!
//! ```text
//! code i16 | language u8 | version i16 | opaque i32 | flag i32 | remark len i32, bytes | ext len i32, entries
//! entry: key len i16, key | value len i32, value
//! ```

use alloc::vec::Vec;

use super::{
    EncodeError, EncodeFields, ExtFields, FieldSink, Flag, Form, Head, HeadError, HeadSpec, Spans, Text,
    Twins,
};
use crate::wire::ascii::is_ascii;
use crate::wire::codes::{LanguageCode, Version};
use crate::wire::json::format_int;

/// Where the length of the ext block stands in a head without remark.
pub(super) const EXT_LENGTH_AT: usize = 17;
/// Where `opaque` stands in a head.
pub(super) const OPAQUE_AT: usize = 5;
/// Length of a head without remark and ext fields.
pub(super) const FIXED_LEN: usize = 21;

pub(super) fn encode<F: EncodeFields>(
    out: &mut Vec<u8>,
    spec: &HeadSpec<'_>,
    fields: &F,
) -> Result<(), EncodeError> {
    begin(out, spec)?;
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

/// All up to the length of the ext block.
pub(super) fn begin(out: &mut Vec<u8>, spec: &HeadSpec<'_>) -> Result<(), EncodeError> {
    let code = i16::try_from(spec.code).map_err(|_| EncodeError::Code(spec.code))?;
    let remark = spec.remark.unwrap_or_default();
    let ([c0, c1], [v0, v1]) = (code.to_be_bytes(), (spec.version.0 as i16).to_be_bytes());
    out.extend_from_slice(&[c0, c1, spec.language.0, v0, v1]);
    let numbers = [spec.opaque as u32, spec.flag.0 as u32, remark.len() as u32];
    out.extend_from_slice(numbers.map(u32::to_be_bytes).as_flattened());
    out.extend_from_slice(remark.as_bytes());
    Ok(())
}

pub(super) struct BinarySink<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) error: Option<EncodeError>,
}

impl BinarySink<'_> {
    #[inline]
    pub(super) fn key(&mut self, key: &str) {
        match i16::try_from(key.len()) {
            Ok(len) => self.out.extend_from_slice(&len.to_be_bytes()),
            Err(_) => self.error = Some(EncodeError::KeyTooLong(key.len())),
        }
        self.out.extend_from_slice(key.as_bytes());
    }

    /// A key and the length of its value.
    #[inline]
    fn open(&mut self, key: &str, len: usize) {
        let [a, b, c, d] = (len as u32).to_be_bytes();
        // The keys of a send are single letters: one copy of a fixed size.
        if let [letter] = key.as_bytes() {
            self.out.extend_from_slice(&[0, 1, *letter, a, b, c, d]);
        } else {
            self.key(key);
            self.out.extend_from_slice(&[a, b, c, d]);
        }
    }
}

impl FieldSink for BinarySink<'_> {
    /// An empty value is left out: this form cannot tell it from none, and a signature over it would not fit.
    #[inline]
    fn text(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.open(key, value.len());
        self.out.extend_from_slice(value.as_bytes());
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len == 0 {
            return;
        }
        self.open(key, len);
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    #[inline]
    fn int(&mut self, key: &str, value: i64) {
        // Most numbers of a send have one digit, and its keys one letter: one copy of a fixed size.
        if let (digit @ 0..10, [letter]) = (value, key.as_bytes()) {
            return self.out.extend_from_slice(&[0, 1, *letter, 0, 0, 0, 1, b'0' + digit as u8]);
        }
        let mut buffer = [0; 20];
        let digits = format_int(&mut buffer, value);
        self.open(key, digits.len());
        self.out.extend_from_slice(digits);
    }

    #[inline]
    fn boolean(&mut self, key: &str, value: bool) {
        // Of known length, so without a copying routine.
        if value {
            self.open(key, 4);
            self.out.extend_from_slice(b"true");
        } else {
            self.open(key, 5);
            self.out.extend_from_slice(b"false");
        }
    }
}

/// Bytes with texts between lengths. Lengths are seldom above 127, so nearly every block is UTF-8 as a whole: it
/// is checked once, and a text in it needs only its two ends looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'a> {
    bytes: &'a [u8],
    whole: Option<&'a str>,
}

impl<'a> Block<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, whole: core::str::from_utf8(bytes).ok() }
    }

    /// The first `len` bytes, which are whole entries.
    fn front(&self, len: usize) -> Self {
        Self {
            bytes: self.bytes.get(..len).unwrap_or_default(),
            whole: self.whole.and_then(|text| text.get(..len)),
        }
    }
}

/// One cursor over exactly the head: nothing nested can leave it.
struct Cursor<'a> {
    bytes: &'a [u8],
    whole: Option<&'a str>,
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
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

    #[inline]
    fn length(&mut self, field: &'static str) -> Result<usize, HeadError> {
        let at = self.at;
        let length = i32::from_be_bytes(self.array(field)?);
        usize::try_from(length).map_err(|_| HeadError::Overrun { field, at })
    }

    #[inline]
    fn text(&mut self, len: usize, field: &'static str) -> Result<&'a str, HeadError> {
        let at = self.at;
        let bytes = self.take(len, field)?;
        let text = match self.whole {
            Some(whole) => whole.get(at..at + len),
            None => core::str::from_utf8(bytes).ok(),
        };
        text.ok_or(HeadError::Utf8 { field, at })
    }
}

/// What stands before the ext block.
struct Front<'a> {
    code: i16,
    language: u8,
    version: i16,
    opaque: i32,
    flag: i32,
    remark: &'a str,
}

impl<'a> Front<'a> {
    #[inline]
    fn with(self, ext: ExtFields<'a>) -> Head<'a> {
        Head {
            code: i32::from(self.code),
            language: Some(LanguageCode(self.language)).filter(|code| code.name().is_some()),
            version: Version(i32::from(self.version)),
            opaque: self.opaque,
            flag: Flag(self.flag),
            remark: Some(Text::plain(self.remark)).filter(|remark| !remark.is_empty()),
            ext,
        }
    }
}

/// A head without remark, as good answers are: its front in one piece, and its ext block. `None` for all others.
#[inline]
fn usual_front(bytes: &[u8]) -> Option<(Front<'_>, &[u8])> {
    let (front, rest) = bytes.split_first_chunk::<13>()?;
    let (lengths, rest) = rest.split_first_chunk()?;
    // The length of the remark, which is none, and of the block.
    let ext = u32::try_from(u64::from_be_bytes(*lengths)).ok()?;
    let block = rest.get(..ext as usize)?;
    let [c0, c1, language, v0, v1, o0, o1, o2, o3, f0, f1, f2, f3] = *front;
    let front = Front {
        code: i16::from_be_bytes([c0, c1]),
        language,
        version: i16::from_be_bytes([v0, v1]),
        opaque: i32::from_be_bytes([o0, o1, o2, o3]),
        flag: i32::from_be_bytes([f0, f1, f2, f3]),
        remark: "",
    };
    Some((front, block))
}

/// Any front, and the ext block, with words for what is wrong with it.
#[cold]
fn any_front(bytes: &[u8]) -> Result<(Front<'_>, &[u8]), HeadError> {
    let mut cursor = Cursor { bytes, whole: None, at: 0 };
    let code = i16::from_be_bytes(cursor.array("code")?);
    let [language] = cursor.array("language")?;
    let version = i16::from_be_bytes(cursor.array("version")?);
    let opaque = i32::from_be_bytes(cursor.array("opaque")?);
    let flag = i32::from_be_bytes(cursor.array("flag")?);
    let remark = cursor.length("remark length")?;
    let remark = cursor.text(remark, "remark")?;
    let ext = cursor.length("ext length")?;
    let block = cursor.take(ext, "ext block")?;
    Ok((Front { code, language, version, opaque, flag, remark }, block))
}

pub(super) fn parse(bytes: &[u8]) -> Result<Head<'_>, HeadError> {
    let (front, block) = match usual_front(bytes) {
        Some(found) => found,
        None => any_front(bytes)?,
    };
    let start = FIXED_LEN + front.remark.len();
    let form = match noted(block) {
        _ if block.is_empty() => Form::None,
        Some(form) => form,
        None => {
            let block = Block::new(block);
            check_ext(&block, start)?;
            Form::Binary(block)
        }
    };
    Ok(front.with(ExtFields::new(form, start)))
}

/// The bytes between a key and its value: the value's length.
const GAP: u8 = 4;

/// Entries as machines write them: ASCII with the lengths between, none twice, none empty, not many. Notes where they
/// lie; `None` if any is unusual.
#[inline]
fn noted(block: &[u8]) -> Option<Form<'_>> {
    is_ascii(block).then_some(())?;
    let (mut spans, mut twins, mut rest) = (Spans::default(), Twins::default(), block);
    // An entry in which nothing is empty has eight bytes at least.
    while let Some(front) = rest.first_chunk() {
        let front = u64::from_be_bytes(*front);
        let key_len = (front >> 48) as usize;
        let (value_len, after) = rest.get(2 + key_len..)?.split_first_chunk()?;
        let (value, after) = after.split_at_checked(u32::from_be_bytes(*value_len) as usize)?;
        let usual = (1..=255).contains(&key_len) && !value.is_empty();
        (usual && !twins.marked(mark_of(front, key_len))).then_some(())?;
        let end = block.len() - after.len();
        spans.push(end - value.len(), end)?;
        rest = after;
    }
    rest.is_empty().then_some(Form::Noted(block, spans, GAP))
}

/// Eight bits of a key's length and first six bytes, both of which are in the first eight bytes of its entry.
#[inline]
fn mark_of(front: u64, key_len: usize) -> u8 {
    // What follows a shorter key is not its own.
    let own = front >> (8 * 6_usize.saturating_sub(key_len));
    (own.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

fn check_ext(block: &Block<'_>, start: usize) -> Result<(), HeadError> {
    let shift = |error| match error {
        HeadError::Overrun { field, at } => HeadError::Overrun { field, at: at + start },
        HeadError::Utf8 { field, at } => HeadError::Utf8 { field, at: at + start },
        other => other,
    };
    let mut cursor = Cursor { bytes: block.bytes, whole: block.whole, at: 0 };
    let mut twins = Twins::default();
    while cursor.at < block.bytes.len() {
        let at = cursor.at;
        let quick = block.whole.and_then(|whole| quick_entry(block.bytes, whole, at));
        let (key, value) = match quick {
            Some((key, value, end)) => {
                cursor.at = end;
                (key, value)
            }
            None => entry(&mut cursor).map_err(shift)?,
        };
        let key = Text::plain(key);
        // Java's client writes the fields of its fast codec twice when it signs: twice the same is accepted.
        twins.check(key, at + start, || ExtCursor::new(block.front(at)).any_other(key, value))?;
    }
    Ok(())
}

/// Reads one entry, with words for what is wrong with it.
#[cold]
fn entry<'a>(cursor: &mut Cursor<'a>) -> Result<(&'a str, &'a str), HeadError> {
    let at = cursor.at;
    let key = i16::from_be_bytes(cursor.array("ext key length")?);
    let key = usize::try_from(key).map_err(|_| HeadError::Overrun { field: "ext key length", at })?;
    let key = cursor.text(key, "ext key")?;
    let value = cursor.length("ext value length")?;
    Ok((key, cursor.text(value, "ext value")?))
}

/// Reads one entry at `at` of a block that is UTF-8 as a whole, and says where the next begins. `None` if anything
/// is wrong with it: [`entry`] then finds out what.
#[inline]
fn quick_entry<'a>(bytes: &'a [u8], whole: &'a str, at: usize) -> Option<(&'a str, &'a str, usize)> {
    let key_len = u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
    let key_end = at + 2 + usize::from(key_len);
    let key = whole.get(at + 2..key_end)?;
    let value_len = u32::from_be_bytes(*bytes.get(key_end..)?.first_chunk()?);
    let end = (key_end + 4).checked_add(value_len as usize)?;
    let value = whole.get(key_end + 4..end)?;
    (i16::try_from(key_len).is_ok() && i32::try_from(value_len).is_ok()).then_some((key, value, end))
}

/// Walks an ext block that has been checked.
#[derive(Clone, Debug)]
pub(super) struct ExtCursor<'a> {
    block: Block<'a>,
    at: usize,
}

impl<'a> ExtCursor<'a> {
    pub(super) fn new(block: Block<'a>) -> Self {
        Self { block, at: 0 }
    }

    /// Where the value of that field begins; of the last, if there are several.
    pub(super) fn value_of(mut self, field: &str) -> Option<usize> {
        let mut found = None;
        while let Some((key, value)) = self.entry() {
            if key == field {
                found = Some(self.at - value.len());
            }
        }
        found
    }

    /// True if the key came with another value.
    fn any_other(mut self, wanted: Text<'_>, as_well: &str) -> bool {
        core::iter::from_fn(|| self.entry()).any(|(key, value)| wanted == *key && value != as_well)
    }

    #[inline]
    fn entry(&mut self) -> Option<(&'a str, &'a str)> {
        if let Some(whole) = self.block.whole {
            let (key, value, end) = quick_entry(self.block.bytes, whole, self.at)?;
            self.at = end;
            return Some((key, value));
        }
        let mut cursor = Cursor { bytes: self.block.bytes, whole: None, at: self.at };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fields::{RegionResponse, SendMessageResponse};
    use alloc::format;
    use proptest::prelude::*;

    /// The answer to a send as brokers write it, some entries left out, doubled or changed.
    fn answer() -> impl Strategy<Value = Vec<u8>> {
        let key = prop::sample::select(alloc::vec![
            "msgId",
            "queueId",
            "queueOffset",
            "transactionId",
            "MSG_REGION",
            "TRACE_ON",
            "recallHandle",
            "k",
            "",
        ]);
        let value = prop_oneof![4 => "[0-9]{1,3}", 2 => "[0-9A-F]{32}", 1 => "é?", 1 => "-?[0-9]{9,20}"];
        (prop::collection::vec((key, value), 0..11), "(why)?").prop_map(|(fields, remark)| {
            let spec = HeadSpec {
                code: 0,
                language: LanguageCode::JAVA,
                version: Version::V5_5_0,
                opaque: 7,
                flag: Flag::RESPONSE,
                remark: Some(&remark),
            };
            let mut out = Vec::new();
            begin(&mut out, &spec).expect("a small code");
            let mark = out.len();
            out.extend_from_slice(&[0; 4]);
            for (key, value) in fields {
                out.extend_from_slice(&(key.len() as u16).to_be_bytes());
                out.extend_from_slice(key.as_bytes());
                out.extend_from_slice(&(value.len() as u32).to_be_bytes());
                out.extend_from_slice(value.as_bytes());
            }
            let len = (out.len() - mark - 4) as u32;
            out[mark..mark + 4].copy_from_slice(&len.to_be_bytes());
            out
        })
    }

    /// What is read of a head, the quick ways used where they can be, or never.
    fn all_of(bytes: &[u8], quick: bool) -> alloc::string::String {
        let head = if quick {
            parse(bytes)
        } else {
            any_front(bytes).and_then(|(front, block)| {
                let start = FIXED_LEN + front.remark.len();
                let checked = Block::new(block);
                check_ext(&checked, start)?;
                let form = if block.is_empty() { Form::None } else { Form::Binary(checked) };
                Ok(front.with(ExtFields::new(form, start)))
            })
        };
        let fields = head
            .as_ref()
            .map(|head| (head.fields::<SendMessageResponse<'_>>(), head.fields::<RegionResponse<'_>>()));
        format!("{head:?} {fields:?}")
    }

    proptest! {
        #[test]
        fn the_quick_ways_read_what_the_others_read(
            mut bytes in answer(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            prop_assert_eq!(all_of(&bytes, true), all_of(&bytes, false));
        }
    }
}
