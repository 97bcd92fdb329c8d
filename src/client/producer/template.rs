//! Heads of sends, encoded once for each producer, topic and broker: what changes from send to send is filled in.

use alloc::vec::Vec;

use super::config::ProducerConfig;
use crate::client::ids::ProducerId;
use crate::client::names::{BrokerName, Topic};
use crate::connection::ConnectionConfig;
use crate::wire::fields::{Parts, SendMessageV2Request};
use crate::wire::header::{Flag, HeadSpec, HeadTemplate, Request};
use crate::wire::message::names::DEFAULT_TOPIC;

/// Keys of what changes: queue, time of birth, the application's flag, properties. In this order.
const HOLES: [&str; 4] = ["e", "g", "h", "i"];
/// Templates of one topic: beyond it they are made anew.
const LIMIT: usize = 4096;

/// Producer, broker, and whether it is sent one-way.
type Key = (ProducerId, u32, bool);

/// The templates of one topic, sorted by key: a few for most topics, one a broker for large ones.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Templates(Vec<(Key, HeadTemplate)>);

impl Templates {
    /// The template for a send of this producer to this broker.
    pub(super) fn get(
        &mut self,
        id: ProducerId,
        config: &ProducerConfig,
        topic: &Topic,
        broker: &BrokerName,
        oneway: bool,
        connection: &ConnectionConfig,
    ) -> Option<&HeadTemplate> {
        let key = (id, broker.index() as u32, oneway);
        let place = match self.0.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(place) => place,
            Err(_) if self.0.len() >= LIMIT => {
                self.0.clear();
                self.0.push((key, make(config, topic, broker, oneway, connection)?));
                0
            }
            Err(place) => {
                let template = make(config, topic, broker, oneway, connection)?;
                self.0.reserve_exact(1);
                self.0.insert(place, (key, template));
                place
            }
        };
        self.0.get(place).map(|(_, template)| template)
    }

    /// Drops those of a producer that is gone.
    pub(super) fn forget(&mut self, id: ProducerId) {
        self.0.retain(|((of, ..), _)| *of != id);
    }
}

#[cold]
fn make(
    config: &ProducerConfig,
    topic: &Topic,
    broker: &BrokerName,
    oneway: bool,
    connection: &ConnectionConfig,
) -> Option<HeadTemplate> {
    let spec = HeadSpec {
        code: SendMessageV2Request::CODE.0,
        language: connection.language,
        version: connection.version,
        opaque: 0,
        flag: if oneway { Flag::ONEWAY } else { Flag::REQUEST },
        remark: None,
    };
    let fields = SendMessageV2Request {
        producer_group: config.group.as_str().into(),
        topic: topic.as_str().into(),
        default_topic: DEFAULT_TOPIC.into(),
        default_topic_queue_nums: config.default_topic_queue_nums as i32,
        queue_id: 0,
        sys_flag: 0,
        born_timestamp: 0,
        flag: 0,
        properties: Some(Parts::default()),
        reconsume_times: Some(0),
        unit_mode: Some(config.unit_mode),
        max_reconsume_times: None,
        batch: Some(false),
        broker_name: Some(broker.as_str().into()),
    };
    HeadTemplate::new(connection.serialize, &spec, &fields, &HOLES)
}
