//! Lite topics (5.5 and later).
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{OffsetWrapper, TopicOffset, body};

body! {
    /// The body of LITE_SUBSCRIPTION_CTL (200071): `LiteSubscriptionCtlRequestBody`.
    #[derive(Eq, Hash)]
    LiteSubscriptionCtlRequestBody {
        /// What changes.
        subscription_set: Vec<LiteSubscriptionDto> = "subscriptionSet",
    }

    /// One change: `LiteSubscriptionDTO`.
    #[derive(Eq, Hash)]
    LiteSubscriptionDto {
        /// `PARTIAL_ADD`, `PARTIAL_REMOVE`, `COMPLETE_ADD` or `COMPLETE_REMOVE`.
        action: String = "action",
        /// The consumer.
        client_id: String = "clientId",
        /// Its group.
        group: String = "group",
        /// Lite topics.
        lite_topic_set: Option<Vec<String>> = "liteTopicSet",
        /// Where they begin, with `PARTIAL_ADD`.
        offset_option: Option<OffsetOption> = "offsetOption",
        /// The parent topic.
        topic: String = "topic",
        /// Carried along.
        version: i64 = "version",
    }

    /// Where to begin: `OffsetOption`.
    #[derive(Eq, Hash)]
    OffsetOption {
        /// `POLICY`, `OFFSET` or `TAIL_N`.
        kind: String = "type",
        /// Policy 0 last, 1 first, 2 behind the last; an offset; messages before the committed one.
        value: i64 = "value",
    }

    /// The answer to GET_BROKER_LITE_INFO (200074): `GetBrokerLiteInfoResponseBody`.
    #[derive(Eq, Hash)]
    GetBrokerLiteInfoResponseBody {
        /// Queues.
        cq_table_size: i32 = "cqTableSize",
        /// Light queues.
        current_lmq_num: i32 = "currentLmqNum",
        /// Consumers with events.
        event_map_size: i32 = "eventMapSize",
        /// Groups by parent topic.
        group_meta: BTreeMap<String, Vec<String>> = "groupMeta",
        /// Subscriptions.
        lite_subscription_count: i32 = "liteSubscriptionCount",
        /// Most light queues.
        max_lmq_num: i32 = "maxLmqNum",
        /// Offsets kept.
        offset_table_size: i32 = "offsetTableSize",
        /// Batches out.
        order_info_count: i32 = "orderInfoCount",
        /// `default` or RocksDB.
        store_type: Option<String> = "storeType",
        /// Minutes a lite topic lives, by parent topic.
        topic_meta: BTreeMap<String, i32> = "topicMeta",
    }

    /// The answer to GET_PARENT_TOPIC_INFO (200075): `GetParentTopicInfoResponseBody`.
    #[derive(Eq, Hash)]
    GetParentTopicInfoResponseBody {
        /// Groups bound to it.
        groups: Vec<String> = "groups",
        /// Lite topics.
        lite_topic_count: i32 = "liteTopicCount",
        /// Light queues.
        lmq_num: i32 = "lmqNum",
        /// The parent topic.
        topic: Option<String> = "topic",
        /// Minutes a lite topic lives; -1 for ever.
        ttl: i32 = "ttl",
    }

    /// The answer to GET_LITE_TOPIC_INFO (200076): `GetLiteTopicInfoResponseBody`.
    #[derive(Eq, Hash)]
    GetLiteTopicInfoResponseBody {
        /// The lite topic.
        lite_topic: Option<String> = "liteTopic",
        /// The parent topic.
        parent_topic: Option<String> = "parentTopic",
        /// The name belongs to this broker.
        sharding_to_broker: bool = "shardingToBroker",
        /// Who subscribes.
        subscriber: Vec<LiteSubscriber> = "subscriber",
        /// Limits.
        topic_offset: Option<TopicOffset> = "topicOffset",
    }

    /// A lite consumer and its group: `ClientGroup`.
    #[derive(Eq, Hash)]
    LiteSubscriber {
        /// The consumer.
        client_id: String = "clientId",
        /// Its group.
        group: String = "group",
    }

    /// The answer to GET_LITE_CLIENT_INFO (200077): `GetLiteClientInfoResponseBody`. Times in milliseconds since 1970.
    #[derive(Eq, Hash)]
    GetLiteClientInfoResponseBody {
        /// The consumer.
        client_id: Option<String> = "clientId",
        /// As asked.
        group: Option<String> = "group",
        /// When it last came.
        last_access_time: i64 = "lastAccessTime",
        /// When it last got something.
        last_consume_time: i64 = "lastConsumeTime",
        /// Lite topics; -1: no such consumer.
        lite_topic_count: i32 = "liteTopicCount",
        /// Names of light queues.
        lite_topic_set: Vec<String> = "liteTopicSet",
        /// The parent topic.
        parent_topic: Option<String> = "parentTopic",
    }

    /// The answer to GET_LITE_GROUP_INFO (200078): `GetLiteGroupInfoResponseBody`.
    #[derive(Eq, Hash)]
    GetLiteGroupInfoResponseBody {
        /// Milliseconds since 1970; -1: nothing is left.
        earliest_unconsumed_timestamp: i64 = "earliestUnconsumedTimestamp",
        /// The group.
        group: Option<String> = "group",
        /// Those with most left.
        lag_count_top_k: Option<Vec<LiteLagInfo>> = "lagCountTopK",
        /// Those with the oldest left.
        lag_timestamp_top_k: Option<Vec<LiteLagInfo>> = "lagTimestampTopK",
        /// As asked.
        lite_topic: Option<String> = "liteTopic",
        /// Its progress.
        lite_topic_offset_wrapper: Option<OffsetWrapper> = "liteTopicOffsetWrapper",
        /// The parent topic.
        parent_topic: Option<String> = "parentTopic",
        /// Messages left.
        total_lag_count: i64 = "totalLagCount",
    }

    /// How far behind one lite topic is: `LiteLagInfo`.
    #[derive(Eq, Hash)]
    LiteLagInfo {
        /// Milliseconds since 1970.
        earliest_unconsumed_timestamp: i64 = "earliestUnconsumedTimestamp",
        /// Messages left.
        lag_count: i64 = "lagCount",
        /// The lite topic.
        lite_topic: Option<String> = "liteTopic",
    }
}
