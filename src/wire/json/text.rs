//! A string as it stands in JSON text.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// Text borrowed from JSON, perhaps with escapes in it; unescaped only when asked for.
///
/// Comparing and reading numbers never allocates; [`as_str`](Self::as_str) does only if there are escapes.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Text without escapes.
    #[inline]
    pub const fn plain(raw: &'a str) -> Self {
        Self { raw, escaped: false }
    }

    /// Text between quotes whose escapes have been checked.
    #[inline]
    pub(crate) const fn escaped(raw: &'a str) -> Self {
        Self { raw, escaped: true }
    }

    /// The text if it has no escapes.
    #[inline]
    pub fn as_plain(&self) -> Option<&'a str> {
        (!self.escaped).then_some(self.raw)
    }

    /// The text, unescaped. A lone surrogate becomes U+FFFD.
    #[inline]
    pub fn as_str(&self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(self.unescaped()) } else { Cow::Borrowed(self.raw) }
    }

    #[cold]
    fn unescaped(&self) -> String {
        let (mut out, mut rest) = (String::with_capacity(self.raw.len()), self.raw);
        while let Some((plain, _)) = rest.split_once('\\') {
            out.push_str(plain);
            let mut escape = Chars { rest: &rest[plain.len()..], escaped: true };
            out.extend(escape.next());
            rest = escape.rest;
        }
        out.push_str(rest);
        out
    }

    /// The characters, unescaped.
    pub fn chars(&self) -> impl Iterator<Item = char> + use<'a> {
        Chars { rest: self.raw, escaped: self.escaped }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// The text read as a whole number or whatever else parses from it.
    pub fn parse<T: core::str::FromStr>(&self) -> Option<T> {
        self.as_plain()?.parse().ok()
    }

    /// The text as a whole number in decimal, with an optional sign, as Java's `Long.parseLong` reads it.
    #[inline]
    pub fn to_i64(&self) -> Option<i64> {
        parse_i64(self.as_plain()?.as_bytes())
    }

    /// The text as a 32-bit whole number.
    #[inline]
    pub fn to_i32(&self) -> Option<i32> {
        self.to_i64().and_then(|value| i32::try_from(value).ok())
    }

    /// True exactly for `true` in any case, as Java's `Boolean.parseBoolean`.
    pub fn to_bool(&self) -> bool {
        self.as_plain().is_some_and(|raw| raw.eq_ignore_ascii_case("true"))
    }
}

/// A whole number in decimal, with an optional sign, as [`Text::to_i64`] reads it.
#[inline]
pub(crate) fn parse_i64(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value: u64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    if negative { 0_i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() }
}

impl PartialEq<str> for Text<'_> {
    #[inline]
    fn eq(&self, other: &str) -> bool {
        if self.escaped { self.chars().eq(other.chars()) } else { self.raw == other }
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        if self.escaped || other.escaped { self.chars().eq(other.chars()) } else { self.raw == other.raw }
    }
}

impl Eq for Text<'_> {}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_str(), f)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

struct Chars<'a> {
    rest: &'a str,
    escaped: bool,
}

impl Chars<'_> {
    fn hex(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        u32::from_str_radix(digits, 16).ok()
    }

    fn unicode(&mut self) -> char {
        let Some(first) = self.hex() else { return char::REPLACEMENT_CHARACTER };
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        let before = self.rest;
        if let Some(rest) = self.rest.strip_prefix("\\u") {
            self.rest = rest;
            if let Some(second) = self.hex().filter(|second| (0xdc00..0xe000).contains(second)) {
                let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            self.rest = before;
        }
        char::REPLACEMENT_CHARACTER
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let first = chars.next()?;
        self.rest = chars.as_str();
        if first != '\\' || !self.escaped {
            return Some(first);
        }
        let kind = chars.next()?;
        self.rest = chars.as_str();
        Some(match kind {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '0' => '\0',
            'u' => self.unicode(),
            'x' => {
                let (digits, rest) = self.rest.split_at_checked(2)?;
                self.rest = rest;
                char::from(u8::from_str_radix(digits, 16).ok()?)
            }
            other => other,
        })
    }
}
