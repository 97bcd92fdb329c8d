//! Stored messages, batches, properties and the other texts in them, compressed bodies.

use bytes::Bytes;
use rocketmq_engine::wire::message::compress::{compress, decompress};
use rocketmq_engine::wire::message::names::{DelayLevels, check_group, check_stored_topic, check_topic};
use rocketmq_engine::wire::message::pop::{
    AckBits, ReceiptHandle, RetryTopic, lite_order_counts, message_offsets, order_counts, start_offsets,
    write_message_offsets, write_order_counts, write_start_offsets,
};
use rocketmq_engine::wire::message::properties::without;
use rocketmq_engine::wire::message::tags::Expression;
use rocketmq_engine::wire::message::trace::records;
use rocketmq_engine::wire::message::{
    BatchEntry, CompressionError, CompressionType, InflateLimits, OffsetMessageId, Properties,
    PropertiesBuilder, RecallHandle, UniqueId, WalkLimits, batch, encode_batch, stored_messages, string_hash,
    walk,
};

use super::input::Input;

/// Bytes of all bodies of one walk together.
const INFLATE: usize = 1 << 16;

/// The body of a pull answer or of a batch, behind one byte of switches.
pub fn message_batch(data: &[u8]) {
    let mut input = Input::new(data);
    let switches = input.byte();
    let body = Bytes::copy_from_slice(input.rest());
    walks(&body, switches & 1 == 0);
    let limits = WalkLimits {
        max_messages: if switches & 2 == 0 { 3 } else { 65_536 },
        inflate: InflateLimits { max_output: INFLATE, max_batch: INFLATE, max_ratio: 65_536 },
        unwrap_batches: switches & 4 == 0,
    };
    let mut messages = walk(&body, switches & 1 == 0, &limits);
    assert!(messages.len() <= limits.max_messages);
    let plain: usize = messages.iter().filter(|m| !m.body().is_empty()).count();
    assert!(plain <= messages.len());
    for index in 0..messages.len() {
        let owned = messages.to_owned(index).expect("as many as it says");
        let view = messages.get(index).expect("as many as it says");
        assert_eq!((owned.view().body(), owned.view().queue_offset()), (view.body(), view.queue_offset()));
    }
    let (len, at) = (messages.len(), messages.len() / 2);
    let tail = messages.split_off(at);
    assert_eq!(messages.len() + tail.len(), len);
    entries(&body);
}

/// Every byte belongs to one good message or one poison, in order, and both walks agree.
pub fn walks(body: &Bytes, check_crc: bool) {
    let inflate = InflateLimits { max_output: INFLATE, max_batch: INFLATE, max_ratio: 65_536 };
    let limits = WalkLimits { inflate, unwrap_batches: false, ..WalkLimits::default() };
    let messages = walk(body, check_crc, &limits);
    let mut position = 0;
    let mut inflated = 0;
    let mut poison = messages.poison().iter().peekable();
    for index in 0..=messages.len() {
        while let Some(item) = poison.next_if(|item| item.before == index) {
            assert_eq!(item.range.start, position);
            assert!(!item.range.is_empty());
            position = item.range.end;
        }
        let Some(view) = messages.get(index) else { continue };
        assert_eq!(view.as_bytes(), &body[position..position + view.store_size()]);
        let _ = (view.offset_message_id(), view.topic(), view.keys().count(), view.born_host());
        inflated += if view.sys_flag().is_compressed() { view.body().len() } else { 0 };
        position += view.store_size();
    }
    assert_eq!(position, body.len());
    assert!(inflated <= INFLATE + body.len(), "{inflated} bytes were made of {}", body.len());
    assert_eq!(stored_messages(body, check_crc).count(), messages.len() + messages.poison().len());
}

fn entries(body: &[u8]) {
    let mut good: Vec<BatchEntry<'_>> = Vec::new();
    let mut used = 0;
    for entry in batch::entries(body) {
        let Ok(entry) = entry else { break };
        used += entry.encoded_len();
        good.push(entry);
    }
    let again = encode_batch(good.iter().copied()).expect("what was read can be written");
    assert_eq!(again.len(), used);
    assert!(batch::entries(&again).map(|entry| entry.expect("just written")).eq(good));
}

/// Properties text, and every other text that is taken apart.
pub fn properties(data: &[u8]) {
    let Some(chunk) = data.utf8_chunks().next() else { return };
    let text = chunk.valid();
    let properties = Properties::new(text);
    // Java's reading, naively.
    let pairs: Vec<(&str, &str)> = text
        .split('\u{2}')
        .filter_map(|piece| piece.split_once('\u{1}'))
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .collect();
    for (name, _) in &pairs {
        let last = pairs.iter().rev().find(|(other, _)| other == name).map(|(_, value)| *value);
        assert_eq!(properties.get(name), last, "{name:?} of {text:?}");
        assert_eq!(Properties::new(&without(text, name)).get(name), None);
    }
    for (name, value) in properties.iter() {
        assert!(pairs.contains(&(name, value)));
    }
    assert!(pairs.iter().all(|(name, _)| properties.iter().any(|(other, _)| other == *name)));
    let _ = (properties.tag(), properties.keys().count(), properties.get_i64("DELAY"));
    build(&pairs);
    texts(text);
}

/// What the builder takes comes out again, and no separator gets through it.
fn build(pairs: &[(&str, &str)]) {
    let mut builder = PropertiesBuilder::new();
    let mut taken: Vec<(&str, &str)> = Vec::new();
    for (name, value) in pairs {
        if builder.user(name, value).is_ok() {
            assert!(!name.contains(['\u{1}', '\u{2}']) && !value.contains(['\u{1}', '\u{2}']));
            taken.retain(|(other, _)| other != name);
            taken.push((name, value));
        }
    }
    let text = builder.finish();
    let built = Properties::new(&text);
    assert_eq!(built.iter().count(), taken.len());
    assert!(taken.iter().all(|(name, value)| built.get(name) == Some(value)));
}

/// What is read is written so that it is read the same.
fn texts(text: &str) {
    if let Ok(id) = text.parse::<UniqueId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
        let _ = (id.ip(), id.pid(), id.millis_of_month(), id.made_at(1_793_491_200_000, 0));
    }
    if let Ok(id) = text.parse::<OffsetMessageId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(handle) = RecallHandle::decode(text) {
        assert_eq!(RecallHandle::decode(&handle.encode()).as_ref(), Ok(&handle));
    }
    if let Ok(handle) = ReceiptHandle::parse(text) {
        assert_eq!(ReceiptHandle::parse(&handle.to_string()), Ok(handle));
    }
    if let Ok(bits) = AckBits::decode(text) {
        assert_eq!(AckBits::decode(&bits.encode()), Ok(bits));
    }
    if let Ok(offsets) = start_offsets(text) {
        assert_eq!(start_offsets(&write_start_offsets(&offsets)).as_ref(), Ok(&offsets));
    }
    if let Ok(offsets) = message_offsets(text) {
        assert_eq!(message_offsets(&write_message_offsets(&offsets)).as_ref(), Ok(&offsets));
    }
    if let Ok(counts) = order_counts(text) {
        assert_eq!(order_counts(&write_order_counts(&counts)).as_ref(), Ok(&counts));
    }
    let mut again = String::new();
    for record in records(text).flatten() {
        record.encode(&mut again);
    }
    let _ = (lite_order_counts(text, 3), RetryTopic::parse(text), string_hash(text));
    let _ = (check_topic(text), check_stored_topic(text), check_group(text), DelayLevels::parse(text));
    if let Ok(expression) = Expression::tags(text) {
        assert!(expression.tags.iter().all(|tag| expression.matches(Some(tag))));
        assert_eq!(expression.matches(None), expression.tags.is_empty());
    }
}

/// Compressed bytes behind their kind and their cap; then the same bytes as something to be compressed.
pub fn inflate(data: &[u8]) {
    let mut input = Input::new(data);
    let kind = match input.byte() % 3 {
        0 => CompressionType::Zlib,
        1 => CompressionType::Lz4,
        _ => CompressionType::Zstd,
    };
    let cap = usize::from(input.u16());
    let bytes = input.rest();
    match decompress(kind, bytes, cap) {
        Ok(plain) => {
            assert!(plain.len() <= cap, "{} bytes, {cap} allowed", plain.len());
            assert!(plain.capacity() <= 2 * cap.max(bytes.len()) + 1024, "{} bytes held", plain.capacity());
            assert_eq!(decompress(kind, bytes, plain.len()).as_ref(), Ok(&plain));
            if let Some(less) = plain.len().checked_sub(1) {
                let refused = decompress(kind, bytes, less).expect_err("a byte too many");
                assert_eq!(refused, CompressionError::OverLimit { kind, limit: less });
            }
        }
        Err(CompressionError::OverLimit { limit, .. }) => assert_eq!(limit, cap),
        Err(_) => {}
    }
    let packed = compress(kind, bytes, 1).expect("built with it");
    assert_eq!(decompress(kind, &packed, bytes.len()).as_deref(), Ok(bytes));
}
