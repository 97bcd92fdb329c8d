//! Cases 4 to 8: the body of a pull answer, properties, checksums, bodies of all sizes.

use std::hint::black_box;

use bytes::Bytes;
use rocketmq_engine::wire::message::{
    Properties, StoredFields, SysFlag, WalkLimits, encode_stored, stored_messages, walk,
};
use rocketmq_engine::{Connection, ConnectionConfig};

use crate::floor::message as floor;
use crate::head;
use crate::measure::{Bench, Work};

const MESSAGES: u64 = 32;
const PROPERTIES: &str = "KEYS\u{1}order-1\u{2}MSG_REGION\u{1}DefaultRegion\u{2}UNIQ_KEY\u{1}0A000009123489ABCDEF075BCD15\
                          0001\u{2}CLUSTER\u{1}DefaultCluster\u{2}TAGS\u{1}TagA\u{2}WAIT\u{1}true\u{2}";

fn pull_body(messages: u64, size: usize) -> Bytes {
    let body = vec![b'x'; size];
    let mut out = Vec::new();
    for queue_offset in 0..messages as i64 {
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
            properties: PROPERTIES,
        };
        encode_stored(&mut out, &fields).expect("a small message");
    }
    let body = Bytes::from(out);
    // The first clone of a vector's bytes makes them shareable, once for a frame's life.
    drop(body.clone());
    body
}

fn borrowed(body: &[u8], crc: bool) -> u64 {
    let mut sum = 0;
    for view in stored_messages(body, crc) {
        let view = view.expect("a good message");
        sum += view.queue_offset() as u64 + view.body().len() as u64;
    }
    sum
}

fn borrowed_by_hand(mut rest: &[u8], crc: bool) -> u64 {
    let mut sum = 0;
    while !rest.is_empty() {
        let (view, after) = floor::next(rest).expect("a good message");
        if crc {
            assert_eq!(crc32fast::hash(view.body) & 0x7fff_ffff, view.body_crc as u32);
        }
        sum += view.queue_offset as u64 + view.body.len() as u64;
        rest = after;
    }
    sum
}

pub fn case_4() -> Vec<Bench> {
    let body = pull_body(MESSAGES, 1024);
    let (same, apart, apart_too) = (body.clone(), body.clone(), body.clone());
    let limits = WalkLimits::default();
    let again = limits.clone();
    // What an application is given: the messages of one answer, owned, their bytes shared.
    let shared: Work = Box::new(move || {
        let messages = walk(&body, false, &limits);
        messages.iter().map(|view| view.body().len() as u64).sum()
    });
    let shared_by_hand: Work = Box::new(move || {
        let all = floor::shared(&same, MESSAGES as usize).expect("good messages");
        let body = |place: &floor::Place| {
            let start = place.start as usize;
            all.frame.get(start + 88..start + place.ends[0] as usize).map_or(0, |body| body.len() as u64)
        };
        all.places.iter().map(body).sum()
    });
    let each: Work = Box::new(move || {
        let messages = walk(&apart, false, &again);
        let owned = (0..messages.len()).map(|index| messages.to_owned(index).expect("within"));
        owned.map(|owned| owned.view().body().len() as u64).sum()
    });
    let each_by_hand: Work = Box::new(move || {
        let all = floor::owned(&apart_too, MESSAGES as usize).expect("good messages");
        all.iter().map(|owned| u64::from(owned.ends[0]) - 88 + owned.message.len() as u64).sum()
    });
    let shared =
        Bench::new(4, "decode a pull of 32 x 1 KiB, owned", shared, Some(shared_by_hand)).per(MESSAGES);
    let each =
        Bench::new(4, "the same, and a handle for each message", each, Some(each_by_hand)).per(MESSAGES);
    vec![shared.gate(Some(1), Some(256.0)).goal(1.3), each.gate(Some(1), None).goal(1.3)]
}

pub fn case_5() -> Vec<Bench> {
    let body = pull_body(MESSAGES, 1024);
    let same = body.clone();
    let bench = Bench::new(
        5,
        "decode a pull of 32 x 1 KiB, borrowed",
        Box::new(move || borrowed(&body, false)),
        Some(Box::new(move || borrowed_by_hand(&same, false))),
    );
    vec![bench.per(MESSAGES).gate(Some(0), Some(185.0))]
}

/// Queues a one-way send of `size` bytes, and lets it leave.
fn sending(size: usize) -> Work {
    let mut connection = Connection::<()>::new(ConnectionConfig::default(), 7);
    let body = Bytes::from(vec![b'x'; size]);
    drop(body.clone());
    let request = head::fields(head::PROPERTIES);
    Box::new(move || {
        assert!(connection.oneway(&request, &body, ()).is_ok());
        let mut slices = [&[][..]; 16];
        let count = connection.write_slices(&mut slices);
        let bytes: usize = slices[..count].iter().map(|slice| slice.len()).sum();
        connection.handle_written(bytes);
        assert!(connection.poll_event().is_some());
        bytes as u64
    })
}

/// The same by hand: a head in a buffer, the body behind it, copied up to 1 KiB and shared above.
fn sending_by_hand(size: usize) -> Work {
    let body = Bytes::from(vec![b'x'; size]);
    drop(body.clone());
    let mut queue = Vec::new();
    let mut opaque = 0;
    Box::new(move || {
        opaque += 1;
        queue.clear();
        crate::floor::head::send_json(&mut queue, &head::send(opaque), size);
        if size <= 1024 {
            queue.extend_from_slice(&body);
            return queue.len() as u64;
        }
        (queue.len() + body.clone().len()) as u64
    })
}

pub fn case_6() -> Vec<Bench> {
    let sizes = [
        (0, "queue a send of 0 B"),
        (128, "queue a send of 128 B"),
        (1024, "queue a send of 1 KiB"),
        (4096, "queue a send of 4 KiB"),
        (65_536, "queue a send of 64 KiB"),
        (4 << 20, "queue a send of 4 MiB"),
    ];
    sizes
        .map(|(size, what)| {
            Bench::new(6, what, sending(size), Some(sending_by_hand(size))).gate(Some(0), None)
        })
        .into()
}

/// Looking up one property of six; reading the message is taken off, in the times it is in.
/// The name is a literal at each place, as it is in programs.
fn look_up(
    what: &'static str,
    name: &'static str,
    of: for<'a> fn(Properties<'a>) -> Option<&'a [u8]>,
) -> Bench {
    let body = pull_body(1, 16);
    let (ours, parsed, by_hand) = (body.clone(), body.clone(), body);
    // It is called as the look-up is.
    let not_looked_up: for<'a> fn(Properties<'a>) -> Option<&'a [u8]> =
        black_box(|properties| properties.is_empty().then_some(&[]));
    let look_up = move || {
        let view = rocketmq_engine::MessageView::parse(&ours).expect("good");
        of(view.properties()).map_or(0, <[u8]>::len) as u64
    };
    let floor = move || {
        let (view, _) = floor::next(&by_hand).expect("good");
        floor::property(view.properties, black_box(name)).map_or(0, str::len) as u64
    };
    assert_ne!(look_up(), 0);
    Bench::new(7, what, Box::new(look_up), Some(Box::new(floor)))
        .without(Box::new(move || {
            let view = rocketmq_engine::MessageView::parse(&parsed).expect("good");
            not_looked_up(view.properties()).map_or(0, <[u8]>::len) as u64
        }))
        .gate(Some(0), Some(180.0))
}

pub fn case_7() -> Vec<Bench> {
    let body = pull_body(1, 16);
    let (all, owned) = (body.clone(), body);
    let iterate = Bench::new(
        7,
        "iterate all 6 properties",
        Box::new(move || {
            let view = rocketmq_engine::MessageView::parse(&all).expect("good");
            view.properties().iter().map(|(name, value)| (name.len() + value.len()) as u64).sum()
        }),
        None,
    );
    let own = Bench::new(
        7,
        "all 6 properties as owned texts",
        Box::new(move || {
            let view = rocketmq_engine::MessageView::parse(&owned).expect("good");
            let all: Vec<_> =
                view.properties().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            all.len() as u64
        }),
        None,
    );
    vec![
        look_up("look up the last of 6 properties", "WAIT", |properties| properties.get_bytes("WAIT")),
        look_up("look up the third of 6 properties", "UNIQ_KEY", |properties| {
            properties.get_bytes("UNIQ_KEY")
        }),
        look_up("look up the first of 6 properties", "KEYS", |properties| properties.get_bytes("KEYS")),
        iterate.gate(Some(0), None),
        own,
    ]
}

pub fn case_8() -> Vec<Bench> {
    let body = pull_body(MESSAGES, 1024);
    let same = body.clone();
    let bench = Bench::new(
        8,
        "case 5 with body checksums",
        Box::new(move || borrowed(&body, true)),
        Some(Box::new(move || borrowed_by_hand(&same, true))),
    );
    vec![bench.per(MESSAGES).gate(Some(0), Some(185.0 + 620.0)).goal(1.1)]
}
