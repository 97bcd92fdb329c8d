//! Pulling: `PullMessageRequestHeader` and its answer.

use alloc::borrow::Cow;

use super::{As, fields};

fields! {
    /// PULL_MESSAGE (11): `PullMessageRequestHeader`.
    PullMessageRequest<'a> = PULL_MESSAGE {
        /// The broker the queue is on.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// Offset to commit with this pull, if `sys_flag` says so.
        commit_offset: i64 = "commitOffset",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// `TAG` or `SQL92`; absent is `TAG`.
        expression_type: Option<Cow<'a, str>> = "expressionType",
        /// Reads a lite topic's own queue (5.5 and later).
        lite_topic: Option<Cow<'a, str>> = "liteTopic",
        /// Decoded, not used by brokers so far.
        max_msg_bytes: Option<i32> = "maxMsgBytes",
        /// Most messages of the answer.
        max_msg_nums: i32 = "maxMsgNums",
        /// Set by a proxy; spelled so on the wire.
        proxy_forward_client_id: Option<Cow<'a, str>> = "proxyFrowardClientId",
        /// The queue.
        queue_id: i32 = "queueId",
        /// First offset wanted.
        queue_offset: i64 = "queueOffset",
        /// -1 a client, 0 to 2 a proxy.
        request_source: Option<i32> = "requestSource",
        /// When the subscription last changed, milliseconds.
        sub_version: i64 = "subVersion",
        /// Expression, if `sys_flag` says it is to be used.
        subscription: Option<Cow<'a, str>> = "subscription",
        /// How long the broker may hold the answer back, milliseconds.
        suspend_timeout_millis: i64 = "suspendTimeoutMillis",
        /// Bits of `PullSysFlag`: 1 commit, 2 suspend, 4 subscription, 8 class filter, 16 lite pull.
        sys_flag: i32 = "sysFlag",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to a pull: `PullMessageResponseHeader`.
    PullMessageResponse {
        /// Why code 16 was answered: 1 broker, 2 group, 3 topic, 4 broadcasting, 5 subscription.
        forbidden_type: Option<i32> = "forbiddenType",
        /// Informational.
        group_sys_flag: Option<i32> = "groupSysFlag",
        /// Offset the next message will get.
        max_offset: i64 = "maxOffset",
        /// First offset there is.
        min_offset: i64 = "minOffset",
        /// Where to go on.
        next_begin_offset: i64 = "nextBeginOffset",
        /// To be added to each message's queue offset (static topics).
        offset_delta: Option<i64> = "offsetDelta",
        /// Replica to pull from next, 0 is the master.
        suggest_which_broker_id: i64 = "suggestWhichBrokerId",
        /// Informational.
        topic_sys_flag: Option<i32> = "topicSysFlag",
    }
}

/// LITE_PULL_MESSAGE (361): a pull of Java's lite pull consumer.
pub type LitePullMessageRequest<'a> = As<PullMessageRequest<'a>, 361>;
