//! Judges say nothing where there is nothing to say.

use rocketmq_testkit::sim::scenario;

#[test]
fn without_a_bug_no_judge_complains() {
    let swarm = scenario("swarm").expect("a scenario");
    for seed in 1..4 {
        let report = swarm.run(seed, &swarm.plan(seed), None);
        assert!(report.is_good(), "seed {seed}: {:?} {:?}", report.violations, report.panic);
    }
}
