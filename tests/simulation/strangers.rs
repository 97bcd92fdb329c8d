//! Another broker, or another cluster's, answers at an address that a client knows, and the first one comes back. The
//! protocol has nothing to tell them apart by: what is asserted is what holds nevertheless.

use rocketmq_engine::SendOutcome;
use rocketmq_testkit::sim::World;
use rocketmq_testkit::{Broker, BrokerConfig};

use crate::world::run_with;

/// Sends and deliveries of a run in which a stranger is in the place of the first broker from the 20th second to the
/// 50th. Name servers hear nothing of it.
fn displaced(seed: u64, takes_all: bool) -> (Vec<SendOutcome>, Vec<String>, World, Broker) {
    let (mut first, mut stranger) = (None, None);
    let (outcomes, bodies, world) = run_with(seed, "", |world, second| match second {
        20 => {
            let mut config = BrokerConfig::new("elsewhere");
            config.cluster_name = "OtherCluster".into();
            (config.auto_create_topic, config.auto_create_group) = (takes_all, takes_all);
            first = world.with_cluster(|cluster| {
                (0..2)
                    .filter_map(|n| cluster.name_server(n).map(|server| server.freeze(true)))
                    .for_each(drop);
                cluster.replace_broker(0, config, false)
            });
            assert!(first.is_some());
        }
        50 => {
            let first = first.take().expect("it was displaced");
            stranger = world.with_cluster(|cluster| {
                (0..2)
                    .filter_map(|n| cluster.name_server(n).map(|server| server.freeze(false)))
                    .for_each(drop);
                let stranger = cluster.broker(0).cloned();
                cluster.put_back(0, first);
                stranger
            });
        }
        _ => {}
    });
    (outcomes, bodies, world, stranger.expect("it was there"))
}

/// Everything the two brokers of the cluster have at the end was delivered, and is committed whole.
fn nothing_is_skipped(bodies: &[String], world: &World) {
    for message in world.cluster().log("orders") {
        let body = String::from_utf8_lossy(message.body()).into_owned();
        assert!(bodies.contains(&body), "{body} was never delivered");
    }
    world.cluster().expect_consumed("billing", "orders").expect("all is committed");
}

#[test]
fn a_stranger_that_knows_neither_topic_nor_group_takes_nothing_and_delays_no_send_for_good() {
    for seed in 30..34 {
        let (outcomes, bodies, world, stranger) = displaced(seed, false);
        assert_eq!(outcomes.len(), 90);
        let attempts = |outcome: &SendOutcome| match outcome {
            SendOutcome::Acknowledged(receipt) => receipt.attempts,
            other => panic!("the other broker would have taken it: {other:?}"),
        };
        assert!(outcomes.iter().map(attempts).max() > Some(1), "nobody asked the stranger");
        assert_eq!(stranger.message_count("orders"), 0);
        assert_eq!(world.cluster().message_count("orders"), 90);
        nothing_is_skipped(&bodies, &world);
    }
}

#[test]
fn a_stranger_that_takes_everything_costs_the_first_broker_no_message() {
    for seed in 34..38 {
        let (outcomes, bodies, world, stranger) = displaced(seed, true);
        assert_eq!(outcomes.len(), 90);
        assert!(stranger.message_count("orders") > 0, "it was not a stranger");
        nothing_is_skipped(&bodies, &world);
    }
}
