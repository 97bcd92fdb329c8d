//! The head of a remoting command: two forms on the wire, one typed view.
//!
//! | room | what |
//! |---|---|
//! | `json` | the JSON form (serialize type 0) |
//! | `binary` | the ROCKETMQ form (serialize type 1) |
//! | [`Head`], [`ExtFields`] | what was received, borrowed; parsing validates once and allocates nothing |
//! | [`EncodeFields`], [`FieldSink`], [`encode_head`] | what is sent |
//! | `spans` | where ext fields lie, so that a head is walked once |
//! | [`WithExtra`] | ext fields any request may carry |
//! | [`HeadTemplate`] | a head encoded once, with holes for what changes |
//! | [`HeadShape`] | a head that looks like the last one, of which only what changes is read |
//!
//! Source: Apache `RemotingCommand`, `RocketMQSerializable`.

mod binary;
mod extra;
mod json;
mod shape;
mod spans;
mod template;

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use super::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use super::frame::SerializeType;
pub use super::json::Text;
use super::json::{JsonError, JsonErrorKind};
#[cfg(feature = "acl")]
pub(crate) use extra::MergeSink;
pub use extra::WithExtra;
pub(crate) use extra::utf16_order;
pub use shape::{Changing, HeadShape, ShapedHead};
pub(crate) use spans::Raw;
use spans::Spans;
pub use template::{HeadTemplate, Hole, Part};

/// Most ext fields of one head. Requests of this protocol have at most 20.
pub const MAX_EXT_FIELDS: usize = 256;

/// Deepest nesting in a head's unknown members.
pub(crate) const MAX_DEPTH: usize = 8;

/// The flag word of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flag(pub i32);

impl Flag {
    /// A request that wants an answer.
    pub const REQUEST: Self = Self(0);
    /// An answer.
    pub const RESPONSE: Self = Self(1);
    /// A request that wants none.
    pub const ONEWAY: Self = Self(2);

    /// Bit 0: an answer.
    pub const fn is_response(self) -> bool {
        self.0 & 1 != 0
    }

    /// Bit 1: no answer wanted.
    pub const fn is_oneway(self) -> bool {
        self.0 & 2 != 0
    }
}

/// Why a head cannot be read. The stream cannot be used any further.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HeadError {
    /// The JSON text is malformed.
    #[error("JSON head: {0}")]
    Json(#[from] JsonError),
    /// A member has a value of the wrong kind or out of range.
    #[error("head member {member}: value at byte {at} is of the wrong kind or out of range")]
    Member {
        /// The member.
        member: &'static str,
        /// Byte offset of its value in the head.
        at: usize,
    },
    /// A field of the binary form does not fit into the head.
    #[error("binary head: {field} at byte {at} does not fit into the head")]
    Overrun {
        /// The field.
        field: &'static str,
        /// Byte offset of the field in the head.
        at: usize,
    },
    /// A text of the binary form is not UTF-8.
    #[error("binary head: {field} at byte {at} is not UTF-8")]
    Utf8 {
        /// The field.
        field: &'static str,
        /// Byte offset of the field in the head.
        at: usize,
    },
    /// A member or an ext field came before; in the binary form, with another value.
    #[error("field at byte {at} has a key that came before")]
    Duplicate {
        /// Byte offset in the head.
        at: usize,
    },
    /// Too many ext fields.
    #[error("more than {MAX_EXT_FIELDS} ext fields at byte {at}")]
    TooManyFields {
        /// Byte offset in the head.
        at: usize,
    },
}

/// Why ext fields are not what an operation says.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldError {
    /// A required field is not there.
    #[error("required ext field `{0}` is missing")]
    Missing(&'static str),
    /// A field's text cannot be read as what it should be.
    #[error("ext field `{field}` at byte {at} of the head is no valid {expected}")]
    Invalid {
        /// The field's key on the wire.
        field: &'static str,
        /// What was expected.
        expected: &'static str,
        /// Byte offset of its value in the head; in JSON, of the quote before it.
        at: usize,
    },
}

/// Why a head cannot be written.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The frame would be longer than a length prefix can say.
    #[error("a frame of {0} bytes cannot be announced")]
    FrameTooLong(usize),
    /// The head would be longer than its length field can say (16 MiB).
    #[error("a head of {0} bytes cannot be announced")]
    HeadTooLong(usize),
    /// The code does not fit the binary form's 16 bits.
    #[error("code {0} does not fit the binary form: send it as JSON")]
    Code(i32),
    /// A key of the binary form is longer than 32,767 bytes.
    #[error("an ext field key of {0} bytes does not fit the binary form")]
    KeyTooLong(usize),
    /// A template was given other than one value for each of its holes; nothing was written.
    #[error("a template with {holes} holes was given {given} values: give one for each")]
    Values {
        /// Values given.
        given: usize,
        /// Holes of the template.
        holes: usize,
    },
}

/// Takes the ext fields of a command, one by one.
pub trait FieldSink {
    /// A text.
    fn text(&mut self, key: &str, value: &str);
    /// A text given in parts, written as one.
    fn parts(&mut self, key: &str, parts: &[&str]);
    /// A whole number.
    fn int(&mut self, key: &str, value: i64);
    /// `true` or `false`.
    fn boolean(&mut self, key: &str, value: bool) {
        self.text(key, if value { "true" } else { "false" });
    }
}

/// The ext fields of a command. They are visited **sorted by key**, so that signing is one pass over the same walk.
pub trait EncodeFields {
    /// Gives every field that is present to `sink`, sorted by key.
    fn encode<S: FieldSink>(&self, sink: &mut S);

    /// True if the command has no ext field member at all, as Java writes a command without header class.
    fn is_absent(&self) -> bool {
        false
    }

    /// False if the fields may come in another order: then signing has to copy and sort them.
    fn is_sorted(&self) -> bool {
        true
    }
}

/// The ext fields of one operation, read from a head.
pub trait DecodeFields<'a>: Sized {
    /// Reads them in one pass.
    fn decode(ext: &ExtFields<'a>) -> Result<Self, FieldError>;
}

/// The ext fields of a request, which know its code.
pub trait Request: EncodeFields {
    /// What the request asks for.
    const CODE: RequestCode;
}

/// No ext fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoFields;

impl EncodeFields for NoFields {
    fn encode<S: FieldSink>(&self, _sink: &mut S) {}

    fn is_absent(&self) -> bool {
        true
    }
}

impl DecodeFields<'_> for NoFields {
    fn decode(_ext: &ExtFields<'_>) -> Result<Self, FieldError> {
        Ok(Self)
    }
}

/// Ext fields as a list, for tools, proxies and tests.
#[derive(Clone, Copy, Debug)]
pub struct FieldList<'a>(pub &'a [(&'a str, &'a str)]);

impl EncodeFields for FieldList<'_> {
    fn encode<S: FieldSink>(&self, sink: &mut S) {
        for (key, value) in self.0 {
            sink.text(key, value);
        }
    }

    fn is_sorted(&self) -> bool {
        self.0.is_sorted_by(|a, b| utf16_order(a.0, b.0).is_le())
    }
}

/// What a head says beside its ext fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadSpec<'a> {
    /// Request or response code.
    pub code: i32,
    /// Announced language.
    pub language: LanguageCode,
    /// Announced version.
    pub version: Version,
    /// Correlation number.
    pub opaque: i32,
    /// Request, response, one-way.
    pub flag: Flag,
    /// Text of an answer, usually an error's.
    pub remark: Option<&'a str>,
}

/// Appends length prefix, head word and head of a frame whose body of `body_len` bytes the caller appends.
///
/// Nothing is allocated but what `out` grows by. After an error `out` holds half a head: truncate it.
pub fn encode_head<F: EncodeFields>(
    out: &mut Vec<u8>,
    serialize: SerializeType,
    spec: &HeadSpec<'_>,
    fields: &F,
    body_len: usize,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    match serialize {
        SerializeType::Json => json::encode(out, spec, fields),
        SerializeType::Rocketmq => binary::encode(out, spec, fields)?,
    }
    finish(out, start, serialize, body_len)
}

/// Fills in the eight bytes at `start`, now that the head behind them is there.
#[inline]
fn finish(
    out: &mut [u8],
    start: usize,
    serialize: SerializeType,
    body_len: usize,
) -> Result<(), EncodeError> {
    let head = out.len() - start - 8;
    let total = head + 4 + body_len;
    if head > 0xff_ffff {
        return Err(EncodeError::HeadTooLong(head));
    }
    let length = i32::try_from(total).map_err(|_| EncodeError::FrameTooLong(total))?;
    let word = (u32::from(serialize.to_byte()) << 24) | head as u32;
    if let Some(prefix) = out.get_mut(start..start + 8) {
        prefix[..4].copy_from_slice(&length.to_be_bytes());
        prefix[4..].copy_from_slice(&word.to_be_bytes());
    }
    Ok(())
}

/// A received head. It borrows the frame; its parts have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Request or response code, by the flag.
    pub code: i32,
    /// The peer's language: Java if a JSON head does not say; `None` if it is one this side does not know.
    pub language: Option<LanguageCode>,
    /// The peer's version.
    pub version: Version,
    /// Correlation number.
    pub opaque: i32,
    /// Request, response, one-way.
    pub flag: Flag,
    /// Text of an answer. Servers leave arbitrary text here on success too: never judge by it.
    pub remark: Option<Text<'a>>,
    /// The ext fields.
    pub ext: ExtFields<'a>,
}

impl<'a> Head<'a> {
    /// Reads and checks a head; allocates nothing.
    pub fn parse(serialize: SerializeType, head: &'a [u8]) -> Result<Self, HeadError> {
        match serialize {
            SerializeType::Json => json::parse(head),
            SerializeType::Rocketmq => binary::parse(head),
        }
    }

    /// True for an answer.
    pub fn is_response(&self) -> bool {
        self.flag.is_response()
    }

    /// True for a request that wants no answer.
    pub fn is_oneway(&self) -> bool {
        self.flag.is_oneway()
    }

    /// The code of a request.
    pub fn request_code(&self) -> RequestCode {
        RequestCode(self.code)
    }

    /// The code of an answer.
    pub fn response_code(&self) -> ResponseCode {
        ResponseCode(self.code)
    }

    /// The ext fields as those of one operation.
    pub fn fields<T: DecodeFields<'a>>(&self) -> Result<T, FieldError> {
        T::decode(&self.ext)
    }

    fn empty() -> Self {
        Self {
            code: 0,
            language: None,
            version: Version(0),
            opaque: 0,
            flag: Flag(0),
            remark: None,
            ext: ExtFields::NONE,
        }
    }
}

/// The ext fields of a received head, as they stand in it.
#[derive(Clone, Copy)]
pub struct ExtFields<'a> {
    form: Form<'a>,
    /// Byte offset of the form's text in the head.
    start: u32,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    None,
    /// ASCII, checked, in which all fields have been noted; so many bytes lie between a key and its value.
    Noted(&'a [u8], Spans, u8),
    /// The text of the object, checked.
    Json(&'a str),
    /// The ext block, checked.
    Binary(binary::Block<'a>),
}

impl<'a> ExtFields<'a> {
    const NONE: Self = Self { form: Form::None, start: 0 };

    #[inline]
    fn new(form: Form<'a>, start: usize) -> Self {
        // Heads are far smaller: their length has 24 bits.
        Self { form, start: start as u32 }
    }

    /// The value of a field. Linear in the number of fields: to read several, decode a typed header.
    pub fn get(&self, key: &str) -> Option<Text<'a>> {
        self.iter().find(|(found, _)| *found == *key).map(|(_, value)| value)
    }

    /// All fields with a value, in the order of the wire.
    #[inline]
    pub fn iter(&self) -> ExtIter<'a> {
        ExtIter(match self.form {
            Form::None => Iter::None,
            Form::Noted(text, spans, gap) => Iter::Noted { text, spans, gap, next: 0 },
            Form::Json(text) => Iter::Json(json::ExtCursor::new(text)),
            Form::Binary(block) => Iter::Binary(binary::ExtCursor::new(block)),
        })
    }

    /// Calls `visit` for every field with a value whose key has no escapes, in the order of the wire:
    /// [`iter`](Self::iter) for hot paths.
    #[inline]
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&'a [u8], Raw<'a>)) {
        if let Form::Noted(bytes, spans, gap) = &self.form {
            spans.for_each(bytes, usize::from(*gap), visit);
        } else {
            self.visit_others(&mut visit);
        }
    }

    /// [`for_each`](Self::for_each) of what was not noted.
    #[cold]
    fn visit_others(&self, visit: &mut impl FnMut(&'a [u8], Raw<'a>)) {
        for (key, value) in self {
            if let Some(key) = key.as_plain() {
                visit(key.as_bytes(), Raw::Text(value));
            }
        }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// True if the head has no ext field member at all.
    pub fn is_absent(&self) -> bool {
        matches!(self.form, Form::None)
    }

    /// Says where in the head the value lies that is wrong.
    #[cold]
    pub(crate) fn locate(&self, error: FieldError) -> FieldError {
        let FieldError::Invalid { field, expected, .. } = error else { return error };
        let within = match &self.form {
            Form::None => None,
            Form::Noted(text, spans, gap) => spans.value_of(field, text, usize::from(*gap)),
            Form::Json(text) => json::ExtCursor::new(text).value_of(field),
            Form::Binary(block) => binary::ExtCursor::new(*block).value_of(field),
        };
        FieldError::Invalid { field, expected, at: self.start as usize + within.unwrap_or_default() }
    }
}

impl fmt::Debug for ExtFields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for &ExtFields<'a> {
    type Item = (Text<'a>, Text<'a>);
    type IntoIter = ExtIter<'a>;

    fn into_iter(self) -> ExtIter<'a> {
        self.iter()
    }
}

/// Iterator of [`ExtFields::iter`].
#[derive(Clone, Debug)]
pub struct ExtIter<'a>(Iter<'a>);

#[derive(Clone, Debug)]
enum Iter<'a> {
    None,
    Noted { text: &'a [u8], spans: Spans, gap: u8, next: u8 },
    Json(json::ExtCursor<'a>),
    Binary(binary::ExtCursor<'a>),
}

impl<'a> Iterator for ExtIter<'a> {
    type Item = (Text<'a>, Text<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Iter::None => None,
            Iter::Noted { text, spans, gap, next } => {
                let (key, value) = spans.get(*next, text, usize::from(*gap))?;
                *next += 1;
                Some((Raw::Ascii(key).text(), value.text()))
            }
            Iter::Json(cursor) => cursor.next(),
            Iter::Binary(cursor) => cursor.next(),
        }
    }
}

/// Finds a key that comes twice without a table: keys whose length and first bytes were not seen before cannot be
/// twins. 256 bits, so that the fields of a request seldom look alike.
#[derive(Debug, Default)]
struct Twins {
    seen: [u64; 4],
    count: usize,
}

impl Twins {
    /// Notes a key; `earlier` looks through the keys before it, and is asked only when that is needed.
    #[inline]
    fn check(&mut self, key: Text<'_>, at: usize, earlier: impl FnOnce() -> bool) -> Result<(), HeadError> {
        self.count += 1;
        if self.count > MAX_EXT_FIELDS {
            return Err(HeadError::TooManyFields { at });
        }
        let suspect = match key.as_plain() {
            Some(plain) => self.suspects(plain.as_bytes()),
            // With escapes it may be the twin of any.
            None => {
                self.seen = [u64::MAX; 4];
                true
            }
        };
        if suspect && earlier() { Err(HeadError::Duplicate { at }) } else { Ok(()) }
    }

    /// Notes a key without escapes; true if one like it may have come before.
    #[inline]
    fn suspects(&mut self, key: &[u8]) -> bool {
        self.marked(mark_of(key))
    }

    /// Notes a key by eight bits that depend on nothing else; true if the same came before.
    #[inline]
    fn marked(&mut self, mark: u8) -> bool {
        let word = &mut self.seen[usize::from(mark >> 6)];
        let bit = 1_u64 << (mark & 63);
        let before = *word & bit != 0;
        *word |= bit;
        before
    }
}

/// Eight bits of a key: of its length and of its first and last bytes.
#[inline]
fn mark_of(key: &[u8]) -> u8 {
    let len = key.len();
    // Two loads that may overlap cover any key of up to twice their size.
    let word = |at: usize| key.get(at..at + 4).map_or(0, |four| u64::from(read_u32(four)));
    let (front, back) = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(front), Some(back)) => (u64::from_le_bytes(*front), u64::from_le_bytes(*back)),
        _ if len >= 4 => (word(0), word(len - 4) << 32),
        _ => (key.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
    };
    let mixed = (front ^ back.rotate_left(17) ^ (len as u64) << 48).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8
}

fn read_u32(four: &[u8]) -> u32 {
    four.first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
}

impl JsonError {
    fn member(member: &'static str, at: usize) -> HeadError {
        HeadError::Member { member, at }
    }

    fn depth(at: usize) -> HeadError {
        HeadError::Json(Self { at, kind: JsonErrorKind::Depth { limit: MAX_DEPTH } })
    }
}
