//! Each fault of the network does what it says, and the engine gets over it.

use std::time::Duration;

use rocketmq_engine::{
    ConsumeFrom, Event, Message, ProducerConfig, ProducerId, PushConsumerConfig, SendOptions, SendOutcome,
    Settlement, TagFilter,
};
use rocketmq_testkit::Cluster;
use rocketmq_testkit::sim::{Plan, World};

const SECOND: Duration = Duration::from_secs(1);

fn world(seed: u64) -> World {
    let cluster = Cluster::builder().name_servers(2).brokers(2).topic("orders", 2);
    World::builder(seed).cluster(cluster).build()
}

fn producer(world: &mut World, client: usize) -> ProducerId {
    let create = |client: &mut rocketmq_engine::Client, now| {
        client.create_producer(ProducerConfig::new("shop"), now).expect("the first")
    };
    world.with(client, create).expect("running")
}

fn consumer(world: &mut World, client: usize) {
    world.with(client, |client, now| {
        let orders = client.topic("orders").expect("valid");
        let mut config = PushConsumerConfig::new("billing");
        config.consume_from = ConsumeFrom::First;
        let id = client.create_push_consumer(config, now).expect("the first");
        client.subscribe(id, &orders, TagFilter::all(), now).expect("running");
    });
}

fn send(world: &mut World, client: usize, producer: ProducerId, body: String) {
    world.with(client, |client, now| {
        let orders = client.topic("orders").expect("valid");
        client.send(producer, Message::new(&orders, body), SendOptions::default(), now).expect("accepted");
    });
}

/// Sends one message a second for a minute and a half while the plan runs, then waits for all to be consumed.
/// Outcomes, and bodies in the order they were delivered first.
fn run(seed: u64, plan: &str) -> (Vec<SendOutcome>, Vec<String>, World) {
    run_with(seed, plan, |_, _| {})
}

/// The same, with something more done in each second.
pub(crate) fn run_with(
    seed: u64,
    plan: &str,
    mut each: impl FnMut(&mut World, u64),
) -> (Vec<SendOutcome>, Vec<String>, World) {
    let mut world = world(seed);
    let (selling, billing) = (world.add_client(), world.add_client());
    world.add_plan(&plan.parse::<Plan>().expect("a plan"));
    let shop = producer(&mut world, selling);
    consumer(&mut world, billing);
    let (mut outcomes, mut bodies) = (Vec::new(), Vec::new());
    for second in 0..240 {
        each(&mut world, second);
        if second < 90 {
            send(&mut world, selling, shop, format!("order {second}"));
        }
        world.run_for(SECOND);
        for event in world.events(selling) {
            if let Event::Sent { outcome, .. } = event {
                outcomes.push(outcome);
            }
        }
        for event in world.events(billing) {
            if let Event::Delivered(delivery) = event {
                for message in delivery.iter() {
                    let body = String::from_utf8_lossy(message.body()).into_owned();
                    if !bodies.contains(&body) {
                        bodies.push(body);
                    }
                }
                world.with(billing, |client, now| {
                    client.settle(delivery, Settlement::Done, now).expect("of this client");
                });
            }
        }
    }
    (outcomes, bodies, world)
}

/// Every send ends once, and every message that was acknowledged is consumed.
fn all_is_well(seed: u64, plan: &str) -> (Vec<SendOutcome>, World) {
    let (outcomes, bodies, world) = run(seed, plan);
    assert_eq!(outcomes.len(), 90, "{plan}");
    let acknowledged = outcomes.iter().filter(|o| matches!(o, SendOutcome::Acknowledged(_))).count();
    assert!(bodies.len() >= acknowledged, "{plan}: {acknowledged} acknowledged, {} consumed", bodies.len());
    let stored = world.cluster().message_count("orders");
    assert!(stored >= acknowledged && bodies.len() <= stored, "{plan}");
    (outcomes, world)
}

#[test]
fn without_mishaps_everything_is_acknowledged_once() {
    let (outcomes, world) = all_is_well(1, "");
    assert!(
        outcomes.iter().all(|outcome| matches!(outcome, SendOutcome::Acknowledged(r) if r.attempts == 1))
    );
    assert_eq!(world.cluster().message_count("orders"), 90);
    assert_eq!(world.cluster().committed_total("billing", "orders"), 90);
}

#[test]
fn two_runs_of_a_seed_are_the_same() {
    let plan = "at=5000 lasts=20000 crumbs client=1 host=broker0 bytes=9\n\
                at=7000 lasts=1000 cut client=0 host=broker1 way=down after=70 how=reset\n\
                at=20000 lasts=8000 kill-broker broker=1 dark=true tail=0 stale=0\n";
    let digests = |seed| {
        let (_, _, world) = run(seed, plan);
        (world.digest(), world.stats())
    };
    assert_eq!(digests(3), digests(3));
    assert_ne!(digests(3).0, digests(4).0);
}

#[test]
fn cuts_of_each_kind_at_many_bytes() {
    for how in ["fin", "reset", "silent", "stall"] {
        for way in ["up", "down"] {
            let cut = |second: u64, after: u64| {
                let (at, broker) = (second * 1000, second % 2);
                format!(
                    "at={at} lasts=5000 cut client=0 host=broker{broker} way={way} after={after} how={how}\n\
                     at={at} lasts=5000 cut client=1 host=broker{broker} way={way} after={after} how={how}\n"
                )
            };
            let plan: String = (1..9).map(|n| cut(n * 10, n * n * 7)).collect();
            let (_, world) = all_is_well(5, &plan);
            // A stall shorter than everybody's patience ends no connection.
            assert!(how == "stall" || world.stats().dials > 10, "{how} {way}: {:?}", world.stats());
        }
    }
}

#[test]
fn roads_that_are_closed_slow_or_crumbling() {
    for plan in [
        "at=10000 lasts=40000 partition client=0 host=broker0\nat=30000 lasts=40000 partition client=1 host=broker1",
        "at=10000 lasts=70000 slow client=0 host=broker0 millis=900\nat=1 lasts=90000 slow client=1 host=broker0 millis=2500",
        "at=0 lasts=90000 crumbs client=0 host=broker0 bytes=1\nat=0 lasts=90000 crumbs client=1 host=broker1 bytes=3",
        "at=10000 lasts=30000 stall client=0 host=broker0 way=down\nat=20000 lasts=60000 stall client=1 host=broker1 way=down",
        "at=10000 lasts=30000 stall client=0 host=broker0 way=up\nat=20000 lasts=60000 stall client=1 host=broker1 way=up",
        "at=10000 lasts=0 half-open client=0 host=broker0\nat=11000 lasts=0 half-open client=1 host=broker1",
        "at=10000 lasts=1000 twice client=0 host=broker0\nat=11000 lasts=5000 twice client=1 host=broker1",
        "at=10000 lasts=1000 flip client=0 host=broker0 bit=3\nat=11000 lasts=9000 flip client=1 host=broker1 bit=42",
    ] {
        all_is_well(7, plan);
    }
}

#[test]
fn machines_that_refuse_hang_or_end() {
    for plan in [
        "at=0 lasts=20000 refuse host=ns0",
        "at=0 lasts=60000 hang host=ns0",
        "at=10000 lasts=30000 refuse host=broker0\nat=10000 lasts=0 kill-broker broker=0 dark=false tail=0 stale=0",
        "at=10000 lasts=30000 kill-broker broker=0 dark=false tail=0 stale=0",
        "at=10000 lasts=30000 kill-broker broker=0 dark=true tail=0 stale=0\nat=50000 lasts=20000 kill-broker broker=1 dark=true tail=0 stale=0",
        "at=10000 lasts=5000 hang host=broker1\nat=10000 lasts=1000 kill-broker broker=1 dark=false tail=0 stale=0",
        "at=10000 lasts=20000 answer broker=0 request=310 times=9 wrong=code:2",
        "at=10000 lasts=20000 answer broker=1 request=11 times=9 wrong=close-after",
        "at=10000 lasts=20000 answer broker=1 request=310 times=3 wrong=late:2500",
    ] {
        all_is_well(9, plan);
    }
}

#[test]
fn a_paused_client_and_clocks_that_jump() {
    for plan in [
        "at=10000 lasts=20000 pause client=1 clock-stops=false",
        "at=10000 lasts=40000 pause client=1 clock-stops=true",
        "at=10000 lasts=0 wall client=0 by=-86400000\nat=20000 lasts=0 wall client=1 by=999999999999",
    ] {
        all_is_well(11, plan);
    }
}

#[test]
fn a_client_that_is_killed_starts_again_knowing_nothing() {
    let mut world = world(13);
    let client = world.add_client();
    producer(&mut world, client);
    let plan = "at=3000 lasts=2000 kill-client client=0";
    world.add_plan(&plan.parse().expect("a plan"));
    let id = |world: &World| world.client(client).map(|client| client.client_id().to_string());
    let first = id(&world).expect("running");
    world.run_for(SECOND * 4);
    assert_eq!(id(&world), None);
    assert!(world.with(client, |_, _| ()).is_none());
    world.run_for(SECOND * 2);
    assert_ne!(id(&world).expect("running again"), first);
    assert_eq!(world.client(client).expect("running").stats().sends, 0);
}

#[test]
fn a_clock_that_drifts_changes_when_not_whether() {
    let mut world = world(15);
    let client = world.add_client();
    world.set_drift(client, 200_000);
    let shop = producer(&mut world, client);
    for n in 0..20 {
        send(&mut world, client, shop, format!("order {n}"));
        world.run_for(SECOND);
    }
    assert_eq!(world.events(client).len(), 20);
}

/// I25: what is under way, when, and how it ends follow the monotonic clock alone.
#[test]
fn a_wall_clock_that_is_set_changes_nothing_but_fields() {
    let seen = |plan: &str| {
        let (outcomes, bodies, world) = run(17, plan);
        let places: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| match outcome {
                SendOutcome::Acknowledged(receipt) => (receipt.queue, receipt.queue_offset, receipt.attempts),
                other => panic!("not acknowledged: {other:?}"),
            })
            .collect();
        (places, bodies, world.stats())
    };
    // Cut in the middle, so that there is something to schedule.
    let cut = "at=30000 lasts=5000 partition client=0 host=broker0";
    let wall = |first: i64, second: i64| {
        format!(
            "at=10000 lasts=0 wall client=0 by={first}\nat=20000 lasts=0 wall client=1 by={second}\n{cut}"
        )
    };
    let usual = seen(&wall(1, 1));
    for (first, second) in [(-86_400_000, 86_400_000), (999_999_999_999, -5), (-1, -999_999_999_999)] {
        assert_eq!(seen(&wall(first, second)), usual, "wall clocks set by {first} and {second} ms");
    }
    // A monotonic clock that stands still does change it: the comparison would notice.
    let paused = "at=10000 lasts=300 pause client=0 clock-stops=true\nat=20000 lasts=0 wall client=1 by=1";
    assert_ne!(seen(&format!("{paused}\n{cut}")), usual);
}
