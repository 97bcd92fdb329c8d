//! The requests fed to a cluster at the times they came, its answers caught.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::body::HeartbeatData;
use rocketmq_engine::wire::codes::{LanguageCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{Flag, Head, HeadSpec, NoFields, encode_head};
use rocketmq_testkit::{Cluster, Node, Now, PeerId};

use crate::recording::{Record, Recording, Step};
use crate::setup;

/// An answer, or a push, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) code: i64,
    pub(crate) opaque: i32,
    pub(crate) binary: bool,
    pub(crate) version: i64,
    pub(crate) remark: Option<String>,
    pub(crate) ext: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Answers by the number of their request, and pushes by connection.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) to: BTreeMap<u64, Came>,
    pub(crate) pushes: BTreeMap<String, Vec<Came>>,
}

struct Connection {
    node: Node,
    peer: PeerId,
    /// Numbers of requests that wait, by opaque.
    waiting: BTreeMap<i32, u64>,
    bytes: Vec<u8>,
}

struct Replay {
    cluster: Cluster,
    /// Where clients come from.
    from: SocketAddr,
    /// Unix milliseconds of the first record.
    begin: i64,
    time: i64,
    connections: BTreeMap<String, Connection>,
    answers: Answers,
}

/// How long answers are waited for after the last request: the longest poll of the recordings.
const AFTER: i64 = 25_000;

pub(crate) fn run(recording: &Recording) -> Answers {
    let begin = recording.records().find_map(|record| Some(record.ext_i64("g")? - record.t));
    let begin = begin.unwrap_or(1_795_387_400_000);
    let mut replay = Replay {
        cluster: setup::cluster(recording),
        from: if recording.name.ends_with("/ipv6_born_host") { "[::1]:40000" } else { "127.0.0.1:40000" }
            .parse()
            .unwrap(),
        begin,
        time: 0,
        connections: BTreeMap::new(),
        answers: Answers::default(),
    };
    for step in &recording.steps {
        match step {
            Step::Opened { connection, peer } => replay.open(connection, peer),
            Step::Closed { connection, by_client: true } => replay.close(connection),
            Step::Frame(record) if record.from_client => {
                replay.prepare(recording, record);
                replay.request(record);
            }
            Step::Closed { .. } | Step::Frame(_) => {}
        }
    }
    replay.pass(replay.time + AFTER);
    replay.answers
}

impl Replay {
    fn now(&self) -> Now {
        let instant = Instant::ZERO + Duration::from_millis(self.time as u64);
        Now { instant, unix_ms: self.begin + self.time }
    }

    /// Time passes, one deadline after the other.
    fn pass(&mut self, until: i64) {
        while let Some(at) = self.cluster.next_deadline() {
            let at = at.as_nanos().div_ceil(1_000_000) as i64;
            if at > until {
                break;
            }
            self.time = self.time.max(at);
            self.cluster.handle_timeout(self.now());
            self.collect();
        }
        self.time = self.time.max(until);
    }

    fn open(&mut self, name: &str, peer: &str) {
        let node = if peer == "namesrv" { Node::NameServer(0) } else { Node::Broker(0) };
        let peer = self.cluster.handle_open(node, self.from).expect("it runs");
        let connection = Connection { node, peer, waiting: BTreeMap::new(), bytes: Vec::new() };
        self.connections.insert(name.to_owned(), connection);
    }

    fn close(&mut self, name: &str) {
        if let Some(connection) = self.connections.remove(name) {
            self.cluster.handle_close(connection.node, connection.peer);
        }
        self.collect();
    }

    fn request(&mut self, record: &Record) {
        self.pass(record.t);
        self.by_hand(record);
        let Some(connection) = self.connections.get_mut(&record.connection) else { return };
        if record.kind == "request" {
            connection.waiting.insert(opaque(&record.frame), record.n);
        }
        let (node, peer) = (connection.node, connection.peer);
        self.cluster.handle_bytes(node, peer, &record.frame, self.now());
        self.collect();
    }

    /// What happened to the recorded broker before a request and is in no frame of the recording.
    fn prepare(&mut self, recording: &Recording, record: &Record) {
        let sent_away =
            |answer: &Record| answer.code == 1500 && answer.answers.is_some_and(|(n, _)| n == record.n);
        if let Some(broker) = self.cluster.broker(0).filter(|_| recording.records().any(sent_away)) {
            broker.go_away();
        }
        if recording.heartbeats_left_out && record.code == 11 {
            self.heartbeat_left_out(recording, record);
        }
    }

    /// A pull of a subscription that no recorded heartbeat told of: the one that did was left out as repetition.
    fn heartbeat_left_out(&mut self, recording: &Recording, pull: &Record) {
        let before = recording.records().take_while(|record| record.n < pull.n);
        let of_connection = before.filter(|record| record.connection == pull.connection && record.code == 34);
        let Some(last) = of_connection.last().and_then(|record| HeartbeatData::decode(record.body()).ok())
        else {
            return;
        };
        let mut data = last;
        for subscription in
            data.consumer_data_set.iter_mut().flat_map(|group| &mut group.subscription_data_set)
        {
            subscription.sub_version =
                subscription.sub_version.max(pull.ext_i64("subVersion").unwrap_or_default());
        }
        let (body, mut frame) = (data.encode(), Vec::new());
        let spec = HeadSpec {
            code: 34,
            language: LanguageCode::JAVA,
            version: Version::V5_5_0,
            opaque: -1,
            flag: Flag::ONEWAY,
            remark: None,
        };
        encode_head(&mut frame, SerializeType::Json, &spec, &NoFields, body.len()).unwrap();
        frame.extend(body);
        let Some(connection) = self.connections.get(&pull.connection) else { return };
        let (node, peer) = (connection.node, connection.peer);
        self.cluster.handle_bytes(node, peer, &frame, self.now());
    }

    /// What administrators did to the recorded broker.
    fn by_hand(&mut self, record: &Record) {
        let Some(broker) = self.cluster.broker(0).filter(|_| record.code == 25) else { return };
        for line in record.body_text.as_deref().unwrap_or_default().lines() {
            let (key, value) = line.split_once('=').unwrap();
            broker.configure(|config| match key {
                "autoCreateTopicEnable" => config.auto_create_topic = value == "true",
                "autoCreateSubscriptionGroup" => config.auto_create_group = value == "true",
                "maxMessageSize" => config.max_message_size = value.parse().unwrap(),
                _ => {}
            });
        }
    }

    fn collect(&mut self) {
        for (name, connection) in &mut self.connections {
            let output = self.cluster.output(connection.node, connection.peer).to_vec();
            self.cluster.handle_written(connection.node, connection.peer, output.len());
            connection.bytes.extend(output);
            while let Ok(Some(prefix)) = Prefix::parse(&connection.bytes, &FrameLimits::default()) {
                let frame: Vec<u8> = connection.bytes.drain(..prefix.frame_len).collect();
                let came = came(&frame, &prefix);
                match connection.waiting.remove(&came.opaque).filter(|_| !is_push(&frame, &prefix)) {
                    Some(n) => drop(self.answers.to.insert(n, came)),
                    None => self.answers.pushes.entry(name.clone()).or_default().push(came),
                }
            }
        }
    }
}

fn head<'a>(frame: &'a [u8], prefix: &Prefix) -> Head<'a> {
    Head::parse(prefix.serialize, &frame[prefix.head_range()]).unwrap()
}

fn is_push(frame: &[u8], prefix: &Prefix) -> bool {
    !head(frame, prefix).is_response()
}

fn opaque(frame: &[u8]) -> i32 {
    let prefix = Prefix::parse(frame, &FrameLimits::default()).unwrap().unwrap();
    head(frame, &prefix).opaque
}

fn came(frame: &[u8], prefix: &Prefix) -> Came {
    let head = head(frame, prefix);
    let ext = head.ext.iter().map(|(key, value)| (key.as_str().into_owned(), value.as_str().into_owned()));
    Came {
        code: i64::from(head.code),
        opaque: head.opaque,
        binary: prefix.serialize.to_byte() == 1,
        version: i64::from(head.version.0),
        remark: head.remark.map(|remark| remark.as_str().into_owned()),
        ext: ext.collect(),
        body: frame[prefix.body_range()].to_vec(),
    }
}
