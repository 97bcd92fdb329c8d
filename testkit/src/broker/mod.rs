//! The broker: stores messages in memory and serves clients (Java `BrokerController` and its processors).
//!
//! | file | what |
//! |---|---|
//! | `mod` (here) | connections, dispatch, time |
//! | `store` | topics, queues, messages, the commit log's order |
//! | `send`, `back` | sending, batches; sending back, delay levels, dead letters |
//! | `pull` | pulling, long polls, queue limits |
//! | `group` | members, subscriptions |
//! | `offsets` | committed offsets |
//! | `life` | ending, starting again with what was lost, following a master |
//! | `history` | what was applied, what was answered |
//! | `fault` | doing wrong when told to |
//! | `look`, `seed` | what tests look at and change; messages that were there before |
//!
//! # What is served, and how faithfully
//!
//! The dialect is that of a broker of version 5.5.0 with default settings. *Recorded*: `tests/golden` replays real
//! servers' transcripts, here named without `java-5.5.0/`, and every answer is the same but for the list in its
//! `main.rs`. *Source*: as Apache's processor does it, no transcript shows it. Each pair of request and response code
//! that can come out of a broker is listed, with where it was seen, in `tests/broker/pairs.rs`; a test brings about
//! every one, and fails when another one comes out.
//!
//! | request | served | as in | not so |
//! |---|---|---|---|
//! | 10, 310 send | yes | `send`, `send_errors`, `send_big`, `compress_*`, `go-client/send` | any queue (negative id): the clock draws it; unique keys made by the broker are 32 digits |
//! | 320 batch | each message alone | `send_batch`, `ipv6_born_host` | inner batches (`BatchCQ`): not yet |
//! | 36 send back | yes | `push_retry_dlq` | exponential retry policies of groups: not yet |
//! | 11, 361 pull | yes, long poll included | `pull_outcomes`, `push_*`, `lite_pull_subscribe` | SQL92 is refused (1) as with `enablePropertyFilter` off; cold-data flow control never happens |
//! | 34 heartbeat | v1, v2 | `registration`, `registration_v2`, `push_broadcast` | |
//! | 35 unregister, 38 members | yes | `registration` | members come sorted |
//! | 46 check | tags only | source | SQL92: 1, as with `enablePropertyFilter` off |
//! | 40 notification | sent at once | `registration`, `push_*` | |
//! | 14, 15 committed offsets | yes | `offset_queries`, `registration_v2` | server-side resets: not yet |
//! | 29, 30, 31, 32 limits, offset by time | yes | `offset_queries` | |
//! | 33 message by offset | yes | `ipv6_born_host` | |
//! | 17 make a topic | names, queues, permission | `push_retry_dlq`, source | attributes are not looked at |
//! | delay levels (`DELAY`) | yes, exact to the timer | `push_retry_dlq`, `send` | |
//! | any, while shutting down | 1500 | `go_away` | |
//! | any, as a slave | reads; 2 to sends and 36 | source | masters do not send readers away by themselves: [`Broker::suggest_replica`] |
//! | 37, 39, half messages | not yet: an ordinary message is stored | | transactions |
//! | 200050 to 200056, 200151, 400, 401 | not yet: 3 | | POP, assignment by the broker |
//! | 41, 42 | not yet: 3 | | orderly locks |
//! | `TIMER_*`, 370 | not yet: stored at once; 3 | | timer messages, recall |
//! | 12 | not yet: 3 | | query by key |
//! | 324, 325, 326 | not yet: 3 | | request-reply |
//! | 202, 203, 204, 208, 28 and other statistics | not yet: 3 | | statistics |
//! | 18, 21, 25, 26, 200, 201, 207, 215, 351, 352 and others | not yet: 3; [`Broker::set_topic`], [`Broker::configure`] and the like do it by hand | | administration |
//! | signatures | not looked at | | access control |

mod back;
mod fault;
mod group;
mod history;
mod life;
mod look;
mod offsets;
mod pull;
mod seed;
mod send;
mod store;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::fields::CreateTopicRequest;
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::header::{DecodeFields, Head};
use rocketmq_engine::wire::message::names::{DEFAULT_TOPIC, is_system_topic};

pub use fault::{Fault, FaultKind, Lie, Requests};
pub(crate) use history::Aside;
pub use history::{Answered, Applied, Effect, Keep, Name, Origin};
pub use life::Restart;
pub use look::LogMessage;
pub use offsets::CommittedOffset;
pub use store::TopicConfig;

use crate::name_server::Registration;
use crate::peer::{Now, PeerId, Peers, ReplyTo, Twist, not_supported};
use back::Delayed;
use fault::Faults;
use group::Groups;
use offsets::Offsets;
use pull::LongPolls;
use send::check_name;
use store::Store;

/// What a server adds to words about things that do not exist.
pub(crate) const FAQ: &str = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";
/// Clients of later versions know GO_AWAY.
const LAST_WITHOUT_GO_AWAY: Version = Version(475);

/// How a broker is set up. Names follow Java's `BrokerConfig` and `MessageStoreConfig`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BrokerConfig {
    /// `brokerName`.
    pub broker_name: String,
    /// `brokerClusterName`.
    pub cluster_name: String,
    /// `autoCreateTopicEnable`: a send to an unknown topic makes it.
    pub auto_create_topic: bool,
    /// `autoCreateSubscriptionGroup`: a request of an unknown group makes it.
    pub auto_create_group: bool,
    /// `defaultTopicQueueNums`: queues of a topic made by a send, if the sender asks for no fewer.
    pub default_topic_queue_nums: u32,
    /// `maxMessageSize`, bytes of body.
    pub max_message_size: usize,
    /// `messageDelayLevel`: how long level 1, 2 ... keeps a message.
    pub delay_levels: Vec<Duration>,
    /// The form of the heads it sends, whatever form clients use (`rocketmq.serialize.type`).
    pub serialize: SerializeType,
    /// A pull behind the end of a queue that begins with 0 is sent back to 0, as brokers before 5.0 do.
    pub overflow_to_min: bool,
}

impl BrokerConfig {
    /// Java's defaults.
    pub fn new(broker_name: impl Into<String>) -> Self {
        let seconds = [1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200];
        Self {
            broker_name: broker_name.into(),
            cluster_name: "DefaultCluster".into(),
            auto_create_topic: true,
            auto_create_group: true,
            default_topic_queue_nums: 8,
            max_message_size: 4 << 20,
            delay_levels: seconds.map(Duration::from_secs).to_vec(),
            serialize: SerializeType::Json,
            overflow_to_min: false,
        }
    }
}

/// A broker as a machine: the master of its name, or a slave.
#[derive(Clone, Debug, Hash)]
pub struct Broker {
    config: BrokerConfig,
    address: SocketAddr,
    /// 0 is the master.
    id: i64,
    peers: Peers,
    store: Store,
    groups: Groups,
    offsets: Offsets,
    polls: LongPolls,
    delayed: Delayed,
    faults: Faults,
    /// Remote addresses of connections: the host a message was born at.
    hosts: BTreeMap<PeerId, SocketAddr>,
    registration_changed: bool,
    /// Grows with every change of topics.
    topics_version: u64,
    going_away: bool,
    /// The replica pulls are told to go to next.
    suggest: i64,
    applied: Aside<Vec<Applied>>,
    /// The request that is being served.
    serving: Aside<Option<Origin>>,
}

impl Broker {
    /// A master without messages, told to clients at `address`.
    pub fn new(config: BrokerConfig, address: SocketAddr) -> Self {
        let mut broker = Self {
            id: 0,
            store: Store::new(address),
            address,
            peers: Peers::default(),
            groups: Groups::default(),
            offsets: Offsets::default(),
            polls: LongPolls::default(),
            delayed: Delayed::default(),
            faults: Faults::default(),
            hosts: BTreeMap::new(),
            registration_changed: true,
            topics_version: 0,
            going_away: false,
            suggest: 0,
            applied: Aside::default(),
            serving: Aside::default(),
            config,
        };
        broker.peers.serialize = broker.config.serialize;
        broker.format();
        broker
    }

    /// Only what every broker has from the beginning.
    fn format(&mut self) {
        self.store = Store::new(self.address);
        self.offsets = Offsets::default();
        self.groups = Groups::default();
        self.delayed = Delayed::default();
        if self.config.auto_create_topic {
            let perm = TopicConfig::READ | TopicConfig::WRITE | TopicConfig::INHERIT;
            self.store
                .set_topic(DEFAULT_TOPIC, TopicConfig::new(self.config.default_topic_queue_nums).perm(perm));
        }
    }

    /// Changes its configuration while it runs, as UPDATE_BROKER_CONFIG does. Names do not change.
    pub fn configure(&mut self, change: impl FnOnce(&mut BrokerConfig)) {
        let names = (self.config.broker_name.clone(), self.config.cluster_name.clone());
        change(&mut self.config);
        (self.config.broker_name, self.config.cluster_name) = names;
        self.peers.serialize = self.config.serialize;
    }

    /// Its configuration.
    pub fn config(&self) -> &BrokerConfig {
        &self.config
    }

    /// Writes into the history of what was applied, if it is kept.
    fn note(&mut self, effect: impl FnOnce(&Store) -> Effect) {
        if *self.peers.keep != Keep::Nothing {
            let effect = effect(&self.store);
            self.applied.push(Applied { at: *self.peers.now, by: *self.serving, effect });
        }
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
        self.forget_peer(peer);
    }

    pub(crate) fn handle_bytes(&mut self, peer: PeerId, bytes: &[u8], now: Now) {
        *self.peers.now = now;
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
        let to = ReplyTo::new(peer, &parsed);
        match self.faults.next(parsed.request_code()) {
            None => self.serve(&to, &parsed, body, now),
            Some(FaultKind::Answer(code, remark)) => self.peers.refuse(&to, code, &remark),
            Some(FaultKind::ActAndAnswer(code)) => {
                self.serve(&to.twisted(Twist::Recode(code)), &parsed, body, now);
            }
            Some(FaultKind::Ignore) => {}
            Some(FaultKind::DropAnswer) => self.serve(&to.muted(), &parsed, body, now),
            Some(FaultKind::AnswerTwice) => self.serve(&to.twisted(Twist::Twice), &parsed, body, now),
            Some(FaultKind::CloseBefore) => self.peers.hang_up(peer),
            Some(FaultKind::CloseAfter) => {
                self.serve(&to.muted(), &parsed, body, now);
                self.peers.hang_up(peer);
            }
            Some(FaultKind::CutAfter(bytes)) => {
                self.serve(&to.twisted(Twist::CutAfter(bytes)), &parsed, body, now);
            }
            Some(FaultKind::Stall) => self.peers.stall(peer),
            Some(FaultKind::Lie(lie)) => self.serve(&to.twisted(Twist::Lie(lie)), &parsed, body, now),
            Some(FaultKind::Delay(time)) => {
                self.faults.hold(now.instant + time, peer, serialize, head.to_vec(), body.to_vec());
            }
        }
    }

    fn serve(&mut self, to: &ReplyTo, head: &Head<'_>, body: &[u8], now: Now) {
        if self.going_away && head.version > LAST_WITHOUT_GO_AWAY {
            return self.peers.refuse(to, ResponseCode::GO_AWAY, "please go away");
        }
        *self.serving = Some(to.origin());
        self.on_request(to, head, body, now);
        *self.serving = None;
    }

    fn on_request(&mut self, to: &ReplyTo, head: &Head<'_>, body: &[u8], now: Now) {
        match head.request_code() {
            code if !self.is_master() && is_for_masters(code) => {
                let remark = "[REJECTREQUEST]system busy, start flow control for a while";
                self.peers.refuse(to, ResponseCode::SYSTEM_BUSY, remark);
            }
            RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_BATCH_MESSAGE => {
                self.on_send_v2(to, head, body, now);
            }
            RequestCode::SEND_MESSAGE => self.on_send(to, head, body, now),
            RequestCode::CONSUMER_SEND_MSG_BACK => self.on_send_back(to, head, now),
            RequestCode::PULL_MESSAGE | RequestCode::LITE_PULL_MESSAGE => self.on_pull(to, head, now),
            RequestCode::HEART_BEAT => self.on_heartbeat(to, body),
            RequestCode::UNREGISTER_CLIENT => self.on_unregister(to, head),
            RequestCode::GET_CONSUMER_LIST_BY_GROUP => self.on_member_list(to, head),
            RequestCode::CHECK_CLIENT_CONFIG => self.on_check_client(to, body),
            RequestCode::QUERY_CONSUMER_OFFSET => self.on_query_offset(to, head),
            RequestCode::UPDATE_CONSUMER_OFFSET => self.on_update_offset(to, head),
            RequestCode::GET_MAX_OFFSET => self.on_max_offset(to, head),
            RequestCode::GET_MIN_OFFSET => self.on_min_offset(to, head),
            RequestCode::GET_EARLIEST_MSG_STORETIME => self.on_earliest_time(to, head),
            RequestCode::SEARCH_OFFSET_BY_TIMESTAMP => self.on_search_offset(to, head),
            RequestCode::VIEW_MESSAGE_BY_ID => self.on_view_message(to, head),
            RequestCode::UPDATE_AND_CREATE_TOPIC => self.on_create_topic(to, head),
            other => not_supported(&mut self.peers, to, other),
        }
    }

    /// Whether a group may be served: it is known, or is now.
    fn admit_group(&mut self, group: &str) -> bool {
        if self.config.auto_create_group {
            self.groups.learn(group);
        }
        self.groups.is_known(group)
    }

    /// Where a connection comes from.
    fn host_of(&self, peer: PeerId) -> SocketAddr {
        self.hosts.get(&peer).copied().unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
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
        if let Err((code, remark)) = check_name(&fields.topic) {
            return self.peers.refuse(to, code, &remark);
        }
        if is_system_topic(&fields.topic) {
            let remark = format!("The topic[{}] is conflict with system topic.", fields.topic);
            return self.peers.refuse(to, ResponseCode::INVALID_PARAMETER, &remark);
        }
        let count = |queues: i32| queues.clamp(1, 65_535) as u32;
        let config = TopicConfig {
            read_queues: count(fields.read_queue_nums),
            write_queues: count(fields.write_queue_nums),
            perm: fields.perm as u32,
            sys_flag: fields.topic_sys_flag.unwrap_or_default(),
            order: fields.order == Some(true),
        };
        self.set_topic(&fields.topic, config);
        self.peers.refuse(to, ResponseCode::SUCCESS, "not set any response code");
    }

    // ---- time ----------------------------------------------------------------------------------------------

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        *self.peers.now = now;
        for (peer, serialize, head, body) in self.faults.take_due(now.instant) {
            if let Ok(parsed) = Head::parse(serialize, &head) {
                self.serve(&ReplyTo::new(peer, &parsed), &parsed, &body, now);
            }
        }
        self.deliver_delayed(now);
        self.end_long_polls(now);
        self.expire_peers();
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let (faults, delayed) = (self.faults.next_deadline(), self.delayed.next_deadline());
        let all = [faults, delayed, self.polls.next_deadline(), self.groups.next_deadline()];
        all.into_iter().flatten().min()
    }

    /// What name servers are to be told, if it changed since the last call.
    pub(crate) fn take_registration(&mut self) -> Option<Registration> {
        std::mem::take(&mut self.registration_changed).then(|| self.registration())
    }

    pub(crate) fn registration(&self) -> Registration {
        Registration {
            broker_name: self.config.broker_name.clone(),
            cluster: self.config.cluster_name.clone(),
            id: self.id,
            address: self.address,
            topics: self.store.topics().map(|(name, config)| (name.clone(), config)).collect(),
        }
    }
}

/// What a slave's send processor rejects.
fn is_for_masters(code: RequestCode) -> bool {
    Requests::Sends.has(code) || code == RequestCode::CONSUMER_SEND_MSG_BACK
}
