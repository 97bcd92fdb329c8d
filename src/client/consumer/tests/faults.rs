//! Brokers that lie, lag or are gone, and limits that are reached together.

use super::*;

fn answer(next: i64, min: i64, max: i64) -> [(&'static str, String); 4] {
    [
        ("nextBeginOffset", next.to_string()),
        ("minOffset", min.to_string()),
        ("maxOffset", max.to_string()),
        ("suggestWhichBrokerId", "0".to_string()),
    ]
}

/// A consumer of `T` with this many queues at broker `a`, all beginning at 0, and its first pulls.
fn consuming_queues(config: PushConsumerConfig, queues: u32) -> (Harness, Vec<Asked>) {
    let mut h = Harness::new();
    let names: Vec<String> = (0..queues).map(|id| alloc::format!("a:{id}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    h.route("T", &names);
    h.create(config);
    h.subscribe("T", "*");
    h.answer_members(&["me"]);
    h.advance(Duration::ZERO);
    let mut pulls = Vec::new();
    while let Some(query) = h.of(Q::QUERY_CONSUMER_OFFSET) {
        h.answer(query, A::SUCCESS, &[("offset", "0")], b"");
        pulls.push(h.take(Q::PULL_MESSAGE));
    }
    assert_eq!(pulls.len(), queues as usize);
    (h, pulls)
}

#[test]
fn a_queue_blocked_by_its_own_limit_goes_on_when_others_free_the_bytes() {
    let mut config = config();
    config.pull_threshold_for_queue = 1;
    config.cached_bytes_limit = 1;
    let (mut h, mut pulls) = consuming_queues(config, 2);
    let (other, own) = (pulls.pop().expect("two"), pulls.pop().expect("two"));
    h.answer_pull(own, FOUND, &next(2), &body(0..2));
    let own = h.delivered();
    h.answer_pull(other, FOUND, &next(1), &of_queue(1, body(0..1)));
    let other = h.delivered();
    // All of its own is finished while the other queue holds too much.
    h.settle(own, Settlement::Done);
    assert!(h.of(Q::PULL_MESSAGE).is_none());
    h.settle(other, Settlement::Done);
    h.advance(Duration::ZERO);
    let mut pulled: Vec<String> = Vec::new();
    while let Some(pull) = h.of(Q::PULL_MESSAGE) {
        pulled.push(pull.field("queueId").to_string());
    }
    pulled.sort();
    assert_eq!(pulled, ["0", "1"]);
}

#[test]
fn many_queues_are_committed_in_slices_each_once_a_round() {
    const QUEUES: u32 = 300;
    let (mut h, pulls) = consuming_queues(config(), QUEUES);
    for pull in pulls {
        let id: i32 = pull.field("queueId").parse().expect("a number");
        h.answer_pull(pull, FOUND, &next(1), &of_queue(id, body(0..1)));
        let delivery = h.delivered();
        h.settle(delivery, Settlement::Done);
    }
    // The first commit at a broker goes alone.
    h.advance(seconds(5));
    let first = h.take(Q::UPDATE_CONSUMER_OFFSET);
    assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none());
    h.answer(first, A::SUCCESS, &[], b"");
    let mut committed = 1;
    while h.work_left() {
        h.step();
        let mut of_step = 0;
        while let Some(commit) = h.of(Q::UPDATE_CONSUMER_OFFSET) {
            h.answer(commit, A::SUCCESS, &[], b"");
            of_step += 1;
        }
        assert!(of_step <= 64, "a step is bounded: {of_step}");
        committed += of_step;
    }
    assert_eq!(committed, QUEUES);
}

#[test]
fn all_starved_queues_go_on_after_one_settlement() {
    let mut config = config();
    config.cached_bytes_limit = 1;
    let (mut h, mut pulls) = consuming_queues(config, 40);
    let first = pulls.remove(0);
    h.answer_pull(first, FOUND, &next(1), &body(0..1));
    let delivery = h.delivered();
    for pull in pulls {
        h.advance(Duration::from_millis(200));
        h.answer_pull(pull, A::PULL_NOT_FOUND, &next(0), b"");
    }
    assert!(h.of(Q::PULL_MESSAGE).is_none(), "all starve");
    h.settle(delivery, Settlement::Done);
    h.advance(Duration::ZERO);
    let mut pulled = 0;
    while h.of(Q::PULL_MESSAGE).is_some() {
        pulled += 1;
    }
    assert_eq!(pulled, 40);
}

#[test]
fn no_answer_moves_a_queue_beyond_what_the_broker_says_it_has() {
    for code in [A::PULL_NOT_FOUND, A::PULL_RETRY_IMMEDIATELY, FOUND] {
        for lie in [i64::MAX, 101] {
            let (mut h, pull) = consuming(config(), 5);
            h.answer_pull(pull, code, &answer(lie, 0, 100), b"");
            assert!(h.of(Q::PULL_MESSAGE).is_none(), "{code} {lie}: not at once");
            h.advance(seconds(6));
            assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "5", "{code} {lie}");
            assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none(), "{code} {lie}: nothing passed is committed");
            let nonsense = |n: &&ConsumerNotice| matches!(n, ConsumerNotice::PullNonsense { asked: 5, .. });
            assert_eq!(h.notices.iter().filter(nonsense).count(), 1, "{code} {lie}");
        }
    }
    // Messages came: what they say of their own offsets counts, the rest does not.
    let (mut h, pull) = consuming(config(), 5);
    h.answer_pull(pull, FOUND, &answer(i64::MAX, 0, 7), &body(5..8));
    assert_eq!(offsets(&h.delivered()), [5, 6, 7]);
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "8");
    // A message that claims an offset far beyond everything is none of this queue's.
    let (mut h, pull) = consuming(config(), 5);
    let mut found = body(5..6);
    found.extend(body(i64::MAX / 2..i64::MAX / 2 + 1));
    h.answer_pull(pull, FOUND, &answer(7, 0, 7), &found);
    assert_eq!(offsets(&h.delivered()), [5]);
    for _ in 0..3 {
        assert!(h.of(Q::PULL_MESSAGE).is_none(), "not at once");
        h.advance(seconds(1));
        let pull = h.take(Q::PULL_MESSAGE);
        assert_eq!(pull.field("queueOffset"), "6");
        h.answer_pull(pull, FOUND, &answer(7, 0, 7), &body(i64::MAX / 2..i64::MAX / 2 + 1));
    }
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "7", "the broker stands to its word");
}

/// The first message says it is of this queue.
fn of_queue(id: i32, mut stored: Vec<u8>) -> Vec<u8> {
    // Behind TOTALSIZE, MAGICCODE and BODYCRC.
    stored[12..16].copy_from_slice(&id.to_be_bytes());
    stored
}

#[test]
fn an_answer_with_a_message_where_none_can_be_is_asked_for_again() {
    let below = [body(5..6), body(3..4), body(7..8)].concat();
    let twice = [body(5..6), body(5..6)].concat();
    let beyond = [body(5..6), body(14..15)].concat();
    let foreign = [body(5..6), of_queue(9, body(6..7))].concat();
    for (name, found) in [("below", below), ("twice", twice), ("beyond", beyond), ("foreign", foreign)] {
        let (mut h, pull) = consuming(config(), 5);
        h.answer_pull(pull, FOUND, &answer(8, 0, 100), &found);
        assert_eq!(offsets(&h.delivered()), [5], "{name}: what comes before it is good");
        assert!(h.of(Q::PULL_MESSAGE).is_none(), "{name}: not at once");
        h.advance(seconds(1));
        let pull = h.take(Q::PULL_MESSAGE);
        assert_eq!((pull.field("queueOffset"), pull.field("maxMsgNums")), ("6", "1"), "{name}");
        h.answer_pull(pull, FOUND, &answer(7, 0, 100), &body(6..7));
        assert_eq!(offsets(&h.delivered()), [6], "{name}");
        assert_eq!(h.take(Q::PULL_MESSAGE).field("maxMsgNums"), "32", "{name}: forgotten");
        let nonsense =
            |n: &&ConsumerNotice| matches!(n, ConsumerNotice::PullNonsense { asked: 5, next: 8, .. });
        assert_eq!(h.notices.iter().filter(nonsense).count(), 1, "{name}");
    }
    let (mut h, pull) = consuming(config(), 5);
    h.answer_pull(pull, FOUND, &answer(8, 0, 100), b"");
    h.advance(seconds(1));
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "5", "what was announced and not there");
}

#[test]
fn limits_that_contradict_themselves_move_nothing() {
    for (next, min, max) in [(0, 50, 10), (0, -1, 10), (0, 0, -1), (i64::MAX, 9, 3), (-1, -1, -1)] {
        let (mut h, pull) = consuming(config(), 20);
        h.answer_pull(pull, A::PULL_OFFSET_MOVED, &answer(next, min, max), b"");
        assert!(h.of(Q::PULL_MESSAGE).is_none());
        h.advance(seconds(6));
        assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "20", "{next} {min} {max}");
        assert!(h.of(Q::UPDATE_CONSUMER_OFFSET).is_none());
        assert!(h.notices.iter().any(|n| matches!(n, ConsumerNotice::PullNonsense { asked: 20, .. })));
    }
}

#[test]
fn a_slave_moves_nothing_while_no_master_is_known() {
    let (mut h, pull) = consuming(config(), 10);
    h.lose_master("a");
    h.advance(seconds(15));
    h.answer_pull(pull, A::PULL_NOT_FOUND, &next(10), b"");
    for _ in 0..3 {
        let pull = h.take(Q::PULL_MESSAGE);
        assert_eq!((pull.replica(), pull.field("queueOffset")), (1, "10"));
        h.answer_pull(pull, A::PULL_OFFSET_MOVED, &answer(5, 0, 5), b"");
        h.advance(seconds(1));
    }
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer_pull(pull, FOUND, &answer(11, 0, 11), &body(10..11));
    assert_eq!(offsets(&h.delivered()), [10]);
    assert!(!h.notices.iter().any(|n| matches!(n, ConsumerNotice::OffsetReset { .. })));
}

#[test]
fn where_to_begin_is_asked_of_a_slave_while_no_master_is_known() {
    let mut h = Harness::new();
    h.route("T", &["a:0"]);
    h.lose_master("a");
    h.create(config());
    h.subscribe("T", "*");
    h.answer_members(&["me"]);
    let query = h.take(Q::QUERY_CONSUMER_OFFSET);
    assert_eq!(query.replica(), 1);
    h.answer(query, A::QUERY_NOT_FOUND, &[], b"");
    assert_eq!(h.take(Q::GET_MAX_OFFSET).replica(), 1);
}

#[test]
fn a_queue_that_comes_back_and_goes_again_while_it_is_released_is_not_begun() {
    let (mut h, _pull) = consuming(config(), 0);
    h.members_changed();
    h.advance(seconds(1));
    h.answer_members(&["a-member-before-me", "me"]);
    let commit = h.take(Q::UPDATE_CONSUMER_OFFSET);
    for members in [&["me"][..], &["a-member-before-me", "me"]] {
        h.members_changed();
        h.advance(seconds(1));
        h.answer_members(members);
    }
    h.answer(commit, A::SUCCESS, &[], b"");
    h.advance(seconds(1));
    assert!(h.of(Q::QUERY_CONSUMER_OFFSET).is_none(), "it belongs to the other");
}

#[test]
fn closing_does_not_wait_for_what_could_not_go_back() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(2), &body(0..2));
    let mut delivery = h.delivered();
    let last = delivery.split_off(1);
    h.settle(delivery, Settlement::Done);
    h.settle(last, Settlement::Later { delay_level: -1 });
    h.close();
    let back = h.take(Q::CONSUMER_SEND_MSG_BACK);
    h.fail(back);
    let commit = h.take(Q::UPDATE_CONSUMER_OFFSET);
    assert_eq!(commit.field("commitOffset"), "1");
    h.answer(commit, A::SUCCESS, &[], b"");
    assert_eq!(h.closed().expect("closed at once"), []);
}

#[test]
fn a_subscription_made_after_the_wall_clock_was_set_back_is_newer() {
    let mut h = Harness::new();
    h.create(config());
    h.subscribe("T", "x");
    let version = |h: &mut Harness| {
        let data = h.heartbeat();
        data.subscription_data_set.iter().find(|s| s.topic == "T").map(|s| s.sub_version)
    };
    let before = version(&mut h).expect("subscribed");
    h.unix_ms -= 86_400_000;
    h.subscribe("T", "y");
    let changed = version(&mut h).expect("subscribed");
    assert!(changed > before);
    // Brokers remember what was subscribed before, for ten minutes.
    h.unsubscribe("T");
    h.subscribe("T", "z");
    assert!(version(&mut h).expect("subscribed") > changed);
    let last = version(&mut h).expect("subscribed");
    h.close();
    h.create(config());
    h.subscribe("T", "*");
    assert!(version(&mut h).expect("subscribed") > last, "also of the group's next consumer");
}

#[test]
fn pulls_without_a_registration_ask_for_one_once_a_second() {
    let (mut h, pulls) = consuming_queues(config(), 30);
    assert!(h.registration_changed());
    let mut renewed = 0;
    for pull in pulls {
        h.answer(pull, A::SUBSCRIPTION_NOT_EXIST, &[], b"");
        renewed += u32::from(h.registration_changed());
    }
    assert_eq!(renewed, 1);
    h.advance(seconds(2));
    let pull = h.take(Q::PULL_MESSAGE);
    h.answer(pull, A::SUBSCRIPTION_NOT_LATEST, &[], b"");
    assert!(h.registration_changed());
}

#[test]
fn words_of_a_broker_are_cut_and_cannot_forge_log_lines() {
    let (mut h, pull) = consuming(config(), 0);
    let mut words = String::from("disk full\n2026 INFO all is well \u{1b}[31m");
    words.push_str(&"ä".repeat(10_000));
    h.answer_with(pull, A::SYSTEM_ERROR, &words);
    let remark = h.notices.iter().find_map(|n| match n {
        ConsumerNotice::PullFailed { remark, .. } => Some(remark.clone()),
        _ => None,
    });
    let remark = remark.expect("failed");
    assert!(remark.starts_with("disk full"), "{remark}");
    assert!(remark.chars().count() <= 256 && !remark.contains(char::is_control), "{} bytes", remark.len());
}

#[test]
fn two_members_with_one_id_are_reported() {
    let (mut h, _pull) = consuming(config(), 0);
    h.members_changed();
    h.advance(seconds(1));
    h.answer_members(&["me", "me"]);
    assert!(h.notices.iter().any(|n| matches!(n, ConsumerNotice::SharedClientId { .. })));
}
