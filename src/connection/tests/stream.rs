//! What a peer sends, as events.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use crate::connection::{ConnEvent, Connection, ConnectionConfig};
use crate::error::CloseCause;
use crate::time::Instant;
use crate::wire::codes::{LanguageCode, ResponseCode, Version};
use crate::wire::fields::GetRouteInfoRequest;
use crate::wire::frame::SerializeType;
use crate::wire::header::{Flag, HeadSpec, NoFields, encode_head};

/// What the peer sends.
#[derive(Clone, Debug)]
enum Sent {
    /// An answer to the request with this number, perhaps one that was never made.
    Answer(u32, usize),
    Request(u32),
    Oneway(u32),
}

const START: u32 = 0x7fff_fffe;

pub(super) fn frame(opaque: u32, flag: Flag, body: usize, form: SerializeType) -> Vec<u8> {
    let spec = HeadSpec {
        code: 0,
        language: LanguageCode::JAVA,
        version: Version::V5_5_0,
        opaque: opaque as i32,
        flag,
        remark: None,
    };
    let mut out = Vec::new();
    encode_head(&mut out, form, &spec, &NoFields, body).expect("fits");
    out.resize(out.len() + body, 0x5a);
    out
}

fn sent() -> impl Strategy<Value = Sent> {
    prop_oneof![
        4 => (0..6_u32, 0..50_usize).prop_map(|(n, body)| Sent::Answer(n, body)),
        1 => any::<u32>().prop_map(Sent::Request),
        1 => any::<u32>().prop_map(Sent::Oneway),
    ]
}

fn bytes_of(sent: &Sent, form: SerializeType) -> Vec<u8> {
    match *sent {
        Sent::Answer(n, body) => frame(START.wrapping_add(n), Flag::RESPONSE, body, form),
        Sent::Request(opaque) => frame(opaque, Flag::REQUEST, 3, form),
        Sent::Oneway(opaque) => frame(opaque, Flag::ONEWAY, 0, form),
    }
}

fn connection(requests: u32) -> Connection<u32> {
    let mut connection = Connection::new(ConnectionConfig::default(), START);
    for n in 0..requests {
        let ask = GetRouteInfoRequest { topic: "t".into(), ..Default::default() };
        connection.request(&ask, &Bytes::new(), n, Duration::from_secs(1), Instant::ZERO).expect("room");
    }
    connection
}

fn events(connection: &mut Connection<u32>) -> Vec<String> {
    let mut out = Vec::new();
    while let Some(event) = connection.poll_event() {
        out.push(match event {
            ConnEvent::Response { context, body, .. } => {
                format!("answer {context} {}", body.as_slice().len())
            }
            ConnEvent::Request { head, reply, .. } => format!("request {} {}", head.opaque, reply.is_some()),
            ConnEvent::RequestFailed { context, .. } => format!("failed {context}"),
            ConnEvent::Written { context } => format!("written {context}"),
            ConnEvent::Closed { cause } => format!("closed {cause:?}"),
        });
    }
    out
}

/// What has to come out, naively: the first answer to each request, and every request of the peer.
fn expected(all: &[Sent], requests: u32) -> Vec<String> {
    let mut open: Vec<u32> = (0..requests).collect();
    let mut out = Vec::new();
    for sent in all {
        match *sent {
            Sent::Answer(n, body) if open.contains(&n) => {
                open.retain(|other| *other != n);
                out.push(format!("answer {n} {body}"));
            }
            Sent::Answer(..) => {}
            Sent::Request(opaque) => out.push(format!("request {} true", opaque as i32)),
            Sent::Oneway(opaque) => out.push(format!("request {} false", opaque as i32)),
        }
    }
    out
}

proptest! {
    #[test]
    fn answers_find_their_requests_once(
        all in prop::collection::vec(sent(), 0..30),
        requests in 0..5_u32,
        binary: bool,
        owned: bool,
        piece in 1..60_usize,
    ) {
        let form = if binary { SerializeType::Rocketmq } else { SerializeType::Json };
        let stream: Vec<u8> = all.iter().flat_map(|sent| bytes_of(sent, form)).collect();
        let (mut connection, mut seen) = (connection(requests), Vec::new());
        prop_assert_eq!(connection.has_pending_write(), requests > 0);
        for piece in stream.chunks(piece) {
            let mut rest = owned.then(|| Bytes::copy_from_slice(piece));
            if !owned {
                prop_assert_eq!(connection.handle_slice(piece, Instant::ZERO), piece.len());
            }
            while let Some(chunk) = rest {
                rest = connection.handle_bytes(chunk, Instant::ZERO);
                seen.extend(events(&mut connection));
            }
            seen.extend(events(&mut connection));
        }
        let wanted = expected(&all, requests);
        let answered = wanted.iter().filter(|line| line.starts_with("answer")).count() as u64;
        prop_assert_eq!(seen, wanted);
        let stats = connection.stats();
        prop_assert_eq!((stats.responses, stats.bytes_in), (answered, stream.len() as u64));
        prop_assert_eq!(stats.responses + stats.unmatched + stats.peer_requests, all.len() as u64);
    }

    /// A broken stream has no further frames: an answer behind the break is noise.
    #[test]
    fn nothing_comes_out_of_what_is_behind_a_break(
        before in prop::collection::vec(sent(), 0..8),
        behind in prop::collection::vec(sent(), 0..8),
        bad_head: bool,
        piece in 1..200_usize,
    ) {
        let broken = if bad_head { vec![0, 0, 0, 6, 0, 0, 0, 2, b'{', b','] } else { vec![0, 0, 0, 9, 9, 0, 0, 0] };
        let all = before.iter().map(|sent| bytes_of(sent, SerializeType::Json)).chain([broken]);
        let stream = all.chain(behind.iter().map(|sent| bytes_of(sent, SerializeType::Json))).collect::<Vec<_>>().concat();
        let (mut connection, mut seen) = (connection(5), Vec::new());
        for piece in stream.chunks(piece) {
            connection.handle_slice(piece, Instant::ZERO);
            seen.extend(events(&mut connection));
        }
        let mut wanted = expected(&before, 5);
        let open: Vec<u32> = (0..5).filter(|n| !wanted.iter().any(|line| line.starts_with(&format!("answer {n} ")))).collect();
        wanted.extend(open.into_iter().map(|n| format!("failed {n}")));
        let last = seen.pop().unwrap_or_default();
        prop_assert!(last.starts_with(if bad_head { "closed Head" } else { "closed Frame" }), "{last}");
        prop_assert_eq!(seen, wanted);
    }

    #[test]
    fn what_came_before_the_end_is_taken_out_first(all in prop::collection::vec(sent(), 0..20), cut: prop::sample::Index, reset: bool) {
        let stream: Vec<u8> = all.iter().flat_map(|sent| bytes_of(sent, SerializeType::Json)).collect();
        let cut = cut.index(stream.len() + 1);
        let mut connection = connection(5);
        connection.handle_slice(&stream[..cut], Instant::ZERO);
        if reset {
            connection.handle_transport_error(crate::TransportError::Reset, Instant::ZERO);
        } else {
            connection.handle_eof(Instant::ZERO);
        }
        let mut whole = 0;
        let mut len = 0;
        for sent in &all {
            len += bytes_of(sent, SerializeType::Json).len();
            whole += usize::from(len <= cut);
        }
        let mut wanted = expected(&all[..whole], 5);
        let open: Vec<u32> = (0..5).filter(|n| !wanted.iter().any(|line| line.starts_with(&format!("answer {n} ")))).collect();
        wanted.extend(open.into_iter().map(|n| format!("failed {n}")));
        let cause = if reset { CloseCause::Transport(crate::TransportError::Reset) } else { CloseCause::Eof };
        wanted.push(format!("closed {cause:?}"));
        prop_assert_eq!(events(&mut connection), wanted);
        prop_assert!(connection.poll_event().is_none() && connection.read_buf().is_none());
    }

    /// Slow loris: a frame that has begun must end in time, however its bytes trickle in.
    #[test]
    fn a_frame_that_trickles_in_closes_the_connection(step in 1..60_000_u64, body in 100..2000_usize) {
        let mut connection = connection(1);
        let timeout = ConnectionConfig::default().frame_timeout;
        let bytes = frame(START, Flag::RESPONSE, body, SerializeType::Json);
        let (mut now, mut answered, mut closed) = (Instant::ZERO, false, false);
        connection.handle_slice(&bytes[..1], now);
        for byte in &bytes[1..] {
            now = now + Duration::from_millis(step);
            connection.handle_timeout(now);
            connection.handle_slice(core::slice::from_ref(byte), now);
            for line in events(&mut connection) {
                answered |= line.starts_with("answer");
                closed |= line.contains("FrameTimeout");
            }
            if closed {
                break;
            }
        }
        let lasts = Duration::from_millis(step * (bytes.len() as u64 - 1));
        // The request itself has a deadline of a second; the frame is then noise that must end in time all the same.
        prop_assert_eq!(closed, lasts >= timeout, "{:?}", lasts);
        prop_assert!(!answered || lasts < Duration::from_secs(1));
    }

    #[test]
    fn our_answer_to_the_peer_carries_its_number(opaque: u32, remark in "[a-z\u{0}-\u{1f}]{0,20}") {
        let mut connection = connection(0);
        connection.handle_slice(&frame(opaque, Flag::REQUEST, 0, SerializeType::Json), Instant::ZERO);
        let token = match connection.poll_event() {
            Some(ConnEvent::Request { reply: Some(token), .. }) => token,
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        connection.respond(token, ResponseCode::SYSTEM_ERROR, Some(&remark), &NoFields, &Bytes::new()).expect("open");
        let mut slices = [&[][..]; 2];
        let count = connection.write_slices(&mut slices);
        let mut peer = Connection::<()>::new(ConnectionConfig::default(), opaque);
        let ask = GetRouteInfoRequest { topic: "t".into(), ..Default::default() };
        peer.request(&ask, &Bytes::new(), (), Duration::from_secs(1), Instant::ZERO).expect("room");
        peer.handle_slice(&slices[..count].concat(), Instant::ZERO);
        match peer.poll_event() {
            Some(ConnEvent::Response { head, .. }) => {
                prop_assert_eq!(head.response_code(), ResponseCode::SYSTEM_ERROR);
                prop_assert_eq!(head.remark.map(|text| text.as_str().into_owned()), Some(remark));
            }
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }
}
