//! One ending for each send, and a true one.

use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode as Q, ResponseCode as A};
use rocketmq_engine::{
    ClientConfig, Event, Message, OnewayOutcome, ProducerConfig, ProducerId, Queue, RejectReason, SendId,
    SendOptions, SendOutcome, Topic, TransportError,
};

use crate::harness::World;

/// A world with a producer of topic `T`, whose queues are at these brokers.
pub(crate) fn producing(brokers: &[(&str, u32)]) -> (World, ProducerId, Topic) {
    let mut w = World::new();
    w.route("T", brokers);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    (w, producer, topic)
}

pub(crate) fn send(w: &mut World, producer: ProducerId, topic: &Topic) -> SendId {
    let message = Message::new(topic, "body");
    w.client.send(producer, message, SendOptions::default(), w.now).expect("accepted")
}

/// The endings so far of sends that wait for an answer.
pub(crate) fn endings(w: &mut World) -> Vec<(SendId, SendOutcome)> {
    w.turn();
    let mut endings = Vec::new();
    w.events.retain(|event| match event {
        Event::Sent { id, outcome, .. } => {
            endings.push((*id, outcome.clone()));
            false
        }
        _ => true,
    });
    endings
}

#[test]
fn a_oneway_send_ends_when_its_last_byte_is_written() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    let message = Message::new(&topic, vec![7; 5000]);
    w.stalled.insert("a:1".into());
    let id = w.client.send_oneway(producer, message, SendOptions::default(), w.now).expect("accepted");
    w.turn();
    let conn = w.conns("a:1")[0];
    w.take(conn, 4000);
    assert!(w.events.is_empty());
    w.unstall("a:1");
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    assert!(asked.oneway && asked.body == [7; 5000]);
    let Some(Event::OnewaySent { id: ended, outcome: OnewayOutcome::Written, .. }) = w.events.pop_front()
    else {
        panic!("not ended")
    };
    assert_eq!(ended, id);
}

#[test]
fn the_last_good_route_stays_when_nobody_knows_the_topic_any_more() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    send(&mut w, producer, &topic);
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    w.store(&asked);
    w.forget_route("T");
    w.advance(Duration::from_secs(100));
    send(&mut w, producer, &topic);
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    w.store(&asked);
    let endings = endings(&mut w);
    assert!(endings.iter().all(|(_, outcome)| matches!(outcome, SendOutcome::Acknowledged(_))));
    assert_eq!(endings.len(), 2);
}

fn acknowledged(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Acknowledged(_))
}

fn failed(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Failed(_))
}

fn indeterminate(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Indeterminate(_))
}

#[test]
fn a_storm_of_busy_answers_is_not_answered_with_a_storm_of_retries() {
    for brokers in [&[("a", 4)][..], &[("a", 4), ("b", 4)]] {
        let (mut w, producer, topic) = producing(brokers);
        let (mut ended, mut requests) = (0, 0);
        for _ in 0..500 {
            send(&mut w, producer, &topic);
            w.advance(Duration::from_millis(4));
            while let Some(asked) = w.find(Q::SEND_MESSAGE_V2) {
                requests += usize::from(asked.to == "a:1");
                w.answer(&asked, A::SYSTEM_BUSY, &[], b"");
            }
            let endings = endings(&mut w);
            assert!(endings.iter().all(|(_, outcome)| failed(outcome)), "a busy broker has stored nothing");
            ended += endings.len();
        }
        assert!(requests <= 500 * 12 / 10 + 10, "{requests} requests for 500 sends");
        w.advance(Duration::from_secs(4));
        assert_eq!(ended + endings(&mut w).len(), 500);
    }
}

#[test]
fn what_one_broker_refuses_the_other_gets_in_any_number() {
    let (mut w, producer, topic) = producing(&[("a", 4), ("b", 4)]);
    let mut stored = 0;
    for _ in 0..200 {
        send(&mut w, producer, &topic);
        w.advance(Duration::from_millis(30));
        while let Some(asked) = w.find(Q::SEND_MESSAGE_V2) {
            match &asked.to[..] {
                "a:1" => w.answer(&asked, A::SYSTEM_BUSY, &[], b""),
                _ => w.store(&asked),
            }
        }
        w.advance(Duration::from_millis(30));
        while let Some(asked) = w.find(Q::SEND_MESSAGE_V2) {
            assert_eq!(asked.to, "b:1", "another broker is asked next");
            w.store(&asked);
        }
        stored += endings(&mut w).iter().filter(|(_, outcome)| acknowledged(outcome)).count();
    }
    assert_eq!(stored, 200);
}

#[test]
fn retries_do_not_come_back_all_at_once() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    for _ in 0..8 {
        send(&mut w, producer, &topic);
    }
    while let Some(asked) = w.find(Q::SEND_MESSAGE_V2) {
        w.answer(&asked, A::SYSTEM_BUSY, &[], b"");
    }
    let mut at = Vec::new();
    for ms in 0..30 {
        w.advance(Duration::from_millis(1));
        while w.find(Q::SEND_MESSAGE_V2).is_some() {
            at.push(ms);
        }
    }
    at.dedup();
    assert!(at.len() > 3 && at[0] >= 9, "{at:?}");
}

#[test]
fn a_peer_about_to_go_is_left_for_a_new_connection() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    let options = SendOptions { max_attempts: Some(1), ..SendOptions::default() };
    let pending = send(&mut w, producer, &topic);
    let slow = w.expect(Q::SEND_MESSAGE_V2);
    w.client.send(producer, Message::new(&topic, "x"), options, w.now).expect("accepted");
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    let old = asked.conn;
    w.answer(&asked, A::GO_AWAY, &[], b"");
    w.advance(Duration::from_millis(200));
    let again = w.expect(Q::SEND_MESSAGE_V2);
    assert!(again.conn != old, "on a new connection");
    w.store(&again);
    assert!(w.closed.is_empty(), "an answer is still to come");
    w.store(&slow);
    let endings = endings(&mut w);
    assert!(endings.iter().all(|(_, outcome)| acknowledged(outcome)) && endings.len() == 2);
    assert!(endings.iter().any(|(id, _)| *id == pending));
    assert_eq!(w.closed.len(), 1, "drained, closed");
    // Sent away again and again: once is for nothing, then it counts.
    let options = SendOptions { max_attempts: Some(1), ..SendOptions::default() };
    w.client.send(producer, Message::new(&topic, "x"), options, w.now).expect("accepted");
    for _ in 0..2 {
        w.advance(Duration::from_secs(1));
        let asked = w.expect(Q::SEND_MESSAGE_V2);
        w.answer(&asked, A::GO_AWAY, &[], b"");
    }
    let endings = self::endings(&mut w);
    assert!(matches!(&endings[..], [(_, outcome)] if failed(outcome)), "{endings:?}");
}

#[test]
fn each_way_to_end_is_told_truly_and_once() {
    // What happens to the one attempt, and how it must end.
    type Case = (&'static str, fn(&mut World, SendId), fn(&SendOutcome) -> bool);
    let cases: &[Case] = &[
        (
            "stored",
            |w, _| {
                let asked = w.expect(Q::SEND_MESSAGE_V2);
                w.store(&asked);
            },
            acknowledged,
        ),
        (
            "not written, cancelled",
            |w, id| {
                w.stalled.insert("a:1".into());
                w.turn();
                assert!(w.client.cancel(id, w.now));
            },
            failed,
        ),
        (
            "half written, cancelled",
            |w, id| {
                half(w);
                assert!(w.client.cancel(id, w.now));
            },
            indeterminate,
        ),
        (
            "written, cancelled",
            |w, id| {
                w.turn();
                assert!(w.client.cancel(id, w.now));
            },
            indeterminate,
        ),
        (
            "not written, no answer",
            |w, _| {
                w.stalled.insert("a:1".into());
                w.advance(Duration::from_secs(3));
            },
            failed,
        ),
        (
            "half written, no answer",
            |w, _| {
                half(w);
                w.advance(Duration::from_secs(3));
            },
            indeterminate,
        ),
        ("written, no answer", |w, _| w.advance(Duration::from_secs(3)), indeterminate),
        (
            "not written, reset",
            |w, _| {
                w.stalled.insert("a:1".into());
                w.turn();
                w.refusing.insert("a:1".into());
                reset(w);
                w.advance(Duration::from_secs(3));
            },
            failed,
        ),
        (
            "half written, reset",
            |w, _| {
                half(w);
                reset(w);
            },
            indeterminate,
        ),
        (
            "written, reset",
            |w, _| {
                w.turn();
                reset(w);
            },
            indeterminate,
        ),
        ("refused for good", |w, _| answer(w, A::MESSAGE_ILLEGAL), failed),
        ("do not know", |w, _| answer(w, A::SYSTEM_ERROR), indeterminate),
        ("stored, unreadable", |w, _| answer(w, A::SUCCESS), indeterminate),
        (
            "nobody connects",
            |w, _| {
                w.refusing.insert("a:1".into());
                w.advance(Duration::from_secs(3));
            },
            failed,
        ),
        (
            "nobody answers the dial",
            |w, _| {
                w.hanging.insert("a:1".into());
                w.advance(Duration::from_secs(3));
            },
            failed,
        ),
        (
            "the route never comes",
            |w, _| {
                w.silent.insert("ns:1".into());
                w.advance(Duration::from_secs(3));
            },
            failed,
        ),
        (
            "no such topic",
            |w, _| {
                w.forget_route("T");
                w.turn();
            },
            failed,
        ),
        (
            "shut down before",
            |w, _| {
                w.silent.insert("ns:1".into());
                w.turn();
                shutdown(w);
            },
            failed,
        ),
        (
            "shut down after",
            |w, _| {
                w.turn();
                shutdown(w);
            },
            indeterminate,
        ),
    ];
    for (name, act, expected) in cases {
        let (mut w, producer, topic) = producing(&[("a", 1)]);
        let options = SendOptions { max_attempts: Some(1), ..SendOptions::default() };
        let id = w.client.send(producer, Message::new(&topic, "body"), options, w.now).expect("accepted");
        act(&mut w, id);
        let first = endings(&mut w);
        assert!(
            matches!(&first[..], [(ended, outcome)] if *ended == id && expected(outcome)),
            "{name}: {first:?}"
        );
        // Whatever comes late changes nothing.
        while let Some(late) = w.find(Q::SEND_MESSAGE_V2) {
            w.store(&late);
        }
        w.advance(Duration::from_secs(10));
        assert!(endings(&mut w).is_empty(), "{name}: once");
        assert!(!w.client.cancel(id, w.now), "{name}");
    }
}

fn half(w: &mut World) {
    w.stalled.insert("a:1".into());
    w.turn();
    let conn = w.conns("a:1")[0];
    let pending = {
        let mut slices: [&[u8]; 8] = [&[]; 8];
        let count = w.client.write_slices(conn, &mut slices);
        slices[..count].iter().map(|slice| slice.len()).sum::<usize>()
    };
    w.take(conn, pending - 2);
}

fn reset(w: &mut World) {
    let conn = w.conns("a:1")[0];
    w.hang_up(conn, Some(TransportError::Reset));
}

fn answer(w: &mut World, code: A) {
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    w.answer(&asked, code, &[], b"");
}

fn shutdown(w: &mut World) {
    w.client.shutdown(Duration::from_secs(1), w.now);
    w.advance(Duration::from_secs(1));
    assert!(w.events.iter().any(|event| matches!(event, Event::Stopped(_))));
}

#[test]
fn endings_that_nobody_polls_count_as_sends_under_way() {
    let mut config = ClientConfig::new("ns:1").expect("valid");
    config.max_pending_sends = 4;
    let mut w = World::with(config);
    w.refusing.insert("ns:1".into());
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    for _ in 0..4 {
        send(&mut w, producer, &topic);
    }
    // The driver drives, the application polls nothing.
    w.client.handle_timeout(w.now + Duration::from_secs(5));
    w.now = w.now + Duration::from_secs(5);
    let message = Message::new(&topic, "body");
    let refused = w.client.send(producer, message.clone(), SendOptions::default(), w.now).expect_err("full");
    assert!(matches!(refused.reason, RejectReason::TooMany { limit: 4, .. }), "{refused}");
    assert_eq!(refused.returned, message);
    assert_eq!(endings(&mut w).len(), 4);
    send(&mut w, producer, &topic);
}

#[test]
fn a_queue_of_another_engine_is_refused() {
    let (mut other, other_producer, other_topic) = producing(&[("z", 1)]);
    send(&mut other, other_producer, &other_topic);
    other.turn();
    let queue = other.client.writable_queues(&other_topic, other.now).pop().expect("a route");
    // Its number there may be another broker's here.
    let mut w = World::seeded(ClientConfig::new("ns:1").expect("valid"), [9; 32]);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    let queue = Some(Queue { topic: topic.clone(), ..queue });
    let options = SendOptions { queue, ..SendOptions::default() };
    let refused = w.client.send(producer, Message::new(&topic, "x"), options, w.now).expect_err("foreign");
    assert_eq!(refused.reason, RejectReason::ForeignHandle);
}
