//! The hostile inputs H1 to H8: frames, heads, bodies.

use bytes::Bytes;
use rocketmq_engine::wire::body::{
    BodyError, BrokerData, GetConsumerListByGroupResponseBody, ResetOffsetBody, TopicRouteData,
    TopicStatsTable,
};
use rocketmq_engine::wire::codes::LanguageCode;
use rocketmq_engine::wire::fields::GetRouteInfoRequest;
use rocketmq_engine::wire::frame::{FrameError, FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{Head, HeadError};
use rocketmq_engine::wire::json::{JsonError, JsonErrorKind, Limits, Value};
use rocketmq_engine::{CloseCause, ConnEvent, Connection, ConnectionConfig, Instant};
use std::time::Duration;

/// What a connection with one request in flight makes of bytes.
fn fed(bytes: &[u8]) -> (Option<CloseCause>, usize) {
    let mut connection = Connection::<()>::new(ConnectionConfig::default(), 1);
    let ask = GetRouteInfoRequest { topic: "T".into(), ..Default::default() };
    connection.request(&ask, &Bytes::new(), (), Duration::from_secs(3), Instant::ZERO).unwrap();
    connection.handle_slice(bytes, Instant::ZERO);
    let (mut cause, mut failed) = (None, 0);
    while let Some(event) = connection.poll_event() {
        match event {
            ConnEvent::Closed { cause: found } => cause = Some(found),
            ConnEvent::RequestFailed { .. } => failed += 1,
            _ => {}
        }
    }
    (cause, failed)
}

fn json(head: &[u8]) -> Result<Head<'_>, HeadError> {
    Head::parse(SerializeType::Json, head)
}

fn binary(head: &[u8]) -> Result<Head<'_>, HeadError> {
    Head::parse(SerializeType::Rocketmq, head)
}

/// A binary head with these lengths and bytes behind its fixed part.
fn binary_head(remark: i32, rest: &[u8]) -> Vec<u8> {
    let mut head = vec![0, 105, 12, 2, 1, 0, 0, 0, 7, 0, 0, 0, 0];
    head.extend_from_slice(&remark.to_be_bytes());
    head.extend_from_slice(rest);
    head
}

fn ext_block(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (key, value) in entries {
        block.extend_from_slice(&(key.len() as u16).to_be_bytes());
        block.extend_from_slice(key);
        block.extend_from_slice(&(value.len() as u32).to_be_bytes());
        block.extend_from_slice(value);
    }
    let mut out = (block.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(&block);
    out
}

#[test]
fn h1_impossible_frame_lengths_close_and_fail_what_waits() {
    let lengths = [0, 1, 3, -1, i32::MIN, i32::MAX, 16 * 1024 * 1024 + 1];
    for length in lengths {
        let (cause, failed) = fed(&length.to_be_bytes());
        let Some(CloseCause::Frame(error)) = cause else { panic!("{length}: {cause:?}") };
        assert!(error.to_string().contains("offset 0"), "{error}");
        assert_eq!(failed, 1, "{length}");
    }
    // The largest frame there may be is waited for; see `alloc` for what that costs.
    assert_eq!(fed(&(16 * 1024 * 1024_i32).to_be_bytes()), (None, 0));
}

#[test]
fn h2_a_head_ends_where_it_says() {
    let (cause, failed) = fed(&[0, 0, 0, 9, 0, 0, 0, 6, b'{', b'}', 0, 0, 0]);
    assert_eq!(cause, Some(CloseCause::Frame(FrameError::HeadOverrun { head: 6, room: 5 })));
    assert_eq!(failed, 1);
    // The ext block would fit into the frame, but not into the head: the body's bytes are not its bytes.
    let mut head = binary_head(0, &ext_block(&[(b"a", b"value")]));
    let whole = head.len();
    head.extend_from_slice(b"body");
    let short = whole - 3;
    assert_eq!(binary(&head[..short]).err(), Some(HeadError::Overrun { field: "ext block", at: 21 }));
    let mut frame = ((4 + head.len()) as u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&(1 << 24 | short as u32).to_be_bytes());
    frame.extend_from_slice(&head);
    assert!(matches!(fed(&frame), (Some(CloseCause::Head(HeadError::Overrun { at: 21, .. })), 1)));
    // What a head has behind its fields belongs to nobody, least of all to the body.
    assert_eq!(binary(&head).unwrap().ext.get("a").unwrap().to_string(), "value");
}

#[test]
fn h3_announced_lengths_have_to_fit() {
    for length in [i32::MAX, -1, i32::MIN, 100] {
        let field = if length < 0 { "remark length" } else { "remark" };
        let at = if length < 0 { 13 } else { 17 };
        assert_eq!(binary(&binary_head(length, &[])).err(), Some(HeadError::Overrun { field, at }));
        let head = binary_head(0, &length.to_be_bytes());
        let field = if length < 0 { "ext length" } else { "ext block" };
        let at = if length < 0 { 17 } else { 21 };
        assert_eq!(binary(&head).err(), Some(HeadError::Overrun { field, at }));
        // A value's length, in an ext block of 7 bytes.
        let head = binary_head(0, &[&[0, 0, 0, 7, 0, 1, b'a'], &length.to_be_bytes()[..]].concat());
        let field = if length < 0 { "ext value length" } else { "ext value" };
        let at = if length < 0 { 24 } else { 28 };
        assert_eq!(binary(&head).err(), Some(HeadError::Overrun { field, at }));
    }
    for len in 0..21 {
        assert!(matches!(binary(&binary_head(0, &[0; 4])[..len]), Err(HeadError::Overrun { .. })), "{len}");
    }
}

#[test]
fn h4_negative_key_lengths_are_refused() {
    for length in [0x8000_u16, 0xFFFF, 0xFFFE] {
        let head = binary_head(0, &[&[0, 0, 0, 3], &length.to_be_bytes()[..], b"a"].concat());
        assert_eq!(binary(&head).err(), Some(HeadError::Overrun { field: "ext key length", at: 21 }));
    }
    let head = binary_head(0, &[0, 0, 0, 3, 0x7F, 0xFF, b'a']);
    assert_eq!(binary(&head).err(), Some(HeadError::Overrun { field: "ext key", at: 23 }));
}

#[test]
fn h5_unknown_types_close_unknown_peers_do_not() {
    for byte in 2..=255 {
        let frame = [0, 0, 0, 6, byte, 0, 0, 2, b'{', b'}'];
        let error = Prefix::parse(&frame, &FrameLimits::default());
        assert_eq!(error, Err(FrameError::SerializeType { byte }));
    }
    assert!(matches!(fed(&[0, 0, 0, 6, 2, 0, 0, 2, b'{', b'}']), (Some(CloseCause::Frame(_)), 1)));
    assert_eq!(json(br#"{"language":"KLINGON","version":-1}"#).unwrap().language, None);
    let mut head = binary_head(0, &[0; 4]);
    head[2] = 99;
    assert_eq!(binary(&head).unwrap().language, None);
    assert_eq!(LanguageCode::from_name("rust"), Some(LanguageCode::RUST));
    for (flag, response, oneway) in [(0, false, false), (1, true, false), (2, false, true), (3, true, true)] {
        let head = format!(r#"{{"flag":{flag}}}"#);
        let head = json(head.as_bytes()).unwrap();
        assert_eq!((head.is_response(), head.is_oneway()), (response, oneway));
    }
    // Other bits mean nothing.
    assert!(!json(br#"{"flag":-4}"#).unwrap().is_response());
}

#[test]
fn h6_json_heads_are_bounded_and_strict() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for depth in [9, 100_000] {
            let value = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for head in [format!(r#"{{"unknown":{value}}}"#), format!(r#"{{"extFields":{{"a":{value}}}}}"#)] {
                let error = json(head.as_bytes()).unwrap_err();
                let HeadError::Json(JsonError { at, kind: JsonErrorKind::Depth { limit: 8 } }) = error else {
                    panic!("{error}")
                };
                assert!(at < 80, "{at}");
            }
        }
    }
    for keys in [257, 100_000] {
        let fields: Vec<String> = (0..keys).map(|key| format!(r#""k{key}":"""#)).collect();
        let head = format!(r#"{{"extFields":{{{}}}}}"#, fields.join(","));
        assert!(matches!(json(head.as_bytes()), Err(HeadError::TooManyFields { .. })));
    }
    let at = |head: &str| match json(head.as_bytes()) {
        Err(HeadError::Member { at, .. } | HeadError::Duplicate { at }) => at,
        Err(HeadError::Json(error)) => error.at,
        other => panic!("{other:?}"),
    };
    assert_eq!(at(r#"{"code":1,"code":2}"#), 10);
    assert_eq!(at(r#"{"code":2147483648}"#), 8);
    assert_eq!(at(r#"{"opaque":1e400}"#), 10);
    assert_eq!(at(r#"{"flag":1.5}"#), 8);
    assert_eq!(at(r#"{"code":"x"}"#), 8);
    assert_eq!(at(r#"{"extFields":[]}"#), 13);
    assert_eq!(at("{\"remark\":\"a\u{1}\"}"), 12);
    assert_eq!(at(r#"{"code":1}}"#), 10);
    let huge = format!(r#"{{"code":{}}}"#, "9".repeat(100_000));
    assert_eq!(at(&huge), 8);
    assert_eq!(json(br#"{"code":"12"}"#).unwrap().code, 12);
    let utf8 = json(b"{\"remark\":\"\xc3\x28\"}").unwrap_err();
    assert_eq!(utf8, HeadError::Json(JsonError { at: 11, kind: JsonErrorKind::Utf8 }));
    assert!(json(b"").is_err() && json(b"null").is_err() && json(b"[]").is_err() && json(b"{").is_err());
}

#[test]
fn h7_a_field_twice_is_refused_in_both_forms() {
    for key in ["queueOffset", "a", ""] {
        let head = format!(r#"{{"extFields":{{"{key}":"1","b":"2","{key}":"3"}}}}"#);
        assert!(matches!(json(head.as_bytes()), Err(HeadError::Duplicate { .. })), "{key}");
        let block = ext_block(&[(key.as_bytes(), b"1"), (b"b", b"2"), (key.as_bytes(), b"3")]);
        let error = binary(&binary_head(0, &block)).unwrap_err();
        assert_eq!(error, HeadError::Duplicate { at: 21 + key.len() + 7 + 8 }, "{key}");
    }
    // Java's own client does it, with the same value: see `recorded`.
    let twice = binary_head(0, &ext_block(&[(b"a", b"1"), (b"b", b"2"), (b"a", b"1")]));
    assert_eq!(binary(&twice).unwrap().ext.get("a").unwrap().to_string(), "1");
    // Escaped, it is the same key.
    let head = br#"{"extFields":{"queueOffset":"1","queue\u004fffset":"3"}}"#;
    assert!(matches!(json(head), Err(HeadError::Duplicate { at: 32 })));
}

fn route(queue: &str) -> Result<TopicRouteData, BodyError> {
    TopicRouteData::decode(format!(r#"{{"queueDatas":[{{"brokerName":"b",{queue}}}]}}"#).as_bytes())
}

#[test]
fn h8_counts_of_bodies_are_bounded() {
    for count in [-1_i64, 65_537, 2_147_483_647, i64::MAX] {
        for member in ["readQueueNums", "writeQueueNums", "perm"] {
            let error = route(&format!(r#""{member}":{count}"#)).unwrap_err();
            let at = r#"{"queueDatas":[{"brokerName":"b",""#.len() + member.len() + 2;
            assert_eq!(error, BodyError::TooMany { member, at, count, limit: 65_536 });
        }
    }
    assert_eq!(route(r#""readQueueNums":65536"#).unwrap().queue_datas[0].read_queue_nums, 65_536);
    assert!(matches!(route(r#""perm":NaN"#), Err(BodyError::Json(_))));
    for (member, item) in [("brokerDatas", r#"{"brokerName":"b"}"#), ("queueDatas", r#"{"brokerName":"b"}"#)]
    {
        let many = vec![item; 4097].join(",");
        let error = TopicRouteData::decode(format!(r#"{{"{member}":[{many}]}}"#).as_bytes()).unwrap_err();
        assert_eq!(error, BodyError::TooMany { member, at: member.len() + 4, count: 4097, limit: 4096 });
    }
    let members = vec![r#""c""#; 65_537].join(",");
    let error =
        GetConsumerListByGroupResponseBody::decode(format!(r#"{{"consumerIdList":[{members}]}}"#).as_bytes());
    assert_eq!(
        error,
        Err(BodyError::TooMany { member: "consumerIdList", at: 18, count: 65_537, limit: 65_536 })
    );
}

#[test]
fn h8_odd_members_of_bodies_are_errors_that_name_them() {
    let broker = |addresses: &str| {
        BrokerData::decode(format!(r#"{{"brokerName":"b","brokerAddrs":{addresses}}}"#).as_bytes())
    };
    assert_eq!(broker(r#"{"007":"","1":"b:1"}"#).unwrap().broker_addrs.len(), 2);
    let at = r#"{"brokerName":"b","brokerAddrs":{"#.len();
    let number = BodyError::Member { member: "brokerAddrs", expected: "64-bit whole number", at };
    for key in [r#""x""#, "1.5", "true", r#""99999999999999999999""#, "[]", "{}"] {
        assert_eq!(broker(&format!(r#"{{{key}:"a:1"}}"#)), Err(number.clone()), "{key}");
    }
    let text = BodyError::Member { member: "brokerAddrs", expected: "text", at: at + 4 };
    assert_eq!(broker(r#"{"0":null}"#), Err(text));
    // Tables keyed by queue take nothing else for a key.
    for table in [r#"{"x":{}}"#, "{0:{}}", r#"{{"brokerName":"b"}:{}}"#, "[]", "1"] {
        let stats = TopicStatsTable::decode(format!(r#"{{"offsetTable":{table}}}"#).as_bytes());
        assert!(matches!(stats, Err(BodyError::Member { .. })), "{table}: {stats:?}");
    }
    for body in ["null", "[]", "1", r#""text""#, ""] {
        assert!(TopicRouteData::decode(body.as_bytes()).is_err(), "{body}");
    }
    assert!(ResetOffsetBody::decode(br#"{"offsetTable":7}"#).is_err());
}

#[test]
fn h8_json_bodies_are_bounded() {
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Value::parse(deep(33).as_bytes(), &Limits::default()).is_ok());
    for depth in [34, 1_000_000] {
        let error = Value::parse(deep(depth).as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error, JsonError { at: 33, kind: JsonErrorKind::Depth { limit: 32 } });
        // A key may be any value, as fastjson writes the keys of maps.
        let error = Value::parse("{".repeat(depth).as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error, JsonError { at: 33, kind: JsonErrorKind::Depth { limit: 32 } });
    }
    let limits = Limits { max_nodes: 4, ..Limits::default() };
    assert!(Value::parse(b"[1,2,3]", &limits).is_ok());
    let error = Value::parse(b"[1,2,3,4]", &limits).unwrap_err();
    assert_eq!(error, JsonError { at: 7, kind: JsonErrorKind::Nodes { limit: 4 } });
    // References that lead to references, to themselves, or nowhere, are nothing.
    for text in [r#"{"a":{"$ref":"$"}}"#, r#"{"a":{"$ref":"$.a"}}"#, r#"{"a":{"$ref":"$.b[9]"},"b":[]}"#] {
        let value = Value::parse(text.as_bytes(), &Limits::default()).unwrap();
        assert!(value.get("a").is_some_and(Value::is_null), "{text}");
    }
}

#[test]
fn h8_references_cost_what_they_name() {
    let limit = 20_000;
    let limits = Limits { max_nodes: limit, ..Limits::default() };
    let document = |items: usize, references: usize, tail: &str| {
        let items = vec!["0"; items].join(",");
        let references = vec![r#"{"$ref":"$.a"}"#; references].join(",");
        format!(r#"{{"a":[{items}{tail}],"b":[{references}]}}"#)
    };
    let few = document(1000, 15, "");
    let value = Value::parse(few.as_bytes(), &limits).unwrap();
    assert_eq!(value.get("b").unwrap().items().unwrap()[14], *value.get("a").unwrap());
    // Many of them would make much of little; those that end in nothing would still take the time.
    let nodes = JsonErrorKind::Nodes { limit };
    for tail in ["", r#",{"$ref":"$.x"}"#] {
        let many = document(1000, 100, tail);
        assert_eq!(
            Value::parse(many.as_bytes(), &limits).unwrap_err(),
            JsonError { at: many.len(), kind: nodes }
        );
    }
    let names: Vec<String> = (0..2000).map(|n| format!(r#""n{n}":0"#)).collect();
    let references = vec![r#"{"$ref":"$.nothing"}"#; 100].join(",");
    let lookups = format!(r#"{{{},"b":[{references}]}}"#, names.join(","));
    assert_eq!(Value::parse(lookups.as_bytes(), &limits).unwrap_err().kind, nodes);
}
