//! The whole client against servers played by hand.
//!
//! | module | what |
//! |---|---|
//! | [`harness`] | the client, its connections, its servers, its time |
//! | [`life`] | a life with everything in it, step by step |
//! | [`determinism`] | the same inputs, the same state and outputs; a clone goes on identically |
//! | [`sends`] | one ending for each send, and a true one |

mod determinism;
mod harness;
mod life;
mod sends;
