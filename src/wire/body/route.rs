//! Where a topic's queues are: `TopicRouteData`.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{BodyError, Found, Member, TopicQueueMappingInfo, body};
use crate::wire::json::Writer;

/// Most queues of one topic at one broker.
pub const MAX_QUEUES: usize = 65_536;
/// Most brokers of one topic.
pub const MAX_BROKERS: usize = 4_096;

body! {
    /// The answer to GET_ROUTEINFO_BY_TOPIC (105).
    #[derive(Eq, Hash)]
    TopicRouteData {
        /// Brokers, with addresses.
        broker_datas: Vec<BrokerData> = "brokerDatas",
        /// Legacy, empty.
        filter_server_table: BTreeMap<String, Vec<String>> = "filterServerTable",
        /// `brokerA:4;brokerB:4`: an ordered topic's queues, which then replace `queue_datas` for publishing.
        order_topic_conf: Option<String> = "orderTopicConf",
        /// Queues, by broker name.
        queue_datas: Vec<QueueData> = "queueDatas",
        /// Of a static topic, by broker name.
        topic_queue_mapping_by_broker: Option<BTreeMap<String, TopicQueueMappingInfo>>
            = "topicQueueMappingByBroker",
    }

    /// A topic's queues at one broker.
    #[derive(Eq, Hash)]
    QueueData max MAX_BROKERS {
        /// The broker.
        broker_name: String = "brokerName",
        /// Bits: 4 read, 2 write, 1 inherit.
        perm: u32 = "perm",
        /// Queues to read from.
        read_queue_nums: u32 = "readQueueNums",
        /// Unit bits.
        topic_sys_flag: i32 = "topicSysFlag",
        /// Queues to write to.
        write_queue_nums: u32 = "writeQueueNums",
    }

    /// One broker: a master and its slaves.
    #[derive(Eq, Hash)]
    BrokerData max MAX_BROKERS {
        /// Addresses by replica id, 0 is the master.
        broker_addrs: BTreeMap<i64, String> = "brokerAddrs",
        /// The broker.
        broker_name: String = "brokerName",
        /// Its cluster.
        cluster: String = "cluster" or String::new(),
        /// The smallest id acts as master.
        enable_acting_master: bool = "enableActingMaster",
        /// Its zone.
        zone_name: Option<String> = "zoneName",
    }
}

/// A number of queues, or bits among them: never negative, never more than there can be.
impl Member for u32 {
    fn read(found: Found<'_, '_>, member: &'static str) -> Result<Self, BodyError> {
        let count = i64::read(found, member)?;
        match Self::try_from(count) {
            Ok(found) if found as usize <= MAX_QUEUES => Ok(found),
            _ => Err(BodyError::TooMany { member, at: found.at(), count, limit: MAX_QUEUES }),
        }
    }

    fn put(&self, out: &mut Writer) {
        out.int(i64::from(*self));
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
            BodyError::TooMany { member: "readQueueNums", at: 58, count: 2_147_483_647, limit: MAX_QUEUES }
        );
    }
}
