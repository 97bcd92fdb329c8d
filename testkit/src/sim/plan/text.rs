//! Plans as text: one mishap a line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Host, Ignorance, Mishap, MishapKind, Plan, PlanError, Wrong};
use crate::sim::link::{CutHow, Way};

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

/// Values that are one word each.
macro_rules! words {
    ($type:ident, $name:literal, $($variant:ident = $word:literal),+) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $word,)+
                })
            }
        }

        impl FromStr for $type {
            type Err = PlanError;

            fn from_str(text: &str) -> Result<Self, PlanError> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(PlanError::new($name, text)),
                }
            }
        }
    };
}

words!(Way, "way", Up = "up", Down = "down");
words!(CutHow, "how", Fin = "fin", Reset = "reset", Silent = "silent", Stall = "stall");
words!(Ignorance, "how", Frozen = "frozen", Forgets = "forgets", Hides = "hides");

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "code:{code}"),
            Self::Ignore => f.write_str("ignore"),
            Self::DropAnswer => f.write_str("drop-answer"),
            Self::CloseBefore => f.write_str("close-before"),
            Self::CloseAfter => f.write_str("close-after"),
            Self::Late(millis) => write!(f, "late:{millis}"),
            Self::Act(code) => write!(f, "act:{code}"),
            Self::EmptyFound => f.write_str("empty-found"),
            Self::From(offset) => write!(f, "from:{offset}"),
            Self::OtherQueue(queue) => write!(f, "other-queue:{queue}"),
            Self::Next(offset) => write!(f, "next:{offset}"),
        }
    }
}

impl FromStr for Wrong {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        fn parsed<T: FromStr>(number: &str, text: &str) -> Result<T, PlanError> {
            number.parse().map_err(|_| PlanError::new("wrong", text))
        }
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        match name {
            "code" => parsed(number, text).map(Self::Code),
            "late" => parsed(number, text).map(Self::Late),
            "act" => parsed(number, text).map(Self::Act),
            "from" => parsed(number, text).map(Self::From),
            "other-queue" => parsed(number, text).map(Self::OtherQueue),
            "next" => parsed(number, text).map(Self::Next),
            "empty-found" => Ok(Self::EmptyFound),
            "ignore" => Ok(Self::Ignore),
            "drop-answer" => Ok(Self::DropAnswer),
            "close-before" => Ok(Self::CloseBefore),
            "close-after" => Ok(Self::CloseAfter),
            _ => Err(PlanError::new("wrong", text)),
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
            K::Routes { server, how } => write!(f, "routes server={server} how={how}"),
            K::Topic { broker, read, write, perm } => {
                write!(f, "topic broker={broker} read={read} write={write} perm={perm}")
            }
            K::Delete { broker } => write!(f, "delete broker={broker}"),
            K::Lag { slave, messages } => write!(f, "lag slave={slave} messages={messages}"),
            K::Suggest { broker, replica } => write!(f, "suggest broker={broker} replica={replica}"),
            K::Switch { slave } => write!(f, "switch slave={slave}"),
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
            "routes" => K::Routes { server: words.get("server")?, how: words.get("how")? },
            "topic" => K::Topic {
                broker: words.get("broker")?,
                read: words.get("read")?,
                write: words.get("write")?,
                perm: words.get("perm")?,
            },
            "delete" => K::Delete { broker: words.get("broker")? },
            "lag" => K::Lag { slave: words.get("slave")?, messages: words.get("messages")? },
            "suggest" => K::Suggest { broker: words.get("broker")?, replica: words.get("replica")? },
            "switch" => K::Switch { slave: words.get("slave")? },
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
