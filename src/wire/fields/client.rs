//! Registration of clients, member lists, and what brokers tell their clients.

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// HEART_BEAT (34): `HeartbeatRequestHeader`. The body says it all.
    HeartbeatRequest = HEART_BEAT {}

    /// The answer to a heartbeat; a proxy sends neither field.
    HeartbeatResponse {
        /// The group's subscriptions differ from the last heartbeat's.
        is_sub_change: Option<bool> = "IS_SUB_CHANGE",
        /// The broker knows heartbeat V2.
        is_support_heart_beat_v2: Option<bool> = "IS_SUPPORT_HEART_BEAT_V2",
    }

    /// UNREGISTER_CLIENT (35): `UnregisterClientRequestHeader`.
    UnregisterClientRequest<'a> = UNREGISTER_CLIENT {
        /// The client's id.
        client_id: Cow<'a, str> = "clientID",
        /// A consumer group it leaves.
        consumer_group: Option<Cow<'a, str>> = "consumerGroup",
        /// A producer group it leaves.
        producer_group: Option<Cow<'a, str>> = "producerGroup",
    }

    /// GET_CONSUMER_LIST_BY_GROUP (38): `GetConsumerListByGroupRequestHeader`.
    GetConsumerListByGroupRequest<'a> = GET_CONSUMER_LIST_BY_GROUP {
        /// The broker asked.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
    }

    /// NOTIFY_CONSUMER_IDS_CHANGED (40), broker to client, one-way: `NotifyConsumerIdsChangedRequestHeader`.
    NotifyConsumerIdsChangedRequest<'a> = NOTIFY_CONSUMER_IDS_CHANGED {
        /// The group whose members changed.
        consumer_group: Cow<'a, str> = "consumerGroup",
    }
}
