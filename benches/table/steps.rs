//! Case 13 continued: a client that consumes and produces on 10,000 queues of 200 brokers, in the simulated world, from
//! its first step on. How long the longest step takes: nobody else on the same loop waits longer for it.

use std::time::{Duration, Instant};

use rocketmq_engine::{Event, Message, ProducerConfig, PushConsumerConfig, SendOptions, TagFilter};
use rocketmq_testkit::Cluster;
use rocketmq_testkit::sim::World;

const BROKERS: usize = 200;
const QUEUES: u32 = 50;
/// Assignments, three rebalances, six rounds of commits, two heartbeats, two polls of the route.
const VIRTUAL: Duration = Duration::from_secs(65);
/// The same run again and again: what the machine adds to a step it does not add to it each time.
const RUNS: usize = 5;

/// What was found.
pub struct Longest {
    pub steps: usize,
    pub nanos: u64,
    /// When in the run it was.
    pub at: Duration,
}

fn world() -> World {
    let cluster = Cluster::builder().brokers(BROKERS).topic("orders", QUEUES);
    let mut world = World::builder(1).cluster(cluster).build();
    let client = world.add_client();
    world.with(client, |client, now| {
        let orders = client.topic("orders").expect("a good name");
        let consumer = client.create_push_consumer(PushConsumerConfig::new("billing"), now).expect("new");
        client.subscribe(consumer, &orders, TagFilter::all(), now).expect("accepted");
        let producer = client.create_producer(ProducerConfig::new("shop"), now).expect("new");
        client.send(producer, Message::new(&orders, "first"), SendOptions::default(), now).expect("accepted");
    });
    world
}

/// Runs it, each step as long as the quickest of its runs took.
pub fn longest() -> Longest {
    let mut least: Vec<(u64, Duration)> = Vec::new();
    for run in 0..RUNS {
        let (mut world, mut step) = (world(), 0);
        while world.elapsed() < VIRTUAL {
            let began = Instant::now();
            let more = world.step();
            let took = began.elapsed().as_nanos() as u64;
            if !more {
                break;
            }
            match least.get_mut(step) {
                _ if run == 0 => least.push((took, world.elapsed())),
                Some((nanos, _)) => *nanos = took.min(*nanos),
                None => {}
            }
            step += 1;
        }
        assert_eq!(step, least.len(), "the same run each time");
        let events = world.events(0);
        let assigned = events.iter().map(|event| match event {
            Event::Assigned { queues, .. } => queues.len(),
            _ => 0,
        });
        assert!(assigned.sum::<usize>() >= BROKERS * QUEUES as usize, "it consumes them all");
    }
    let (nanos, at) = least.iter().copied().max().unwrap_or_default();
    Longest { steps: least.len(), nanos, at }
}
