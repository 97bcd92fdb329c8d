//! Sending: `SendMessageRequestHeader`, its short-named V2 form, `ConsumerSendMsgBackRequestHeader`.

use alloc::borrow::Cow;

use super::{Parts, fields};

fields! {
    /// SEND_MESSAGE (10), with long names: `SendMessageRequestHeader`. What the Go client sends.
    SendMessageRequest<'a> = SEND_MESSAGE {
        /// True if the body is a batch.
        batch: Option<bool> = "batch",
        /// When the message was made, milliseconds since 1970.
        born_timestamp: i64 = "bornTimestamp",
        /// Template topic for automatic creation.
        default_topic: Cow<'a, str> = "defaultTopic",
        /// Queues of a topic created automatically.
        default_topic_queue_nums: i32 = "defaultTopicQueueNums",
        /// The user's own flag.
        flag: i32 = "flag",
        /// Retries before the dead-letter topic, for retry topics.
        max_reconsume_times: Option<i32> = "maxReconsumeTimes",
        /// The sender's group.
        producer_group: Cow<'a, str> = "producerGroup",
        /// Properties text.
        properties: Option<Parts<'a>> = "properties",
        /// Queue; negative: the broker picks one.
        queue_id: i32 = "queueId",
        /// Retries so far.
        reconsume_times: Option<i32> = "reconsumeTimes",
        /// Compression and transaction bits.
        sys_flag: i32 = "sysFlag",
        /// The topic.
        topic: Cow<'a, str> = "topic",
        /// Unit mode.
        unit_mode: Option<bool> = "unitMode",
    }

    /// SEND_MESSAGE_V2 (310), with one-letter names: `SendMessageRequestHeaderV2`.
    SendMessageV2Request<'a> = SEND_MESSAGE_V2 {
        /// The sender's group.
        producer_group: Cow<'a, str> = "a",
        /// The topic.
        topic: Cow<'a, str> = "b",
        /// Template topic for automatic creation, `TBW102`.
        default_topic: Cow<'a, str> = "c",
        /// Queues of a topic created automatically.
        default_topic_queue_nums: i32 = "d",
        /// Queue; negative: the broker picks one.
        queue_id: i32 = "e",
        /// Compression and transaction bits.
        sys_flag: i32 = "f",
        /// When the message was made, milliseconds since 1970.
        born_timestamp: i64 = "g",
        /// The user's own flag.
        flag: i32 = "h",
        /// Properties text.
        properties: Option<Parts<'a>> = "i",
        /// Retries so far.
        reconsume_times: Option<i32> = "j",
        /// Unit mode.
        unit_mode: Option<bool> = "k",
        /// Retries before the dead-letter topic, for retry topics.
        max_reconsume_times: Option<i32> = "l",
        /// True if the body is a batch: this alone decides it, not the code.
        batch: Option<bool> = "m",
        /// The broker the queue is on: the proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "n",
    }

    /// The answer to a send: `SendMessageResponseHeader`.
    SendMessageResponse<'a> {
        /// Id of an inner batch.
        batch_uniq_id: Option<Cow<'a, str>> = "batchUniqId",
        /// Offset message id; of a batch, all of them with commas between.
        msg_id: Cow<'a, str> = "msgId",
        /// Queue the message went to.
        queue_id: i32 = "queueId",
        /// Its offset there; the first one's of a batch.
        queue_offset: i64 = "queueOffset",
        /// For taking a timer message back.
        recall_handle: Option<Cow<'a, str>> = "recallHandle",
        /// The message's unique key.
        transaction_id: Option<Cow<'a, str>> = "transactionId",
    }

    /// CONSUMER_SEND_MSG_BACK (36): `ConsumerSendMsgBackRequestHeader`.
    ConsumerSendMsgBackRequest<'a> = CONSUMER_SEND_MSG_BACK {
        /// The broker the message is on.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// -1: dead letter; 0: the broker chooses by the retries so far; n: delay level n.
        delay_level: i32 = "delayLevel",
        /// The consumer group.
        group: Cow<'a, str> = "group",
        /// Retries before the dead-letter topic.
        max_reconsume_times: Option<i32> = "maxReconsumeTimes",
        /// Commit-log offset of the message, not its queue offset.
        offset: i64 = "offset",
        /// Its offset message id.
        origin_msg_id: Option<Cow<'a, str>> = "originMsgId",
        /// Its topic.
        origin_topic: Option<Cow<'a, str>> = "originTopic",
        /// Unit mode.
        unit_mode: Option<bool> = "unitMode",
    }
}
