//! The JSON form of a head. Keys go out in Java's alphabetical order and come in in any.

use alloc::vec::Vec;

use super::{
    EncodeFields, ExtFields, FieldSink, Flag, Form, Head, HeadError, HeadSpec, MAX_DEPTH, Text, Twins,
};
use crate::wire::codes::{LanguageCode, Version};
use crate::wire::json::{JsonError, JsonErrorKind, Lexer, Token, write_int, write_string};
use crate::wire::json::{format_int, write_escaped};

pub(super) fn encode<F: EncodeFields>(out: &mut Vec<u8>, spec: &HeadSpec<'_>, fields: &F) {
    out.extend_from_slice(b"{\"code\":");
    write_int(out, i64::from(spec.code));
    if !fields.is_absent() {
        out.extend_from_slice(b",\"extFields\":{");
        fields.encode(&mut JsonSink { out, comma: false });
        out.push(b'}');
    }
    out.extend_from_slice(b",\"flag\":");
    write_int(out, i64::from(spec.flag.0));
    out.extend_from_slice(b",\"language\":\"");
    out.extend_from_slice(spec.language.name().unwrap_or("OTHER").as_bytes());
    out.extend_from_slice(b"\",\"opaque\":");
    write_int(out, i64::from(spec.opaque));
    if let Some(remark) = spec.remark {
        out.extend_from_slice(b",\"remark\":");
        write_string(out, remark);
    }
    out.extend_from_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    write_int(out, i64::from(spec.version.0));
    out.push(b'}');
}

struct JsonSink<'o> {
    out: &'o mut Vec<u8>,
    comma: bool,
}

impl JsonSink<'_> {
    #[inline]
    fn key(&mut self, key: &str) {
        self.out.extend_from_slice(if self.comma { b",\"" } else { b"\"" });
        self.comma = true;
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
        let mut buffer = [0; 20];
        self.out.extend_from_slice(format_int(&mut buffer, value));
        self.out.push(b'"');
    }
}

pub(super) fn parse(bytes: &[u8]) -> Result<Head<'_>, HeadError> {
    let mut lexer = Lexer::new(bytes)?;
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
    Ok(match lexer.peek()? {
        Token::String => Some(lexer.string()?),
        Token::Number => Some(Text::plain(lexer.number()?)),
        Token::Word => Some(lexer.word()?).filter(|word| *word != "null").map(Text::plain),
        Token::Object | Token::Array => Some(Text::plain(lexer.skip_value(MAX_DEPTH).map_err(deep)?)),
    })
}

fn ext_fields<'a>(lexer: &mut Lexer<'a>) -> Result<ExtFields<'a>, HeadError> {
    match lexer.peek()? {
        Token::Word if lexer.word()? == "null" => return Ok(ExtFields(Form::None)),
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
    Ok(ExtFields(Form::Json(lexer.slice(from, lexer.at()))))
}

/// Walks the members of an object that has been checked.
#[derive(Clone, Debug)]
pub struct ExtCursor<'a> {
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
