//! Sending: `SendMessageRequestHeader`, its short-named V2 form, `ConsumerSendMsgBackRequestHeader`.

use alloc::borrow::Cow;
use core::hash::{Hash, Hasher};

use super::{As, FieldValue, Parts, fields};
use crate::wire::codes::ResponseCode;
use crate::wire::frame::SerializeType;
use crate::wire::header::{Changing, DecodeFields, ExtFields, FieldError, Head, HeadShape};
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

/// An answer to a send that looked like the ones before.
pub(crate) struct ShapedReceipt {
    pub(crate) opaque: i32,
    pub(crate) code: ResponseCode,
    pub(crate) fields: ReceiptFields,
}

/// Answers to a send that looked otherwise, before another shape is learned: brokers that answer by turns in two ways
/// must not cost a lesson each time.
const PATIENCE: u8 = 64;

/// What answers to sends look like at these brokers: learned from one, and the others are read by it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReceiptShape {
    shape: HeadShape,
    code: i32,
    patience: u8,
}

/// Being quicker is no part of what will be done.
impl Hash for ReceiptShape {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl ReceiptShape {
    /// What is another each time. The last is the message's own id, which a message may lack.
    const FIELDS: [(&str, Changing); 4] = [
        ("queueId", Changing::Int),
        ("queueOffset", Changing::Int),
        ("msgId", Changing::Text),
        ("transactionId", Changing::Text),
    ];

    const REQUIRED: usize = 3;

    /// Reads an answer that looks like the one learned; `None` if it does not.
    #[inline]
    pub(crate) fn read(&mut self, serialize: SerializeType, head: &[u8]) -> Option<ShapedReceipt> {
        let head = self.shape.read(serialize, head)?;
        let fields = ReceiptFields {
            offset_message_id: Some(OffsetMessageId::from_digits(head.text(2)?).ok()?),
            queue_id: i32::try_from(head.int(0)?).ok()?,
            queue_offset: head.int(1)?,
        };
        let opaque = head.opaque()?;
        Some(ShapedReceipt { opaque, code: ResponseCode(self.code), fields })
    }

    /// An answer to a send looked otherwise: the next ones may look like it.
    pub(crate) fn learn(&mut self, serialize: SerializeType, bytes: &[u8], head: &Head<'_>) {
        if self.patience > 0 {
            self.patience -= 1;
            return;
        }
        self.patience = PATIENCE;
        let required = Self::FIELDS.get(..Self::REQUIRED).unwrap_or_default();
        if [&Self::FIELDS, required].iter().any(|fields| self.shape.learn(serialize, bytes, head, fields)) {
            self.code = head.code;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codes::{LanguageCode, Version};
    use crate::wire::frame::{FrameLimits, Prefix};
    use crate::wire::header::{FieldList, Flag, HeadSpec, encode_head};
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// The head of an answer, its fields in the order of brokers.
    fn answer(serialize: SerializeType, opaque: i32, values: &[String; 4], own_id: bool) -> Vec<u8> {
        let [msg_id, queue_id, offset, unique] = values;
        let all = [
            ("queueId", &**queue_id),
            ("TRACE_ON", "true"),
            ("MSG_REGION", "DefaultRegion"),
            ("msgId", msg_id),
            ("queueOffset", offset),
            ("transactionId", unique),
        ];
        let spec = HeadSpec {
            code: 0,
            language: LanguageCode::JAVA,
            version: Version::V5_5_0,
            opaque,
            flag: Flag::RESPONSE,
            remark: None,
        };
        let fields = FieldList(if own_id { &all } else { &all[..5] });
        let mut out = Vec::new();
        encode_head(&mut out, serialize, &spec, &fields, 0).expect("small");
        out.split_off(Prefix::LEN)
    }

    fn values() -> impl Strategy<Value = [String; 4]> {
        let number = || prop_oneof!["[0-9]", "-?[0-9]{1,20}", "[1-9][0-9]{0,17}", "2147483648"];
        let id =
            || prop_oneof![4 => "[0-9A-F]{32}", 1 => "[0-9A-Fa-f]{56}", 1 => "[0-9A-F]{31}[\"\\\\é\u{1}g]"];
        (id(), number(), number(), id()).prop_map(|(id, queue, offset, unique)| [id, queue, offset, unique])
    }

    /// What is read of an answer: opaque, code, fields.
    fn read_in_full(serialize: SerializeType, head: &[u8]) -> Option<String> {
        let head = Head::parse(serialize, head).ok().filter(Head::is_response)?;
        let fields: ReceiptFields = head.fields().ok()?;
        Some(told(head.opaque, head.response_code(), &fields))
    }

    fn told(opaque: i32, code: ResponseCode, fields: &ReceiptFields) -> String {
        let ReceiptFields { offset_message_id, queue_id, queue_offset } = fields;
        format!("{opaque} {code:?} {offset_message_id:?} {queue_id} {queue_offset}")
    }

    fn learned(serialize: SerializeType, bytes: &[u8]) -> ReceiptShape {
        let mut shape = ReceiptShape::default();
        shape.learn(serialize, bytes, &Head::parse(serialize, bytes).expect("good"));
        shape
    }

    fn usual(id: &str, queue: &str, offset: &str, unique: &str) -> [String; 4] {
        [id, queue, offset, unique].map(String::from)
    }

    const ID: &str = "7F00000100002A9F0000000000000123";

    #[test]
    fn the_next_answer_is_read_by_the_shape_of_the_first() {
        for serialize in [SerializeType::Json, SerializeType::Rocketmq] {
            for own_id in [true, false] {
                let first = answer(serialize, -5, &usual(ID, "3", "9", ID), own_id);
                let mut shape = learned(serialize, &first);
                for (opaque, queue, offset) in
                    [(-5, "3", "9"), (i32::MIN, "0", "123456789012345678"), (7, "10", "-1")]
                {
                    let values =
                        usual("0A00000100002A9F00000000000FFFFF", queue, offset, &ID.replace('0', "A"));
                    let next = answer(serialize, opaque, &values, own_id);
                    let receipt = shape.read(serialize, &next).expect("it looks like the first");
                    let read = told(receipt.opaque, receipt.code, &receipt.fields);
                    assert_eq!(Some(read), read_in_full(serialize, &next));
                    // Another form, and another set of fields, is another shape.
                    assert!(shape.read(serialize, &answer(serialize, opaque, &values, !own_id)).is_none());
                }
            }
        }
    }

    #[test]
    fn what_is_unusual_is_learned_only_after_a_while_and_never_if_it_lacks_a_field() {
        let serialize = SerializeType::Json;
        let (with, without) =
            ([true, false].map(|own_id| answer(serialize, 1, &usual(ID, "3", "9", ID), own_id))).into();
        let mut shape = learned(serialize, &with);
        let head = Head::parse(serialize, &without).expect("good");
        for _ in 0..PATIENCE {
            shape.learn(serialize, &without, &head);
            assert!(shape.read(serialize, &with).is_some() && shape.read(serialize, &without).is_none());
        }
        shape.learn(serialize, &without, &head);
        assert!(shape.read(serialize, &with).is_none() && shape.read(serialize, &without).is_some());
        let mut bare = ReceiptShape::default();
        let text =
            b"{\"code\":0,\"extFields\":{\"queueId\":\"1\"},\"flag\":1,\"language\":\"JAVA\",\"opaque\":1,\
            \"serializeTypeCurrentRPC\":\"JSON\",\"version\":513}";
        bare.learn(serialize, text, &Head::parse(serialize, text).expect("good"));
        assert!(bare.read(serialize, text).is_none() && bare.read(serialize, b"").is_none());
    }

    /// Heads of a broker's answers to sends, as they were recorded.
    fn recorded(transcript: &str) -> Vec<(SerializeType, Vec<u8>)> {
        let answers = transcript.lines().filter(|line| line.contains("\"answersCode\":310,"));
        let frames = answers.map(|line| {
            let hex =
                line.split("\"frame\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a frame");
            let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
            let frame: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            let prefix = Prefix::parse(&frame, &FrameLimits::default()).expect("good").expect("whole");
            (prefix.serialize, frame[prefix.head_range()].to_vec())
        });
        frames.collect()
    }

    #[test]
    fn real_brokers_answer_in_the_shape_of_their_first_answer() {
        for (transcript, expected) in [
            (include_str!("../../../tests/vectors/transcripts/java-5.5.0/send.jsonl"), (11, 0)),
            (include_str!("../../../tests/vectors/transcripts/java-5.5.0-binary-both/send.jsonl"), (11, 0)),
            // Three were refused.
            (include_str!("../../../tests/vectors/transcripts/java-4.9.7/send.jsonl"), (4, 3)),
        ] {
            let answers = recorded(transcript);
            let (serialize, first) = answers.first().expect("some");
            let mut shape = learned(*serialize, first);
            let mut others = 0;
            for (serialize, head) in &answers {
                match shape.read(*serialize, head) {
                    Some(receipt) => {
                        let read = told(receipt.opaque, receipt.code, &receipt.fields);
                        assert_eq!(Some(read), read_in_full(*serialize, head));
                    }
                    None => others += 1,
                }
            }
            assert_eq!((answers.len() - others, others), expected);
        }
    }

    type Damage = (Vec<(prop::sample::Index, u8)>, Option<prop::sample::Index>);

    /// Bytes that are others, and where the rest is missing.
    fn damage() -> impl Strategy<Value = Damage> {
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
        (
            prop_oneof![2 => Just(Vec::new()), 1 => changes],
            prop::option::weighted(0.1, any::<prop::sample::Index>()),
        )
    }

    proptest! {
        #[test]
        fn what_is_read_by_its_shape_is_what_is_read_in_full(
            binary: bool,
            own_id: bool,
            opaque: i32,
            first in values(),
            others in prop::collection::vec((any::<i32>(), values(), damage()), 1..8),
        ) {
            let serialize = if binary { SerializeType::Rocketmq } else { SerializeType::Json };
            let first = answer(serialize, opaque, &first, own_id);
            let mut shape = learned(serialize, &first);
            // One after the other: each is compared with the last one that looked alike.
            for (opaque, values, (changes, cut)) in others {
                let mut next = answer(serialize, opaque, &values, own_id);
                for (at, byte) in changes {
                    let at = at.index(next.len());
                    next[at] = byte;
                }
                if let Some(cut) = cut {
                    next.truncate(cut.index(next.len()));
                }
                if let Some(receipt) = shape.read(serialize, &next) {
                    let read = told(receipt.opaque, receipt.code, &receipt.fields);
                    prop_assert_eq!(Some(read), read_in_full(serialize, &next));
                }
            }
        }
    }
}
