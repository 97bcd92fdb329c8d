//! Doing wrong when told to.

use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode, ResponseCode as R};
use rocketmq_testkit::{Fault, FaultKind, Lie, Requests};

use crate::hand::{BROKER, Hand, code, pull_fields, send_fields};

fn sends(kind: FaultKind) -> Fault {
    Fault::new(Requests::Sends, kind)
}

#[test]
fn a_storm_ends_after_so_many_and_stores_nothing() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.cluster.inject(&Fault::answer(Requests::Sends, R::SYSTEM_BUSY, "busy").times(3).after(1));
    let codes: Vec<i32> = (0..5).map(|_| hand.send(at, "T", "0", b"x").code).collect();
    let (ok, busy) = (code(R::SUCCESS), code(R::SYSTEM_BUSY));
    assert_eq!(codes, [ok, busy, busy, busy, ok]);
    assert_eq!(hand.cluster.message_count("T"), 2);
    assert!(hand.cluster.broker(0).unwrap().faults().is_empty());
}

#[test]
fn what_never_ends_ends_when_it_is_cleared() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.cluster.inject(&Fault::answer(Requests::Any, R::SYSTEM_ERROR, "no").always());
    assert!((0..20).all(|_| hand.send(at, "T", "0", b"x").code == code(R::SYSTEM_ERROR)));
    hand.cluster.clear_faults();
    assert_eq!(hand.send(at, "T", "0", b"x").code, code(R::SUCCESS));
}

#[test]
fn stored_and_answered_with_another_code() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.cluster.inject(&sends(FaultKind::ActAndAnswer(R::FLUSH_SLAVE_TIMEOUT)));
    let answer = hand.send(at, "T", "0", b"x");
    assert_eq!((answer.code, answer.number("queueOffset")), (code(R::FLUSH_SLAVE_TIMEOUT), 0));
    assert_eq!(hand.cluster.message_count("T"), 1);
}

#[test]
fn stored_and_never_answered_answered_twice_or_not_stored_at_all() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    for (kind, stored, answers) in
        [(FaultKind::DropAnswer, 1, 0), (FaultKind::AnswerTwice, 2, 2), (FaultKind::Ignore, 2, 0)]
    {
        hand.cluster.inject(&sends(kind.clone()));
        hand.ask(at, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "0", ""), b"x");
        assert_eq!((hand.came(at).len(), hand.cluster.message_count("T")), (answers, stored), "{kind:?}");
        assert_eq!(hand.cluster.poll_close(BROKER), None);
    }
}

#[test]
fn connections_end_before_after_and_in_the_middle_of_an_answer() {
    for (kind, stored, bytes) in
        [(FaultKind::CloseBefore, 0, 0), (FaultKind::CloseAfter, 1, 0), (FaultKind::CutAfter(100), 1, 100)]
    {
        let mut hand = Hand::one();
        let at = (BROKER, hand.connect(BROKER));
        hand.cluster.inject(&sends(kind.clone()));
        hand.ask(at, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "0", ""), b"x");
        assert_eq!((hand.came(at).len(), hand.half(at)), (0, bytes), "{kind:?}");
        assert_eq!(hand.cluster.message_count("T"), stored, "{kind:?}");
        assert_eq!(hand.cluster.poll_close(BROKER), Some(at.1), "{kind:?}");
    }
}

#[test]
fn a_stalled_connection_is_neither_read_nor_answered_and_stays_open() {
    let mut hand = Hand::one();
    let (at, other) = ((BROKER, hand.connect(BROKER)), (BROKER, hand.connect(BROKER)));
    hand.cluster.inject(&sends(FaultKind::Stall));
    for _ in 0..3 {
        hand.ask(at, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "0", ""), b"x");
    }
    assert_eq!((hand.came(at).len(), hand.cluster.message_count("T")), (0, 0));
    assert_eq!(hand.cluster.poll_close(BROKER), None);
    assert_eq!(hand.send(other, "T", "0", b"x").code, code(R::SUCCESS), "only the one connection");
}

#[test]
fn a_delayed_request_is_served_late_and_is_gone_when_the_broker_dies() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.cluster.inject(&sends(FaultKind::Delay(Duration::from_secs(2))).times(2));
    hand.ask(at, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "0", ""), b"x");
    hand.pass(Duration::from_millis(1_999));
    assert_eq!(hand.came(at).len(), 0);
    hand.pass(Duration::from_millis(1));
    assert_eq!((hand.came(at).len(), hand.cluster.message_count("T")), (1, 1));
    hand.ask(at, RequestCode::SEND_MESSAGE_V2, &send_fields("T", "0", ""), b"x");
    hand.cluster.kill_broker(0);
    hand.cluster.start_broker(0);
    hand.pass(Duration::from_secs(5));
    assert_eq!(hand.cluster.message_count("T"), 1);
}

#[test]
fn lies_about_offsets_limits_and_contents() {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.cluster.seed("T", 0, "zero");
    hand.cluster.seed("T", 1, "other");
    let mut pull = |lie: Lie| {
        hand.cluster.inject(&Fault::lie(Requests::Pulls, lie));
        hand.call(at, RequestCode::PULL_MESSAGE, &pull_fields("T", "0", "0", "0"), b"")
    };
    for offset in [-1, 0, i64::MAX] {
        assert_eq!(pull(Lie::Offset(offset)).number("nextBeginOffset"), offset);
    }
    let limits = pull(Lie::Limits { min: 7, max: 3 });
    assert_eq!((limits.number("minOffset"), limits.number("maxOffset")), (7, 3));
    let empty = pull(Lie::EmptyFound);
    assert_eq!((empty.code, empty.body.len(), empty.number("nextBeginOffset")), (code(R::SUCCESS), 0, 1));
    let other = pull(Lie::OtherQueue(1));
    let message = rocketmq_engine::wire::message::MessageView::parse(&other.body).unwrap();
    assert_eq!((message.queue_id(), message.body()), (1, &b"other"[..]));

    hand.cluster.inject(&Fault::lie(RequestCode::GET_MAX_OFFSET, Lie::Offset(-1)));
    let max = hand.call(at, RequestCode::GET_MAX_OFFSET, &[("queueId", "0"), ("topic", "T")], b"");
    assert_eq!(max.number("offset"), -1);
    hand.cluster.inject(&Fault::lie(Requests::Sends, Lie::Offset(i64::MAX)));
    assert_eq!(hand.send(at, "T", "0", b"x").number("queueOffset"), i64::MAX);
}
