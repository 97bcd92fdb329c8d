//! Every pair of request and response code that comes out of a broker: brought about here, seen on a real one.
//! One processor serves 10, 310 and 320, one 11 and 361: a refusal is listed for one code of each.

use std::collections::BTreeSet;

use rocketmq_engine::wire::codes::{RequestCode as Q, ResponseCode as R, Version};
use rocketmq_testkit::{Cluster, Keep, TopicConfig};

use crate::hand::{BROKER, Hand, frame, pull_fields, send_fields};

const SOURCE: &str = "Apache's processor says so, no transcript shows it";
const FIELDS: &str = "words of a Java exception there, what is missing here: java-5.5.0/route 37";

/// The request, the answer, and where it was seen: a transcript and the request's number, or why there is none.
const PAIRS: &[(Q, R, &str)] = &[
    (Q::SEND_MESSAGE, R::SUCCESS, "go-client/send"),
    (Q::SEND_MESSAGE_V2, R::SUCCESS, "java-5.5.0/send 5"),
    (Q::SEND_MESSAGE_V2, R::SYSTEM_ERROR, "java-5.5.0/send_errors 15"),
    (Q::SEND_MESSAGE_V2, R::MESSAGE_ILLEGAL, "java-5.5.0/send_errors 25"),
    (Q::SEND_MESSAGE_V2, R::NO_PERMISSION, "java-5.5.0/send_errors 11"),
    (Q::SEND_MESSAGE_V2, R::TOPIC_NOT_EXIST, "java-5.5.0/send_errors_autocreate_off 3"),
    (Q::SEND_MESSAGE_V2, R::INVALID_PARAMETER, "java-5.5.0/send_errors 7"),
    (Q::SEND_MESSAGE_V2, R::SUBSCRIPTION_GROUP_NOT_EXIST, SOURCE),
    (Q::SEND_MESSAGE_V2, R::SYSTEM_BUSY, SOURCE),
    (Q::SEND_MESSAGE_V2, R::GO_AWAY, "java-5.5.0/go_away 19"),
    (Q::SEND_BATCH_MESSAGE, R::SUCCESS, "java-5.5.0/send_batch 3"),
    (Q::SEND_BATCH_MESSAGE, R::MESSAGE_ILLEGAL, SOURCE),
    (Q::CONSUMER_SEND_MSG_BACK, R::SUCCESS, "java-5.5.0/push_retry_dlq 39"),
    (Q::CONSUMER_SEND_MSG_BACK, R::SYSTEM_ERROR, SOURCE),
    (Q::CONSUMER_SEND_MSG_BACK, R::NO_PERMISSION, SOURCE),
    (Q::CONSUMER_SEND_MSG_BACK, R::SUBSCRIPTION_GROUP_NOT_EXIST, SOURCE),
    (Q::CONSUMER_SEND_MSG_BACK, R::SYSTEM_BUSY, SOURCE),
    (Q::PULL_MESSAGE, R::SUCCESS, "java-5.5.0/pull_outcomes 1"),
    (Q::PULL_MESSAGE, R::PULL_RETRY_IMMEDIATELY, "java-5.5.0/pull_outcomes 3"),
    (Q::PULL_MESSAGE, R::PULL_OFFSET_MOVED, "java-5.5.0/pull_outcomes 5"),
    (Q::PULL_MESSAGE, R::PULL_NOT_FOUND, "java-5.5.0/pull_outcomes 9"),
    (Q::PULL_MESSAGE, R::SUBSCRIPTION_NOT_EXIST, "java-5.5.0/pull_outcomes 13"),
    (Q::PULL_MESSAGE, R::TOPIC_NOT_EXIST, "java-5.5.0/pull_outcomes 15"),
    (Q::PULL_MESSAGE, R::INVALID_PARAMETER, "java-5.5.0/pull_outcomes 17"),
    (Q::PULL_MESSAGE, R::NO_PERMISSION, "java-5.5.0/pull_outcomes 19"),
    (Q::PULL_MESSAGE, R::SUBSCRIPTION_GROUP_NOT_EXIST, "java-5.5.0/pull_outcomes 37"),
    (Q::PULL_MESSAGE, R::SUBSCRIPTION_NOT_LATEST, SOURCE),
    (Q::PULL_MESSAGE, R::SUBSCRIPTION_PARSE_FAILED, SOURCE),
    (Q::PULL_MESSAGE, R::SYSTEM_ERROR, SOURCE),
    (Q::LITE_PULL_MESSAGE, R::SUCCESS, "java-5.5.0/pull_outcomes 25"),
    (Q::HEART_BEAT, R::SUCCESS, "java-5.5.0/registration 5"),
    (Q::HEART_BEAT, R::SYSTEM_ERROR, SOURCE),
    (Q::UNREGISTER_CLIENT, R::SUCCESS, "java-5.5.0/registration 65"),
    (Q::GET_CONSUMER_LIST_BY_GROUP, R::SUCCESS, "java-5.5.0/registration 20"),
    (Q::GET_CONSUMER_LIST_BY_GROUP, R::SYSTEM_ERROR, SOURCE),
    (Q::CHECK_CLIENT_CONFIG, R::SUCCESS, "java-5.5.0-binary-both/push_sql 23"),
    (Q::CHECK_CLIENT_CONFIG, R::SYSTEM_ERROR, SOURCE),
    (Q::QUERY_CONSUMER_OFFSET, R::SUCCESS, "java-5.5.0/offset_queries 41"),
    (Q::QUERY_CONSUMER_OFFSET, R::QUERY_NOT_FOUND, "java-5.5.0/offset_queries 45"),
    (Q::UPDATE_CONSUMER_OFFSET, R::SUCCESS, SOURCE),
    (Q::UPDATE_CONSUMER_OFFSET, R::TOPIC_NOT_EXIST, SOURCE),
    (Q::UPDATE_CONSUMER_OFFSET, R::SUBSCRIPTION_GROUP_NOT_EXIST, "java-5.5.0/offset_queries 47"),
    (Q::GET_MAX_OFFSET, R::SUCCESS, "java-5.5.0/offset_queries 3"),
    (Q::GET_MAX_OFFSET, R::SYSTEM_ERROR, FIELDS),
    (Q::GET_MIN_OFFSET, R::SUCCESS, "java-5.5.0/offset_queries 7"),
    (Q::GET_EARLIEST_MSG_STORETIME, R::SUCCESS, "java-5.5.0/offset_queries 9"),
    (Q::SEARCH_OFFSET_BY_TIMESTAMP, R::SUCCESS, "java-5.5.0/offset_queries 11"),
    (Q::VIEW_MESSAGE_BY_ID, R::SUCCESS, "java-5.5.0/ipv6_born_host 30"),
    (Q::VIEW_MESSAGE_BY_ID, R::SYSTEM_ERROR, "java-5.5.0/message_queries 21"),
    (Q::UPDATE_AND_CREATE_TOPIC, R::SUCCESS, "java-5.5.0/push_retry_dlq 64"),
    (Q::UPDATE_AND_CREATE_TOPIC, R::INVALID_PARAMETER, "java-5.5.0/admin_setup 43"),
    (Q(9999), R::REQUEST_CODE_NOT_SUPPORTED, "java-5.5.0/route 35"),
];

#[test]
fn every_code_a_broker_answers_is_known_from_a_real_one() {
    let found = brought_about();
    let listed: BTreeSet<(Q, R)> = PAIRS.iter().map(|(request, answer, _)| (*request, *answer)).collect();
    assert_eq!(listed.len(), PAIRS.len(), "a pair is listed twice");
    let missing: Vec<_> = listed.difference(&found).collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "listed, but not brought about: {missing:?}");
    assert!(unlisted.is_empty(), "answered, but not listed: {unlisted:?}");
}

#[test]
fn what_was_recorded_is_where_the_list_says() {
    for (request, answer, evidence) in PAIRS {
        let Some((transcript, n)) = evidence.split_once(' ').filter(|(name, _)| name.contains('/')) else {
            continue;
        };
        let path = format!("{}/../tests/vectors/transcripts/{transcript}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let found = lines
            .filter(|line| line["answers"].as_u64() == n.parse().ok())
            .any(|line| line["answersCode"] == request.0 && line["code"] == answer.0);
        assert!(found, "{request}, answered {answer}: not in {evidence}");
    }
}

/// Codes answered in the course of all this.
fn brought_about() -> BTreeSet<(Q, R)> {
    let mut all = BTreeSet::new();
    for broker in [served(), refused(), without_groups(), as_a_slave()] {
        let answered = broker.brokers().flat_map(|broker| broker.answered().to_vec());
        all.extend(answered.map(|answer| (answer.to.request, answer.code)));
    }
    all
}

fn served() -> Cluster {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    let sent = hand.send(at, "T", "0", b"one");
    let physical = i64::from_str_radix(&sent.ext["msgId"][16..], 16).unwrap().to_string();
    hand.call(at, Q::SEND_MESSAGE, &long_send_fields(), b"two");
    let mut batch = send_fields("T", "0", "").to_vec();
    batch.push(("m", "true"));
    hand.call(at, Q::SEND_BATCH_MESSAGE, &batch, &entry(b"three"));
    hand.heartbeat(at, "c", "G");
    for (offset, wait) in [("0", "0"), ("3", "0"), ("99", "0")] {
        hand.call(at, Q::PULL_MESSAGE, &pull_fields("T", "0", offset, wait), b"");
    }
    let mut tagged = pull_fields("T", "0", "0", "0");
    tagged[6].1 = "Never";
    hand.call(at, Q::PULL_MESSAGE, &tagged, b"");
    hand.call(at, Q::LITE_PULL_MESSAGE, &pull_fields("T", "0", "0", "0"), b"");
    let back = [("delayLevel", "1"), ("group", "G"), ("offset", &*physical)];
    hand.call(at, Q::CONSUMER_SEND_MSG_BACK, &back, b"");
    hand.call(at, Q::GET_CONSUMER_LIST_BY_GROUP, &[("consumerGroup", "G")], b"");
    hand.call(at, Q::CHECK_CLIENT_CONFIG, &[], br#"{"clientId":"c","group":"G"}"#);
    hand.commit(at, "1");
    hand.call(at, Q::QUERY_CONSUMER_OFFSET, &queue(&[("consumerGroup", "G")]), b"");
    for code in [Q::GET_MAX_OFFSET, Q::GET_MIN_OFFSET, Q::GET_EARLIEST_MSG_STORETIME] {
        hand.call(at, code, &queue(&[]), b"");
    }
    hand.call(at, Q::SEARCH_OFFSET_BY_TIMESTAMP, &queue(&[("timestamp", "0")]), b"");
    hand.call(at, Q::VIEW_MESSAGE_BY_ID, &[("offset", &*physical)], b"");
    hand.call(at, Q::UPDATE_AND_CREATE_TOPIC, &topic_fields("New"), b"");
    hand.call(at, Q::UNREGISTER_CLIENT, &[("clientID", "c"), ("consumerGroup", "G")], b"");
    hand.cluster.broker(0).unwrap().go_away();
    hand.send(at, "T", "0", b"late");
    // Clients that do not know the code are served to the end.
    let old = frame(Q::GET_MAX_OFFSET, 7, Version(475), &queue(&[]), b"");
    hand.cluster.handle_bytes(BROKER, at.1, &old, hand.now);
    assert_eq!(hand.came(at).last().unwrap().number("offset"), 3);
    hand.cluster
}

fn refused() -> Cluster {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.send(at, "T", "0", b"");
    hand.send(at, "T", "9", b"x");
    hand.send(at, "SCHEDULE_TOPIC_XXXX", "0", b"x");
    hand.call(at, Q::SEND_MESSAGE_V2, &send_fields("T", "0", "INNER_NUM\u{1}3\u{2}"), b"x");
    let mut batch = send_fields("%RETRY%G", "0", "").to_vec();
    batch.push(("m", "true"));
    hand.call(at, Q::SEND_BATCH_MESSAGE, &batch, &entry(b"x"));
    hand.cluster.broker(0).unwrap().configure(|config| config.auto_create_topic = false);
    hand.call(at, Q::SEND_MESSAGE_V2, &without_template("Unknown"), b"x");
    hand.cluster.broker(0).unwrap().set_topic("W", TopicConfig::new(1).perm(TopicConfig::WRITE));
    let retry = TopicConfig::new(1).perm(TopicConfig::READ);
    hand.cluster.broker(0).unwrap().set_topic("%RETRY%Closed", retry);
    for (topic, queue) in [("Unknown", "0"), ("T", "9"), ("W", "0")] {
        hand.call(at, Q::PULL_MESSAGE, &pull_fields(topic, queue, "0", "0"), b"");
    }
    let mut known = pull_fields("T", "0", "0", "0");
    known[8].1 = "0";
    hand.call(at, Q::PULL_MESSAGE, &known, b"");
    hand.heartbeat(at, "c", "G");
    known[5].1 = "2";
    hand.call(at, Q::PULL_MESSAGE, &known, b"");
    let mut parsed = pull_fields("T", "0", "0", "0").to_vec();
    parsed[6].1 = "||";
    hand.call(at, Q::PULL_MESSAGE, &parsed, b"");
    parsed[6].1 = "a > 1";
    parsed.push(("expressionType", "SQL92"));
    hand.call(at, Q::PULL_MESSAGE, &parsed, b"");
    for group in ["G", "Closed"] {
        let back = [("delayLevel", "1"), ("group", group), ("offset", "77")];
        hand.call(at, Q::CONSUMER_SEND_MSG_BACK, &back, b"");
    }
    hand.call(at, Q::HEART_BEAT, &[], b"{");
    hand.call(at, Q::GET_CONSUMER_LIST_BY_GROUP, &[("consumerGroup", "Nobody")], b"");
    let sql = br#"{"clientId":"c","group":"G","subscriptionData":{"expressionType":"SQL92","subString":"a > 1","topic":"T"}}"#;
    hand.call(at, Q::CHECK_CLIENT_CONFIG, &[], sql);
    let never = queue(&[("consumerGroup", "G"), ("setZeroIfNotFound", "false")]);
    hand.call(at, Q::QUERY_CONSUMER_OFFSET, &never, b"");
    let gone = [("commitOffset", "1"), ("consumerGroup", "G"), ("queueId", "0"), ("topic", "Unknown")];
    hand.call(at, Q::UPDATE_CONSUMER_OFFSET, &gone, b"");
    hand.call(at, Q::GET_MAX_OFFSET, &[], b"");
    hand.call(at, Q::VIEW_MESSAGE_BY_ID, &[("offset", "77")], b"");
    hand.call(at, Q::UPDATE_AND_CREATE_TOPIC, &topic_fields("not a name"), b"");
    hand.call(at, Q(9999), &[], b"");
    hand.cluster
}

/// `autoCreateSubscriptionGroup=false`.
fn without_groups() -> Cluster {
    let mut hand = Hand::one();
    let at = (BROKER, hand.connect(BROKER));
    hand.cluster.broker(0).unwrap().configure(|config| config.auto_create_group = false);
    hand.send(at, "%RETRY%G", "0", b"x");
    hand.pull(at, "0", "0");
    let back = [("delayLevel", "1"), ("group", "G"), ("offset", "0")];
    hand.call(at, Q::CONSUMER_SEND_MSG_BACK, &back, b"");
    hand.commit(at, "1");
    hand.cluster
}

fn as_a_slave() -> Cluster {
    let mut hand = Hand::new(&Cluster::builder().slaves(1).topic("T", 1).keep(Keep::Events));
    let slave = rocketmq_testkit::Node::Broker(1);
    let at = (slave, hand.connect(slave));
    hand.send(at, "T", "0", b"x");
    hand.call(at, Q::CONSUMER_SEND_MSG_BACK, &[("delayLevel", "1"), ("group", "G"), ("offset", "0")], b"");
    hand.cluster
}

fn queue<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![("queueId", "0"), ("topic", "T")];
    fields.extend(more);
    fields
}

fn without_template(topic: &str) -> [(&str, &str); 9] {
    let mut fields = send_fields(topic, "0", "");
    fields[2].1 = "NoTemplate";
    fields
}

fn topic_fields(topic: &str) -> [(&str, &str); 6] {
    [
        ("defaultTopic", "TBW102"),
        ("perm", "6"),
        ("readQueueNums", "2"),
        ("topic", topic),
        ("topicFilterType", "SINGLE_TAG"),
        ("writeQueueNums", "2"),
    ]
}

fn long_send_fields() -> [(&'static str, &'static str); 8] {
    [
        ("bornTimestamp", "1790000000000"),
        ("defaultTopic", "TBW102"),
        ("defaultTopicQueueNums", "4"),
        ("flag", "0"),
        ("producerGroup", "PG"),
        ("queueId", "0"),
        ("sysFlag", "0"),
        ("topic", "T"),
    ]
}

fn entry(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let entry = rocketmq_engine::wire::message::BatchEntry { flag: 0, body, properties: "" };
    entry.encode(&mut out).unwrap();
    out
}
