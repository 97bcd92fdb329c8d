//! The consumer against a scripted broker: every request is looked at and answered by hand.

mod assignment;
mod division;
mod faults;
mod harness;
mod ledger;
mod lies;
mod pulling;
mod settling;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use self::harness::{Asked, Harness, stored};
use super::*;
use crate::wire::codes::{RequestCode as Q, ResponseCode as A};

const FOUND: A = A::SUCCESS;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A consumer of topic `T` with one queue that begins at `offset`, its first pull on the way.
fn consuming(config: PushConsumerConfig, offset: i64) -> (Harness, Asked) {
    let mut h = Harness::new();
    h.route("T", &["a:0"]);
    h.create(config);
    h.subscribe("T", "*");
    h.answer_members(&["me"]);
    let query = h.take(Q::QUERY_CONSUMER_OFFSET);
    h.answer(query, A::SUCCESS, &[("offset", &offset.to_string())], b"");
    let pull = h.take(Q::PULL_MESSAGE);
    (h, pull)
}

fn config() -> PushConsumerConfig {
    PushConsumerConfig::new("G")
}

/// A body of messages at these offsets.
fn body(offsets: core::ops::Range<i64>) -> Vec<u8> {
    let mut out = Vec::new();
    for offset in offsets {
        stored(&mut out, offset, "T", "");
    }
    out
}

fn next(offset: i64) -> [(&'static str, String); 4] {
    [
        ("nextBeginOffset", offset.to_string()),
        ("minOffset", "0".to_string()),
        ("maxOffset", "100000".to_string()),
        ("suggestWhichBrokerId", "0".to_string()),
    ]
}

fn offsets(delivery: &Delivery) -> Vec<i64> {
    delivery.iter().map(|message| message.queue_offset()).collect()
}
