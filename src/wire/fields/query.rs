//! Messages by id and by key, and what lies in a queue.

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// VIEW_MESSAGE_BY_ID (33): `ViewMessageRequestHeader`. Answer: one stored message.
    ViewMessageRequest<'a> = VIEW_MESSAGE_BY_ID {
        /// Commit-log offset, out of an offset message id.
        offset: i64 = "offset",
        /// The topic: 5.5.1 answers code 16 if it is another.
        topic: Option<Cow<'a, str>> = "topic",
    }

    /// QUERY_MESSAGE (12): `QueryMessageRequestHeader`. Answer: stored messages, found by a hash: compare topic and key.
    QueryMessageRequest<'a> = QUERY_MESSAGE {
        /// True: by unique key; false: by the message's keys.
        unique_key_query: Option<bool> = "_UNIQUE_KEY_QUERY",
        /// Stored at or after, milliseconds since 1970.
        begin_timestamp: i64 = "beginTimestamp",
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// Stored at or before, milliseconds since 1970.
        end_timestamp: i64 = "endTimestamp",
        /// `K` keys, `U` unique key, `T` tag (5.4 and later).
        index_type: Option<Cow<'a, str>> = "indexType",
        /// What is looked for.
        key: Cow<'a, str> = "key",
        /// Where a RocksDB index goes on (5.4 and later).
        last_key: Option<Cow<'a, str>> = "lastKey",
        /// Most messages.
        max_num: i32 = "maxNum",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to QUERY_MESSAGE: `QueryMessageResponseHeader`.
    QueryMessageResponse {
        /// Commit-log offset up to which the index reaches.
        index_last_update_phyoffset: i64 = "indexLastUpdatePhyoffset",
        /// When it got there, milliseconds since 1970.
        index_last_update_timestamp: i64 = "indexLastUpdateTimestamp",
    }

    /// QUERY_CONSUME_QUEUE (321): `QueryConsumeQueueRequestHeader`. Answer: a `QueryConsumeQueueResponseBody`.
    QueryConsumeQueueRequest<'a> = QUERY_CONSUME_QUEUE {
        /// Shows whose filter lets what pass.
        consumer_group: Option<Cow<'a, str>> = "consumerGroup",
        /// Most entries.
        count: i32 = "count",
        /// First queue offset.
        index: i64 = "index",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }
}
