//! Identities of messages: the unique id its producer gives, the offset id its broker gives, the recall handle.

mod id_bytes;
mod offset_id;
mod recall;
mod unique;

pub use offset_id::OffsetMessageId;
pub use recall::{RecallHandle, RecallHandleError};
pub use unique::{UniqueId, UniqueIdGenerator};

use thiserror::Error;

/// A text is no message id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IdError {
    /// Ids have 32 digits (IPv4) or 56 (IPv6).
    #[error("a message id has 32 or 56 hexadecimal digits, not {len} bytes")]
    Length {
        /// Bytes of the text.
        len: usize,
    },
    /// A character is no hexadecimal digit.
    #[error("byte {at} is no hexadecimal digit")]
    Digit {
        /// Position in the text.
        at: usize,
    },
    /// The port is outside 0 to 65,535.
    #[error("port {port} is out of range")]
    Port {
        /// The port as written.
        port: i32,
    },
}
