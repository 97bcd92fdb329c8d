//! Case 9: the same frames in streams of different shapes.

use bytes::Bytes;
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{Flag, Head, HeadSpec, NoFields, encode_head};
use rocketmq_engine::{ConnEvent, Connection, ConnectionConfig, Instant};

use crate::measure::{Bench, Work};

/// A one-way request of the peer: needs no table of questions, so that only the stream is measured.
fn frame(body: usize) -> Vec<u8> {
    let spec = HeadSpec {
        code: RequestCode::NOTIFY_CONSUMER_IDS_CHANGED.0,
        language: LanguageCode::JAVA,
        version: Version::V5_5_0,
        opaque: 1,
        flag: Flag::ONEWAY,
        remark: None,
    };
    let mut out = Vec::new();
    encode_head(&mut out, SerializeType::Json, &spec, &NoFields, body).expect("a small head");
    out.resize(out.len() + body, b'x');
    out
}

fn reading(stream: Vec<u8>, piece: usize) -> Work {
    let mut connection = Connection::<()>::new(ConnectionConfig::default(), 7);
    Box::new(move || {
        let mut sum = 0;
        for mut piece in stream.chunks(piece) {
            while !piece.is_empty() {
                let taken = connection.handle_slice(piece, Instant::ZERO);
                piece = &piece[taken..];
                while let Some(event) = connection.poll_event() {
                    if let ConnEvent::Request { head, body, .. } = event {
                        sum += head.code as u64 + body.to_bytes().len() as u64;
                    }
                }
            }
        }
        sum
    })
}

/// By hand: one growing buffer, frames cut from its front when their last byte is there.
fn reading_by_hand(stream: Vec<u8>, piece: usize) -> Work {
    let mut buffer = Vec::new();
    Box::new(move || {
        let mut sum = 0;
        for piece in stream.chunks(piece) {
            buffer.extend_from_slice(piece);
            let mut from = 0;
            while let Ok(Some(prefix)) = Prefix::parse(&buffer[from..], &FrameLimits::default()) {
                let Some(frame) = buffer[from..].get(..prefix.frame_len) else { break };
                let head = Head::parse(prefix.serialize, &frame[prefix.head_range()]).expect("a good head");
                sum += head.code as u64 + Bytes::copy_from_slice(&frame[prefix.body_range()]).len() as u64;
                from += prefix.frame_len;
            }
            if from == buffer.len() {
                buffer.clear();
            } else if from > 0 {
                buffer.drain(..from);
            }
        }
        sum
    })
}

fn shape(what: &'static str, stream: &[u8], piece: usize, per: u64) -> Bench {
    let (mut ours, mut floors) = (reading(stream.to_vec(), piece), reading_by_hand(stream.to_vec(), piece));
    assert_eq!(ours(), floors(), "{what}");
    Bench::new(9, what, ours, Some(floors)).per(per)
}

pub fn case_9() -> Vec<Bench> {
    let many = frame(256).repeat(32);
    let large = frame(1 << 20);
    vec![
        shape("32 frames of 256 B in one read, a frame", &many, many.len(), 32),
        shape("the same byte by byte, a frame", &many, 1, 32),
        shape("a 1 MiB frame in 1,448-byte pieces, a KiB", &large, 1448, 1024),
    ]
}
