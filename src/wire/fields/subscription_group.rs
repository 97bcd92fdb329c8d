//! Consumer groups as brokers keep them, and who is connected with one.

use alloc::borrow::Cow;

use super::{bare, fields};

fields! {
    /// GET_SUBSCRIPTIONGROUP_CONFIG (352): `GetSubscriptionGroupConfigRequestHeader`. Answer: a `SubscriptionGroupConfig`. The query
    /// itself may create the group.
    GetSubscriptionGroupConfigRequest<'a> = GET_SUBSCRIPTIONGROUP_CONFIG {
        /// The group.
        group: Cow<'a, str> = "group",
    }

    /// GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201): `GetAllSubscriptionGroupRequestHeader`; without fields everything comes at once.
    /// Answer: a `SubscriptionGroupWrapper`.
    GetAllSubscriptionGroupRequest<'a> = GET_ALL_SUBSCRIPTIONGROUP_CONFIG {
        /// JSON of the version the earlier pages had.
        data_version: Option<Cow<'a, str>> = "dataVersion",
        /// Where the page begins (5.3.3 and later).
        group_seq: Option<i32> = "groupSeq",
        /// Most groups of this page (5.3.3 and later).
        max_group_num: Option<i32> = "maxGroupNum",
    }

    /// Beside the answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG: `GetAllSubscriptionGroupResponseHeader`.
    GetAllSubscriptionGroupResponse {
        /// Groups there are (5.3.3 and later).
        total_group_num: Option<i32> = "totalGroupNum",
    }

    /// DELETE_SUBSCRIPTIONGROUP (207): `DeleteSubscriptionGroupRequestHeader`.
    DeleteSubscriptionGroupRequest<'a> = DELETE_SUBSCRIPTIONGROUP {
        /// Its offsets go too.
        clean_offset: Option<bool> = "cleanOffset",
        /// The group.
        group_name: Cow<'a, str> = "groupName",
    }

    /// UPDATE_AND_GET_GROUP_FORBIDDEN (353): `UpdateGroupForbiddenRequestHeader`. Answer: a `GroupForbidden`.
    UpdateGroupForbiddenRequest<'a> = UPDATE_AND_GET_GROUP_FORBIDDEN {
        /// The group.
        group: Cow<'a, str> = "group",
        /// Whether it may read the topic; absent changes nothing.
        readable: Option<bool> = "readable",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// GET_CONSUME_STATS (208): `GetConsumeStatsRequestHeader`. Answer: `ConsumeStats`.
    GetConsumeStatsRequest<'a> = GET_CONSUME_STATS {
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// One topic.
        topic: Option<Cow<'a, str>> = "topic",
        /// Several topics with `;` between; wins over `topic`.
        topic_list: Option<Cow<'a, str>> = "topicList",
    }

    /// GET_CONSUMER_CONNECTION_LIST (203): `GetConsumerConnectionListRequestHeader`. Answer: a `ConsumerConnection`, or code 206.
    GetConsumerConnectionListRequest<'a> = GET_CONSUMER_CONNECTION_LIST {
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
    }

    /// GET_PRODUCER_CONNECTION_LIST (204): `GetProducerConnectionListRequestHeader`. Answer: a `ProducerConnection`.
    GetProducerConnectionListRequest<'a> = GET_PRODUCER_CONNECTION_LIST {
        /// The producer group.
        producer_group: Cow<'a, str> = "producerGroup",
    }

    /// GET_ALL_PRODUCER_INFO (328). Answer: a `ProducerTableInfo`.
    GetAllProducerInfoRequest = GET_ALL_PRODUCER_INFO {}

    /// QUERY_TOPICS_BY_CONSUMER (343): `QueryTopicsByConsumerRequestHeader`. Answer: a `TopicList`.
    QueryTopicsByConsumerRequest<'a> = QUERY_TOPICS_BY_CONSUMER {
        /// The consumer group.
        group: Cow<'a, str> = "group",
    }

    /// QUERY_SUBSCRIPTION_BY_CONSUMER (345): `QuerySubscriptionByConsumerRequestHeader`. Answer: a `QuerySubscriptionResponseBody`.
    QuerySubscriptionByConsumerRequest<'a> = QUERY_SUBSCRIPTION_BY_CONSUMER {
        /// The consumer group.
        group: Cow<'a, str> = "group",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }
}

bare! {
    /// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200). Body: a `SubscriptionGroupConfig`.
    UpdateSubscriptionGroupRequest = UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    /// UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST (225). Body: a `SubscriptionGroupList`.
    UpdateSubscriptionGroupListRequest = UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST;
    /// DELETE_SUBSCRIPTION_GROUP_LIST (5003, 5.5.1 and later). Body: a `DeleteSubscriptionGroupListBody`.
    DeleteSubscriptionGroupListRequest = DELETE_SUBSCRIPTION_GROUP_LIST;
}
