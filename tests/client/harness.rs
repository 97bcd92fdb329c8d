//! A whole client against servers played by hand: its connections are opened, refused or left hanging as the test
//! says, its requests are taken off the wire and answered one by one, time is moved from deadline to deadline.
//!
//! Answered without being asked for: routes ([`World::route`]), heartbeats and farewells. Everything else waits in
//! [`World::asked`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use rocketmq_engine::wire::body::{BrokerData, QueueData, TopicRouteData};
use rocketmq_engine::wire::codes::{LanguageCode, RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::{FieldList, Flag, Head, HeadSpec, Text, encode_head};
use rocketmq_engine::wire::message::{StoredFields, SysFlag, encode_stored};
use rocketmq_engine::{
    Action, Client, ClientConfig, CloseHow, ConnId, Endpoint, Event, Instant, Notice, Topic, TransportError,
    Wait,
};

/// One request of the client.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) conn: ConnId,
    /// `host:port` it was sent to.
    pub(crate) to: String,
    pub(crate) code: RequestCode,
    pub(crate) oneway: bool,
    opaque: i32,
    ext: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.ext.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn field(&self, key: &str) -> &str {
        self.get(key).unwrap_or_else(|| panic!("no field {key} in {:?}", self.ext))
    }
}

/// A client and the network around it.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) now: Instant,
    pub(crate) asked: VecDeque<Asked>,
    pub(crate) events: VecDeque<Event>,
    pub(crate) notices: Vec<Notice>,
    /// What the client answered to requests of servers: code, correlation number, words.
    pub(crate) replies: Vec<(ResponseCode, i32, String)>,
    /// Connections the client has closed, with how.
    pub(crate) closed: Vec<(String, CloseHow)>,
    /// Connections that stand, with what has been taken off the wire and is no whole frame yet.
    open: BTreeMap<ConnId, (String, Vec<u8>)>,
    dialing: Vec<(ConnId, String)>,
    /// Addresses that refuse connections.
    pub(crate) refusing: BTreeSet<String>,
    /// Addresses where nobody answers a dial.
    pub(crate) hanging: BTreeSet<String>,
    /// Addresses that take no bytes.
    pub(crate) stalled: BTreeSet<String>,
    /// Addresses whose requests all wait in `asked`.
    pub(crate) silent: BTreeSet<String>,
    /// Connections the client does not read.
    pub(crate) unread: BTreeSet<ConnId>,
    routes: BTreeMap<String, TopicRouteData>,
    outputs: DefaultHasher,
}

impl World {
    /// A client of one name server, `ns:1`.
    pub(crate) fn new() -> Self {
        Self::with(ClientConfig::new("ns:1").expect("valid"))
    }

    pub(crate) fn with(config: ClientConfig) -> Self {
        Self::seeded(config, [7; 32])
    }

    pub(crate) fn seeded(config: ClientConfig, seed: [u8; 32]) -> Self {
        let now = Instant::from_nanos(5_000_000_000);
        let client = Client::new(config, seed, now, Duration::from_secs(1_700_000_000)).expect("valid");
        Self {
            client,
            now,
            asked: VecDeque::new(),
            events: VecDeque::new(),
            notices: Vec::new(),
            replies: Vec::new(),
            closed: Vec::new(),
            open: BTreeMap::new(),
            dialing: Vec::new(),
            refusing: BTreeSet::new(),
            hanging: BTreeSet::new(),
            stalled: BTreeSet::new(),
            silent: BTreeSet::new(),
            unread: BTreeSet::new(),
            routes: BTreeMap::new(),
            outputs: DefaultHasher::new(),
        }
    }

    /// Everything once more: the clone of the client, and the network as it is.
    pub(crate) fn fork(&self) -> Self {
        Self {
            client: self.client.clone(),
            now: self.now,
            asked: self.asked.clone(),
            events: self.events.iter().map(Event::duplicate).collect(),
            notices: self.notices.clone(),
            replies: self.replies.clone(),
            closed: self.closed.clone(),
            open: self.open.clone(),
            dialing: self.dialing.clone(),
            refusing: self.refusing.clone(),
            hanging: self.hanging.clone(),
            stalled: self.stalled.clone(),
            silent: self.silent.clone(),
            unread: self.unread.clone(),
            routes: self.routes.clone(),
            outputs: self.outputs.clone(),
        }
    }

    /// Stands for everything that has come out of the client so far: actions, bytes, events, notices.
    pub(crate) fn outputs(&self) -> u64 {
        self.outputs.finish()
    }

    pub(crate) fn topic(&mut self, name: &str) -> Topic {
        self.client.topic(name).expect("valid")
    }

    // ---- the network ---------------------------------------------------------------------------------------

    /// What name servers say about a topic from now on: each broker with its number of queues.
    pub(crate) fn route(&mut self, topic: &str, brokers: &[(&str, u32)]) {
        self.routes.insert(topic.into(), route_of(brokers));
    }

    pub(crate) fn forget_route(&mut self, topic: &str) {
        self.routes.remove(topic);
    }

    /// Lets everything happen that needs no time. Returns what the client waits for then.
    pub(crate) fn turn(&mut self) -> Wait {
        for _ in 0..100_000 {
            let action = self.client.poll_action();
            format!("{action:?}").hash(&mut self.outputs);
            match action {
                Action::Connect { conn, endpoint } => self.dial(conn, &endpoint),
                Action::Write { conn } => self.flush(conn),
                Action::SetRead { conn, enabled: true } => drop(self.unread.remove(&conn)),
                Action::SetRead { conn, enabled: false } => drop(self.unread.insert(conn)),
                Action::Close { conn, how } => {
                    let dialed = self.dialing.iter().position(|(dialed, _)| *dialed == conn);
                    // Neither: its dial has failed meanwhile.
                    let to = match dialed {
                        Some(at) => Some(self.dialing.remove(at).1),
                        None => self.open.remove(&conn).map(|(to, _)| to),
                    };
                    self.unread.remove(&conn);
                    self.closed.extend(to.map(|to| (to, how)));
                }
                Action::Wait(wait) => {
                    self.take_outputs();
                    if !self.answer_by_itself() {
                        return wait;
                    }
                }
            }
        }
        panic!("the client has always something to do");
    }

    fn take_outputs(&mut self) {
        while let Some(event) = self.client.poll_event() {
            format!("{event:?}").hash(&mut self.outputs);
            self.events.push_back(event);
        }
        while let Some(notice) = self.client.poll_notice() {
            format!("{notice:?}").hash(&mut self.outputs);
            self.notices.push(notice);
        }
    }

    fn dial(&mut self, conn: ConnId, endpoint: &Endpoint) {
        let to = endpoint.to_string();
        if self.refusing.contains(&to) {
            self.client.handle_connect_failed(conn, TransportError::Refused, self.now);
        } else if self.hanging.contains(&to) {
            self.dialing.push((conn, to));
        } else {
            self.open.insert(conn, (to, Vec::new()));
            self.client.handle_connected(conn, self.now);
        }
    }

    /// Takes everything off the wire that a connection has to write, if its peer takes bytes.
    fn flush(&mut self, conn: ConnId) {
        let Some((to, _)) = self.open.get(&conn) else { return };
        let n = if self.stalled.contains(to) { 0 } else { usize::MAX };
        self.take(conn, n);
    }

    /// Takes at most `n` bytes off a connection.
    pub(crate) fn take(&mut self, conn: ConnId, n: usize) {
        let mut left = n;
        while left > 0 && self.client.has_pending_write(conn) {
            let mut slices: [&[u8]; 8] = [&[]; 8];
            let count = self.client.write_slices(conn, &mut slices);
            let mut bytes = slices[..count].concat();
            bytes.truncate(left);
            bytes.hash(&mut self.outputs);
            left -= bytes.len();
            self.open.get_mut(&conn).expect("open").1.extend_from_slice(&bytes);
            self.client.handle_written(conn, bytes.len(), self.now);
        }
        self.parse(conn);
    }

    /// Lets an address take bytes again.
    pub(crate) fn unstall(&mut self, to: &str) {
        self.stalled.remove(to);
        for conn in self.conns(to) {
            self.flush(conn);
        }
        self.turn();
    }

    /// Connections that stand with an address.
    pub(crate) fn conns(&self, to: &str) -> Vec<ConnId> {
        self.open.iter().filter(|(_, (at, _))| at == to).map(|(conn, _)| *conn).collect()
    }

    fn parse(&mut self, conn: ConnId) {
        let Some((to, bytes)) = self.open.get_mut(&conn) else { return };
        let mut rest = &bytes[..];
        while let Some(prefix) = Prefix::parse(rest, &FrameLimits::default()).expect("a frame of the client")
        {
            let Some(frame) = rest.get(..prefix.frame_len) else { break };
            let head =
                Head::parse(prefix.serialize, &frame[prefix.head_range()]).expect("a head of the client");
            let text = |t: Text<'_>| t.as_str().into_owned();
            if head.is_response() {
                let words = head.remark.map(text).unwrap_or_default();
                self.replies.push((head.response_code(), head.opaque, words));
            } else {
                self.asked.push_back(Asked {
                    conn,
                    to: to.clone(),
                    code: head.request_code(),
                    oneway: head.is_oneway(),
                    opaque: head.opaque,
                    ext: head.ext.iter().map(|(key, value)| (text(key), text(value))).collect(),
                    body: frame[prefix.body_range()].to_vec(),
                });
            }
            rest = &rest[prefix.frame_len..];
        }
        *bytes = rest.to_vec();
    }

    fn answer_by_itself(&mut self) -> bool {
        let of_itself = [RequestCode::HEART_BEAT, RequestCode::UNREGISTER_CLIENT];
        let at = self.asked.iter().position(|asked| {
            let route = asked.code == RequestCode::GET_ROUTEINFO_BY_TOPIC;
            (route || of_itself.contains(&asked.code)) && !self.silent.contains(&asked.to)
        });
        let Some(asked) = at.and_then(|at| self.asked.remove(at)) else { return false };
        if asked.code != RequestCode::GET_ROUTEINFO_BY_TOPIC {
            self.answer(&asked, ResponseCode::SUCCESS, &[], b"");
        } else if let Some(route) = self.routes.get(asked.field("topic")) {
            let body = route.encode();
            self.answer(&asked, ResponseCode::SUCCESS, &[], &body);
        } else {
            self.answer(&asked, ResponseCode::TOPIC_NOT_EXIST, &[], b"");
        }
        true
    }

    /// Answers a request. On a connection that is gone: nothing.
    pub(crate) fn answer(&mut self, asked: &Asked, code: ResponseCode, ext: &[(&str, &str)], body: &[u8]) {
        let frame = frame(code.0, asked.opaque, Flag::RESPONSE, ext, body);
        self.bytes(asked.conn, &frame);
    }

    /// A request of a broker.
    pub(crate) fn ask_client(&mut self, conn: ConnId, code: RequestCode, ext: &[(&str, &str)]) {
        let frame = frame(code.0, 77, Flag::REQUEST, ext, b"");
        self.bytes(conn, &frame);
    }

    /// Bytes arrive, whatever they are.
    pub(crate) fn bytes(&mut self, conn: ConnId, bytes: &[u8]) {
        self.client.handle_slice(conn, bytes, self.now);
    }

    /// The peer ends a connection.
    pub(crate) fn hang_up(&mut self, conn: ConnId, error: Option<TransportError>) {
        match error {
            None => self.client.handle_eof(conn, self.now),
            Some(error) => self.client.handle_transport_error(conn, error, self.now),
        }
        self.turn();
    }

    // ---- requests ------------------------------------------------------------------------------------------

    /// The first request of a kind, if there is one.
    pub(crate) fn find(&mut self, code: RequestCode) -> Option<Asked> {
        self.turn();
        let at = self.asked.iter().position(|asked| asked.code == code)?;
        self.asked.remove(at)
    }

    pub(crate) fn expect(&mut self, code: RequestCode) -> Asked {
        self.find(code).unwrap_or_else(|| panic!("no {code} among {:?}", self.asked))
    }

    /// Stores a message sent: the answer of a broker.
    pub(crate) fn store(&mut self, send: &Asked) {
        let ext = [
            ("msgId", "7F0000010000000000000000DEADBEEF"),
            ("queueId", send.get("e").unwrap_or("0")),
            ("queueOffset", "42"),
        ];
        let ext: Vec<(&str, String)> = ext.iter().map(|(key, value)| (*key, (*value).to_string())).collect();
        let ext: Vec<(&str, &str)> = ext.iter().map(|(key, value)| (*key, value.as_str())).collect();
        self.answer(send, ResponseCode::SUCCESS, &ext, b"");
        self.turn();
    }

    // ---- time ----------------------------------------------------------------------------------------------

    /// Lets time pass, from deadline to deadline. Each must advance, or something must have happened (law 8).
    pub(crate) fn advance(&mut self, by: Duration) {
        let target = self.now + by;
        let mut wait = self.turn();
        let mut here = 0;
        while let Some(until) = wait.until.filter(|until| *until <= target) {
            here = if until > self.now { 0 } else { here + 1 };
            assert!(here < 1000, "the deadline for {:?} does not advance", wait.reason);
            self.now = self.now.max(until);
            self.client.handle_timeout(self.now);
            wait = self.turn();
        }
        self.now = target;
        self.client.handle_timeout(self.now);
        self.turn();
    }
}

/// A route: each broker `name` is at `name:1` and has that many queues to read and to write.
pub(crate) fn route_of(brokers: &[(&str, u32)]) -> TopicRouteData {
    TopicRouteData {
        broker_datas: brokers
            .iter()
            .map(|(name, _)| BrokerData {
                broker_name: (*name).into(),
                cluster: "c".into(),
                broker_addrs: [(0, format!("{name}:1"))].into(),
                ..Default::default()
            })
            .collect(),
        queue_datas: brokers
            .iter()
            .map(|(name, queues)| QueueData {
                broker_name: (*name).into(),
                perm: 6,
                read_queue_nums: *queues,
                topic_sys_flag: 0,
                write_queue_nums: *queues,
            })
            .collect(),
        ..Default::default()
    }
}

/// One frame of a server.
pub(crate) fn frame(code: i32, opaque: i32, flag: Flag, ext: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let (language, version) = (LanguageCode::JAVA, Version::V5_5_0);
    let spec = HeadSpec { code, language, version, opaque, flag, remark: Some("words") };
    let mut sorted = ext.to_vec();
    sorted.sort_unstable();
    let mut out = Vec::new();
    encode_head(&mut out, SerializeType::Json, &spec, &FieldList(&sorted), body.len()).expect("fits");
    out.extend_from_slice(body);
    out
}

/// Messages of a queue as a broker stores them.
pub(crate) fn stored(topic: &str, queue_id: i32, offsets: std::ops::Range<i64>, body: &[u8]) -> Vec<u8> {
    let host = SocketAddr::from(([127, 0, 0, 1], 10911));
    let mut out = Vec::new();
    for offset in offsets {
        let fields = StoredFields {
            queue_id,
            flag: 0,
            queue_offset: offset,
            physical_offset: 1000 + offset,
            sys_flag: SysFlag(0),
            born_timestamp: 1,
            born_host: host,
            store_timestamp: 2,
            store_host: host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body,
            topic,
            properties: &format!("UNIQ_KEY\u{1}KEY{offset}\u{2}"),
        };
        encode_stored(&mut out, &fields).expect("fits");
    }
    out
}
