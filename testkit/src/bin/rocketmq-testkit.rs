//! An embedded cluster as a process: for the quickstart, and for programs in other languages.

use std::io::{Read, Write};
use std::process::ExitCode;

use rocketmq_testkit::TcpCluster;

const USAGE: &str = "usage: rocketmq-testkit [--brokers N] [--port PORT] [--topic NAME:QUEUES]...
Starts a name server and N brokers on loopback ports, prints `name server: HOST:PORT`, and runs until its standard
input ends.";

fn run(mut args: impl Iterator<Item = String>) -> Result<(), String> {
    let mut builder = TcpCluster::builder();
    while let Some(name) = args.next() {
        if name == "--help" {
            println!("{USAGE}");
            return Ok(());
        }
        let value = args.next().ok_or_else(|| format!("{name} wants a value\n{USAGE}"))?;
        let wrong = |_| format!("{name} {value}: not a number in range\n{USAGE}");
        builder = match name.as_str() {
            "--brokers" => builder.brokers(value.parse().map_err(wrong)?),
            "--port" => builder.name_server_port(value.parse().map_err(wrong)?),
            "--topic" => {
                let (topic, queues) =
                    value.split_once(':').ok_or_else(|| format!("{name} wants NAME:QUEUES\n{USAGE}"))?;
                builder.topic(topic, queues.parse().map_err(wrong)?)
            }
            _ => return Err(format!("unknown option {name}\n{USAGE}")),
        };
    }
    let cluster = builder.start().map_err(|error| format!("cannot listen: {error}"))?;
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
