//! A judge that never fires proves nothing: judges find the bugs that are planted for them.

use rocketmq_testkit::sim::{Bug, scenario};

fn finds(bug: Bug, invariant: &str) -> bool {
    let swarm = scenario("swarm").expect("a scenario");
    (1..40).any(|seed| {
        let report = swarm.run(seed, &swarm.plan(seed), Some(bug));
        report.violations.iter().any(|violation| violation.invariant == invariant)
    })
}

#[test]
fn judges_of_sends_find_their_bugs() {
    let sends = ["I1", "I2", "I3", "I4"];
    for (bug, invariant) in Bug::ALL.into_iter().filter(|(_, invariant)| sends.contains(invariant)) {
        assert!(finds(bug, invariant), "{bug:?} is not found by the judge of {invariant}");
    }
}

#[test]
fn without_a_bug_no_judge_complains() {
    let swarm = scenario("swarm").expect("a scenario");
    for seed in 1..4 {
        let report = swarm.run(seed, &swarm.plan(seed), None);
        assert!(report.is_good(), "seed {seed}: {:?} {:?}", report.violations, report.panic);
    }
}
