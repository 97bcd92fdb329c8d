//! JSON text out, escaped exactly as Java's library does.

use alloc::vec::Vec;

use super::lexer::{is_stop, stops_in};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends `text` between quotes, its escapes as Java writes them: short forms, else `\u00XX` in upper case.
#[inline]
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends `text` as [`write_string`] does, without the quotes.
#[inline]
pub(crate) fn write_escaped(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    // Eight bytes are copied at once, and what lies behind a stop among them is taken back: what separators stand
    // between is too short for a copying routine.
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        out.extend_from_slice(chunk);
        rest = after;
        let stops = stops_in(*chunk);
        if stops != 0 {
            let at = (stops.trailing_zeros() >> 3) as usize;
            out.truncate(out.len() - (8 - at));
            write_escape(out, chunk[at & 7]);
            rest = text.as_bytes().get(text.len() - after.len() - (7 - at)..).unwrap_or_default();
        }
    }
    // The last few bytes are cut out of the last eight, with spaces behind them.
    if let (Some(last), len @ 1..) = (text.as_bytes().last_chunk::<8>(), rest.len()) {
        let plain =
            u64::from_le_bytes(*last) >> (64 - 8 * len) | u64::from_le_bytes(*b"        ") << (8 * len);
        if stops_in(plain.to_le_bytes()) == 0 {
            out.extend_from_slice(&plain.to_le_bytes());
            return out.truncate(out.len() - (8 - len));
        }
    }
    for byte in rest {
        if is_stop(*byte) {
            write_escape(out, *byte);
        } else {
            out.push(*byte);
        }
    }
}

#[inline]
fn write_escape(out: &mut Vec<u8>, byte: u8) {
    // The separators of properties: nearly all there is to escape.
    if let 1..=2 = byte {
        out.extend_from_slice(&[b'\\', b'u', b'0', b'0', b'0', b'0' + byte]);
    } else {
        write_other_escape(out, byte);
    }
}

#[cold]
fn write_other_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\t' => b't',
        b'\r' => b'r',
        8 => b'b',
        12 => b'f',
        _ => {
            let (high, low) = (HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]);
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

const PAIRS: [[u8; 2]; 100] = {
    let mut table = [[b'0'; 2]; 100];
    let mut n = 0;
    while n < 100 {
        table[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    table
};

/// Appends a whole number in decimal.
#[inline]
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    if let digit @ 0..10 = value {
        return out.push(b'0' + digit as u8);
    }
    let mut buffer = [0_u8; 20];
    out.extend_from_slice(format_int(&mut buffer, value));
}

/// A whole number in decimal, at the end of `buffer`.
#[inline]
pub(crate) fn format_int(buffer: &mut [u8; 20], value: i64) -> &[u8] {
    let mut rest = value.unsigned_abs();
    let mut at = buffer.len();
    while rest >= 10 {
        let pair = PAIRS[(rest % 100) as usize];
        rest /= 100;
        at -= 2;
        buffer[at] = pair[0];
        buffer[at + 1] = pair[1];
    }
    if rest > 0 || at == buffer.len() {
        at -= 1;
        buffer[at] = b'0' + rest as u8;
    }
    if value < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

/// Writes JSON text value by value; it puts the commas.
///
/// ```
/// use rocketmq_engine::wire::json::Writer;
///
/// let mut out = Writer::new();
/// out.object(|out| {
///     out.member("name").string("broker-a");
///     out.member("ids").array(|out| {
///         out.item().int(0);
///         out.item().int(1);
///     });
/// });
/// assert_eq!(out.finish(), br#"{"name":"broker-a","ids":[0,1]}"#);
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    comma: bool,
}

impl Writer {
    /// An empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// The text.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(b',');
        }
        self.comma = true;
    }

    fn nested(&mut self, open: u8, close: u8, inside: impl FnOnce(&mut Self)) {
        self.out.push(open);
        self.comma = false;
        inside(self);
        self.out.push(close);
        self.comma = true;
    }

    /// An object, its members written by `inside`.
    pub fn object(&mut self, inside: impl FnOnce(&mut Self)) {
        self.nested(b'{', b'}', inside);
    }

    /// An array, its items written by `inside`.
    pub fn array(&mut self, inside: impl FnOnce(&mut Self)) {
        self.nested(b'[', b']', inside);
    }

    /// Begins a member; its value comes next.
    pub fn member(&mut self, name: &str) -> &mut Self {
        self.separate();
        write_string(&mut self.out, name);
        self.out.push(b':');
        self
    }

    /// Begins a member whose key is an object, as Java writes maps keyed by a queue; the value comes next.
    pub fn member_keyed(&mut self, key: impl FnOnce(&mut Self)) -> &mut Self {
        self.separate();
        self.object(key);
        self.out.push(b':');
        self
    }

    /// Begins an item of an array.
    pub fn item(&mut self) -> &mut Self {
        self.separate();
        self
    }

    /// A string.
    pub fn string(&mut self, text: &str) {
        write_string(&mut self.out, text);
    }

    /// A whole number.
    pub fn int(&mut self, value: i64) {
        write_int(&mut self.out, value);
    }

    /// A number with a fraction, as Java writes it: `0.5`, `1.0E10`; `null` if it is none or infinite.
    pub fn double(&mut self, value: f64) {
        let size = value.abs();
        let text = if !value.is_finite() {
            "null".into()
        } else if size == 0.0 || (1e-3..1e7).contains(&size) {
            alloc::format!("{value:?}")
        } else {
            let text = alloc::format!("{value:e}");
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let fraction = if digits.contains('.') { "" } else { ".0" };
            alloc::format!("{digits}{fraction}E{exponent}")
        };
        self.raw(&text);
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// Text that is JSON already: a number in Java's writing, or a part kept as it was.
    pub fn raw(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever stands where in the eight bytes that are looked at together.
        #[test]
        fn text_is_escaped_as_it_is_byte_by_byte(text in "[a-c\u{0}-\u{3}\u{1f}-\"\\\\\u{7f}-\u{81}é\u{10000}]{0,40}") {
            let (mut found, mut expected) = (Vec::from([7]), Vec::from([7]));
            write_escaped(&mut found, &text);
            for byte in text.bytes() {
                if is_stop(byte) {
                    write_other_escape(&mut expected, byte);
                } else {
                    expected.push(byte);
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
