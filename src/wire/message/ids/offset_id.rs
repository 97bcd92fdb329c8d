//! The offset message id: where a broker stored a message.

use core::fmt;
use core::net::SocketAddr;
use core::str::FromStr;

use super::IdError;
use super::id_bytes::{IdBytes, REST};

/// Broker address and commit log offset (Java `MessageDecoder.createMessageId`). Its text is upper-case
/// hexadecimal, 32 digits for IPv4 brokers and 56 for IPv6 ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetMessageId(IdBytes);

impl OffsetMessageId {
    /// The id of the message at that offset in the commit log of that broker.
    pub fn new(host: SocketAddr, physical_offset: i64) -> Self {
        let mut rest = [0; REST];
        // Java writes the port as an int.
        rest[..4].copy_from_slice(&u32::from(host.port()).to_be_bytes());
        rest[4..].copy_from_slice(&physical_offset.to_be_bytes());
        Self(IdBytes::new(host.ip(), rest))
    }

    /// The broker that stored it, the one to ask with VIEW_MESSAGE_BY_ID.
    pub fn host(&self) -> SocketAddr {
        let [_, _, a, b, ..] = *self.0.rest();
        SocketAddr::new(self.0.ip(), u16::from_be_bytes([a, b]))
    }

    /// Offset in its commit log.
    pub fn physical_offset(&self) -> i64 {
        let [_, _, _, _, offset @ ..] = *self.0.rest();
        i64::from_be_bytes(offset)
    }

    /// The id of that text, which nobody has looked at as text yet.
    #[inline]
    pub(crate) fn from_digits(digits: &[u8]) -> Result<OffsetMessageId, IdError> {
        let id = IdBytes::decode(digits)?;
        let [a, b, c, d, ..] = *id.rest();
        match i32::from_be_bytes([a, b, c, d]) {
            0..=0xFFFF => Ok(Self(id)),
            port => Err(IdError::Port { port }),
        }
    }
}

impl fmt::Display for OffsetMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for OffsetMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for OffsetMessageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<OffsetMessageId, IdError> {
        Self::from_digits(text.as_bytes())
    }
}
