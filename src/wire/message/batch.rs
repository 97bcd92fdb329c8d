//! The body of SEND_BATCH_MESSAGE, which is also the body of a stored inner batch (Java
//! `MessageDecoder.encodeMessage`): entries of total, magic 0, CRC 0, flag, body, properties.

use alloc::vec::Vec;
use thiserror::Error;

use super::layout::i32_at;
use super::properties::{Properties, PropertyError, check_len};

/// Bytes of an entry beside body and properties.
pub const ENTRY_OVERHEAD: usize = 22;
const BODY_AT: usize = 20;

/// A batch body is malformed.
#[derive(Clone, Debug, PartialEq, Eq, Error, Hash)]
pub enum BatchError {
    /// The announced size is smaller than an entry can be or goes past the end.
    #[error("entry at byte {at}: size {size} is impossible with {left} bytes left")]
    Size {
        /// Where the entry begins.
        at: usize,
        /// The size as written.
        size: i32,
        /// Bytes left from there.
        left: usize,
    },
    /// A length is negative, goes past the end of the entry, or does not fill it.
    #[error("entry at byte {at}: {field} length {len} does not fit")]
    Length {
        /// Where the entry begins.
        at: usize,
        /// `body` or `properties`.
        field: &'static str,
        /// The length as written.
        len: i32,
    },
    /// The properties are not UTF-8.
    #[error("entry at byte {at}: properties are not UTF-8")]
    NotUtf8 {
        /// Where the entry begins.
        at: usize,
    },
}

/// One message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchEntry<'a> {
    /// The user's flag.
    pub flag: i32,
    /// The body.
    pub body: &'a [u8],
    /// The properties text.
    pub properties: &'a str,
}

impl<'a> BatchEntry<'a> {
    /// The properties.
    pub fn properties(&self) -> Properties<'a> {
        Properties::new(self.properties)
    }

    /// Bytes of the entry in a batch body.
    pub fn encoded_len(&self) -> usize {
        ENTRY_OVERHEAD + self.body.len() + self.properties.len()
    }

    /// Appends the entry. Refused when the properties do not fit their 16-bit length or the entry its 32-bit one;
    /// `out` is then unchanged.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), PropertyError> {
        check_len(self.properties.len())?;
        let Ok(total) = i32::try_from(self.encoded_len()) else {
            return Err(PropertyError::TooLong { len: self.encoded_len() });
        };
        out.extend_from_slice(&total.to_be_bytes());
        // Magic and checksum are not used by brokers: zero, as Java writes.
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.flag.to_be_bytes());
        out.extend_from_slice(&(self.body.len() as i32).to_be_bytes());
        out.extend_from_slice(self.body);
        out.extend_from_slice(&(self.properties.len() as i16).to_be_bytes());
        out.extend_from_slice(self.properties.as_bytes());
        Ok(())
    }
}

/// The body of a batch of these messages.
pub fn encode_batch<'a>(
    messages: impl IntoIterator<Item = BatchEntry<'a>>,
) -> Result<Vec<u8>, PropertyError> {
    let mut out = Vec::new();
    for message in messages {
        message.encode(&mut out)?;
    }
    Ok(out)
}

/// The entries of a batch body. An error is the last item: each entry's size says where the next one begins.
pub fn entries(body: &[u8]) -> BatchEntries<'_> {
    entries_at(body, 0)
}

pub(crate) fn entries_at(body: &[u8], position: usize) -> BatchEntries<'_> {
    BatchEntries { body, position }
}

/// The iterator of [`entries`].
#[derive(Clone, Debug)]
pub struct BatchEntries<'a> {
    body: &'a [u8],
    position: usize,
}

impl BatchEntries<'_> {
    /// Where the next entry begins.
    pub(crate) fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for BatchEntries<'a> {
    type Item = Result<BatchEntry<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.position;
        let rest = self.body.get(at..).filter(|rest| !rest.is_empty())?;
        let entry = parse_entry(rest, at);
        self.position = match &entry {
            Ok(entry) => at + entry.encoded_len(),
            Err(_) => self.body.len(),
        };
        Some(entry)
    }
}

fn parse_entry(rest: &[u8], at: usize) -> Result<BatchEntry<'_>, BatchError> {
    let size = if rest.len() < ENTRY_OVERHEAD { 0 } else { i32_at(rest, 0) };
    let entry = usize::try_from(size)
        .ok()
        .filter(|&size| size >= ENTRY_OVERHEAD)
        .and_then(|size| rest.get(..size))
        .ok_or(BatchError::Size { at, size, left: rest.len() })?;
    let len = i32_at(entry, BODY_AT - 4);
    let (body, tail) = usize::try_from(len)
        .ok()
        .and_then(|len| entry.get(BODY_AT..)?.split_at_checked(len))
        .filter(|(_, tail)| tail.len() >= 2)
        .ok_or(BatchError::Length { at, field: "body", len })?;
    let (len, properties) = match tail {
        [a, b, properties @ ..] => (i16::from_be_bytes([*a, *b]), properties),
        _ => (0, tail),
    };
    if usize::try_from(len) != Ok(properties.len()) {
        return Err(BatchError::Length { at, field: "properties", len: i32::from(len) });
    }
    let properties = str::from_utf8(properties).map_err(|_| BatchError::NotUtf8 { at })?;
    Ok(BatchEntry { flag: i32_at(entry, 12), body, properties })
}
