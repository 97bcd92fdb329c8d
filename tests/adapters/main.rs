//! Every adapter's handles against the embedded cluster.
//!
//! | module | what |
//! |---|---|
//! | [`waiting`] | handles that wait: blocking, mio |
//! | [`awaiting`] | handles that are awaited: async-std, tokio |
//! | [`support`] | messages, a cluster, what it holds |

mod awaiting;
mod support;
mod waiting;
