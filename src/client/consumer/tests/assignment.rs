//! Which queues a consumer has, and where it begins in them.

use alloc::format;

use super::*;

#[test]
fn begins_as_java_does_and_pulls_with_its_parameters() {
    let mut h = Harness::new();
    h.route("T", &["a:0", "a:1", "b:0"]);
    h.create(config());
    h.subscribe("T", "x || y");
    let members = h.take(Q::GET_CONSUMER_LIST_BY_GROUP);
    assert_eq!(members.field("consumerGroup"), "G");
    h.answer(members, A::SUCCESS, &[], br#"{"consumerIdList":["me","you"]}"#);
    // Of three queues the first member has two.
    let first = h.take(Q::QUERY_CONSUMER_OFFSET);
    assert_eq!((first.field("topic"), first.field("queueId"), first.broker()), ("T", "0", "a"));
    assert_eq!(first.get("setZeroIfNotFound"), None);
    let second = h.take(Q::QUERY_CONSUMER_OFFSET);
    assert_eq!((second.field("queueId"), second.broker()), ("1", "a"));
    assert_eq!(h.assigned(), ["T@a:0", "T@a:1"]);
    h.answer(second, A::SUCCESS, &[("offset", "7")], b"");
    let pull = h.take(Q::PULL_MESSAGE);
    let expected = [
        ("commitOffset", "0"),
        ("consumerGroup", "G"),
        ("expressionType", "TAG"),
        ("maxMsgBytes", "262144"),
        ("maxMsgNums", "32"),
        ("queueId", "1"),
        ("queueOffset", "7"),
        ("suspendTimeoutMillis", "15000"),
        ("sysFlag", "2"),
        ("topic", "T"),
    ];
    for (key, value) in expected {
        assert_eq!(pull.field(key), value, "{key}");
    }
    assert_eq!(pull.get("subscription"), None);
    let heartbeat = h.heartbeat();
    assert_eq!(heartbeat.group_name, "G");
    let topics: Vec<&str> = heartbeat.subscription_data_set.iter().map(|s| s.topic.as_str()).collect();
    assert_eq!(topics, ["%RETRY%G", "T"]);
    assert_eq!(heartbeat.subscription_data_set[1].sub_version.to_string(), pull.field("subVersion"));
}

#[test]
fn without_an_offset_the_configuration_says_where() {
    for (from, code) in [
        (ConsumeFrom::First, Q::GET_MIN_OFFSET),
        (ConsumeFrom::Last, Q::GET_MAX_OFFSET),
        (ConsumeFrom::Timestamp(1234), Q::SEARCH_OFFSET_BY_TIMESTAMP),
    ] {
        let mut h = Harness::new();
        h.route("T", &["a:0"]);
        h.create(config().consume_from(from));
        h.subscribe("T", "*");
        h.answer_members(&["me"]);
        let query = h.take(Q::QUERY_CONSUMER_OFFSET);
        h.answer(query, A::QUERY_NOT_FOUND, &[], b"");
        let start = h.take(code);
        if code == Q::SEARCH_OFFSET_BY_TIMESTAMP {
            assert_eq!(start.field("timestamp"), "1234");
        }
        h.answer(start, A::SUCCESS, &[("offset", "55")], b"");
        assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "55");
    }
}

#[test]
fn a_failed_question_is_never_an_offset() {
    let mut h = Harness::new();
    h.route("T", &["a:0"]);
    h.create(config());
    h.subscribe("T", "*");
    h.answer_members(&["me"]);
    for step in 0..6 {
        let query = h.take(Q::QUERY_CONSUMER_OFFSET);
        match step {
            0 => h.fail(query),
            1 => h.answer(query, A::SYSTEM_ERROR, &[], b""),
            2 => h.answer(query, A::SUCCESS, &[("offset", "-1")], b""),
            3 => h.answer(query, A::SUCCESS, &[], b""),
            _ => {
                h.answer(query, A::QUERY_NOT_FOUND, &[], b"");
                let start = h.take(Q::GET_MAX_OFFSET);
                if step == 4 {
                    h.answer(start, A::SUCCESS, &[("offset", "-1")], b"");
                } else {
                    h.answer(start, A::SUCCESS, &[("offset", "3")], b"");
                    break;
                }
            }
        }
        assert!(h.asked().is_empty(), "nothing before the wait is over");
        h.advance(seconds(1));
    }
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "3");
    let failed = |n: &&ConsumerNotice| matches!(n, ConsumerNotice::StartUnknown { .. });
    assert_eq!(h.notices.iter().filter(failed).count(), 5);
}

#[test]
fn a_queue_that_appears_later_is_read_from_its_beginning() {
    let (mut h, _pull) = consuming(config(), 0);
    h.route("T", &["a:0", "a:1"]);
    h.advance(seconds(1));
    h.answer_members(&["me"]);
    let query = h.take(Q::QUERY_CONSUMER_OFFSET);
    h.answer(query, A::QUERY_NOT_FOUND, &[], b"");
    assert_eq!(h.take(Q::GET_MIN_OFFSET).field("queueId"), "1");
}

#[test]
fn a_queue_is_released_when_its_commit_is_answered() {
    let (mut h, pull) = consuming(config(), 0);
    h.answer_pull(pull, FOUND, &next(2), &body(0..2));
    let mut delivery = h.delivered();
    let late = delivery.split_off(1);
    h.settle(delivery, Settlement::Done);
    let pull = h.take(Q::PULL_MESSAGE);
    // A second member takes the only queue.
    h.members_changed();
    h.advance(seconds(1));
    h.answer_members(&["a-member-before-me", "me"]);
    assert_eq!(h.revoked(), ["T@a:0"]);
    let commit = h.take(Q::UPDATE_CONSUMER_OFFSET);
    assert_eq!(commit.field("commitOffset"), "1");
    // It comes back before the commit is answered: it begins only then, where the broker says.
    h.members_changed();
    h.advance(seconds(1));
    h.answer_members(&["me"]);
    assert!(h.of(Q::QUERY_CONSUMER_OFFSET).is_none());
    h.answer(commit, A::SUCCESS, &[], b"");
    h.advance(Duration::ZERO);
    let query = h.take(Q::QUERY_CONSUMER_OFFSET);
    // What belongs to the old assignment changes nothing.
    h.answer_pull(pull, FOUND, &next(9), &body(2..9));
    h.settle(late, Settlement::Done);
    assert_eq!(h.stats().late_settlements, 1);
    h.answer(query, A::SUCCESS, &[("offset", "1")], b"");
    assert_eq!(h.take(Q::PULL_MESSAGE).field("queueOffset"), "1");
    assert!(h.notices.iter().any(|n| matches!(n, ConsumerNotice::LateSettlement { messages: 1, .. })));
}

#[test]
fn a_list_without_us_drops_nothing() {
    let (mut h, pull) = consuming(config(), 0);
    assert!(h.registration_changed());
    for list in [&["you"][..], &[]] {
        h.members_changed();
        h.advance(seconds(1));
        h.answer_members(list);
        assert!(h.revoked().is_empty());
        assert!(h.registration_changed(), "it registers again");
    }
    h.members_changed();
    h.advance(seconds(1));
    let ask = h.take(Q::GET_CONSUMER_LIST_BY_GROUP);
    h.fail(ask);
    assert!(h.revoked().is_empty());
    h.answer_pull(pull, FOUND, &next(1), &body(0..1));
    assert_eq!(offsets(&h.delivered()), [0]);
    let missing = |n: &&ConsumerNotice| matches!(n, ConsumerNotice::NotInMemberList { .. });
    assert_eq!(h.notices.iter().filter(missing).count(), 2);
}

#[test]
fn notifications_are_coalesced() {
    let (mut h, _pull) = consuming(config(), 0);
    for _ in 0..100 {
        h.members_changed();
        h.advance(Duration::from_millis(5));
    }
    assert!(h.of(Q::GET_CONSUMER_LIST_BY_GROUP).is_none());
    h.advance(seconds(1));
    let _ask = h.take(Q::GET_CONSUMER_LIST_BY_GROUP);
    h.members_changed();
    h.advance(seconds(2));
    assert!(h.of(Q::GET_CONSUMER_LIST_BY_GROUP).is_none(), "one question at a time");
}

#[test]
fn ten_thousand_queues_are_assigned_in_slices() {
    let names: Vec<String> = (0..10_000).map(|id| format!("a:{id}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut h = Harness::new();
    h.route("T", &names);
    h.create(config());
    h.subscribe("T", "*");
    h.answer_members(&["me"]);
    let mut steps = 0;
    while h.work_left() {
        let before = h.asked().len();
        h.step();
        assert!(h.asked().len() - before <= 64, "a step is bounded");
        steps += 1;
    }
    assert_eq!(h.assigned().len(), 10_000);
    assert!(steps > 100);
}
