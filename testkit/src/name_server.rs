//! The name server: which broker has which topic (Java `ClientRequestProcessor`, `RouteInfoManager`).

use std::collections::BTreeMap;

use rocketmq_engine::wire::body::{BrokerData, QueueData, TopicRouteData};
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
use rocketmq_engine::wire::fields::GetRouteInfoRequest;
use rocketmq_engine::wire::header::{Head, NoFields};

use crate::peer::{PeerId, Peers, ReplyTo, not_supported};

/// What a broker tells name servers about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// The broker's name, cluster and addresses.
    pub broker: BrokerData,
    /// Its topics: permission, queues to read, queues to write.
    pub topics: BTreeMap<String, QueueData>,
}

/// A name server as a machine.
#[derive(Debug, Default)]
pub struct NameServer {
    peers: Peers,
    brokers: BTreeMap<String, Registration>,
}

impl NameServer {
    /// A broker says what it has; what it said before is forgotten.
    pub fn register(&mut self, registration: Registration) {
        self.brokers.insert(registration.broker.broker_name.clone(), registration);
    }

    /// A broker is gone.
    pub fn unregister(&mut self, broker_name: &str) {
        self.brokers.remove(broker_name);
    }

    /// The route of a topic, if any broker has it.
    pub fn route(&self, topic: &str) -> Option<TopicRouteData> {
        let having = self.brokers.values().filter_map(|broker| Some((broker, broker.topics.get(topic)?)));
        let mut route = TopicRouteData::default();
        for (broker, queues) in having {
            route.queue_datas.push(queues.clone());
            route.broker_datas.push(broker.broker.clone());
        }
        (!route.queue_datas.is_empty()).then_some(route)
    }

    pub(crate) fn peers(&mut self) -> &mut Peers {
        &mut self.peers
    }

    pub(crate) fn handle_bytes(&mut self, peer: PeerId, bytes: &[u8]) {
        let input = self.peers.take_input(peer, bytes);
        let mut parsed = 0;
        while let Some((frame, next)) = self.peers.frame_at(peer, &input, parsed) {
            parsed = next;
            let head = input.get(frame.head).unwrap_or_default();
            match Head::parse(frame.serialize, head) {
                Ok(head) if !head.is_response() => self.on_request(peer, &head, frame.serialize),
                Ok(_) => {}
                Err(_) => self.peers.hang_up(peer),
            }
        }
        self.peers.restore_input(peer, input, parsed);
    }

    fn on_request(
        &mut self,
        peer: PeerId,
        head: &Head<'_>,
        serialize: rocketmq_engine::wire::frame::SerializeType,
    ) {
        let to = ReplyTo::new(peer, head, serialize);
        if head.request_code() != RequestCode::GET_ROUTEINFO_BY_TOPIC {
            return not_supported(&mut self.peers, &to, head.request_code());
        }
        match head.fields::<GetRouteInfoRequest<'_>>() {
            Ok(fields) => match self.route(&fields.topic) {
                Some(route) => {
                    self.peers.answer(&to, ResponseCode::SUCCESS, None, &NoFields, &route.encode());
                }
                None => {
                    let topic = &fields.topic;
                    let remark = format!(
                        "No topic route info in name server for the topic: {topic}\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
                    );
                    self.peers.refuse(&to, ResponseCode::TOPIC_NOT_EXIST, &remark);
                }
            },
            Err(error) => self.peers.refuse(&to, ResponseCode::SYSTEM_ERROR, &error.to_string()),
        }
    }
}
