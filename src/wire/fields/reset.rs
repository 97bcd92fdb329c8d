//! Offsets set back: asked by an administrator, told to consumers.

use alloc::borrow::Cow;

use super::{As, bare, fields};

fields! {
    /// INVOKE_BROKER_TO_RESET_OFFSET (222), and its push to clients [`ResetConsumerClientOffsetRequest`]:
    /// `ResetOffsetRequestHeader`. Answer and push: a `ResetOffsetBody`.
    ResetOffsetRequest<'a> = INVOKE_BROKER_TO_RESET_OFFSET {
        /// The consumer group.
        group: Cow<'a, str> = "group",
        /// False: offsets only go backwards. Keeps its `is` on the wire.
        is_force: Option<bool> = "isForce",
        /// The offset itself, instead of a time.
        offset: Option<i64> = "offset",
        /// One queue; -1 or absent all.
        queue_id: Option<i32> = "queueId",
        /// To the offset of this time, milliseconds since 1970; -1 behind the last message.
        timestamp: i64 = "timestamp",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223), and its relay to clients
    /// [`GetConsumerStatusFromClientRequest`]: `GetConsumerStatusRequestHeader`.
    /// Answer: a `GetConsumerStatusBody`.
    GetConsumerStatusRequest<'a> = INVOKE_BROKER_TO_GET_CONSUMER_STATUS {
        /// One client.
        client_addr: Option<Cow<'a, str>> = "clientAddr",
        /// The consumer group.
        group: Cow<'a, str> = "group",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// QUERY_CORRECTION_OFFSET (308): `QueryCorrectionOffsetHeader`. Answer: a `QueryCorrectionOffsetBody`.
    QueryCorrectionOffsetRequest<'a> = QUERY_CORRECTION_OFFSET {
        /// Group to compare with.
        compare_group: Cow<'a, str> = "compareGroup",
        /// Groups left out, with commas between.
        filter_groups: Option<Cow<'a, str>> = "filterGroups",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// CLONE_GROUP_OFFSET (314): `CloneGroupOffsetRequestHeader`.
    CloneGroupOffsetRequest<'a> = CLONE_GROUP_OFFSET {
        /// Group that gets the offsets.
        dest_group: Cow<'a, str> = "destGroup",
        /// Does not look whether the group is online.
        offline: Option<bool> = "offline",
        /// Group that has them.
        src_group: Cow<'a, str> = "srcGroup",
        /// One topic; absent all.
        topic: Option<Cow<'a, str>> = "topic",
    }
}

bare! {
    /// GET_ALL_CONSUMER_OFFSET (43). Answer: a `ConsumerOffsetSerializeWrapper`.
    GetAllConsumerOffsetRequest = GET_ALL_CONSUMER_OFFSET;
}

/// RESET_CONSUMER_CLIENT_OFFSET (220), broker to client, one-way. Body: a `ResetOffsetBody`.
pub type ResetConsumerClientOffsetRequest<'a> = As<ResetOffsetRequest<'a>, 220>;
/// GET_CONSUMER_STATUS_FROM_CLIENT (221), broker to client, within 5 s.
pub type GetConsumerStatusFromClientRequest<'a> = As<GetConsumerStatusRequest<'a>, 221>;
