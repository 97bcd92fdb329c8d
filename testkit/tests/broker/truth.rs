//! Histories, digests, clones, expectations.

use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode, ResponseCode as R};
use rocketmq_engine::wire::message::MessageView;
use rocketmq_testkit::{Cluster, Effect, Fault, FaultKind, Keep, Requests, TcpCluster};

use crate::hand::{BROKER, Hand, send_fields};

#[test]
fn applied_but_not_answered_is_a_state() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.cluster.inject(&Fault::new(Requests::Sends, FaultKind::DropAnswer));
    let key = "UNIQ_KEY\u{1}K1\u{2}";
    let opaque = hand.ask(at, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "1", key), b"x");
    let broker = hand.cluster.broker(0).unwrap();
    assert!(broker.answered().is_empty());
    let applied = broker.take_applied();
    let stored = applied.iter().find(|applied| matches!(applied.effect, Effect::Stored { .. })).unwrap();
    let by = stored.by.unwrap();
    assert_eq!((by.peer, by.opaque, by.request), (at.1, opaque, RequestCode::SEND_MESSAGE_V2));
    assert_eq!(
        stored.effect,
        Effect::Stored {
            topic: "T".into(),
            queue: 1,
            offset: 0,
            physical_offset: 0,
            unique_key: Some("K1".into())
        }
    );
    assert!(broker.applied().is_empty(), "taken");
}

#[test]
fn answers_are_kept_with_their_place_among_all_bytes() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    let mut sent = Vec::new();
    for _ in 0..3 {
        hand.ask(at, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "0", ""), b"x");
        let output = hand.cluster.output(BROKER, at.1).to_vec();
        hand.cluster.handle_written(BROKER, at.1, output.len());
        sent.extend(output);
    }
    let answered = hand.cluster.broker(0).unwrap().take_answered();
    assert_eq!(answered.len(), 3);
    for answer in &answered {
        let place = answer.bytes.start as usize..answer.bytes.end as usize;
        assert_eq!((&sent[place], answer.code), (&answer.frame.as_ref().unwrap()[..], R::SUCCESS));
    }
    assert_eq!(answered.last().unwrap().bytes.end as usize, sent.len());
}

#[test]
fn a_broker_keeps_nothing_unless_it_is_told_to() {
    let mut hand = Hand::new(&Cluster::builder().topic("T", 1));
    let at = (BROKER, hand.connect(BROKER));
    hand.send(at, "T", "0", b"x");
    let broker = hand.cluster.broker(0).unwrap();
    assert!(broker.applied().is_empty() && broker.answered().is_empty());
    broker.keep(Keep::Events);
    hand.send(at, "T", "0", b"x");
    let broker = hand.cluster.broker(0).unwrap();
    assert_eq!((broker.applied().len(), broker.answered().len()), (1, 1));
    assert_eq!(broker.answered()[0].frame, None);
}

#[test]
fn clones_go_their_own_way_and_equal_states_have_equal_digests() {
    let mut one = Hand::one();
    let at = (BROKER, one.connect(BROKER));
    one.heartbeat(at, "c", "G");
    one.send(at, "T", "0", b"x");
    let before = one.cluster.digest();
    let mut two = one.clone();
    assert_eq!(two.cluster.digest(), before);
    one.pass(Duration::from_secs(1));
    two.pass(Duration::from_secs(1));
    for hand in [&mut one, &mut two] {
        hand.send(at, "T", "0", b"y");
        hand.commit(at, "1");
    }
    assert_eq!(one.cluster.digest(), two.cluster.digest());
    assert_ne!(one.cluster.digest(), before);
    two.commit(at, "2");
    assert_ne!(one.cluster.digest(), two.cluster.digest());
    assert_eq!(one.cluster.broker(0).unwrap().committed_offset("G", "T", 0), Some(1));
    // Histories are no part of it.
    one.cluster.keep(Keep::Nothing);
    let (kept, dropped) = (one.cluster.digest(), one.cluster.broker(0).unwrap().take_applied());
    assert!(!dropped.is_empty());
    assert_eq!(one.cluster.digest(), kept);
}

#[test]
fn members_come_and_go_in_the_history() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.heartbeat(at, "c", "G");
    hand.heartbeat(at, "c", "G");
    hand.cluster.handle_close(BROKER, at.1);
    let effects: Vec<Effect> =
        hand.cluster.broker(0).unwrap().take_applied().into_iter().map(|applied| applied.effect).collect();
    let (group, client_id) = ("G".into(), "c".into());
    let joined = Effect::Joined { group, client_id };
    assert_eq!(effects.iter().filter(|effect| **effect == joined).count(), 1, "the second said nothing new");
    assert_eq!(effects.last(), Some(&Effect::Left { group: "G".into(), client_id: "c".into() }));
}

#[test]
fn messages_of_another_broker_are_taken_over_with_their_offsets() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    for body in [b"a", b"b"] {
        hand.send(at, "T", "1", body);
    }
    let mut other = Hand::new(&Cluster::builder());
    let broker = other.cluster.broker(0).unwrap();
    let log = hand.cluster.log("T");
    assert!(broker.load(&log[1].bytes), "a queue may begin anywhere");
    assert!(!broker.load(&log[0].bytes), "and goes on from there");
    assert!(!broker.load(b"no message"));
    assert_eq!(broker.limits("T", 1), Some((1, 2)));
    broker.begin_log_at(1_000_000);
    let at = (BROKER, other.connect(BROKER));
    other.send(at, "T", "1", b"c");
    let last = other.cluster.log("T").pop().unwrap();
    assert_eq!(MessageView::parse(&last.bytes).unwrap().physical_offset(), 1_000_000);
    assert_eq!(last.offset, 2);
}

#[test]
fn expectations_say_what_is_there_instead() {
    let cluster = TcpCluster::builder().topic("T", 2).start().unwrap();
    cluster.with(|cluster| {
        cluster.seed("T", 0, "first");
        cluster.seed("T", 1, "second");
        cluster.broker(0).unwrap().set_committed_offset("G", "T", 0, 1);
    });
    cluster.eventually(Duration::from_secs(5), |cluster| cluster.expect_bodies("T", &["second", "first"]));
    cluster.with(|cluster| {
        assert_eq!(cluster.expect_stored("T", 2), Ok(()));
        let unmet = cluster.expect_stored("T", 3).unwrap_err().to_string();
        assert!(
            unmet.starts_with("3 messages expected in T\nT holds 2 messages\n  queue 0 offset 0: \"first\""),
            "{unmet}"
        );
        let unmet = cluster.expect_consumed("G", "T").unwrap_err().to_string();
        assert!(unmet.contains("broker-a queue 1: 1 messages behind"), "{unmet}");
        assert!(!unmet.contains("queue 0: "), "{unmet}");
        assert!(cluster.expect_members("G", 1).is_err());
        assert!(cluster.duplicates("T").is_empty());
    });
    let waited =
        cluster.wait(Duration::from_millis(20), |cluster| (cluster.message_count("T") == 9).then_some(()));
    assert_eq!(waited, None);
}
