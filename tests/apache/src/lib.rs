//! Real Apache RocketMQ servers and the official Java client, for tests.
//!
//! | room | what |
//! |---|---|
//! | [`jars`] | which versions, where their jars come from, what is missing on this machine |
//! | [`process`] | one JVM: started, watched, killed when its owner goes |
//! | [`cluster`] | a name server and brokers on free loopback ports, with topics and groups |
//! | [`remoting`] | plain requests over one socket, written with the engine's `wire` alone |
//! | [`java`] | the official producer and consumer, and `mqadmin`, as child processes |
//! | [`scratch`] | the directories of a run, kept when a test fails |
//!
//! Nothing here uses the engine's client or an adapter: what judges them must not share their mistakes.

pub mod cluster;
pub mod jars;
pub mod java;
pub mod process;
pub mod remoting;
pub mod scratch;

pub use cluster::{Broker, Cluster, ClusterBuilder};
pub use jars::Version;
pub use java::{JavaConsumer, Produced, Received};

/// What went wrong while setting up, in words for whoever runs the tests.
#[derive(Debug)]
pub struct Trouble(pub String);

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Result of setting up.
pub type Result<T> = std::result::Result<T, Trouble>;

/// Asks again every 50 ms until `done` gives something, for at most `limit`.
pub fn wait_for<T>(what: &str, limit: std::time::Duration, mut done: impl FnMut() -> Option<T>) -> Result<T> {
    let begin = std::time::Instant::now();
    loop {
        if let Some(found) = done() {
            return Ok(found);
        }
        if begin.elapsed() > limit {
            return Err(Trouble(format!("{what}: not within {} s", limit.as_secs())));
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
