//! A judge that never fires proves nothing: judges find the bugs that are planted for them.

use rocketmq_testkit::sim::{Bug, Violation, scenario};

/// Whether the invariant's judge complains of the bug, in these words.
fn finds(bug: Bug, invariant: &str, words: &str) -> bool {
    let swarm = scenario("swarm").expect("a scenario");
    (1..40).any(|seed| {
        let report = swarm.run(seed, &swarm.plan(seed), Some(bug));
        let found =
            |violation: &Violation| violation.invariant == invariant && violation.what.contains(words);
        report.violations.iter().any(found)
            || invariant == "I24" && report.panic.as_deref() == Some("planted")
    })
}

#[test]
fn every_judge_finds_the_bug_planted_for_it() {
    for (bug, invariant) in Bug::ALL {
        assert!(finds(bug, invariant, ""), "{bug:?} is not found by the judge of {invariant}");
    }
}

/// Routes are judged in four ways: each finds the bug that was planted for it.
#[test]
fn each_judge_of_routes_finds_its_own_bug() {
    let judges = [
        (Bug::SentOffRoute, "which no route permits"),
        (Bug::RouteGivenUp, "has given up the route"),
        (Bug::RouteNotRefreshed, "has had the same route"),
        (Bug::BrokerKept, "which no route has named"),
    ];
    let planted = Bug::ALL.iter().filter(|(_, invariant)| *invariant == "I27");
    assert!(planted.map(|(bug, _)| *bug).eq(judges.map(|(bug, _)| bug)));
    for (bug, words) in judges {
        assert!(finds(bug, "I27", words), "{bug:?}: nobody says {words:?}");
    }
}

/// The invariants of today's features, each with where it is judged; I7 waits for batches that are written.
#[test]
fn every_invariant_has_its_judge() {
    let elsewhere = [
        ("I7", "waits for batches that are written"),
        ("I29", "swarm::*, tests/client/determinism.rs"),
        ("I33", "tests/client/control.rs"),
    ];
    let wanted = [1..=8, 12..=16, 18..=18, 20..=20, 22..=29, 33..=33];
    for number in wanted.into_iter().flatten() {
        let name = format!("I{number}");
        let judged = Bug::ALL.iter().any(|(_, invariant)| *invariant == name);
        let noted = elsewhere.iter().any(|(invariant, _)| *invariant == name);
        assert!(judged != noted, "{name} is to be judged in one place, and to be in one of the lists");
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

/// I24: a run that panics is told as such, with its words.
#[test]
fn a_panic_is_a_finding() {
    let swarm = scenario("swarm").expect("a scenario");
    let report = swarm.run(1, &swarm.plan(1), Some(Bug::Panics));
    assert_eq!(report.kind(), Some("panic"));
    assert_eq!(report.panic.as_deref(), Some("planted"));
}
