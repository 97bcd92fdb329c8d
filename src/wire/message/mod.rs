//! Messages: how brokers store them, how batches of them are sent, and every text and number in them.
//!
//! | file | what |
//! |---|---|
//! | [`layout`] | where the parts of a stored message lie; every check of one message |
//! | [`view`] | one stored message, borrowed |
//! | [`walk`](mod@walk) | the body of a pull answer: good messages and poison |
//! | [`owned`] | one stored message that owns its bytes |
//! | [`encode`] | writing a stored message, as brokers do |
//! | [`batch`] | the body of a batch: sent, or stored as one message |
//! | [`properties`] | properties text, names, the builder that refuses separators |
//! | [`ids`] | unique id, offset message id, recall handle |
//! | [`tags`] | tag hash codes and subscription expressions |
//! | [`sysflag`] | flag bits of messages and pulls |
//! | [`compress`] | zlib, LZ4, Zstandard with caps |
//! | [`names`] | topics, groups, namespaces, reserved names, delay levels |
//! | [`validate`] | what a message must be before it is sent |
//! | [`pop`] | receipt handles, offset infos, retry topics, batched acks |
//! | [`trace`] | trace records |

pub(crate) mod base64;
pub mod batch;
pub mod compress;
pub mod encode;
pub mod ids;
pub mod layout;
pub mod names;
pub mod owned;
pub mod pop;
pub mod properties;
pub mod sysflag;
pub mod tags;
pub mod trace;
pub mod validate;
pub mod view;
pub mod walk;

pub use batch::{BatchEntry, BatchError, encode_batch};
pub use compress::{CompressionError, CompressionType, InflateLimits};
pub use encode::{StoredFields, encode_stored};
pub use ids::{IdError, OffsetMessageId, RecallHandle, UniqueId, UniqueIdGenerator};
pub use layout::MessageError;
pub use names::NameError;
pub use owned::StoredMessage;
pub use properties::{Properties, PropertiesBuilder, PropertyError};
pub use sysflag::{PullSysFlag, SysFlag};
pub use tags::{string_hash, tag_code};
pub use validate::{MessageRefused, check_message};
pub use view::{MessageView, body_crc};
pub use walk::{Messages, Poison, StoredMessages, WalkLimits, stored_messages, walk};
