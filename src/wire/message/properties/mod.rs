//! Message properties: `key 0x01 value 0x02` repeated (Java `MessageDecoder.string2messageProperties`).
//!
//! [`Properties`] reads, [`PropertiesBuilder`] writes what a user may set. Names are in [`names`].

use alloc::string::String;
use thiserror::Error;

pub mod names;
mod scan;

use scan::{find_last, split_pair};

/// Between a name and its value.
pub const NAME_VALUE_SEPARATOR: char = '\u{1}';
/// After each pair.
pub const PROPERTY_SEPARATOR: char = '\u{2}';
/// Longest properties text in bytes: its length is a signed 16-bit number on the wire.
pub const MAX_LEN: usize = i16::MAX as usize;

/// The properties text of one message, borrowed. Reading costs no allocation.
///
/// As in Java: a piece without separator, with an empty name or with an empty value is skipped, the last of two
/// equal names wins, a value may hold 0x01.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties<'a> {
    /// Valid UTF-8: checked where it is made, and only ever cut at ASCII bytes.
    text: &'a [u8],
}

impl<'a> Properties<'a> {
    /// Properties of this text.
    pub const fn new(text: &'a str) -> Properties<'a> {
        Properties { text: text.as_bytes() }
    }

    /// For text that has been checked to be UTF-8 before.
    pub(crate) const fn from_checked(text: &'a [u8]) -> Properties<'a> {
        Properties { text }
    }

    /// The text in wire form.
    pub fn as_str(self) -> &'a str {
        str::from_utf8(self.text).unwrap_or_default()
    }

    /// Whether there is no text at all.
    pub const fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// The value of `name`; the last one if the name occurs twice.
    pub fn get(self, name: &str) -> Option<&'a str> {
        str::from_utf8(self.get_bytes(name)?).ok()
    }

    /// As [`get`](Self::get), for values that are only compared or copied: they are not checked again.
    #[inline]
    pub fn get_bytes(self, name: &str) -> Option<&'a [u8]> {
        find_last(self.text, name.as_bytes())
    }

    /// Every pair in the order of the text, duplicates included.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.text.split(|&byte| byte == 2).filter_map(|piece| {
            let (name, value) = split_pair(piece)?;
            Some((str::from_utf8(name).ok()?, str::from_utf8(value).ok()?))
        })
    }

    /// The message's tag.
    pub fn tag(self) -> Option<&'a str> {
        self.get(names::TAGS)
    }

    /// The message's index keys: separated by spaces in the text.
    pub fn keys(self) -> impl Iterator<Item = &'a str> {
        self.get(names::KEYS).unwrap_or_default().split(' ').filter(|key| !key.is_empty())
    }

    /// The value of `name` as a decimal number, `None` when absent or no number.
    pub fn get_i64(self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }
}

impl core::fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A property is refused. Java's client refuses blank and reserved names; separators (hostile input H14) and
/// texts over [`MAX_LEN`] (H16) are refused here before a broker could misread them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PropertyError {
    /// The name is empty or white space.
    #[error("a property name is blank")]
    BlankName,
    /// The value is empty or white space.
    #[error("the value of property {name:?} is blank")]
    BlankValue {
        /// Name of the property.
        name: String,
    },
    /// The name belongs to the system.
    #[error("the property name {name:?} is reserved")]
    Reserved {
        /// The reserved name.
        name: String,
    },
    /// A separator or another control character would change what the broker reads.
    #[error("property {name:?} holds the control character {character:?} at byte {at} of its {part}")]
    ControlCharacter {
        /// Name of the property.
        name: String,
        /// The character refused.
        character: char,
        /// Byte position in the name or value.
        at: usize,
        /// `name` or `value`.
        part: &'static str,
    },
    /// The whole text does not fit the 16-bit length of the wire.
    #[error("the properties take {len} bytes, at most {max} fit", max = MAX_LEN)]
    TooLong {
        /// Bytes of the whole text.
        len: usize,
    },
}

/// Checks the length of a complete properties text, in bytes.
pub fn check_len(len: usize) -> Result<(), PropertyError> {
    if len > MAX_LEN { Err(PropertyError::TooLong { len }) } else { Ok(()) }
}

/// Appends one pair without any check: for texts that have been checked and for broker-side code.
pub fn append_pair(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push(NAME_VALUE_SEPARATOR);
    text.push_str(value);
    text.push(PROPERTY_SEPARATOR);
}

/// Collects properties into their wire text, refusing what would not arrive as given.
#[derive(Clone, Debug, Default)]
pub struct PropertiesBuilder {
    text: String,
    allow_controls: bool,
}

impl PropertiesBuilder {
    /// An empty builder.
    pub fn new() -> PropertiesBuilder {
        PropertiesBuilder::default()
    }

    /// Lets control characters other than the two separators pass in values (line breaks, tabs).
    pub fn allow_controls(&mut self) -> &mut PropertiesBuilder {
        self.allow_controls = true;
        self
    }

    /// Sets a user property; reserved names are refused (Java `Message.putUserProperty`).
    pub fn user(&mut self, name: &str, value: &str) -> Result<&mut PropertiesBuilder, PropertyError> {
        if super::names::is_reserved_property(name) {
            return Err(PropertyError::Reserved { name: name.into() });
        }
        self.set(name, value)
    }

    /// Sets a property whatever its name, replacing an earlier value: for `KEYS`, `TAGS`, `DELAY` and the like.
    pub fn set(&mut self, name: &str, value: &str) -> Result<&mut PropertiesBuilder, PropertyError> {
        if name.trim().is_empty() {
            return Err(PropertyError::BlankName);
        }
        if value.trim().is_empty() {
            return Err(PropertyError::BlankValue { name: name.into() });
        }
        check_text(name, name, "name", false)?;
        check_text(name, value, "value", self.allow_controls)?;
        check_len(self.text.len() + name.len() + value.len() + 2)?;
        if Properties::new(&self.text).get(name).is_some() {
            self.text = without(&self.text, name);
        }
        append_pair(&mut self.text, name, value);
        Ok(self)
    }

    /// What has been set so far.
    pub fn properties(&self) -> Properties<'_> {
        Properties::new(&self.text)
    }

    /// The text in wire form, each pair ended by its separator.
    pub fn finish(self) -> String {
        self.text
    }
}

fn check_text(name: &str, text: &str, part: &'static str, allow_controls: bool) -> Result<(), PropertyError> {
    let refused = |c: char| match c {
        '\u{1}' | '\u{2}' => true,
        _ => c < ' ' && !allow_controls,
    };
    match text.char_indices().find(|&(_, c)| refused(c)) {
        Some((at, character)) => {
            Err(PropertyError::ControlCharacter { name: name.into(), character, at, part })
        }
        None => Ok(()),
    }
}

/// The text without the pairs called `name`.
pub fn without(text: &str, name: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (other, value) in Properties::new(text).iter().filter(|(other, _)| *other != name) {
        append_pair(&mut out, other, value);
    }
    out
}
