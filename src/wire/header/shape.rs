//! A head that looks like one that came before: what is the same is compared, only what changes is read.
//!
//! What [`HeadTemplate`](super::HeadTemplate) is for heads that go out. A broker's answers to sends differ in a few
//! numbers and ids: comparing the rest costs a fraction of parsing it (`cargo bench -- 11`). Whatever differs anywhere
//! else is for [`Head::parse`], which says the same of every head that is read here.

use alloc::vec::Vec;
use core::ops::Range;

use smallvec::SmallVec;

use super::binary::{EXT_LENGTH_AT, OPAQUE_AT};
use super::json;
use super::{Form, Head, HeadSpec};
use crate::wire::frame::SerializeType;
use crate::wire::json::write_int;

/// Longest head that is learned.
const LONGEST: usize = 1024;

/// How a field that changes is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changing {
    /// As a whole number of up to 18 digits.
    Int,
    /// As text of the same length each time.
    Text,
}

/// What a field that changes has this time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Changed<'a> {
    Int(i64),
    Text(&'a [u8]),
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// The correlation number.
    Opaque,
    /// How long the ext block of the binary form is.
    BlockLength,
    /// The field with that place among those that change.
    Field(u8, Changing),
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    /// Bytes before it that are always the same.
    lead: u16,
    /// Bytes it had when it was learned.
    len: u16,
    what: What,
}

/// What heads have in common; nothing at first.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeadShape {
    serialize: SerializeType,
    /// All that is always the same, without what lies between.
    same: Vec<u8>,
    holes: SmallVec<[Hole; 6]>,
}

impl HeadShape {
    /// Reads a head of this shape: gives `visit` each field that changes, by its place, and returns the opaque. `None`
    /// if it is of any other, or if `visit` will not have a field: it must refuse text that is not plain
    /// ([`is_plain`](crate::wire::json::is_plain)), which nobody else has looked at.
    #[inline]
    pub(crate) fn read<'a>(
        &self,
        serialize: SerializeType,
        head: &'a [u8],
        mut visit: impl FnMut(u8, Changed<'a>) -> Option<()>,
    ) -> Option<i32> {
        let binary = self.serialize == SerializeType::Rocketmq;
        let (mut same, mut rest, mut opaque) = (&*self.same, head, None);
        for hole in &self.holes {
            let (lead, after) = same.split_at_checked(usize::from(hole.lead))?;
            (same, rest) = (after, rest.strip_prefix(lead)?);
            rest = match hole.what {
                What::Field(place, Changing::Text) => {
                    let (text, after) = rest.split_at_checked(usize::from(hole.len))?;
                    visit(place, Changed::Text(text))?;
                    after
                }
                What::Field(place, Changing::Int) => {
                    let (value, after) = if binary { counted(rest)? } else { number(rest)? };
                    visit(place, Changed::Int(value))?;
                    after
                }
                What::Opaque if binary => {
                    let (four, after) = rest.split_first_chunk()?;
                    opaque = Some(i32::from_be_bytes(*four));
                    after
                }
                What::Opaque => {
                    let (value, after) = number(rest)?;
                    opaque = Some(i32::try_from(value).ok()?);
                    after
                }
                What::BlockLength => {
                    let (four, after) = rest.split_first_chunk()?;
                    (u32::from_be_bytes(*four) as usize == after.len()).then_some(after)?
                }
            };
        }
        (serialize == self.serialize && rest == same).then_some(opaque)?
    }

    /// Takes the shape of a head that has been read, in which these fields change. False if it is an unusual one, or
    /// lacks one of them: then the shape stays as it was.
    #[cold]
    pub(crate) fn learn(
        &mut self,
        serialize: SerializeType,
        bytes: &[u8],
        head: &Head<'_>,
        fields: &[(&str, Changing)],
    ) -> bool {
        let Some(holes) = holes_of(serialize, bytes, head, fields) else { return false };
        self.serialize = serialize;
        self.same.clear();
        self.holes.clear();
        let mut from = 0;
        for (range, what) in holes {
            let lead = bytes.get(from..range.start).unwrap_or_default();
            self.same.extend_from_slice(lead);
            // Heads that are learned are short.
            self.holes.push(Hole { lead: lead.len() as u16, len: range.len() as u16, what });
            from = range.end;
        }
        self.same.extend_from_slice(bytes.get(from..).unwrap_or_default());
        true
    }
}

type Holes = SmallVec<[(Range<usize>, What); 6]>;

/// Where in a head lies what changes, in order.
fn holes_of(
    serialize: SerializeType,
    bytes: &[u8],
    head: &Head<'_>,
    fields: &[(&str, Changing)],
) -> Option<Holes> {
    let Form::Noted(text, spans, gap) = &head.ext.form else { return None };
    if bytes.len() > LONGEST || head.remark.is_some() {
        return None;
    }
    let start = head.ext.start as usize;
    let mut holes = Holes::new();
    if serialize == SerializeType::Rocketmq {
        holes.push((OPAQUE_AT..OPAQUE_AT + 4, What::Opaque));
        holes.push((EXT_LENGTH_AT..EXT_LENGTH_AT + 4, What::BlockLength));
    }
    let mut found = 0;
    for (key, value) in spans.places(text, usize::from(*gap)) {
        let Some(place) = fields.iter().position(|(name, _)| name.as_bytes() == key) else { continue };
        let (_, changing) = *fields.get(place)?;
        // A number's length changes with it.
        let before = if changing == Changing::Int && serialize == SerializeType::Rocketmq { 4 } else { 0 };
        holes.push((start + value.start - before..start + value.end, What::Field(place as u8, changing)));
        found += 1;
    }
    (found == fields.len()).then_some(())?;
    if serialize == SerializeType::Json {
        let opaque = opaque_in_json(bytes, text, head)?;
        holes.push((opaque, What::Opaque));
    }
    Some(holes)
}

/// Where the opaque lies, if the head is written as this side would write it.
fn opaque_in_json(bytes: &[u8], ext: &[u8], head: &Head<'_>) -> Option<Range<usize>> {
    let spec = HeadSpec {
        code: head.code,
        language: head.language?,
        version: head.version,
        opaque: head.opaque,
        flag: head.flag,
        remark: None,
    };
    let mut again = Vec::with_capacity(bytes.len());
    json::begin(&mut again, &spec);
    again.extend_from_slice(b",\"extFields\":");
    again.extend_from_slice(ext);
    json::before_opaque(&mut again, &spec);
    let from = again.len();
    write_int(&mut again, i64::from(head.opaque));
    let to = again.len();
    json::after_opaque(&mut again, &spec);
    (again == bytes).then_some(from..to)
}

/// A number as machines write it, and what is behind it.
#[inline]
fn number(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (mut value, mut rest) = (0_i64, digits);
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        // More than 18 are refused below, before what has become of it is used.
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        rest = after;
    }
    let count = digits.len() - rest.len();
    let leading = count > 1 && digits.first() == Some(&b'0');
    let usual = (1..=18).contains(&count) && !leading && !(negative && value == 0);
    usual.then_some((if negative { -value } else { value }, rest))
}

/// A number behind its length.
#[inline]
fn counted(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    let (value, after) = number(rest)?;
    (rest.len() - after.len() == u32::from_be_bytes(*len) as usize).then_some((value, after))
}
