//! Law 7: each limit has a field, an error that names the remedy (or a notice), and a test that reaches it. The table
//! is in `docs/ARCHITECTURE.md`.

use std::time::Duration;

use bytes::Bytes;
use rocketmq_engine::wire::codes::{RequestCode as Q, ResponseCode as A};
use rocketmq_engine::wire::frame::FrameError;
use rocketmq_engine::{
    Client, ClientConfig, CloseCause, ConnId, ConsumeFrom, Event, Message, Notice, ProducerConfig,
    PushConsumerConfig, RejectReason, SendOptions, Settlement, TagFilter,
};

use crate::harness::{World, route_of, stored};
use crate::sends::{endings, producing, send};

fn config() -> ClientConfig {
    ClientConfig::new("ns:1").expect("valid")
}

/// A world of this configuration with a producer of topic `T`, whose one queue is at broker `a`.
fn world(config: ClientConfig) -> (World, impl Fn(&mut World, usize) -> Result<(), RejectReason>) {
    let mut w = World::with(config);
    w.route("T", &[("a", 1)]);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    let _ = w.client.writable_queues(&topic, w.now);
    w.turn();
    (w, move |w, len| {
        let message = Message::new(&topic, vec![7; len]);
        w.client
            .send(producer, message, SendOptions::default(), w.now)
            .map(|_| ())
            .map_err(|refused| refused.reason)
    })
}

fn names(reason: &RejectReason, field: &str) {
    assert!(reason.to_string().contains(field), "{reason}: the remedy `{field}` is missing");
}

#[test]
fn max_in_flight() {
    let mut config = config();
    config.connection.max_in_flight = 8;
    let (mut w, send) = world(config);
    let refused = (0..20).find_map(|_| send(&mut w, 10).err()).expect("full");
    assert!(matches!(refused, RejectReason::InFlightFull { limit: 8 }));
    names(&refused, "max_in_flight");
}

#[test]
fn a_refused_request_is_counted_with_the_memory_it_borrowed() {
    let mut config = config();
    config.connection.max_in_flight = 8;
    let (mut w, send) = world(config);
    w.silent.insert("a:1".into());
    while send(&mut w, 10).is_ok() {}
    // All is written, so the connection has left its storage to others; the refused request borrows it.
    w.turn();
    let before = w.client.held_bytes();
    assert!(matches!(send(&mut w, 10), Err(RejectReason::InFlightFull { limit: 8 })));
    assert_eq!(w.client.held_bytes(), before);
}

#[test]
fn max_queued_bytes() {
    let mut config = config();
    config.connection.max_queued_bytes = 100_000;
    let (mut w, send) = world(config);
    w.stalled.insert("a:1".into());
    let refused = (0..20).find_map(|_| send(&mut w, 10_000).err()).expect("full");
    assert!(matches!(refused, RejectReason::WriteQueueFull { limit: 100_000, .. }));
    names(&refused, "max_queued_bytes");
}

#[test]
fn max_message_size() {
    let (mut w, send) = world(config());
    let refused = send(&mut w, (4 << 20) + 1).expect_err("too large");
    assert!(matches!(refused, RejectReason::Message(_)));
}

#[test]
fn max_names() {
    let mut config = config();
    config.max_names = 3;
    let mut w = World::with(config);
    w.route("T", &[("a", 1), ("b", 1), ("c", 1)]);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    send(&mut w, producer, &topic);
    w.turn();
    let left_out =
        |n: &Notice| matches!(n, Notice::RouteFailed { reason, .. } if reason.contains("max_names"));
    assert!(w.notices.iter().any(left_out), "{:?}", w.notices);
    assert_eq!(w.client.writable_queues(&topic, w.now).len(), 2);
    names(&w.client.topic("other").expect_err("full"), "max_names");
}

#[test]
fn max_groups() {
    let mut config = config();
    config.max_groups = 2;
    let mut w = World::with(config);
    w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    w.client.create_push_consumer(PushConsumerConfig::new("G"), w.now).expect("new");
    let refused = w.client.create_producer(ProducerConfig::new("Q"), w.now).expect_err("full");
    names(&refused.reason, "max_groups");
    let refused = w.client.create_push_consumer(PushConsumerConfig::new("H"), w.now).expect_err("full");
    names(&refused.reason, "max_groups");
}

#[test]
fn max_subscriptions() {
    let mut w = World::new();
    let mut config = PushConsumerConfig::new("G");
    config.max_subscriptions = 2;
    let consumer = w.client.create_push_consumer(config, w.now).expect("new");
    for name in ["a", "b", "a"] {
        let topic = w.topic(name);
        w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect("room");
    }
    let topic = w.topic("c");
    names(
        &w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect_err("full"),
        "max_subscriptions",
    );
}

#[test]
fn max_notices() {
    let mut config = config();
    config.max_notices = 5;
    let (mut w, send) = world(config);
    send(&mut w, 10).expect("room");
    w.turn();
    let conn = w.conns("a:1")[0];
    for _ in 0..9 {
        w.ask_client(conn, Q::GET_CONSUMER_RUNNING_INFO, &[]);
    }
    let mut kept = 0;
    while w.client.poll_notice().is_some() {
        kept += 1;
    }
    assert_eq!((kept, w.client.stats().notices_dropped), (5, 4));
}

#[test]
fn max_frame_and_max_head() {
    for (bytes, limit) in
        [([0x7f, 0, 0, 0, 0, 0, 0, 2], "max_frame"), ([0, 0x90, 0, 0, 0, 0x80, 0, 0], "max_head")]
    {
        let mut config = config();
        config.connection.frame_limits.max_head = 1 << 20;
        let (mut w, send) = world(config);
        send(&mut w, 10).expect("room");
        w.turn();
        let conn = w.conns("a:1")[0];
        w.bytes(conn, &bytes);
        w.turn();
        let cause = w.notices.iter().find_map(|n| match n {
            Notice::Closed { cause: CloseCause::Frame(error), .. } => Some(error),
            _ => None,
        });
        let cause: &FrameError = cause.expect("closed");
        assert!(cause.to_string().contains(limit), "{cause}");
        assert!(matches!(w.expect(Q::SEND_MESSAGE_V2).to.as_str(), "a:1"));
    }
}

#[test]
fn frame_timeout() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    send(&mut w, producer, &topic);
    w.turn();
    let conn = w.conns("a:1")[0];
    w.silent.insert("a:1".into());
    w.bytes(conn, &[0, 0, 1]);
    // A byte now and then changes nothing.
    for _ in 0..7 {
        w.advance(Duration::from_secs(9));
        w.bytes(conn, &[0]);
    }
    w.turn();
    assert!(w.notices.iter().any(|n| matches!(n, Notice::Closed { cause: CloseCause::FrameTimeout, .. })));
}

#[test]
fn an_announced_length_allocates_nothing() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    send(&mut w, producer, &topic);
    w.turn();
    let conn = w.conns("a:1")[0];
    let before = w.client.held_bytes();
    w.bytes(conn, &[0, 0xff, 0, 0, 0, 0, 0, 2, b'{']);
    assert!(w.client.held_bytes() - before <= (1 << 20) + (64 << 10), "{}", w.client.held_bytes() - before);
    w.client.handle_bytes(conn, Bytes::from_static(b"more"), w.now);
    assert!(w.client.held_bytes() - before <= (1 << 20) + (64 << 10));
}

/// A consumer of `T` whose queues are at these brokers, its pulls on the way.
fn consuming(mut config: ClientConfig, budget: usize, brokers: &[(&str, u32)]) -> World {
    config.connection.frame_limits.max_frame = 1 << 20;
    config.memory_budget = budget;
    let mut w = World::with(config);
    w.route("T", brokers);
    let push = PushConsumerConfig::new("G").consume_from(ConsumeFrom::First);
    let consumer = w.client.create_push_consumer(push, w.now).expect("new");
    let topic = w.topic("T");
    w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect("running");
    w.advance(Duration::ZERO);
    let ids = format!("{{\"consumerIdList\":[{:?}]}}", w.client.client_id());
    let asked = w.expect(Q::GET_CONSUMER_LIST_BY_GROUP);
    w.answer(&asked, A::SUCCESS, &[], ids.as_bytes());
    while let Some(asked) = w.find(Q::QUERY_CONSUMER_OFFSET) {
        w.answer(&asked, A::SUCCESS, &[("offset", "0")], b"");
    }
    w
}

/// Answers a pull with messages from its offset on.
fn found(w: &mut World, offset: i64, body: &[u8]) -> (Vec<(&'static str, String)>, Vec<u8>) {
    let _ = w;
    let next = offset + 4;
    let ext = vec![
        ("nextBeginOffset", next.to_string()),
        ("minOffset", "0".to_string()),
        ("maxOffset", "1000000".to_string()),
        ("suggestWhichBrokerId", "0".to_string()),
    ];
    (ext, stored("T", 0, offset..next, body))
}

#[test]
fn memory_budget_holds_a_slow_consumer_and_a_fast_producer_at_every_step() {
    let budget = 8 << 20;
    let mut w = consuming(config(), budget, &[("a", 8), ("b", 8)]);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    let (mut refused, mut most) = (0, 0);
    for round in 0..400 {
        let message = Message::new(&topic, vec![1; 50_000]);
        match w.client.send(producer, message, SendOptions::default(), w.now) {
            Ok(_) => {}
            Err(rejected) => {
                assert!(matches!(rejected.reason, RejectReason::MemoryBudget { .. }), "{rejected}");
                names(&rejected.reason, "memory_budget");
                refused += 1;
            }
        }
        most = most.max(w.client.held_bytes());
        // A read that is paused brings nothing.
        if let Some(pull) = w.find(Q::PULL_MESSAGE) {
            if w.unread.contains(&pull.conn) {
                w.asked.push_back(pull);
            } else {
                let offset: i64 = pull.field("queueOffset").parse().expect("a number");
                let (ext, body) = found(&mut w, offset, &vec![3; 60_000]);
                let ext: Vec<(&str, &str)> = ext.iter().map(|(key, value)| (*key, value.as_str())).collect();
                w.answer(&pull, A::SUCCESS, &ext, &body);
                most = most.max(w.client.held_bytes());
            }
        }
        w.turn();
        assert!(w.client.held_bytes() <= budget, "{} bytes after round {round}", w.client.held_bytes());
        w.advance(Duration::from_millis(1));
    }
    assert!(refused > 0 && w.client.stats().reading_paused > 0, "{refused} refused");
    assert!(most > budget / 4 && most <= budget, "{most}");
    // The application settles and polls: everything goes on, and all is given back.
    w.unstall("a:1");
    let mut settled = 0;
    for _ in 0..2000 {
        w.advance(Duration::from_millis(10));
        let Some(at) = w.events.iter().position(|event| matches!(event, Event::Delivered(_))) else { break };
        let Some(Event::Delivered(delivery)) = w.events.remove(at) else { unreachable!("found there") };
        settled += delivery.len();
        w.client.settle(delivery, Settlement::Done, w.now).expect("ours");
    }
    assert!(settled > 20 && w.unread.is_empty());
    w.asked.clear();
    w.advance(Duration::from_secs(5));
    let _ = endings(&mut w);
    assert!(w.client.held_bytes() < 1 << 20, "{} bytes are left", w.client.held_bytes());
}

/// A client with so small a budget as is allowed, and connections to so many brokers; an eighth of it is one frame.
fn connected(brokers: usize) -> (World, usize, Vec<ConnId>) {
    let mut config = config();
    config.connection.frame_limits.max_frame = 64 << 10;
    config.memory_budget = 8 * config.connection.frame_limits.max_frame;
    let budget = config.memory_budget;
    let names: Vec<String> = (0..brokers).map(|n| format!("broker-{n}")).collect();
    let brokers: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let (mut w, _) = world(config);
    w.route("many", &brokers);
    let topic = w.topic("many");
    let _ = w.client.writable_queues(&topic, w.now);
    w.advance(Duration::from_secs(1));
    let conns = names.iter().flat_map(|name| w.conns(&format!("{name}:1"))).collect();
    (w, budget, conns)
}

#[test]
fn frames_that_have_begun_on_many_connections_hold_what_has_arrived_of_them() {
    let (mut w, budget, conns) = connected(24);
    assert_eq!(conns.len(), 24);
    for conn in conns {
        w.client.handle_slice(conn, &[0, 0, 0, 200, 0, 0, 0], w.now);
        assert!(w.client.held_bytes() <= budget, "{} bytes", w.client.held_bytes());
    }
}

#[test]
fn read_buffers_that_were_not_needed_are_given_back() {
    let (mut w, budget, conns) = connected(24);
    let before = w.client.held_bytes();
    for conn in conns {
        assert!(w.client.read_buf(conn).is_some());
        w.client.handle_read(conn, 0, w.now);
        assert!(w.client.held_bytes() <= budget, "{} bytes", w.client.held_bytes());
    }
    assert!(w.client.held_bytes() <= before + (70 << 10), "{} bytes, {before} before", w.client.held_bytes());
    // Nothing was heard: silent peers are found as usual.
    w.silent.extend((0..24).map(|n| format!("broker-{n}:1")));
    w.advance(Duration::from_secs(180));
    assert!(w.closed.iter().any(|(to, _)| to == "broker-3:1"), "{:?}", w.closed);
}

#[test]
fn a_batch_is_given_back_though_an_older_one_is_open() {
    let mut w = consuming(config(), 64 << 20, &[("a", 1)]);
    let mut open = None;
    for round in 0..40 {
        let pull = w.expect(Q::PULL_MESSAGE);
        let offset: i64 = pull.field("queueOffset").parse().expect("a number");
        let (ext, body) = found(&mut w, offset, &vec![3; 100_000]);
        let ext: Vec<(&str, &str)> = ext.iter().map(|(key, value)| (*key, value.as_str())).collect();
        w.answer(&pull, A::SUCCESS, &ext, &body);
        w.turn();
        let at = w.events.iter().position(|event| matches!(event, Event::Delivered(_))).expect("delivered");
        let Some(Event::Delivered(delivery)) = w.events.remove(at) else { unreachable!("found there") };
        if round == 0 {
            open = Some(delivery);
        } else {
            w.client.settle(delivery, Settlement::Done, w.now).expect("ours");
        }
    }
    assert!(w.client.held_bytes() < 4 << 20, "{} bytes for one open batch of 400 KB", w.client.held_bytes());
    w.client.settle(open.expect("the first"), Settlement::Done, w.now).expect("ours");
}

#[test]
fn a_budget_that_holds_no_frame_is_refused() {
    let mut config = config();
    config.memory_budget = 8 * config.connection.frame_limits.max_frame - 1;
    let error =
        Client::new(config, [1; 32], rocketmq_engine::Instant::ZERO, Duration::ZERO).expect_err("too small");
    assert!(error.to_string().contains("memory_budget"), "{error}");
    let _ = route_of(&[]);
}
