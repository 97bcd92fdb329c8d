//! Messages against the recorded and computed vectors, against hostile input, and against themselves.
//!
//! | module | what |
//! |---|---|
//! | [`support`] | loading vectors; the table of deviations and the judge that keeps it honest |
//! | [`stored`] | stored messages: recorded, computed, damaged; batches |
//! | [`texts`] | properties, ids, tags, flags, hashes, traces |
//! | [`names`] | validators, namespaces, reserved names, lite topics, delay levels, message checks |
//! | [`pop`] | receipt handles, offset infos, retry topics, batched acks |
//! | [`compression`] | Java's compressed data, caps, damaged data |
//! | [`hostile`] | the hostile inputs H9 to H17 and H29 |
//! | [`laws`] | properties: round trips, no panic on any bytes |

// Java's messages are compressed by every type: these need all three features.
#[cfg(all(feature = "zlib", feature = "lz4", feature = "zstd"))]
mod compression;
mod hostile;
mod laws;
mod names;
mod pop;
#[cfg(all(feature = "zlib", feature = "lz4", feature = "zstd"))]
mod stored;
mod support;
mod texts;
