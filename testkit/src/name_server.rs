//! The name server: which broker has which topic (Java `ClientRequestProcessor`, `RouteInfoManager`).
//!
//! It serves 105 as recorded (`tests/golden`, `route` of three sets), in both JSON dialects; ordered topics and
//! static topics not yet. Other requests are answered 3; brokers register by function call, not by request.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use rocketmq_engine::wire::body::{BrokerData, QueueData, TopicRouteData};
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode, Version};
use rocketmq_engine::wire::fields::GetRouteInfoRequest;
use rocketmq_engine::wire::frame::SerializeType;
use rocketmq_engine::wire::header::{Head, NoFields};

use crate::broker::{Answered, FAQ, Keep, Name, TopicConfig};
use crate::peer::{Now, PeerId, Peers, ReplyTo, not_supported};

/// Clients from this version on read standard JSON.
const FIRST_WITH_STANDARD_JSON: Version = Version(401);

/// What a broker tells name servers about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its name: a master and its slaves share it.
    pub broker_name: String,
    /// Its cluster.
    pub cluster: String,
    /// Its place among the replicas of its name; 0 is the master.
    pub id: i64,
    /// The address clients are to use.
    pub address: SocketAddr,
    /// Its topics.
    pub topics: BTreeMap<Name, TopicConfig>,
}

/// All replicas of one broker name.
#[derive(Clone, Debug, Default, Hash)]
struct Replicas {
    cluster: String,
    addresses: BTreeMap<i64, SocketAddr>,
    topics: BTreeMap<Name, TopicConfig>,
}

/// A name server as a machine.
#[derive(Clone, Debug, Default, Hash)]
pub struct NameServer {
    peers: Peers,
    brokers: BTreeMap<String, Replicas>,
    /// It hears nothing of brokers any more.
    frozen: bool,
    /// It says of these topics that there are none.
    hidden: BTreeSet<Name>,
}

impl NameServer {
    /// A broker says what it has; what it said before is forgotten. A name's topics are those its replica with the
    /// smallest id says.
    pub fn register(&mut self, registration: Registration) {
        if self.frozen {
            return;
        }
        let replicas = self.brokers.entry(registration.broker_name).or_default();
        replicas.addresses.retain(|id, address| *id != registration.id && *address != registration.address);
        replicas.addresses.insert(registration.id, registration.address);
        if replicas.addresses.keys().next() == Some(&registration.id) {
            replicas.cluster = registration.cluster;
            replicas.topics = registration.topics;
        }
    }

    /// A broker is gone; its slaves stay.
    pub fn unregister(&mut self, broker_name: &str, address: SocketAddr) {
        if self.frozen {
            return;
        }
        if let Some(replicas) = self.brokers.get_mut(broker_name) {
            replicas.addresses.retain(|_, known| *known != address);
            if replicas.addresses.is_empty() {
                self.brokers.remove(broker_name);
            }
        }
    }

    /// From now on it hears nothing of brokers, and tells what it knows; or hears of them again, from the next time
    /// they register.
    pub fn freeze(&mut self, frozen: bool) {
        self.frozen = frozen;
    }

    /// It knows nothing any more, as after a restart.
    pub fn forget_all(&mut self) {
        self.brokers.clear();
    }

    /// It says that there is no such topic, or tells the truth again.
    pub fn hide(&mut self, topic: &str, hidden: bool) {
        if hidden {
            self.hidden.insert(topic.into());
        } else {
            self.hidden.remove(topic);
        }
    }

    /// The route of a topic, if any broker has it.
    pub fn route(&self, topic: &str) -> Option<TopicRouteData> {
        let mut route = TopicRouteData::default();
        let brokers = self.brokers.iter().filter(|_| !self.hidden.contains(topic));
        for (name, replicas) in brokers {
            let Some(config) = replicas.topics.get(topic) else { continue };
            route.queue_datas.push(QueueData {
                broker_name: name.clone(),
                perm: config.perm,
                read_queue_nums: config.read_queues,
                write_queue_nums: config.write_queues,
                topic_sys_flag: config.sys_flag,
            });
            route.broker_datas.push(BrokerData {
                broker_addrs: replicas.addresses.iter().map(|(id, at)| (*id, at.to_string())).collect(),
                broker_name: name.clone(),
                cluster: replicas.cluster.clone(),
                ..Default::default()
            });
        }
        (!route.queue_datas.is_empty()).then_some(route)
    }

    /// The form of the heads it sends, JSON unless said otherwise.
    pub fn answer_in(&mut self, serialize: SerializeType) {
        self.peers.serialize = serialize;
    }

    /// Keeps a history of answers from now on.
    pub fn keep(&mut self, keep: Keep) {
        *self.peers.keep = keep;
    }

    /// Takes what it has answered since the last call.
    pub fn take_answered(&mut self) -> Vec<Answered> {
        std::mem::take(&mut self.peers.answered)
    }

    pub(crate) fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    pub(crate) fn handle_bytes(&mut self, peer: PeerId, bytes: &[u8], now: Now) {
        *self.peers.now = now;
        let input = self.peers.take_input(peer, bytes);
        let mut parsed = 0;
        while self.peers.is_open(peer) {
            let Some((frame, next)) = self.peers.frame_at(peer, &input, parsed) else { break };
            parsed = next;
            let head = input.get(frame.head).unwrap_or_default();
            match Head::parse(frame.serialize, head) {
                Ok(head) if !head.is_response() => self.on_request(peer, &head),
                Ok(_) => {}
                Err(_) => self.peers.hang_up(peer),
            }
        }
        self.peers.restore_input(peer, input, parsed);
    }

    fn on_request(&mut self, peer: PeerId, head: &Head<'_>) {
        let to = ReplyTo::new(peer, head);
        if head.request_code() != RequestCode::GET_ROUTEINFO_BY_TOPIC {
            return not_supported(&mut self.peers, &to, head.request_code());
        }
        let fields = head.fields::<GetRouteInfoRequest<'_>>();
        // Java joins the text of what is not there.
        let topic = fields.as_ref().map_or("null", |fields| &*fields.topic);
        let Some(route) = self.route(topic) else {
            let remark = format!("No topic route info in name server for the topic: {topic}{FAQ}");
            return self.peers.refuse(&to, ResponseCode::TOPIC_NOT_EXIST, &remark);
        };
        let asked = fields.is_ok_and(|fields| fields.accept_standard_json_only == Some(true));
        let mut body = route.encode();
        if !asked && head.version < FIRST_WITH_STANDARD_JSON {
            body = bare_keys(&body);
        }
        self.peers.answer(&to, ResponseCode::SUCCESS, None, &NoFields, &body);
    }
}

/// Broker addresses as clients before 4.9.4 get them: the numbers before them are not quoted.
fn bare_keys(body: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(body.len());
    let mut rest = std::str::from_utf8(body).unwrap_or_default();
    let begins = "\"brokerAddrs\":{";
    while let Some((before, after)) = rest.split_once(begins) {
        let Some((addresses, after)) = after.split_once('}') else { break };
        let bare = |entry: &str| match entry.split_once(':') {
            Some((id, address)) => format!("{}:{address}", id.trim_matches('"')),
            None => entry.to_string(),
        };
        let addresses: Vec<String> = addresses.split(',').map(bare).collect();
        out.extend([before, begins, &addresses.join(","), "}"]);
        rest = after;
    }
    out.push_str(rest);
    out.into_bytes()
}
