//! POP consumption: receipt handles, the info strings of a pop answer, retry topics, batched acks.
//!
//! Everything here reads text that a broker or an application hands back; readers are total and bounded.

mod batch_ack;
mod handle;
mod offsets;
mod retry;

pub use batch_ack::{AckBits, BatchAck, BatchAckError, BatchAckRequestBody, MAX_ACK_BYTES};
pub use handle::{ORDERED_REVIVE_QUEUE, ReceiptHandle};
pub use offsets::{
    MAX_ENTRIES, MessageOffsets, OrderCount, OrderCountKey, StartOffset, lite_order_counts, message_offsets,
    order_counts, start_offsets, write_message_offsets, write_order_counts, write_start_offsets,
};
pub use retry::{RetryMark, RetryTopic, pop_retry_topic_v1, pop_retry_topic_v2};

use thiserror::Error;

/// A text of the POP family is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PopTextError {
    /// A wrong number of parts.
    #[error("{what}: {parts} parts")]
    Parts {
        /// The text concerned.
        what: &'static str,
        /// Parts found.
        parts: usize,
    },
    /// A part is no number of its range.
    #[error("{what}: {field} is not a number")]
    Number {
        /// The text concerned.
        what: &'static str,
        /// The part concerned.
        field: &'static str,
    },
    /// The retry mark is none of 0, 1 and 2.
    #[error("{what}: unknown retry mark")]
    Mark {
        /// The text concerned.
        what: &'static str,
    },
    /// A queue occurs twice.
    #[error("{what}: the same queue twice")]
    Duplicate {
        /// The text concerned.
        what: &'static str,
    },
    /// More entries than allowed.
    #[error("{what}: more than {max} entries")]
    TooMany {
        /// The text concerned.
        what: &'static str,
        /// Most entries allowed.
        max: usize,
    },
}
