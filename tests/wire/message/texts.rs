//! Properties, ids, tags, flags, hashes, traces.

use rocketmq_engine::wire::message::properties::append_pair;
use rocketmq_engine::wire::message::tags::Expression;
use rocketmq_engine::wire::message::trace::{
    EndTransactionTrace, PubTrace, RecallTrace, SubAfterTrace, SubBeforeTrace, TraceRecord, records,
};
use rocketmq_engine::wire::message::{
    OffsetMessageId, Properties, PropertiesBuilder, PullSysFlag, RecallHandle, UniqueId, UniqueIdGenerator,
    body_crc, string_hash, tag_code,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::deviations::Judge;
use crate::support::{hex, host, id, number, text, unhex, vectors};

fn map(value: &Value) -> BTreeMap<&str, &str> {
    value.as_object().unwrap().iter().map(|(name, value)| (&**name, value.as_str().unwrap())).collect()
}

#[test]
pub(crate) fn properties() {
    let judge = Judge::of("properties");
    for vector in vectors("offline/properties") {
        let (id, java) = (id(&vector), &vector["out"]);
        if let Some(decode) = vector["in"].get("decode") {
            let properties = Properties::new(decode.as_str().unwrap_or_default());
            assert_eq!(properties.iter().collect::<BTreeMap<_, _>>(), map(java), "{id}");
            for (name, value) in map(java) {
                assert_eq!(properties.get(name), Some(value), "{id}");
            }
            assert_eq!(properties.get("absent"), None, "{id}");
            continue;
        }
        // A broker writes what it has; a client refuses what would be read otherwise.
        let mut raw = String::new();
        let mut builder = PropertiesBuilder::new();
        let mut refused = false;
        for (name, value) in map(&vector["in"]["encode"]) {
            append_pair(&mut raw, name, value);
            refused |= builder.set(name, value).is_err();
        }
        assert_eq!(raw, java.as_str().unwrap(), "{id}");
        judge.check(id, "written", if refused { "refused" } else { "written" });
        if !refused {
            assert_eq!(builder.finish(), raw, "{id}");
        }
    }
}

#[test]
pub(crate) fn offset_message_ids() {
    let judge = Judge::of("message_id");
    for vector in vectors("offline/message_id") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let write = |address: &Value, offset: i64| OffsetMessageId::new(host(address), offset).to_string();
        if let Some(decode) = input.get("decode") {
            let java = match java.get("error") {
                Some(_) => "error".to_owned(),
                None => write(&java["address"], number(java, "offset")),
            };
            let ours = decode.as_str().unwrap().parse::<OffsetMessageId>();
            judge.check(id, &java, &ours.map_or("error".into(), |read| read.to_string()));
        } else {
            let written = write(input, number(input, "offset"));
            assert_eq!(written, text(java, "msgId"), "{id}");
            let read: OffsetMessageId = written.parse().unwrap();
            assert_eq!(read.host(), host(&java["decoded"]["address"]), "{id}");
            assert_eq!(read.physical_offset(), number(&java["decoded"], "offset"), "{id}");
        }
    }
}

#[test]
pub(crate) fn unique_ids() {
    for vector in vectors("offline/uniq_key") {
        let (id, written, java) = (id(&vector), text(&vector, "in"), &vector["out"]);
        let read: UniqueId = written.parse().unwrap();
        assert_eq!(read.to_string(), written, "{id}");
        assert_eq!(hex(&read.as_bytes()[..read.as_bytes().len() - 12]), text(java, "ip"), "{id}");
        assert_eq!(i64::from(read.pid()), number(java, "pid"), "{id}");
        assert_eq!(read.ip().is_ipv6(), written.len() == 56, "{id}");
        let mut buffer = [0; 56];
        assert_eq!(read.encode(&mut buffer), written, "{id}");
    }
    let ip: IpAddr = "fd00::2".parse().unwrap();
    let made = UniqueIdGenerator::new(ip, 7, [1, 2, 3, 4], 0).next(1_700_000_000_000);
    assert_eq!(made.to_string().len(), 56);
    assert_eq!((made.ip(), made.pid()), (ip, 7));
    for bad in ["", "0A", "0A000009123489ABCDEF075BCD15000G", &"é".repeat(16)] {
        assert!(bad.parse::<UniqueId>().is_err(), "{bad}");
    }
}

#[test]
pub(crate) fn recall_handles() {
    for vector in vectors("offline/recall_handle") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let handle = |from: &Value, key: &str| RecallHandle {
            topic: text(from, "topic").into(),
            broker_name: text(from, "broker").into(),
            timestamp: text(from, "timestamp").into(),
            message_id: text(from, key).into(),
        };
        match input.get("decode").and_then(Value::as_str) {
            None => assert_eq!(handle(input, "uniqKey").encode(), java.as_str().unwrap(), "{id}"),
            Some(written) if java.get("error").is_some() => {
                assert!(RecallHandle::decode(written).is_err(), "{id}");
            }
            Some(written) => {
                assert_eq!(RecallHandle::decode(written).unwrap(), handle(java, "messageId"), "{id}");
            }
        }
    }
}

#[test]
pub(crate) fn checksums_and_hashes() {
    for vector in vectors("offline/crc32") {
        let crc = body_crc(&unhex(text(&vector, "in")));
        assert_eq!(i64::from(crc), number(&vector, "out"), "{}", id(&vector));
    }
    for vector in vectors("offline/string_hash") {
        let (input, java) = (text(&vector, "in"), &vector["out"]);
        assert_eq!(i64::from(string_hash(input)), number(java, "hashCode"), "{}", id(&vector));
        assert_eq!(tag_code(input), number(java, "hashCode"), "{}", id(&vector));
    }
}

#[test]
pub(crate) fn tag_expressions() {
    for vector in vectors("offline/tags") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let built = match input {
            Value::Object(_) => Expression::typed(text(input, "expression"), input["type"].as_str()),
            _ => Expression::tags(input.as_str().unwrap_or_default()),
        };
        if java.get("error").is_some() {
            assert!(built.is_err(), "{id}");
            continue;
        }
        let built = built.unwrap();
        assert_eq!(built.sub_string, text(java, "subString"), "{id}");
        assert_eq!(built.expression_type, text(java, "expressionType"), "{id}");
        // Java's are sets: the order is not significant.
        let mut tags: Vec<&str> =
            java["tags"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
        let mut codes: Vec<i64> =
            java["codes"].as_array().unwrap().iter().map(|c| c.as_i64().unwrap()).collect();
        tags.sort_unstable();
        codes.sort_unstable();
        let mut ours = built.tags.clone();
        ours.sort_unstable();
        let mut our_codes: Vec<i64> = built.codes.iter().map(|&code| code.into()).collect();
        our_codes.sort_unstable();
        assert_eq!((ours, our_codes), (tags.iter().map(|&t| t.to_owned()).collect(), codes), "{id}");
    }
}

#[test]
pub(crate) fn pull_flags() {
    for vector in vectors("offline/sysflag") {
        let input = &vector["in"];
        let on = |member: &str| input[member].as_bool().unwrap();
        let flag = PullSysFlag::default()
            .with(PullSysFlag::COMMIT_OFFSET, on("commitOffset"))
            .with(PullSysFlag::SUSPEND, on("suspend"))
            .with(PullSysFlag::SUBSCRIPTION, on("subscription"))
            .with(PullSysFlag::CLASS_FILTER, on("classFilter"))
            .with(PullSysFlag::LITE_PULL, on("litePull"));
        assert_eq!(i64::from(flag.0), number(&vector, "out"), "{}", id(&vector));
    }
}

fn trace_record(input: &Value) -> TraceRecord<'_> {
    let (timestamp, region, group) =
        (number(input, "timestamp"), text(input, "region"), text(input, "group"));
    let (topic, message_id) = (text(input, "topic"), text(input, "msgId"));
    let (tags, keys) = (input["tags"].as_str(), input["keys"].as_str());
    let (store_host, request_id) = (text(input, "storeHost"), text(input, "requestId"));
    let (cost_time, success) = (number(input, "costTime"), input["success"].as_bool().unwrap());
    let kind = text(input, "msgType").rsplit_once('(').unwrap().1;
    let message_type: i32 = kind.trim_end_matches(')').parse().unwrap();
    match text(input, "type") {
        "Pub" => TraceRecord::Pub(PubTrace {
            timestamp,
            region,
            group,
            topic,
            message_id,
            tags,
            keys,
            store_host,
            body_length: number(input, "bodyLength"),
            cost_time,
            message_type,
            offset_message_id: input["offsetMsgId"].as_str(),
            success,
        }),
        "SubBefore" => TraceRecord::SubBefore(SubBeforeTrace {
            timestamp,
            region,
            group,
            request_id,
            message_id,
            retry_times: number(input, "retryTimes") as i32,
            keys,
        }),
        "SubAfter" => TraceRecord::SubAfter(SubAfterTrace {
            request_id,
            message_id,
            cost_time,
            success,
            keys,
            context_code: number(input, "contextCode") as i32,
            origin: (text(input, "accessChannel") != "CLOUD").then_some((timestamp, group)),
        }),
        "EndTransaction" => TraceRecord::EndTransaction(EndTransactionTrace {
            timestamp,
            region,
            group,
            topic,
            message_id,
            tags,
            keys,
            store_host,
            message_type,
            transaction_id: text(input, "transactionId"),
            transaction_state: text(input, "transactionState"),
            from_transaction_check: input["fromTransactionCheck"].as_bool().unwrap(),
        }),
        "Recall" => TraceRecord::Recall(RecallTrace { timestamp, region, group, topic, message_id, success }),
        other => panic!("{other}"),
    }
}

#[test]
pub(crate) fn trace_records() {
    for vector in vectors("offline/trace_encode") {
        let (id, java) = (id(&vector), text(&vector["out"], "data"));
        let record = trace_record(&vector["in"]);
        let mut written = String::new();
        record.encode(&mut written);
        assert_eq!(written, java, "{id}");
        assert_eq!(records(java).collect::<Result<Vec<_>, _>>(), Ok(vec![record]), "{id}");
    }
}

#[test]
pub(crate) fn trace_records_of_other_writers() {
    let without_offset_id =
        "Pub\u{1}1\u{1}R\u{1}G\u{1}T\u{1}M\u{1}null\u{1}k\u{1}h\u{1}9\u{1}5\u{1}0\u{1}true\u{2}";
    let Some(Ok(TraceRecord::Pub(sent))) = records(without_offset_id).next() else { panic!() };
    assert_eq!((sent.offset_message_id, sent.success, sent.tags, sent.keys), (None, true, None, Some("k")));
    let six = "SubAfter\u{1}Q\u{1}M\u{1}5\u{1}false\u{1}null\u{2}SubAfter\u{1}Q\u{2}Other\u{1}x\u{2}";
    let all: Vec<_> = records(six).collect();
    assert!(matches!(
        all[0],
        Ok(TraceRecord::SubAfter(SubAfterTrace { context_code: -1, origin: None, .. }))
    ));
    assert!(all[1].is_err() && all[2].is_err() && all.len() == 3);
}
