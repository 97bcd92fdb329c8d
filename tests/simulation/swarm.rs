//! Seeds: few classes of mishaps, hard; everything heals and has to come to rest.

use rocketmq_testkit::sim::{Plan, scenario};

/// Plans that found a bug once, shortened; the name says scenario and seed.
const FOUND: &[(&str, &str)] = &[
    ("swarm-3", include_str!("plans/swarm-3.plan")),
    ("swarm-22", include_str!("plans/swarm-22.plan")),
    ("swarm-47", include_str!("plans/swarm-47.plan")),
    ("swarm-1019", include_str!("plans/swarm-1019.plan")),
    ("swarm-1021", include_str!("plans/swarm-1021.plan")),
    ("swarm-1061", include_str!("plans/swarm-1061.plan")),
    ("swarm-201714", include_str!("plans/swarm-201714.plan")),
    ("losses-1", include_str!("plans/losses-1.plan")),
    ("losses-127", include_str!("plans/losses-127.plan")),
    ("losses-392", include_str!("plans/losses-392.plan")),
    ("losses-406970", include_str!("plans/losses-406970.plan")),
    ("losses-412267", include_str!("plans/losses-412267.plan")),
    ("losses-509022", include_str!("plans/losses-509022.plan")),
    ("swarm-701646", include_str!("plans/swarm-701646.plan")),
    ("swarm-919009", include_str!("plans/swarm-919009.plan")),
    ("swarm-2025686", include_str!("plans/swarm-2025686.plan")),
    ("swarm-310767", include_str!("plans/swarm-310767.plan")),
    ("swarm-202851", include_str!("plans/swarm-202851.plan")),
];

fn run(name: &str, seed: u64, plan: &Plan) -> u64 {
    let report = scenario(name).expect("a scenario").run(seed, plan, None);
    let violations: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
    assert!(report.is_good(), "{name} {seed}: {violations:?} {:?}\n{plan}", report.panic);
    report.digest
}

fn seeds(name: &str, seeds: std::ops::Range<u64>) {
    let scenario = scenario(name).expect("a scenario");
    for seed in seeds {
        run(name, seed, &scenario.plan(seed));
    }
}

#[test]
fn calm_seeds() {
    seeds("calm", 1..6);
}

#[test]
fn swarm_seeds_low() {
    seeds("swarm", 1..200);
}

#[test]
fn swarm_seeds_high() {
    seeds("swarm", 1000..1200);
}

#[test]
fn seeds_of_brokers_that_lose_and_lie() {
    seeds("losses", 1..120);
}

#[test]
fn plans_that_found_a_bug_once() {
    for (name, plan) in FOUND {
        let (scenario, seed) = name.split_once('-').expect("scenario and seed");
        run(scenario, seed.parse().expect("a seed"), &plan.parse().expect("a plan"));
    }
}

#[test]
fn the_same_seed_is_the_same_run() {
    let swarm = scenario("swarm").expect("a scenario");
    for seed in [5, 17] {
        let plan = swarm.plan(seed);
        assert_eq!(run("swarm", seed, &plan), run("swarm", seed, &plan), "I29, seed {seed}");
    }
}
