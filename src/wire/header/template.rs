//! A request's head encoded once, with holes for what changes from one request to the next.
//!
//! A send's head is 400 bytes of which the application's part changes and four numbers: copying the rest costs a
//! third of encoding it. The bytes are the same as [`encode_head`](super::encode_head)'s.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use super::binary::{self, BinarySink, EXT_LENGTH_AT, OPAQUE_AT};
use super::json::{self, JsonSink};
use super::{EncodeError, EncodeFields, FieldSink, HeadSpec, finish};
use crate::wire::frame::SerializeType;
use crate::wire::json::{format_int, write_escaped, write_int};
use crate::wire::message::UniqueId;

/// Bytes before the head: length prefix and head word.
const PREFIX: usize = 8;

/// What goes into a hole.
#[derive(Clone, Copy, Debug)]
pub enum Hole<'a> {
    /// A whole number.
    Int(i64),
    /// A text in parts, written as one. In the binary form it must not be empty.
    Parts(&'a [Part<'a>]),
}

/// The name of the property that has a message's unique id, and the separator behind it.
const PROPERTY: &[u8; 9] = b"UNIQ_KEY\x01";

/// Part of a text that goes into a hole.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// Any text.
    Text(&'a str),
    /// A message's unique id, as the property that has it (`UNIQ_KEY`).
    UniqueKey(&'a UniqueId),
}

impl Part<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::UniqueKey(id) => PROPERTY.len() + id.text_len() + 1,
        }
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>, escaped: bool) {
        match self {
            Self::Text(text) if escaped => write_escaped(out, text),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::UniqueKey(id) if escaped => id.append_between(out, b"UNIQ_KEY\\u0001", b"\\u0002"),
            Self::UniqueKey(id) => id.append_between(out, PROPERTY, b"\x02"),
        }
    }
}

/// A head with holes: made once for a producer and a broker, filled for each send.
///
/// ```
/// use rocketmq_engine::wire::codes::{LanguageCode, Version};
/// use rocketmq_engine::wire::fields::SendMessageV2Request;
/// use rocketmq_engine::wire::frame::SerializeType;
/// use rocketmq_engine::wire::header::{Flag, HeadSpec, HeadTemplate, Hole, encode_head};
///
/// let spec = |opaque| HeadSpec {
///     code: 310, language: LanguageCode::RUST, version: Version::V5_5_0, opaque, flag: Flag::REQUEST, remark: None,
/// };
/// let fields = |queue_id| SendMessageV2Request { topic: "orders".into(), queue_id, ..Default::default() };
/// let mut template = HeadTemplate::new(SerializeType::Json, &spec(0), &fields(0), &["e"]).unwrap();
///
/// let (mut filled, mut encoded) = (Vec::new(), Vec::new());
/// template.fill(&mut filled, 77, &[Hole::Int(3)], 1024).unwrap();
/// encode_head(&mut encoded, SerializeType::Json, &spec(77), &fields(3), 1024).unwrap();
/// assert_eq!(filled, encoded);
/// ```
#[derive(Clone, Debug)]
pub struct HeadTemplate {
    serialize: SerializeType,
    /// Everything but the holes, from the length prefix on.
    bytes: Box<[u8]>,
    /// Where in `bytes` the holes are; in the JSON form the last one is `opaque`.
    cuts: Vec<u32>,
    /// All before the first hole that took no number, as it was filled last: mostly it is the same again, but for a
    /// digit.
    front: Vec<u8>,
    /// The numbers in it, and where they end.
    numbers: Vec<(i64, u32)>,
}

/// What was filled in last is no part of what it is.
impl Hash for HeadTemplate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.serialize, &self.bytes, &self.cuts).hash(state);
    }
}

impl HeadTemplate {
    /// Encodes a head with a hole for each key of `holes`, sorted as the fields are, and for `opaque`. `None` if the
    /// fields lack such a key, or cannot be encoded.
    pub fn new<F: EncodeFields>(
        serialize: SerializeType,
        spec: &HeadSpec<'_>,
        fields: &F,
        holes: &[&str],
    ) -> Option<Self> {
        let mut bytes = Vec::from([0; PREFIX]);
        let mut cuts = Vec::with_capacity(holes.len() + 1);
        match serialize {
            SerializeType::Json => {
                json::begin(&mut bytes, spec);
                bytes.extend_from_slice(b",\"extFields\":{");
                let form = FormSink::Json(JsonSink::new(&mut bytes));
                fields.encode(&mut TemplateSink { form, holes, cuts: &mut cuts });
                bytes.push(b'}');
                json::before_opaque(&mut bytes, spec);
                cuts.push(bytes.len() as u32);
                json::after_opaque(&mut bytes, spec);
            }
            SerializeType::Rocketmq => {
                binary::begin(&mut bytes, &HeadSpec { remark: None, ..*spec }).ok()?;
                bytes.extend_from_slice(&[0; 4]);
                let sink = BinarySink { out: &mut bytes, error: None };
                let mut sink = TemplateSink { form: FormSink::Binary(sink), holes, cuts: &mut cuts };
                fields.encode(&mut sink);
                if matches!(sink.form, FormSink::Binary(BinarySink { error: Some(_), .. })) {
                    return None;
                }
            }
        }
        let found = cuts.len() - usize::from(serialize == SerializeType::Json);
        let template =
            Self { serialize, bytes: bytes.into_boxed_slice(), cuts, front: Vec::new(), numbers: Vec::new() };
        (found == holes.len()).then_some(template)
    }

    /// Appends length prefix, head word and head of a frame whose body of `body_len` bytes the caller appends.
    /// `values` fill the holes in their order, one for each. After an error `out` holds half a head: truncate it.
    #[inline]
    pub fn fill(
        &mut self,
        out: &mut Vec<u8>,
        opaque: i32,
        values: &[Hole<'_>],
        body_len: usize,
    ) -> Result<(), EncodeError> {
        let holes = self.cuts.len() - usize::from(self.serialize == SerializeType::Json);
        if values.len() != holes {
            return Err(EncodeError::Values { given: values.len(), holes });
        }
        let start = out.len();
        if !self.has_front(values) {
            self.make_front(values);
        }
        out.extend_from_slice(&self.front);
        for (hole, value) in values.iter().enumerate().skip(self.numbers.len()) {
            self.write(out, value);
            out.extend_from_slice(self.piece(hole));
        }
        if self.serialize == SerializeType::Json {
            write_int(out, i64::from(opaque));
            out.extend_from_slice(self.piece(values.len()));
        } else if let Some(head) = out.get_mut(start + PREFIX..) {
            let ext = (head.len() - EXT_LENGTH_AT - 4) as u32;
            head[OPAQUE_AT..OPAQUE_AT + 4].copy_from_slice(&opaque.to_be_bytes());
            head[EXT_LENGTH_AT..EXT_LENGTH_AT + 4].copy_from_slice(&ext.to_be_bytes());
        }
        finish(out, start, self.serialize, body_len)
    }

    /// Whether the front has the values' numbers; a digit in place of a digit is written there.
    #[inline]
    fn has_front(&mut self, values: &[Hole<'_>]) -> bool {
        let mut values = values.iter();
        for (number, end) in &mut self.numbers {
            match values.next() {
                Some(Hole::Int(value)) if value == number => {}
                Some(Hole::Int(digit @ 0..10)) if (0..10).contains(number) => {
                    let Some(place) = self.front.get_mut(*end as usize - 1) else { return false };
                    (*number, *place) = (*digit, b'0' + *digit as u8);
                }
                _ => return false,
            }
        }
        !self.front.is_empty() && !matches!(values.next(), Some(Hole::Int(_)))
    }

    /// Fills the front anew.
    #[inline(never)]
    fn make_front(&mut self, values: &[Hole<'_>]) {
        let mut front = core::mem::take(&mut self.front);
        front.clear();
        self.numbers.clear();
        let digits = values.iter().take_while(|value| matches!(value, Hole::Int(_))).count();
        // Digits with their length, or with quotes.
        front.reserve_exact(self.cut(digits) + digits * 24);
        front.extend_from_slice(self.bytes.get(..self.cut(0)).unwrap_or_default());
        for (hole, value) in values.iter().enumerate() {
            let Hole::Int(number) = value else { break };
            self.write(&mut front, value);
            self.numbers.push((*number, front.len() as u32));
            front.extend_from_slice(self.piece(hole));
        }
        self.front = front;
    }

    /// Writes what goes into a hole.
    #[inline]
    fn write(&self, out: &mut Vec<u8>, value: &Hole<'_>) {
        match (self.serialize, value) {
            (SerializeType::Json, Hole::Int(value)) => write_int(out, *value),
            (SerializeType::Json, Hole::Parts(parts)) => parts.iter().for_each(|part| part.write(out, true)),
            (SerializeType::Rocketmq, Hole::Int(value)) => {
                let mut buffer = [0; 20];
                let digits = format_int(&mut buffer, *value);
                out.extend_from_slice(&(digits.len() as u32).to_be_bytes());
                out.extend_from_slice(digits);
            }
            (SerializeType::Rocketmq, Hole::Parts(parts)) => {
                let len: usize = parts.iter().map(Part::len).sum();
                out.extend_from_slice(&(len as u32).to_be_bytes());
                parts.iter().for_each(|part| part.write(out, false));
            }
        }
    }

    /// Where in `bytes` a hole is; their end, if there is no such hole.
    #[inline]
    fn cut(&self, hole: usize) -> usize {
        self.cuts.get(hole).map_or(self.bytes.len(), |cut| *cut as usize)
    }

    /// What stands between a hole and the next.
    #[inline]
    fn piece(&self, hole: usize) -> &[u8] {
        self.bytes.get(self.cut(hole)..self.cut(hole + 1)).unwrap_or_default()
    }
}

enum FormSink<'o> {
    Json(JsonSink<'o>),
    Binary(BinarySink<'o>),
}

/// Encodes what is no hole, and notes where the holes are.
struct TemplateSink<'o, 't> {
    form: FormSink<'o>,
    holes: &'t [&'t str],
    cuts: &'t mut Vec<u32>,
}

impl TemplateSink<'_, '_> {
    fn is_hole(&mut self, key: &str) -> bool {
        if self.holes.get(self.cuts.len()) != Some(&key) {
            return false;
        }
        match &mut self.form {
            FormSink::Json(sink) => {
                sink.key(key);
                self.cuts.push(sink.out.len() as u32);
                sink.out.push(b'"');
            }
            FormSink::Binary(sink) => {
                sink.key(key);
                self.cuts.push(sink.out.len() as u32);
            }
        }
        true
    }
}

impl FieldSink for TemplateSink<'_, '_> {
    fn text(&mut self, key: &str, value: &str) {
        if !self.is_hole(key) {
            match &mut self.form {
                FormSink::Json(sink) => sink.text(key, value),
                FormSink::Binary(sink) => sink.text(key, value),
            }
        }
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        if !self.is_hole(key) {
            match &mut self.form {
                FormSink::Json(sink) => sink.parts(key, parts),
                FormSink::Binary(sink) => sink.parts(key, parts),
            }
        }
    }

    fn int(&mut self, key: &str, value: i64) {
        if !self.is_hole(key) {
            match &mut self.form {
                FormSink::Json(sink) => sink.int(key, value),
                FormSink::Binary(sink) => sink.int(key, value),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codes::{LanguageCode, Version};
    use crate::wire::fields::{Parts, SendMessageV2Request};
    use crate::wire::header::{Flag, encode_head};
    use alloc::string::String;
    use proptest::prelude::*;

    const HOLES: [&str; 4] = ["e", "g", "h", "i"];

    proptest! {
        #[test]
        fn a_filled_template_is_what_is_encoded(
            opaque: i32,
            before: (i32, i64, i32),
            numbers: (i32, i64, i32),
            digits: Option<[u8; 4]>,
            properties in "[a-z\u{1}\u{2}\"\\\\é\n]{1,60}",
            topic in "[a-z%]{1,20}",
            binary: bool,
        ) {
            let serialize = if binary { SerializeType::Rocketmq } else { SerializeType::Json };
            let spec = |opaque| HeadSpec {
                code: 310,
                language: LanguageCode::RUST,
                version: Version::V5_5_0,
                opaque,
                flag: Flag::REQUEST,
                remark: None,
            };
            // Queues and flags are mostly one digit.
            let digit = |at: usize, other| digits.map_or(other, |digits| i32::from(digits[at] % 10));
            let before = (digit(0, before.0), before.1, digit(1, before.2));
            let (queue_id, born_timestamp, flag) = (digit(2, numbers.0), numbers.1, digit(3, numbers.2));
            let fields = |queue_id, born_timestamp, flag, properties: String| SendMessageV2Request {
                producer_group: "g".into(),
                topic: topic.as_str().into(),
                queue_id,
                born_timestamp,
                flag,
                properties: Some(Parts::Whole(properties.into())),
                batch: Some(false),
                broker_name: Some("broker-a".into()),
                ..Default::default()
            };
            let made = HeadTemplate::new(serialize, &spec(0), &fields(0, 0, 0, String::new()), &HOLES);
            let mut template = made.expect("it has these fields");
            let (front, back) = properties.split_at(properties.char_indices().next_back().map_or(0, |(at, _)| at));
            let parts = [front, back].map(Part::Text);
            let (mut filled, mut encoded) = (Vec::new(), Vec::from([7]));
            // What was filled in before leaves no trace.
            for (queue_id, born, flag) in [before, (queue_id, born_timestamp, flag)] {
                filled = Vec::from([7]);
                let values =
                    [Hole::Int(queue_id.into()), Hole::Int(born), Hole::Int(flag.into()), Hole::Parts(&parts)];
                template.fill(&mut filled, opaque, &values, 99).expect("small");
            }
            let all = fields(queue_id, born_timestamp, flag, properties.clone());
            encode_head(&mut encoded, serialize, &spec(opaque), &all, 99).expect("small");
            prop_assert_eq!(filled, encoded);
        }
    }

    #[test]
    fn every_hole_takes_one_value() {
        for serialize in [SerializeType::Json, SerializeType::Rocketmq] {
            let spec = HeadSpec {
                code: 310,
                language: LanguageCode::RUST,
                version: Version::V5_5_0,
                opaque: 0,
                flag: Flag::REQUEST,
                remark: None,
            };
            let made = HeadTemplate::new(serialize, &spec, &SendMessageV2Request::default(), &["e", "g"]);
            let mut template = made.expect("it has these fields");
            for given in [0, 1, 3] {
                let mut out = Vec::new();
                let filled = template.fill(&mut out, 1, &[Hole::Int(1); 3][..given], 0);
                assert_eq!((filled, out), (Err(EncodeError::Values { given, holes: 2 }), Vec::new()));
            }
        }
    }

    #[test]
    fn a_key_that_is_not_there_makes_no_template() {
        let spec = HeadSpec {
            code: 310,
            language: LanguageCode::RUST,
            version: Version::V5_5_0,
            opaque: 0,
            flag: Flag::REQUEST,
            remark: None,
        };
        let fields = SendMessageV2Request::default();
        for holes in [&["l"][..], &["e", "d"], &["e", "e"]] {
            assert!(HeadTemplate::new(SerializeType::Json, &spec, &fields, holes).is_none(), "{holes:?}");
        }
    }
}
