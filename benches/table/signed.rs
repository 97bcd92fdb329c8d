//! Case 10: a send signed for access control.

use rocketmq_engine::wire::fields::SendMessageV2Request;
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::header::{EncodeFields, FieldSink, encode_head};
use rocketmq_engine::wire::signature::Credentials;

use crate::floor::signature as floor;
use crate::head::{BODY, PROPERTIES, encode, fields, spec};
use crate::measure::Bench;

const USER: &str = "bench_user";
const SECRET: &str = "a secret of some length";

/// What a signature covers: the values in the order of their keys, the user's name first.
struct Covered(Vec<u8>);

impl FieldSink for Covered {
    fn text(&mut self, _: &str, value: &str) {
        self.0.extend_from_slice(value.as_bytes());
    }

    fn parts(&mut self, key: &str, parts: &[&str]) {
        for part in parts {
            self.text(key, part);
        }
    }

    fn int(&mut self, _: &str, value: i64) {
        crate::floor::head::number(&mut self.0, value);
    }
}

fn covered(fields: &SendMessageV2Request<'_>, body: &[u8]) -> Vec<u8> {
    let mut covered = Covered(USER.into());
    fields.encode(&mut covered);
    covered.0.extend_from_slice(body);
    covered.0
}

/// Beside it the two things that cannot be left out: the unsigned head as case 1 writes it, and one HMAC over bytes
/// that already lie in one piece.
fn signing(what: &'static str, serialize: SerializeType) -> Bench {
    let credentials = Credentials::new(USER, SECRET);
    let body = [b'x'; BODY];
    let sign = move |out: &mut Vec<u8>, opaque| {
        let fields = fields(PROPERTIES);
        let signed = credentials.sign(&fields, &body);
        encode_head(out, serialize, &spec(opaque), &signed, BODY).expect("a small head");
    };
    let (key, covered) = (floor::keyed(SECRET.as_bytes()), covered(&fields(PROPERTIES), &body));
    let mut ours = Vec::new();
    sign(&mut ours, 77);
    let signature = floor::sign(&key, &covered);
    assert!(ours.windows(signature.len()).any(|part| part == signature), "case 10 signs the same bytes");
    let (mut one, mut other, mut unsigned) = (0, 0, Vec::new());
    Bench::new(
        10,
        what,
        Box::new(move || {
            one += 1;
            ours.clear();
            sign(&mut ours, one);
            ours.len() as u64
        }),
        Some(Box::new(move || {
            other += 1;
            unsigned.clear();
            encode(&mut unsigned, serialize, other);
            unsigned.len() as u64 + u64::from(floor::sign(&key, &covered)[0])
        })),
    )
    .gate(Some(0), None)
    .goal(1.15)
}

pub fn case_10() -> Vec<Bench> {
    vec![
        signing("sign and encode SEND V2, JSON head", SerializeType::Json),
        signing("sign and encode SEND V2, binary head", SerializeType::Rocketmq),
    ]
}
