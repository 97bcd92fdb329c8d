//! Allocation and memory gates of a send through the whole engine (cases 11 and 14 of the performance plan), counted
//! exactly: only the engine's calls are measured, not the peer's.

#[allow(unreachable_pub)] // as in the bench
#[path = "../benches/table/known.rs"]
mod known;
#[allow(unreachable_pub)]
#[path = "../benches/table/memory.rs"]
mod memory;

use known::judge;
use memory::{Counted, figures};
use rocketmq_engine::wire::frame::SerializeType;

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

#[test]
fn what_there_may_be_many_of_takes_little_memory() {
    for figure in figures() {
        let name = format!("case 14, {}, bytes", figure.what);
        let (bytes, gate) = (figure.bytes as f64, figure.gate as f64);
        assert!(bytes > 0.0, "{name} counts nothing");
        assert_eq!(judge(&name, bytes, gate).complaint(&name, bytes, gate), None);
    }
}
