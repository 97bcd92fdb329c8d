//! Receipt handles, offset infos, retry topics, batched acks.

use rocketmq_engine::wire::message::names;
use rocketmq_engine::wire::message::pop::{
    AckBits, BatchAck, BatchAckRequestBody, MessageOffsets, OrderCount, OrderCountKey, ReceiptHandle,
    RetryMark, RetryTopic, StartOffset, lite_order_counts, message_offsets, order_counts, pop_retry_topic_v1,
    pop_retry_topic_v2, start_offsets, write_message_offsets, write_order_counts, write_start_offsets,
};
use serde_json::{Value, json};

use crate::deviations::Judge;
use crate::support::{id, number, text, vectors};

#[test]
pub(crate) fn receipt_handles() {
    let judge = Judge::of("pop_extra_info");
    for vector in vectors("offline/pop_extra_info") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        if let Some(split) = input.get("split") {
            let errors =
                java.as_object().unwrap().values().any(|v| v.as_str().is_some_and(|v| v.contains("error")));
            let java_verdict = if errors {
                "error".to_owned()
            } else {
                let part = |member| java[member].to_string().replace('"', "");
                let mark = match text(java, "realTopic_for_T_G") {
                    "T" => 0,
                    topic if topic.contains('+') => 2,
                    _ => 1,
                };
                format!(
                    "{} {} {} {} {mark} {} {} {}",
                    part("ckQueueOffset"),
                    part("popTime"),
                    part("invisibleTime"),
                    part("reviveQid"),
                    part("broker"),
                    part("queueId"),
                    part("queueOffset")
                )
            };
            let ours = ReceiptHandle::parse(split.as_str().unwrap());
            judge.check(id, &java_verdict, &ours.map_or("error".to_owned(), |handle| handle.to_string()));
            continue;
        }
        let mut handle = ReceiptHandle {
            ck_queue_offset: number(input, "ckQueueOffset"),
            pop_time: number(input, "popTime"),
            invisible_time: number(input, "invisibleTime"),
            revive_queue_id: number(input, "reviveQid") as i32,
            mark: RetryMark::of_topic(text(input, "topic")),
            broker_name: text(input, "broker"),
            queue_id: number(input, "queueId") as i32,
            queue_offset: Some(number(input, "queueOffset")),
        };
        assert_eq!(handle.to_string(), text(java, "eight"), "{id}");
        assert_eq!(ReceiptHandle::parse(text(java, "eight")), Ok(handle), "{id}");
        assert_eq!(handle.is_ordered(), java["order"].as_bool().unwrap(), "{id}");
        assert_eq!(handle.mark.as_str(), text(java, "retryMark"), "{id}");
        assert_eq!(handle.mark.real_topic("T", "G"), text(java, "realTopic_for_T_G"), "{id}");
        handle.queue_offset = None;
        assert_eq!(handle.to_string(), text(java, "seven"), "{id}");
        assert_eq!(ReceiptHandle::parse(text(java, "seven")), Ok(handle), "{id}");
    }
}

#[test]
pub(crate) fn a_renewed_handle_starts_at_its_message() {
    let handle = ReceiptHandle::parse("100 1700000000000 60000 5 0 broker-a 3 101").unwrap();
    assert_eq!(
        handle.renewed(1_700_000_001_000, 3000, 6).to_string(),
        "101 1700000001000 3000 6 0 broker-a 3 101"
    );
}

/// What was read, keyed as Java keys it; empty text is Java's null.
fn keyed<T>(read: Result<Vec<T>, impl Sized>, entry: impl Fn(T) -> (String, Value)) -> Value {
    match read {
        Err(_) => "error".into(),
        Ok(read) if read.is_empty() => Value::Null,
        Ok(read) => Value::Object(read.into_iter().map(entry).collect()),
    }
}

#[test]
pub(crate) fn offset_infos() {
    for vector in vectors("offline/pop_offset_infos") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let (kind, value) = input.as_object().unwrap().iter().find(|(member, _)| *member != "count").unwrap();
        let written = value.as_str().unwrap_or_default();
        let ours = match kind.as_str() {
            "startOffsetInfo" => keyed(start_offsets(written), |read| {
                (format!("{}@{}", read.mark.as_str(), read.queue_id), read.offset.into())
            }),
            "msgOffsetInfo" => keyed(message_offsets(written), |read| {
                (format!("{}@{}", read.mark.as_str(), read.queue_id), read.offsets.into())
            }),
            "orderCountInfo" => keyed(order_counts(written), |read| {
                let key = match read.key {
                    OrderCountKey::Queue(queue) => queue.to_string(),
                    OrderCountKey::Message(queue, offset) => format!("qo{queue}%{offset}"),
                };
                (format!("{}@{key}", read.mark.as_str()), read.count.into())
            }),
            "liteOrderCountInfo" => {
                lite_order_counts(written, number(input, "count") as usize).map_or(Value::Null, Value::from)
            }
            "build" => built(written).into(),
            // The keys of Java's maps: ours are typed.
            "keys" => continue,
            other => panic!("{other}"),
        };
        let java = if java.get("error").is_some() { &json!("error") } else { java };
        assert_eq!(&ours, java, "{id}");
    }
    assert_eq!(lite_order_counts("0 qo0%1 1;0 qo0%2 1", 2), Some(vec![1, 1]));
    assert_eq!(lite_order_counts("0 qo0%1 1;0 qo0%2 1", 3), None);
}

/// The info strings the vectors build, from typed entries.
fn built(kind: &str) -> String {
    let (normal, v1, v2) = (RetryMark::Normal, RetryMark::RetryV1, RetryMark::RetryV2);
    match kind {
        "startOffsetInfo" => write_start_offsets(&[
            StartOffset { mark: normal, queue_id: 3, offset: 100 },
            StartOffset { mark: v2, queue_id: 0, offset: 7 },
            StartOffset { mark: v1, queue_id: 0, offset: 9 },
        ]),
        "msgOffsetInfo" => write_message_offsets(&[
            MessageOffsets { mark: normal, queue_id: 3, offsets: vec![100, 101, 103] },
            MessageOffsets { mark: v2, queue_id: 0, offsets: vec![7] },
        ]),
        _ => write_order_counts(&[
            OrderCount { mark: normal, key: OrderCountKey::Queue(3), count: 2 },
            OrderCount { mark: normal, key: OrderCountKey::Message(3, 100), count: 1 },
        ]),
    }
}

#[test]
pub(crate) fn retry_topics() {
    for vector in vectors("offline/pop_retry_topics") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        if let Some(name) = input.get("parse").and_then(Value::as_str) {
            let parsed = RetryTopic::parse(name);
            assert_eq!(parsed.topic, text(java, "normalTopic"), "{id}");
            assert_eq!(parsed.group, java["group"].as_str(), "{id}");
            assert_eq!(
                RetryMark::of_topic(name) == RetryMark::RetryV2,
                java["isV2"].as_bool().unwrap(),
                "{id}"
            );
            continue;
        }
        let (topic, group) = (text(input, "topic"), text(input, "group"));
        let (v1, v2) = (pop_retry_topic_v1(topic, group), pop_retry_topic_v2(topic, group));
        assert_eq!((&*v1, &*v2), (text(java, "v1"), text(java, "v2")), "{id}");
        assert_eq!(names::retry_topic(group), text(java, "retry"), "{id}");
        assert_eq!(names::dlq_topic(group), text(java, "dlq"), "{id}");
        assert_eq!(RetryTopic::topic_of(&v1, group), text(java, "normalFromV1"), "{id}");
        assert_eq!(RetryTopic::topic_of(&v2, group), text(java, "normalFromV2"), "{id}");
        assert_eq!(RetryMark::of_topic(&v1), RetryMark::RetryV1, "{id}");
        assert_eq!(RetryMark::of_topic(&v2), RetryMark::RetryV2, "{id}");
    }
}

fn check_batch_acks(set: &str, scope: &'static str) {
    let judge = Judge::of(scope);
    for vector in vectors(&format!("{set}/batch_ack_body")) {
        let (input, java) = (&vector["in"], &vector["out"]);
        let id = if set == "offline" { id(&vector).to_owned() } else { format!("{set}/{}", id(&vector)) };
        if let Some(body) = input.get("decode") {
            let read = BatchAckRequestBody::decode(body.as_str().unwrap().as_bytes());
            let ours = read.map_or("error".to_owned(), |body| {
                let ack = &body.acks[0];
                format!(
                    "{:?} {} {}",
                    ack.bits.iter().collect::<Vec<_>>(),
                    ack.start_offset,
                    ack.consumer_group
                )
            });
            let java = if java.get("error").is_some() {
                "error".to_owned()
            } else {
                let bits: Vec<i64> =
                    java["bits"].as_array().unwrap().iter().map(|bit| bit.as_i64().unwrap()).collect();
                format!(
                    "{bits:?} {} {}",
                    number(java, "startOffset"),
                    java["group"].as_str().unwrap_or_default()
                )
            };
            judge.check(&id, &java, &ours);
            continue;
        }
        let mut bits = AckBits::default();
        for bit in input["bits"].as_array().unwrap() {
            assert!(bits.set(bit.as_u64().unwrap() as usize), "{id}");
        }
        let body = BatchAckRequestBody {
            broker_name: "broker-a".into(),
            acks: vec![BatchAck {
                consumer_group: "CG".into(),
                topic: "T".into(),
                mark: RetryMark::Normal,
                start_offset: 100,
                queue_id: 3,
                revive_queue_id: 5,
                pop_time: 1_700_000_000_000,
                invisible_time: 60_000,
                bits,
            }],
        };
        let written = body.encode();
        assert_eq!(str::from_utf8(&written).unwrap(), java.as_str().unwrap(), "{id}");
        assert_eq!(BatchAckRequestBody::decode(&written), Ok(body), "{id}");
    }
}

#[test]
pub(crate) fn batched_acks() {
    check_batch_acks("offline", "batch_ack_body");
    check_batch_acks("offline-5.3.3", "offline-5.3.3/batch_ack_body");
}
