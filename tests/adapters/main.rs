//! Every adapter against the embedded cluster and against odd sockets.
//!
//! | module | what |
//! |---|---|
//! | [`waiting`] | handles that wait: blocking, mio |
//! | [`awaiting`] | handles that are awaited: async-std, tokio |
//! | [`hand_over`] | one pull, one delivery |
//! | [`idle`] | the driver level with nothing to do |
//! | [`recording`] | I29: what was recorded is done again, bit for bit |
//! | [`sockets`] | what every adapter does with its sockets |
//! | [`support`] | messages, a cluster, what it holds |

mod awaiting;
mod hand_over;
mod idle;
mod recording;
mod sockets;
mod support;
mod waiting;
