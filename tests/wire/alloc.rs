//! Allocation gates of frames and heads (cases 1 to 3 of the performance plan), counted exactly.
//!
//! `allocation-counter` counts per thread, so other tests do not disturb it, and it brings its own global allocator,
//! so that no unsafe code is needed here. Cases 4, 5 and 7 are in [`crate::message::alloc`].

use allocation_counter::measure;
use rocketmq_engine::wire::codes::{LanguageCode, Version};
use rocketmq_engine::wire::fields::{Parts, PullMessageResponse, SendMessageResponse, SendMessageV2Request};
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::header::{EncodeFields, Flag, Head, HeadSpec, Request, encode_head};
use rocketmq_engine::{Connection, ConnectionConfig, Instant};

const FORMS: [SerializeType; 2] = [SerializeType::Json, SerializeType::Rocketmq];

const PROPERTIES: &str = "KEYS\u{1}order-1\u{2}UNIQ_KEY\u{1}0A000009123489ABCDEF075BCD150001\u{2}TAGS\u{1}TagA\u{2}WAIT\u{1}true\u{2}";

fn send() -> SendMessageV2Request<'static> {
    SendMessageV2Request {
        producer_group: "group".into(),
        topic: "TopicTest".into(),
        default_topic: "TBW102".into(),
        default_topic_queue_nums: 4,
        queue_id: 3,
        born_timestamp: 1_700_000_000_000,
        properties: Some(Parts::Whole(PROPERTIES.into())),
        reconsume_times: Some(0),
        unit_mode: Some(false),
        batch: Some(false),
        broker_name: Some("broker-a".into()),
        ..Default::default()
    }
}

fn encode<F: EncodeFields>(out: &mut Vec<u8>, serialize: SerializeType, code: i32, flag: Flag, fields: &F) {
    let spec = HeadSpec {
        code,
        language: LanguageCode::RUST,
        version: Version::V5_5_0,
        opaque: 77,
        flag,
        remark: None,
    };
    encode_head(out, serialize, &spec, fields, 1024).unwrap();
}

#[test]
fn writing_a_send_costs_none() {
    let fields = send();
    let mut out = Vec::with_capacity(4096);
    for serialize in FORMS {
        out.clear();
        let counted =
            measure(|| encode(&mut out, serialize, SendMessageV2Request::CODE.0, Flag::REQUEST, &fields));
        assert_eq!(counted.count_total, 0, "{serialize:?}");
        assert!(out.len() > 150);
    }
}

#[cfg(feature = "acl")]
#[test]
fn signing_a_send_costs_none() {
    let credentials =
        rocketmq_engine::wire::signature::Credentials::new("user", "secret").with_security_token("t");
    let (fields, body) = (send(), [7; 1024]);
    let mut out = Vec::with_capacity(4096);
    for serialize in FORMS {
        out.clear();
        let counted = measure(|| {
            let signed = credentials.sign(&fields, &body);
            encode(&mut out, serialize, SendMessageV2Request::CODE.0, Flag::REQUEST, &signed);
        });
        assert_eq!(counted.count_total, 0, "{serialize:?}");
        let head = Head::parse(serialize, &out[8..]).unwrap();
        assert!(credentials.verify(&head, &body));
    }
}

#[test]
fn reading_a_send_s_answer_costs_none() {
    let answer = SendMessageResponse {
        msg_id: "0A00000100002A9F0000000000001000".into(),
        queue_id: 3,
        queue_offset: 42,
        transaction_id: Some("0A000009123489ABCDEF075BCD150001".into()),
        ..Default::default()
    };
    for serialize in FORMS {
        let mut out = Vec::new();
        encode(&mut out, serialize, 0, Flag::RESPONSE, &answer);
        let counted = measure(|| {
            let head = Head::parse(serialize, &out[8..]).unwrap();
            let read: SendMessageResponse<'_> = head.fields().unwrap();
            assert_eq!((read.queue_offset, &*read.msg_id), (42, &*answer.msg_id));
        });
        assert_eq!(counted.count_total, 0, "{serialize:?}");
    }
}

#[test]
fn reading_a_pull_s_answer_and_a_send_costs_none() {
    let answer = PullMessageResponse { max_offset: 9, next_begin_offset: 7, ..Default::default() };
    // The separators of properties are escaped in JSON: reading that text costs its own copy, and nothing else.
    for (serialize, copies) in [(SerializeType::Json, 1), (SerializeType::Rocketmq, 0)] {
        let (mut pulled, mut sent) = (Vec::new(), Vec::new());
        encode(&mut pulled, serialize, 0, Flag::RESPONSE, &answer);
        encode(&mut sent, serialize, SendMessageV2Request::CODE.0, Flag::REQUEST, &send());
        let counted = measure(|| {
            let head = Head::parse(serialize, &pulled[8..]).unwrap();
            assert_eq!(head.fields::<PullMessageResponse>().unwrap(), answer);
        });
        assert_eq!(counted.count_total, 0, "{serialize:?}");
        let head = Head::parse(serialize, &sent[8..]).unwrap();
        let counted = measure(|| assert_eq!(head.fields::<SendMessageV2Request<'_>>().unwrap().queue_id, 3));
        assert_eq!(counted.count_total, copies, "{serialize:?}");
    }
}

#[test]
fn h1_h3_an_announced_length_costs_nothing() {
    // A frame of 16 MiB, a remark and an ext block of 2 GiB: announced, never sent.
    let mut frame = (16 * 1024 * 1024_u32).to_be_bytes().to_vec();
    frame.extend_from_slice(&[1, 0, 0, 21]);
    let mut connection = Connection::<()>::new(ConnectionConfig::default(), 1);
    connection.handle_slice(b"", Instant::ZERO);
    let counted = measure(|| {
        assert_eq!(connection.handle_slice(&frame, Instant::ZERO), frame.len());
        assert!(connection.poll_event().is_none());
        let _ = connection.read_buf();
    });
    assert!(counted.bytes_max <= 1024 * 1024 + 64 * 1024, "{} bytes", counted.bytes_max);
    let mut head = vec![0, 105, 12, 2, 1, 0, 0, 0, 7, 0, 0, 0, 0];
    head.extend_from_slice(&i32::MAX.to_be_bytes());
    head.extend_from_slice(&[0; 8]);
    let counted = measure(|| assert!(Head::parse(SerializeType::Rocketmq, &head).is_err()));
    assert_eq!(counted.count_total, 0);
    head[13..17].fill(0);
    head[17..21].copy_from_slice(&i32::MAX.to_be_bytes());
    let counted = measure(|| assert!(Head::parse(SerializeType::Rocketmq, &head).is_err()));
    assert_eq!(counted.count_total, 0);
}
