//! Offsets: committed ones of a group, a queue's limits, the one at a time.

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// QUERY_CONSUMER_OFFSET (14): `QueryConsumerOffsetRequestHeader`. Answer: [`OffsetResponse`], or code 22.
    QueryConsumerOffsetRequest<'a> = QUERY_CONSUMER_OFFSET {
        /// The broker the queue is on.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// The queue.
        queue_id: i32 = "queueId",
        /// Unless false, a queue never consumed and still whole answers 0 instead of code 22.
        set_zero_if_not_found: Option<bool> = "setZeroIfNotFound",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// UPDATE_CONSUMER_OFFSET (15): `UpdateConsumerOffsetRequestHeader`.
    UpdateConsumerOffsetRequest<'a> = UPDATE_CONSUMER_OFFSET {
        /// The broker the queue is on.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// Next offset to consume.
        commit_offset: i64 = "commitOffset",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// GET_MAX_OFFSET (30): `GetMaxOffsetRequestHeader`.
    GetMaxOffsetRequest<'a> = GET_MAX_OFFSET {
        /// The broker the queue is on.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// Declared, not consulted by brokers.
        committed: Option<bool> = "committed",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// GET_MIN_OFFSET (31): `GetMinOffsetRequestHeader`.
    GetMinOffsetRequest<'a> = GET_MIN_OFFSET {
        /// The broker the queue is on.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// GET_EARLIEST_MSG_STORETIME (32): `GetEarliestMsgStoretimeRequestHeader`.
    GetEarliestMsgStoretimeRequest<'a> = GET_EARLIEST_MSG_STORETIME {
        /// The broker the queue is on.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// SEARCH_OFFSET_BY_TIMESTAMP (29): `SearchOffsetRequestHeader`.
    SearchOffsetRequest<'a> = SEARCH_OFFSET_BY_TIMESTAMP {
        /// The broker the queue is on.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// `LOWER` (default) or `UPPER` (5.1 and later).
        boundary_type: Option<Cow<'a, str>> = "boundaryType",
        /// Looks in a lite topic's own queue (5.5 and later).
        lite_topic: Option<Cow<'a, str>> = "liteTopic",
        /// The queue.
        queue_id: i32 = "queueId",
        /// Milliseconds since 1970.
        timestamp: i64 = "timestamp",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to 14, 29, 30 and 31.
    OffsetResponse {
        /// The offset.
        offset: i64 = "offset",
    }

    /// The answer to 32.
    GetEarliestMsgStoretimeResponse {
        /// Milliseconds since 1970; -1 if the queue is empty.
        timestamp: i64 = "timestamp",
    }
}
