//! What goes wrong and when, as data: printed one mishap a line, read back, shortened.

mod text;

use std::fmt;
use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};

use super::link::{CutHow, Way};

/// A machine of the cluster as the network sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name server, from 0.
    NameServer(usize),
    /// A broker, from 0.
    Broker(usize),
}

/// What a broker answers wrongly, for a number of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrong {
    /// This code, having done nothing.
    Code(i32),
    /// Nothing, having done nothing.
    Ignore,
    /// Nothing, having done it.
    DropAnswer,
    /// A close, having done nothing.
    CloseBefore,
    /// A close, having done it.
    CloseAfter,
    /// The right thing, so many milliseconds late.
    Late(u64),
    /// This code, having done it.
    Act(i32),
    /// A pull found messages, and none is there.
    EmptyFound,
    /// A pull brings messages from this offset on.
    From(i64),
    /// A pull brings another queue's messages.
    OtherQueue(i32),
    /// A pull goes on at this offset.
    Next(i64),
}

/// How a name server is wrong about routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignorance {
    /// It hears nothing of brokers.
    Frozen,
    /// It knows of no broker until they register again.
    Forgets,
    /// It says that there is no such topic.
    Hides,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MishapKind {
    /// The connection is cut when so many more bytes have passed that way.
    Cut {
        /// Whose.
        client: usize,
        /// With whom.
        host: Host,
        /// Which direction's bytes count.
        way: Way,
        /// How many still pass.
        after: u64,
        /// How it ends.
        how: CutHow,
    },
    /// Bytes of one direction are held back.
    Stall {
        /// Whose.
        client: usize,
        /// With whom.
        host: Host,
        /// Which direction.
        way: Way,
    },
    /// Neither bytes nor new connections pass; those that stand are not told.
    Partition {
        /// Whose.
        client: usize,
        /// With whom.
        host: Host,
    },
    /// The machine forgets its end of the connection and tells nobody.
    HalfOpen {
        /// Whose.
        client: usize,
        /// With whom.
        host: Host,
    },
    /// Every byte takes so much longer.
    Slow {
        /// Whose.
        client: usize,
        /// With whom.
        host: Host,
        /// Milliseconds added.
        millis: u64,
    },
    /// At most so many bytes arrive, or are written, at once.
    Crumbs {
        /// Whose.
        client: usize,
        /// With whom.
        host: Host,
        /// Bytes.
        bytes: u32,
    },
    /// One answer reaches the client twice.
    Twice {
        /// Whose.
        client: usize,
        /// From whom.
        host: Host,
    },
    /// One bit of the bytes under way to the client flips.
    Flip {
        /// Whose.
        client: usize,
        /// From whom.
        host: Host,
        /// Which bit of what is under way, counted from its front and around its end.
        bit: u64,
    },
    /// New connections are refused.
    Refuse {
        /// By whom.
        host: Host,
    },
    /// New connections are neither made nor refused.
    Hang {
        /// By whom.
        host: Host,
    },
    /// The broker's process ends and starts again with what is left of what it had stored.
    KillBroker {
        /// Which.
        broker: usize,
        /// Its machine went dark: connections are not told.
        dark: bool,
        /// Messages at the end of its log that are lost.
        tail: usize,
        /// Its offset table is as old as that when it starts again, in milliseconds before its end.
        stale: u64,
    },
    /// The client's process ends and starts again knowing nothing.
    KillClient {
        /// Which.
        client: usize,
    },
    /// The client is told to stop in order, and starts again at the end knowing nothing.
    Leave {
        /// Which.
        client: usize,
    },
    /// The client's process does not run.
    Pause {
        /// Which.
        client: usize,
        /// Its monotonic clock stands still meanwhile.
        clock_stops: bool,
    },
    /// The client's wall clock is set.
    Wall {
        /// Whose.
        client: usize,
        /// Milliseconds forward.
        by_ms: i64,
    },
    /// A name server is wrong about routes.
    Routes {
        /// Which.
        server: usize,
        /// In which way.
        how: Ignorance,
    },
    /// The topic of the scenarios has other queues or another permission at a broker; at the end it is as before.
    Topic {
        /// At which.
        broker: usize,
        /// Queues consumers read.
        read: u32,
        /// Queues producers write.
        write: u32,
        /// Bits: 4 read, 2 write.
        perm: u32,
    },
    /// The topic of the scenarios is deleted at a broker with all that is in it, and made again at the end.
    Delete {
        /// At which.
        broker: usize,
    },
    /// A slave is so many messages behind; at the end it follows at once.
    Lag {
        /// Which, by its index among all brokers.
        slave: usize,
        /// How many.
        messages: u32,
    },
    /// A broker sends consumers to another replica; at the end to itself.
    Suggest {
        /// Which.
        broker: usize,
        /// Where to.
        replica: i64,
    },
    /// A slave becomes its name's master; what it does not have is lost.
    Switch {
        /// Which, by its index among all brokers.
        slave: usize,
    },
    /// The broker answers requests of one code wrongly.
    Answer {
        /// Which.
        broker: usize,
        /// Request code.
        request: i32,
        /// How many.
        times: u32,
        /// How.
        wrong: Wrong,
    },
}

/// Something that goes wrong at a time, for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mishap {
    /// When, from the start of the world. Whole milliseconds.
    pub at: Duration,
    /// How long. Whole milliseconds.
    pub lasts: Duration,
    /// What.
    pub kind: MishapKind,
}

impl Mishap {
    /// When it is over.
    pub fn end(&self) -> Duration {
        self.at + self.lasts
    }
}

/// All that goes wrong in a run.
///
/// ```
/// use rocketmq_testkit::sim::Plan;
///
/// let text = "at=1500 lasts=0 cut client=1 host=broker0 way=up after=312 how=reset\n\
///             at=2000 lasts=30000 refuse host=ns0\n";
/// let plan: Plan = text.parse().unwrap();
/// assert_eq!(plan.to_string(), text);
/// assert_eq!(plan.end().as_secs(), 32);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In any order.
    pub mishaps: Vec<Mishap>,
}

impl Plan {
    /// When the last mishap is over.
    pub fn end(&self) -> Duration {
        self.mishaps.iter().map(Mishap::end).max().unwrap_or_default()
    }

    /// The smallest plan found for which `fails` still says true: first halves, quarters ... are left out, then
    /// single mishaps, until nothing can be left out. `self` itself must fail.
    #[must_use]
    pub fn shortened(&self, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
        let mut plan = self.clone();
        let mut size = plan.mishaps.len().div_ceil(2);
        while size > 0 {
            let mut at = 0;
            let before = plan.mishaps.len();
            while at < plan.mishaps.len() {
                let mut fewer = plan.clone();
                fewer.mishaps.drain(at..(at + size).min(plan.mishaps.len()));
                if fails(&fewer) { plan = fewer } else { at += size }
            }
            if size > 1 {
                size = size.div_ceil(2);
            } else if plan.mishaps.len() == before {
                size = 0;
            }
        }
        plan
    }
}

/// A plan cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    name: &'static str,
    found: String,
}

impl PlanError {
    fn new(name: &'static str, found: &str) -> Self {
        Self { name, found: found.to_string() }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mishap's {} cannot be {:?}", self.name, self.found)
    }
}

impl std::error::Error for PlanError {}

/// The broker fault a wrong answer is.
pub(super) fn broker_fault(request: i32, times: u32, wrong: Wrong) -> crate::Fault {
    use crate::{FaultKind as F, Lie};
    let kind = match wrong {
        Wrong::Code(code) => F::Answer(ResponseCode(code), format!("told to answer {code}")),
        Wrong::Ignore => F::Ignore,
        Wrong::DropAnswer => F::DropAnswer,
        Wrong::CloseBefore => F::CloseBefore,
        Wrong::CloseAfter => F::CloseAfter,
        Wrong::Late(millis) => F::Delay(Duration::from_millis(millis)),
        Wrong::Act(code) => F::ActAndAnswer(ResponseCode(code)),
        Wrong::EmptyFound => F::Lie(Lie::EmptyFound),
        Wrong::From(offset) => F::Lie(Lie::From(offset)),
        Wrong::OtherQueue(queue) => F::Lie(Lie::OtherQueue(queue)),
        Wrong::Next(offset) => F::Lie(Lie::Offset(offset)),
    };
    crate::Fault::new(RequestCode(request), kind).times(times)
}

#[cfg(test)]
mod tests;
