//! The floor: one socket, requests encoded beforehand, answers framed and checked. A blocking one is the floor of all; one in a
//! task of a runtime that of the adapter for it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use async_std::io::{ReadExt, WriteExt};
use rocketmq_io::async_io::Runtime;
use rocketmq_io::async_std::AsyncStd;
use rocketmq_io::engine::wire::codes::{LanguageCode, RequestCode, Version};
use rocketmq_io::engine::wire::fields::{
    Parts, PullMessageRequest, PullMessageResponse, SendMessageV2Request,
};
use rocketmq_io::engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_io::engine::wire::header::{EncodeFields, Flag, Head, HeadSpec, encode_head};
use rocketmq_io::tokio::Tokio;

use crate::work::{Meter, Outcome, Work};

/// Opaques begin here, so that each has ten digits.
const FIRST: i32 = 1_000_000_000;

pub(crate) fn run(work: &Work) -> Result<Outcome, String> {
    let text = |error: io::Error| error.to_string();
    let mut socket = TcpStream::connect(&work.broker).map_err(text)?;
    socket.set_nodelay(true).map_err(text)?;
    if work.case.is_send() { send(work, &mut socket) } else { pull(work, &mut socket) }.map_err(text)
}

/// The same in a task of async-std.
pub(crate) fn run_async_std(work: &Work) -> Result<Outcome, String> {
    let task = async_std::task::spawn(send_in_task::<AsyncStd>(work.clone()));
    async_std::task::block_on(task).map_err(|error| error.to_string())
}

/// The same in a task of tokio.
pub(crate) fn run_tokio(work: &Work) -> Result<Outcome, String> {
    let text = |error: io::Error| error.to_string();
    let runtime = tokio::runtime::Runtime::new().map_err(text)?;
    let task = runtime.spawn(send_in_task::<Tokio>(work.clone()));
    runtime.block_on(task).map_err(|error| error.to_string())?.map_err(text)
}

/// Where answers are read to.
struct Buffer {
    bytes: Vec<u8>,
    from: usize,
    to: usize,
}

impl Buffer {
    fn new() -> Self {
        Self { bytes: vec![0; 4 << 20], from: 0, to: 0 }
    }

    /// Where the next read goes.
    fn room(&mut self) -> &mut [u8] {
        self.bytes.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        &mut self.bytes[self.to..]
    }

    fn filled(&mut self, len: usize) -> io::Result<()> {
        self.to += len;
        if len == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// Head and body of the next whole answer.
    fn next(&mut self) -> Option<(&[u8], &[u8])> {
        let bytes = &self.bytes[self.from..self.to];
        let prefix = Prefix::parse(bytes, &FrameLimits::default()).expect("a frame")?;
        let frame = bytes.get(..prefix.frame_len)?;
        self.from += prefix.frame_len;
        Some((&frame[prefix.head_range()], &frame[prefix.body_range()]))
    }
}

fn encode<F: EncodeFields>(out: &mut Vec<u8>, code: RequestCode, opaque: i32, fields: &F, body: usize) {
    let spec = HeadSpec {
        code: code.0,
        language: LanguageCode::RUST,
        version: Version::V5_5_0,
        opaque,
        flag: Flag::REQUEST,
        remark: None,
    };
    encode_head(out, SerializeType::Json, &spec, fields, body).expect("a small head");
}

/// A request to each queue, and where its opaque stands.
fn send_frames(work: &Work) -> Vec<(Vec<u8>, usize)> {
    let properties = "UNIQ_KEY\u{1}7F000001000000000000000000000000\u{2}WAIT\u{1}true\u{2}";
    let frame = |queue: u32| {
        let fields = SendMessageV2Request {
            producer_group: work.group.as_str().into(),
            topic: work.topic.as_str().into(),
            default_topic: "TBW102".into(),
            default_topic_queue_nums: 4,
            queue_id: queue as i32,
            sys_flag: 0,
            born_timestamp: 1_795_388_649_600,
            flag: 0,
            properties: Some(Parts::Whole(properties.into())),
            reconsume_times: Some(0),
            unit_mode: Some(false),
            max_reconsume_times: None,
            batch: Some(false),
            broker_name: Some(work.broker_name.as_str().into()),
        };
        let mut frame = Vec::new();
        encode(&mut frame, RequestCode::SEND_MESSAGE_V2, FIRST, &fields, work.case.size);
        let digits = FIRST.to_string();
        let at = frame.windows(10).rposition(|part| part == digits.as_bytes()).expect("the opaque");
        frame.resize(frame.len() + work.case.size, b'x');
        (frame, at)
    };
    (0..work.queues).map(frame).collect()
}

/// Sends, and what has become of them.
struct Sends {
    frames: Vec<(Vec<u8>, usize)>,
    meter: Meter,
    depth: usize,
    sent: usize,
    in_flight: usize,
    began: Vec<Instant>,
    out: Vec<u8>,
}

impl Sends {
    fn new(work: &Work) -> Self {
        let meter = Meter::new(&work.case);
        let began = Vec::with_capacity(meter.total());
        let (frames, depth) = (send_frames(work), work.case.depth);
        Self { frames, meter, depth, sent: 0, in_flight: 0, began, out: Vec::new() }
    }

    /// Requests, until as many are under way as there should be.
    fn ask(&mut self) -> &[u8] {
        self.out.clear();
        let now = Instant::now();
        while self.in_flight < self.depth && self.sent < self.meter.total() {
            let (frame, at) = &self.frames[self.sent % self.frames.len()];
            let start = self.out.len();
            self.out.extend_from_slice(frame);
            let mut left = self.sent;
            // The first of the ten digits stays 1.
            for digit in self.out[start + at + 1..start + at + 10].iter_mut().rev() {
                *digit = b'0' + (left % 10) as u8;
                left /= 10;
            }
            self.began.push(now);
            self.sent += 1;
            self.in_flight += 1;
        }
        &self.out
    }

    fn take(&mut self, answers: &mut Buffer) {
        while let Some((head, _)) = answers.next() {
            let index = acknowledged(head).expect("acknowledged");
            self.meter.sent(self.began[index]);
            self.in_flight -= 1;
        }
    }
}

fn send(work: &Work, socket: &mut TcpStream) -> io::Result<Outcome> {
    let (mut sends, mut answers) = (Sends::new(work), Buffer::new());
    while !sends.meter.is_over() {
        socket.write_all(sends.ask())?;
        let len = socket.read(answers.room())?;
        answers.filled(len)?;
        sends.take(&mut answers);
    }
    Ok(sends.meter.outcome())
}

async fn send_in_task<R: Runtime>(work: Work) -> io::Result<Outcome> {
    let mut socket = R::connect(work.broker.parse().map_err(io::Error::other)?).await?;
    let (mut sends, mut answers) = (Sends::new(&work), Buffer::new());
    while !sends.meter.is_over() {
        socket.write_all(sends.ask()).await?;
        let len = socket.read(answers.room()).await?;
        answers.filled(len)?;
        sends.take(&mut answers);
    }
    Ok(sends.meter.outcome())
}

/// Which send was acknowledged, by the place of the opaque near the end of a Java head.
fn acknowledged(head: &[u8]) -> Option<usize> {
    let tail = str::from_utf8(head.get(head.len().checked_sub(100)?..)?).ok()?;
    let (_, after) = tail.rsplit_once("\"opaque\":")?;
    let digits: i32 = after.split(',').next()?.parse().ok()?;
    head.starts_with(b"{\"code\":0,").then(|| usize::try_from(digits - FIRST).ok())?
}

fn pull(work: &Work, socket: &mut TcpStream) -> io::Result<Outcome> {
    let mut meter = Meter::new(&work.case);
    let (mut out, mut answers) = (Vec::new(), Buffer::new());
    let ask = |out: &mut Vec<u8>, queue: u32, offset: i64| {
        let fields = PullMessageRequest {
            broker_name: Some(work.broker_name.as_str().into()),
            commit_offset: 0,
            consumer_group: work.group.as_str().into(),
            expression_type: Some("TAG".into()),
            lite_topic: None,
            max_msg_bytes: None,
            max_msg_nums: work.case.pull as i32,
            proxy_forward_client_id: None,
            queue_id: queue as i32,
            queue_offset: offset,
            request_source: None,
            sub_version: 0,
            subscription: Some("*".into()),
            suspend_timeout_millis: 15_000,
            // Suspend, and the subscription is in the request.
            sys_flag: 6,
            topic: work.topic.as_str().into(),
        };
        encode(out, RequestCode::PULL_MESSAGE, FIRST + queue as i32, &fields, 0);
    };
    for queue in 0..work.queues {
        ask(&mut out, queue, 0);
    }
    while !meter.is_over() {
        if !out.is_empty() {
            socket.write_all(&out)?;
            out.clear();
        }
        let len = socket.read(answers.room())?;
        answers.filled(len)?;
        while let Some((head, body)) = answers.next() {
            let head = Head::parse(SerializeType::Json, head).expect("a head");
            let answer: PullMessageResponse = head.fields().expect("an answer to a pull");
            meter.add(count(body));
            ask(&mut out, (head.opaque - FIRST) as u32, answer.next_begin_offset);
        }
    }
    Ok(meter.outcome())
}

/// Messages of a pull's body, by their lengths.
fn count(mut body: &[u8]) -> usize {
    let mut messages = 0;
    while let Some(length) = body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) as usize) {
        assert!(length >= 91, "a stored message");
        body = body.get(length..).expect("a whole message");
        messages += 1;
    }
    messages
}
