//! Bugs that other clients had and that only a whole world over minutes shows; the rest is in README.md's table.

use std::time::Duration;

use rocketmq_testkit::sim::scenario;

/// Runs a plan in the judged world of the swarm: everything is delivered, committed and divided in the end (I14).
fn heals(plan: &str) -> u64 {
    let swarm = scenario("swarm").expect("a scenario");
    let mut delivered = 0;
    for seed in 1..6 {
        let report = swarm.run(seed, &plan.parse().expect("a plan"), None);
        let violations: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
        assert!(report.is_good(), "seed {seed}: {violations:?} {:?}", report.panic);
        assert!(report.elapsed > Duration::from_secs(140) && report.sends.0 > 0, "{report:?}");
        delivered += report.delivered;
    }
    delivered
}

#[test]
fn r31_a_consumer_goes_on_after_two_minutes_without_a_network() {
    let hosts = ["ns0", "ns1", "broker0", "broker1", "broker2"];
    let plan = |clients: std::ops::Range<usize>| -> String {
        let lines = clients.flat_map(|client| {
            hosts.map(|host| format!("at=12000 lasts=120000 partition client={client} host={host}\n"))
        });
        lines.collect()
    };
    // Every consumer, and then everybody.
    assert!(heals(&plan(2..5)) > 0);
    assert!(heals(&plan(0..5)) > 0);
}

#[test]
fn r32_a_queue_goes_on_after_its_broker_was_away_for_minutes() {
    for dark in [false, true] {
        let plan = format!("at=12000 lasts=200000 kill-broker broker=0 dark={dark} tail=0 stale=0");
        assert!(heals(&plan) > 0);
    }
}

#[test]
fn r68_a_client_that_starts_and_stops_in_a_row_leaves_nothing() {
    let lines =
        (0..12).map(|n| format!("at={} lasts=4000 leave client={}", 10_000 + n * 9000, [0, 2][n % 2]));
    let plan = lines.collect::<Vec<_>>().join("\n");
    assert!(heals(&plan) > 0);
}
