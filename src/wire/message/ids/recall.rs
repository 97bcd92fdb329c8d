//! The recall handle of a timer message (Java `RecallMessageHandle.HandleV1`).

use alloc::format;
use alloc::string::String;
use thiserror::Error;

use crate::wire::message::base64::{self, Alphabet};

/// Names a timer message that may still be recalled: URL-safe Base64 of `v1 topic broker timestamp uniqKey`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecallHandle {
    /// Topic of the message.
    pub topic: String,
    /// Broker that holds it.
    pub broker_name: String,
    /// When it is to be delivered, Unix milliseconds, as text.
    pub timestamp: String,
    /// Its unique key.
    pub message_id: String,
}

/// A text is no recall handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecallHandleError {
    /// Not URL-safe Base64 of a text.
    #[error("the recall handle is not URL-safe Base64 of a text")]
    Encoding,
    /// Another version or another number of parts.
    #[error("the recall handle is not of the form `v1 topic broker timestamp id`")]
    Form,
}

impl RecallHandle {
    /// The text of the handle.
    pub fn encode(&self) -> String {
        let RecallHandle { topic, broker_name, timestamp, message_id } = self;
        let plain = format!("v1 {topic} {broker_name} {timestamp} {message_id}");
        base64::encode(plain.as_bytes(), Alphabet::UrlSafe)
    }

    /// Reads the text of a handle.
    pub fn decode(text: &str) -> Result<RecallHandle, RecallHandleError> {
        let bytes = base64::decode(text, Alphabet::UrlSafe).ok_or(RecallHandleError::Encoding)?;
        let plain = str::from_utf8(&bytes).map_err(|_| RecallHandleError::Encoding)?;
        let mut parts = plain.split(' ').map(String::from);
        let version = parts.next();
        match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(topic), Some(broker_name), Some(timestamp), Some(message_id), None)
                if version.as_deref() == Some("v1") =>
            {
                Ok(RecallHandle { topic, broker_name, timestamp, message_id })
            }
            _ => Err(RecallHandleError::Form),
        }
    }
}
