//! `ledger.txt`: seeds and the digests of what engines put out in them. It shows nondeterminism, and changes of behaviour
//! that nobody meant; one that is meant is written down with [`BLESS`].

use std::fmt::Write as _;
use std::path::Path;

use rocketmq_testkit::sim::scenario;

const LEDGER: &str = include_str!("ledger.txt");
/// Set to anything, the ledger is written anew.
const WRITE: &str = "SIMULATION_LEDGER_WRITE";
/// What to do after a change of behaviour that is meant.
const BLESS: &str = "SIMULATION_LEDGER_WRITE=1 cargo test -p rocketmq-engine --test simulation ledger";
/// What is run.
const SEEDS: [(&str, std::ops::Range<u64>); 3] = [("calm", 1..3), ("swarm", 1..21), ("losses", 1..21)];

fn digest(name: &str, seed: u64) -> u64 {
    let scenario = scenario(name).expect("a scenario");
    scenario.run(seed, &scenario.plan(seed), None).digest
}

/// A ledger of the present engine.
fn written() -> String {
    let mut text = String::from("# scenario, seed, digest; ledger.rs says what for and how it is written\n");
    for (name, seeds) in SEEDS {
        for seed in seeds {
            let _ = writeln!(text, "{name} {seed} {:016x}", digest(name, seed));
        }
    }
    text
}

/// Lines of `now` that are not in `before`.
fn changed<'a>(before: &str, now: &'a str) -> Vec<&'a str> {
    now.lines().filter(|line| !before.lines().any(|old| old == *line)).collect()
}

#[test]
fn what_was_run_is_what_is_run() {
    let now = written();
    if std::env::var_os(WRITE).is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation/ledger.txt");
        return std::fs::write(path, now).expect("the ledger can be written");
    }
    let (changed, left) = (changed(LEDGER, &now), changed(&now, LEDGER));
    let Some(first) = changed.first().or(left.first()) else { return };
    let mut words = first.split(' ');
    if let (Some(name), Some(seed), Some(seen)) = (words.next(), words.next(), words.next()) {
        let again = seed.parse().map(|seed| format!("{:016x}", digest(name, seed)));
        assert!(
            changed.is_empty() || again.as_deref() == Ok(seen),
            "{name} {seed} was {seen}, and run once more {again:?}: not deterministic (I29)"
        );
    }
    panic!(
        "what engines put out has changed in {} of the ledger's seeds, the first: {first}\n\
         if that is meant: {BLESS}",
        changed.len().max(left.len())
    );
}

#[test]
fn another_digest_is_noticed() {
    assert_eq!(changed("swarm 1 0a\nswarm 2 0b", "swarm 1 0a\nswarm 2 0c"), ["swarm 2 0c"]);
    assert!(changed(LEDGER, LEDGER).is_empty());
}
