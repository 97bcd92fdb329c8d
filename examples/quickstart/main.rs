//! Sends messages and receives them again, and says how it went.
//!
//! ```text
//! cargo run --release --example quickstart                                  # a cluster of its own, in a child process
//! cargo run --release --example quickstart -- --adapter tokio
//! cargo run --release --example quickstart -- --name-server localhost:9876  # your cluster
//! ```
//!
//! | file | what |
//! |---|---|
//! | `args` | what can be chosen |
//! | `cluster` | the cluster in a child process, so that the CPU figure is the client's own |
//! | `waiting` | the work with handles that wait: blocking, mio |
//! | `awaiting` | the same with handles that are awaited: async-std, tokio |
//! | `tally` | what was counted, and the table |

mod args;
mod awaiting;
mod cluster;
mod tally;
mod waiting;

use std::process::ExitCode;
use std::sync::Arc;

use args::{Adapter, Args, Parsed};
use cluster::ChildCluster;
use tally::Tally;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(Parsed::Run(args)) => args,
        Ok(Parsed::Help) => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Ok(Parsed::ServeCluster) => return cluster::serve(),
        Err(wrong) => {
            eprintln!("{wrong}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

/// True if nothing is missing.
fn run(mut args: Args) -> Result<bool, String> {
    let child = match &args.name_server {
        Some(_) => None,
        None => Some(ChildCluster::start()?),
    };
    if let Some(child) = &child {
        args.name_server = Some(child.name_server().to_owned());
    }
    let name_server = args.name_server.clone().unwrap_or_default();
    let whose = if child.is_some() { "embedded, in a child process" } else { "yours" };
    println!("cluster  {name_server} ({whose})");
    println!("client   {}, {} messages of {} bytes", args.adapter, args.messages, args.body_size);

    let tally = Arc::new(Tally::new(&args));
    let done = match args.adapter {
        Adapter::Blocking => waiting::run::<rocketmq_io::blocking::Blocking>(&args, &tally),
        Adapter::Mio => waiting::run::<rocketmq_io::mio::Mio>(&args, &tally),
        Adapter::AsyncStd => {
            async_std::task::block_on(awaiting::run::<rocketmq_io::async_std::AsyncStd>(&args, &tally))
        }
        Adapter::Tokio => {
            let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("tokio: {error}"))?;
            runtime.block_on(awaiting::run::<rocketmq_io::tokio::Tokio>(&args, &tally))
        }
    };
    done.map_err(|error| explain(&error, &name_server, child.is_some()))?;
    tally.finish();
    println!("\n{tally}");
    Ok(tally.missing() == 0)
}

/// Adds what can be done about it, where the error itself does not say.
fn explain(error: &str, name_server: &str, embedded: bool) -> String {
    let unreachable = ["refused", "timed out", "unreachable", "not found", "no answer"];
    if !embedded && error.contains("no route") && unreachable.iter().any(|word| error.contains(word)) {
        return format!(
            "{error}\nremedy: is the name server {name_server} running, and reachable from here? Without \
             --name-server a cluster is started for you."
        );
    }
    error.to_owned()
}
