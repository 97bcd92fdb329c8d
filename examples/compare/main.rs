//! Compares this client with the official Java one, and with a bare socket, on a real Apache RocketMQ 5.5.0.
//!
//! ```text
//! cargo run --release --example compare                       # everything: about a quarter of an hour
//! cargo run --release --example compare -- --rounds 1 --scale 0.1 --only send
//! ```
//!
//! It starts a name server and a broker (Java 17 and Maven 3 are needed, or `ROCKETMQ_LIB`), and runs each contestant
//! in a process of its own, one after the other, in rounds whose order rotates; the table shows the medians.
//!
//! | file | what |
//! |---|---|
//! | `args` | what can be chosen |
//! | `work` | what a contestant is told to do, and how it measures itself |
//! | `ours` | this client: handles of each adapter, and the driver level |
//! | `raw` | the floors: one socket, blocking or in a task, frames encoded beforehand |
//! | `table` | medians |
//!
//! The Java contestant is `tests/apache/java/Compare.java`.

mod args;
mod ours;
mod raw;
mod table;
mod work;

use std::process::{Command, ExitCode, Stdio};

use rocketmq_apache::{Cluster, Result, Trouble, Version};

use args::{Args, Case, Client};
use table::Table;
use work::{Outcome, Work};

/// Queues of each topic, as in the performance plan.
const QUEUES: u32 = 8;
/// How often the bare socket pulls a backlog before it counts: until then the broker is compiling what answers pulls,
/// and takes three times as long for it in the first round as in the last.
const WARM_UP_PULLS: usize = 12;
/// The Java client's heap, and a compiler that goes all the way: the servers' own flags are for short tests.
const JAVA: [&str; 2] = ["-Xmx512m", "-XX:TieredStopAtLevel=4"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((first, rest)) if first == work::CHILD => child(rest),
        _ => match Args::parse(words.into_iter()) {
            Ok(Some(args)) => compare(&args).map_err(|trouble| trouble.0),
            Ok(None) => {
                println!("{}", args::USAGE);
                Ok(())
            }
            Err(wrong) => Err(format!("{wrong}\n\n{}", args::USAGE)),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}

fn child(words: &[String]) -> std::result::Result<(), String> {
    let (client, work) = Work::parse(words)?;
    let outcome = match client {
        Client::Raw => raw::run(&work),
        Client::RawAsyncStd => raw::run_async_std(&work),
        Client::RawTokio => raw::run_tokio(&work),
        Client::Java => Err("the Java contestant is a JVM".into()),
        ours => ours::run(ours, &work),
    }?;
    println!("{}", outcome.line());
    Ok(())
}

fn compare(args: &Args) -> Result<()> {
    let mut builder = Cluster::builder(Version::V5_5_0)
        .property("mappedFileSizeCommitLog", "268435456")
        .property("maxTransferCountOnMessageInMemory", "1024")
        .property("maxTransferBytesOnMessageInMemory", "16777216")
        .property("waitTimeMillsInSendQueue", "5000");
    for flag in ["-XX:TieredStopAtLevel=4", "-Xms512m", "-Xmx512m", "-XX:MaxDirectMemorySize=512m"] {
        builder = builder.flag(flag);
    }
    let cluster = builder.start()?;
    let mut table = Table::default();
    for case in args.cases() {
        println!("{case}: {} messages, {} to warm up", case.count, case.warm_up);
        let clients = args.clients_of(&case);
        let backlog = if case.is_send() { None } else { Some(fill(&cluster, &case)?) };
        if let Some(topic) = &backlog {
            for _ in 0..WARM_UP_PULLS {
                contest(&cluster, Client::Raw, &case, topic.clone(), args)?;
            }
            // A group that is registered takes other ways through the broker, which are compiled, too.
            for client in &clients {
                contest(&cluster, *client, &case, topic.clone(), args)?;
            }
        }
        for round in 0..args.rounds {
            let mut order = clients.clone();
            order.rotate_left(round % clients.len().max(1));
            for client in order {
                let topic = match &backlog {
                    Some(topic) => topic.clone(),
                    None => cluster.topic("compare", QUEUES)?,
                };
                let outcome = contest(&cluster, client, &case, topic, args)?;
                println!("  round {} {client:<16} {outcome}", round + 1);
                table.note(&case, client, outcome);
            }
        }
    }
    println!("\n{table}");
    Ok(())
}

/// One contestant, one round.
fn contest(cluster: &Cluster, client: Client, case: &Case, topic: String, args: &Args) -> Result<Outcome> {
    let broker = cluster.brokers().first().ok_or_else(|| Trouble("no broker".into()))?;
    let pid = broker.pid().ok_or_else(|| Trouble("the broker does not run".into()))?;
    let work = Work {
        name_server: cluster.name_server(),
        broker: broker.address(),
        broker_name: broker.name().into(),
        topic,
        group: cluster.group("compare_group")?,
        queues: QUEUES,
        case: case.clone(),
        gather: args.gather,
    };
    let before = work::processor_time(pid);
    let said = match client {
        Client::Java => {
            let options = work.options();
            let options: Vec<_> = options.iter().map(|(key, value)| (*key, value.as_str())).collect();
            cluster.java().run("Compare", if case.is_send() { "send" } else { "consume" }, &JAVA, &options)?
        }
        _ => run_child(client, &work)?,
    };
    let mut outcome =
        Outcome::parse(&said).ok_or_else(|| Trouble(format!("{client} said no result, but {said:?}")))?;
    let broker = work::processor_time(pid).saturating_sub(before).as_secs_f64() * 1e6;
    outcome.broker = broker / (case.count + case.warm_up) as f64;
    Ok(outcome)
}

fn run_child(client: Client, work: &Work) -> Result<String> {
    let output = Command::new(std::env::current_exe()?)
        .arg(work::CHILD)
        .arg(client.to_string())
        .args(work.options().into_iter().map(|(key, value)| format!("{key}={value}")))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(Trouble(format!("{client} failed: {}", output.status)))
    }
}

/// A topic with enough messages for one consumer after the other, written by the bare socket.
fn fill(cluster: &Cluster, case: &Case) -> Result<String> {
    let topic = cluster.topic("backlog", QUEUES)?;
    let broker = cluster.brokers().first().ok_or_else(|| Trouble("no broker".into()))?;
    let work = Work {
        name_server: cluster.name_server(),
        broker: broker.address(),
        broker_name: broker.name().into(),
        topic: topic.clone(),
        group: "filler".into(),
        queues: QUEUES,
        case: Case {
            depth: 256,
            pull: 0,
            count: case.count + case.warm_up + case.rest(),
            warm_up: 0,
            ..case.clone()
        },
        gather: None,
    };
    run_child(Client::Raw, &work)?;
    Ok(topic)
}
