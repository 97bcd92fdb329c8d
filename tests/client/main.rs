//! The whole client against servers played by hand.
//!
//! | module | what |
//! |---|---|
//! | [`harness`] | the client, its connections, its servers, its time |
//! | [`life`] | a life with everything in it, step by step |
//! | [`determinism`] | the same inputs, the same state and outputs; a clone goes on identically |
//! | [`sends`] | one ending for each send, and a true one |
//! | [`slices`] | what many wait for is done a bounded part at a time |
//! | [`limits`] | each limit reached, the memory budget at every step |
//! | [`connections`] | connections, name servers, heartbeats under trouble |
//! | [`control`] | requests of servers |

mod connections;
mod control;
mod determinism;
mod harness;
mod life;
mod limits;
mod sends;
mod slices;
