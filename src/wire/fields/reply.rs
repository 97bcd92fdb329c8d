//! Request and reply: what a broker pushes to the requester.
//!
//! The reply itself is a send under other codes, see [`SendReplyMessageRequest`](super::SendReplyMessageRequest).

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// PUSH_REPLY_MESSAGE_TO_CLIENT (326), broker to client: `ReplyMessageRequestHeader`. The body is the reply's.
    PushReplyMessageRequest<'a> = PUSH_REPLY_MESSAGE_TO_CLIENT {
        /// `ip:port` of the replier.
        born_host: Cow<'a, str> = "bornHost",
        /// When the reply was made, milliseconds since 1970.
        born_timestamp: i64 = "bornTimestamp",
        /// As sent.
        default_topic: Cow<'a, str> = "defaultTopic",
        /// As sent.
        default_topic_queue_nums: i32 = "defaultTopicQueueNums",
        /// The replier's own flag.
        flag: i32 = "flag",
        /// The replier's group.
        producer_group: Cow<'a, str> = "producerGroup",
        /// Properties text; `CORRELATION_ID` says which request it answers.
        properties: Option<Cow<'a, str>> = "properties",
        /// The queue.
        queue_id: i32 = "queueId",
        /// As sent.
        reconsume_times: Option<i32> = "reconsumeTimes",
        /// `ip:port` of the broker.
        store_host: Cow<'a, str> = "storeHost",
        /// When it was stored, milliseconds since 1970.
        store_timestamp: i64 = "storeTimestamp",
        /// Compression bits of the body.
        sys_flag: i32 = "sysFlag",
        /// The cluster's reply topic.
        topic: Cow<'a, str> = "topic",
        /// Unit mode.
        unit_mode: Option<bool> = "unitMode",
    }
}
