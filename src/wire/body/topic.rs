//! Topics as brokers keep them.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{TopicQueueMappingDetail, TopicQueueMappingInfo, body};

body! {
    /// A topic at one broker: `TopicConfig`, with the mapping of a static one (`TopicConfigAndQueueMapping`).
    #[derive(Eq, Hash)]
    TopicConfig {
        /// Such as `message.type` (5.0 and later).
        attributes: BTreeMap<String, String> = "attributes",
        /// Where a static topic's queues are.
        mapping_detail: Option<TopicQueueMappingDetail> = "mappingDetail",
        /// Ordered.
        order: bool = "order",
        /// 4 read, 2 write, 1 inherit.
        perm: i32 = "perm" or 6,
        /// Queues to read from.
        read_queue_nums: i32 = "readQueueNums" or 16,
        /// `SINGLE_TAG` or `MULTI_TAG`.
        topic_filter_type: Option<String> = "topicFilterType",
        /// The topic.
        topic_name: String = "topicName",
        /// Unit bits.
        topic_sys_flag: i32 = "topicSysFlag",
        /// Queues to write to.
        write_queue_nums: i32 = "writeQueueNums" or 16,
    }

    /// The body of UPDATE_AND_CREATE_TOPIC_LIST (18): `CreateTopicListRequestBody`.
    #[derive(Eq, Hash)]
    CreateTopicListRequestBody {
        /// The topics.
        topic_config_list: Vec<TopicConfig> = "topicConfigList",
    }

    /// The answer to GET_ALL_TOPIC_CONFIG (21): `TopicConfigAndMappingSerializeWrapper`.
    #[derive(Eq, Hash)]
    TopicConfigSerializeWrapper {
        /// Version of the table.
        data_version: Option<DataVersion> = "dataVersion",
        /// Version of the mappings (5.0 and later).
        mapping_data_version: Option<DataVersion> = "mappingDataVersion",
        /// Topics by name.
        topic_config_table: BTreeMap<String, TopicConfig> = "topicConfigTable",
        /// Static topics by name.
        topic_queue_mapping_detail_map: Option<BTreeMap<String, TopicQueueMappingDetail>> = "topicQueueMappingDetailMap",
        /// The same without history.
        topic_queue_mapping_info_map: Option<BTreeMap<String, TopicQueueMappingInfo>> = "topicQueueMappingInfoMap",
    }

    /// Which state of a table: `DataVersion`.
    #[derive(Eq, Hash)]
    DataVersion {
        /// Counts changes.
        counter: i64 = "counter",
        /// Of a controller (5.0 and later).
        state_version: i64 = "stateVersion",
        /// Milliseconds since 1970.
        timestamp: i64 = "timestamp",
    }

    /// Topics: `TopicList`.
    #[derive(Eq, Hash)]
    TopicList {
        /// The broker that said so.
        broker_addr: Option<String> = "brokerAddr",
        /// The topics.
        topic_list: Vec<String> = "topicList",
    }

    /// Groups: `GroupList`.
    #[derive(Eq, Hash)]
    GroupList {
        /// The groups.
        group_list: Vec<String> = "groupList",
    }

    /// Texts by name: `KVTable`.
    #[derive(Eq, Hash)]
    KvTable {
        /// The texts.
        table: BTreeMap<String, String> = "table",
    }
}
