//! Runs the simulator for as long as one likes: seeds, a summary, and for a seed that fails the shortest plan found
//! and the command that runs it again.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rocketmq_testkit::sim::{Plan, Report, SCENARIOS, Scenario, scenario};

const USAGE: &str =
    "usage: simulate [--minutes N | --seeds N] [--scenario NAME] [--seed X] [--plan FILE] [--ledger FILE]
Runs seeds X, X+1 ... of a scenario until the time is over or as many are done; one seed with the plan of FILE
instead of its own. Appends what was run to the ledger.";

struct Options {
    minutes: Option<f64>,
    seeds: Option<u64>,
    scenario: &'static Scenario,
    seed: u64,
    plan: Option<Plan>,
    ledger: Option<String>,
}

/// What can be run, for people.
fn scenarios() -> String {
    let list: Vec<String> = SCENARIOS.iter().map(|s| format!("  {}: {}", s.name, s.about)).collect();
    format!("scenarios:\n{}", list.join("\n"))
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let swarm = scenario("swarm").ok_or("no scenario")?;
    let mut options =
        Options { minutes: None, seeds: None, scenario: swarm, seed: 1, plan: None, ledger: None };
    while let Some(name) = args.next() {
        if name == "--help" {
            return Err(format!("{USAGE}\n{}", scenarios()));
        }
        let value = args.next().ok_or_else(|| format!("{name} wants a value\n{USAGE}"))?;
        let wrong = || format!("{name} {value}: cannot be read\n{USAGE}");
        match name.as_str() {
            "--minutes" => options.minutes = Some(value.parse().map_err(|_| wrong())?),
            "--seeds" => options.seeds = Some(value.parse().map_err(|_| wrong())?),
            "--scenario" => {
                let unknown = || format!("there is no scenario {value}\n{}", scenarios());
                options.scenario = scenario(&value).ok_or_else(unknown)?;
            }
            "--seed" => options.seed = value.parse().map_err(|_| wrong())?,
            "--plan" => {
                let text = std::fs::read_to_string(&value).map_err(|error| format!("{value}: {error}"))?;
                options.plan = Some(text.parse().map_err(|error| format!("{value}: {error}"))?);
            }
            "--ledger" => options.ledger = Some(value),
            _ => return Err(format!("unknown option {name}\n{USAGE}")),
        }
    }
    if options.plan.is_some() || options.minutes.is_none() && options.seeds.is_none() {
        options.seeds = Some(1);
    }
    Ok(options)
}

#[derive(Default)]
struct Summary {
    runs: u64,
    failed: BTreeMap<String, u64>,
    elapsed: Duration,
    steps: u64,
    acknowledged: u64,
    not_acknowledged: u64,
    delivered: u64,
    mishaps: u64,
    digest: u64,
}

impl Summary {
    fn add(&mut self, report: &Report, plan: &Plan) {
        self.runs += 1;
        if let Some(kind) = report.kind() {
            *self.failed.entry(kind.to_string()).or_default() += 1;
        }
        self.elapsed += report.elapsed;
        self.steps += report.steps;
        self.acknowledged += report.sends.0;
        self.not_acknowledged += report.sends.1;
        self.delivered += report.delivered;
        self.mishaps += plan.mishaps.len() as u64;
        self.digest = self.digest.rotate_left(7) ^ report.digest;
    }

    fn speed(&self, took: Duration) -> f64 {
        self.elapsed.as_secs_f64() / took.as_secs_f64().max(1e-9)
    }
}

/// Time this thread has had a processor, where the system says so: what else runs does not matter then.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn tell_failure(options: &Options, seed: u64, plan: &Plan, report: &Report) {
    println!("\nseed {seed} failed:");
    if let Some(panic) = &report.panic {
        println!("  panic: {panic}");
    }
    for violation in report.violations.iter().take(5) {
        println!("  {violation}");
    }
    let kind = report.kind();
    let short = plan.shortened(|plan| options.scenario.run(seed, plan, None).kind() == kind);
    let file = format!("{}-{seed}.plan", options.scenario.name);
    println!("shortest plan found, {} of {} mishaps:\n{short}", short.mishaps.len(), plan.mishaps.len());
    if let Err(error) = std::fs::write(&file, short.to_string()) {
        println!("{file}: {error}");
    }
    println!(
        "again: cargo run --release -p rocketmq-testkit --bin simulate -- --scenario {} --seed {seed} --plan {file}",
        options.scenario.name
    );
}

fn write_ledger(options: &Options, summary: &Summary) -> std::io::Result<()> {
    let Some(path) = &options.ledger else { return Ok(()) };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(
        file,
        "{} {} {} failed={} virtual={}s digest={:016x}",
        options.scenario.name,
        options.seed,
        summary.runs,
        summary.failed.values().sum::<u64>(),
        summary.elapsed.as_secs(),
        summary.digest
    )
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(text) => {
            println!("{text}");
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let clock = || processor_time().unwrap_or_else(|| began.elapsed());
    // A panic is a finding, told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut summary, mut told, mut shortening) = (Summary::default(), began, Duration::ZERO);
    let mut seed = options.seed;
    loop {
        let enough = options.seeds.is_some_and(|seeds| summary.runs >= seeds)
            || options.minutes.is_some_and(|minutes| began.elapsed().as_secs_f64() > minutes * 60.0);
        if enough {
            break;
        }
        let plan = options.plan.clone().unwrap_or_else(|| options.scenario.plan(seed));
        let report = options.scenario.run(seed, &plan, None);
        summary.add(&report, &plan);
        if !report.is_good() {
            let at = clock();
            tell_failure(&options, seed, &plan, &report);
            shortening += clock().saturating_sub(at);
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let speed = summary.speed(clock().saturating_sub(shortening));
            println!("{} runs, {:.0}x real time, failed {:?}", summary.runs, speed, summary.failed);
        }
        seed += 1;
    }
    let took = clock().saturating_sub(shortening);
    let rows = [
        ("scenario", options.scenario.name.to_string()),
        ("seeds", format!("{} to {}", options.seed, seed.saturating_sub(1))),
        ("mishaps", summary.mishaps.to_string()),
        ("virtual time", format!("{:.1} h", summary.elapsed.as_secs_f64() / 3600.0)),
        ("processor time", format!("{:.1} s", took.as_secs_f64())),
        ("real time x", format!("{:.0}", summary.speed(took))),
        (
            "steps",
            format!(
                "{} ({:.0} ns each)",
                summary.steps,
                took.as_nanos() as f64 / summary.steps.max(1) as f64
            ),
        ),
        ("sends", format!("{} acknowledged, {} not", summary.acknowledged, summary.not_acknowledged)),
        ("delivered", summary.delivered.to_string()),
        ("digest", format!("{:016x}", summary.digest)),
        ("failed", format!("{:?}", summary.failed)),
    ];
    for (name, value) in &rows {
        println!("{name:>15}  {value}");
    }
    if let Err(error) = write_ledger(&options, &summary) {
        println!("ledger: {error}");
    }
    if summary.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
