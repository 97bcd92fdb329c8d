//! Two answers, field by field.
//!
//! What may differ in every answer: ports of connections in remarks; times a broker stores at and ports messages
//! were born at, inside of stored messages; unique keys the broker makes; the order of members in a list; an ext map
//! that is empty may be absent.

use std::collections::{BTreeMap, BTreeSet};

use rocketmq_engine::wire::message::{MessageView, stored_messages};
use serde_json::Value;

use crate::recording::{Record, Recording};
use crate::replay::{Answers, Came};

type Deviation = (&'static str, Option<u64>, i64, &'static str);

/// All that is different and not listed; and what is listed and not different.
pub(crate) fn all(recording: &Recording, answers: &Answers, deviations: &[Deviation]) -> Vec<String> {
    let mut trouble = Vec::new();
    let mut met = BTreeSet::new();
    for expected in recording.records().filter(|record| !record.from_client && record.kind == "response") {
        let Some((n, code)) = expected.answers else { continue };
        let found = answers.to.get(&n);
        let differences = match found {
            None => vec!["no answer".to_owned()],
            Some(found) => compare(recording, recording.request(n), expected, found),
        };
        let listed = deviations.iter().position(|(name, number, request, _)| {
            (name.is_empty() || *name == recording.name)
                && number.is_none_or(|number| number == n)
                && *request == code
        });
        match listed {
            Some(place) if !differences.is_empty() => drop(met.insert(place)),
            _ => {
                trouble.extend(differences.iter().map(|what| format!("answer to {n} (code {code}): {what}")));
            }
        }
    }
    if !races(recording) {
        trouble.extend(pushes(recording, answers));
    }
    for (place, (name, number, code, why)) in deviations.iter().enumerate() {
        if *name == recording.name && !met.contains(&place) {
            trouble.push(format!("listed, but not different: {number:?} code {code} ({why})"));
        }
    }
    trouble
}

/// Whether a connection ended before its heartbeat was answered: what it was told then is not recorded either.
fn races(recording: &Recording) -> bool {
    let heartbeats = recording.records().filter(|record| record.from_client && record.code == 34);
    let answered: BTreeSet<u64> = recording.records().filter_map(|record| Some(record.answers?.0)).collect();
    heartbeats.into_iter().any(|heartbeat| !answered.contains(&heartbeat.n))
}

/// Pushes of every connection: how many of which kind.
fn pushes(recording: &Recording, answers: &Answers) -> Vec<String> {
    let mut expected: BTreeMap<(&str, i64, &str), i32> = BTreeMap::new();
    for push in recording.records().filter(|record| !record.from_client && record.kind != "response") {
        *expected
            .entry((&push.connection, push.code, push.ext("consumerGroup").unwrap_or_default()))
            .or_default() += 1;
    }
    let mut found: BTreeMap<(&str, i64, &str), i32> = BTreeMap::new();
    for (connection, came) in answers.pushes.iter().flat_map(|(c, pushes)| pushes.iter().map(move |p| (c, p)))
    {
        let group = came.ext.get("consumerGroup").map(String::as_str).unwrap_or_default();
        *found.entry((connection, came.code, group)).or_default() += 1;
    }
    if expected == found {
        Vec::new()
    } else {
        vec![format!("pushes: recorded {expected:?}, here {found:?}")]
    }
}

fn compare(recording: &Recording, request: &Record, expected: &Record, found: &Came) -> Vec<String> {
    let mut out = Vec::new();
    let mut check = |what: &str, recorded: String, here: String| {
        if recorded != here {
            out.push(format!("{what}: recorded {recorded}, here {here}"));
        }
    };
    check("code", expected.code.to_string(), found.code.to_string());
    check("binary head", expected.binary.to_string(), found.binary.to_string());
    if !recording.name.contains("4.9.7") {
        check("version", expected.version.to_string(), found.version.to_string());
    }
    let remark =
        |text: Option<&str>| text.map(without_ports).map_or("none".into(), |text| format!("{text:?}"));
    if !expected.remark.as_deref().unwrap_or_default().starts_with("java.lang.") {
        check("remark", remark(expected.remark.as_deref()), remark(found.remark.as_deref()));
    }
    let volatile = |key: &str| match key {
        "transactionId" => !has_unique_key(request),
        "msgId" => recording.records().any(|sent| sent.n < request.n && keyless(sent)),
        _ => false,
    };
    for key in expected.ext.keys().chain(found.ext.keys()).collect::<BTreeSet<_>>() {
        if !volatile(key) {
            let text = |value: Option<&String>| value.map_or("none".into(), |value| format!("{value:?}"));
            check(key, text(expected.ext.get(key)), text(found.ext.get(key)));
        }
    }
    check("body", describe(expected.body()), describe(&found.body));
    out
}

fn has_unique_key(request: &Record) -> bool {
    let properties = request.ext("i").or_else(|| request.ext("properties")).unwrap_or_default();
    properties.contains("UNIQ_KEY\u{1}")
}

/// A message gets its key from the broker: longer ones if its host has IPv6, and the log is shifted by that.
fn keyless(sent: &Record) -> bool {
    sent.from_client && matches!(sent.code, 10 | 310) && !has_unique_key(sent)
}

/// Ports after `127.0.0.1:` are those of the recorded connections.
fn without_ports(text: &str) -> String {
    let mut pieces = text.split("127.0.0.1:");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push_str("127.0.0.1:*");
        out.push_str(piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}

/// A body as text that is equal when it says the same.
fn describe(body: &[u8]) -> String {
    if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
        if let Some(ids) = json.get_mut("consumerIdList").and_then(Value::as_array_mut) {
            ids.sort_by_key(ToString::to_string);
        }
        return json.to_string();
    }
    let messages: Option<Vec<String>> = stored_messages(body, true)
        .map(|message| message.ok().map(|message| describe_message(&message)))
        .collect();
    match messages {
        Some(messages) if !messages.is_empty() => messages.join("; "),
        _ => format!("{:?}", String::from_utf8_lossy(body)),
    }
}

fn describe_message(message: &MessageView<'_>) -> String {
    let properties: BTreeMap<&str, &str> = message.properties().iter().collect();
    format!(
        "{}-{}@{} at {} flag {} sys {} born {} from {} stored on {} again {} size {} {properties:?} {:?}",
        message.topic(),
        message.queue_id(),
        message.queue_offset(),
        message.physical_offset(),
        message.flag(),
        message.sys_flag().0,
        message.born_timestamp(),
        message.born_host().ip(),
        message.store_host(),
        message.reconsume_times(),
        message.store_size(),
        String::from_utf8_lossy(message.body()),
    )
}
