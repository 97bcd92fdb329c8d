//! Messages against the recorded and computed vectors, against hostile input, and against themselves.
//!
//! | module | what |
//! |---|---|
//! | [`stored`] | stored messages: recorded, computed, damaged; batches |
//! | [`texts`] | properties, ids, tags, flags, hashes, traces |
//! | [`names`] | validators, namespaces, reserved names, lite topics, delay levels, message checks |
//! | [`pop`] | receipt handles, offset infos, retry topics, batched acks |
//! | [`compression`] | Java's compressed data, caps, damaged data |
//! | [`hostile`] | the hostile inputs H9 to H17 and H29 |
//! | [`laws`] | properties: round trips, no panic on any bytes |
//! | [`alloc`] | allocation gates |

pub(crate) mod alloc;
// Java's messages are compressed by every type: these need all three features.
#[cfg(all(feature = "zlib", feature = "lz4", feature = "zstd"))]
pub(crate) mod compression;
pub(crate) mod hostile;
mod laws;
pub(crate) mod names;
pub(crate) mod pop;
#[cfg(all(feature = "zlib", feature = "lz4", feature = "zstd"))]
pub(crate) mod stored;
pub(crate) mod texts;
