//! Registration of clients, member lists, queue locks.

use alloc::borrow::Cow;

use super::{bare, fields};

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

    /// LOCK_BATCH_MQ (41). Bodies: `LockBatchRequestBody`, `LockBatchResponseBody`.
    LockBatchMqRequest = LOCK_BATCH_MQ {}

    /// UNLOCK_BATCH_MQ (42). Body: an `UnlockBatchRequestBody`.
    UnlockBatchMqRequest = UNLOCK_BATCH_MQ {}

    /// Ext fields that any request may carry (`RpcRequestHeader`, `TopicRequestHeader`); written by
    /// [`WithExtra`](crate::wire::header::WithExtra).
    CommonRequest<'a> {
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// False: not to be mapped as a static topic's.
        logical: Option<bool> = "lo",
        /// Namespace (V2).
        namespace: Option<Cow<'a, str>> = "ns",
        /// True: names are in `namespace`.
        namespaced: Option<bool> = "nsd",
        /// Among servers.
        oneway: Option<bool> = "oway",
    }
}

bare! {
    /// CHECK_CLIENT_CONFIG (46). Body: a `CheckClientRequestBody`.
    CheckClientConfigRequest = CHECK_CLIENT_CONFIG;
}
