//! The outermost layer: `length(4) | serialize type(1) and head length(3) | head | body`, big-endian.
//!
//! Source: Apache `NettyDecoder`, `RemotingCommand.decode`.

use core::ops::Range;

use thiserror::Error;

/// Bytes of the length prefix.
const LENGTH: usize = 4;
/// Bytes of the word that holds serialize type and head length.
const HEAD_WORD: usize = 4;

/// How a head is written.
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SerializeType {
    /// JSON text, type byte 0: what Java writes by default.
    #[default]
    Json,
    /// The binary form, type byte 1.
    Rocketmq,
}

impl SerializeType {
    /// The type byte.
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Json => 0,
            Self::Rocketmq => 1,
        }
    }
}

/// What a frame may weigh, in bytes. Checked on the first eight bytes, before anything is allocated.
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameLimits {
    /// Longest frame with its length prefix. Default 16 MiB + 4, as Java (`com.rocketmq.remoting.frameMaxLength`).
    pub max_frame: usize,
    /// Longest head. Default 1 MiB.
    pub max_head: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { max_frame: 16 * 1024 * 1024 + LENGTH, max_head: 1024 * 1024 }
    }
}

/// Why bytes are no frame. The stream cannot be used any further.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FrameError {
    /// The length prefix leaves no room for the head word.
    #[error("frame length {length} at offset 0 is too small for a head, or negative")]
    TooShort {
        /// The announced length.
        length: i32,
    },
    /// The announced length is over the limit.
    #[error(
        "frame of {length} bytes announced at offset 0, the limit is {limit}: raise `max_frame` if it is genuine"
    )]
    TooLong {
        /// Announced length with prefix.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The serialize type is neither JSON nor binary.
    #[error("unknown serialize type {byte} at offset 4")]
    SerializeType {
        /// The byte.
        byte: u8,
    },
    /// The head is longer than the frame.
    #[error("head of {head} bytes announced at offset 5, the frame has room for {room}")]
    HeadOverrun {
        /// Announced head length.
        head: usize,
        /// Bytes behind the head word.
        room: usize,
    },
    /// The head is over the limit.
    #[error(
        "head of {head} bytes announced at offset 5, the limit is {limit}: raise `max_head` if it is genuine"
    )]
    HeadTooLong {
        /// Announced head length.
        head: usize,
        /// The limit.
        limit: usize,
    },
}

/// The first eight bytes of a frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// Bytes of the whole frame, its length prefix included.
    pub frame_len: usize,
    /// Bytes of the head.
    pub head_len: usize,
    /// How the head is written.
    pub serialize: SerializeType,
}

impl Prefix {
    /// Bytes in front of the head.
    pub const LEN: usize = LENGTH + HEAD_WORD;

    /// Reads the front of a frame; `None` if fewer than eight bytes are there.
    ///
    /// ```
    /// use rocketmq_engine::wire::frame::{FrameLimits, Prefix};
    ///
    /// let bytes = [0, 0, 0, 9, 0, 0, 0, 2, b'{', b'}', b'a', b'b', b'c'];
    /// let prefix = Prefix::parse(&bytes, &FrameLimits::default()).unwrap().unwrap();
    /// assert_eq!((&bytes[prefix.head_range()], &bytes[prefix.body_range()]), (&b"{}"[..], &b"abc"[..]));
    /// ```
    #[inline]
    pub fn parse(bytes: &[u8], limits: &FrameLimits) -> Result<Option<Self>, FrameError> {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
        let length = i32::from_be_bytes(*length);
        if length < HEAD_WORD as i32 {
            return Err(FrameError::TooShort { length });
        }
        let frame_len = length as usize + LENGTH;
        if frame_len > limits.max_frame {
            return Err(FrameError::TooLong { length: frame_len, limit: limits.max_frame });
        }
        let Some((word, _)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let serialize = match word[0] {
            0 => SerializeType::Json,
            1 => SerializeType::Rocketmq,
            byte => return Err(FrameError::SerializeType { byte }),
        };
        let head = u32::from_be_bytes([0, word[1], word[2], word[3]]) as usize;
        let room = frame_len - Self::LEN;
        if head > room {
            return Err(FrameError::HeadOverrun { head, room });
        }
        if head > limits.max_head {
            return Err(FrameError::HeadTooLong { head, limit: limits.max_head });
        }
        Ok(Some(Self { frame_len, head_len: head, serialize }))
    }

    /// Where the head lies in the frame.
    pub fn head_range(&self) -> Range<usize> {
        Self::LEN..Self::LEN + self.head_len
    }

    /// Where the body lies in the frame.
    pub fn body_range(&self) -> Range<usize> {
        Self::LEN + self.head_len..self.frame_len
    }

    /// Bytes of the body.
    pub fn body_len(&self) -> usize {
        self.frame_len - Self::LEN - self.head_len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Option<Prefix>, FrameError> {
        Prefix::parse(bytes, &FrameLimits { max_frame: 1004, max_head: 100 })
    }

    #[test]
    fn every_limit_is_reached_on_the_first_eight_bytes() {
        assert_eq!(parse(&[0, 0, 0]), Ok(None));
        assert_eq!(parse(&[0, 0, 0, 3]), Err(FrameError::TooShort { length: 3 }));
        assert_eq!(parse(&[0xff; 4]), Err(FrameError::TooShort { length: -1 }));
        assert_eq!(parse(&1001_u32.to_be_bytes()), Err(FrameError::TooLong { length: 1005, limit: 1004 }));
        assert_eq!(parse(&[0, 0, 3, 0xe8, 2, 0, 0, 0]), Err(FrameError::SerializeType { byte: 2 }));
        assert_eq!(parse(&[0, 0, 0, 9, 0, 0, 0, 6]), Err(FrameError::HeadOverrun { head: 6, room: 5 }));
        assert_eq!(
            parse(&[0, 0, 3, 0, 1, 0, 0, 101]),
            Err(FrameError::HeadTooLong { head: 101, limit: 100 })
        );
        let smallest = Prefix { frame_len: 8, head_len: 0, serialize: SerializeType::Rocketmq };
        assert_eq!(parse(&[0, 0, 0, 4, 1, 0, 0, 0]), Ok(Some(smallest)));
    }
}
