//! The hostile inputs H9 to H17 and H29, one test or more each.

use bytes::Bytes;
use rocketmq_engine::wire::message::names::check_topic;
use rocketmq_engine::wire::message::pop::{
    AckBits, BatchAckRequestBody, MAX_ENTRIES, ReceiptHandle, message_offsets,
};
use rocketmq_engine::wire::message::{
    BatchEntry, BatchError, CompressionError, CompressionType, InflateLimits, MessageError, MessageView,
    Messages, PropertiesBuilder, PropertyError, StoredFields, SysFlag, WalkLimits, batch, compress,
    encode_batch, encode_stored, properties, walk,
};

pub(crate) fn fields<'a>(topic: &'a str, body: &'a [u8], properties: &'a str) -> StoredFields<'a> {
    StoredFields {
        queue_id: 3,
        flag: 0,
        queue_offset: 5,
        physical_offset: 4096,
        sys_flag: SysFlag(0),
        born_timestamp: 1_700_000_000_000,
        born_host: ([10, 0, 0, 9], 40_000).into(),
        store_timestamp: 1_700_000_000_001,
        store_host: ([10, 0, 0, 1], 10_911).into(),
        reconsume_times: 2,
        prepared_transaction_offset: 0,
        body,
        topic,
        properties,
    }
}

fn stored(fields: &StoredFields<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode_stored(&mut out, fields).unwrap();
    out
}

fn good() -> Vec<u8> {
    stored(&fields("T", b"hello", "TAGS\u{1}A\u{2}"))
}

fn walked(parts: &[&[u8]]) -> Messages {
    walk(&Bytes::from(parts.concat()), true, &WalkLimits::default())
}

/// The message with four bytes replaced.
fn with_i32(at: usize, value: i32) -> Vec<u8> {
    let mut message = good();
    message[at..at + 4].copy_from_slice(&value.to_be_bytes());
    message
}

#[test]
fn h9_a_bad_length_costs_one_message() {
    let (first, last) = (good(), good());
    let body_length_at = 84;
    let lengths = [-1, i32::MIN, i32::MAX, 6, 4, 1_000_000];
    for length in lengths {
        let bad = with_i32(body_length_at, length);
        let messages = walked(&[&first, &bad, &last]);
        assert_eq!(messages.len(), 2, "body length {length}");
        let poison = &messages.poison()[0];
        assert_eq!(poison.range, first.len()..first.len() + bad.len());
        assert_eq!((poison.before, poison.queue_offset), (1, Some(5)));
        let shown = poison.reason.to_string();
        assert!(shown.contains("length") || shown.contains("fields"), "{shown}");
    }
    // Negative topic length; properties length negative, too long, too short.
    let topic_at = 88 + 5;
    for (at, byte) in [(topic_at, 0x80), (topic_at + 2, 0x80), (topic_at + 3, 200), (topic_at + 3, 1)] {
        let mut bad = good();
        bad[at] = byte;
        assert_eq!(walked(&[&first, &bad, &last]).len(), 2, "byte {byte} at {at}");
    }
}

#[test]
fn h9_the_reason_names_field_and_place() {
    let messages = walked(&[&with_i32(84, 1_000_000)]);
    let reason = MessageError::FieldLength { field: "body", len: 1_000_000, at: 84, size: good().len() };
    assert_eq!(messages.poison()[0].reason, reason);
    let messages = walked(&[&with_i32(52, 70_000)]);
    assert_eq!(messages.poison()[0].reason, MessageError::Port { field: "born host", port: 70_000 });
}

#[test]
fn h9_h10_an_impossible_size_ends_the_walk_in_one_poison() {
    let first = good();
    for size in [0, 1, 3, 4, 90, -1, i32::MIN, i32::MAX, 10_000] {
        let bad = with_i32(0, size);
        let body = Bytes::from([&first[..], &bad, &good()].concat());
        let messages = walk(&body, true, &WalkLimits::default());
        assert_eq!((messages.len(), messages.poison().len()), (1, 1), "size {size}");
        assert_eq!(messages.poison()[0].range, first.len()..body.len(), "size {size}");
        assert_eq!(messages.poison_bytes(&messages.poison()[0]).unwrap(), body.slice(first.len()..));
    }
    for len in 1..91 {
        let messages = walked(&[&first, &good()[..len]]);
        assert_eq!((messages.len(), messages.poison().len()), (1, 1), "{len} bytes left");
    }
}

#[test]
fn h10_batch_entries_advance_or_end() {
    let entry = encode_batch([BatchEntry { flag: 0, body: b"x", properties: "" }]).unwrap();
    for size in [0, 4, 21, -1, 1_000_000] {
        let mut bad = entry.clone();
        bad[..4].copy_from_slice(&i32::to_be_bytes(size));
        let body = [&entry[..], &bad, &entry].concat();
        let read: Vec<_> = batch::entries(&body).collect();
        assert_eq!(read.len(), 2, "size {size}");
        assert!(matches!(read[1], Err(BatchError::Size { at: 23, .. })), "{:?}", read[1]);
    }
}

#[test]
fn h10_a_bad_inner_batch_is_one_poison() {
    let entry = encode_batch([BatchEntry { flag: 0, body: b"x", properties: "" }]).unwrap();
    let body = [&entry[..], &[0; 30]].concat();
    let mut bad = fields("T", &body, "");
    bad.sys_flag = SysFlag(SysFlag::INNER_BATCH | SysFlag::NEED_UNWRAP);
    let messages = walked(&[&good(), &stored(&bad), &good()]);
    assert_eq!((messages.len(), messages.poison().len()), (2, 1));
    assert!(matches!(messages.poison()[0].reason, MessageError::InnerBatch(_)));
}

#[test]
fn h11_a_wrong_checksum_is_poison_unless_checks_are_off() {
    let mut bad = good();
    bad[90] ^= 1;
    let body = Bytes::from([&good()[..], &bad, &good()].concat());
    let messages = walk(&body, true, &WalkLimits::default());
    assert_eq!(messages.len(), 2);
    assert!(matches!(messages.poison()[0].reason, MessageError::BodyCrc { .. }));
    assert_eq!(walk(&body, false, &WalkLimits::default()).len(), 3);
    assert!(MessageView::parse(&bad).unwrap().check_crc().is_err());
}

fn compressed(kind: CompressionType, plain: &[u8]) -> Vec<u8> {
    let body = compress::compress(kind, plain, 9).unwrap();
    let mut message = fields("T", &body, "");
    message.sys_flag = SysFlag(0).with_compression(kind);
    stored(&message)
}

#[test]
fn h12_bombs_end_at_the_cap() {
    let bomb = vec![0; 4 << 20];
    for kind in [CompressionType::Zlib, CompressionType::Lz4, CompressionType::Zstd] {
        if !kind.is_built() {
            continue;
        }
        let message = compressed(kind, &bomb);
        let limits = WalkLimits {
            inflate: InflateLimits { max_output: 1 << 20, ..InflateLimits::default() },
            ..WalkLimits::default()
        };
        let body = Bytes::from([&message[..], &good()].concat());
        let messages = walk(&body, true, &limits);
        assert_eq!(messages.len(), 1, "{kind}");
        let over = CompressionError::OverLimit { kind, limit: 1 << 20 };
        assert_eq!(messages.poison()[0].reason, MessageError::Compression(over));

        // The bodies of one answer share a budget.
        let limits = WalkLimits {
            inflate: InflateLimits { max_batch: 9 << 20, ..InflateLimits::default() },
            ..WalkLimits::default()
        };
        let messages = walk(&Bytes::from(message.repeat(4)), true, &limits);
        assert_eq!((messages.len(), messages.poison().len()), (2, 2), "{kind}");
    }
}

#[test]
fn h12b_unknown_magic_is_poison_and_both_layouts_are_read() {
    let long_topic = format!("%RETRY%{}", "g".repeat(200));
    let wide = stored(&fields(&long_topic, b"x", "A\u{1}b\u{2}"));
    let messages = walked(&[&good(), &with_i32(4, 0x1234_5678), &wide]);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages.get(1).unwrap().topic(), long_topic);
    assert_eq!(messages.poison()[0].reason, MessageError::UnknownMagic { magic: 0x1234_5678 });
}

#[test]
fn h13_unknown_compression_types_are_named() {
    for bits in 4..8 {
        let mut message = fields("T", b"x", "");
        message.sys_flag = SysFlag(SysFlag::COMPRESSED | bits << 8);
        let messages = walked(&[&stored(&message), &good()]);
        assert_eq!(messages.len(), 1);
        let reason = CompressionError::UnknownType { bits: bits as u8 };
        assert_eq!(messages.poison()[0].reason, MessageError::Compression(reason));
        // Without the compressed bit the type bits mean nothing.
        message.sys_flag = SysFlag(bits << 8);
        assert_eq!(walked(&[&stored(&message)]).get(0).unwrap().body(), b"x");
    }
}

#[test]
fn h13_a_missing_feature_is_named() {
    for kind in [CompressionType::Zlib, CompressionType::Lz4, CompressionType::Zstd] {
        if kind.is_built() {
            continue;
        }
        let mut message = fields("T", b"x", "");
        message.sys_flag = SysFlag(0).with_compression(kind);
        let messages = walked(&[&stored(&message)]);
        assert_eq!(
            messages.poison()[0].reason,
            MessageError::Compression(CompressionError::NotBuilt { kind })
        );
    }
}

#[test]
fn h14_separators_are_refused_in_names_and_values() {
    let attacks = [
        ("x", "a\u{2}DELAY\u{1}18"),
        ("x", "\u{2}TRAN_MSG\u{1}true"),
        ("x\u{1}y", "v"),
        ("x\u{2}UNIQ_KEY", "v"),
        ("KEYS", "k\u{2}TAGS\u{1}B"),
        ("TAGS", "A\u{1}"),
        ("x", "line\nbreak"),
    ];
    for (name, value) in attacks {
        let mut builder = PropertiesBuilder::new();
        assert!(matches!(builder.set(name, value), Err(PropertyError::ControlCharacter { .. })), "{name:?}");
        assert_eq!(builder.finish(), "");
    }
    let mut relaxed = PropertiesBuilder::new();
    relaxed.allow_controls().set("x", "line\nbreak").unwrap();
    assert!(relaxed.set("x", "a\u{1}").is_err() && relaxed.set("x\n", "a").is_err());
    let mut reserved = PropertiesBuilder::new();
    assert!(matches!(reserved.user("DELAY", "3"), Err(PropertyError::Reserved { .. })));
    assert!(reserved.user(" ", "3").is_err() && reserved.user("a", " ").is_err());
}

#[test]
fn h15_facts_of_the_broker_are_not_read_from_senders_text() {
    let lies =
        "RECONSUME_TIME\u{1}99\u{2}MIN_OFFSET\u{1}77\u{2}REAL_QID\u{1}66\u{2}BORN_TIMESTAMP\u{1}55\u{2}";
    let messages = walked(&[&stored(&fields("T", b"x", lies))]);
    let view = messages.get(0).unwrap();
    assert_eq!((view.reconsume_times(), view.queue_offset(), view.queue_id()), (2, 5, 3));
    assert_eq!(view.born_timestamp(), 1_700_000_000_000);
}

#[test]
fn h16_properties_are_measured_before_they_are_written() {
    let room = properties::MAX_LEN - 3;
    let mut builder = PropertiesBuilder::new();
    builder.set("k", &"v".repeat(room)).unwrap();
    assert_eq!(builder.set("l", "w").err(), Some(PropertyError::TooLong { len: properties::MAX_LEN + 4 }));
    let full = builder.finish();
    assert_eq!(full.len(), properties::MAX_LEN);
    let entry = BatchEntry { flag: 0, body: b"x", properties: &full };
    let encoded = encode_batch([entry]).unwrap();
    assert_eq!(batch::entries(&encoded).next(), Some(Ok(entry)));
    let longer = format!("{full}x");
    let mut out = b"before".to_vec();
    let refused = BatchEntry { flag: 0, body: b"x", properties: &longer }.encode(&mut out);
    assert_eq!(refused, Err(PropertyError::TooLong { len: properties::MAX_LEN + 1 }));
    assert_eq!(out, b"before");
    assert!(encode_stored(&mut out, &fields("T", b"x", &longer)).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn h17_names_like_java() {
    for bad in ["", " ", "../x", "a/b", "a.b", "a\\b", "Ünïcode", "a\u{0}", "a\u{1b}[31m", &"t".repeat(128)]
    {
        assert!(check_topic(bad).is_err(), "{bad:?}");
    }
    for good in ["a", "%RETRY%g", "a|b", "A-b_9", &"t".repeat(127)] {
        assert!(check_topic(good).is_ok(), "{good:?}");
    }
}

#[test]
fn h29_handles_and_bit_sets_are_bounded() {
    for bad in ["", " ", "1 2 3 4 0 b 6 7 8", "1 2 3 4 3 b 6 7", "1 2 3 4 0 b 6 99999999999999999999", "x"] {
        assert!(ReceiptHandle::parse(bad).is_err(), "{bad:?}");
    }
    let mut bits = AckBits::default();
    assert!(bits.set(255) && !bits.set(256) && !bits.set(usize::MAX));
    assert_eq!(AckBits::decode(&bits.encode()).unwrap(), bits);
    assert!(AckBits::decode(&"A".repeat(48)).is_err());
    assert!(AckBits::decode(&"A".repeat(1 << 20)).is_err());
    let many = vec!["1"; MAX_ENTRIES + 1].join(",");
    assert!(message_offsets(&format!("0 0 {many}")).is_err());
    assert!(BatchAckRequestBody::decode(br#"{"acks":[{"q":9999999999}]}"#).is_err());
}

#[test]
fn the_number_of_messages_is_limited() {
    let limits = WalkLimits { max_messages: 3, ..WalkLimits::default() };
    let body = Bytes::from(good().repeat(5));
    let messages = walk(&body, true, &limits);
    assert_eq!((messages.len(), messages.poison().len()), (3, 1));
    assert_eq!(messages.poison()[0].reason, MessageError::TooMany { limit: 3 });
    assert_eq!(messages.poison()[0].range, 3 * good().len()..body.len());
}
