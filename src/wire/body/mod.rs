//! Typed JSON bodies. Both directions: what a client reads, a test broker writes.
//!
//! | room | bodies |
//! |---|---|
//! | [`route`] | `TopicRouteData` |
//! | [`heartbeat`] | `HeartbeatData`, subscriptions |
//! | [`group`] | member lists |

pub mod group;
pub mod heartbeat;
pub mod route;

pub use group::GetConsumerListByGroupResponseBody;
pub use heartbeat::{ConsumerData, HeartbeatData, ProducerData, SubscriptionData};
pub use route::{BrokerData, QueueData, TopicRouteData};

use alloc::string::String;

use thiserror::Error;

use super::json::{JsonError, Limits, Value};

/// Why a body is not what its operation says.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The text is not JSON.
    #[error("JSON body: {0}")]
    Json(#[from] JsonError),
    /// A member is missing or of the wrong kind.
    #[error("body member `{member}` is missing or no {expected}")]
    Member {
        /// The member.
        member: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// More of something than the limit allows.
    #[error("body member `{member}` counts {count}, the limit is {limit}")]
    TooMany {
        /// The member.
        member: &'static str,
        /// What it says.
        count: i64,
        /// The limit.
        limit: usize,
    },
}

fn parse(body: &[u8]) -> Result<Value<'_>, BodyError> {
    Ok(Value::parse(body, &Limits::default())?)
}

fn text(value: &Value<'_>, member: &'static str) -> Result<String, BodyError> {
    optional_text(value, member).ok_or(BodyError::Member { member, expected: "text" })
}

fn optional_text(value: &Value<'_>, member: &str) -> Option<String> {
    Some(value.get(member)?.as_text()?.as_str().into_owned())
}

fn int(value: &Value<'_>, member: &str) -> i64 {
    value.get(member).and_then(Value::to_i64).unwrap_or_default()
}

fn boolean(value: &Value<'_>, member: &str) -> bool {
    value.get(member).and_then(Value::to_bool).unwrap_or_default()
}

/// The items of an array member; a missing or `null` one is empty.
fn items<'v, 'a>(value: &'v Value<'a>, member: &str) -> &'v [Value<'a>] {
    value.get(member).and_then(Value::items).unwrap_or_default()
}
