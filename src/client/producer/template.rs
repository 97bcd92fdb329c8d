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
/// Templates of one topic: beyond it all are made anew.
const LIMIT: usize = 4096;

/// The templates of one topic: for each broker, by its index, those of the producers that send there, mostly one.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Templates {
    brokers: Vec<Vec<Kept>>,
    count: usize,
}

#[derive(Clone, Debug, Hash)]
struct Kept {
    producer: ProducerId,
    oneway: bool,
    template: HeadTemplate,
}

impl Templates {
    /// The template for a send of this producer to this broker.
    #[inline]
    pub(super) fn get(
        &mut self,
        id: ProducerId,
        config: &ProducerConfig,
        topic: &Topic,
        broker: &BrokerName,
        oneway: bool,
        connection: &ConnectionConfig,
    ) -> Option<&mut HeadTemplate> {
        let index = broker.index();
        let kept = self.brokers.get(index).map_or(&[][..], Vec::as_slice);
        let place = match kept.iter().position(|kept| kept.producer == id && kept.oneway == oneway) {
            Some(place) => place,
            None => {
                let template = make(config, topic, broker, oneway, connection)?;
                self.keep(index, Kept { producer: id, oneway, template })
            }
        };
        self.brokers.get_mut(index)?.get_mut(place).map(|kept| &mut kept.template)
    }

    /// Keeps one more; its place among those of its broker.
    #[cold]
    fn keep(&mut self, broker: usize, template: Kept) -> usize {
        if self.count >= LIMIT {
            self.brokers.iter_mut().for_each(Vec::clear);
            self.count = 0;
        }
        if self.brokers.len() <= broker {
            self.brokers.reserve_exact(broker + 1 - self.brokers.len());
            self.brokers.resize_with(broker + 1, Vec::new);
        }
        self.count += 1;
        let Some(kept) = self.brokers.get_mut(broker) else { return 0 };
        kept.reserve_exact(1);
        kept.push(template);
        kept.len() - 1
    }

    /// Drops those of a producer that is gone.
    pub(super) fn forget(&mut self, id: ProducerId) {
        for kept in &mut self.brokers {
            let before = kept.len();
            kept.retain(|kept| kept.producer != id);
            self.count -= before - kept.len();
        }
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
