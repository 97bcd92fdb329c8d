//! Figures of brokers: progress, limits, rates.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{MessageQueue, SubscriptionData, body};

body! {
    /// The answer to GET_CONSUME_STATS (208): `ConsumeStats`.
    ConsumeStats {
        /// Messages a second.
        consume_tps: f64 = "consumeTps",
        /// By queue.
        offset_table: BTreeMap<MessageQueue, OffsetWrapper> = "offsetTable",
    }

    /// A group's progress in one queue: `OffsetWrapper`.
    #[derive(Eq, Hash)]
    OffsetWrapper {
        /// Offset the next message gets.
        broker_offset: i64 = "brokerOffset",
        /// Committed.
        consumer_offset: i64 = "consumerOffset",
        /// When the last one consumed was stored, milliseconds since 1970.
        last_timestamp: i64 = "lastTimestamp",
        /// Pulled.
        pull_offset: i64 = "pullOffset",
    }

    /// The answer to GET_TOPIC_STATS_INFO (202): `TopicStatsTable`.
    TopicStatsTable {
        /// By queue.
        offset_table: BTreeMap<MessageQueue, TopicOffset> = "offsetTable",
        /// Messages a second.
        topic_put_tps: f64 = "topicPutTps",
    }

    /// Limits of one queue: `TopicOffset`.
    #[derive(Eq, Hash)]
    TopicOffset {
        /// When the last message was stored, milliseconds since 1970.
        last_update_timestamp: i64 = "lastUpdateTimestamp",
        /// Offset the next message gets.
        max_offset: i64 = "maxOffset",
        /// First offset there is.
        min_offset: i64 = "minOffset",
    }

    /// The answer to GET_BROKER_CONSUME_STATS (317): `ConsumeStatsList`.
    ConsumeStatsList {
        /// The broker.
        broker_addr: Option<String> = "brokerAddr",
        /// By group.
        consume_stats_list: Vec<BTreeMap<String, Vec<ConsumeStats>>> = "consumeStatsList",
        /// Messages not consumed.
        total_diff: i64 = "totalDiff",
        /// Messages delivered, not committed.
        total_inflight_diff: i64 = "totalInflightDiff",
    }

    /// The answer to VIEW_BROKER_STATS_DATA (315): `BrokerStatsData`.
    BrokerStatsData {
        /// The last day.
        stats_day: BrokerStatsItem = "statsDay",
        /// The last hour.
        stats_hour: BrokerStatsItem = "statsHour",
        /// The last minute.
        stats_minute: BrokerStatsItem = "statsMinute",
    }

    /// One span of statistics: `BrokerStatsItem`.
    BrokerStatsItem {
        /// Mean of each.
        avgpt: f64 = "avgpt",
        /// Sum.
        sum: i64 = "sum",
        /// Each second.
        tps: f64 = "tps",
    }

    /// The answer to QUERY_CONSUME_TIME_SPAN (303): `QueryConsumeTimeSpanBody`.
    #[derive(Eq, Hash)]
    QueryConsumeTimeSpanBody {
        /// By queue.
        consume_time_span_set: Vec<QueueTimeSpan> = "consumeTimeSpanSet",
    }

    /// How far behind in time: `QueueTimeSpan`. Milliseconds since 1970, and Java's text of them.
    #[derive(Eq, Hash)]
    QueueTimeSpan {
        /// Of the last message consumed.
        consume_time_stamp: i64 = "consumeTimeStamp",
        /// As text.
        consume_time_stamp_str: Option<String> = "consumeTimeStampStr",
        /// Behind the last message, milliseconds.
        delay_time: i64 = "delayTime",
        /// Of the last message.
        max_time_stamp: i64 = "maxTimeStamp",
        /// As text.
        max_time_stamp_str: Option<String> = "maxTimeStampStr",
        /// The queue.
        message_queue: MessageQueue = "messageQueue",
        /// Of the first message.
        min_time_stamp: i64 = "minTimeStamp",
        /// As text.
        min_time_stamp_str: Option<String> = "minTimeStampStr",
    }

    /// The answer to QUERY_CONSUME_QUEUE (321): `QueryConsumeQueueResponseBody`.
    #[derive(Eq, Hash)]
    QueryConsumeQueueResponseBody {
        /// Of the group's filter.
        filter_data: Option<String> = "filterData",
        /// Offset the next message gets.
        max_queue_index: i64 = "maxQueueIndex",
        /// First offset there is.
        min_queue_index: i64 = "minQueueIndex",
        /// Entries.
        queue_data: Vec<ConsumeQueueData> = "queueData",
        /// The group's subscription.
        subscription_data: Option<SubscriptionData> = "subscriptionData",
    }

    /// An entry of a queue: `ConsumeQueueData`.
    #[derive(Eq, Hash)]
    ConsumeQueueData {
        /// Of a SQL filter.
        bit_map: Option<String> = "bitMap",
        /// It passes the group's filter.
        eval: bool = "eval",
        /// Extension unit.
        extend_data_json: Option<String> = "extendDataJson",
        /// What went wrong.
        msg: Option<String> = "msg",
        /// Commit-log offset.
        physic_offset: i64 = "physicOffset",
        /// Bytes there.
        physic_size: i32 = "physicSize",
        /// Hash code of the tag.
        tags_code: i64 = "tagsCode",
    }

    /// The answer to GET_BROKER_HA_STATUS (907): `HARuntimeInfo`.
    #[derive(Eq, Hash)]
    HaRuntimeInfo {
        /// As a replica.
        ha_client_runtime_info: Option<HaClientRuntimeInfo> = "haClientRuntimeInfo",
        /// As a master.
        ha_connection_info: Vec<HaConnectionRuntimeInfo> = "haConnectionInfo",
        /// Replicas in step.
        in_sync_slave_nums: i32 = "inSyncSlaveNums",
        /// True for a master.
        master: bool = "master",
        /// End of the master's commit log.
        master_commit_log_max_offset: i64 = "masterCommitLogMaxOffset",
    }

    /// A replica's side of replication: `HARuntimeInfo.HAClientRuntimeInfo`. Times in milliseconds since 1970.
    #[derive(Eq, Hash)]
    HaClientRuntimeInfo {
        /// When it last read.
        last_read_timestamp: i64 = "lastReadTimestamp",
        /// When it last wrote.
        last_write_timestamp: i64 = "lastWriteTimestamp",
        /// The master.
        master_addr: Option<String> = "masterAddr",
        /// What the master flushed.
        master_flush_offset: i64 = "masterFlushOffset",
        /// What it has.
        max_offset: i64 = "maxOffset",
        /// Bytes a second.
        transferred_byte_in_second: i64 = "transferredByteInSecond",
    }

    /// A master's side of replication: `HARuntimeInfo.HAConnectionRuntimeInfo`.
    #[derive(Eq, Hash)]
    HaConnectionRuntimeInfo {
        /// The replica.
        addr: Option<String> = "addr",
        /// Bytes behind.
        diff: i64 = "diff",
        /// In step.
        in_sync: bool = "inSync",
        /// What it acknowledged.
        slave_ack_offset: i64 = "slaveAckOffset",
        /// Where it began.
        transfer_from_where: i64 = "transferFromWhere",
        /// Bytes a second.
        transferred_byte_in_second: i64 = "transferredByteInSecond",
    }
}
