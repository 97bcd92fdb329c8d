//! Typed JSON bodies. Both directions: what a client reads, a test broker writes.
//!
//! | room | bodies |
//! |---|---|
//! | [`route`], [`cluster`], [`static_topic`] | where topics are |
//! | [`heartbeat`], [`group`], [`connection`] | who clients are |
//! | [`queue`], [`lock`], [`assignment`] | queues, locked and assigned |
//! | [`reset`] | tables of offsets |
//! | [`running`] | what a client answers about itself |
//! | [`stats`] | figures of brokers |
//! | [`topic`], [`subscription_group`], [`auth`], [`lite`] | administration |
//! | `member` | the macro they are declared with |
//!
//! A struct is named as Java's class. Bodies are read leniently: what Java's versions write, and unknown members are
//! passed over. They are written so that every version reads them: keys in quotes, but queues as objects.

pub mod assignment;
pub mod auth;
pub mod cluster;
pub mod connection;
pub mod group;
pub mod heartbeat;
pub mod lite;
pub mod lock;
mod member;
pub mod queue;
pub mod reset;
pub mod route;
pub mod running;
pub mod static_topic;
pub mod stats;
pub mod subscription_group;
pub mod topic;

pub use assignment::*;
pub use auth::*;
pub use cluster::*;
pub use connection::*;
pub use group::*;
pub use heartbeat::*;
pub use lite::*;
pub use lock::*;
pub(crate) use member::{Found, MapKey, Member, body};
pub use queue::*;
pub use reset::*;
pub use route::*;
pub use running::*;
pub use static_topic::*;
pub use stats::*;
pub use subscription_group::*;
pub use topic::*;

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
    #[error("body member `{member}` at byte {at} is missing or no {expected}")]
    Member {
        /// The member.
        member: &'static str,
        /// What was expected.
        expected: &'static str,
        /// Byte offset of its value in the body; of the object it is missing in.
        at: usize,
    },
    /// More of something than the limit allows.
    #[error("body member `{member}` at byte {at} counts {count}, the limit is {limit}")]
    TooMany {
        /// The member.
        member: &'static str,
        /// Byte offset of its value in the body.
        at: usize,
        /// What it says.
        count: i64,
        /// The limit.
        limit: usize,
    },
}

fn parse(body: &[u8]) -> Result<Value<'_>, BodyError> {
    Ok(Value::parse(body, &Limits::default())?)
}
