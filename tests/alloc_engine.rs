//! Allocation and memory gates of a send and of a delivery through the whole engine (cases 11 and 14 of the performance
//! plan), counted exactly: only the engine's calls are measured, not the peer's.

#[allow(unreachable_pub)] // as in the bench
#[path = "../benches/table/memory.rs"]
mod memory;

use memory::{Counted, figures, respond};
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::message::{StoredFields, SysFlag, encode_stored};
use rocketmq_engine::{Client, Event, Instant, Settlement};

#[test]
fn a_steady_send_costs_no_allocation_and_nothing_grows() {
    // A million calls in the form that is quicker to read.
    for (serialize, calls) in [(SerializeType::Json, 20_000), (SerializeType::Rocketmq, 1_000_000)] {
        let mut counted = Counted::warm(serialize);
        for _ in 0..calls {
            counted.send(true);
        }
        assert_eq!((counted.allocations, counted.bytes), (0, 0), "{serialize:?}");
    }
}

/// Answers the oldest pull with so many messages of 1 KiB, takes them as a delivery and settles it; the next pull leaves.
fn deliver(counted: &mut Counted, messages: i64) {
    let (conn, opaque, from) = counted.peer.pulls.remove(0);
    let mut body = Vec::new();
    for queue_offset in from..from + messages {
        let fields = StoredFields {
            queue_id: 0,
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
            body: &[b'x'; 1024],
            topic: "orders",
            properties: "TAGS\u{1}TagA\u{2}",
        };
        encode_stored(&mut body, &fields).expect("a small message");
    }
    let next = (from + messages).to_string();
    let ext = [
        ("maxOffset", &*next),
        ("minOffset", "0"),
        ("nextBeginOffset", &next),
        ("suggestWhichBrokerId", "0"),
    ];
    let mut answer = Vec::new();
    respond(&mut answer, SerializeType::Json, opaque, &ext, &body);
    for piece in answer.chunks(64 * 1024) {
        counted.engine(|client| client.handle_slice(conn, piece, Instant::ZERO));
    }
    let mut delivered = 0;
    while let Some(event) = counted.engine(Client::poll_event) {
        if let Event::Delivered(delivery) = event {
            delivered += delivery.len() as i64;
            assert!(
                counted.engine(|client| client.settle(delivery, Settlement::Done, Instant::ZERO)).is_ok()
            );
        }
    }
    assert_eq!(delivered, messages, "a whole pull in one hand-over");
    counted.act(true);
}

#[test]
fn a_steady_delivery_costs_a_few_allocations_a_pull_and_none_a_message() {
    // An answer below 32 KiB is copied once, into storage of its own; a larger one arrives there, which grows as it comes.
    for (messages, each) in [(1, 4), (16, 4), (31, 4), (1024, 6)] {
        let mut counted = Counted::new(SerializeType::Json, 1, 1);
        counted.consume();
        for _ in 0..50 {
            deliver(&mut counted, messages);
        }
        (counted.allocations, counted.bytes) = (0, 0);
        for _ in 0..200 {
            deliver(&mut counted, messages);
        }
        assert_eq!((counted.allocations, counted.bytes), (200 * each, 0), "200 pulls of {messages}");
    }
}

#[test]
fn what_there_may_be_many_of_takes_little_memory() {
    for memory::Figure { what, bytes, gate } in figures() {
        assert!(bytes > 0, "{what}: counts nothing");
        assert!(bytes <= gate, "{what}: {bytes} bytes, {gate} allowed");
    }
}
