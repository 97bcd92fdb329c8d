//! A real cluster as a process, for trying things by hand.

use std::io::{Read, Write};
use std::process::ExitCode;

use rocketmq_apache::{Cluster, Version};

const USAGE: &str = "usage: rocketmq-apache [5.5.0|4.9.7] [--brokers N] [KEY=VALUE]...
Starts a name server and N brokers of real Apache RocketMQ on loopback ports (Maven fetches it on first use), each with
these lines in its configuration, prints `name server: HOST:PORT`, and runs until its standard input ends.";

fn run(mut args: impl Iterator<Item = String>) -> Result<(), String> {
    let (mut version, mut brokers, mut properties) = (Version::V5_5_0, 1, Vec::new());
    while let Some(word) = args.next() {
        match word.as_str() {
            "--help" => {
                println!("{USAGE}");
                return Ok(());
            }
            "5.5.0" => version = Version::V5_5_0,
            "4.9.7" => version = Version::V4_9_7,
            "--brokers" => {
                let number = args.next().and_then(|word| word.parse().ok());
                brokers = number
                    .filter(|number| (1..=26).contains(number))
                    .ok_or_else(|| format!("--brokers wants a number from 1 to 26\n{USAGE}"))?;
            }
            _ => match word.split_once('=') {
                Some((key, value)) => properties.push((key.to_owned(), value.to_owned())),
                None => return Err(format!("unknown word {word}\n{USAGE}")),
            },
        }
    }
    let builder = Cluster::builder(version).brokers(brokers);
    let builder = properties.iter().fold(builder, |builder, (key, value)| builder.property(key, value));
    let cluster = builder.start().map_err(|trouble| trouble.to_string())?;
    println!("name server: {}", cluster.name_server());
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    // Whoever started this ends it by closing the pipe, also when he crashes.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    Ok(())
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
