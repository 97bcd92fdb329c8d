//! Floors: the least work safe Rust needs for the same bytes, written by hand for one message at a time.
//!
//! A floor does what no general code can: it knows which fields there are, in which order, and that names were
//! checked when they were made. It does not skip what the bytes need: user text is searched for characters that
//! must be escaped, an answer's text is looked at to its end, lengths are checked.

pub mod head;
pub mod message;
pub mod signature;
