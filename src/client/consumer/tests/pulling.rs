//! Pulls, and every answer to one.

use alloc::format;

use super::*;

#[test]
fn a_late_application_is_met_by_not_pulling() {
    type Limit = fn(&mut PushConsumerConfig);
    // The last one counts the memory of whole answers, which is free when all of one is finished.
    let limits: [(Limit, bool); 4] = [
        (|c| c.pull_threshold_for_queue = 2, false),
        (|c| c.pull_threshold_size_for_queue = 250, false),
        (|c| c.consume_concurrently_max_span = 1, false),
        (|c| c.cached_bytes_limit = 250, true),
    ];
    for (limit, whole) in limits {
        let mut config = config();
        limit(&mut config);
        let (mut h, pull) = consuming(config, 0);
        h.answer_pull(pull, FOUND, &next(3), &body(0..3));
        let mut delivery = h.delivered();
        h.advance(seconds(4));
        assert!(h.of(Q::PULL_MESSAGE).is_none(), "blocked");
        let tail = delivery.split_off(1);
        h.settle(delivery, Settlement::Done);
        let (before, after) = if whole { (Some(tail), None) } else { (None, Some(tail)) };
        if let Some(tail) = before {
            h.settle(tail, Settlement::Done);
        }
        assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "3", "goes on at once, without a timer");
        if let Some(tail) = after {
            h.settle(tail, Settlement::Done);
        }
    }
}

#[test]
fn tags_are_compared_as_text_and_filtered_offsets_are_finished() {
    let mut h = Harness::new();
    h.route("T", &["a:0"]);
    h.create(config());
    h.subscribe("T", "Aa");
    h.answer_members(&["me"]);
    let query = h.take(Q::QUERY_CONSUMER_OFFSET);
    h.answer(query, A::SUCCESS, &[("offset", "0")], b"");
    let pull = h.take(Q::PULL_MESSAGE);
    let mut found = Vec::new();
    // "Aa" and "BB" have one hash code.
    for (offset, tag) in [(0, "BB"), (1, "Aa"), (2, "BB")] {
        stored(&mut found, offset, "T", &format!("TAGS\u{1}{tag}\u{2}"));
    }
    h.answer_pull(pull, FOUND, &next(3), &found);
    let delivery = h.delivered();
    assert_eq!(offsets(&delivery), [1]);
    h.settle(delivery, Settlement::Done);
    let pull = h.take(Q::PULL_MESSAGE);
    let mut none = Vec::new();
    stored(&mut none, 3, "T", "");
    h.answer_pull(pull, FOUND, &next(4), &none);
    assert!(h.try_delivered().is_none());
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "4");
    h.advance(seconds(5));
    assert_eq!(h.take(Q::UPDATE_CONSUMER_OFFSET).field("commitOffset"), "4");
    assert_eq!(h.stats().filtered, 3);
}

#[test]
fn poison_is_pulled_again_alone_and_then_passed_or_held() {
    for policy in [PoisonPolicy::Skip, PoisonPolicy::Hold] {
        let mut config = config();
        config.poison = policy;
        let (mut h, pull) = consuming(config, 0);
        let mut found = body(0..3);
        let size = found.len() / 3;
        let mut bad = found[size..2 * size].to_vec();
        // A bit of the body: the checksum is wrong then.
        let at = bad.windows(4).position(|part| part == b"body").expect("the body");
        bad[at] ^= 1;
        found[size..2 * size].copy_from_slice(&bad);
        h.answer_pull(pull, FOUND, &next(3), &found);
        assert_eq!(offsets(&h.delivered()), [0]);
        for _ in 0..2 {
            assert!(h.of(Q::PULL_MESSAGE).is_none());
            h.advance(seconds(1));
            let pull = h.take(Q::PULL_MESSAGE);
            assert_eq!((pull.field("queueOffset"), pull.field("maxMsgNums")), ("1", "1"));
            h.answer_pull(pull, FOUND, &next(2), &bad);
        }
        h.advance(seconds(1));
        let pull = h.take(Q::PULL_MESSAGE);
        h.answer_pull(pull, FOUND, &next(2), &bad);
        h.advance(seconds(1));
        let pull = h.take(Q::PULL_MESSAGE);
        let skipped =
            |n: &&ConsumerNotice| matches!(n, ConsumerNotice::Poison { skipped: true, offset: Some(1), .. });
        if policy == PoisonPolicy::Skip {
            assert_eq!((pull.field("queueOffset"), pull.field("maxMsgNums")), ("2", "32"));
            assert_eq!(h.notices.iter().filter(skipped).count(), 1);
        } else {
            assert_eq!((pull.field("queueOffset"), pull.field("maxMsgNums")), ("1", "1"));
            assert_eq!(h.notices.iter().filter(skipped).count(), 0);
        }
    }
}

fn limits(next: i64, min: i64, max: i64) -> [(&'static str, String); 4] {
    [
        ("nextBeginOffset", next.to_string()),
        ("minOffset", min.to_string()),
        ("maxOffset", max.to_string()),
        ("suggestWhichBrokerId", "0".to_string()),
    ]
}

#[test]
fn an_offset_the_broker_has_not_moves_to_the_nearest_it_has() {
    // Too low: what was between is gone, what was delivered may still be finished.
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(1), &body(0..1));
    let delivery = h.delivered();
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer_pull(pull, A::PULL_OFFSET_MOVED, &limits(50, 50, 90), b"");
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "50");
    h.settle(delivery, Settlement::Done);
    h.advance(seconds(5));
    assert_eq!(h.take(Q::UPDATE_CONSUMER_OFFSET).field("commitOffset"), "50");

    // Too high, and the broker says 0 although it has more: the nearest end, and an old delivery changes nothing.
    let (mut h, pull) = consuming(config(), 100);
    h.answer_pull(pull, FOUND, &next(101), &body(100..101));
    let delivery = h.delivered();
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer_pull(pull, A::PULL_OFFSET_MOVED, &limits(0, 10, 90), b"");
    assert_eq!(h.take(Q::UPDATE_CONSUMER_OFFSET).field("commitOffset"), "90");
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "90");
    h.settle(delivery, Settlement::Done);
    assert_eq!(h.stats().late_settlements, 1);
    let reset = |n: &&ConsumerNotice| matches!(n, ConsumerNotice::OffsetReset { from: 101, to: 90, .. });
    assert_eq!(h.notices.iter().filter(reset).count(), 1);
}

#[test]
fn a_log_that_lost_its_tail_costs_nothing_that_is_unfinished_below_it() {
    let (mut h, pull) = consuming(config(), 5);
    h.answer_pull(pull, FOUND, &next(9), &body(5..9));
    let mut first = h.delivered();
    let rest = first.split_off(1);
    h.settle(rest, Settlement::Done);
    let pull = h.take(Q::PULL_MESSAGE);
    // 7 and 8 are lost; 5 is still being worked on.
    h.answer_pull(pull, A::PULL_OFFSET_MOVED, &limits(7, 0, 7), b"");
    let pull = h.take(Q::PULL_MESSAGE);
    assert_eq!(pull.field("queueOffset"), "5");
    h.settle(first, Settlement::Done);
    assert_eq!(h.stats().late_settlements, 1);
    h.answer_pull(pull, FOUND, &limits(7, 0, 7), &body(5..7));
    assert_eq!(offsets(&h.delivered()), [5, 6]);
}

#[test]
fn a_commit_that_failed_is_said_again_though_the_queue_is_where_it_was() {
    let (mut h, pull) = consuming(config(), 100);
    h.answer_pull(pull, A::PULL_OFFSET_MOVED, &limits(99, 0, 99), b"");
    // The broker carries it out, and says it did not.
    let set_back = h.take(Q::UPDATE_CONSUMER_OFFSET);
    assert_eq!(set_back.field("commitOffset"), "99");
    h.answer(set_back, A::SYSTEM_ERROR, &[], b"");
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer_pull(pull, FOUND, &next(100), &body(99..100));
    let delivery = h.delivered();
    h.settle(delivery, Settlement::Done);
    // 100 again, as the broker had acknowledged once.
    h.advance(seconds(1));
    let again = h.take(Q::UPDATE_CONSUMER_OFFSET);
    assert_eq!(again.field("commitOffset"), "100");
    h.answer(again, A::SUCCESS, &[], b"");
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer_pull(pull, FOUND, &next(101), &body(100..101));
    let delivery = h.delivered();
    h.settle(delivery, Settlement::Done);
    h.advance(seconds(5));
    assert_eq!(h.take(Q::UPDATE_CONSUMER_OFFSET).field("commitOffset"), "101");
}

#[test]
fn a_slave_that_is_behind_moves_nothing() {
    let (mut h, pull) = consuming(config(), 10);
    let mut suggested = next(10);
    suggested[3].1 = "1".to_string();
    h.advance(seconds(15));
    h.answer_pull(pull, A::PULL_NOT_FOUND, &suggested, b"");
    let pull = h.take(Q::PULL_MESSAGE);
    assert_eq!(pull.replica(), 1);
    h.answer_pull(pull, A::PULL_OFFSET_MOVED, &limits(0, 0, 5), b"");
    let pull = h.take(Q::PULL_MESSAGE);
    assert_eq!((pull.replica(), pull.field("queueOffset")), (0, "10"));
}

#[test]
fn empty_answers_never_spin_and_never_go_back() {
    let (mut h, pull) = consuming(config(), 5);
    // A broker that does not hold pulls.
    h.answer_pull(pull, A::PULL_NOT_FOUND, &next(5), b"");
    assert!(h.of(Q::PULL_MESSAGE).is_none());
    h.advance(Duration::from_millis(100));
    let pull = h.take(Q::PULL_MESSAGE);
    // One that holds them.
    h.advance(seconds(15));
    h.answer_pull(pull, A::PULL_NOT_FOUND, &next(5), b"");
    let pull = h.take(Q::PULL_MESSAGE);
    // Nothing matched: goes on at once, and the range counts as finished.
    h.answer_pull(pull, A::PULL_RETRY_IMMEDIATELY, &next(9), b"");
    let pull = h.take(Q::PULL_MESSAGE);
    assert_eq!(pull.field("queueOffset"), "9");
    // Backwards.
    h.answer_pull(pull, A::PULL_RETRY_IMMEDIATELY, &next(2), b"");
    h.advance(seconds(1));
    let pull = h.take(Q::PULL_MESSAGE);
    assert_eq!(pull.field("queueOffset"), "9");
    h.answer_pull(pull, FOUND, &next(9), &body(3..6));
    assert!(h.try_delivered().is_none(), "delivered before");
    assert!(h.of(Q::PULL_MESSAGE).is_none());
    h.advance(seconds(1));
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer_pull(pull, A::FLOW_CONTROL, &[], b"");
    h.advance(Duration::from_millis(20));
    let pull = h.take(Q::PULL_MESSAGE);
    for answer in [A::SYSTEM_ERROR, A::TOPIC_NOT_EXIST, A::NO_PERMISSION, A::SUCCESS] {
        // A success without its fields is an error, too.
        let pull = if answer == A::SYSTEM_ERROR { Some(pull.clone()) } else { h.of(Q::PULL_MESSAGE) };
        h.answer(pull.expect("pulled again"), answer, &[], b"");
        assert!(h.of(Q::PULL_MESSAGE).is_none());
        h.advance(seconds(1));
    }
    assert_eq!(h.stats().pull_errors, 4);
}

#[test]
fn a_retried_message_names_its_first_topic() {
    let mut h = Harness::new();
    h.route("%RETRY%G", &["a:0"]);
    h.create(config());
    h.advance(Duration::ZERO);
    h.answer_members(&["me"]);
    let query = h.take(Q::QUERY_CONSUMER_OFFSET);
    h.answer(query, A::QUERY_NOT_FOUND, &[], b"");
    let pull = h.take(Q::PULL_MESSAGE);
    assert_eq!((pull.field("topic"), pull.field("queueOffset")), ("%RETRY%G", "0"));
    let mut found = Vec::new();
    stored(&mut found, 0, "%RETRY%G", "RETRY_TOPIC\u{1}T\u{2}");
    h.answer_pull(pull, FOUND, &next(1), &found);
    let delivery = h.delivered();
    assert_eq!((delivery.topic(0), delivery.queue().topic.as_str()), (Some("T"), "%RETRY%G"));
    h.settle(delivery, Settlement::Later { delay_level: 0 });
    assert_eq!(h.take(Q::CONSUMER_SEND_MSG_BACK).field("originTopic"), "T");
}
