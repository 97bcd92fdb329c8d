//! What brokers ask a running client on an administrator's behalf.

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// GET_CONSUMER_RUNNING_INFO (307), administrator to broker and broker to client: `GetConsumerRunningInfoRequestHeader`.
    /// Answer: a `ConsumerRunningInfo`, within 10 s.
    GetConsumerRunningInfoRequest<'a> = GET_CONSUMER_RUNNING_INFO {
        /// The client.
        client_id: Cow<'a, str> = "clientId",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// Asks for stack traces too.
        jstack_enable: Option<bool> = "jstackEnable",
    }

    /// CONSUME_MESSAGE_DIRECTLY (309), administrator to broker and broker to client: `ConsumeMessageDirectlyResultRequestHeader`.
    /// The broker puts the message into the body. Answer: a `ConsumeMessageDirectlyResult`, within 10 s.
    ConsumeMessageDirectlyRequest<'a> = CONSUME_MESSAGE_DIRECTLY {
        /// Set by the broker.
        broker_name: Option<Cow<'a, str>> = "brokerName",
        /// The client.
        client_id: Option<Cow<'a, str>> = "clientId",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// Set by the broker.
        group_sys_flag: Option<i32> = "groupSysFlag",
        /// Offset message id.
        msg_id: Option<Cow<'a, str>> = "msgId",
        /// The topic.
        topic: Option<Cow<'a, str>> = "topic",
        /// Set by the broker.
        topic_sys_flag: Option<i32> = "topicSysFlag",
    }
}
