//! What a client says it is: `HeartbeatData`.

use alloc::string::String;
use alloc::vec::Vec;

use super::{BodyError, boolean, int, items, optional_text, parse, text};
use crate::wire::json::{Value, Writer};

/// The body of HEART_BEAT (34).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeartbeatData {
    /// Id of the client, unique in its groups.
    pub client_id: String,
    /// Groups it consumes with.
    pub consumer_data_set: Vec<ConsumerData>,
    /// 0 is heartbeat V1.
    pub heartbeat_fingerprint: i32,
    /// Groups it produces with.
    pub producer_data_set: Vec<ProducerData>,
    /// Heartbeat V2 without subscriptions.
    pub without_sub: bool,
}

/// One producer group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerData {
    /// The group.
    pub group_name: String,
}

/// One consumer group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerData {
    /// `CONSUME_FROM_LAST_OFFSET`, `CONSUME_FROM_FIRST_OFFSET` or `CONSUME_FROM_TIMESTAMP`.
    pub consume_from_where: String,
    /// `CONSUME_ACTIVELY` (pull), `CONSUME_PASSIVELY` (push) or `CONSUME_POP`.
    pub consume_type: String,
    /// The group.
    pub group_name: String,
    /// `CLUSTERING` or `BROADCASTING`.
    pub message_model: String,
    /// What it subscribes to.
    pub subscription_data_set: Vec<SubscriptionData>,
    /// Unit mode.
    pub unit_mode: bool,
}

/// One subscription: a topic and what of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionData {
    /// Legacy, false.
    pub class_filter_mode: bool,
    /// Hash codes of the tags: the broker filters by them.
    pub code_set: Vec<i32>,
    /// `TAG` or `SQL92`.
    pub expression_type: String,
    /// The expression: `*`, or `A || B`.
    pub sub_string: String,
    /// When it last changed, milliseconds.
    pub sub_version: i64,
    /// The tags.
    pub tags_set: Vec<String>,
    /// The topic.
    pub topic: String,
}

impl HeartbeatData {
    /// Reads a body.
    pub fn decode(body: &[u8]) -> Result<Self, BodyError> {
        let value = parse(body)?;
        let consumers = items(&value, "consumerDataSet").iter().map(ConsumerData::read);
        let producers = items(&value, "producerDataSet").iter();
        let producers =
            producers.map(|producer| Ok(ProducerData { group_name: text(producer, "groupName")? }));
        Ok(Self {
            client_id: text(&value, "clientID")?,
            consumer_data_set: consumers.collect::<Result<_, BodyError>>()?,
            heartbeat_fingerprint: int(&value, "heartbeatFingerprint") as i32,
            producer_data_set: producers.collect::<Result<_, BodyError>>()?,
            without_sub: boolean(&value, "withoutSub"),
        })
    }

    /// Writes a body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.object(|out| {
            out.member("clientID").string(&self.client_id);
            out.member("consumerDataSet").array(|out| {
                for consumer in &self.consumer_data_set {
                    consumer.write(out.item());
                }
            });
            out.member("heartbeatFingerprint").int(i64::from(self.heartbeat_fingerprint));
            out.member("producerDataSet").array(|out| {
                for producer in &self.producer_data_set {
                    out.item().object(|out| out.member("groupName").string(&producer.group_name));
                }
            });
            out.member("withoutSub").boolean(self.without_sub);
        });
        out.finish()
    }
}

impl ConsumerData {
    fn read(value: &Value<'_>) -> Result<Self, BodyError> {
        let subscriptions = items(value, "subscriptionDataSet").iter().map(SubscriptionData::read);
        Ok(Self {
            consume_from_where: optional_text(value, "consumeFromWhere").unwrap_or_default(),
            consume_type: optional_text(value, "consumeType").unwrap_or_default(),
            group_name: text(value, "groupName")?,
            message_model: optional_text(value, "messageModel").unwrap_or_default(),
            subscription_data_set: subscriptions.collect::<Result<_, BodyError>>()?,
            unit_mode: boolean(value, "unitMode"),
        })
    }

    fn write(&self, out: &mut Writer) {
        out.object(|out| {
            out.member("consumeFromWhere").string(&self.consume_from_where);
            out.member("consumeType").string(&self.consume_type);
            out.member("groupName").string(&self.group_name);
            out.member("messageModel").string(&self.message_model);
            out.member("subscriptionDataSet").array(|out| {
                for subscription in &self.subscription_data_set {
                    subscription.write(out.item());
                }
            });
            out.member("unitMode").boolean(self.unit_mode);
        });
    }
}

impl SubscriptionData {
    /// Reads a subscription.
    pub(crate) fn read(value: &Value<'_>) -> Result<Self, BodyError> {
        let codes = items(value, "codeSet").iter().filter_map(|code| i32::try_from(code.to_i64()?).ok());
        let tags =
            items(value, "tagsSet").iter().filter_map(|tag| Some(tag.as_text()?.as_str().into_owned()));
        Ok(Self {
            class_filter_mode: boolean(value, "classFilterMode"),
            code_set: codes.collect(),
            expression_type: optional_text(value, "expressionType").unwrap_or_else(|| "TAG".into()),
            sub_string: optional_text(value, "subString").unwrap_or_default(),
            sub_version: int(value, "subVersion"),
            tags_set: tags.collect(),
            topic: text(value, "topic")?,
        })
    }

    /// Writes a subscription.
    pub(crate) fn write(&self, out: &mut Writer) {
        out.object(|out| {
            out.member("classFilterMode").boolean(self.class_filter_mode);
            out.member("codeSet").array(|out| {
                for code in &self.code_set {
                    out.item().int(i64::from(*code));
                }
            });
            out.member("expressionType").string(&self.expression_type);
            out.member("subString").string(&self.sub_string);
            out.member("subVersion").int(self.sub_version);
            out.member("tagsSet").array(|out| {
                for tag in &self.tags_set {
                    out.item().string(tag);
                }
            });
            out.member("topic").string(&self.topic);
        });
    }
}
