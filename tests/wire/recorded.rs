//! Every recorded frame: decoded as Java decodes it, and written again.

use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{ExtFields, FieldList, Head, HeadSpec, NoFields, encode_head};
use rocketmq_engine::wire::message::{WalkLimits, walk};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::support::{Frame, frames, hex, id, number, text, unhex, vectors};

/// The parts of a whole frame.
pub(crate) fn parts(bytes: &[u8]) -> (Prefix, Head<'_>, &[u8]) {
    let prefix = Prefix::parse(bytes, &FrameLimits::default()).unwrap().unwrap();
    assert_eq!(prefix.frame_len, bytes.len());
    let head = Head::parse(prefix.serialize, &bytes[prefix.head_range()]).unwrap();
    (prefix, head, &bytes[prefix.body_range()])
}

/// Ext fields by key.
pub(crate) fn ext_of(ext: &ExtFields<'_>) -> BTreeMap<String, String> {
    ext.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// Ext fields as Java has them; one without a value is none.
pub(crate) fn java_ext(java: &Value) -> BTreeMap<String, String> {
    let fields = java.as_object().into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// The frame written again, its ext fields in the order they came in.
pub(crate) fn written_again(bytes: &[u8]) -> Vec<u8> {
    let (prefix, head, body) = parts(bytes);
    let ext: Vec<(String, String)> =
        head.ext.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let ext: Vec<(&str, &str)> = ext.iter().map(|(key, value)| (&**key, &**value)).collect();
    let remark = head.remark.map(|remark| remark.to_string());
    let spec = HeadSpec {
        code: head.code,
        language: head.language.unwrap(),
        version: head.version,
        opaque: head.opaque,
        flag: head.flag,
        remark: remark.as_deref(),
    };
    let mut out = Vec::new();
    if head.ext.is_absent() {
        encode_head(&mut out, prefix.serialize, &spec, &NoFields, body.len()).unwrap();
    } else {
        encode_head(&mut out, prefix.serialize, &spec, &FieldList(&ext), body.len()).unwrap();
    }
    out.extend_from_slice(body);
    out
}

fn assert_decoded(frame: &Frame) {
    let (id, java) = (frame.id(), &frame.java);
    let (prefix, head, body) = parts(&frame.bytes);
    assert_eq!(prefix.head_len as i64, number(java, "headerLen"), "{id}");
    assert_eq!(body.len() as i64, number(java, "bodyLen"), "{id}");
    let serialize = if prefix.serialize == SerializeType::Json { "JSON" } else { "ROCKETMQ" };
    assert_eq!(serialize, text(java, "serialize"), "{id}");
    assert_eq!(i64::from(head.code), number(java, "code"), "{id}");
    assert_eq!(head.language.and_then(LanguageCode::name), java["language"].as_str(), "{id}");
    assert_eq!(i64::from(head.version.0), number(java, "version"), "{id}");
    assert_eq!(i64::from(head.opaque), number(java, "opaque"), "{id}");
    assert_eq!(i64::from(head.flag.0), number(java, "flag"), "{id}");
    assert_eq!(head.remark.map(|remark| remark.to_string()).as_deref(), java["remark"].as_str(), "{id}");
    assert_eq!(ext_of(&head.ext), java_ext(&java["ext"]), "{id}");
    let kind = match (head.is_response(), head.is_oneway()) {
        (true, _) => "response",
        (false, true) => "oneway",
        (false, false) => "request",
    };
    assert_eq!(kind, text(java, "kind"), "{id}");
    let name = match kind {
        "response" => ResponseCode(head.code).name(),
        _ => RequestCode(head.code).name(),
    };
    assert_eq!(name, java["name"].as_str(), "{id}: code {}", head.code);
    if let Some(text) = java["bodyText"].as_str() {
        assert_eq!(body, text.as_bytes(), "{id}");
    }
}

#[test]
pub(crate) fn frames_decode_as_java_decodes_them() {
    frames().iter().for_each(assert_decoded);
}

#[test]
pub(crate) fn java_s_frames_are_written_again_byte_by_byte() {
    let (mut canonical, mut others) = (0, 0);
    for frame in frames() {
        let (id, again) = (frame.id(), written_again(&frame.bytes));
        let of_go = frame.journey.starts_with("go-client/") && text(&frame.java, "dir") == "c2s";
        // Java's binary form has empty values, which come out as none; ours leaves them out.
        let empty = frame.java["ext"].as_object().is_some_and(|ext| ext.values().any(Value::is_null));
        if of_go || empty {
            // Go has another order of members, and `remark` though there is none.
            others += 1;
            assert_ne!(hex(&again), hex(&frame.bytes), "{id}");
            let ((_, ours, our_body), (_, theirs, body)) = (parts(&again), parts(&frame.bytes));
            assert_eq!(format!("{ours:?}"), format!("{theirs:?}"), "{id}");
            assert_eq!(our_body, body, "{id}");
            continue;
        }
        assert_eq!(hex(&again), hex(&frame.bytes), "{id}");
        canonical += 1;
    }
    assert!(canonical > 1500 && others < 50, "{canonical} canonical, {others} others");
}

/// Frames that hold stored messages hold those the list of messages says, whole and in order.
#[test]
pub(crate) fn recorded_messages_lie_in_their_frames() {
    let stored: BTreeMap<String, Vec<u8>> = vectors("messages/stored_messages")
        .into_iter()
        .map(|vector| (id(&vector).to_owned(), unhex(text(&vector, "hex"))))
        .collect();
    let mut seen = 0;
    for frame in frames() {
        let Some(ids) = frame.java["messages"].as_array() else { continue };
        let (_, _, body) = parts(&frame.bytes);
        let expected: Vec<u8> = ids.iter().flat_map(|id| stored[id.as_str().unwrap()].clone()).collect();
        assert_eq!(hex(body), hex(&expected), "{}", frame.id());
        let limits = WalkLimits { unwrap_batches: false, ..WalkLimits::default() };
        assert_eq!(walk(&expected.into(), true, &limits).len(), ids.len(), "{}", frame.id());
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

#[test]
pub(crate) fn versions_have_java_s_names() {
    for vector in vectors("offline/versions") {
        let version = Version(number(&vector, "in") as i32);
        assert_eq!(version.to_string(), text(&vector, "out"), "{}", id(&vector));
    }
}
