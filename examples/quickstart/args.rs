//! What can be chosen on the command line.

use std::fmt;
use std::str::FromStr;

use crate::tally::HEADER;

pub(crate) const USAGE: &str = "\
usage: cargo run --release --example quickstart -- [OPTIONS]

  --adapter blocking|mio|async-std|tokio   what drives the client          [blocking]
  --name-server HOST:PORT                  your cluster; without it one is started in a child process
  --topic NAME                             topic to send to                [quickstart]
  --group NAME                             consumer group                  [quickstart]
  --messages N                             messages to send                [100000]
  --body-size N                            bytes of each body, 24 or more  [1024]
  --in-flight N                            sends on their way at once      [256]
  --help";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Adapter {
    Blocking,
    Mio,
    AsyncStd,
    Tokio,
}

impl FromStr for Adapter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "blocking" => Ok(Self::Blocking),
            "mio" => Ok(Self::Mio),
            "async-std" | "async_std" => Ok(Self::AsyncStd),
            "tokio" => Ok(Self::Tokio),
            _ => Err(format!("unknown adapter {text:?}: choose blocking, mio, async-std or tokio")),
        }
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocking => "blocking",
            Self::Mio => "mio",
            Self::AsyncStd => "async-std",
            Self::Tokio => "tokio",
        })
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) adapter: Adapter,
    pub(crate) name_server: Option<String>,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) messages: usize,
    pub(crate) body_size: usize,
    pub(crate) in_flight: usize,
}

pub(crate) enum Parsed {
    Run(Args),
    Help,
    ServeCluster,
}

impl Args {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Parsed, String> {
        let mut args = Self {
            adapter: Adapter::Blocking,
            name_server: None,
            topic: "quickstart".into(),
            group: "quickstart".into(),
            messages: 100_000,
            body_size: 1024,
            in_flight: 256,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--adapter" => args.adapter = value()?.parse()?,
                "--name-server" => args.name_server = Some(value()?),
                "--topic" => args.topic = value()?,
                "--group" => args.group = value()?,
                "--messages" => args.messages = number(&word, &value()?, 1, 100_000_000)?,
                "--body-size" => args.body_size = number(&word, &value()?, HEADER, 4 << 20)?,
                "--in-flight" => args.in_flight = number(&word, &value()?, 1, 65_535)?,
                "--help" | "-h" => return Ok(Parsed::Help),
                crate::cluster::SERVE => return Ok(Parsed::ServeCluster),
                _ => return Err(format!("unknown option {word:?}")),
            }
        }
        Ok(Parsed::Run(args))
    }
}

fn number(option: &str, text: &str, least: usize, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("{option} is {text:?}: give a number from {least} to {most}")),
    }
}
