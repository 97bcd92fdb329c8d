//! Validators, namespaces, reserved names, lite topics, delay levels, message checks.

use rocketmq_engine::wire::message::names::{self, DelayLevels, lite, namespace};
use rocketmq_engine::wire::message::{Properties, check_message};

use crate::support::{id, number, text, vectors};

#[test]
pub(crate) fn validators() {
    for vector in vectors("offline/validators") {
        let (id, java) = (id(&vector), &vector["out"]);
        let name = vector["in"].as_str().unwrap_or_default();
        let expect = |member: &str, ours: bool| {
            assert_eq!(ours, java[member].as_bool().unwrap_or(false), "{id} {member} {name:?}");
        };
        expect("topic", names::check_topic(name).is_ok());
        expect("group", names::check_group(name).is_ok());
        expect("systemTopic", names::is_system_topic(name));
        expect("notAllowedSend", names::is_not_for_sending(name));
        expect("serverTopicValid", names::check_stored_topic(name).is_ok());
        expect("serverGroupValid", names::check_group(name).is_ok());
        expect("isSysConsumerGroup", names::is_system_group(name));
        expect("isLmq", names::is_lmq(name));
    }
}

#[test]
pub(crate) fn namespaces() {
    for vector in vectors("offline/namespace") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let (name, ns) = (input["resource"].as_str().unwrap_or_default(), text(input, "namespace"));
        let expect = |member: &str, ours: &str| {
            assert_eq!(ours, java[member].as_str().unwrap_or_default(), "{id} {member} {name:?} {ns:?}");
        };
        expect("wrapped", &namespace::wrap(ns, name));
        expect("without", &namespace::without(name));
        expect("withoutNs", &namespace::without_this(name, ns));
        expect("namespaceOf", namespace::of(name));
        expect("wrapAndRetry", &namespace::wrap_and_retry(ns, name).unwrap_or_default());
        assert_eq!(namespace::has(name, ns), java["already"].as_bool().unwrap(), "{id}");
    }
}

#[test]
pub(crate) fn reserved_properties() {
    for vector in vectors("offline/reserved_properties") {
        let reserved = names::is_reserved_property(text(&vector, "in"));
        assert_eq!(reserved, text(&vector, "out") == "reserved", "{}", text(&vector, "in"));
    }
}

#[test]
pub(crate) fn lite_topics() {
    for vector in vectors("offline/lite_sharding") {
        let (name, java) = (text(&vector, "in"), vector["out"].as_object().unwrap());
        for (member, bucket) in java.iter().filter(|(member, _)| member.starts_with('n')) {
            let buckets = member[1..].parse().unwrap();
            assert_eq!(i64::from(lite::shard(name, buckets)), bucket.as_i64().unwrap(), "{name} {member}");
        }
    }
    assert_eq!(lite::shard("chat1", 0), 0);
    for vector in vectors("offline/lite_util") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let queue = if let Some(queue) = input.get("lmq") {
            queue.as_str().map(str::to_owned)
        } else {
            let queue = lite::queue_name(text(input, "parent"), text(input, "lite"));
            assert_eq!(queue.as_deref(), java["lmq"].as_str(), "{id}");
            queue
        };
        let queue = queue.unwrap_or_default();
        assert_eq!(lite::is_lite_queue(&queue), java["isLite"].as_bool().unwrap(), "{id}");
        assert_eq!(lite::split(&queue).map(|parts| parts.0), java["parentOf"].as_str(), "{id}");
        assert_eq!(lite::split(&queue).map(|parts| parts.1), java["liteOf"].as_str(), "{id}");
    }
}

#[test]
pub(crate) fn delay_levels() {
    for vector in vectors("offline/delay_level") {
        let (id, java) = (id(&vector), &vector["out"]);
        let parsed = DelayLevels::parse(text(&vector["in"], "messageDelayLevel"));
        assert_eq!(parsed.is_ok(), java["parsed"].as_bool().unwrap(), "{id}");
        let Ok(levels) = parsed else { continue };
        assert_eq!(levels.millis.len() as i64, number(java, "maxLevel"), "{id}");
        for (level, millis) in java["millisByLevel"].as_object().unwrap() {
            assert_eq!(levels.delay_ms(level.parse().unwrap()), millis.as_i64(), "{id}");
        }
    }
    let levels = DelayLevels::parse(DelayLevels::DEFAULT).unwrap();
    assert_eq!((levels.delay_ms(0), levels.delay_ms(-1)), (None, None));
    assert_eq!(levels.delay_ms(19), Some(7_200_000), "above the last level: the last");
}

#[test]
pub(crate) fn message_checks() {
    let max = 4 << 20;
    for vector in vectors("offline/validate_message") {
        let lmq = "INNER_MULTI_DISPATCH\u{1}%LMQ%a/b\u{2}";
        let (topic, len, properties) = match text(&vector, "in") {
            "ok" => ("TopicA", 1, ""),
            "empty body" => ("TopicA", 0, ""),
            "4 MiB" => ("TopicA", max, ""),
            "4 MiB + 1" => ("TopicA", max + 1, ""),
            "null topic" => ("", 1, ""),
            "half topic" => ("RMQ_SYS_TRANS_HALF_TOPIC", 1, ""),
            "lmq name with separator" => ("TopicA", 1, lmq),
            other => panic!("unknown case {other}"),
        };
        let checked = check_message(topic, len, Properties::new(properties), max);
        assert_eq!(checked.is_ok(), vector["out"].as_str() == Some("accepted"), "{checked:?}");
    }
    // Names that stop a broker's dispatch for good.
    for text in ["__LITE_TOPIC\u{1}a$b\u{2}", "INNER_MULTI_DISPATCH\u{1}%LMQ%ok,%LMQ%$p$a$b\u{2}"] {
        assert!(check_message("TopicA", 1, Properties::new(text), max).is_err());
    }
    let fine = "INNER_MULTI_DISPATCH\u{1}%LMQ%ok,%LMQ%$p$a\u{2}__LITE_TOPIC\u{1}chat_1\u{2}";
    assert_eq!(check_message("TopicA", 1, Properties::new(fine), max), Ok(()));
}
