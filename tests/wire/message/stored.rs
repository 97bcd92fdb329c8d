//! Stored messages: recorded, computed, damaged; batches.

use bytes::Bytes;
use rocketmq_engine::wire::message::{
    BatchEntry, MessageView, Messages, OffsetMessageId, SysFlag, WalkLimits, batch, encode_batch,
    encode_stored, stored_messages, walk,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write;

use crate::deviations::Judge;
use crate::support::{fields_of, hex, host, id, number, text, unhex, vectors};

fn packed() -> WalkLimits {
    WalkLimits { unwrap_batches: false, ..WalkLimits::default() }
}

fn properties_of(view: &MessageView<'_>) -> BTreeMap<String, String> {
    view.properties().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn expected_properties(value: &Value) -> BTreeMap<String, String> {
    let empty = Map::new();
    let map = value.as_object().unwrap_or(&empty);
    map.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// Compares a message with Java's decoding of it, member by member.
fn assert_is(view: &MessageView<'_>, java: &Value, id: &str) {
    assert_eq!(view.store_size() as i64, number(java, "storeSize"), "{id}");
    assert_eq!(i64::from(view.body_crc()), number(java, "bodyCRC"), "{id}");
    assert_eq!(i64::from(view.queue_id()), number(java, "queueId"), "{id}");
    assert_eq!(i64::from(view.flag()), number(java, "flag"), "{id}");
    assert_eq!(view.queue_offset(), number(java, "queueOffset"), "{id}");
    assert_eq!(view.physical_offset(), number(java, "commitLogOffset"), "{id}");
    assert_eq!(view.born_timestamp(), number(java, "bornTimestamp"), "{id}");
    assert_eq!(view.born_host(), host(&java["bornHost"]), "{id}");
    assert_eq!(view.store_timestamp(), number(java, "storeTimestamp"), "{id}");
    assert_eq!(view.store_host(), host(&java["storeHost"]), "{id}");
    assert_eq!(i64::from(view.reconsume_times()), number(java, "reconsumeTimes"), "{id}");
    assert_eq!(view.prepared_transaction_offset(), number(java, "preparedTransactionOffset"), "{id}");
    assert_eq!(view.topic(), text(java, "topic"), "{id}");
    assert_eq!(properties_of(view), expected_properties(&java["properties"]), "{id}");
    for (name, value) in expected_properties(&java["properties"]) {
        assert_eq!(view.properties().get(&name), Some(&*value), "{id}");
    }
    assert!(!view.is_compressed(), "{id}");
    if let Some(body) = java.get("body") {
        assert_eq!(hex(view.body()), body.as_str().unwrap_or_default(), "{id}");
    } else {
        assert_eq!(view.body().len() as i64, number(java, "bodyLen"), "{id}");
        assert_eq!(i64::from(crc32fast::hash(view.body())), number(java, "bodyCrc32") & 0xFFFF_FFFF, "{id}");
    }
}

/// Writes the message again from what was read: the bytes are Java's.
fn assert_written_again(view: &MessageView<'_>, id: &str) {
    let raw = MessageView::parse(view.as_bytes()).unwrap();
    let mut out = Vec::new();
    encode_stored(&mut out, &fields_of(&raw)).unwrap();
    // Vectors of the second layout with short topics cannot be written: brokers choose by the topic's length.
    if raw.as_bytes()[7] == 0xAB && raw.topic().len() <= 127 {
        assert_ne!(hex(&out), hex(raw.as_bytes()), "{id}");
        assert_eq!(out.len() + 1, raw.as_bytes().len(), "{id}");
    } else {
        assert_eq!(hex(&out), hex(raw.as_bytes()), "{id}");
    }
}

fn recorded() -> BTreeMap<String, Value> {
    vectors("messages/stored_messages").into_iter().map(|line| (id(&line).to_owned(), line)).collect()
}

#[test]
pub(crate) fn recorded_messages_decode_as_java_decodes_them() {
    for (id, vector) in recorded() {
        let java = &vector["decoded"];
        let body = Bytes::from(unhex(text(&vector, "hex")));
        let messages = walk(&body, true, &packed());
        assert_eq!((messages.len(), messages.poison()), (1, &[][..]), "{id}");
        let view = messages.get(0).unwrap();
        assert_is(&view, java, &id);
        assert_eq!(i64::from(view.sys_flag().0), number(java, "sysFlag"), "{id}");
        assert_eq!(
            i64::from(view.sys_flag().without_compressed().0),
            number(java, "sysFlagAfterDecode"),
            "{id}"
        );
        let stored = MessageView::parse(view.as_bytes()).unwrap();
        assert_eq!(stored.body().len() as i64, number(java, "rawBodyLen"), "{id}");
        let offset_id = view.offset_message_id().to_string();
        assert_eq!(offset_id, text(java, "offsetMsgId"), "{id}");
        assert_eq!(offset_id.parse::<OffsetMessageId>().unwrap(), view.offset_message_id(), "{id}");
        assert_eq!(view.unique_key().unwrap_or(&offset_id), text(java, "msgId"), "{id}");
        assert_written_again(&view, &id);

        let owned = messages.to_owned(0).unwrap();
        assert_is(&owned.view(), java, &id);
        assert_is(&owned.detached().view(), java, &id);
        assert_eq!(owned.body(), view.body(), "{id}");
    }
}

#[test]
pub(crate) fn recorded_bodies_hold_their_messages_in_order() {
    let recorded = recorded();
    for vector in vectors("messages/bodies") {
        let ids: Vec<&str> =
            vector["messages"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
        let body: Bytes = ids.iter().flat_map(|id| unhex(text(&recorded[*id], "hex"))).collect();
        assert_eq!(body.len() as i64, number(&vector, "bodyLen"));
        let messages = walk(&body, true, &packed());
        assert_eq!(messages.poison(), &[]);
        assert_eq!(messages.len() as i64, number(&vector, "javaDecodedCount"));
        for (view, id) in messages.iter().zip(&ids) {
            assert_is(&view, &recorded[*id]["decoded"], id);
        }
        assert_eq!(stored_messages(&body, true).flatten().count(), ids.len());
    }
}

#[test]
pub(crate) fn computed_messages_decode_as_java_decodes_them() {
    let judge = Judge::of("stored_message");
    for vector in vectors("offline/stored_message") {
        let (id, java) = (id(&vector), &vector["out"]);
        let body = Bytes::from(unhex(text(&vector["in"], "hex")));
        let messages = walk(&body, true, &packed());
        let java_verdict = if java.is_null() { "refused" } else { "decoded" };
        judge.check(id, java_verdict, if messages.len() == 1 { "decoded" } else { "refused" });
        if let Some(view) = messages.get(0) {
            assert_is(&view, java, id);
            assert_eq!(i64::from(view.sys_flag().without_compressed().0), number(java, "sysFlag"), "{id}");
            assert_eq!(view.offset_message_id().to_string(), text(java, "msgId"), "{id}");
            assert_written_again(&view, id);
        } else {
            assert_eq!(messages.poison().len(), 1, "{id}");
            assert_eq!(messages.poison()[0].range, 0..body.len(), "{id}");
        }
    }
}

fn plural(count: usize) -> String {
    format!("{count} message{}", if count == 1 { "" } else { "s" })
}

fn verdict(messages: &Messages) -> String {
    let mut out = plural(messages.len());
    for (index, poison) in messages.poison().iter().enumerate() {
        out += if index == 0 { ", poison " } else { " " };
        write!(out, "{}..{}", poison.range.start, poison.range.end).unwrap();
    }
    out
}

#[test]
pub(crate) fn damaged_messages_do_not_take_the_others_with_them() {
    let judge = Judge::of("stored_message_damaged");
    for vector in vectors("offline/stored_message_damaged") {
        let (id, java) = (id(&vector), &vector["out"]);
        let body = Bytes::from(unhex(text(&vector["in"], "hex")));
        let messages = walk(&body, true, &WalkLimits::default());
        let java_verdict =
            java["messages"].as_array().map_or("error".to_owned(), |found| plural(found.len()));
        judge.check(id, &java_verdict, &verdict(&messages));
        // The first message is good in all of them.
        let whole = vectors("offline/stored_message");
        let first = &whole.first()["out"];
        assert_eq!(
            properties_of(&messages.get(0).unwrap()),
            expected_properties(&first["properties"]),
            "{id}"
        );
    }
}

#[test]
pub(crate) fn batches_are_written_and_read_as_java_does() {
    for vector in vectors("offline/batch_encode") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let Some(inputs) = input.as_array() else {
            assert_inner_batch(&unhex(text(input, "hex")), java["unwrapped"].as_array().unwrap(), id);
            continue;
        };
        let bodies: Vec<Vec<u8>> = inputs.iter().map(|message| unhex(text(message, "body"))).collect();
        let entries = inputs.iter().zip(&bodies).map(|(message, body)| BatchEntry {
            flag: number(message, "flag") as i32,
            body,
            properties: text(message, "propertiesString"),
        });
        let encoded = encode_batch(entries).unwrap();
        assert_eq!(hex(&encoded), text(java, "encoded"), "{id}");
        let decoded: Vec<BatchEntry<'_>> = batch::entries(&encoded).map(Result::unwrap).collect();
        let expected = java["decoded"].as_array().unwrap();
        assert_eq!(decoded.len(), expected.len(), "{id}");
        for (entry, java) in decoded.iter().zip(expected) {
            assert_eq!(hex(entry.body), text(java, "body"), "{id}");
            assert_eq!(i64::from(entry.flag), number(java, "flag"), "{id}");
            let properties: BTreeMap<_, _> =
                entry.properties().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(properties, expected_properties(&java["properties"]), "{id}");
        }
    }
}

fn assert_inner_batch(stored: &[u8], expected: &[Value], id: &str) {
    let body = Bytes::copy_from_slice(stored);
    let messages = walk(&body, true, &WalkLimits::default());
    assert_eq!(messages.len(), expected.len(), "{id}");
    for (index, java) in expected.iter().enumerate() {
        for view in [messages.get(index).unwrap(), messages.to_owned(index).unwrap().view()] {
            assert_eq!(hex(view.body()), text(java, "body"), "{id}");
            assert_eq!(i64::from(view.flag()), number(java, "flag"), "{id}");
            assert_eq!(i64::from(view.sys_flag().0), number(java, "sysFlag"), "{id}");
            assert_eq!(view.queue_offset(), number(java, "queueOffset"), "{id}");
            assert_eq!(view.physical_offset(), number(java, "commitLogOffset"), "{id}");
            assert_eq!(view.topic(), text(java, "topic"), "{id}");
            assert_eq!(i64::from(view.queue_id()), number(java, "queueId"), "{id}");
            assert_eq!(view.born_timestamp(), number(java, "bornTimestamp"), "{id}");
            assert_eq!(properties_of(&view), expected_properties(&java["properties"]), "{id}");
        }
        let owned = messages.to_owned(index).unwrap();
        assert_eq!(hex(&owned.body()), text(java, "body"), "{id}");
    }
    // Left packed it is one message with the entries as its body.
    let packed = walk(&body, true, &packed());
    assert_eq!(packed.len(), 1, "{id}");
    assert!(packed.get(0).unwrap().sys_flag().has(SysFlag::INNER_BATCH), "{id}");
}

#[test]
pub(crate) fn messages_can_be_taken_apart() {
    let recorded = recorded();
    let body: Bytes = recorded.values().take(8).flat_map(|vector| unhex(text(vector, "hex"))).collect();
    let mut messages = walk(&body, true, &packed());
    let all: Vec<i64> = messages.iter().map(|view| view.physical_offset()).collect();
    assert_eq!(all.len(), 8);
    let mut tail = messages.split_off(5);
    assert_eq!((messages.len(), tail.len()), (5, 3));
    assert_eq!(
        messages.iter().chain(tail.iter()).map(|view| view.physical_offset()).collect::<Vec<_>>(),
        all
    );
    tail.retain(|view| view.physical_offset() != all[6]);
    assert_eq!(tail.iter().map(|view| view.physical_offset()).collect::<Vec<_>>(), [all[5], all[7]]);
    assert!(messages.split_off(9).is_empty());
    assert!(messages.get(5).is_none() && messages.to_owned(5).is_none());
}
