//! The JSON form of a head. Keys go out in Java's alphabetical order and come in in any.

use alloc::vec::Vec;

use super::{
    EncodeFields, ExtFields, FieldSink, Flag, Form, Head, HeadError, HeadSpec, MAX_DEPTH, Raw, Spans, Text,
    Twins,
};
use crate::wire::codes::{LanguageCode, Version};
use crate::wire::json::write_escaped;
use crate::wire::json::{JsonError, JsonErrorKind, Lexer, Scanner, Token, write_int, write_string};

pub(super) fn encode<F: EncodeFields>(out: &mut Vec<u8>, spec: &HeadSpec<'_>, fields: &F) {
    begin(out, spec);
    if !fields.is_absent() {
        out.extend_from_slice(b",\"extFields\":{");
        fields.encode(&mut JsonSink::new(out));
        out.push(b'}');
    }
    before_opaque(out, spec);
    write_int(out, i64::from(spec.opaque));
    after_opaque(out, spec);
}

pub(super) fn begin(out: &mut Vec<u8>, spec: &HeadSpec<'_>) {
    out.extend_from_slice(b"{\"code\":");
    write_int(out, i64::from(spec.code));
}

pub(super) fn before_opaque(out: &mut Vec<u8>, spec: &HeadSpec<'_>) {
    out.extend_from_slice(b",\"flag\":");
    write_int(out, i64::from(spec.flag.0));
    out.extend_from_slice(b",\"language\":\"");
    out.extend_from_slice(spec.language.name().unwrap_or("OTHER").as_bytes());
    out.extend_from_slice(b"\",\"opaque\":");
}

pub(super) fn after_opaque(out: &mut Vec<u8>, spec: &HeadSpec<'_>) {
    if let Some(remark) = spec.remark {
        out.extend_from_slice(b",\"remark\":");
        write_string(out, remark);
    }
    out.extend_from_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    write_int(out, i64::from(spec.version.0));
    out.push(b'}');
}

pub(super) struct JsonSink<'o> {
    pub(super) out: &'o mut Vec<u8>,
    comma: bool,
}

impl<'o> JsonSink<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, comma: false }
    }

    /// A key and the quote that opens its value.
    #[inline]
    pub(super) fn key(&mut self, key: &str) {
        let first = !core::mem::replace(&mut self.comma, true);
        // The keys of a send are single letters: one copy of a fixed size.
        if let ([letter @ b'a'..=b'z'], false) = (key.as_bytes(), first) {
            return self.out.extend_from_slice(&[b',', b'"', *letter, b'"', b':', b'"']);
        }
        self.out.extend_from_slice(if first { b"\"" } else { b",\"" });
        write_escaped(self.out, key);
        self.out.extend_from_slice(b"\":\"");
    }
}

impl FieldSink for JsonSink<'_> {
    #[inline]
    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        write_escaped(self.out, value);
        self.out.push(b'"');
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        self.key(key);
        for part in parts {
            write_escaped(self.out, part);
        }
        self.out.push(b'"');
    }

    #[inline]
    fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        write_int(self.out, value);
        self.out.push(b'"');
    }

    /// Nothing to escape.
    #[inline]
    fn boolean(&mut self, key: &str, value: bool) {
        self.key(key);
        if value {
            self.out.extend_from_slice(b"true\"");
        } else {
            self.out.extend_from_slice(b"false\"");
        }
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Head<'_>, HeadError> {
    match Scanner::new(bytes).and_then(usual) {
        Some(head) => Ok(head),
        None => any_order(Lexer::new(bytes)?),
    }
}

/// A head with its members as Java writes them: in this order, without white space. What of it cannot be read this
/// way is left to [`any_order`], errors too. Nearly every head is read here, at half the price.
fn usual(mut scanner: Scanner<'_>) -> Option<Head<'_>> {
    #[inline]
    fn int(scanner: &mut Scanner<'_>) -> Option<i32> {
        scanner.integer().and_then(|value| i32::try_from(value).ok())
    }
    let at = &mut scanner;
    let mut head = Head::empty();
    at.literal("{\"code\":").then_some(())?;
    head.code = int(at)?;
    if at.literal(",\"extFields\":") {
        head.ext = match noted_fields(at) {
            Some(ext) => ext,
            None => with_lexer(at, |lexer| ext_fields(lexer))?,
        };
    }
    at.literal(",\"flag\":").then_some(())?;
    head.flag = Flag(int(at)?);
    at.literal(",\"language\":").then_some(())?;
    head.language = if at.literal("\"JAVA\"") { Some(LanguageCode::JAVA) } else { with_lexer(at, language)? };
    at.literal(",\"opaque\":").then_some(())?;
    head.opaque = int(at)?;
    if at.literal(",\"remark\":") {
        head.remark = Some(match plain_string(at) {
            Some(plain) => plain,
            None => with_lexer(at, |lexer| Ok(lexer.string()?))?,
        });
    }
    at.literal(",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":").then_some(())?;
    head.version = Version(int(at)?);
    (at.literal("}") && at.is_at_end()).then_some(head)
}

/// A string without escapes; nothing is stepped over if something else comes next.
#[inline]
fn plain_string<'a>(scanner: &mut Scanner<'a>) -> Option<Text<'a>> {
    let mut quick = *scanner;
    let plain = quick.literal("\"").then(|| quick.until_quote())??;
    *scanner = quick;
    Some(Raw::Ascii(plain).text())
}

/// Reads what is seldom there, or seldom simple, the general way.
#[cold]
fn with_lexer<'a, T>(
    scanner: &mut Scanner<'a>,
    read: impl FnOnce(&mut Lexer<'a>) -> Result<T, HeadError>,
) -> Option<T> {
    let mut lexer = Lexer::from_text_at(scanner.text()?, scanner.at());
    let found = read(&mut lexer).ok()?;
    scanner.jump(lexer.at());
    Some(found)
}

fn any_order(mut lexer: Lexer<'_>) -> Result<Head<'_>, HeadError> {
    let mut head = Head { language: Some(LanguageCode::JAVA), ..Head::empty() };
    let mut seen = 0_u8;
    lexer.expect(b'{', "{")?;
    let mut first = true;
    while !lexer.eat(b'}') {
        if !first {
            lexer.expect(b',', ", or }")?;
        }
        first = false;
        let at = lexer.at();
        let key = lexer.string()?;
        lexer.expect(b':', ":")?;
        let bit = member(&mut lexer, &mut head, key)?;
        if seen & bit != 0 {
            return Err(HeadError::Duplicate { at });
        }
        seen |= bit;
    }
    lexer.end()?;
    Ok(head)
}

/// Reads one member; returns the bit of a known one, 0 for an unknown one.
#[inline]
fn member<'a>(lexer: &mut Lexer<'a>, head: &mut Head<'a>, key: Text<'a>) -> Result<u8, HeadError> {
    Ok(match key.as_plain() {
        Some("code") => {
            head.code = int(lexer, "code")?;
            1
        }
        Some("flag") => {
            head.flag = Flag(int(lexer, "flag")?);
            2
        }
        Some("opaque") => {
            head.opaque = int(lexer, "opaque")?;
            4
        }
        Some("version") => {
            head.version = Version(int(lexer, "version")?);
            8
        }
        Some("language") => {
            head.language = language(lexer)?;
            16
        }
        Some("remark") => {
            head.remark = text(lexer)?;
            32
        }
        Some("extFields") => {
            head.ext = ext_fields(lexer)?;
            64
        }
        _ => {
            lexer.skip_value(MAX_DEPTH).map_err(deep)?;
            0
        }
    })
}

fn deep(error: JsonError) -> HeadError {
    match error.kind {
        JsonErrorKind::Depth { .. } => JsonError::depth(error.at),
        _ => HeadError::Json(error),
    }
}

/// A number, or one in quotes as Java reads too; `null` is 0.
#[inline]
fn int(lexer: &mut Lexer<'_>, member: &'static str) -> Result<i32, HeadError> {
    let start = lexer.at();
    if let Some(value) = lexer.integer() {
        return i32::try_from(value).map_err(|_| HeadError::Member { member, at: start });
    }
    let token = lexer.peek()?;
    let at = lexer.at();
    let text = match token {
        Token::Number => Text::plain(lexer.number()?),
        Token::String => lexer.string()?,
        Token::Word if lexer.word()? == "null" => return Ok(0),
        _ => return Err(JsonError::member(member, at)),
    };
    text.to_i32().ok_or(HeadError::Member { member, at })
}

/// A language's name in any case, or its number; one this side does not know is `None`.
fn language(lexer: &mut Lexer<'_>) -> Result<Option<LanguageCode>, HeadError> {
    let token = lexer.peek()?;
    let at = lexer.at();
    Ok(match token {
        Token::String => {
            let name = lexer.string()?;
            name.as_plain().and_then(LanguageCode::from_name)
        }
        Token::Number => {
            let number = Text::plain(lexer.number()?).to_i32();
            let code = number.and_then(|number| u8::try_from(number).ok()).map(LanguageCode);
            Some(
                code.filter(|code| code.name().is_some())
                    .ok_or(HeadError::Member { member: "language", at })?,
            )
        }
        Token::Word if lexer.word()? == "null" => None,
        _ => return Err(JsonError::member("language", at)),
    })
}

/// A value as the text Java makes of it; `null` is none.
#[inline]
fn text<'a>(lexer: &mut Lexer<'a>) -> Result<Option<Text<'a>>, HeadError> {
    // Java writes every field as a string.
    if lexer.peek_byte() == Some(b'"') {
        return Ok(Some(lexer.string()?));
    }
    Ok(match lexer.peek()? {
        Token::String => Some(lexer.string()?),
        Token::Number => Some(Text::plain(lexer.number()?)),
        Token::Word => Some(lexer.word()?).filter(|word| *word != "null").map(Text::plain),
        Token::Object | Token::Array => Some(Text::plain(lexer.skip_value(MAX_DEPTH).map_err(deep)?)),
    })
}

fn ext_fields<'a>(lexer: &mut Lexer<'a>) -> Result<ExtFields<'a>, HeadError> {
    match lexer.peek()? {
        Token::Word if lexer.word()? == "null" => return Ok(ExtFields::NONE),
        Token::Object => {}
        _ => return Err(JsonError::member("extFields", lexer.at())),
    }
    let from = lexer.at();
    lexer.expect(b'{', "{")?;
    let mut twins = Twins::default();
    let mut first = true;
    while !lexer.eat(b'}') {
        if !first {
            lexer.expect(b',', ", or }")?;
        }
        first = false;
        let at = lexer.at();
        let key = lexer.string()?;
        let before = lexer.slice(from, at);
        twins.check(key, at, || ExtCursor::new(before).any_key(key))?;
        lexer.expect(b':', ":")?;
        text(lexer)?;
    }
    Ok(ExtFields::new(Form::Json(lexer.slice(from, lexer.at())), from))
}

/// The bytes between a key and its value: `":"`.
pub(super) const GAP: u8 = 3;

/// Fields as machines write them: plain strings, no white space, none twice, not many. Notes where they lie. `None`,
/// and nothing is stepped over, if any is unusual.
fn noted_fields<'a>(scanner: &mut Scanner<'a>) -> Option<ExtFields<'a>> {
    let mut quick = *scanner;
    let from = quick.at();
    quick.literal("{\"").then_some(())?;
    let (mut spans, mut twins) = (Spans::default(), Twins::default());
    loop {
        let key = quick.until_quote()?;
        (!twins.suspects(key) && quick.literal(":\"")).then_some(())?;
        let (value, escaped) = match quick.until_quote() {
            Some(value) => (value, false),
            None => (quick.escaped_until_quote()?, true),
        };
        let end = quick.at() - from - 1;
        spans.push(end - value.len(), end)?;
        if escaped {
            spans.is_escaped();
        }
        if !quick.literal(",\"") {
            break;
        }
    }
    quick.literal("}").then_some(())?;
    let bytes = quick.slice(from, quick.at());
    *scanner = quick;
    Some(ExtFields::new(Form::Noted(bytes, spans, GAP), from))
}

/// Walks the members of an object that has been checked.
#[derive(Clone, Debug)]
pub(super) struct ExtCursor<'a> {
    lexer: Lexer<'a>,
}

impl<'a> ExtCursor<'a> {
    pub(super) fn new(object: &'a str) -> Self {
        let mut lexer = Lexer::from_text(object);
        lexer.eat(b'{');
        Self { lexer }
    }

    #[inline]
    fn entry(&mut self) -> Option<(Text<'a>, Option<Text<'a>>)> {
        let key = self.lexer.string().ok()?;
        self.lexer.eat(b':').then_some(())?;
        let value = text(&mut self.lexer).ok()?;
        self.lexer.eat(b',');
        Some((key, value))
    }

    /// Where the value of that field begins, or its quote; of the last, if there are several.
    pub(super) fn value_of(mut self, field: &str) -> Option<usize> {
        let mut found = None;
        while let Ok(key) = self.lexer.string() {
            self.lexer.eat(b':').then_some(())?;
            self.lexer.peek().ok()?;
            let at = self.lexer.at();
            text(&mut self.lexer).ok()?;
            self.lexer.eat(b',');
            found = if key == *field { Some(at) } else { found };
        }
        found
    }

    fn any_key(mut self, wanted: Text<'_>) -> bool {
        core::iter::from_fn(|| self.entry()).any(|(key, _)| key == wanted)
    }
}

impl<'a> Iterator for ExtCursor<'a> {
    type Item = (Text<'a>, Text<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let (key, Some(value)) = self.entry()? {
                return Some((key, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    fn piece() -> impl Strategy<Value = String> {
        let usual = [
            "{\"code\":",
            "0",
            "-7",
            "4294967296",
            ",\"extFields\":",
            "{}",
            "{\"a\":\"b\",\"c\":1}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":\"b\\u0001c\\n\",\"c\":\"\\\\\"}",
            "{\"a\":\"b\\q\"}",
            "{\"a\":\"\\u00g1\"}",
            "{\"a\\t\":\"b\"}",
            "null",
            ",\"flag\":",
            "1",
            ",\"language\":",
            "\"JAVA\"",
            "\"GO\"",
            "\"x\"",
            ",\"opaque\":",
            "12",
            ",\"remark\":",
            "\"r\\n\"",
            ",\"serializeTypeCurrentRPC\":\"JSON\"",
            ",\"version\":",
            "513",
            "}",
            " ",
            "1.5",
        ];
        prop::sample::select(usual.map(ToString::to_string).to_vec())
    }

    proptest! {
        /// The usual form put together from its parts, some of them changed: whatever the quick way reads, the
        /// other reads the same.
        #[test]
        fn the_quick_way_reads_what_the_other_reads(
            change in prop::collection::vec((0..14_usize, piece()), 0..3),
            remark: bool,
            opaque: i32,
        ) {
            let opaque = opaque.to_string();
            let said = if remark { ",\"remark\":\"why\"" } else { "" };
            let mut parts = [
                "{\"code\":", "0", ",\"extFields\":", "{\"a\":\"b\"}", ",\"flag\":", "1", ",\"language\":", "\"JAVA\"",
                ",\"opaque\":", &opaque, said, ",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":", "513", "}",
            ].map(String::from);
            let plain = change.is_empty();
            for (at, piece) in change {
                parts[at] = piece;
            }
            let text = parts.concat();
            let (quick, other) = (Scanner::new(text.as_bytes()).and_then(usual), any_order(Lexer::from_text(&text)));
            prop_assert!(quick.is_some() || !plain, "{text}");
            if let Some(quick) = quick {
                prop_assert_eq!(format!("{quick:?}"), format!("{:?}", other.expect("readable")));
            }
        }
    }
}
