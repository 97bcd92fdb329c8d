//! A client of a few lines: requests as lists of fields, answers as maps.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{FieldList, Flag, Head, HeadSpec, encode_head};
use rocketmq_testkit::{Cluster, ClusterBuilder, Keep, Node, Now, PeerId};

/// An answer, or something the broker says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) code: i32,
    pub(crate) opaque: i32,
    pub(crate) response: bool,
    pub(crate) remark: String,
    pub(crate) ext: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Came {
    pub(crate) fn number(&self, key: &str) -> i64 {
        self.ext.get(key).unwrap_or_else(|| panic!("{key} in {self:?}")).parse().unwrap()
    }
}

/// A cluster, the time, and connections to its machines.
#[derive(Clone)]
pub(crate) struct Hand {
    pub(crate) cluster: Cluster,
    pub(crate) now: Now,
    opaque: i32,
    unread: BTreeMap<(Node, PeerId), Vec<u8>>,
}

pub(crate) const BROKER: Node = Node::Broker(0);

/// 2026, so that time stamps look like some.
const BEGIN: i64 = 1_790_000_000_000;

impl Hand {
    pub(crate) fn new(builder: &ClusterBuilder) -> Self {
        let addresses: Vec<SocketAddr> =
            (0..builder.addresses()).map(|n| SocketAddr::from(([10, 0, 0, 1 + n as u8], 10911))).collect();
        let now = Now { instant: Instant::ZERO, unix_ms: BEGIN };
        Self { cluster: builder.build(&addresses), now, opaque: 100, unread: BTreeMap::new() }
    }

    /// One broker with topic `T` of two queues, histories kept.
    pub(crate) fn one() -> Self {
        Self::new(&Cluster::builder().topic("T", 2).keep(Keep::Frames))
    }

    pub(crate) fn connect(&mut self, node: Node) -> PeerId {
        self.cluster.handle_open(node, "10.9.9.9:5000".parse().unwrap()).expect("it runs")
    }

    /// Time passes, one deadline after the other.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.now.instant + time;
        while let Some(at) = self.cluster.next_deadline().filter(|at| *at <= until) {
            self.set(at);
            self.cluster.handle_timeout(self.now);
        }
        self.set(until);
    }

    fn set(&mut self, at: Instant) {
        if at > self.now.instant {
            self.now = Now { instant: at, unix_ms: BEGIN + (at.as_nanos() / 1_000_000) as i64 };
        }
    }

    /// Sends a request and returns its number.
    pub(crate) fn ask(
        &mut self,
        (node, peer): (Node, PeerId),
        code: RequestCode,
        ext: &[(&str, &str)],
        body: &[u8],
    ) -> i32 {
        self.opaque += 1;
        let frame = frame(code, self.opaque, Version::V5_5_0, ext, body);
        self.cluster.handle_bytes(node, peer, &frame, self.now);
        self.opaque
    }

    /// Everything that has come on a connection.
    pub(crate) fn came(&mut self, (node, peer): (Node, PeerId)) -> Vec<Came> {
        let output = self.cluster.output(node, peer).to_vec();
        self.cluster.handle_written(node, peer, output.len());
        let unread = self.unread.entry((node, peer)).or_default();
        unread.extend(output);
        let mut all = Vec::new();
        while let Ok(Some(prefix)) = Prefix::parse(unread, &FrameLimits::default()) {
            if unread.len() < prefix.frame_len {
                break;
            }
            let frame: Vec<u8> = unread.drain(..prefix.frame_len).collect();
            all.push(read(&frame, &prefix));
        }
        all
    }

    /// Bytes of a frame that is not whole yet.
    pub(crate) fn half(&self, at: (Node, PeerId)) -> usize {
        self.unread.get(&at).map_or(0, Vec::len)
    }

    /// Sends a request and returns its answer, which has to be there at once.
    pub(crate) fn call(
        &mut self,
        at: (Node, PeerId),
        code: RequestCode,
        ext: &[(&str, &str)],
        body: &[u8],
    ) -> Came {
        let opaque = self.ask(at, code, ext, body);
        let came = self.came(at);
        let answer = came.iter().find(|came| came.response && came.opaque == opaque);
        answer.unwrap_or_else(|| panic!("no answer to {code} in {came:?}")).clone()
    }

    pub(crate) fn send(&mut self, at: (Node, PeerId), topic: &str, queue: &str, body: &[u8]) -> Came {
        self.call(at, RequestCode::SEND_MESSAGE_V2, &send_fields(topic, queue, ""), body)
    }

    pub(crate) fn pull(&mut self, at: (Node, PeerId), queue: &str, offset: &str) -> Came {
        self.call(at, RequestCode::PULL_MESSAGE, &pull_fields("T", queue, offset, "0"), b"")
    }

    /// Registers a consumer of `T` under this client id.
    pub(crate) fn heartbeat(&mut self, at: (Node, PeerId), client: &str, group: &str) -> Came {
        let body = format!(
            r#"{{"clientID":"{client}","consumerDataSet":[{{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"{group}","messageModel":"CLUSTERING","subscriptionDataSet":[{{"classFilterMode":false,"codeSet":[],"expressionType":"TAG","subString":"*","subVersion":1,"tagsSet":[],"topic":"T"}}],"unitMode":false}}],"heartbeatFingerprint":0,"producerDataSet":[],"withoutSub":false}}"#
        );
        self.call(at, RequestCode::HEART_BEAT, &[], body.as_bytes())
    }

    /// Commits for group `G`, queue 0 of `T`.
    pub(crate) fn commit(&mut self, at: (Node, PeerId), offset: &str) -> Came {
        let fields = [("commitOffset", offset), ("consumerGroup", "G"), ("queueId", "0"), ("topic", "T")];
        self.call(at, RequestCode::UPDATE_CONSUMER_OFFSET, &fields, b"")
    }
}

pub(crate) fn send_fields<'a>(
    topic: &'a str,
    queue: &'a str,
    properties: &'a str,
) -> [(&'a str, &'a str); 9] {
    [
        ("a", "PG"),
        ("b", topic),
        ("c", "TBW102"),
        ("d", "4"),
        ("e", queue),
        ("f", "0"),
        ("g", "1790000000000"),
        ("h", "0"),
        ("i", properties),
    ]
}

/// A pull of group `G` with a subscription of its own, that waits so many milliseconds.
pub(crate) fn pull_fields<'a>(
    topic: &'a str,
    queue: &'a str,
    offset: &'a str,
    wait: &'a str,
) -> [(&'a str, &'a str); 10] {
    [
        ("commitOffset", "0"),
        ("consumerGroup", "G"),
        ("maxMsgNums", "32"),
        ("queueId", queue),
        ("queueOffset", offset),
        ("subVersion", "0"),
        ("subscription", "*"),
        ("suspendTimeoutMillis", wait),
        ("sysFlag", if wait == "0" { "4" } else { "6" }),
        ("topic", topic),
    ]
}

pub(crate) fn frame(
    code: RequestCode,
    opaque: i32,
    version: Version,
    ext: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let (language, flag) = (LanguageCode::RUST, Flag::REQUEST);
    let spec = HeadSpec { code: code.0, language, version, opaque, flag, remark: None };
    let mut out = Vec::new();
    encode_head(&mut out, SerializeType::Json, &spec, &FieldList(ext), body.len()).unwrap();
    out.extend_from_slice(body);
    out
}

fn read(frame: &[u8], prefix: &Prefix) -> Came {
    let head = Head::parse(prefix.serialize, &frame[prefix.head_range()]).unwrap();
    let ext = head.ext.iter().map(|(key, value)| (key.as_str().into_owned(), value.as_str().into_owned()));
    Came {
        code: head.code,
        opaque: head.opaque,
        response: head.is_response(),
        remark: head.remark.map(|remark| remark.as_str().into_owned()).unwrap_or_default(),
        ext: ext.collect(),
        body: frame[prefix.body_range()].to_vec(),
    }
}

pub(crate) fn code(code: ResponseCode) -> i32 {
    code.0
}
