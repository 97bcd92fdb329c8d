//! Lite topics (5.5 and later): many light queues under one parent topic, popped together.

use alloc::borrow::Cow;

use super::{bare, fields};

fields! {
    /// POP_LITE_MESSAGE (200070): `PopLiteMessageRequestHeader`.
    PopLiteMessageRequest<'a> = POP_LITE_MESSAGE {
        /// As of an ordered pop.
        attempt_id: Option<Cow<'a, str>> = "attemptId",
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// As of a pop.
        born_time: i64 = "bornTime",
        /// The lite consumer.
        client_id: Cow<'a, str> = "clientId",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// How long the messages are this consumer's, milliseconds.
        invisible_time: i64 = "invisibleTime",
        /// Most messages, 1 to 32; without a final s.
        max_msg_num: i32 = "maxMsgNum",
        /// As of a pop.
        poll_time: i64 = "pollTime",
        /// The parent topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to POP_LITE_MESSAGE.
    PopLiteMessageResponse<'a> {
        /// How long the messages are this consumer's, milliseconds.
        invisible_time: i64 = "invisibleTime",
        /// Retries so far.
        order_count_info: Option<Cow<'a, str>> = "orderCountInfo",
        /// When they were popped, milliseconds since 1970.
        pop_time: i64 = "popTime",
        /// Always 999.
        revive_qid: i32 = "reviveQid",
    }

    /// LITE_SUBSCRIPTION_CTL (200071). Body: a `LiteSubscriptionCtlRequestBody`.
    LiteSubscriptionCtlRequest = LITE_SUBSCRIPTION_CTL {}

    /// NOTIFY_UNSUBSCRIBE_LITE (200073), broker to client, one-way: an exclusive subscription went to another.
    NotifyUnsubscribeLiteRequest<'a> = NOTIFY_UNSUBSCRIBE_LITE {
        /// The consumer that lost it.
        client_id: Cow<'a, str> = "clientId",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// What it lost.
        lite_topic: Cow<'a, str> = "liteTopic",
    }

    /// GET_PARENT_TOPIC_INFO (200075): `GetParentTopicInfoRequestHeader`. Answer: `GetParentTopicInfoResponseBody`.
    GetParentTopicInfoRequest<'a> = GET_PARENT_TOPIC_INFO {
        /// The parent topic.
        topic: Cow<'a, str> = "topic",
    }

    /// GET_LITE_TOPIC_INFO (200076): `GetLiteTopicInfoRequestHeader`. Answer: `GetLiteTopicInfoResponseBody`.
    GetLiteTopicInfoRequest<'a> = GET_LITE_TOPIC_INFO {
        /// The lite topic.
        lite_topic: Cow<'a, str> = "liteTopic",
        /// The parent topic.
        parent_topic: Cow<'a, str> = "parentTopic",
    }

    /// GET_LITE_CLIENT_INFO (200077): `GetLiteClientInfoRequestHeader`. Answer: `GetLiteClientInfoResponseBody`.
    GetLiteClientInfoRequest<'a> = GET_LITE_CLIENT_INFO {
        /// The consumer.
        client_id: Cow<'a, str> = "clientId",
        /// Its group.
        group: Cow<'a, str> = "group",
        /// Most lite topics listed, 1,000 if absent, 10,000 at most.
        max_count: Option<i32> = "maxCount",
        /// The parent topic.
        parent_topic: Cow<'a, str> = "parentTopic",
    }

    /// GET_LITE_GROUP_INFO (200078): `GetLiteGroupInfoRequestHeader`. Answer: `GetLiteGroupInfoResponseBody`.
    GetLiteGroupInfoRequest<'a> = GET_LITE_GROUP_INFO {
        /// The group.
        group: Cow<'a, str> = "group",
        /// One lite topic; absent: those that lag most.
        lite_topic: Option<Cow<'a, str>> = "liteTopic",
        /// How many of those.
        top_k: Option<i32> = "topK",
    }

    /// TRIGGER_LITE_DISPATCH (200079): `TriggerLiteDispatchRequestHeader`.
    TriggerLiteDispatchRequest<'a> = TRIGGER_LITE_DISPATCH {
        /// One consumer; absent: all of the group.
        client_id: Option<Cow<'a, str>> = "clientId",
        /// The group.
        group: Cow<'a, str> = "group",
    }
}

bare! {
    /// GET_BROKER_LITE_INFO (200074). Answer: a `GetBrokerLiteInfoResponseBody`.
    GetBrokerLiteInfoRequest = GET_BROKER_LITE_INFO;
}
