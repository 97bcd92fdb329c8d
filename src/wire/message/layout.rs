//! Where the parts of one stored message lie, and the check that they all lie inside it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use thiserror::Error;

use super::batch::BatchError;
use super::compress::CompressionError;
use super::sysflag::SysFlag;

/// Magic code of the first layout: topic length in one byte.
pub const MAGIC_V1: i32 = -626_843_481;
/// Magic code of the second layout: topic length in two bytes.
pub const MAGIC_V2: i32 = -626_843_477;
/// Smallest stored message: first layout, IPv4 hosts, no body, no topic, no properties.
pub const MIN_MESSAGE: usize = 91;
/// Where the body length stands when both hosts are IPv4; each IPv6 host moves it by 12.
const BODY_LENGTH_AT: usize = 84;
const BORN_HOST_AT: usize = 48;

pub(crate) mod at {
    pub(crate) const BODY_CRC: usize = 8;
    pub(crate) const QUEUE_ID: usize = 12;
    pub(crate) const FLAG: usize = 16;
    pub(crate) const QUEUE_OFFSET: usize = 20;
    pub(crate) const PHYSICAL_OFFSET: usize = 28;
    pub(crate) const SYS_FLAG: usize = 36;
    pub(crate) const BORN_TIMESTAMP: usize = 40;
}

/// Why a stored message is not delivered. Positions are bytes from the start of the message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Fewer bytes are left than the smallest message has.
    #[error("{left} bytes are left, a message has at least {min}", min = MIN_MESSAGE)]
    TooShort {
        /// Bytes left in the body.
        left: usize,
    },
    /// TOTALSIZE is smaller than the smallest message, zero or negative.
    #[error("total size {size} is below {min}", min = MIN_MESSAGE)]
    SizeTooSmall {
        /// TOTALSIZE as written.
        size: i32,
    },
    /// TOTALSIZE goes past the end of the body.
    #[error("total size {size} goes past the {left} bytes left")]
    SizePastEnd {
        /// TOTALSIZE as written.
        size: i32,
        /// Bytes left in the body.
        left: usize,
    },
    /// The magic code is neither of the two known.
    #[error("unknown magic code {magic:#010x}")]
    UnknownMagic {
        /// MAGICCODE as written.
        magic: i32,
    },
    /// A length is negative or its bytes go past the end of the message.
    #[error("{field} length {len} at byte {at} does not fit the message of {size} bytes")]
    FieldLength {
        /// `body`, `topic` or `properties`.
        field: &'static str,
        /// The length as written.
        len: i32,
        /// Where the length stands.
        at: usize,
        /// Size of the message.
        size: usize,
    },
    /// The fields end before TOTALSIZE.
    #[error("the fields take {used} bytes, the total size says {size}")]
    SizeMismatch {
        /// Bytes the fields take.
        used: usize,
        /// TOTALSIZE as written.
        size: usize,
    },
    /// The port of a host is outside 0 to 65,535.
    #[error("{field} port {port} is out of range")]
    Port {
        /// `born host` or `store host`.
        field: &'static str,
        /// The port as written.
        port: i32,
    },
    /// A text is not UTF-8.
    #[error("{field} is not UTF-8")]
    NotUtf8 {
        /// `topic` or `properties`.
        field: &'static str,
    },
    /// The body's checksum differs.
    #[error("body checksum is {actual:#010x}, the message says {expected:#010x}")]
    BodyCrc {
        /// BODYCRC as written.
        expected: i32,
        /// CRC-32 of the stored body, without its top bit.
        actual: i32,
    },
    /// The body cannot be decompressed.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The inner batch cannot be unwrapped.
    #[error("inner batch: {0}")]
    InnerBatch(#[from] BatchError),
    /// More messages in one body than the limit.
    #[error("more than {limit} messages in one body")]
    TooMany {
        /// The limit of the walk.
        limit: usize,
    },
}

/// Lengths found by [`Layout::parse`]; with them every part of the message is reached without searching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    body_len: u32,
    topic_len: u16,
    properties_len: u16,
    /// Where the body begins: 88, 100 or 112.
    body_at: u8,
    /// Bytes of the topic length: 1 or 2.
    topic_width: u8,
}

impl Layout {
    /// Reads the lengths of `message`, which is exactly TOTALSIZE bytes long, and checks what can be checked
    /// without touching the body.
    #[inline]
    pub(crate) fn parse(message: &[u8]) -> Result<Layout, MessageError> {
        let size = message.len();
        let Some(head) = message.first_chunk::<MIN_MESSAGE>() else {
            return Err(MessageError::TooShort { left: size });
        };
        let topic_width = match i32_at(head, 4) {
            MAGIC_V1 => 1,
            MAGIC_V2 => 2,
            magic => return Err(MessageError::UnknownMagic { magic }),
        };
        let flags = i32_at(head, at::SYS_FLAG);
        let length_at =
            BODY_LENGTH_AT + extra(flags, SysFlag::BORNHOST_V6) + extra(flags, SysFlag::STOREHOST_V6);
        check_port(message, flags, false)?;
        check_port(message, flags, true)?;

        let body_at = length_at + 4;
        let body_len = try_i32(message, length_at).unwrap_or(-1);
        let topic_at = end_of("body", body_len, length_at, body_at, size)?;
        let topic_len = match (topic_width, message.get(topic_at..)) {
            (1, Some([a, ..])) => i32::from(*a as i8),
            (2, Some([a, b, ..])) => i32::from(i16::from_be_bytes([*a, *b])),
            _ => -1,
        };
        let properties_at = end_of("topic", topic_len, topic_at, topic_at + topic_width, size)?;
        let properties_len = match message.get(properties_at..) {
            Some([a, b, ..]) => i32::from(i16::from_be_bytes([*a, *b])),
            _ => -1,
        };
        let used = end_of("properties", properties_len, properties_at, properties_at + 2, size)?;
        if used != size {
            return Err(MessageError::SizeMismatch { used, size });
        }
        let layout = Layout {
            body_len: body_len as u32,
            topic_len: topic_len as u16,
            properties_len: properties_len as u16,
            body_at: body_at as u8,
            topic_width: topic_width as u8,
        };
        if !is_utf8(layout.topic(message)) {
            return Err(MessageError::NotUtf8 { field: "topic" });
        }
        if !is_utf8(layout.properties(message)) {
            return Err(MessageError::NotUtf8 { field: "properties" });
        }
        Ok(layout)
    }

    pub(crate) fn body_range(self) -> core::ops::Range<usize> {
        let start = usize::from(self.body_at);
        start..start + self.body_len as usize
    }

    #[inline]
    pub(crate) fn body(self, message: &[u8]) -> &[u8] {
        message.get(self.body_range()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn topic(self, message: &[u8]) -> &[u8] {
        let start = self.body_range().end + usize::from(self.topic_width);
        message.get(start..start + usize::from(self.topic_len)).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn properties(self, message: &[u8]) -> &[u8] {
        // The properties are the last thing in a message.
        message.get(message.len().wrapping_sub(usize::from(self.properties_len))..).unwrap_or_default()
    }
}

/// End of a field of `len` bytes at `start`, when that is inside the message.
#[inline]
fn end_of(
    field: &'static str,
    len: i32,
    at: usize,
    start: usize,
    size: usize,
) -> Result<usize, MessageError> {
    match usize::try_from(len).ok().and_then(|len| start.checked_add(len)) {
        Some(end) if end <= size => Ok(end),
        _ => Err(MessageError::FieldLength { field, len, at, size }),
    }
}

/// Bytes an IPv6 host takes more than an IPv4 one.
#[inline]
const fn extra(flags: i32, bit: i32) -> usize {
    if flags & bit != 0 { 12 } else { 0 }
}

#[inline]
fn is_utf8(text: &[u8]) -> bool {
    text.is_ascii() || str::from_utf8(text).is_ok()
}

/// Where a host begins and how long its address is.
#[inline]
fn host_place(flags: i32, store: bool) -> (usize, usize) {
    if store {
        (BORN_HOST_AT + 16 + extra(flags, SysFlag::BORNHOST_V6), 4 + extra(flags, SysFlag::STOREHOST_V6))
    } else {
        (BORN_HOST_AT, 4 + extra(flags, SysFlag::BORNHOST_V6))
    }
}

#[inline]
fn check_port(message: &[u8], flags: i32, store: bool) -> Result<(), MessageError> {
    let (start, len) = host_place(flags, store);
    let port = try_i32(message, start + len).unwrap_or(-1);
    if (port as u32) >> 16 == 0 {
        return Ok(());
    }
    Err(MessageError::Port { field: if store { "store host" } else { "born host" }, port })
}

/// The host that stored a message, or the one it came from.
pub(crate) fn host(message: &[u8], store: bool) -> SocketAddr {
    let flags = i32_at(message, at::SYS_FLAG);
    let (start, len) = host_place(flags, store);
    let bytes = message.get(start..start + len).unwrap_or_default();
    let ip = if let Ok(v6) = <[u8; 16]>::try_from(bytes) {
        IpAddr::V6(Ipv6Addr::from(v6))
    } else {
        IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).unwrap_or_default()))
    };
    SocketAddr::new(ip, i32_at(message, start + len) as u16)
}

/// Fixed fields behind the hosts are found from the end of the head: it ends where the body length stands.
pub(crate) fn store_timestamp_at(message: &[u8]) -> usize {
    56 + extra(i32_at(message, at::SYS_FLAG), SysFlag::BORNHOST_V6)
}

#[inline]
fn try_i32(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The number at `at`; 0 outside the bytes, which a checked layout never asks for.
#[inline]
pub(crate) fn i32_at(bytes: &[u8], at: usize) -> i32 {
    try_i32(bytes, at).unwrap_or_default()
}

/// As [`i32_at`] for eight bytes.
#[inline]
pub(crate) fn i64_at(bytes: &[u8], at: usize) -> i64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |chunk| i64::from_be_bytes(*chunk))
}

impl Layout {
    pub(crate) fn reconsume_times(self, message: &[u8]) -> i32 {
        i32_at(message, usize::from(self.body_at) - 16)
    }

    pub(crate) fn prepared_transaction_offset(self, message: &[u8]) -> i64 {
        i64_at(message, usize::from(self.body_at) - 12)
    }
}
