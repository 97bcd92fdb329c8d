//! Sending: `SendMessageRequestHeader`, its short-named V2 form, `ConsumerSendMsgBackRequestHeader`.

use alloc::borrow::Cow;

use super::{As, FieldValue, Parts, fields};
use crate::wire::header::{DecodeFields, ExtFields, FieldError};
use crate::wire::message::OffsetMessageId;

fields! {
    /// SEND_MESSAGE (10), with long names: `SendMessageRequestHeader`. What the Go client sends.
    SendMessageRequest<'a> = SEND_MESSAGE {
        /// True if the body is a batch.
        batch: Option<bool> = "batch",
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
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

    /// RECALL_MESSAGE (370), for timer messages: `RecallMessageRequestHeader`.
    RecallMessageRequest<'a> = RECALL_MESSAGE {
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The sender's group.
        producer_group: Option<Cow<'a, str>> = "producerGroup",
        /// Of the send's answer.
        recall_handle: Cow<'a, str> = "recallHandle",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to RECALL_MESSAGE: `RecallMessageResponseHeader`.
    RecallMessageResponse<'a> {
        /// Unique key of the message taken back.
        msg_id: Cow<'a, str> = "msgId",
    }

    /// What brokers put beside the answer to a send, and proxies beside every answer.
    RegionResponse<'a> {
        /// The broker's region.
        msg_region: Option<Cow<'a, str>> = "MSG_REGION",
        /// Whether the message may be traced; absent is yes.
        trace_on: Option<bool> = "TRACE_ON",
    }
}

/// SEND_BATCH_MESSAGE (320): a batch, told by [`SendMessageV2Request::batch`] too.
pub type SendBatchMessageRequest<'a> = As<SendMessageV2Request<'a>, 320>;
/// SEND_REPLY_MESSAGE (324): a reply, with long names.
pub type SendReplyMessageRequest<'a> = As<SendMessageRequest<'a>, 324>;
/// SEND_REPLY_MESSAGE_V2 (325): a reply, with one-letter names.
pub type SendReplyMessageV2Request<'a> = As<SendMessageV2Request<'a>, 325>;

/// What a receipt takes of a [`SendMessageResponse`]: every acknowledgement is read, and only this of it.
pub(crate) struct ReceiptFields {
    /// None if what came is no such id.
    pub(crate) offset_message_id: Option<OffsetMessageId>,
    pub(crate) queue_id: i32,
    pub(crate) queue_offset: i64,
}

impl DecodeFields<'_> for ReceiptFields {
    fn decode(ext: &ExtFields<'_>) -> Result<Self, FieldError> {
        let (mut msg_id, mut queue_id, mut queue_offset) = (None, None, None);
        ext.for_each(|key, value| match key {
            b"msgId" => msg_id = Some(value),
            b"queueId" => queue_id = Some(value),
            b"queueOffset" => queue_offset = Some(value),
            _ => {}
        });
        let msg_id = msg_id.ok_or(FieldError::Missing("msgId"))?;
        Ok(Self {
            offset_message_id: msg_id.as_plain().and_then(|id| OffsetMessageId::from_digits(id).ok()),
            queue_id: FieldValue::read(queue_id, "queueId").map_err(|error| ext.locate(error))?,
            queue_offset: FieldValue::read(queue_offset, "queueOffset").map_err(|error| ext.locate(error))?,
        })
    }
}
