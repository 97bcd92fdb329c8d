//! What can be done to a cluster from outside.

use std::fmt;

use super::{Failed, Outcome};
use crate::Fault;

/// Something not every cluster can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Brokers that do wrong when told to.
    Faults,
    /// Two brokers at least.
    TwoBrokers,
    /// A broker can be killed and started again with what it had stored.
    KillBroker,
    /// The name server can be killed and started again.
    KillNameServer,
    /// Sends do not make topics.
    NoAutoCreate,
    /// Sends make topics.
    AutoCreate,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A cluster as scenarios see it. What a cluster cannot do it says in [`can`](Self::can), and a scenario that
/// needs it is not played there; so the other methods fail for no such reason.
pub trait Controls {
    /// Whether it can do this; else why not, in a few words.
    fn can(&self, need: Need) -> Result<(), String>;

    /// `host:port` of the name server.
    fn name_server(&self) -> String;

    /// Number of brokers, named `broker-a`, `broker-b` ...
    fn brokers(&self) -> usize;

    /// Gives a broker, or without one the name server, a request frame and returns the frame it answers.
    fn exchange(&mut self, broker: Option<usize>, frame: &[u8]) -> Outcome<Vec<u8>>;

    /// Kills a broker: no farewell.
    fn kill_broker(&mut self, broker: usize) -> Outcome;

    /// Begins to start it again with what it had stored; ready when [`is_up`](Self::is_up) says so.
    fn start_broker(&mut self, broker: usize) -> Outcome;

    /// Whether it serves and is in routes.
    fn is_up(&mut self, broker: usize) -> Outcome<bool>;

    /// Makes a broker do something wrong.
    fn inject(&mut self, broker: usize, fault: Fault) -> Outcome {
        Err(Failed(format!("broker {broker} cannot be made to do {fault:?}")))
    }

    /// Kills the name server, or starts it again.
    fn set_name_server(&mut self, up: bool) -> Outcome {
        Err(Failed(format!("the name server cannot be made {}", if up { "up" } else { "down" })))
    }

    /// `host:port` where connections are refused.
    fn refusing_address(&mut self) -> Outcome<String>;

    /// `host:port` where connections are accepted and nothing is ever answered.
    fn silent_address(&mut self) -> Outcome<String>;
}
