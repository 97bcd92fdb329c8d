//! A cursor over JSON text that allocates nothing.

use super::{JsonError, JsonErrorKind, Text};
use crate::wire::ascii::is_ascii;

/// What comes next in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// `{`
    Object,
    /// `[`
    Array,
    /// A quoted string.
    String,
    /// A number.
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// Reads JSON text from front to back. The caller knows the grammar of what it reads.
#[derive(Clone, Copy, Debug)]
pub struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// A cursor at the front of `bytes`, which must be UTF-8.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<Self, JsonError> {
        match core::str::from_utf8(bytes) {
            Ok(text) => Ok(Self { text, at: 0 }),
            Err(error) => Err(JsonError { at: error.valid_up_to(), kind: JsonErrorKind::Utf8 }),
        }
    }

    /// A cursor at the front of text.
    pub fn from_text(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// A cursor at the byte `at` of text.
    pub(crate) fn from_text_at(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// Byte offset of the cursor.
    pub fn at(&self) -> usize {
        self.at
    }

    /// An error at the cursor.
    pub fn error(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { at: self.at, kind }
    }

    /// The byte at the cursor, white space not skipped.
    #[inline]
    pub(crate) fn peek_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek_byte() {
            self.at += 1;
        }
    }

    /// Steps over `byte` if it comes next.
    #[inline]
    pub fn eat(&mut self, byte: u8) -> bool {
        // Machines write no space: it is looked for only where something else stood than was hoped for.
        if self.peek_byte() == Some(byte) {
            self.at += 1;
            return true;
        }
        self.skip_space();
        let found = self.peek_byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Steps over `byte`, which has to come next.
    #[inline]
    pub fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), JsonError> {
        if self.eat(byte) {
            return Ok(());
        }
        Err(self.error(if self.at == self.text.len() {
            JsonErrorKind::Eof
        } else {
            JsonErrorKind::Expected(name)
        }))
    }

    /// What comes next.
    #[inline]
    pub fn peek(&mut self) -> Result<Token, JsonError> {
        self.skip_space();
        match self.peek_byte() {
            Some(b'"' | b'\'') => Ok(Token::String),
            Some(b'{') => Ok(Token::Object),
            Some(b'[') => Ok(Token::Array),
            Some(b'-' | b'+' | b'0'..=b'9') => Ok(Token::Number),
            Some(b't' | b'f' | b'n') => Ok(Token::Word),
            Some(_) => Err(self.error(JsonErrorKind::Expected("a value"))),
            None => Err(self.error(JsonErrorKind::Eof)),
        }
    }

    /// A quoted string. Java reads single quotes too.
    #[inline]
    pub fn string(&mut self) -> Result<Text<'a>, JsonError> {
        let bytes = self.text.as_bytes();
        if self.peek_byte() == Some(b'"') {
            let start = self.at + 1;
            let end = start + plain_run(bytes.get(start..).unwrap_or_default());
            if bytes.get(end) == Some(&b'"') {
                self.at = end + 1;
                return Ok(Text::plain(self.slice(start, end)));
            }
        }
        self.unusual_string()
    }

    /// A string with white space before it, single quotes, escapes, or something wrong.
    #[cold]
    fn unusual_string(&mut self) -> Result<Text<'a>, JsonError> {
        self.skip_space();
        let quote = match self.peek_byte() {
            Some(quote @ (b'"' | b'\'')) => quote,
            Some(_) => return Err(self.error(JsonErrorKind::Expected("a string"))),
            None => return Err(self.error(JsonErrorKind::Eof)),
        };
        self.at += 1;
        let bytes = self.text.as_bytes();
        let (start, mut escaped) = (self.at, false);
        loop {
            let byte = self.peek_byte().ok_or_else(|| self.error(JsonErrorKind::Eof))?;
            if byte == quote {
                let raw = self.slice(start, self.at);
                self.at += 1;
                return Ok(if escaped { Text::escaped(raw) } else { Text::plain(raw) });
            }
            match byte {
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                0..0x20 => return Err(self.error(JsonErrorKind::Control)),
                // Runs end at double quotes, and at no single one.
                _ if quote == b'\'' => self.at += 1,
                _ => self.at += plain_run(bytes.get(self.at..).unwrap_or_default()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += escape_len(rest).map_err(|kind| self.error(kind))?;
        Ok(())
    }

    /// A whole number of up to 18 digits; `None`, and nothing is stepped over, if something else comes next.
    #[inline]
    pub(crate) fn integer(&mut self) -> Option<i64> {
        let (value, len) = leading_integer(self.text.as_bytes().get(self.at..)?)?;
        self.at += len;
        Some(value)
    }

    /// A number as it stands.
    #[inline]
    pub fn number(&mut self) -> Result<&'a str, JsonError> {
        self.skip_space();
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let len =
            rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
        let raw = &self.text[start..start + len];
        if !is_number(raw.as_bytes()) {
            return Err(self.error(JsonErrorKind::Number));
        }
        self.at += len;
        Ok(raw)
    }

    /// `true`, `false` or `null`, as it stands.
    #[inline]
    pub fn word(&mut self) -> Result<&'a str, JsonError> {
        self.skip_space();
        for word in ["true", "false", "null"] {
            if self.text[self.at..].starts_with(word) {
                let start = self.at;
                self.at += word.len();
                return Ok(&self.text[start..self.at]);
            }
        }
        Err(self.error(JsonErrorKind::Expected("true, false or null")))
    }

    /// Steps over a value and returns its text. Nesting is counted, not recursed into.
    pub fn skip_value(&mut self, max_depth: usize) -> Result<&'a str, JsonError> {
        self.skip_space();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek_byte() {
                Some(b'{' | b'[') => {
                    depth += 1;
                    if depth > max_depth {
                        return Err(self.error(JsonErrorKind::Depth { limit: max_depth }));
                    }
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b',' | b':') if depth > 0 => self.at += 1,
                Some(b'"' | b'\'') => drop(self.string()?),
                Some(b't' | b'f' | b'n') => drop(self.word()?),
                Some(b'-' | b'+' | b'0'..=b'9') => drop(self.number()?),
                Some(_) => return Err(self.error(JsonErrorKind::Expected("a value"))),
                None => return Err(self.error(JsonErrorKind::Eof)),
            }
            if depth == 0 {
                return Ok(&self.text[start..self.at]);
            }
            self.skip_space();
        }
    }

    /// Nothing but white space may be left.
    pub fn end(&mut self) -> Result<(), JsonError> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.error(JsonErrorKind::Trailing)) }
    }

    /// The text from one offset to another.
    #[inline]
    pub fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }
}

/// Bytes of the escape at the front of JSON text, its backslash included.
#[inline]
fn escape_len(bytes: &[u8]) -> Result<usize, JsonErrorKind> {
    let digits = match bytes.get(1) {
        Some(b'u') => 4,
        Some(b'x') => 2,
        Some(b'"' | b'\'' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'0') => 0,
        Some(_) => return Err(JsonErrorKind::Escape),
        None => return Err(JsonErrorKind::Eof),
    };
    let hex = bytes.get(2..2 + digits).ok_or(JsonErrorKind::Eof)?;
    if hex.iter().all(u8::is_ascii_hexdigit) { Ok(2 + digits) } else { Err(JsonErrorKind::Escape) }
}

/// A whole number of up to 18 digits at the front of JSON text, and its length.
#[inline]
fn leading_integer(bytes: &[u8]) -> Option<(i64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative);
    let (mut at, mut value) = (start, 0_i64);
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit <= 9) {
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
        at += 1;
    }
    let more = matches!(bytes.get(at), Some(b'.' | b'e' | b'E' | b'+' | b'-'));
    (!more && (1..=18).contains(&(at - start))).then_some((if negative { -value } else { value }, at))
}

/// Reads JSON text of ASCII alone as machines write it: no white space, no escapes. What it does not find is for
/// [`Lexer`]. It never cuts text, so it looks for no boundaries of characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'a> {
    all: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// A cursor at the front of `bytes`; `None` if not all of them are ASCII.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        is_ascii(bytes).then_some(Self { all: bytes, rest: bytes })
    }

    /// Byte offset of the cursor.
    #[inline]
    pub(crate) fn at(&self) -> usize {
        self.all.len() - self.rest.len()
    }

    /// Moves the cursor.
    pub(crate) fn jump(&mut self, at: usize) {
        self.rest = self.all.get(at..).unwrap_or_default();
    }

    /// All of the text.
    pub(crate) fn text(&self) -> Option<&'a str> {
        core::str::from_utf8(self.all).ok()
    }

    /// The bytes between two offsets.
    #[inline]
    pub(crate) fn slice(&self, from: usize, to: usize) -> &'a [u8] {
        self.all.get(from..to).unwrap_or_default()
    }

    /// True behind the last byte.
    #[inline]
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Steps over `text` if it comes next, byte for byte.
    #[inline]
    pub(crate) fn literal(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text.as_bytes());
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// What stands before the next quote, which is stepped over; `None` if there is none, or something unusual
    /// before it.
    #[inline]
    pub(crate) fn until_quote(&mut self) -> Option<&'a [u8]> {
        let run = plain_run(self.rest);
        let (run, [b'"', rest @ ..]) = self.rest.split_at_checked(run)? else { return None };
        self.rest = rest;
        Some(run)
    }

    /// The same where there are escapes, which are checked.
    pub(crate) fn escaped_until_quote(&mut self) -> Option<&'a [u8]> {
        let mut len = 0;
        loop {
            let rest = self.rest.get(len..)?;
            len += plain_run(rest);
            match self.rest.get(len)? {
                b'"' => break,
                b'\\' => len += escape_len(self.rest.get(len..)?).ok()?,
                _ => return None,
            }
        }
        let (found, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest.get(1..)?;
        Some(found)
    }

    /// A whole number of up to 18 digits.
    #[inline]
    pub(crate) fn integer(&mut self) -> Option<i64> {
        let (value, len) = leading_integer(self.rest)?;
        self.rest = self.rest.get(len..)?;
        Some(value)
    }
}

/// Bytes up to the first double quote, backslash or control character, eight at a time: heads are mostly such runs.
#[inline]
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let stops = stops_in(*chunk);
        if stops != 0 {
            return index * 8 + (stops.trailing_zeros() >> 3) as usize;
        }
    }
    chunks.len() * 8 + rest.iter().position(|byte| is_stop(*byte)).unwrap_or(rest.len())
}

/// True for ASCII that may stand in a JSON string as it is.
#[inline]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    // Ids have 32 bytes: of loops whose length it knows, the compiler makes vector instructions.
    if let Ok(stride) = <&[u8; 32]>::try_from(bytes) {
        return all_plain(stride);
    }
    let (strides, rest) = bytes.as_chunks::<32>();
    strides.iter().all(|stride| all_plain(stride)) && (rest.is_empty() || all_plain(rest))
}

#[inline]
fn all_plain(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |all, byte| all & (byte.is_ascii() & !is_stop(*byte)))
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// What may not stand in a JSON string as it is: a double quote, a backslash, a control character.
#[inline]
pub(super) fn is_stop(byte: u8) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\')
}

/// Eight bytes in which the lowest bit set is the high bit of the first [stop](is_stop); zero if there is none.
#[inline]
pub(super) fn stops_in(chunk: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(chunk);
    // Flipping bit 1 puts the quote right above the control characters: one comparison finds both. A byte smaller
    // than what is subtracted gets its high bit; bytes that had it are no stops. The lowest hit is exact: what is
    // borrowed goes upwards.
    let low = (word ^ (LOW * 2)).wrapping_sub(LOW * 0x21);
    let slash = (word ^ (LOW * 0x5c)).wrapping_sub(LOW);
    (low | slash) & !word & HIGH
}

/// Java's reader takes a leading `+` and leading zeros.
#[inline]
fn is_number(raw: &[u8]) -> bool {
    let raw = raw.strip_prefix(b"-").or_else(|| raw.strip_prefix(b"+")).unwrap_or(raw);
    let whole = raw.iter().take_while(|b| b.is_ascii_digit()).count();
    if whole == 0 {
        return false;
    }
    let mut rest = &raw[whole..];
    if let [b'.', fraction @ ..] = rest {
        let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    match rest {
        [] => true,
        [b'e' | b'E', exponent @ ..] => {
            let digits =
                exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_run_ends_at_the_first_byte_that_is_not_plain() {
        for len in 0..40 {
            for stop in [b'"', b'\\', 0, 1, 0x1f] {
                // Neighbours of the stops for careless tests.
                let mut text: Vec<u8> =
                    (0..len).map(|n| [b'!', b'#', b'[', b']', 0x20, 0x7f, 0x80, 0xff][n % 8]).collect();
                assert_eq!(plain_run(&text), len);
                text.extend([stop, b'"', b'x', 2, b'"', b'a', b'b', b'c', b'd', b'e']);
                assert_eq!(plain_run(&text), len, "{stop}");
            }
        }
    }

    #[test]
    fn an_integer_is_taken_whole_or_not_at_all() {
        let read = |text| {
            let mut lexer = Lexer::from_text(text);
            (lexer.integer(), lexer.at())
        };
        assert_eq!(read("513}"), (Some(513), 3));
        assert_eq!(read("-7,"), (Some(-7), 2));
        assert_eq!(read("007"), (Some(7), 3));
        for other in ["", "-", "1.5", "1e3", "+1", "\"1\"", "null", "1234567890123456789"] {
            assert_eq!(read(other), (None, 0), "{other}");
        }
    }
}
