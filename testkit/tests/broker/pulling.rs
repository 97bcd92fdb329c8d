//! Long polls and offsets outside of a queue.

use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode, ResponseCode as R};

use crate::hand::{BROKER, Hand, code, pull_fields, send_fields};

#[test]
fn a_long_poll_ends_with_a_message_or_with_its_time() {
    let mut hand = Hand::one();
    let (at, producer) = ((BROKER, hand.connect(BROKER)), (BROKER, hand.connect(BROKER)));
    hand.ask(at, RequestCode::PULL_MESSAGE, &pull_fields("T", "0", "0", "15000"), b"");
    assert_eq!(hand.came(at).len(), 0);
    hand.send(producer, "T", "1", b"another queue");
    assert_eq!(hand.came(at).len(), 0);
    hand.send(producer, "T", "0", b"x");
    assert_eq!(hand.came(at)[0].code, code(R::SUCCESS));
    hand.ask(at, RequestCode::PULL_MESSAGE, &pull_fields("T", "0", "1", "15000"), b"");
    hand.pass(Duration::from_millis(14_999));
    assert_eq!(hand.came(at).len(), 0);
    hand.pass(Duration::from_millis(1));
    let ended = hand.came(at);
    assert_eq!((ended[0].code, ended[0].remark.as_str()), (code(R::PULL_NOT_FOUND), "OFFSET_OVERFLOW_ONE"));
}

#[test]
fn messages_nobody_wants_move_a_waiting_pull_on_within_five_seconds() {
    let mut hand = Hand::one();
    let (at, producer) = ((BROKER, hand.connect(BROKER)), (BROKER, hand.connect(BROKER)));
    let mut wanted = pull_fields("T", "0", "0", "15000");
    wanted[6].1 = "A";
    hand.ask(at, RequestCode::PULL_MESSAGE, &wanted, b"");
    for _ in 0..3 {
        hand.call(producer, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "0", "TAGS\u{1}B\u{2}"), b"x");
    }
    assert_eq!(hand.came(at).len(), 0);
    hand.pass(Duration::from_secs(5));
    let moved = hand.came(at);
    assert_eq!(moved[0].code, code(R::PULL_RETRY_IMMEDIATELY));
    assert_eq!(moved[0].number("nextBeginOffset"), 3);

    wanted[4].1 = "3";
    hand.ask(at, RequestCode::PULL_MESSAGE, &wanted, b"");
    hand.call(producer, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "0", "TAGS\u{1}A\u{2}"), b"y");
    assert_eq!(hand.came(at)[0].number("nextBeginOffset"), 4, "one that is wanted ends it at once");
}

#[test]
fn behind_the_end_a_broker_sends_back_to_its_end_and_one_before_5_0_to_its_beginning() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.send(at, "T", "0", b"x");
    assert_eq!(hand.pull(at, "0", "9").number("nextBeginOffset"), 1);
    hand.cluster.broker(0).unwrap().configure(|config| config.overflow_to_min = true);
    let moved = hand.pull(at, "0", "9");
    assert_eq!((moved.code, moved.number("nextBeginOffset")), (code(R::PULL_OFFSET_MOVED), 0));
    assert_eq!(moved.remark, "OFFSET_OVERFLOW_BADLY");
}

#[test]
fn an_answer_has_at_most_32_messages_and_a_quarter_of_a_megabyte() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    for _ in 0..40 {
        hand.cluster.seed("T", 0, "x");
        hand.cluster.seed("T", 1, vec![b'x'; 100_000]);
    }
    assert_eq!(hand.pull(at, "0", "0").number("nextBeginOffset"), 32);
    assert_eq!(hand.pull(at, "0", "32").number("nextBeginOffset"), 40);
    let large = hand.pull(at, "1", "0");
    assert_eq!(large.number("nextBeginOffset"), 2);
    assert!(large.body.len() <= 256 * 1024);
}
