//! What a message must be before it is sent (Java `Validators.checkMessage`).

use alloc::string::String;
use thiserror::Error;

use super::names::{self, LMQ_PREFIX, NameError};
use super::properties::{Properties, PropertyError, check_len, names as property};

/// The broker's default limit of a body, 4 MiB.
pub const DEFAULT_MAX_BODY: usize = 4 << 20;

/// A message is refused before it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MessageRefused {
    /// The topic.
    #[error(transparent)]
    Topic(#[from] NameError),
    /// The properties.
    #[error(transparent)]
    Properties(#[from] PropertyError),
    /// Brokers take no empty body.
    #[error("the message body length is zero")]
    EmptyBody,
    /// The body is larger than the limit.
    #[error("the message body has {len} bytes, at most {max} are allowed")]
    BodyTooLarge {
        /// Bytes of the body.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A light queue is named in a form that damages brokers.
    #[error("the light queue {name:?} is malformed")]
    LightQueue {
        /// The name.
        name: String,
    },
}

/// Checks a message: its topic, the size of its plain body, its properties text and the light queues it names.
pub fn check_message(
    topic: &str,
    body_len: usize,
    properties: Properties<'_>,
    max_body: usize,
) -> Result<(), MessageRefused> {
    names::check_send_topic(topic)?;
    if body_len == 0 {
        return Err(MessageRefused::EmptyBody);
    }
    if body_len > max_body {
        return Err(MessageRefused::BodyTooLarge { len: body_len, max: max_body });
    }
    check_len(properties.as_str().len())?;
    if let Some(lite) = properties.get(property::LITE_TOPIC) {
        names::lite::check(lite)?;
    }
    let queues = properties.get(property::INNER_MULTI_DISPATCH).unwrap_or_default();
    for name in queues.split(',').filter(|name| !name.is_empty()) {
        // A name that begins like a lite topic's queue but has other parts stops a 5.5 broker's dispatch for good.
        let lite = names::lite::is_lite_queue(name) && names::lite::split(name).is_none();
        if name.contains('/') || lite || !name.starts_with(LMQ_PREFIX) {
            return Err(MessageRefused::LightQueue { name: name.into() });
        }
    }
    Ok(())
}
