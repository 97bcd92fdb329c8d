//! A connection whose peer sends any bytes in any pieces: the same events as in one piece.

use core::time::Duration;

use bytes::Bytes;
use rocketmq_engine::wire::fields::GetRouteInfoRequest;
use rocketmq_engine::wire::frame::{FrameLimits, Prefix};
use rocketmq_engine::wire::header::Head;
use rocketmq_engine::{ConnEvent, Connection, ConnectionConfig, Instant};

use super::input::Input;

/// Requests made before the peer's bytes come: their answers are looked for among the bytes.
const REQUESTS: usize = 4;

/// Sizes of the pieces behind their number, then what the peer sends.
pub fn connection(data: &[u8]) {
    let mut input = Input::new(data);
    let pieces = input.short();
    let stream = input.rest();
    let opaque = first_opaque(stream);
    let mut whole = Run::new(opaque);
    whole.feed(stream, 0);
    let whole = whole.end();
    let mut parts = Run::new(opaque);
    let mut rest = stream;
    for piece in pieces.iter().copied() {
        let (now, later) = rest.split_at(usize::from(piece >> 2).min(rest.len()));
        parts.feed(now, piece & 3);
        rest = later;
    }
    parts.feed(rest, pieces.len() as u8 & 3);
    assert_eq!(parts.end(), whole);
}

/// So that recorded answers find their requests.
fn first_opaque(stream: &[u8]) -> u32 {
    let head = Prefix::parse(stream, &FrameLimits::default()).ok().flatten().and_then(|prefix| {
        let head = stream.get(prefix.head_range())?;
        Head::parse(prefix.serialize, head).ok().map(|head| head.opaque)
    });
    head.unwrap_or_default() as u32
}

struct Run {
    connection: Connection<usize>,
    events: Vec<String>,
    endings: usize,
}

impl Run {
    fn new(opaque: u32) -> Self {
        let frame_limits = FrameLimits { max_frame: 200_000, max_head: 60_000 };
        let config = ConnectionConfig { frame_limits, ..ConnectionConfig::default() };
        let mut connection = Connection::new(config, opaque);
        for context in 0..REQUESTS {
            let fields = GetRouteInfoRequest { topic: "t".into(), ..Default::default() };
            let timeout = Duration::from_secs(1);
            connection.request(&fields, &Bytes::new(), context, timeout, Instant::ZERO).expect("room");
        }
        Self { connection, events: Vec::new(), endings: 0 }
    }

    fn feed(&mut self, mut bytes: &[u8], way: u8) {
        let now = Instant::ZERO;
        if way == 2 {
            let mut rest = Some(Bytes::copy_from_slice(bytes));
            while let Some(chunk) = rest {
                let len = chunk.len();
                rest = self.connection.handle_bytes(chunk, now);
                self.drain();
                assert!(rest.as_ref().is_none_or(|rest| rest.len() < len), "nothing is taken");
            }
            return;
        }
        while !bytes.is_empty() {
            let taken = if way == 1 {
                let Some(room) = self.connection.read_buf() else { return };
                let n = room.len().min(bytes.len());
                room[..n].copy_from_slice(&bytes[..n]);
                self.connection.handle_read(n, now);
                n
            } else {
                self.connection.handle_slice(bytes, now)
            };
            self.drain();
            if taken == 0 {
                return;
            }
            bytes = &bytes[taken..];
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            self.endings +=
                usize::from(matches!(event, ConnEvent::Response { .. } | ConnEvent::RequestFailed { .. }));
            self.events.push(match event {
                ConnEvent::Response { head, body, .. } | ConnEvent::Request { head, body, .. } => {
                    format!("{head:?} {:?}", body.as_slice())
                }
                other => format!("{other:?}"),
            });
        }
    }

    /// The peer hangs up: every request has ended once, and the end is the last word.
    fn end(mut self) -> Vec<String> {
        self.connection.handle_eof(Instant::ZERO);
        self.drain();
        assert_eq!(self.endings, REQUESTS);
        assert!(self.events.last().is_some_and(|last| last.starts_with("Closed")));
        assert_eq!(self.events.iter().filter(|event| event.starts_with("Closed")).count(), 1);
        self.events
    }
}
