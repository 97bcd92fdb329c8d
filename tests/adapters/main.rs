//! Every adapter's handles against the embedded cluster.
//!
//! | module | what |
//! |---|---|
//! | [`waiting`] | handles that wait: blocking, mio |
//! | [`awaiting`] | handles that are awaited: async-std, tokio |
//! | [`hand_over`] | one pull, one delivery |
//! | [`support`] | messages, a cluster, what it holds |

mod awaiting;
mod hand_over;
mod support;
mod waiting;
