//! Topics, made and looked at at each broker's master.

use alloc::borrow::Cow;

use super::{As, bare, fields};

fields! {
    /// UPDATE_AND_CREATE_TOPIC (17): `CreateTopicRequestHeader`.
    CreateTopicRequest<'a> = UPDATE_AND_CREATE_TOPIC {
        /// `+key=value,-key`: attributes set and taken away (5.0 and later).
        attributes: Option<Cow<'a, str>> = "attributes",
        /// Topic the new one is modelled on.
        default_topic: Cow<'a, str> = "defaultTopic",
        /// Of static topics.
        force: Option<bool> = "force",
        /// True for an ordered topic.
        order: Option<bool> = "order",
        /// 4 read, 2 write, 1 inherit.
        perm: i32 = "perm",
        /// Queues to read from.
        read_queue_nums: i32 = "readQueueNums",
        /// The topic.
        topic: Cow<'a, str> = "topic",
        /// `SINGLE_TAG` or `MULTI_TAG`.
        topic_filter_type: Cow<'a, str> = "topicFilterType",
        /// Unit bits.
        topic_sys_flag: Option<i32> = "topicSysFlag",
        /// Queues to write to.
        write_queue_nums: i32 = "writeQueueNums",
    }

    /// UPDATE_AND_CREATE_TOPIC_LIST (18). Body: a `CreateTopicListRequestBody`.
    CreateTopicListRequest = UPDATE_AND_CREATE_TOPIC_LIST {}

    /// DELETE_TOPIC_IN_BROKER (215): `DeleteTopicRequestHeader`.
    DeleteTopicRequest<'a> = DELETE_TOPIC_IN_BROKER {
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// GET_TOPIC_CONFIG (351): `GetTopicConfigRequestHeader`. Answer: a `TopicConfig`, or code 17.
    GetTopicConfigRequest<'a> = GET_TOPIC_CONFIG {
        /// With the mapping of a static topic.
        lo: Option<bool> = "lo",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// GET_ALL_TOPIC_CONFIG (21): `GetAllTopicConfigRequestHeader`; without fields everything comes at once. Answer: a
    /// `TopicConfigSerializeWrapper`.
    GetAllTopicConfigRequest<'a> = GET_ALL_TOPIC_CONFIG {
        /// JSON of the version the earlier pages had.
        data_version: Option<Cow<'a, str>> = "dataVersion",
        /// Most topics of this page (5.3.3 and later).
        max_topic_num: Option<i32> = "maxTopicNum",
        /// Where the page begins (5.3.3 and later).
        topic_seq: Option<i32> = "topicSeq",
    }

    /// Beside the answer to GET_ALL_TOPIC_CONFIG: `GetAllTopicConfigResponseHeader`.
    GetAllTopicConfigResponse {
        /// Topics there are (5.3.3 and later).
        total_topic_num: Option<i32> = "totalTopicNum",
    }

    /// GET_TOPIC_STATS_INFO (202): `GetTopicStatsInfoRequestHeader`. Answer: a `TopicStatsTable`, or code 17.
    GetTopicStatsInfoRequest<'a> = GET_TOPIC_STATS_INFO {
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// QUERY_TOPIC_CONSUME_BY_WHO (300): `QueryTopicConsumeByWhoRequestHeader`. Answer: a `GroupList`.
    QueryTopicConsumeByWhoRequest<'a> = QUERY_TOPIC_CONSUME_BY_WHO {
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// QUERY_CONSUME_TIME_SPAN (303): `QueryConsumeTimeSpanRequestHeader`. Answer: a `QueryConsumeTimeSpanBody`.
    QueryConsumeTimeSpanRequest<'a> = QUERY_CONSUME_TIME_SPAN {
        /// The consumer group.
        group: Cow<'a, str> = "group",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }
}

bare! {
    /// GET_SYSTEM_TOPIC_LIST_FROM_BROKER (305). Answer: a `TopicList`.
    GetSystemTopicListFromBrokerRequest = GET_SYSTEM_TOPIC_LIST_FROM_BROKER;
    /// DELETE_TOPIC_IN_BROKER_LIST (5002, 5.5.1 and later). Body: a `TopicList`.
    DeleteTopicListRequest = DELETE_TOPIC_IN_BROKER_LIST;
    /// CLEAN_UNUSED_TOPIC (316).
    CleanUnusedTopicRequest = CLEAN_UNUSED_TOPIC;
}

/// UPDATE_AND_CREATE_STATIC_TOPIC (513). Body: a `TopicQueueMappingDetail`.
pub type CreateStaticTopicRequest<'a> = As<CreateTopicRequest<'a>, 513>;
