//! Bytes to values and back. No state but a cursor.
//!
//! | room | what |
//! |---|---|
//! | [`frame`] | length prefix, head length, serialize type |
//! | [`json`] | the small JSON reader and writer (fastjson's dialect) |
//! | [`header`] | the head of a remoting command, JSON and binary, one typed view |
//! | [`codes`] | request and response codes, languages, versions |
//! | [`fields`] | typed ext fields of every operation |
//! | [`body`] | typed JSON bodies |
//! | [`message`] | stored messages, batches, properties, ids, compression, receipt handles |
//! | `ascii` | recognising ASCII |
//! | `signature` | ACL signing (feature `acl`) |

mod ascii;
pub mod body;
pub mod codes;
pub mod fields;
pub mod frame;
pub mod header;
pub mod json;
pub mod message;
#[cfg(feature = "acl")]
pub mod signature;
mod version;
