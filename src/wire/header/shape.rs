//! A head that looks like one that came before: what is the same is compared, only what changes is read.
//!
//! What [`HeadTemplate`](super::HeadTemplate) is for heads that go out. A broker's answers to sends differ in a few
//! numbers and ids: comparing the rest costs a fraction of parsing it (`cargo bench -- 11`). Whatever differs anywhere
//! else is for [`Head::parse`], which says the same of every head that is read here.

use alloc::vec::Vec;
use core::ops::Range;

use smallvec::SmallVec;

use super::binary::{EXT_LENGTH_AT, FIXED_LEN, OPAQUE_AT};
use super::json;
use super::{Form, Head, HeadSpec};
use crate::wire::frame::SerializeType;
use crate::wire::json::{is_plain, write_int};

/// Longest head that is learned.
const LONGEST: usize = 1024;
/// Shortest one: such as are compared in strides.
const SHORTEST: usize = STRIDE;

/// How a field is written that changes from one head of a [`HeadShape`] to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changing {
    /// As a whole number of up to 18 digits.
    Int,
    /// As text of the same length each time, of ASCII that JSON does not escape.
    Text,
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

impl What {
    /// Its place among all that may change.
    fn slot(self) -> usize {
        match self {
            Self::Opaque => 0,
            Self::BlockLength => 1,
            Self::Field(place, _) => 2 + usize::from(place),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Hole {
    start: u16,
    len: u16,
    what: What,
}

impl Hole {
    fn end(self) -> usize {
        usize::from(self.start) + usize::from(self.len)
    }
}

/// Most fields that change.
const MAX_FIELDS: usize = 4;
/// All that may change.
const SLOTS: usize = 2 + MAX_FIELDS;

type Holes = SmallVec<[Hole; SLOTS]>;

/// What the heads of many answers have in common: learned from one, by which the others are read. Nothing at first.
///
/// For whoever reads many answers of one kind from brokers of one kind, as a producer does. It holds some 1 KiB.
///
/// ```
/// use rocketmq_engine::wire::frame::SerializeType;
/// use rocketmq_engine::wire::header::{Changing, Head, HeadShape};
///
/// const FIELDS: [(&str, Changing); 2] = [("queueId", Changing::Int), ("msgId", Changing::Text)];
/// let head = |opaque, queue, id| {
///     format!(
///         "{{\"code\":0,\"extFields\":{{\"queueId\":\"{queue}\",\"TRACE_ON\":\"true\",\"msgId\":\"{id}\"}},\"flag\":1,\
///          \"language\":\"JAVA\",\"opaque\":{opaque},\"serializeTypeCurrentRPC\":\"JSON\",\"version\":515}}"
///     )
/// };
/// let (first, second) = (head(7, 3, "0A1B"), head(12, 10, "0A1C"));
/// let mut shape = HeadShape::default();
/// assert!(shape.read(SerializeType::Json, first.as_bytes()).is_none());
///
/// let parsed = Head::parse(SerializeType::Json, first.as_bytes()).unwrap();
/// assert!(shape.learn(SerializeType::Json, first.as_bytes(), &parsed, &FIELDS));
/// let found = shape.read(SerializeType::Json, second.as_bytes()).unwrap();
/// assert_eq!((found.opaque(), found.int(0), found.text(1)), (Some(12), Some(10), Some(&b"0A1C"[..])));
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeadShape {
    serialize: SerializeType,
    /// The last one.
    last: Vec<u8>,
    /// For each byte of it: all bits if it is always the same, none if it is in a hole.
    same: Vec<u8>,
    /// By where they are.
    holes: Holes,
    /// From where to where in the last one each slot's hole goes; nowhere if it has none.
    slots: [(u16, u16); SLOTS],
    /// The same of those that are text.
    texts: SmallVec<[(u16, u16); MAX_FIELDS]>,
}

/// A head that looks like the one a [`HeadShape`] learned. Where any of what is asked for is `None`, it is another head
/// than it looks like, and for [`Head::parse`].
#[derive(Clone, Copy, Debug)]
pub struct ShapedHead<'s, 'a> {
    shape: &'s HeadShape,
    head: &'a [u8],
}

impl<'a> ShapedHead<'_, 'a> {
    #[inline]
    fn slot(&self, slot: usize) -> Option<&'a [u8]> {
        self.part(*self.shape.slots.get(slot)?)
    }

    #[inline]
    fn part(&self, (from, to): (u16, u16)) -> Option<&'a [u8]> {
        self.head.get(usize::from(from)..usize::from(to))
    }

    #[inline]
    fn is_binary(&self) -> bool {
        self.shape.serialize == SerializeType::Rocketmq
    }

    /// The correlation number.
    #[inline]
    pub fn opaque(&self) -> Option<i32> {
        let bytes = self.slot(What::Opaque.slot())?;
        if self.is_binary() {
            return Some(i32::from_be_bytes(bytes.try_into().ok()?));
        }
        i32::try_from(number(bytes)?).ok()
    }

    /// A field that was learned as a number, by its place among those that change.
    #[expect(clippy::inline_always, reason = "twice an answer: the call costs as much as a number")]
    #[inline(always)]
    pub fn int(&self, place: u8) -> Option<i64> {
        let bytes = self.slot(What::Field(place, Changing::Int).slot())?;
        if self.is_binary() { counted(bytes) } else { number(bytes) }
    }

    /// A field that was learned as text, by its place among those that change: of ASCII that JSON does not escape.
    #[inline]
    pub fn text(&self, place: u8) -> Option<&'a [u8]> {
        self.slot(What::Field(place, Changing::Text).slot())
    }
}

impl HeadShape {
    /// Finds in a head of this shape what changes; `None` if it is of any other. The last one is kept in mind: one that
    /// differs from it in no length is read fastest.
    #[inline]
    pub fn read<'a>(&mut self, serialize: SerializeType, head: &'a [u8]) -> Option<ShapedHead<'_, 'a>> {
        (serialize == self.serialize).then_some(())?;
        if !self.is_alike(head) {
            self.realign(head)?;
        }
        let shaped = ShapedHead { shape: self, head };
        if let Some(length) = shaped.slot(What::BlockLength.slot())?.first_chunk() {
            (u32::from_be_bytes(*length) as usize == head.len() - FIXED_LEN).then_some(())?;
        }
        // A quote in a text would make another head of it.
        let plain = self.texts.iter().all(|text| shaped.part(*text).is_some_and(is_plain));
        plain.then_some(shaped)
    }

    /// Whether all that is always the same is where it was in the last one.
    #[inline]
    fn is_alike(&self, head: &[u8]) -> bool {
        let last = &*self.last;
        let mut strides = head.as_chunks().0.iter().zip(last.as_chunks().0).zip(self.same.as_chunks().0);
        head.len() == last.len()
            && strides.all(|((head, last), same)| is_same(head, last, same))
            // What is left, with some bytes before it.
            && match (head.last_chunk(), last.last_chunk(), self.same.last_chunk()) {
                (Some(head), Some(last), Some(same)) => is_same(head, last, same),
                _ => false,
            }
    }

    /// Finds the holes again in a head whose numbers have other lengths than the last one's. `None` if that is not all.
    #[inline(never)]
    fn realign(&mut self, head: &[u8]) -> Option<()> {
        let (mut holes, mut from, mut at) = (Holes::new(), 0, 0);
        for hole in &self.holes {
            let lead = self.last.get(from..usize::from(hole.start))?;
            let rest = head.get(at..)?.strip_prefix(lead)?;
            let len = self.len_of(*hole, rest);
            holes.push(Hole { start: (at + lead.len()) as u16, len: len as u16, what: hole.what });
            (from, at) = (hole.end(), at + lead.len() + len);
        }
        (head.get(at..)? == self.last.get(from..)? && (SHORTEST..=LONGEST).contains(&head.len()))
            .then_some(())?;
        self.align(head, holes);
        Some(())
    }

    /// How long the hole is in whose place `rest` begins.
    fn len_of(&self, hole: Hole, rest: &[u8]) -> usize {
        let digits =
            |bytes: &[u8]| bytes.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'-')).count();
        match (hole.what, self.serialize) {
            (What::Field(_, Changing::Int), SerializeType::Rocketmq) => {
                rest.split_first_chunk::<4>().map_or(0, |(_, rest)| 4 + digits(rest))
            }
            (What::Field(_, Changing::Int) | What::Opaque, SerializeType::Json) => digits(rest),
            _ => usize::from(hole.len),
        }
    }

    /// Notes a head as the last one.
    fn align(&mut self, head: &[u8], holes: Holes) {
        self.last.clear();
        self.last.extend_from_slice(head);
        self.same.clear();
        self.same.resize(head.len(), u8::MAX);
        self.slots = [(0, 0); SLOTS];
        self.texts.clear();
        for hole in &holes {
            self.same.get_mut(usize::from(hole.start)..hole.end()).unwrap_or_default().fill(0);
            if let Some(slot) = self.slots.get_mut(hole.what.slot()) {
                *slot = (hole.start, hole.end() as u16);
            }
            if let What::Field(_, Changing::Text) = hole.what {
                self.texts.push((hole.start, hole.end() as u16));
            }
        }
        self.holes = holes;
    }

    /// Takes the shape of a head that has been parsed, in which these fields change, four at most. False if it is an
    /// unusual one, longer than 1 KiB or with a remark, or lacks one of them: then the shape stays as it was.
    #[cold]
    pub fn learn(
        &mut self,
        serialize: SerializeType,
        bytes: &[u8],
        head: &Head<'_>,
        fields: &[(&str, Changing)],
    ) -> bool {
        let Some(holes) = holes_of(serialize, bytes, head, fields) else { return false };
        self.serialize = serialize;
        self.align(bytes, holes);
        true
    }
}

/// How many bytes are compared together: the compiler makes a few vector instructions of it.
const STRIDE: usize = 32;

#[inline]
fn is_same(head: &[u8; STRIDE], last: &[u8; STRIDE], same: &[u8; STRIDE]) -> bool {
    let bytes = head.iter().zip(last).zip(same);
    bytes.fold(0, |all, ((head, last), same)| all | ((head ^ last) & same)) == 0
}

/// Where in a head lies what changes, in order.
fn holes_of(
    serialize: SerializeType,
    bytes: &[u8],
    head: &Head<'_>,
    fields: &[(&str, Changing)],
) -> Option<Holes> {
    let Form::Noted(text, spans, gap) = &head.ext.form else { return None };
    if !(SHORTEST..=LONGEST).contains(&bytes.len()) || head.remark.is_some() || fields.len() > MAX_FIELDS {
        return None;
    }
    let start = head.ext.start as usize;
    let mut holes = Holes::new();
    // Heads that are learned are short.
    let mut hole = |range: Range<usize>, what| {
        holes.push(Hole { start: range.start as u16, len: range.len() as u16, what });
    };
    if serialize == SerializeType::Rocketmq {
        // The block's length says where the head ends: bytes behind it would be taken for fields.
        (start + text.len() == bytes.len()).then_some(())?;
        hole(OPAQUE_AT..OPAQUE_AT + 4, What::Opaque);
        hole(EXT_LENGTH_AT..EXT_LENGTH_AT + 4, What::BlockLength);
    }
    let mut found = 0;
    for (key, value) in spans.places(text, usize::from(*gap)) {
        let Some(place) = fields.iter().position(|(name, _)| name.as_bytes() == key) else { continue };
        let (_, changing) = *fields.get(place)?;
        // A number's length changes with it.
        let before = if changing == Changing::Int && serialize == SerializeType::Rocketmq { 4 } else { 0 };
        hole(start + value.start - before..start + value.end, What::Field(place as u8, changing));
        found += 1;
    }
    (found == fields.len()).then_some(())?;
    if serialize == SerializeType::Json {
        hole(opaque_in_json(bytes, text, head)?, What::Opaque);
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

/// A number as machines write it, and nothing else.
#[expect(clippy::inline_always, reason = "see `int`")]
#[inline(always)]
fn number(bytes: &[u8]) -> Option<i64> {
    // Queues are few.
    if let [digit @ b'0'..=b'9'] = bytes {
        return Some(i64::from(digit - b'0'));
    }
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let leading = digits.len() > 1 && digits.first() == Some(&b'0');
    ((1..=18).contains(&digits.len()) && !leading).then_some(())?;
    let (mut value, mut wrong) = (0, false);
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        wrong |= digit > 9;
        value = value * 10 + i64::from(digit);
    }
    (!(wrong || negative && value == 0)).then_some(if negative { -value } else { value })
}

/// A number behind its length.
#[expect(clippy::inline_always, reason = "see `int`")]
#[inline(always)]
fn counted(bytes: &[u8]) -> Option<i64> {
    let (len, digits) = bytes.split_first_chunk()?;
    (digits.len() == u32::from_be_bytes(*len) as usize).then_some(())?;
    number(digits)
}
