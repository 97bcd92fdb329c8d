//! What goes wrong and when, as data: printed one mishap a line, read back, shortened.

use std::fmt;
use std::str::FromStr;
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

// ---- text ------------------------------------------------------------------------------------------------------

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameServer(index) => write!(f, "ns{index}"),
            Self::Broker(index) => write!(f, "broker{index}"),
        }
    }
}

impl FromStr for Host {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let number = |text: &str| text.parse().map_err(|_| PlanError::new("host", text));
        match (text.strip_prefix("ns"), text.strip_prefix("broker")) {
            (Some(index), _) => Ok(Self::NameServer(number(index)?)),
            (_, Some(index)) => Ok(Self::Broker(number(index)?)),
            _ => Err(PlanError::new("host", text)),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Up { "up" } else { "down" })
    }
}

impl FromStr for Way {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        match text {
            "up" => Ok(Self::Up),
            "down" => Ok(Self::Down),
            _ => Err(PlanError::new("way", text)),
        }
    }
}

impl fmt::Display for CutHow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fin => "fin",
            Self::Reset => "reset",
            Self::Silent => "silent",
            Self::Stall => "stall",
        })
    }
}

impl FromStr for CutHow {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        match text {
            "fin" => Ok(Self::Fin),
            "reset" => Ok(Self::Reset),
            "silent" => Ok(Self::Silent),
            "stall" => Ok(Self::Stall),
            _ => Err(PlanError::new("how", text)),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "code:{code}"),
            Self::Ignore => f.write_str("ignore"),
            Self::DropAnswer => f.write_str("drop-answer"),
            Self::CloseBefore => f.write_str("close-before"),
            Self::CloseAfter => f.write_str("close-after"),
            Self::Late(millis) => write!(f, "late:{millis}"),
        }
    }
}

impl FromStr for Wrong {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let error = || PlanError::new("wrong", text);
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "code" => Ok(Self::Code(number.parse().map_err(|_| error())?)),
            "late" => Ok(Self::Late(number.parse().map_err(|_| error())?)),
            "ignore" => Ok(Self::Ignore),
            "drop-answer" => Ok(Self::DropAnswer),
            "close-before" => Ok(Self::CloseBefore),
            "close-after" => Ok(Self::CloseAfter),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use MishapKind as K;
        write!(f, "at={} lasts={} ", self.at.as_millis(), self.lasts.as_millis())?;
        match &self.kind {
            K::Cut { client, host, way, after, how } => {
                write!(f, "cut client={client} host={host} way={way} after={after} how={how}")
            }
            K::Stall { client, host, way } => write!(f, "stall client={client} host={host} way={way}"),
            K::Partition { client, host } => write!(f, "partition client={client} host={host}"),
            K::HalfOpen { client, host } => write!(f, "half-open client={client} host={host}"),
            K::Slow { client, host, millis } => write!(f, "slow client={client} host={host} millis={millis}"),
            K::Crumbs { client, host, bytes } => {
                write!(f, "crumbs client={client} host={host} bytes={bytes}")
            }
            K::Twice { client, host } => write!(f, "twice client={client} host={host}"),
            K::Flip { client, host, bit } => write!(f, "flip client={client} host={host} bit={bit}"),
            K::Refuse { host } => write!(f, "refuse host={host}"),
            K::Hang { host } => write!(f, "hang host={host}"),
            K::KillBroker { broker, dark, tail, stale } => {
                write!(f, "kill-broker broker={broker} dark={dark} tail={tail} stale={stale}")
            }
            K::KillClient { client } => write!(f, "kill-client client={client}"),
            K::Leave { client } => write!(f, "leave client={client}"),
            K::Pause { client, clock_stops } => write!(f, "pause client={client} clock-stops={clock_stops}"),
            K::Wall { client, by_ms } => write!(f, "wall client={client} by={by_ms}"),
            K::Answer { broker, request, times, wrong } => {
                write!(f, "answer broker={broker} request={request} times={times} wrong={wrong}")
            }
        }
    }
}

impl FromStr for Mishap {
    type Err = PlanError;

    fn from_str(line: &str) -> Result<Self, PlanError> {
        use MishapKind as K;
        let words = Words(line);
        let host = || words.get("host");
        let client = || words.get("client");
        let kind = match line.split_whitespace().find(|word| !word.contains('=')).unwrap_or_default() {
            "cut" => K::Cut {
                client: client()?,
                host: host()?,
                way: words.get("way")?,
                after: words.get("after")?,
                how: words.get("how")?,
            },
            "stall" => K::Stall { client: client()?, host: host()?, way: words.get("way")? },
            "partition" => K::Partition { client: client()?, host: host()? },
            "half-open" => K::HalfOpen { client: client()?, host: host()? },
            "slow" => K::Slow { client: client()?, host: host()?, millis: words.get("millis")? },
            "crumbs" => K::Crumbs { client: client()?, host: host()?, bytes: words.get("bytes")? },
            "twice" => K::Twice { client: client()?, host: host()? },
            "flip" => K::Flip { client: client()?, host: host()?, bit: words.get("bit")? },
            "refuse" => K::Refuse { host: host()? },
            "hang" => K::Hang { host: host()? },
            "kill-broker" => K::KillBroker {
                broker: words.get("broker")?,
                dark: words.get("dark")?,
                tail: words.get("tail")?,
                stale: words.get("stale")?,
            },
            "leave" => K::Leave { client: client()? },
            "kill-client" => K::KillClient { client: client()? },
            "pause" => K::Pause { client: client()?, clock_stops: words.get("clock-stops")? },
            "wall" => K::Wall { client: client()?, by_ms: words.get("by")? },
            "answer" => K::Answer {
                broker: words.get("broker")?,
                request: words.get("request")?,
                times: words.get("times")?,
                wrong: words.get("wrong")?,
            },
            other => return Err(PlanError::new("kind", other)),
        };
        let millis = |name| words.get(name).map(Duration::from_millis);
        Ok(Self { at: millis("at")?, lasts: millis("lasts")?, kind })
    }
}

/// The `name=value` words of a line.
struct Words<'a>(&'a str);

impl Words<'_> {
    fn get<T: FromStr>(&self, name: &'static str) -> Result<T, PlanError> {
        let value = |word: &'_ str| word.strip_prefix(name)?.strip_prefix('=').map(str::to_string);
        let text = self.0.split_whitespace().find_map(value).ok_or_else(|| PlanError::new(name, ""))?;
        text.parse().map_err(|_| PlanError::new(name, &text))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mishaps.iter().try_for_each(|mishap| writeln!(f, "{mishap}"))
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    /// One mishap a line; empty lines and lines that begin with `#` say nothing.
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self { mishaps: lines.map(str::parse).collect::<Result<_, _>>()? })
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
    use crate::FaultKind as F;
    let kind = match wrong {
        Wrong::Code(code) => F::Answer(ResponseCode(code), format!("told to answer {code}")),
        Wrong::Ignore => F::Ignore,
        Wrong::DropAnswer => F::DropAnswer,
        Wrong::CloseBefore => F::CloseBefore,
        Wrong::CloseAfter => F::CloseAfter,
        Wrong::Late(millis) => F::Delay(Duration::from_millis(millis)),
    };
    crate::Fault::new(RequestCode(request), kind).times(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_was_written() {
        use MishapKind as K;
        let (client, host) = (3, Host::NameServer(1));
        let answer = |wrong| K::Answer { broker: 1, request: 310, times: 4, wrong };
        let kinds = [
            K::Cut { client, host, way: Way::Down, after: 17, how: CutHow::Silent },
            K::Cut { client, host, way: Way::Up, after: 0, how: CutHow::Stall },
            K::Stall { client, host: Host::Broker(2), way: Way::Up },
            K::Partition { client, host },
            K::HalfOpen { client, host },
            K::Slow { client, host, millis: 250 },
            K::Crumbs { client, host, bytes: 1 },
            K::Twice { client, host },
            K::Flip { client, host, bit: 99 },
            K::Refuse { host },
            K::Hang { host },
            K::KillBroker { broker: 0, dark: true, tail: 3, stale: 5000 },
            K::KillClient { client },
            K::Leave { client },
            K::Pause { client, clock_stops: false },
            K::Wall { client, by_ms: -86_400_000 },
            answer(Wrong::Code(2)),
            answer(Wrong::Ignore),
            answer(Wrong::DropAnswer),
            answer(Wrong::CloseBefore),
            answer(Wrong::CloseAfter),
            answer(Wrong::Late(1234)),
        ];
        let millis = Duration::from_millis;
        let mishaps = kinds.map(|kind| Mishap { at: millis(5), lasts: millis(700), kind }).to_vec();
        let plan = Plan { mishaps };
        assert_eq!(plan.to_string().parse(), Ok(plan.clone()));
        assert!("at=1 lasts=1 cut client=x".parse::<Plan>().is_err());
        assert!("at=1 lasts=1 nonsense".parse::<Plan>().is_err());
    }

    #[test]
    fn what_does_not_matter_is_left_out() {
        let kill = |client| Mishap {
            at: Duration::from_millis(client as u64),
            lasts: Duration::ZERO,
            kind: MishapKind::KillClient { client },
        };
        let plan = Plan { mishaps: (0..37).map(kill).collect() };
        let needed = [kill(4), kill(5), kill(30)];
        let mut tried = 0;
        let short = plan.shortened(|plan| {
            tried += 1;
            needed.iter().all(|mishap| plan.mishaps.contains(mishap))
        });
        assert_eq!(short.mishaps, needed);
        assert!(tried < 60, "{tried} tries");
    }
}
