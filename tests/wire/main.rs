//! The codec against everything recorded from Apache RocketMQ, against hostile input, and against itself.
//!
//! | module | what |
//! |---|---|
//! | [`support`] | loading vectors, counting their lines |
//! | [`deviations`] | the one table of where we differ from Java on purpose, and the judge that keeps it honest |
//! | [`message`] | stored messages and the texts in them |
//! | [`head`] | heads and frames, computed and malformed |
//! | [`recorded`] | every recorded frame: decoded as Java decodes it, written again |
//! | [`typed`] | the typed fields and bodies of every recorded request and answer |
//! | [`bodies`] | bodies as Java writes and reads them |
//! | `signature` | ACL signatures, computed and recorded |
//! | [`json`] | the JSON reader and writer against another one |
//! | [`hostile`] | the hostile inputs H1 to H8; the others are in [`message::hostile`] |
//! | [`offsets`] | what is wrong is told with its place |
//! | [`alloc`] | allocation gates of heads |
//! | [`coverage`] | no line of a vector is left unvisited |
//!
//! What is written again is compared byte by byte where the form is canonical: stored messages, batches, ids,
//! properties, receipt handles, signatures, heads of Java's recorded frames (the ext fields in the order they came
//! in), bodies without a map with numbers as keys. Elsewhere it is decoded again and compared: typed fields (Java's
//! order is that of a hash table), bodies with such maps (we write those keys in quotes), heads of other clients.

mod alloc;
mod bodies;
mod coverage;
mod deviations;
mod head;
mod hostile;
mod json;
mod message;
mod offsets;
mod recorded;
#[cfg(feature = "acl")]
mod signature;
mod support;
mod typed;
