//! Consumer groups as brokers keep them.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{DataVersion, body};

body! {
    /// A consumer group at one broker: `SubscriptionGroupConfig`. What a body leaves out has Java's default.
    #[derive(Eq, Hash)]
    SubscriptionGroupConfig {
        /// `+key` sets, `-key` takes away, in a request (5.0 and later).
        attributes: BTreeMap<String, String> = "attributes",
        /// Replica to pull from.
        broker_id: i64 = "brokerId",
        /// It may broadcast.
        consume_broadcast_enable: bool = "consumeBroadcastEnable" or true,
        /// It may consume.
        consume_enable: bool = "consumeEnable" or true,
        /// It may begin at the first message.
        consume_from_min_enable: bool = "consumeFromMinEnable" or true,
        /// In order (5.0 and later).
        consume_message_orderly: bool = "consumeMessageOrderly",
        /// Minutes.
        consume_timeout_minute: i32 = "consumeTimeoutMinute" or 15,
        /// The group.
        group_name: String = "groupName",
        /// When it tries again (5.0 and later).
        group_retry_policy: Option<GroupRetryPolicy> = "groupRetryPolicy",
        /// Unit bits.
        group_sys_flag: i32 = "groupSysFlag",
        /// Members are told of changes.
        notify_consumer_ids_changed_enable: bool = "notifyConsumerIdsChangedEnable" or true,
        /// Retries before the dead-letter topic.
        retry_max_times: i32 = "retryMaxTimes" or 16,
        /// Queues of the retry topic.
        retry_queue_nums: i32 = "retryQueueNums" or 1,
        /// Subscriptions fixed here.
        subscription_data_set: Option<Vec<SimpleSubscriptionData>> = "subscriptionDataSet",
        /// Replica for those that lag.
        which_broker_when_consume_slowly: i64 = "whichBrokerWhenConsumeSlowly" or 1,
    }

    /// When a group tries again: `GroupRetryPolicy`.
    #[derive(Eq, Hash)]
    GroupRetryPolicy {
        /// By a table.
        customized_retry_policy: Option<CustomizedRetryPolicy> = "customizedRetryPolicy",
        /// By a factor.
        exponential_retry_policy: Option<ExponentialRetryPolicy> = "exponentialRetryPolicy",
        /// `CUSTOMIZED` or `EXPONENTIAL`.
        kind: String = "type" or "CUSTOMIZED".into(),
    }

    /// `CustomizedRetryPolicy`.
    #[derive(Eq, Hash)]
    CustomizedRetryPolicy {
        /// Milliseconds to wait, by retry.
        next: Vec<i64> = "next",
    }

    /// `ExponentialRetryPolicy`. Milliseconds.
    #[derive(Eq, Hash)]
    ExponentialRetryPolicy {
        /// The first wait.
        initial: i64 = "initial" or 5000,
        /// The longest wait.
        max: i64 = "max" or 7_200_000,
        /// Each wait to the one before.
        multiplier: i64 = "multiplier" or 2,
    }

    /// A subscription fixed in a group: `SimpleSubscriptionData`.
    #[derive(Eq, Hash)]
    SimpleSubscriptionData {
        /// The expression.
        expression: Option<String> = "expression",
        /// `TAG` or `SQL92`.
        expression_type: Option<String> = "expressionType",
        /// The topic.
        topic: String = "topic",
        /// When it changed, milliseconds.
        version: i64 = "version",
    }

    /// The body of UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST (225): `SubscriptionGroupList`.
    #[derive(Eq, Hash)]
    SubscriptionGroupList {
        /// The groups.
        group_config_list: Vec<SubscriptionGroupConfig> = "groupConfigList",
    }

    /// The answer to GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201): `SubscriptionGroupWrapper`.
    #[derive(Eq, Hash)]
    SubscriptionGroupWrapper {
        /// Version of the table.
        data_version: Option<DataVersion> = "dataVersion",
        /// What groups may not read (5.0 and later).
        forbidden_table: Option<BTreeMap<String, BTreeMap<String, i32>>> = "forbiddenTable",
        /// Groups by name.
        subscription_group_table: BTreeMap<String, SubscriptionGroupConfig> = "subscriptionGroupTable",
    }

    /// The answer to UPDATE_AND_GET_GROUP_FORBIDDEN (353): `GroupForbidden`.
    #[derive(Eq, Hash)]
    GroupForbidden {
        /// The group.
        group: String = "group",
        /// Whether it may read the topic.
        readable: Option<bool> = "readable",
        /// The topic.
        topic: String = "topic",
    }

    /// The body of DELETE_SUBSCRIPTION_GROUP_LIST (5003).
    #[derive(Eq, Hash)]
    DeleteSubscriptionGroupListBody {
        /// Their offsets go too.
        clean_offset: bool = "cleanOffset",
        /// The groups.
        group_name_list: Vec<String> = "groupNameList",
    }
}
