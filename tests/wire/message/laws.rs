//! Properties: round trips, no panic on any bytes.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use rocketmq_engine::wire::message::compress::{compress, decompress};
use rocketmq_engine::wire::message::pop::{
    AckBits, BatchAckRequestBody, ReceiptHandle, lite_order_counts, message_offsets, order_counts,
    start_offsets,
};
use rocketmq_engine::wire::message::trace::records;
use rocketmq_engine::wire::message::{
    BatchEntry, CompressionType, InflateLimits, OffsetMessageId, Properties, PropertiesBuilder, RecallHandle,
    StoredFields, SysFlag, UniqueId, WalkLimits, batch, encode_batch, encode_stored, stored_messages, walk,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::support::fields_of;

const KINDS: [CompressionType; 3] = [CompressionType::Lz4, CompressionType::Zstd, CompressionType::Zlib];

fn host() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        any::<([u8; 4], u16)>().prop_map(SocketAddr::from),
        any::<([u8; 16], u16)>().prop_map(SocketAddr::from)
    ]
}

#[derive(Clone, Debug)]
struct Message {
    numbers: (i32, i32, i64, i64, i32),
    times: (i64, i64, i32, i64),
    hosts: (SocketAddr, SocketAddr),
    body: Vec<u8>,
    topic: String,
    properties: String,
}

impl Message {
    fn fields(&self) -> StoredFields<'_> {
        let (queue_id, flag, queue_offset, physical_offset, sys_flag) = self.numbers;
        let (born_timestamp, store_timestamp, reconsume_times, prepared_transaction_offset) = self.times;
        // Compression and inner batches have their own tests.
        let sys_flag = SysFlag(sys_flag & !(SysFlag::COMPRESSED | SysFlag::INNER_BATCH));
        StoredFields {
            queue_id,
            flag,
            queue_offset,
            physical_offset,
            sys_flag,
            born_timestamp,
            born_host: self.hosts.0,
            store_timestamp,
            store_host: self.hosts.1,
            reconsume_times,
            prepared_transaction_offset,
            body: &self.body,
            topic: &self.topic,
            properties: &self.properties,
        }
    }
}

prop_compose! {
    fn message()(
        numbers in any::<(i32, i32, i64, i64, i32)>(),
        times in any::<(i64, i64, i32, i64)>(),
        hosts in (host(), host()),
        body in vec(any::<u8>(), 0..300),
        topic in "[A-Za-z0-9_%-]{0,200}",
        properties in "([A-Za-zäß]{1,9}\u{1}[ -~é]{1,9}\u{2}){0,8}",
    ) -> Message {
        Message { numbers, times, hosts, body, topic, properties }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn stored_messages_round_trip(messages in vec(message(), 0..5)) {
        let mut body = Vec::new();
        for message in &messages {
            encode_stored(&mut body, &message.fields()).unwrap();
        }
        let body = Bytes::from(body);
        let read = walk(&body, true, &WalkLimits::default());
        prop_assert_eq!(read.poison(), &[]);
        prop_assert_eq!(read.len(), messages.len());
        let mut again = Vec::new();
        for (view, message) in read.iter().zip(&messages) {
            prop_assert_eq!(view.topic(), &message.topic);
            prop_assert_eq!(view.born_host(), message.hosts.0);
            prop_assert_eq!(view.store_host(), message.hosts.1);
            prop_assert_eq!(view.times(), message.times);
            encode_stored(&mut again, &fields_of(&view)).unwrap();
        }
        prop_assert_eq!(Bytes::from(again), body);
    }

    #[test]
    fn any_bytes_are_walked_without_a_gap(bytes in vec(any::<u8>(), 0..400), check in any::<bool>()) {
        covers_everything(&Bytes::from(bytes), check)?;
    }

    #[test]
    fn damaged_bodies_are_walked_without_a_gap(
        messages in vec(message(), 1..4),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = Vec::new();
        for message in &messages {
            encode_stored(&mut body, &message.fields()).unwrap();
        }
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(cut.index(body.len()) + 1);
        covers_everything(&Bytes::from(body), true)?;
    }

    #[test]
    fn batches_round_trip(entries in vec((any::<i32>(), vec(any::<u8>(), 0..100), "[a-z\u{1}\u{2}é]{0,40}"), 0..6)) {
        let entries: Vec<BatchEntry<'_>> = entries
            .iter()
            .map(|(flag, body, properties)| BatchEntry { flag: *flag, body, properties })
            .collect();
        let body = encode_batch(entries.iter().copied()).unwrap();
        let read: Result<Vec<_>, _> = batch::entries(&body).collect();
        prop_assert_eq!(read, Ok(entries));
    }

    #[test]
    fn inner_batches_are_taken_apart(
        outer in message(),
        entries in vec((any::<i32>(), vec(any::<u8>(), 0..50), "(k\u{1}[a-z]{1,5}\u{2})?"), 0..5),
        packed in prop::option::of(0..3usize),
    ) {
        let members = entries.iter().map(|(flag, body, properties)| BatchEntry { flag: *flag, body, properties });
        let mut body = encode_batch(members).unwrap();
        let mut fields = outer.fields();
        fields.sys_flag.0 |= SysFlag::INNER_BATCH | SysFlag::NEED_UNWRAP;
        if let Some(kind) = packed.map(|kind| KINDS[kind]).filter(|kind| kind.is_built()) {
            body = compress(kind, &body, 5).unwrap();
            fields.sys_flag = fields.sys_flag.with_compression(kind);
        }
        fields.body = &body;
        let mut stored = Vec::new();
        encode_stored(&mut stored, &fields).unwrap();
        let read = walk(&Bytes::from(stored), true, &WalkLimits::default());
        prop_assert_eq!(read.poison(), &[]);
        prop_assert_eq!(read.len(), entries.len());
        for (index, (flag, body, properties)) in entries.iter().enumerate() {
            let owned = read.to_owned(index).unwrap();
            for view in [read.get(index).unwrap(), owned.view()] {
                prop_assert_eq!((view.flag(), view.body()), (*flag, &body[..]));
                prop_assert_eq!(view.properties().as_str(), properties);
                prop_assert_eq!(view.queue_offset(), outer.numbers.2.wrapping_add(index as i64));
            }
            prop_assert_eq!(&owned.body()[..], &body[..]);
        }
    }

    #[test]
    fn any_batch_body_ends(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(batch::entries(&bytes).count() <= bytes.len() / 22 + 1);
    }

    #[test]
    fn properties_round_trip(pairs in vec(("[A-Za-zäß=]{1,8}", "[!-~é中]{1,12}"), 0..12)) {
        let mut builder = PropertiesBuilder::new();
        for (name, value) in &pairs {
            builder.set(name, value).unwrap();
        }
        // The last of equal names wins.
        let expected: BTreeMap<&str, &str> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
        let text = builder.finish();
        let properties = Properties::new(&text);
        prop_assert_eq!(properties.iter().count(), expected.len());
        prop_assert_eq!(properties.iter().collect::<BTreeMap<_, _>>(), expected);
    }

    #[test]
    fn a_look_up_agrees_with_the_list(text in "[ab\u{1}\u{2}]{0,120}", name in "[ab\u{1}\u{2}]{0,4}") {
        let properties = Properties::new(&text);
        let listed: BTreeMap<&str, &str> = properties.iter().collect();
        prop_assert_eq!(properties.get(&name), listed.get(&*name).copied());
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}", count in 0..5usize) {
        let _ = (text.parse::<UniqueId>(), text.parse::<OffsetMessageId>(), RecallHandle::decode(&text));
        let _ = (ReceiptHandle::parse(&text), AckBits::decode(&text), start_offsets(&text), order_counts(&text));
        let _ = (message_offsets(&text), lite_order_counts(&text, count), BatchAckRequestBody::decode(text.as_bytes()));
        let _ = records(&text).count();
    }

    #[test]
    fn receipt_handles_round_trip(text in "(-?[0-9]{1,9} ){4}[012] [a-z-]{0,9} [0-9]{1,9}( [0-9]{1,9})?") {
        // Leading zeros and "-0" are read but not written.
        let handle = ReceiptHandle::parse(&text).unwrap();
        let written = handle.to_string();
        prop_assert_eq!(ReceiptHandle::parse(&written), Ok(handle));
    }

    #[test]
    fn compression_round_trips(seed in vec(any::<u8>(), 1..200), repeat in 1..200usize, tail in vec(any::<u8>(), 0..50)) {
        let plain = [seed.repeat(repeat), tail].concat();
        for kind in KINDS.into_iter().filter(|kind| kind.is_built()) {
            let packed = compress(kind, &plain, 5).unwrap();
            prop_assert_eq!(decompress(kind, &packed, plain.len()).unwrap(), &plain[..]);
        }
    }

    #[test]
    fn damaged_compressed_data_is_read_or_refused(
        plain in vec(any::<u8>(), 1..40),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        for kind in KINDS.into_iter().filter(|kind| kind.is_built()) {
            let mut packed = compress(kind, &plain.repeat(30), 5).unwrap();
            for (at, byte) in &damage {
                let at = at.index(packed.len());
                packed[at] = *byte;
            }
            if let Ok(read) = decompress(kind, &packed, 4096) {
                prop_assert!(read.len() <= 4096);
            }
        }
    }
}

/// Every byte of a body belongs to one good message or one poison, in order, and both walks agree.
fn covers_everything(body: &Bytes, check: bool) -> Result<(), TestCaseError> {
    let limits = WalkLimits {
        inflate: InflateLimits { max_output: 1 << 16, ..InflateLimits::default() },
        unwrap_batches: false,
        ..WalkLimits::default()
    };
    let messages = walk(body, check, &limits);
    let mut position = 0;
    let mut poison = messages.poison().iter().peekable();
    for index in 0..=messages.len() {
        while let Some(item) = poison.next_if(|item| item.before == index) {
            prop_assert_eq!(item.range.start, position);
            prop_assert!(!item.range.is_empty());
            position = item.range.end;
        }
        if let Some(view) = messages.get(index) {
            prop_assert_eq!(view.as_bytes(), &body[position..position + view.store_size()]);
            let _ = (
                view.offset_message_id(),
                view.topic(),
                view.properties().iter().count(),
                format!("{view:?}"),
            );
            position += view.store_size();
        }
    }
    prop_assert_eq!(position, body.len());
    prop_assert_eq!(stored_messages(body, check).count(), messages.len() + messages.poison().len());
    Ok(())
}

trait Times {
    fn times(&self) -> (i64, i64, i32, i64);
}

impl Times for rocketmq_engine::wire::message::MessageView<'_> {
    fn times(&self) -> (i64, i64, i32, i64) {
        let stored = (self.born_timestamp(), self.store_timestamp(), self.reconsume_times());
        (stored.0, stored.1, stored.2, self.prepared_transaction_offset())
    }
}
