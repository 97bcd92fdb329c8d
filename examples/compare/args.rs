//! What can be chosen on the command line.

use std::fmt;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: cargo run --release --example compare -- [OPTIONS]

  --only send|consume       half of the cases                                    [both]
  --clients A,B ...         raw, raw-async-std and raw-tokio (which only send),
                            java, blocking, mio, async-std, tokio, driver        [raw,blocking,mio,tokio,java]
  --in-flight N,M ...       sends under way at once                              [1,64,1024]
  --body-size N,M ...       bytes of each body sent                              [128,1024,16384]
  --rounds N                rounds of each case; the order rotates               [4]
  --scale F                 times the usual number of messages                   [1]
  --gather MICROSECONDS     how long our client may gather answers; 0 is never   [its default]
  --help

Needs Java 17 and Maven 3, or ROCKETMQ_LIB=DIRECTORY with the jars of Apache RocketMQ 5.5.0.";

/// Who is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    Raw,
    RawAsyncStd,
    RawTokio,
    Blocking,
    Mio,
    AsyncStd,
    Tokio,
    /// Our driver level, over mio, the application being the loop.
    Driver,
    Java,
}

const NAMES: [(Client, &str); 9] = [
    (Client::Raw, "raw"),
    (Client::RawAsyncStd, "raw-async-std"),
    (Client::RawTokio, "raw-tokio"),
    (Client::Blocking, "blocking"),
    (Client::Mio, "mio"),
    (Client::AsyncStd, "async-std"),
    (Client::Tokio, "tokio"),
    (Client::Driver, "driver"),
    (Client::Java, "java"),
];

impl Client {
    /// A floor that is there for sends alone.
    pub(crate) fn only_sends(self) -> bool {
        matches!(self, Self::RawAsyncStd | Self::RawTokio)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(client, _)| *client).ok_or_else(|| format!("unknown client {text:?}"))
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(client, _)| client == self).map_or("", |(_, name)| name);
        f.pad(name)
    }
}

/// One kind of work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    /// Bytes of each body.
    pub(crate) size: usize,
    /// Sends under way at once.
    pub(crate) depth: usize,
    /// Messages of one pull, and of one hand-over to a Java listener; 0 for sending.
    pub(crate) pull: u32,
    pub(crate) batch: u32,
    /// Messages measured.
    pub(crate) count: usize,
    /// Messages before that.
    pub(crate) warm_up: usize,
}

impl Case {
    pub(crate) fn is_send(&self) -> bool {
        self.pull == 0
    }

    /// Messages that a consumer's backlog has beyond those measured: queues do not end at the same moment.
    pub(crate) fn rest(&self) -> usize {
        self.count / 8
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, depth, pull, batch, .. } = self;
        if self.is_send() {
            write!(f, "send {size} B, {depth} in flight")
        } else {
            write!(f, "push consumer of {size} B, pull {pull}, listener {batch}")
        }
    }
}

pub(crate) struct Args {
    send: bool,
    consume: bool,
    clients: Vec<Client>,
    depths: Vec<usize>,
    sizes: Vec<usize>,
    pub(crate) rounds: usize,
    scale: f64,
    pub(crate) gather: Option<Duration>,
}

impl Args {
    /// Nothing if only help was asked for.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        use Client::{Blocking, Java, Mio, Raw, Tokio};
        let mut args = Self {
            send: true,
            consume: true,
            clients: vec![Raw, Blocking, Mio, Tokio, Java],
            depths: vec![1, 64, 1024],
            sizes: vec![128, 1024, 16_384],
            rounds: 4,
            scale: 1.0,
            gather: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--only" => match value()?.as_str() {
                    "send" => args.consume = false,
                    "consume" => args.send = false,
                    other => return Err(format!("--only {other:?}: choose send or consume")),
                },
                "--clients" => {
                    args.clients = value()?.split(',').map(Client::parse).collect::<Result<_, _>>()?;
                }
                "--in-flight" => args.depths = numbers(&word, &value()?, 65_535)?,
                "--body-size" => args.sizes = numbers(&word, &value()?, 4 << 20)?,
                "--rounds" => args.rounds = number(&word, &value()?, 1000)?,
                "--scale" => {
                    let text = value()?;
                    let scale: f64 = text.parse().map_err(|_| format!("--scale {text:?} is no number"))?;
                    args.scale = scale.clamp(0.001, 100.0);
                }
                "--gather" => args.gather = Some(Duration::from_micros(micros(&word, &value()?)?)),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option {word:?}")),
            }
        }
        Ok(Some(args))
    }

    /// Who takes part.
    pub(crate) fn clients_of(&self, case: &Case) -> Vec<Client> {
        self.clients.iter().copied().filter(|client| case.is_send() || !client.only_sends()).collect()
    }

    /// What is to be done, in order. With 1 KiB at every depth, other sizes at the middle one.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let of = |count: f64| (count * self.scale) as usize;
        if self.send {
            for &size in &self.sizes {
                for &depth in &self.depths {
                    let alone = self.depths.len() == 1 || self.sizes.len() == 1;
                    if size != 1024 && depth != 64 && !alone {
                        continue;
                    }
                    let count = of(if depth == 1 {
                        5_000.0
                    } else if size > 4096 {
                        20_000.0
                    } else {
                        60_000.0
                    });
                    let (pull, batch, warm_up) = (0, 0, count / 4);
                    cases.push(Case { size, depth, pull, batch, count, warm_up });
                }
            }
        }
        if self.consume {
            for (pull, batch) in [(32, 1), (1024, 1024)] {
                let count = of(720_000.0);
                cases.push(Case { size: 1024, depth: 0, pull, batch, count, warm_up: count / 12 });
            }
        }
        cases
    }
}

fn micros(option: &str, text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|n| *n <= 1_000_000).ok_or(format!("{option} {text:?}: give 0 to 1000000"))
}

fn number(option: &str, text: &str, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(format!("{option} {text:?}: give a number from 1 to {most}")),
    }
}

fn numbers(option: &str, text: &str, most: usize) -> Result<Vec<usize>, String> {
    text.split(',').map(|part| number(option, part, most)).collect()
}
