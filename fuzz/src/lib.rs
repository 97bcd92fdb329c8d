//! What the fuzz targets do with their bytes; `tests/corpus.rs` of the engine does the same with every committed
//! seed, on stable. A target is a function here, three lines in `fuzz_targets/`, and its seeds in `corpus/`.
//!
//! | room | targets |
//! |---|---|
//! | `heads` | `decode`, `header_json`, `header_binary`: frames and heads |
//! | `messages` | `message_batch`, `properties`, `inflate`: what is stored, and texts in it |
//! | `bodies` | `json_body`: JSON, beside serde_json |
//! | `connection` | `connection`: any chunking, the same events |
//! | `client`, `peer` | `client`: the whole engine, its network, its clock, its application |
//! | `roundtrip` | `roundtrip`: what is written is read as it was |
//! | `input` | a target's bytes, taken apart |

#![forbid(unsafe_code)]

mod bodies;
mod client;
mod connection;
mod heads;
mod input;
mod messages;
mod peer;
mod roundtrip;

pub use bodies::json_body;
pub use client::client;
pub use connection::connection;
pub use heads::{decode, header_binary, header_json};
pub use messages::{inflate, message_batch, properties};
pub use roundtrip::roundtrip;

/// A name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("decode", decode),
    ("header_json", header_json),
    ("header_binary", header_binary),
    ("message_batch", message_batch),
    ("properties", properties),
    ("json_body", json_body),
    ("inflate", inflate),
    ("connection", connection),
    ("client", client),
    ("roundtrip", roundtrip),
];
