//! A broker looked at and set by an administrator.

use alloc::borrow::Cow;

use super::{bare, fields};

fields! {
    /// Beside the answer to GET_BROKER_CONFIG, which is properties text: `GetBrokerConfigResponseHeader`.
    GetBrokerConfigResponse<'a> {
        /// JSON of a `DataVersion`.
        version: Option<Cow<'a, str>> = "version",
    }

    /// VIEW_BROKER_STATS_DATA (315): `ViewBrokerStatsDataRequestHeader`. Answer: `BrokerStatsData`.
    ViewBrokerStatsDataRequest<'a> = VIEW_BROKER_STATS_DATA {
        /// Of what, such as a topic.
        stats_key: Cow<'a, str> = "statsKey",
        /// Which statistics, such as `TOPIC_PUT_NUMS`.
        stats_name: Cow<'a, str> = "statsName",
    }

    /// GET_BROKER_CONSUME_STATS (317): `GetConsumeStatsInBrokerHeader`. Answer: a `ConsumeStatsList`.
    GetBrokerConsumeStatsRequest = GET_BROKER_CONSUME_STATS {
        /// Ordered groups, or the others. Keeps its `is` on the wire.
        is_order: Option<bool> = "isOrder",
    }

    /// RESUME_CHECK_HALF_MESSAGE (323): `ResumeCheckHalfMessageRequestHeader`.
    ResumeCheckHalfMessageRequest<'a> = RESUME_CHECK_HALF_MESSAGE {
        /// Offset message id of the half message.
        msg_id: Cow<'a, str> = "msgId",
        /// Its topic.
        topic: Option<Cow<'a, str>> = "topic",
    }

    /// RESET_MASTER_FLUSH_OFFSET (908): `ResetMasterFlushOffsetHeader`.
    ResetMasterFlushOffsetRequest = RESET_MASTER_FLUSH_OFFSET {
        /// The offset.
        master_flush_offset: Option<i64> = "masterFlushOffset",
    }

    /// SET_COMMITLOG_READ_MODE (2004).
    SetCommitLogReadModeRequest<'a> = SET_COMMITLOG_READ_MODE {
        /// `0` normal, `1` random.
        read_ahead_mode: Option<Cow<'a, str>> = "READ_AHEAD_MODE",
    }

    /// SWITCH_TIMER_ENGINE (5001, 5.4 and later).
    SwitchTimerEngineRequest<'a> = SWITCH_TIMER_ENGINE {
        /// `R` RocksDB, `F` files.
        engine: Cow<'a, str> = "E_T",
    }

    /// CHECK_ROCKSDB_CQ_WRITE_PROGRESS (354): `CheckRocksdbCqWriteProgressRequestHeader`.
    CheckRocksdbCqWriteProgressRequest<'a> = CHECK_ROCKSDB_CQ_WRITE_PROGRESS {
        /// From when on, milliseconds since 1970.
        check_store_time: Option<i64> = "checkStoreTime",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// EXPORT_ROCKSDB_CONFIG_TO_JSON (355): `ExportRocksDBConfigToJsonRequestHeader`.
    ExportRocksDbConfigRequest<'a> = EXPORT_ROCKSDB_CONFIG_TO_JSON {
        /// Kinds of configuration with `;` between.
        config_type: Cow<'a, str> = "configType",
    }
}

bare! {
    /// GET_BROKER_CONFIG (26). Answer: properties text, beside a [`GetBrokerConfigResponse`].
    GetBrokerConfigRequest = GET_BROKER_CONFIG;
    /// UPDATE_BROKER_CONFIG (25). Body: properties text.
    UpdateBrokerConfigRequest = UPDATE_BROKER_CONFIG;
    /// GET_BROKER_RUNTIME_INFO (28). Answer: a `KvTable`, an open map.
    GetBrokerRuntimeInfoRequest = GET_BROKER_RUNTIME_INFO;
    /// CLEAN_EXPIRED_CONSUMEQUEUE (306).
    CleanExpiredConsumeQueueRequest = CLEAN_EXPIRED_CONSUMEQUEUE;
    /// DELETE_EXPIRED_COMMITLOG (329).
    DeleteExpiredCommitLogRequest = DELETE_EXPIRED_COMMITLOG;
    /// GET_BROKER_HA_STATUS (907). Answer: `HaRuntimeInfo`.
    GetBrokerHaStatusRequest = GET_BROKER_HA_STATUS;
    /// UPDATE_COLD_DATA_FLOW_CTR_CONFIG (2001). Body: properties text.
    UpdateColdDataFlowCtrConfigRequest = UPDATE_COLD_DATA_FLOW_CTR_CONFIG;
    /// REMOVE_COLD_DATA_FLOW_CTR_CONFIG (2002). Body: a group's name.
    RemoveColdDataFlowCtrConfigRequest = REMOVE_COLD_DATA_FLOW_CTR_CONFIG;
    /// GET_COLD_DATA_FLOW_CTR_INFO (2003). Answer: JSON text.
    GetColdDataFlowCtrInfoRequest = GET_COLD_DATA_FLOW_CTR_INFO;
}
