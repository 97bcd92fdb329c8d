//! The broker: stores messages in memory and serves clients (Java `BrokerController` and its processors).
//!
//! | file | what |
//! |---|---|
//! | `mod` (here) | connections, dispatch, time |
//! | `store` | topics, queues, messages, the commit log's order |
//! | `send` | sending, batches, delay levels, sending back, dead letters |
//! | `pull` | pulling, long polls, queue limits |
//! | `group` | members, subscriptions, committed offsets |
//! | `fault` | doing wrong when told to |

mod fault;
mod group;
mod pull;
mod send;
mod store;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::body::{BrokerData, QueueData};
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
use rocketmq_engine::wire::fields::CreateTopicRequest;
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::header::{DecodeFields, Head, NoFields};

pub use fault::{Fault, FaultKind};

use crate::name_server::Registration;
use crate::peer::{Now, PeerId, Peers, ReplyTo, not_supported};
use fault::Faults;
use group::Groups;
use pull::LongPolls;
use send::Delayed;
use store::Store;

/// How a broker is set up. Names follow Java's `BrokerConfig` and `MessageStoreConfig`.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// `brokerName`.
    pub broker_name: String,
    /// `brokerClusterName`.
    pub cluster_name: String,
    /// `autoCreateTopicEnable`: a send to an unknown topic makes it.
    pub auto_create_topic: bool,
    /// `defaultTopicQueueNums`: queues of a topic made so, if the sender asks for no fewer.
    pub default_topic_queue_nums: u32,
    /// `maxMessageSize`, bytes of body.
    pub max_message_size: usize,
    /// `messageDelayLevel`: how long level 1, 2 ... keeps a message.
    pub delay_levels: Vec<Duration>,
}

impl BrokerConfig {
    /// Java's defaults.
    pub fn new(broker_name: impl Into<String>) -> Self {
        let seconds = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200];
        Self {
            broker_name: broker_name.into(),
            cluster_name: "DefaultCluster".into(),
            auto_create_topic: true,
            default_topic_queue_nums: 4,
            max_message_size: 4 << 20,
            delay_levels: seconds.map(Duration::from_secs).to_vec(),
        }
    }
}

/// A master broker as a machine.
#[derive(Debug)]
pub struct Broker {
    config: BrokerConfig,
    address: SocketAddr,
    peers: Peers,
    store: Store,
    groups: Groups,
    polls: LongPolls,
    delayed: Delayed,
    faults: Faults,
    /// Remote addresses of connections: the host a message was born at.
    hosts: BTreeMap<PeerId, SocketAddr>,
    registration_changed: bool,
}

impl Broker {
    /// A broker without messages, told to clients at `address`.
    pub fn new(config: BrokerConfig, address: SocketAddr) -> Self {
        let mut broker = Self {
            store: Store::new(address),
            address,
            peers: Peers::default(),
            groups: Groups::default(),
            polls: LongPolls::default(),
            delayed: Delayed::default(),
            faults: Faults::default(),
            hosts: BTreeMap::new(),
            registration_changed: true,
            config,
        };
        if broker.config.auto_create_topic {
            broker.store.create_topic("TBW102", 8, 7);
        }
        broker
    }

    /// Its configuration.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// The address clients are told.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a topic with that many queues to read and to write, or leaves the one there is.
    pub fn create_topic(&mut self, topic: &str, queues: u32) {
        self.store.create_topic(topic, queues, 6);
        self.registration_changed = true;
    }

    /// Makes it do something wrong.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Forgets every fault that has not happened yet.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    // ---- what tests look at --------------------------------------------------------------------------------

    /// Messages of a topic as stored, by queue and offset.
    pub fn messages(&self, topic: &str) -> Vec<bytes::Bytes> {
        self.store.messages(topic)
    }

    /// Messages of a topic.
    pub fn message_count(&self, topic: &str) -> usize {
        self.store.message_count(topic)
    }

    /// The offset a group has committed for a queue.
    pub fn committed_offset(&self, group: &str, topic: &str, queue: u32) -> Option<i64> {
        self.groups.committed(group, topic, queue as i32)
    }

    /// Ids of a group's members, sorted.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.groups.members(group)
    }

    /// Ids of clients that registered the producer group, sorted.
    pub fn producers(&self, group: &str) -> Vec<String> {
        self.groups.producers(group)
    }

    // ---- inputs --------------------------------------------------------------------------------------------

    pub(crate) fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    pub(crate) fn handle_open(&mut self, from: SocketAddr) -> PeerId {
        let peer = self.peers.open();
        self.hosts.insert(peer, from);
        peer
    }

    /// The connection is gone: its clients leave their groups.
    pub(crate) fn handle_close(&mut self, peer: PeerId) {
        self.peers.close(peer);
        self.hosts.remove(&peer);
        self.polls.forget(peer);
        for group in self.groups.forget(peer) {
            self.notify_members(&group);
        }
    }

    /// It is stopped: connections end, what is stored stays.
    pub(crate) fn handle_stop(&mut self) {
        for peer in self.hosts.keys().copied().collect::<Vec<_>>() {
            self.peers.hang_up(peer);
            self.polls.forget(peer);
            self.groups.forget(peer);
        }
        self.peers.close_all();
        self.hosts.clear();
    }

    pub(crate) fn handle_bytes(&mut self, peer: PeerId, bytes: &[u8], now: Now) {
        let input = self.peers.take_input(peer, bytes);
        let mut parsed = 0;
        while self.peers.is_open(peer) {
            let Some((frame, next)) = self.peers.frame_at(peer, &input, parsed) else { break };
            parsed = next;
            let head = input.get(frame.head).unwrap_or_default();
            let body = input.get(frame.body).unwrap_or_default();
            self.on_frame(peer, frame.serialize, head, body, now);
        }
        self.peers.restore_input(peer, input, parsed);
    }

    fn on_frame(&mut self, peer: PeerId, serialize: SerializeType, head: &[u8], body: &[u8], now: Now) {
        let parsed = match Head::parse(serialize, head) {
            Ok(parsed) if !parsed.is_response() => parsed,
            Ok(_) => return,
            Err(_) => return self.peers.hang_up(peer),
        };
        let to = ReplyTo::new(peer, &parsed, serialize);
        match self.faults.next(parsed.request_code()) {
            None => self.on_request(&to, &parsed, body, now),
            Some(FaultKind::Answer(code, remark)) => self.peers.refuse(&to, code, &remark),
            Some(FaultKind::Ignore) => {}
            Some(FaultKind::DropAnswer) => self.on_request(&to.muted(), &parsed, body, now),
            Some(FaultKind::CloseBefore) => self.peers.hang_up(peer),
            Some(FaultKind::CloseAfter) => {
                self.on_request(&to.muted(), &parsed, body, now);
                self.peers.hang_up(peer);
            }
            Some(FaultKind::Delay(time)) => {
                self.faults.hold(now.instant + time, peer, serialize, head.to_vec(), body.to_vec());
            }
        }
    }

    fn on_request(&mut self, to: &ReplyTo, head: &Head<'_>, body: &[u8], now: Now) {
        match head.request_code() {
            RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_BATCH_MESSAGE => {
                self.on_send_v2(to, head, body, now);
            }
            RequestCode::SEND_MESSAGE => self.on_send(to, head, body, now),
            RequestCode::CONSUMER_SEND_MSG_BACK => self.on_send_back(to, head, now),
            RequestCode::PULL_MESSAGE => self.on_pull(to, head, body, now, true),
            RequestCode::HEART_BEAT => self.on_heartbeat(to, body),
            RequestCode::UNREGISTER_CLIENT => self.on_unregister(to, head),
            RequestCode::GET_CONSUMER_LIST_BY_GROUP => self.on_member_list(to, head),
            RequestCode::CHECK_CLIENT_CONFIG => {
                self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &[]);
            }
            RequestCode::QUERY_CONSUMER_OFFSET => self.on_query_offset(to, head),
            RequestCode::UPDATE_CONSUMER_OFFSET => self.on_update_offset(to, head),
            RequestCode::GET_MAX_OFFSET => self.on_max_offset(to, head),
            RequestCode::GET_MIN_OFFSET => self.on_min_offset(to, head),
            RequestCode::SEARCH_OFFSET_BY_TIMESTAMP => self.on_search_offset(to, head),
            RequestCode::VIEW_MESSAGE_BY_ID => self.on_view_message(to, head),
            RequestCode::UPDATE_AND_CREATE_TOPIC => self.on_create_topic(to, head),
            other => not_supported(&mut self.peers, to, other),
        }
    }

    /// The request's fields; a request that lacks one is answered so.
    fn fields<'a, T: DecodeFields<'a>>(&mut self, to: &ReplyTo, head: &Head<'a>) -> Option<T> {
        match head.fields() {
            Ok(fields) => Some(fields),
            Err(error) => {
                self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &error.to_string());
                None
            }
        }
    }

    fn on_create_topic(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<CreateTopicRequest<'_>>(to, head) else { return };
        let queues = fields.read_queue_nums.max(fields.write_queue_nums).clamp(1, 65_535);
        self.store.create_topic(&fields.topic, queues as u32, fields.perm as u32);
        self.registration_changed = true;
        self.peers.refuse(to, ResponseCode::SUCCESS, "not set any response code");
    }

    // ---- time ----------------------------------------------------------------------------------------------

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        for (peer, serialize, head, body) in self.faults.take_due(now.instant) {
            if let Ok(parsed) = Head::parse(serialize, &head) {
                self.on_request(&ReplyTo::new(peer, &parsed, serialize), &parsed, &body, now);
            }
        }
        self.deliver_delayed(now);
        self.end_long_polls(now);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let all = [self.faults.next_deadline(), self.delayed.next_deadline(), self.polls.next_deadline()];
        all.into_iter().flatten().min()
    }

    /// What name servers are to be told, if it changed since the last call.
    pub(crate) fn take_registration(&mut self) -> Option<Registration> {
        std::mem::take(&mut self.registration_changed).then(|| self.registration())
    }

    pub(crate) fn registration(&self) -> Registration {
        let name = &self.config.broker_name;
        let broker = BrokerData {
            broker_name: name.clone(),
            cluster: self.config.cluster_name.clone(),
            broker_addrs: BTreeMap::from([(0, self.address.to_string())]),
            ..Default::default()
        };
        let topics = self.store.topics().map(|(topic, queues, perm)| {
            let data = QueueData {
                broker_name: name.clone(),
                perm,
                read_queue_nums: queues,
                write_queue_nums: queues,
                topic_sys_flag: 0,
            };
            (topic.to_string(), data)
        });
        Registration { broker, topics: topics.collect() }
    }
}
