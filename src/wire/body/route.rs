//! Where a topic's queues are: `TopicRouteData`.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{BodyError, boolean, int, items, optional_text, parse, text};
use crate::wire::json::{Value, Writer};

/// Most queues of one topic at one broker.
pub const MAX_QUEUES: usize = 65_536;
/// Most brokers of one topic.
pub const MAX_BROKERS: usize = 4_096;

/// The answer to GET_ROUTEINFO_BY_TOPIC (105).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TopicRouteData {
    /// `brokerA:4;brokerB:4`: an ordered topic's queues, which then replace `queue_datas` for publishing.
    pub order_topic_conf: Option<String>,
    /// Queues, by broker name.
    pub queue_datas: Vec<QueueData>,
    /// Brokers, with addresses.
    pub broker_datas: Vec<BrokerData>,
}

/// A topic's queues at one broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QueueData {
    /// The broker.
    pub broker_name: String,
    /// Bits: 4 read, 2 write, 1 inherit.
    pub perm: u32,
    /// Queues to read from.
    pub read_queue_nums: u32,
    /// Unit bits.
    pub topic_sys_flag: i32,
    /// Queues to write to.
    pub write_queue_nums: u32,
}

/// One broker: a master and its slaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BrokerData {
    /// Addresses by replica id, 0 is the master.
    pub broker_addrs: BTreeMap<i64, String>,
    /// The broker.
    pub broker_name: String,
    /// Its cluster.
    pub cluster: String,
    /// The smallest id acts as master.
    pub enable_acting_master: bool,
}

fn count(value: &Value<'_>, member: &'static str) -> Result<u32, BodyError> {
    let count = int(value, member);
    match u32::try_from(count) {
        Ok(found) if found as usize <= MAX_QUEUES => Ok(found),
        _ => Err(BodyError::TooMany { member, count, limit: MAX_QUEUES }),
    }
}

impl TopicRouteData {
    /// Reads a body.
    pub fn decode(body: &[u8]) -> Result<Self, BodyError> {
        let value = parse(body)?;
        for member in ["queueDatas", "brokerDatas"] {
            let found = items(&value, member).len();
            if found > MAX_BROKERS {
                return Err(BodyError::TooMany { member, count: found as i64, limit: MAX_BROKERS });
            }
        }
        let queues = items(&value, "queueDatas").iter().map(QueueData::read);
        let brokers = items(&value, "brokerDatas").iter().map(BrokerData::read);
        Ok(Self {
            order_topic_conf: optional_text(&value, "orderTopicConf"),
            queue_datas: queues.collect::<Result<_, BodyError>>()?,
            broker_datas: brokers.collect::<Result<_, BodyError>>()?,
        })
    }

    /// Writes a body in standard JSON.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.object(|out| {
            out.member("brokerDatas").array(|out| {
                for broker in &self.broker_datas {
                    broker.write(out.item());
                }
            });
            out.member("filterServerTable").object(|_| {});
            if let Some(conf) = &self.order_topic_conf {
                out.member("orderTopicConf").string(conf);
            }
            out.member("queueDatas").array(|out| {
                for queue in &self.queue_datas {
                    queue.write(out.item());
                }
            });
        });
        out.finish()
    }
}

impl QueueData {
    fn read(value: &Value<'_>) -> Result<Self, BodyError> {
        Ok(Self {
            broker_name: text(value, "brokerName")?,
            perm: count(value, "perm")?,
            read_queue_nums: count(value, "readQueueNums")?,
            topic_sys_flag: int(value, "topicSysFlag") as i32,
            write_queue_nums: count(value, "writeQueueNums")?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.object(|out| {
            out.member("brokerName").string(&self.broker_name);
            out.member("perm").int(i64::from(self.perm));
            out.member("readQueueNums").int(i64::from(self.read_queue_nums));
            out.member("topicSysFlag").int(i64::from(self.topic_sys_flag));
            out.member("writeQueueNums").int(i64::from(self.write_queue_nums));
        });
    }
}

impl BrokerData {
    fn read(value: &Value<'_>) -> Result<Self, BodyError> {
        let mut broker_addrs = BTreeMap::new();
        for (id, address) in value.get("brokerAddrs").and_then(Value::members).unwrap_or_default() {
            if let (Some(id), Some(address)) = (id.to_i64(), address.as_text()) {
                broker_addrs.insert(id, address.as_str().into_owned());
            }
        }
        Ok(Self {
            broker_addrs,
            broker_name: text(value, "brokerName")?,
            cluster: optional_text(value, "cluster").unwrap_or_default(),
            enable_acting_master: boolean(value, "enableActingMaster"),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.object(|out| {
            out.member("brokerAddrs").object(|out| {
                for (id, address) in &self.broker_addrs {
                    out.member(&alloc::format!("{id}")).string(address);
                }
            });
            out.member("brokerName").string(&self.broker_name);
            out.member("cluster").string(&self.cluster);
            out.member("enableActingMaster").boolean(self.enable_acting_master);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_and_the_limits() {
        let bare = br#"{"brokerDatas":[{"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"},"brokerName":"broker-a","cluster":"C","enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}"#;
        let route = TopicRouteData::decode(bare).expect("fastjson dialect");
        assert_eq!(route.broker_datas[0].broker_addrs[&1], "10.0.0.2:10911");
        assert_eq!(TopicRouteData::decode(&route.encode()), Ok(route));
        let many =
            br#"{"queueDatas":[{"brokerName":"b","perm":6,"readQueueNums":2147483647,"writeQueueNums":-1}]}"#;
        let error = TopicRouteData::decode(many).expect_err("too many");
        assert_eq!(
            error,
            BodyError::TooMany { member: "readQueueNums", count: 2_147_483_647, limit: MAX_QUEUES }
        );
    }
}
