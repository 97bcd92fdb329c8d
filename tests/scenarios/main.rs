//! One scenario, every runner, every cluster: the scenarios of `rocketmq_testkit::scenario` driven by each adapter
//! and by the simulator, with the same assertions, and one table of what was played where.
//!
//! ```text
//! cargo test --test scenarios                              # every runner on the embedded cluster
//! cargo test --test scenarios -- retry tokio               # names that hold both words
//! cargo test --test scenarios -- --cluster 5.5.0           # a real Apache RocketMQ of this version
//! cargo test --test scenarios -- --list
//! cargo test --test scenarios -- --waiting                 # cases of other suites, and the feature each waits for
//! ```
//!
//! A cell is called `ROOM::NAME@RUNNER@CLUSTER`. What a combination cannot do is said in the table, with the reason;
//! every cell is in the table or the run fails. What waits for a feature is counted below it, and listed by
//! [`WAITING`].
//!
//! | module | what |
//! |---|---|
//! | [`runners`] | who drives a scenario's clients |
//! | [`clusters`] | what it is played on |
//! | [`table`] | cells, how they ended, the table |

mod clusters;
mod runners;
mod table;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use rocketmq_testkit::scenario::{Failed, Outcome, Scenario, WAITING, all, simulate};

use clusters::Site;
use runners::Runner;
use table::{Cell, Ended, Table};

/// Scenarios that are played at the same time: they mostly wait.
const AT_ONCE: usize = 12;

const RUNNERS: [(&str, Runner); 5] = [
    ("simulator", Runner::Simulator),
    ("blocking", Runner::Sockets(runners::blocking::run)),
    ("mio", Runner::Sockets(runners::mio::run)),
    ("async-std", Runner::Sockets(runners::tasks::async_std)),
    ("tokio", Runner::Sockets(runners::tasks::tokio)),
];

/// Worlds that the simulator plays each scenario in.
const SEEDS: std::ops::Range<u64> = 1..6;

/// What was asked for on the command line.
struct Wanted {
    words: Vec<String>,
    clusters: Vec<String>,
    list: bool,
    waiting: bool,
    /// Ignored tests alone are wanted: there is none.
    nothing: bool,
    /// A cluster was named.
    cluster_given: bool,
}

impl Wanted {
    fn read() -> Self {
        let mut wanted = Self {
            words: Vec::new(),
            clusters: Vec::new(),
            list: false,
            waiting: false,
            nothing: false,
            cluster_given: false,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--cluster" => wanted.clusters.extend(arguments.next()),
                "--list" => wanted.list = true,
                "--waiting" => wanted.waiting = true,
                "--ignored" => wanted.nothing = true,
                // Options of the usual test harness that take a value.
                "--skip" | "--test-threads" | "--format" | "--color" | "-Z" | "--logfile" => {
                    arguments.next();
                }
                option if option.starts_with('-') => {}
                word => wanted.words.push(word.to_string()),
            }
        }
        wanted.cluster_given = !wanted.clusters.is_empty();
        if wanted.clusters.is_empty() {
            wanted.clusters.push("embedded".into());
        }
        wanted
    }

    /// Whether the words are meant for this table. Without `--test`, cargo gives its filter to every test there is:
    /// that nothing here has such a name is no failure then.
    fn is_for_us(&self) -> bool {
        let rooms = || all().iter().filter_map(|scenario| scenario.name.split_once("::"));
        let is_ours = |word: &String| {
            word.contains('@')
                || RUNNERS.iter().any(|(runner, _)| runner == word)
                || word.split_once("::").is_some_and(|(room, _)| rooms().any(|(known, _)| known == room))
        };
        self.cluster_given || self.words.iter().any(is_ours)
    }

    fn wants(&self, cell: &Cell) -> bool {
        self.words.iter().all(|word| cell.name().contains(word.as_str()))
    }
}

fn main() -> ExitCode {
    let wanted = Wanted::read();
    if wanted.nothing {
        return ExitCode::SUCCESS;
    }
    if wanted.waiting {
        for waiting in WAITING {
            println!("{:40} {}", waiting.feature, waiting.case);
        }
        return ExitCode::SUCCESS;
    }
    let mut good = true;
    for cluster in &wanted.clusters {
        let begun = Instant::now();
        let cells: Vec<Cell> = RUNNERS
            .iter()
            .flat_map(|&(runner, run)| {
                all().iter().map(move |scenario| Cell { scenario, runner, run, cluster: cluster.clone() })
            })
            .filter(|cell| wanted.wants(cell))
            .collect();
        if wanted.list {
            for cell in &cells {
                println!("{}: test", cell.name());
            }
            continue;
        }
        if cells.is_empty() {
            good &= !wanted.is_for_us();
            tell_names(&wanted.words);
            continue;
        }
        let site = match clusters::open(cluster) {
            Ok(site) => site,
            Err(trouble) => {
                eprintln!("{trouble}");
                return ExitCode::FAILURE;
            }
        };
        let table = play(&cells, &*site);
        println!("\n{table}");
        println!("{} cells on {cluster} in {:.1} s", cells.len(), begun.elapsed().as_secs_f64());
        for (cell, failed) in table.failures() {
            println!("FAILED {}: {failed}", cell.name());
        }
        good &= table.is_complete(&cells) && table.failures().next().is_none();
    }
    if !wanted.list && wanted.words.is_empty() {
        println!("{} cases of other suites wait for a feature: {}", WAITING.len(), features());
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Nothing has a name with all these words: what has.
fn tell_names(words: &[String]) {
    eprintln!("no cell has a name with all of {words:?}; scenarios:");
    for scenario in all() {
        eprintln!("  {}", scenario.name);
    }
    eprintln!("runners: {}", RUNNERS.map(|(runner, _)| runner).join(", "));
}

/// The features that cases wait for, each with how many.
fn features() -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for waiting in WAITING {
        match counts.last_mut() {
            Some((feature, count)) if *feature == waiting.feature => *count += 1,
            _ => counts.push((waiting.feature, 1)),
        }
    }
    counts.iter().map(|(feature, count)| format!("{feature} {count}")).collect::<Vec<_>>().join(", ")
}

/// Plays all cells, many at a time; those that change the cluster for everybody come last, one by one.
fn play<'a>(cells: &'a [Cell], site: &dyn Site) -> Table<'a> {
    let (alone, together): (Vec<&Cell>, Vec<&Cell>) =
        cells.iter().partition(|cell| site.is_shared() && cell.scenario.is_alone());
    let table = Mutex::new(Table::default());
    let work = |cells: Vec<&'a Cell>, threads: usize| {
        let queue = Mutex::new(VecDeque::from(cells));
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(cell) = next() {
                        let ended = play_one(cell, site);
                        if let Ended::Badly(failed) = &ended {
                            println!("FAILED {}: {failed}", cell.name());
                        }
                        table.lock().unwrap_or_else(PoisonError::into_inner).note(cell, ended);
                    }
                });
            }
        });
    };
    work(together, AT_ONCE.min(site.at_once()));
    work(alone, 1);
    table.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn play_one(cell: &Cell, site: &dyn Site) -> Ended {
    let scenario: &Scenario = cell.scenario;
    let begun = Instant::now();
    let played = catch_unwind(AssertUnwindSafe(|| match cell.run {
        Runner::Simulator if cell.cluster == "embedded" => Ok(in_worlds(scenario)),
        Runner::Simulator => Err("real servers know no virtual time".to_string()),
        Runner::Sockets(run) => {
            // Names of topics: letters, digits, - and _.
            let name = format!("{}-{}", scenario.name.replace("::", "_"), cell.runner);
            site.controls(scenario.needs).map(|controls| run(scenario, controls, &name))
        }
    }));
    let ended = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Ok(Err(Failed(format!("it panicked: {}", text.unwrap_or_default()))))
    });
    match ended {
        Ok(Ok(())) => Ended::Well(begun.elapsed()),
        Ok(Err(failed)) => Ended::Badly(failed.0),
        Err(reason) => Ended::Cannot(reason),
    }
}

/// Several worlds, which differ in latencies, seeds of clients and the order of things.
fn in_worlds(scenario: &Scenario) -> Outcome {
    SEEDS.into_iter().try_for_each(|seed| {
        simulate(scenario, seed).0.map_err(|failed| Failed(format!("in world {seed}: {failed}")))
    })
}
