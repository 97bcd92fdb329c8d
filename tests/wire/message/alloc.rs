//! Allocation gates of decoding messages (cases 4, 5 and 7 of the performance plan), counted exactly.
//!
//! `allocation-counter` counts per thread, so tests beside this one do not disturb it, and it brings its own
//! global allocator, so that no unsafe code is needed here.

use allocation_counter::measure;
use bytes::Bytes;
use rocketmq_engine::wire::message::{
    OffsetMessageId, StoredFields, SysFlag, UniqueIdGenerator, WalkLimits, encode_stored, stored_messages,
    walk,
};

fn body_of(messages: i64) -> Bytes {
    let body = [7; 1024];
    let mut out = Vec::new();
    for queue_offset in 0..messages {
        let fields = StoredFields {
            queue_id: 1,
            flag: 0,
            queue_offset,
            physical_offset: queue_offset * 1300,
            sys_flag: SysFlag(0),
            born_timestamp: 1,
            born_host: ([127, 0, 0, 1], 40_000).into(),
            store_timestamp: 2,
            store_host: ([127, 0, 0, 1], 10_911).into(),
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: &body,
            topic: "TopicTest",
            properties: "KEYS\u{1}order-1\u{2}MSG_REGION\u{1}DefaultRegion\u{2}UNIQ_KEY\u{1}0A000009123489ABCDEF075B\
                         CD150001\u{2}CLUSTER\u{1}DefaultCluster\u{2}TAGS\u{1}TagA\u{2}WAIT\u{1}true\u{2}",
        };
        encode_stored(&mut out, &fields).unwrap();
    }
    out.into()
}

#[test]
fn a_batch_of_owned_messages_costs_one_allocation() {
    let body = body_of(32);
    // The first handle cloned from a vector's bytes makes them shareable, once for a frame's life.
    drop(body.clone());
    let limits = WalkLimits::default();
    let counted = measure(|| {
        let messages = walk(&body, true, &limits);
        for index in 0..32 {
            let owned = messages.to_owned(index).unwrap();
            assert_eq!(owned.body().len(), 1024);
            assert_eq!(owned.properties().tag(), Some("TagA"));
        }
    });
    assert_eq!(counted.count_total, 1);
    assert!(counted.bytes_max <= 32 * 40, "{} bytes for the list", counted.bytes_max);
}

#[test]
fn borrowed_messages_cost_none() {
    let body = body_of(32);
    let counted = measure(|| {
        for view in stored_messages(&body, true) {
            let view = view.unwrap();
            assert_eq!((view.body().len(), view.topic()), (1024, "TopicTest"));
            assert_eq!(view.properties().get("CLUSTER"), Some("DefaultCluster"));
            assert_eq!(view.properties().iter().count(), 6);
            assert_eq!(view.keys().count(), 1);
            assert!(view.store_host().is_ipv4() && view.offset_message_id().physical_offset() >= 0);
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_poisoned_body_costs_in_proportion_to_its_bytes() {
    // A message whose announced lengths are huge: nothing of them is allocated.
    let mut bytes = body_of(1).to_vec();
    bytes[84..88].copy_from_slice(&i32::MAX.to_be_bytes());
    let body = Bytes::from(bytes);
    drop(body.clone());
    let limits = WalkLimits::default();
    let counted = measure(|| assert_eq!(walk(&body, true, &limits).poison().len(), 1));
    assert!(counted.bytes_total < 1024, "{} bytes", counted.bytes_total);
}

#[test]
fn ids_cost_none_until_they_become_text() {
    let mut ids = UniqueIdGenerator::new([10, 0, 0, 9].into(), 1, [1, 2, 3, 4], 0);
    let mut buffer = [0; 56];
    let counted = measure(|| {
        let id = ids.next(1_700_000_000_000);
        assert_eq!(id.encode(&mut buffer).len(), 32);
        let parsed: OffsetMessageId = "0A00000100002A9F0000000000001000".parse().unwrap();
        assert_eq!(parsed.physical_offset(), 4096);
    });
    assert_eq!(counted.count_total, 0);
}
