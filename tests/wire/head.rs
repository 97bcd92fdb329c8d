//! Heads and frames: computed by Java, odd, malformed.

use rocketmq_engine::wire::codes::{LanguageCode, Version};
use rocketmq_engine::wire::fields::{
    AckMessageRequest, ChangeInvisibleTimeRequest, CommonRequest, ConsumerSendMsgBackRequest,
    CreateTopicRequest, EndTransactionRequest, Parts, PopLiteMessageRequest, PopMessageRequest,
    PullMessageRequest, ResetOffsetRequest, SendMessageRequest, SendMessageV2Request,
    UnregisterClientRequest,
};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{
    DecodeFields, EncodeError, EncodeFields, FieldList, Flag, Head, HeadSpec, NoFields, WithExtra,
    encode_head,
};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::deviations::Judge;
use crate::recorded::{ext_of, java_ext, parts, written_again};
use crate::support::{hex, id, number, text, unhex, vectors};
use crate::typed::collected;

/// What a head says, as one line.
fn shown(
    (code, version, opaque, flag): (i64, i64, Option<i64>, i64),
    language: Option<&str>,
    remark: Option<&str>,
    ext: &BTreeMap<String, String>,
    body: &str,
) -> String {
    let opaque = opaque.map_or("any".into(), |opaque| opaque.to_string());
    let (language, remark) = (language.unwrap_or("-"), remark.unwrap_or("-"));
    format!("{code} {language} {version} {opaque} {flag} {remark} {ext:?} {body}")
}

fn java_shown(java: &Value) -> String {
    if java.get("error").is_some() {
        return "error".into();
    }
    shown(
        (number(java, "code"), number(java, "version"), java["opaque"].as_i64(), number(java, "flag")),
        java["language"].as_str(),
        java["remark"].as_str(),
        &java_ext(&java["ext"]),
        java["body"].as_str().unwrap_or_default(),
    )
}

/// Our reading of a frame; `any_opaque` if Java takes an id of its own because the head has none.
fn our_shown(frame: &[u8], any_opaque: bool) -> String {
    let Ok(Some(prefix)) = Prefix::parse(frame, &FrameLimits::default()) else { return "error".into() };
    let Ok(head) = Head::parse(prefix.serialize, &frame[prefix.head_range()]) else { return "error".into() };
    let opaque = (!any_opaque).then_some(i64::from(head.opaque));
    shown(
        (i64::from(head.code), i64::from(head.version.0), opaque, i64::from(head.flag.0)),
        head.language.and_then(LanguageCode::name),
        head.remark.map(|remark| remark.to_string()).as_deref(),
        &ext_of(&head.ext),
        &hex(&frame[prefix.body_range()]),
    )
}

fn check_odd_heads(file: &str, scope: &'static str) {
    let judge = Judge::of(scope);
    for vector in vectors(file) {
        let (set, _) = file.split_once('/').unwrap();
        let id = if set == "offline" { id(&vector).to_owned() } else { format!("{set}/{}", id(&vector)) };
        let java = &vector["out"];
        let any_opaque = java.get("error").is_none() && java["opaque"].is_string();
        judge.check(&id, &java_shown(java), &our_shown(&unhex(text(&vector["in"], "frame")), any_opaque));
    }
}

#[test]
pub(crate) fn odd_json_heads() {
    check_odd_heads("offline/json_header_decode", "json_header_decode");
    check_odd_heads("offline-5.3.3/json_header_decode", "offline-5.3.3/json_header_decode");
}

#[test]
pub(crate) fn odd_binary_heads() {
    check_odd_heads("offline/binary_header_decode", "binary_header_decode");
}

/// Encodes a command of the vectors, its ext fields in the order of Java's bytes.
fn encoded(input: &Value, order: &[String]) -> Result<Vec<u8>, EncodeError> {
    let body = unhex(input["body"].as_str().unwrap_or_default());
    let ext = java_ext(&input["ext"]);
    let list: Vec<(&str, &str)> = order.iter().filter_map(|key| Some((&**key, &**ext.get(key)?))).collect();
    assert_eq!(list.len(), ext.len());
    let serialize =
        if text(input, "serialize") == "JSON" { SerializeType::Json } else { SerializeType::Rocketmq };
    let spec = HeadSpec {
        code: number(input, "code") as i32,
        language: LanguageCode::from_name(text(input, "language")).unwrap(),
        version: rocketmq_engine::wire::codes::Version(number(input, "version") as i32),
        opaque: number(input, "opaque") as i32,
        flag: Flag(number(input, "flag") as i32),
        remark: input["remark"].as_str(),
    };
    let mut out = Vec::new();
    if input["ext"].is_null() {
        encode_head(&mut out, serialize, &spec, &NoFields, body.len())?;
    } else {
        encode_head(&mut out, serialize, &spec, &FieldList(&list), body.len())?;
    }
    out.extend_from_slice(&body);
    Ok(out)
}

#[test]
pub(crate) fn commands_are_written_and_read_as_java_does() {
    let judge = Judge::of("remoting_command");
    for vector in vectors("offline/remoting_command") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let frame = unhex(text(java, "frame"));
        assert_eq!(our_shown(&frame, false), java_shown(&java["decoded"]), "{id}");
        let (_, head, _) = parts(&frame);
        assert_eq!(head.is_response(), java["decoded"]["isResponse"].as_bool().unwrap(), "{id}");
        assert_eq!(head.is_oneway(), java["decoded"]["isOneway"].as_bool().unwrap(), "{id}");
        let mut order: Vec<String> = head.ext.iter().map(|(key, _)| key.to_string()).collect();
        let keys = java_ext(&input["ext"]).into_keys();
        order.extend(keys.filter(|key| head.ext.get(key).is_none()).collect::<Vec<_>>());
        let ours = match encoded(input, &order) {
            Ok(ours) if ours == frame => "same bytes",
            Ok(_) => "other bytes",
            Err(_) => "refused",
        };
        judge.check(id, "same bytes", ours);
    }
}

/// A typed header: read, and written again; byte by byte where Java's own order is by key.
fn typed<'a, T: DecodeFields<'a> + EncodeFields>(frame: &'a [u8]) -> (BTreeMap<String, String>, Vec<u8>) {
    let (prefix, head, _) = parts(frame);
    let fields: T = head.fields().unwrap();
    let common: CommonRequest<'_> = head.fields().unwrap();
    let own = collected(&fields);
    let extra: Vec<(String, String)> =
        collected(&common).into_iter().filter(|(key, _)| !own.contains_key(key)).collect();
    let extra: Vec<(&str, &str)> = extra.iter().map(|(key, value)| (&**key, &**value)).collect();
    let all = WithExtra { fields: &fields, extra: &extra };
    let spec = HeadSpec {
        code: head.code,
        language: head.language.unwrap(),
        version: head.version,
        opaque: head.opaque,
        flag: head.flag,
        remark: None,
    };
    let mut out = Vec::new();
    encode_head(&mut out, prefix.serialize, &spec, &all, 0).unwrap();
    (collected(&all), out)
}

#[test]
pub(crate) fn request_headers() {
    for vector in vectors("offline/request_headers") {
        let (id, java) = (id(&vector), &vector["out"]);
        let frame = unhex(text(java, "frame"));
        let name = text(&vector["in"], "header");
        let (ext, again) = match name {
            "SendMessageRequestHeaderV2" => typed::<SendMessageV2Request<'_>>(&frame),
            "SendMessageRequestHeader" => typed::<SendMessageRequest<'_>>(&frame),
            "PullMessageRequestHeader" => typed::<PullMessageRequest<'_>>(&frame),
            "PopMessageRequestHeader" => typed::<PopMessageRequest<'_>>(&frame),
            "AckMessageRequestHeader" => typed::<AckMessageRequest<'_>>(&frame),
            "ChangeInvisibleTimeRequestHeader" => typed::<ChangeInvisibleTimeRequest<'_>>(&frame),
            "PopLiteMessageRequestHeader" => typed::<PopLiteMessageRequest<'_>>(&frame),
            "EndTransactionRequestHeader" => typed::<EndTransactionRequest<'_>>(&frame),
            "ConsumerSendMsgBackRequestHeader" => typed::<ConsumerSendMsgBackRequest<'_>>(&frame),
            "UnregisterClientRequestHeader" => typed::<UnregisterClientRequest<'_>>(&frame),
            "ResetOffsetRequestHeader" => typed::<ResetOffsetRequest<'_>>(&frame),
            "CreateTopicRequestHeader" => typed::<CreateTopicRequest<'_>>(&frame),
            other => panic!("{id}: {other}"),
        };
        assert_eq!(ext, java_ext(&java["ext"]), "{id}");
        assert_eq!(hex(&written_again(&frame)), text(java, "frame"), "{id}");
        // Java's fast codec writes these fields one after the other: the same bytes.
        if name == "SendMessageRequestHeaderV2" {
            assert_eq!(hex(&again), text(java, "frame"), "{id}");
        }
    }
}

/// What we make of bytes that were sent to a live broker: closed, or so many requests to answer.
fn our_verdict(mut bytes: &[u8]) -> String {
    let mut answers = 0;
    while let Ok(prefix) = Prefix::parse(bytes, &FrameLimits::default()) {
        let Some((prefix, frame)) = prefix.and_then(|prefix| Some((prefix, bytes.get(..prefix.frame_len)?)))
        else {
            return format!("{answers} answered");
        };
        let Ok(head) = Head::parse(prefix.serialize, &frame[prefix.head_range()]) else { break };
        answers += usize::from(!head.is_response() && !head.is_oneway());
        bytes = &bytes[prefix.frame_len..];
    }
    "closed".into()
}

#[test]
pub(crate) fn malformed_frames() {
    let judge = Judge::of("malformed");
    for vector in vectors("malformed_frames_broker_5.5.0") {
        let closed = vector["connectionClosedByServer"].as_bool().unwrap();
        let answers = vector["answers"].as_array().unwrap();
        let java = if closed { "closed".into() } else { format!("{} answered", answers.len()) };
        let id = format!("malformed-{}", text(&vector, "name"));
        judge.check(&id, &java, &our_verdict(&unhex(text(&vector, "sent"))));
        for answer in answers {
            let frame = unhex(text(answer, "frame"));
            let (_, head, _) = parts(&frame);
            assert_eq!(i64::from(head.code), number(answer, "code"), "{id}");
            assert_eq!(i64::from(head.opaque), number(answer, "opaque"), "{id}");
            assert_eq!(
                head.remark.map(|remark| remark.to_string()).as_deref(),
                answer["remark"].as_str(),
                "{id}"
            );
        }
    }
}

/// Signing in one pass relies on it.
#[test]
fn fields_with_others_between_are_sorted_only_if_both_are() {
    let sorted = |fields: &[(&str, &str)], extra: &[(&str, &str)]| {
        WithExtra { fields: &FieldList(fields), extra }.is_sorted()
    };
    let (good, bad) = ([("b", "1"), ("d", "2")], [("d", "2"), ("b", "1")]);
    assert!(sorted(&good, &[("a", "3"), ("c", "4")]));
    assert!(!sorted(&good, &[("c", "4"), ("a", "3")]));
    assert!(!sorted(&bad, &[("a", "3"), ("c", "4")]));
}

#[test]
fn a_text_in_parts_is_written_whole_among_other_fields() {
    let properties = Some(Parts::Split(&["KEYS\u{1}order-1\u{2}", "WAIT\u{1}true\u{2}"]));
    let fields = SendMessageV2Request { topic: "orders".into(), properties, ..Default::default() };
    let written = collected(&WithExtra { fields: &fields, extra: &[("AccessKey", "me"), ("z", "last")] });
    assert_eq!(written["i"], "KEYS\u{1}order-1\u{2}WAIT\u{1}true\u{2}");
    assert_eq!((&*written["b"], &*written["AccessKey"], &*written["z"]), ("orders", "me", "last"));
}

#[test]
fn a_text_is_the_same_in_parts_and_whole() {
    let whole = |text: &'static str| Parts::Whole(text.into());
    assert_eq!(Parts::Split(&["ab", "", "c"]), whole("abc"));
    assert_eq!(Parts::Split(&[]), whole(""));
    assert_ne!(Parts::Split(&["ab", "c"]), whole("ab"));
    assert_ne!(whole("ab"), whole("ac"));
}

/// Java `MQVersion`: its names are what its own tools show.
#[test]
fn versions_have_java_s_names() {
    let names = [
        (0, "V3_0_0_SNAPSHOT"),
        (15, "V3_0_0_FINAL"),
        (16, "V3_0_1_SNAPSHOT"),
        (17, "V3_0_1"),
        (28, "V3_0_7_SNAPSHOT"),
        (45, "V3_0_15"),
        (47, "V3_1_0"),
        (62, "V3_1_8_SNAPSHOT"),
        (65, "V3_1_9"),
        (67, "V3_2_0"),
        (87, "V3_3_1"),
        (105, "V3_4_1"),
        (195, "V3_9_1"),
        (211, "V3_9_9"),
        (401, "V4_9_4"),
        (407, "V4_9_7"),
        (475, "V5_3_1"),
        (513, "V5_5_0"),
        (612, "HIGHER_VERSION"),
        (i32::MAX, "HIGHER_VERSION"),
        (-1, "version -1"),
    ];
    for (number, name) in names {
        assert_eq!(Version(number).to_string(), name, "{number}");
        assert_eq!(format!("{:?}", Version(number)), format!("{name} ({number})"));
    }
}
