//! What a client answers about itself.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{MessageQueue, SubscriptionData, body};

body! {
    /// The answer to GET_CONSUMER_RUNNING_INFO (307): `ConsumerRunningInfo`.
    ConsumerRunningInfo {
        /// Stack traces, if asked for.
        jstack: Option<String> = "jstack",
        /// Queues popped from.
        mq_pop_table: BTreeMap<MessageQueue, PopProcessQueueInfo> = "mqPopTable",
        /// Queues pulled from.
        mq_table: BTreeMap<MessageQueue, ProcessQueueInfo> = "mqTable",
        /// `PROP_CONSUME_TYPE` and others.
        properties: BTreeMap<String, String> = "properties",
        /// Rates by topic.
        status_table: BTreeMap<String, ConsumeStatus> = "statusTable",
        /// Subscriptions.
        subscription_set: Vec<SubscriptionData> = "subscriptionSet",
        /// What the application adds.
        user_consumer_info: BTreeMap<String, String> = "userConsumerInfo",
    }

    /// A queue being pulled from: `ProcessQueueInfo`. Offsets, and times in milliseconds since 1970.
    #[derive(Eq, Hash)]
    ProcessQueueInfo {
        /// Messages held.
        cached_msg_count: i32 = "cachedMsgCount",
        /// Their last offset.
        cached_msg_max_offset: i64 = "cachedMsgMaxOffset",
        /// Their first offset.
        cached_msg_min_offset: i64 = "cachedMsgMinOffset",
        /// Their bodies in MiB.
        cached_msg_size_in_mib: i32 = "cachedMsgSizeInMiB",
        /// Offset to commit.
        commit_offset: i64 = "commitOffset",
        /// No longer this client's; spelled so on the wire.
        dropped: bool = "droped",
        /// When it last consumed.
        last_consume_timestamp: i64 = "lastConsumeTimestamp",
        /// When it last locked.
        last_lock_timestamp: i64 = "lastLockTimestamp",
        /// When it last pulled.
        last_pull_timestamp: i64 = "lastPullTimestamp",
        /// Locked, for orderly consumption.
        locked: bool = "locked",
        /// Messages in an orderly batch.
        transaction_msg_count: i32 = "transactionMsgCount",
        /// Their last offset.
        transaction_msg_max_offset: i64 = "transactionMsgMaxOffset",
        /// Their first offset.
        transaction_msg_min_offset: i64 = "transactionMsgMinOffset",
        /// Attempts to give the lock back.
        try_unlock_times: i64 = "tryUnlockTimes",
    }

    /// A queue being popped from: `PopProcessQueueInfo`.
    #[derive(Eq, Hash)]
    PopProcessQueueInfo {
        /// No longer this client's; spelled so on the wire.
        dropped: bool = "droped",
        /// When it last popped, milliseconds since 1970.
        last_pop_timestamp: i64 = "lastPopTimestamp",
        /// Messages not acknowledged.
        wait_ack_count: i32 = "waitAckCount",
    }

    /// Rates of one topic: `ConsumeStatus`. Times in milliseconds, rates a second.
    ConsumeStatus {
        /// Messages that failed, in the last hour.
        consume_failed_msgs: i64 = "consumeFailedMsgs",
        /// Messages that failed.
        consume_failed_tps: f64 = "consumeFailedTPS",
        /// Messages consumed.
        consume_ok_tps: f64 = "consumeOKTPS",
        /// Time a message.
        consume_rt: f64 = "consumeRT",
        /// Time a pull.
        pull_rt: f64 = "pullRT",
        /// Messages pulled.
        pull_tps: f64 = "pullTPS",
    }

    /// The answer to CONSUME_MESSAGE_DIRECTLY (309): `ConsumeMessageDirectlyResult`.
    #[derive(Eq, Hash)]
    ConsumeMessageDirectlyResult {
        /// Of orderly consumption.
        auto_commit: bool = "autoCommit" or true,
        /// `CR_SUCCESS`, `CR_LATER`, `CR_ROLLBACK`, `CR_COMMIT`, `CR_THROW_EXCEPTION` or `CR_RETURN_NULL`.
        consume_result: Option<String> = "consumeResult",
        /// Orderly consumption.
        order: bool = "order",
        /// What went wrong.
        remark: Option<String> = "remark",
        /// How long it took, milliseconds.
        spent_time_mills: i64 = "spentTimeMills",
    }
}
