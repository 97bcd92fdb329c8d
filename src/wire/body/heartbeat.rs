//! What a client says it is: `HeartbeatData`.
use alloc::string::String;
use alloc::vec::Vec;

use super::body;
use crate::wire::message::string_hash;

body! {
    /// The body of HEART_BEAT (34).
    #[derive(Eq, Hash)]
    HeartbeatData {
        /// Id of the client, unique in its groups.
        client_id: String = "clientID",
        /// Groups it consumes with.
        consumer_data_set: Vec<ConsumerData> = "consumerDataSet",
        /// 0 is heartbeat V1.
        heartbeat_fingerprint: i32 = "heartbeatFingerprint",
        /// Groups it produces with.
        producer_data_set: Vec<ProducerData> = "producerDataSet",
        /// Heartbeat V2 without subscriptions.
        without_sub: bool = "withoutSub",
    }

    /// One producer group.
    #[derive(Eq, Hash)]
    ProducerData {
        /// The group.
        group_name: String = "groupName",
    }

    /// One consumer group.
    #[derive(Eq, Hash)]
    ConsumerData {
        /// `CONSUME_FROM_LAST_OFFSET`, `CONSUME_FROM_FIRST_OFFSET` or `CONSUME_FROM_TIMESTAMP`.
        consume_from_where: String = "consumeFromWhere" or String::new(),
        /// `CONSUME_ACTIVELY` (pull), `CONSUME_PASSIVELY` (push) or `CONSUME_POP`.
        consume_type: String = "consumeType" or String::new(),
        /// The group.
        group_name: String = "groupName",
        /// `CLUSTERING`, `BROADCASTING` or `LITE_SELECTIVE`.
        message_model: String = "messageModel" or String::new(),
        /// What it subscribes to.
        subscription_data_set: Vec<SubscriptionData> = "subscriptionDataSet",
        /// Unit mode.
        unit_mode: bool = "unitMode",
    }

    /// One subscription: a topic and what of it.
    #[derive(Eq, Hash)]
    SubscriptionData {
        /// Legacy, false.
        class_filter_mode: bool = "classFilterMode",
        /// Hash codes of the tags: the broker filters by them.
        code_set: Vec<i32> = "codeSet",
        /// `TAG` or `SQL92`.
        expression_type: String = "expressionType" or "TAG".into(),
        /// The expression: `*`, or `A || B`.
        sub_string: String = "subString" or String::new(),
        /// When it last changed, milliseconds.
        sub_version: i64 = "subVersion",
        /// The tags.
        tags_set: Vec<String> = "tagsSet",
        /// The topic.
        topic: String = "topic",
    }
}

impl HeartbeatData {
    /// The fingerprint Java computes for heartbeat V2: all clients of a group have to agree on it, so sets have to be
    /// in Java's order too if there are Java clients among them.
    pub fn fingerprint(&self) -> i32 {
        let mut same = self.clone();
        same.client_id.clear();
        same.heartbeat_fingerprint = 0;
        same.without_sub = false;
        for subscription in
            same.consumer_data_set.iter_mut().flat_map(|group| &mut group.subscription_data_set)
        {
            subscription.sub_version = 0;
        }
        string_hash(&String::from_utf8_lossy(&same.encode()))
    }
}
