//! What becomes of deliveries, commits, closing.

use alloc::collections::BTreeMap;

use super::*;

#[test]
fn offsets_are_committed_as_lowest_unfinished() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(5), &body(0..5));
    let mut delivery = h.delivered();
    assert_eq!(offsets(&delivery), [0, 1, 2, 3, 4]);
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "5");
    let tail = delivery.split_off(3);
    let first = delivery.pop_front().expect("a message");
    h.settle(tail, Settlement::Done);
    h.advance(seconds(5));
    assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none(), "the broker has 0 already");
    h.settle(first, Settlement::Done);
    h.advance(seconds(5));
    let commit = h.take(Q::UPDATE_CONSUMER_OFFSET);
    assert_eq!(commit.field("commitOffset"), "1");
    // One at a time: what is finished meanwhile waits for the answer.
    h.settle(delivery, Settlement::Done);
    h.advance(seconds(5));
    assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none());
    h.fail(commit);
    h.advance(seconds(1));
    let commit = h.take(Q::UPDATE_CONSUMER_OFFSET);
    assert_eq!(commit.field("commitOffset"), "5");
    h.answer(commit, A::SUCCESS, &[], b"");
    h.advance(seconds(3));
    assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none(), "only what changed");
    let stats = h.stats();
    assert_eq!((stats.commits, stats.commit_errors, stats.finished, stats.unfinished), (1, 1, 5, 0));
    assert!(stats.unfinished_bytes == 0 && stats.most_unfinished_bytes > 0, "{stats:?}");
}

#[test]
fn settlements_can_wait_until_something_hinges_on_them() {
    let mut config = config();
    config.pull_threshold_for_queue = 5;
    let (mut h, pull) = consuming(config, 0);
    h.answer_pull(pull, FOUND, &next(4), &body(0..4));
    let first = h.delivered();
    assert!(h.settlements_can_wait());
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer_pull(pull, FOUND, &next(6), &body(4..6));
    let second = h.delivered();
    assert!(h.of(Q::PULL_MESSAGE).is_none(), "more is unfinished than a queue may have");
    assert!(!h.settlements_can_wait());
    h.settle(second, Settlement::Done);
    assert!(h.settlements_can_wait() && h.of(Q::PULL_MESSAGE).is_some());
    h.close();
    assert!(!h.settlements_can_wait(), "closing waits for it");
    h.settle(first, Settlement::Done);
}

/// A member that held the queue by an older list may set it back when it lets it go.
#[test]
fn what_is_held_is_committed_anew_once_a_rebalance() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(5), &body(0..5));
    let delivery = h.delivered();
    h.settle(delivery, Settlement::Done);
    h.advance(seconds(5));
    for _ in 0..3 {
        let commit = h.take(Q::UPDATE_CONSUMER_OFFSET);
        assert_eq!(commit.field("commitOffset"), "5");
        h.answer(commit, A::SUCCESS, &[], b"");
        h.advance(seconds(14));
        assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none(), "nothing changed, nobody has divided");
        h.advance(seconds(6));
    }
}

#[test]
fn later_goes_back_to_the_broker_and_counts_when_confirmed() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(2), &body(0..2));
    let delivery = h.delivered();
    h.settle(delivery, Settlement::DoneUpTo(1));
    let back = h.take(Q::CONSUMER_SEND_MSG_BACK);
    let expected = [
        ("delayLevel", "0"),
        ("group", "G"),
        ("maxReconsumeTimes", "16"),
        ("offset", "1001"),
        ("originMsgId", "KEY1"),
        ("originTopic", "T"),
        ("unitMode", "false"),
    ];
    for (key, value) in expected {
        assert_eq!(back.field(key), value, "{key}");
    }
    assert_eq!(h.stats().finished, 1);
    h.answer(back, A::SUCCESS, &[], b"");
    assert_eq!((h.stats().sent_back, h.stats().finished), (1, 2));
    h.advance(seconds(5));
    assert_eq!(h.take(Q::UPDATE_CONSUMER_OFFSET).field("commitOffset"), "2");
}

#[test]
fn a_queue_that_is_being_released_watches_no_delivery() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(1), &body(0..1));
    let delivery = h.delivered();
    h.unsubscribe("T");
    h.advance(Duration::ZERO);
    // Its last commit is not answered, its delivery not settled: its time is over, and time goes on.
    let last = h.take(Q::UPDATE_CONSUMER_OFFSET);
    h.advance(config().consume_timeout * 2);
    assert_eq!(h.stats().leases_expired, 0);
    h.settle(delivery, Settlement::Done);
    h.answer(last, A::SUCCESS, &[], b"");
}

#[test]
fn what_cannot_go_back_is_sent_as_a_message_and_else_comes_again_here() {
    let (mut h, pull) = consuming(config(), 0);
    h.route("%RETRY%G", &["b:0"]);
    let mut one = Vec::new();
    stored(&mut one, 0, "T", "TRAN_MSG\u{1}true\u{2}color\u{1}red\u{2}");
    h.answer_pull(pull, FOUND, &next(1), &one);
    let mut delivery = h.delivered();
    // A level that was chosen goes along; else it is the broker's own for the first time.
    for (round, (delay_level, delay)) in [(0, "3"), (5, "5"), (0, "3")].into_iter().enumerate() {
        h.settle(delivery, Settlement::Later { delay_level });
        let back = h.take(Q::CONSUMER_SEND_MSG_BACK);
        h.answer(back, A::SYSTEM_ERROR, &[], b"");
        let send = h.take(Q::SEND_MESSAGE_V2);
        assert_eq!((send.field("b"), send.broker(), send.body()), ("%RETRY%G", "b", &b"body"[..]));
        let properties: BTreeMap<String, String> = {
            let text = crate::wire::message::Properties::new(send.field("i"));
            text.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        for (name, value) in [
            ("RETRY_TOPIC", "T"),
            ("RECONSUME_TIME", "1"),
            ("MAX_RECONSUME_TIMES", "16"),
            ("DELAY", delay),
            ("ORIGIN_MESSAGE_ID", "KEY0"),
            ("UNIQ_KEY", "KEY0"),
            ("color", "red"),
        ] {
            assert_eq!(properties.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!properties.contains_key("TRAN_MSG"));
        assert_eq!((send.field("j"), send.field("l")), ("1", "16"));
        if round == 2 {
            h.answer(send, A::SUCCESS, &[], b"");
            break;
        }
        h.fail(send);
        h.advance(seconds(4));
        assert!(h.try_delivered().is_none() && h.stats().finished == 0);
        h.advance(seconds(1));
        delivery = h.delivered();
        assert_eq!(offsets(&delivery), [0], "comes again here");
    }
    assert_eq!((h.stats().finished, h.stats().redelivered), (1, 2));
    // A dead letter has no other way than the broker's own.
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer_pull(pull, FOUND, &next(2), &body(1..2));
    let delivery = h.delivered();
    h.settle(delivery, Settlement::Later { delay_level: -1 });
    let back = h.take(Q::CONSUMER_SEND_MSG_BACK);
    h.fail(back);
    assert!(h.of(Q::SEND_MESSAGE_V2).is_none());
    h.advance(seconds(5));
    assert_eq!(offsets(&h.delivered()), [1]);
}

#[test]
fn abandoned_and_suspended_messages_come_again_here() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(4), &body(0..4));
    let mut delivery = h.delivered();
    let tail = delivery.split_off(3);
    let middle = delivery.split_off(1);
    h.settle(tail, Settlement::Suspend(Duration::ZERO));
    h.settle(delivery, Settlement::Abandon);
    h.settle(middle, Settlement::Done);
    h.advance(Duration::from_millis(10));
    let again = h.delivered();
    assert_eq!(offsets(&again), [3]);
    h.settle(again, Settlement::Done);
    h.advance(seconds(5));
    let again = h.delivered();
    assert_eq!(offsets(&again), [0]);
    assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none(), "0 is unfinished");
    h.settle(again, Settlement::Done);
    h.advance(seconds(5));
    assert_eq!(h.take(Q::UPDATE_CONSUMER_OFFSET).field("commitOffset"), "4");
}

#[test]
fn what_is_forgotten_comes_again() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(3), &body(0..3));
    let mut delivery = h.delivered();
    let first = delivery.pop_front().expect("a message");
    h.advance(seconds(600));
    // Progress in the oldest delivery renews it.
    h.settle(first, Settlement::Done);
    drop(delivery);
    h.advance(seconds(899));
    assert!(h.of(Q::CONSUMER_SEND_MSG_BACK).is_none());
    h.advance(seconds(1));
    for _ in 0..2 {
        let back = h.take(Q::CONSUMER_SEND_MSG_BACK);
        assert_eq!(back.field("delayLevel"), "3");
        h.answer(back, A::SUCCESS, &[], b"");
    }
    assert_eq!((h.stats().leases_expired, h.stats().unfinished), (2, 0));
}

#[test]
fn closing_waits_for_settlements_and_commits_last() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(3), &body(0..3));
    let delivery = h.delivered();
    let pull = h.take(Q::PULL_MESSAGE);
    h.close();
    h.answer_pull(pull, FOUND, &next(6), &body(3..6));
    assert!(h.try_delivered().is_none(), "nothing new is handed out");
    assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none());
    h.settle(delivery, Settlement::Done);
    let commit = h.take(Q::UPDATE_CONSUMER_OFFSET);
    assert_eq!(commit.field("commitOffset"), "3");
    assert!(h.closed().is_none());
    h.answer(commit, A::SUCCESS, &[], b"");
    assert_eq!(h.closed().expect("closed"), []);
    assert_eq!(h.left(), ["G"]);
}

#[test]
fn closing_ends_by_its_deadline_and_reports_what_is_not_committed() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(3), &body(0..3));
    let mut delivery = h.delivered();
    let rest = delivery.split_off(2);
    h.settle(delivery, Settlement::Done);
    h.close();
    h.advance(Duration::from_millis(7400));
    assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none_or(|c| c.field("commitOffset") == "2"));
    h.advance(Duration::from_millis(200));
    h.advance(Duration::from_millis(2400));
    let report = h.closed().expect("closed by its deadline");
    let [uncommitted] = &report[..] else { panic!("{report:?}") };
    assert_eq!((uncommitted.offset, uncommitted.committed), (2, Some(0)));
    h.settle(rest, Settlement::Done);
}

#[test]
fn a_foreign_delivery_is_given_back() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(1), &body(0..1));
    let delivery = h.delivered();
    let (mut other, _pull) = consuming(config(), 0);
    other.change_engine();
    let back = other.try_settle(delivery, Settlement::Done).expect_err("another engine's");
    assert_eq!(back.reason, crate::error::RejectReason::ForeignHandle);
    h.settle(back.returned, Settlement::Done);
    assert_eq!(h.stats().finished, 1);
}

#[test]
fn deliveries_are_small() {
    assert_eq!(size_of::<Delivery>(), 16);
}
