//! Bodies as Java writes them, and texts as Java reads them.

use rocketmq_engine::wire::body::*;
use serde_json::Value;
use std::fmt::Write;

use crate::deviations::Judge;
use crate::support::{id, text, vectors};
use crate::typed::body_again;

/// The body written again: Java's bytes, unless a map has numbers as keys or a reference was resolved.
fn check_written(id: &str, name: &str, java: &str) {
    let body = java.as_bytes();
    let again = match name {
        name if name.starts_with("route") || name == "same, standard" => body_again::<TopicRouteData>(body),
        "cluster info" => body_again::<ClusterInfo>(body),
        "heartbeat" | "heartbeat with SQL92" => body_again::<HeartbeatData>(body),
        "lock request" => body_again::<LockBatchRequestBody>(body),
        "lock response" | "lock response empty" => body_again::<LockBatchResponseBody>(body),
        "unlock request" => body_again::<UnlockBatchRequestBody>(body),
        name if name.starts_with("running info") => body_again::<ConsumerRunningInfo>(body),
        "consume stats" => body_again::<ConsumeStats>(body),
        "topic stats" => body_again::<TopicStatsTable>(body),
        name if name.starts_with("consumer status") => body_again::<GetConsumerStatusBody>(body),
        name if name.starts_with("consumer connection") => body_again::<ConsumerConnection>(body),
        "subscription group config" => body_again::<SubscriptionGroupConfig>(body),
        name if name.starts_with("topic config") => body_again::<TopicConfig>(body),
        "query assignment" => body_again::<QueryAssignmentRequestBody>(body),
        name if name.starts_with("assignment") => body_again::<QueryAssignmentResponseBody>(body),
        "set request mode" => body_again::<SetMessageRequestModeRequestBody>(body),
        "check client" => body_again::<CheckClientRequestBody>(body),
        "consume directly" => body_again::<ConsumeMessageDirectlyResult>(body),
        "group list" => body_again::<SubscriptionGroupList>(body),
        "member group" => body_again::<BrokerMemberGroup>(body),
        "mapping detail" => body_again::<TopicQueueMappingDetail>(body),
        "data version" => body_again::<DataVersion>(body),
        other => panic!("{id}: {other}"),
    };
    let again = again.unwrap_or_else(|error| panic!("{id} {name}: {error}"));
    let standard = serde_json::from_str::<Value>(java).is_ok();
    let keyed_by_queue = java.contains("{{\"brokerName\"");
    if (standard || keyed_by_queue) && !java.contains("$ref") {
        assert_eq!(str::from_utf8(&again).unwrap(), java, "{id} {name}");
    }
}

fn check_bodies(set: &str) {
    for vector in vectors(&format!("{set}/json_bodies")) {
        let (id, name, java) = (id(&vector), text(&vector["in"], "name"), &vector["out"]);
        match name {
            "heartbeat fingerprint" => {
                let heartbeat = HeartbeatData::decode(text(&vector["in"], "text").as_bytes()).unwrap();
                assert_eq!(Some(i64::from(heartbeat.fingerprint())), java["fingerprint"].as_i64(), "{id}");
            }
            // How a broker's file keeps a topic: it is never sent.
            "topic config text form" => assert!(java.get("text").is_none(), "{id}"),
            name => check_written(id, name, text(java, "text")),
        }
    }
}

#[test]
pub(crate) fn java_s_bodies_are_written_again() {
    check_bodies("offline");
    check_bodies("offline-5.3.3");
}

fn offsets(body: &ResetOffsetBody) -> String {
    body.offset_table.iter().fold(String::new(), |mut out, (queue, offset)| {
        write!(out, "{}/{}/{}={offset} ", queue.topic, queue.broker_name, queue.queue_id).unwrap();
        out
    })
}

fn brokers(route: &TopicRouteData) -> String {
    let addresses = route.broker_datas.iter().flat_map(|broker| &broker.broker_addrs);
    addresses.fold(String::new(), |mut out, (id, address)| {
        write!(out, "{id}={address} ").unwrap();
        out
    })
}

fn our_reading(class: &str, body: &[u8]) -> String {
    let read = match class {
        "ResetOffsetBody" => ResetOffsetBody::decode(body).map(|body| offsets(&body)),
        "TopicRouteData" => TopicRouteData::decode(body).map(|route| brokers(&route)),
        "HeartbeatData" => HeartbeatData::decode(body).map(|heartbeat| {
            let kind = heartbeat.consumer_data_set.first().map(|group| &*group.consume_type);
            format!(
                "{} {} {} {:?}",
                heartbeat.client_id,
                heartbeat.consumer_data_set.len(),
                heartbeat.producer_data_set.len(),
                kind.unwrap_or_default()
            )
        }),
        other => panic!("{other}"),
    };
    read.unwrap_or_else(|_| "error".into())
}

fn java_reading(class: &str, java: &Value) -> String {
    let entries = |value: &Value| {
        value.as_object().into_iter().flatten().fold(String::new(), |mut out, (key, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            write!(out, "{key}={value} ").unwrap();
            out
        })
    };
    if java.get("error").is_some() {
        return "error".into();
    }
    match class {
        _ if java.is_null() => "null".into(),
        "ResetOffsetBody" => entries(java),
        "TopicRouteData" => entries(&java["brokers"]),
        // An unknown name of a kind is null for Java, and stays what it is here.
        _ => format!(
            "{} {} {} {:?}",
            text(java, "clientID"),
            java["consumers"],
            java["producers"],
            java["consumeType"].as_str().map_or("", |kind| if kind == "null" { "unknown" } else { kind })
        ),
    }
}

fn check_accepted(set: &str, scope: &'static str) {
    let judge = Judge::of(scope);
    for vector in vectors(&format!("{set}/json_bodies_accepted")) {
        let id = if set == "offline" { id(&vector).to_owned() } else { format!("{set}/{}", id(&vector)) };
        let class = text(&vector["in"], "class");
        let ours = our_reading(class, text(&vector["in"], "text").as_bytes());
        judge.check(&id, &java_reading(class, &vector["out"]), &ours.replace("PUSH", "unknown"));
    }
}

#[test]
pub(crate) fn texts_are_read_as_java_reads_them() {
    check_accepted("offline", "json_bodies_accepted");
    check_accepted("offline-5.3.3", "offline-5.3.3/json_bodies_accepted");
}

#[test]
fn both_forms_of_a_reset_are_read() {
    let list = br#"{"offsetTable":[{"brokerName":"b","offset":5,"queueId":0,"topic":"T"}]}"#;
    let body = ResetOffsetBody::decode(list).unwrap();
    assert_eq!(offsets(&body), "T/b/0=5 ");
    assert_eq!(ResetOffsetBody::decode(&body.encode()), Ok(body.clone()));
    let written = body.encode_list();
    assert_eq!(written, br#"{"offsetTable":[{"brokerName":"b","queueId":0,"topic":"T","offset":5}]}"#);
    assert_eq!(ResetOffsetBody::decode(&written), Ok(body));
    assert_eq!(ResetOffsetBody::decode(b""), Ok(ResetOffsetBody::default()));
}
