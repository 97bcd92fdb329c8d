//! Connections, name servers, heartbeats: what becomes of them when peers are slow, silent, mad or gone.

use std::collections::VecDeque;
use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode as Q, ResponseCode as A};
use rocketmq_engine::{
    Action, ClientConfig, CloseCause, Message, Notice, ProducerConfig, PushConsumerConfig, SendOptions,
    SendOutcome, TagFilter, TransportError,
};

use crate::harness::{World, route_of};
use crate::sends::{endings, producing, send};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn closed_silent(w: &World) -> usize {
    let timed_out = CloseCause::Transport(TransportError::TimedOut);
    w.notices.iter().filter(|n| matches!(n, Notice::Closed { cause, .. } if *cause == timed_out)).count()
}

#[test]
fn a_peer_that_only_swallows_is_left_within_two_heartbeats() {
    let (mut w, producer, topic) = producing(&[("a", 1), ("b", 1)]);
    send(&mut w, producer, &topic);
    w.turn();
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    w.store(&asked);
    w.silent.insert(asked.to.clone());
    // It takes what is sent and says nothing: after the first time-out the other broker is preferred.
    w.advance(seconds(28));
    let mut wasted = 0;
    for _ in 0..10 {
        send(&mut w, producer, &topic);
        for _ in 0..25 {
            w.advance(Duration::from_millis(100));
            while let Some(next) = w.find(Q::SEND_MESSAGE_V2) {
                if next.to == asked.to { wasted += 1 } else { w.store(&next) }
            }
        }
    }
    assert!(wasted <= 2, "{wasted} sends went to the silent one");
    w.advance(seconds(60));
    assert_eq!(closed_silent(&w), 1);
    let endings = endings(&mut w);
    assert!(
        endings.iter().all(|(_, outcome)| matches!(outcome, SendOutcome::Acknowledged(_))),
        "{endings:?}"
    );
}

#[test]
fn one_slow_answer_costs_no_shared_connection() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    send(&mut w, producer, &topic);
    let slow = w.expect(Q::SEND_MESSAGE_V2);
    w.advance(seconds(3));
    assert!(matches!(&endings(&mut w)[..], [(_, SendOutcome::Indeterminate(_))]));
    for _ in 0..4 {
        w.advance(seconds(30));
    }
    assert_eq!(w.conns(&slow.to), [slow.conn], "heartbeats are answered");
    w.store(&slow);
    assert_eq!(w.client.stats().unmatched_answers, 1);
}

#[test]
fn a_heartbeat_that_failed_is_said_again_while_pulls_wait() {
    let mut w = World::new();
    w.route("T", &[("a", 1)]);
    w.route("%RETRY%G", &[("a", 1)]);
    w.silent.insert("a:1".into());
    let consumer = w.client.create_push_consumer(PushConsumerConfig::new("G"), w.now).expect("new");
    let topic = w.topic("T");
    w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect("running");
    w.advance(Duration::ZERO);
    let ids = format!("{{\"consumerIdList\":[{:?}]}}", w.client.client_id());
    let mut beats = 0;
    for _ in 0..70 {
        w.advance(seconds(1));
        while let Some(asked) = w.asked.pop_front() {
            match asked.code {
                // The broker refuses every registration.
                Q::HEART_BEAT => {
                    beats += 1;
                    w.answer(&asked, A::SYSTEM_ERROR, &[], b"");
                }
                Q::GET_CONSUMER_LIST_BY_GROUP => w.answer(&asked, A::SUCCESS, &[], ids.as_bytes()),
                Q::QUERY_CONSUMER_OFFSET => w.answer(&asked, A::SUCCESS, &[("offset", "0")], b""),
                // A long poll: always one on its way.
                _ => {}
            }
            w.turn();
        }
    }
    assert!((3..10).contains(&beats), "{beats} heartbeats in 70 s");
}

#[test]
fn registrations_renewed_while_one_is_unanswered_begin_no_rows_of_heartbeats() {
    let mut w = World::new();
    w.route("%RETRY%G", &[("a", 1)]);
    w.silent.insert("a:1".into());
    let consumer = w.client.create_push_consumer(PushConsumerConfig::new("G"), w.now).expect("new");
    for name in ["T0", "T1", "T2", "T3", "T4", "T5"] {
        w.route(name, &[("a", 1)]);
        let topic = w.topic(name);
        w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect("running");
        w.advance(Duration::from_millis(200));
    }
    w.asked.clear();
    let mut beats = 0;
    for _ in 0..20 {
        w.advance(seconds(1));
        beats += w.asked.drain(..).filter(|asked| asked.code == Q::HEART_BEAT).count();
    }
    // One at a time, each followed by the next when it ran out.
    assert!((1..=8).contains(&beats), "{beats} heartbeats in 20 s");
}

#[test]
fn a_broker_that_answers_heartbeats_and_no_sends_is_not_asked_for_life_at_each_send() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    w.silent.insert("a:1".into());
    let (mut beats, mut longest_row) = (Vec::new(), 0);
    for tenth in 0..600_usize {
        if tenth % 3 == 0 {
            send(&mut w, producer, &topic);
        }
        w.advance(Duration::from_millis(100));
        while let Some(asked) = w.asked.pop_front() {
            if asked.code == Q::HEART_BEAT {
                beats.push(tenth);
                w.answer(&asked, A::SUCCESS, &[], b"");
                w.turn();
            }
        }
        longest_row = longest_row.max(beats.iter().filter(|at| *at + 100 > tenth).count());
    }
    assert!((2..=6).contains(&longest_row), "{longest_row} heartbeats in 10 s");
}

#[test]
fn peers_that_accept_and_hang_up_are_dialled_ever_more_rarely() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    send(&mut w, producer, &topic);
    w.silent.insert("a:1".into());
    let mut dials = 0;
    for _ in 0..600 {
        w.advance(Duration::from_millis(100));
        for conn in w.conns("a:1") {
            dials += 1;
            w.hang_up(conn, None);
        }
    }
    assert!((5..25).contains(&dials), "{dials} dials in a minute");
}

#[test]
fn a_peer_that_asks_and_does_not_read_fills_no_memory() {
    let mut config = ClientConfig::new("ns:1").expect("valid");
    config.connection.max_queued_bytes = 10_000;
    config.max_notices = 8;
    let mut w = World::with(config);
    w.route("T", &[("a", 1)]);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    send(&mut w, producer, &topic);
    w.turn();
    w.stalled.insert("a:1".into());
    let conn = w.conns("a:1")[0];
    let before = w.client.held_bytes();
    for _ in 0..5000 {
        w.ask_client(conn, Q::GET_CONSUMER_RUNNING_INFO, &[("consumerGroup", "G")]);
    }
    assert!(w.client.held_bytes() - before < 60_000, "{} bytes", w.client.held_bytes() - before);
    w.turn();
    assert!(w.notices.len() < 20);
}

#[test]
fn an_empty_route_replaces_no_good_one() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    send(&mut w, producer, &topic);
    w.turn();
    for empty in [&[][..], &[("a", 0)]] {
        w.silent.insert("ns:1".into());
        w.asked.retain(|asked| asked.code != Q::GET_ROUTEINFO_BY_TOPIC);
        w.advance(seconds(31));
        if let Some(asked) = w.find(Q::GET_ROUTEINFO_BY_TOPIC) {
            let mut route = route_of(empty);
            if empty.is_empty() {
                route.queue_datas.clear();
            }
            w.answer(&asked, A::SUCCESS, &[], &route.encode());
            w.turn();
        }
        w.silent.clear();
        if empty.is_empty() {
            assert_eq!(w.client.writable_queues(&topic, w.now).len(), 1);
        }
    }
}

#[test]
fn a_new_topic_needs_no_name_server_that_is_dead() {
    let mut w = World::with(ClientConfig::new("dead:1;ns:1").expect("valid"));
    w.hanging.insert("dead:1".into());
    w.route("TBW102", &[("a", 8)]);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("new");
    send(&mut w, producer, &topic);
    w.advance(Duration::from_millis(2500));
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    assert_eq!(asked.field("b"), "new");
    w.store(&asked);
    assert!(matches!(&endings(&mut w)[..], [(_, SendOutcome::Acknowledged(_))]));
}

#[test]
fn routes_that_stay_wrong_are_doubted_ever_more_rarely() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    let mut asked_before = 0;
    for round in 0..2 {
        for _ in 0..200 {
            send(&mut w, producer, &topic);
            w.advance(Duration::from_millis(100));
            while let Some(asked) = w.find(Q::SEND_MESSAGE_V2) {
                w.answer(&asked, A::TOPIC_NOT_EXIST, &[], b"");
            }
            let _ = endings(&mut w);
        }
        let asked = w.client.stats().route_requests;
        if round == 1 {
            assert!(asked - asked_before < 12, "{} routes in 20 s", asked - asked_before);
        }
        asked_before = asked;
    }
}

#[test]
fn after_the_end_nothing_is_opened() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    send(&mut w, producer, &topic);
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    w.store(&asked);
    w.client.shutdown(seconds(1), w.now);
    w.advance(seconds(2));
    let other = w.topic("other");
    assert!(w.client.writable_queues(&other, w.now).is_empty());
    let message = Message::new(&topic, "x");
    assert!(w.client.send(producer, message, SendOptions::default(), w.now).is_err());
    let connects = w.client.stats().connects;
    w.advance(seconds(100));
    assert_eq!(w.turn().until, None);
    assert_eq!(w.client.stats().connects, connects);
}

#[test]
fn a_broker_that_no_route_names_any_more_loses_its_connection_and_is_not_dialled_again() {
    let (mut w, producer, topic) = producing(&[("a", 1), ("b", 1)]);
    for _ in 0..2 {
        send(&mut w, producer, &topic);
        let asked = w.expect(Q::SEND_MESSAGE_V2);
        w.store(&asked);
    }
    w.advance(seconds(1));
    assert_eq!((w.conns("a:1").len(), w.conns("b:1").len()), (1, 1));
    w.route("T", &[("a", 1)]);
    w.advance(seconds(95));
    assert_eq!((w.conns("a:1").len(), w.conns("b:1").len()), (1, 0), "I27");
    let connects = w.client.stats().connects;
    w.advance(seconds(200));
    assert_eq!(w.client.stats().connects, connects);
    // It comes back.
    w.route("T", &[("a", 1), ("b", 1)]);
    w.advance(seconds(31));
    assert_eq!(w.conns("b:1").len(), 1);
    // It dies, and then leaves the route.
    w.refusing.insert("b:1".into());
    let conn = w.conns("b:1")[0];
    w.hang_up(conn, Some(TransportError::Reset));
    w.advance(seconds(20));
    w.route("T", &[("a", 1)]);
    w.advance(seconds(95));
    let failures = w.client.stats().connect_failures;
    w.advance(seconds(200));
    assert_eq!(
        w.client.stats().connect_failures,
        failures,
        "a broker that is gone for good is not dialled for ever"
    );
}

/// A client that sends and consumes, with nothing to do for ten minutes: each time it is woken at its own deadline it
/// does something that can be seen. No deadline is set too early, and none for nothing.
#[test]
fn an_idle_client_is_never_woken_for_nothing() {
    let mut w = World::new();
    w.route("T", &[("a", 2), ("b", 2)]);
    w.route("%RETRY%G", &[("a", 1), ("b", 1)]);
    let topic = w.topic("T");
    let consumer = w.client.create_push_consumer(PushConsumerConfig::new("G"), w.now).expect("new");
    w.client.subscribe(consumer, &topic, TagFilter::all(), w.now).expect("running");
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let message = Message::builder(&topic, "body").build().expect("good");
    w.client.send(producer, message, SendOptions::default(), w.now).expect("accepted");
    let ids = format!("{{\"consumerIdList\":[{:?}]}}", w.client.client_id());
    let end = w.now + seconds(600);
    let (mut polls, mut woken, mut in_vain) = (VecDeque::new(), 0, Vec::new());
    loop {
        let wait = w.turn();
        if let Some(asked) = w.asked.pop_front() {
            match asked.code {
                Q::GET_CONSUMER_LIST_BY_GROUP => w.answer(&asked, A::SUCCESS, &[], ids.as_bytes()),
                Q::QUERY_CONSUMER_OFFSET => w.answer(&asked, A::SUCCESS, &[("offset", "0")], b""),
                Q::PULL_MESSAGE => polls.push_back((w.now + seconds(15), asked)),
                Q::SEND_MESSAGE_V2 => w.store(&asked),
                _ => w.answer(&asked, A::SUCCESS, &[], b""),
            }
            continue;
        }
        let held = polls.front().map(|(at, _)| *at);
        let until = wait.until.expect("heartbeats");
        if let Some(at) = held.filter(|at| *at <= until) {
            w.now = w.now.max(at);
            let (_, asked) = polls.pop_front().expect("held");
            let ext = [
                ("nextBeginOffset", "0"),
                ("minOffset", "0"),
                ("maxOffset", "0"),
                ("suggestWhichBrokerId", "0"),
            ];
            w.answer(&asked, A::PULL_NOT_FOUND, &ext, b"");
            continue;
        }
        if until > end {
            break;
        }
        w.now = w.now.max(until);
        w.client.handle_timeout(w.now);
        woken += 1;
        let mut after = w.client.clone();
        let silent = matches!(after.poll_action(), Action::Wait(wait) if !wait.events);
        if silent && after.poll_notice().is_none() {
            in_vain.push((w.now, wait.reason));
        }
    }
    assert!(
        in_vain.is_empty(),
        "{} of {woken} wakes, {:?}",
        in_vain.len(),
        in_vain.get(..in_vain.len().min(20))
    );
    // Heartbeats, routes, rebalances, and with each of these the offsets once more: 123.
    assert!((100..150).contains(&woken), "{woken}");
}
