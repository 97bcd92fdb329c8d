//! The offset message id: where a broker stored a message.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

use super::IdError;
use super::hex::{self, IdBytes};

/// Broker address and commit log offset (Java `MessageDecoder.createMessageId`). Its text is upper-case
/// hexadecimal, 32 digits for IPv4 brokers and 56 for IPv6 ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetMessageId {
    /// The broker that stored it, the one to ask with VIEW_MESSAGE_BY_ID.
    pub host: SocketAddr,
    /// Offset in its commit log.
    pub physical_offset: i64,
}

impl fmt::Display for OffsetMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.ip() {
            IpAddr::V4(ip) => hex::write(f, &ip.octets())?,
            IpAddr::V6(ip) => hex::write(f, &ip.octets())?,
        }
        hex::write(f, &i32::from(self.host.port()).to_be_bytes())?;
        hex::write(f, &self.physical_offset.to_be_bytes())
    }
}

impl fmt::Debug for OffsetMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for OffsetMessageId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<OffsetMessageId, IdError> {
        Self::from_digits(text.as_bytes())
    }
}

impl OffsetMessageId {
    /// The id of that text, which nobody has looked at as text yet.
    pub(crate) fn from_digits(digits: &[u8]) -> Result<OffsetMessageId, IdError> {
        let (ip, rest) = match hex::decode(digits)? {
            IdBytes::V4([a, b, c, d, rest @ ..]) => (IpAddr::from([a, b, c, d]), rest),
            IdBytes::V6(bytes) => {
                let (mut ip, mut rest) = ([0; 16], [0; 12]);
                ip.copy_from_slice(&bytes[..16]);
                rest.copy_from_slice(&bytes[16..]);
                (IpAddr::from(ip), rest)
            }
        };
        let [p0, p1, p2, p3, offset @ ..] = rest;
        let port = i32::from_be_bytes([p0, p1, p2, p3]);
        let port = u16::try_from(port).map_err(|_| IdError::Port { port })?;
        Ok(OffsetMessageId { host: SocketAddr::new(ip, port), physical_offset: i64::from_be_bytes(offset) })
    }
}
