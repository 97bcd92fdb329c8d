//! Where the parts of one stored message lie, and the check that they all lie inside it.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use thiserror::Error;

use super::batch::BatchError;
use super::compress::CompressionError;
use super::sysflag::SysFlag;
use crate::wire::ascii::is_ascii;

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
#[derive(Clone, Debug, PartialEq, Eq, Error, Hash)]
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

/// Reads the lengths of `message`, which is exactly TOTALSIZE bytes long, and checks what can be checked without
/// touching the body.
#[inline]
pub(crate) fn parse(message: &[u8]) -> Result<Layout, MessageError> {
    match usual(message) {
        Some(layout) => Ok(layout),
        None => other(message),
    }
}

/// A message as nearly all are, with IPv4 hosts, a short topic, ASCII around its body: this is on the path of every
/// message pulled, in one straight line (`cargo bench -- 4 5`). `None` for others, and for bad ones.
#[inline]
pub(crate) fn usual(message: &[u8]) -> Option<Layout> {
    const V6: i32 = SysFlag::BORNHOST_V6 | SysFlag::STOREHOST_V6;
    let head = message.first_chunk::<MIN_MESSAGE>()?;
    // Both ports at once.
    let ports = (i32_at(head, 52) | i32_at(head, 68)) as u32;
    (i32_at(head, 4) == MAGIC_V1 && i32_at(head, at::SYS_FLAG) & V6 == 0 && ports >> 16 == 0).then_some(())?;
    let (body, after) = split(message.get(BODY_LENGTH_AT..)?, i32::from_be_bytes)?;
    let (topic, after) = split(after, |[len]| i32::from(len as i8))?;
    let (properties, rest) = split(after, |len| i32::from(i16::from_be_bytes(len)))?;
    let good = rest.is_empty() && is_ascii(topic) & is_ascii(properties);
    good.then(|| Layout::new(body, topic, properties))
}

/// Any message, with words for what is wrong with it.
#[cold]
fn other(message: &[u8]) -> Result<Layout, MessageError> {
    let size = message.len();
    if size < MIN_MESSAGE {
        return Err(MessageError::TooShort { left: size });
    }
    let wide = match i32_at(message, 4) {
        MAGIC_V1 => false,
        MAGIC_V2 => true,
        magic => return Err(MessageError::UnknownMagic { magic }),
    };
    let length_at = check_ports(message)?;

    let at = |part: &[u8]| size - part.len();
    let after = message.get(length_at..).unwrap_or_default();
    let Some((body, after)) = split(after, i32::from_be_bytes) else {
        return Err(bad_length("body", try_i32(message, length_at), length_at, size));
    };
    let split_topic = if wide {
        split(after, |[a, b]| i32::from(i16::from_be_bytes([a, b])))
    } else {
        split(after, |[a]| i32::from(a as i8))
    };
    let Some((topic, after)) = split_topic else {
        return Err(bad_length("topic", topic_len(after, wide), at(after), size));
    };
    let Some((properties, rest)) = split(after, |[a, b]| i32::from(i16::from_be_bytes([a, b]))) else {
        return Err(bad_length("properties", topic_len(after, true), at(after), size));
    };
    if !rest.is_empty() {
        return Err(MessageError::SizeMismatch { used: at(rest), size });
    }
    if str::from_utf8(topic).is_err() {
        return Err(MessageError::NotUtf8 { field: "topic" });
    }
    if str::from_utf8(properties).is_err() {
        return Err(MessageError::NotUtf8 { field: "properties" });
    }
    Ok(Layout::new(body, topic, properties))
}

/// A field behind its length; a negative length fits nothing.
#[inline]
fn split<const N: usize>(bytes: &[u8], len: impl FnOnce([u8; N]) -> i32) -> Option<(&[u8], &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<N>()?;
    rest.split_at_checked(len(*prefix) as u32 as usize)
}

fn topic_len(bytes: &[u8], wide: bool) -> Option<i32> {
    match *bytes {
        [a, ..] if !wide => Some(i32::from(a as i8)),
        [a, b, ..] => Some(i32::from(i16::from_be_bytes([a, b]))),
        _ => None,
    }
}

#[cold]
fn bad_length(field: &'static str, len: Option<i32>, at: usize, size: usize) -> MessageError {
    MessageError::FieldLength { field, len: len.unwrap_or(-1), at, size }
}

/// Lengths of the parts that vary, which fill the message exactly: with them they are found again without checking,
/// from its end, where nothing else varies. Each is found alone: who wants the body pays for nothing else.
///
/// From the lowest bit: 32 of the body's length, 16 of the topic's, 16 of the properties'. One word is handed on in a
/// register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Layout(u64);

impl Layout {
    #[inline]
    fn new(body: &[u8], topic: &[u8], properties: &[u8]) -> Layout {
        let (topic, properties) = (topic.len() as u16, properties.len() as u16);
        Layout(u64::from(body.len() as u32) | u64::from(topic) << 32 | u64::from(properties) << 48)
    }

    /// The body as stored.
    #[inline]
    pub(crate) fn body(self, message: &[u8]) -> &[u8] {
        let width = if i32_at(message, 4) == MAGIC_V2 { 2 } else { 1 };
        let end = self.topic_at(message).wrapping_sub(width);
        message.get(end.wrapping_sub(self.0 as u32 as usize)..end).unwrap_or_default()
    }

    /// The topic, UTF-8.
    #[inline]
    pub(crate) fn topic(self, message: &[u8]) -> &[u8] {
        let start = self.topic_at(message);
        message.get(start..start.wrapping_add(self.topic_len())).unwrap_or_default()
    }

    /// The properties, UTF-8.
    #[inline]
    pub(crate) fn properties(self, message: &[u8]) -> &[u8] {
        message.get(message.len().wrapping_sub((self.0 >> 48) as usize)..).unwrap_or_default()
    }

    #[inline]
    fn topic_len(self) -> usize {
        usize::from((self.0 >> 32) as u16)
    }

    #[inline]
    fn topic_at(self, message: &[u8]) -> usize {
        message.len().wrapping_sub((self.0 >> 48) as usize + 2 + self.topic_len())
    }
}

/// Bytes an IPv6 host takes more than an IPv4 one.
#[inline]
const fn extra(flags: i32, bit: i32) -> usize {
    if flags & bit != 0 { 12 } else { 0 }
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

/// Where the body length stands, when both ports are in range.
fn check_ports(message: &[u8]) -> Result<usize, MessageError> {
    let flags = i32_at(message, at::SYS_FLAG);
    for (field, store) in [("born host", false), ("store host", true)] {
        let (start, len) = host_place(flags, store);
        let port = try_i32(message, start + len).unwrap_or(-1);
        if port as u32 >> 16 != 0 {
            return Err(MessageError::Port { field, port });
        }
    }
    Ok(body_length_at(flags))
}

fn body_length_at(flags: i32) -> usize {
    BODY_LENGTH_AT + extra(flags, SysFlag::BORNHOST_V6) + extra(flags, SysFlag::STOREHOST_V6)
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

/// RECONSUMETIMES stands before the offset that stands before the body length.
pub(crate) fn reconsume_times(message: &[u8]) -> i32 {
    i32_at(message, body_length_at(i32_at(message, at::SYS_FLAG)) - 12)
}

/// PREPARED TRANSACTION OFFSET.
pub(crate) fn prepared_transaction_offset(message: &[u8]) -> i64 {
    i64_at(message, body_length_at(i32_at(message, at::SYS_FLAG)) - 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::{StoredFields, encode_stored};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn message() -> impl Strategy<Value = Vec<u8>> {
        let host = prop_oneof![
            4 => Just(SocketAddr::from(([127, 0, 0, 1], 10_911))),
            1 => Just(SocketAddr::from((Ipv6Addr::LOCALHOST, 10_911))),
        ];
        let texts = ("[a-zé]{0,40}", "[a-z\\u{1}\\u{2}]{0,150}", prop::bool::weighted(0.1));
        (texts, prop::collection::vec(any::<u8>(), 0..40), host.clone(), host).prop_map(
            |((topic, properties, long), body, born_host, store_host)| {
                let mut out = Vec::new();
                let fields = StoredFields {
                    queue_id: 1,
                    flag: 0,
                    queue_offset: 2,
                    physical_offset: 3,
                    sys_flag: SysFlag(0),
                    born_timestamp: 4,
                    born_host,
                    store_timestamp: 5,
                    store_host,
                    reconsume_times: 0,
                    prepared_transaction_offset: 0,
                    body: &body,
                    topic: &topic.repeat(if long { 4 } else { 1 }),
                    properties: &properties,
                };
                encode_stored(&mut out, &fields).expect("a small message");
                out
            },
        )
    }

    proptest! {
        #[test]
        fn the_straight_line_takes_nothing_that_the_general_way_does_not(
            message in message(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in 0..3_usize,
        ) {
            let whole = other(&message).expect("encoded so");
            let ipv4 = i32_at(&message, at::SYS_FLAG) == 0;
            let plain = ipv4 && whole.topic_len() < 128 && whole.topic(&message).is_ascii();
            prop_assert_eq!(usual(&message), plain.then_some(whole));

            let mut changed = message;
            for (at, byte) in changes {
                let at = at.index(changed.len());
                changed[at] = byte;
            }
            changed.truncate(changed.len() - cut);
            if let Some(found) = usual(&changed) {
                prop_assert_eq!(other(&changed), Ok(found));
            }
        }
    }
}
