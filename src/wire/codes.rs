//! Numbers of the protocol by name. The sets are open: an unknown code passes through.
//!
//! Source: Apache `RequestCode`, `ResponseCode`, `RemotingSysResponseCode`, `LanguageCode`, `MQVersion`.

#![allow(clippy::unreadable_literal)]

use core::fmt;

macro_rules! codes {
    ($(#[$meta:meta])* $type:ident($int:ty) { $($(#[$doc:meta])* $name:ident = $value:expr,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $type(pub $int);

        impl $type {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// Every value with a name.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Apache's name, if there is one.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => write!(f, "{name} ({})", self.0),
                    None => write!(f, "code {}", self.0),
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

codes! {
    /// What a request asks for.
    RequestCode(i32) {
        /// Send one message, long field names.
        SEND_MESSAGE = 10,
        /// Pull (long poll).
        PULL_MESSAGE = 11,
        /// Query by key / unique key.
        QUERY_MESSAGE = 12,
        /// Dead constant, no handler.
        QUERY_BROKER_OFFSET = 13,
        /// Read committed offset.
        QUERY_CONSUMER_OFFSET = 14,
        /// Commit offset (Java: one-way or sync).
        UPDATE_CONSUMER_OFFSET = 15,
        /// Create/update topic.
        UPDATE_AND_CREATE_TOPIC = 17,
        /// Batch create topics.
        UPDATE_AND_CREATE_TOPIC_LIST = 18,
        /// All topic configs (paged since 5.3.3).
        GET_ALL_TOPIC_CONFIG = 21,
        /// Dead.
        GET_TOPIC_CONFIG_LIST = 22,
        /// Dead.
        GET_TOPIC_NAME_LIST = 23,
        /// Set broker properties.
        UPDATE_BROKER_CONFIG = 25,
        /// Read broker properties.
        GET_BROKER_CONFIG = 26,
        /// Dead.
        TRIGGER_DELETE_FILES = 27,
        /// Runtime key/values.
        GET_BROKER_RUNTIME_INFO = 28,
        /// Offset by store time.
        SEARCH_OFFSET_BY_TIMESTAMP = 29,
        /// Get max offset.
        GET_MAX_OFFSET = 30,
        /// Get min offset.
        GET_MIN_OFFSET = 31,
        /// Proxy has code for it but does not register it.
        GET_EARLIEST_MSG_STORETIME = 32,
        /// One message by commit-log offset.
        VIEW_MESSAGE_BY_ID = 33,
        /// Heart beat.
        HEART_BEAT = 34,
        /// Unregister client.
        UNREGISTER_CLIENT = 35,
        /// Retry a consumed message.
        CONSUMER_SEND_MSG_BACK = 36,
        /// Commit/rollback (one-way in clients).
        END_TRANSACTION = 37,
        /// Client ids of a group.
        GET_CONSUMER_LIST_BY_GROUP = 38,
        /// One-way push.
        CHECK_TRANSACTION_STATE = 39,
        /// One-way push.
        NOTIFY_CONSUMER_IDS_CHANGED = 40,
        /// Orderly consumption lock.
        LOCK_BATCH_MQ = 41,
        /// Unlock batch mq.
        UNLOCK_BATCH_MQ = 42,
        /// Whole offset table.
        GET_ALL_CONSUMER_OFFSET = 43,
        /// Get all delay offset.
        GET_ALL_DELAY_OFFSET = 45,
        /// Validate SQL filter.
        CHECK_CLIENT_CONFIG = 46,
        /// Dead.
        GET_CLIENT_CONFIG = 47,
        /// Get timer check point.
        GET_TIMER_CHECK_POINT = 60,
        /// Get timer metrics.
        GET_TIMER_METRICS = 61,
        /// Put kv config.
        PUT_KV_CONFIG = 100,
        /// Get kv config.
        GET_KV_CONFIG = 101,
        /// Delete kv config.
        DELETE_KV_CONFIG = 102,
        /// Register broker.
        REGISTER_BROKER = 103,
        /// Unregister broker.
        UNREGISTER_BROKER = 104,
        /// Topic route.
        GET_ROUTEINFO_BY_TOPIC = 105,
        /// Cluster info.
        GET_BROKER_CLUSTER_INFO = 106,
        /// Update and create subscriptiongroup.
        UPDATE_AND_CREATE_SUBSCRIPTIONGROUP = 200,
        /// Paged since 5.3.3.
        GET_ALL_SUBSCRIPTIONGROUP_CONFIG = 201,
        /// Per-queue min/max.
        GET_TOPIC_STATS_INFO = 202,
        /// Get consumer connection list.
        GET_CONSUMER_CONNECTION_LIST = 203,
        /// Get producer connection list.
        GET_PRODUCER_CONNECTION_LIST = 204,
        /// Wipe write perm of broker.
        WIPE_WRITE_PERM_OF_BROKER = 205,
        /// Get all topic list from nameserver.
        GET_ALL_TOPIC_LIST_FROM_NAMESERVER = 206,
        /// Delete subscriptiongroup.
        DELETE_SUBSCRIPTIONGROUP = 207,
        /// Consumer progress.
        GET_CONSUME_STATS = 208,
        /// Dead.
        SUSPEND_CONSUMER = 209,
        /// Dead.
        RESUME_CONSUMER = 210,
        /// Dead.
        RESET_CONSUMER_OFFSET_IN_CONSUMER = 211,
        /// Dead.
        RESET_CONSUMER_OFFSET_IN_BROKER = 212,
        /// Dead.
        ADJUST_CONSUMER_THREAD_POOL = 213,
        /// Dead.
        WHO_CONSUME_THE_MESSAGE = 214,
        /// Delete topic in broker.
        DELETE_TOPIC_IN_BROKER = 215,
        /// Delete topic in namesrv.
        DELETE_TOPIC_IN_NAMESRV = 216,
        /// Register topic in namesrv.
        REGISTER_TOPIC_IN_NAMESRV = 217,
        /// Get kvlist by namespace.
        GET_KVLIST_BY_NAMESPACE = 219,
        /// One-way push.
        RESET_CONSUMER_CLIENT_OFFSET = 220,
        /// Request/response.
        GET_CONSUMER_STATUS_FROM_CLIENT = 221,
        /// Invoke broker to reset offset.
        INVOKE_BROKER_TO_RESET_OFFSET = 222,
        /// Invoke broker to get consumer status.
        INVOKE_BROKER_TO_GET_CONSUMER_STATUS = 223,
        /// Get topics by cluster.
        GET_TOPICS_BY_CLUSTER = 224,
        /// Update and create subscriptiongroup list.
        UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST = 225,
        /// Query topic consume by who.
        QUERY_TOPIC_CONSUME_BY_WHO = 300,
        /// Dead.
        REGISTER_FILTER_SERVER = 301,
        /// Dead.
        REGISTER_MESSAGE_FILTER_CLASS = 302,
        /// Query consume time span.
        QUERY_CONSUME_TIME_SPAN = 303,
        /// Get system topic list from ns.
        GET_SYSTEM_TOPIC_LIST_FROM_NS = 304,
        /// Get system topic list from broker.
        GET_SYSTEM_TOPIC_LIST_FROM_BROKER = 305,
        /// Clean expired consumequeue.
        CLEAN_EXPIRED_CONSUMEQUEUE = 306,
        /// Admin asks broker, broker relays to the client.
        GET_CONSUMER_RUNNING_INFO = 307,
        /// Query correction offset.
        QUERY_CORRECTION_OFFSET = 308,
        /// Same relay.
        CONSUME_MESSAGE_DIRECTLY = 309,
        /// Send one message, short field names (Java default).
        SEND_MESSAGE_V2 = 310,
        /// Get unit topic list.
        GET_UNIT_TOPIC_LIST = 311,
        /// Get has unit sub topic list.
        GET_HAS_UNIT_SUB_TOPIC_LIST = 312,
        /// Get has unit sub ununit topic list.
        GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST = 313,
        /// Clone group offset.
        CLONE_GROUP_OFFSET = 314,
        /// View broker stats data.
        VIEW_BROKER_STATS_DATA = 315,
        /// Clean unused topic.
        CLEAN_UNUSED_TOPIC = 316,
        /// Get broker consume stats.
        GET_BROKER_CONSUME_STATS = 317,
        /// Update namesrv config.
        UPDATE_NAMESRV_CONFIG = 318,
        /// Get namesrv config.
        GET_NAMESRV_CONFIG = 319,
        /// Batch, short field names.
        SEND_BATCH_MESSAGE = 320,
        /// Query consume queue.
        QUERY_CONSUME_QUEUE = 321,
        /// Query data version.
        QUERY_DATA_VERSION = 322,
        /// Resume check half message.
        RESUME_CHECK_HALF_MESSAGE = 323,
        /// Request-reply answer, long names.
        SEND_REPLY_MESSAGE = 324,
        /// Request-reply answer, short names.
        SEND_REPLY_MESSAGE_V2 = 325,
        /// Request/response.
        PUSH_REPLY_MESSAGE_TO_CLIENT = 326,
        /// Add write perm of broker.
        ADD_WRITE_PERM_OF_BROKER = 327,
        /// Get all producer info.
        GET_ALL_PRODUCER_INFO = 328,
        /// Delete expired commitlog.
        DELETE_EXPIRED_COMMITLOG = 329,
        /// Query topics by consumer.
        QUERY_TOPICS_BY_CONSUMER = 343,
        /// Query subscription by consumer.
        QUERY_SUBSCRIPTION_BY_CONSUMER = 345,
        /// Get topic config.
        GET_TOPIC_CONFIG = 351,
        /// Get subscriptiongroup config.
        GET_SUBSCRIPTIONGROUP_CONFIG = 352,
        /// Update and get group forbidden.
        UPDATE_AND_GET_GROUP_FORBIDDEN = 353,
        /// Check rocksdb cq write progress.
        CHECK_ROCKSDB_CQ_WRITE_PROGRESS = 354,
        /// Export rocksdb config to json.
        EXPORT_ROCKSDB_CONFIG_TO_JSON = 355,
        /// Pull of the lite pull consumer.
        LITE_PULL_MESSAGE = 361,
        /// Cancel a timer message.
        RECALL_MESSAGE = 370,
        /// Server-side rebalance.
        QUERY_ASSIGNMENT = 400,
        /// Switch PULL/POP per topic+group.
        SET_MESSAGE_REQUEST_MODE = 401,
        /// Get all message request mode.
        GET_ALL_MESSAGE_REQUEST_MODE = 402,
        /// Update and create static topic.
        UPDATE_AND_CREATE_STATIC_TOPIC = 513,
        /// Get broker member group.
        GET_BROKER_MEMBER_GROUP = 901,
        /// Add broker.
        ADD_BROKER = 902,
        /// Remove broker.
        REMOVE_BROKER = 903,
        /// Broker heartbeat.
        BROKER_HEARTBEAT = 904,
        /// Notify min broker id change.
        NOTIFY_MIN_BROKER_ID_CHANGE = 905,
        /// Exchange broker ha info.
        EXCHANGE_BROKER_HA_INFO = 906,
        /// Get broker ha status.
        GET_BROKER_HA_STATUS = 907,
        /// Reset master flush offset.
        RESET_MASTER_FLUSH_OFFSET = 908,
        /// Controller alter sync state set.
        CONTROLLER_ALTER_SYNC_STATE_SET = 1001,
        /// Controller elect master.
        CONTROLLER_ELECT_MASTER = 1002,
        /// Controller register broker.
        CONTROLLER_REGISTER_BROKER = 1003,
        /// Controller get replica info.
        CONTROLLER_GET_REPLICA_INFO = 1004,
        /// Controller get metadata info.
        CONTROLLER_GET_METADATA_INFO = 1005,
        /// Controller get sync state data.
        CONTROLLER_GET_SYNC_STATE_DATA = 1006,
        /// Get broker epoch cache.
        GET_BROKER_EPOCH_CACHE = 1007,
        /// Notify broker role changed.
        NOTIFY_BROKER_ROLE_CHANGED = 1008,
        /// Update controller config.
        UPDATE_CONTROLLER_CONFIG = 1009,
        /// Get controller config.
        GET_CONTROLLER_CONFIG = 1010,
        /// Clean broker data.
        CLEAN_BROKER_DATA = 1011,
        /// Controller get next broker id.
        CONTROLLER_GET_NEXT_BROKER_ID = 1012,
        /// Controller apply broker id.
        CONTROLLER_APPLY_BROKER_ID = 1013,
        /// Broker close channel request.
        BROKER_CLOSE_CHANNEL_REQUEST = 1014,
        /// Check not active broker request.
        CHECK_NOT_ACTIVE_BROKER_REQUEST = 1015,
        /// Get broker live info request.
        GET_BROKER_LIVE_INFO_REQUEST = 1016,
        /// Get sync state data request.
        GET_SYNC_STATE_DATA_REQUEST = 1017,
        /// Raft broker heart beat event request.
        RAFT_BROKER_HEART_BEAT_EVENT_REQUEST = 1018,
        /// Update cold data flow ctr config.
        UPDATE_COLD_DATA_FLOW_CTR_CONFIG = 2001,
        /// Remove cold data flow ctr config.
        REMOVE_COLD_DATA_FLOW_CTR_CONFIG = 2002,
        /// Get cold data flow ctr info.
        GET_COLD_DATA_FLOW_CTR_INFO = 2003,
        /// Set commitlog read mode.
        SET_COMMITLOG_READ_MODE = 2004,
        /// Auth create user.
        AUTH_CREATE_USER = 3001,
        /// Auth update user.
        AUTH_UPDATE_USER = 3002,
        /// Auth delete user.
        AUTH_DELETE_USER = 3003,
        /// Auth get user.
        AUTH_GET_USER = 3004,
        /// Auth list user.
        AUTH_LIST_USER = 3005,
        /// Auth create acl.
        AUTH_CREATE_ACL = 3006,
        /// Auth update acl.
        AUTH_UPDATE_ACL = 3007,
        /// Auth delete acl.
        AUTH_DELETE_ACL = 3008,
        /// Auth get acl.
        AUTH_GET_ACL = 3009,
        /// Auth list acl.
        AUTH_LIST_ACL = 3010,
        /// Pop; JSON header only.
        POP_MESSAGE = 200050,
        /// Ack message.
        ACK_MESSAGE = 200051,
        /// Handler exists, no client call in this commit.
        PEEK_MESSAGE = 200052,
        /// Change message invisibletime.
        CHANGE_MESSAGE_INVISIBLETIME = 200053,
        /// Long-poll "is there something to pop".
        NOTIFICATION = 200054,
        /// Number of waiting polls.
        POLLING_INFO = 200055,
        /// Move pop state from KV store to file store.
        POP_ROLLBACK = 200056,
        /// Batch ack message.
        BATCH_ACK_MESSAGE = 200151,
        /// Pop of a lite consumer (16.5).
        POP_LITE_MESSAGE = 200070,
        /// Add/remove lite subscriptions (16.5).
        LITE_SUBSCRIPTION_CTL = 200071,
        /// Declared in 5.5, no handler: answered 3 (live 5.5.0); lite acks use 200051.
        ACK_LITE_MESSAGE = 200072,
        /// One-way push, 5.5+ (16.5).
        NOTIFY_UNSUBSCRIBE_LITE = 200073,
        /// Ext E_T = R (RocksDB timeline) or F (file time wheel).
        SWITCH_TIMER_ENGINE = 5001,
        /// Body {"topicList":(..)}.
        DELETE_TOPIC_IN_BROKER_LIST = 5002,
        /// Body {"cleanOffset":false,"groupNameList":(..)}.
        DELETE_SUBSCRIPTION_GROUP_LIST = 5003,
    }
}

codes! {
    /// How a request went.
    ResponseCode(i32) {
        /// Ok.
        SUCCESS = 0,
        /// Generic server failure; remark has the text.
        SYSTEM_ERROR = 1,
        /// Flow control / queue overload. Remarks start with (REJECTREQUEST), (OVERLOAD), .
        SYSTEM_BUSY = 2,
        /// No handler for the code.
        REQUEST_CODE_NOT_SUPPORTED = 3,
        /// Declared, not used.
        TRANSACTION_FAILED = 4,
        /// Stored, not yet flushed (sync flush mode).
        FLUSH_DISK_TIMEOUT = 10,
        /// Stored on master, no slave (sync replication); also RECALL on a slave.
        SLAVE_NOT_AVAILABLE = 11,
        /// Stored on master, slave ack timed out.
        FLUSH_SLAVE_TIMEOUT = 12,
        /// Body/properties/topic length, timer delay too long, missing key on a compaction topic; ACK: .
        MESSAGE_ILLEGAL = 13,
        /// Disk full, slave, shut down.
        SERVICE_NOT_AVAILABLE = 14,
        /// Proxy: request lacks the broker name field (bname / n).
        VERSION_NOT_SUPPORTED = 15,
        /// Topic/broker/group not writable/readable, ACL authentication or authorization failure, .
        NO_PERMISSION = 16,
        /// Topic unknown (NS or broker).
        TOPIC_NOT_EXIST = 17,
        /// Declared, not used.
        TOPIC_EXIST_ALREADY = 18,
        /// No message (after long poll).
        PULL_NOT_FOUND = 19,
        /// Nothing matched/being removed/wrong replica.
        PULL_RETRY_IMMEDIATELY = 20,
        /// Requested offset illegal or server-side reset.
        PULL_OFFSET_MOVED = 21,
        /// No committed offset / no message for key / no KV item.
        QUERY_NOT_FOUND = 22,
        /// Bad filter expression.
        SUBSCRIPTION_PARSE_FAILED = 23,
        /// Group or topic subscription unknown to the broker (heartbeat not arrived).
        SUBSCRIPTION_NOT_EXIST = 24,
        /// Broker's subscription version older than request subVersion.
        SUBSCRIPTION_NOT_LATEST = 25,
        /// Group unknown and auto-create off.
        SUBSCRIPTION_GROUP_NOT_EXIST = 26,
        /// SQL filter data missing.
        FILTER_DATA_NOT_EXIST = 27,
        /// SQL filter data older than subscription.
        FILTER_DATA_NOT_LATEST = 28,
        /// Queue id out of range, bad topic name, POP count ) 32, blank user name .
        INVALID_PARAMETER = 29,
        /// Declared, not used anywhere in this commit.
        TRANSACTION_SHOULD_COMMIT = 200,
        /// Declared, not used anywhere in this commit.
        TRANSACTION_SHOULD_ROLLBACK = 201,
        /// Declared, not used anywhere in this commit.
        TRANSACTION_STATE_UNKNOW = 202,
        /// Declared, not used anywhere in this commit.
        TRANSACTION_STATE_GROUP_WRONG = 203,
        /// Vendor, no producer in this commit.
        NO_BUYER_ID = 204,
        /// Vendor (unit routing), no producer in this commit.
        NOT_IN_CURRENT_UNIT = 205,
        /// Admin: no live consumer of the group.
        CONSUMER_NOT_ONLINE = 206,
        /// Broker's relay to a client timed out (10 s).
        CONSUME_MSG_TIMEOUT = 207,
        /// ACK/CHANGE_INVISIBLE: offset out of range, empty batch ack.
        NO_MESSAGE = 208,
        /// POP: too many waiting polls.
        POLLING_FULL = 209,
        /// POP: nothing within poll time, or poll already too old.
        POLLING_TIMEOUT = 210,
        /// Broker container admin only.
        BROKER_NOT_EXIST = 211,
        /// Declared, no producer in this commit.
        BROKER_DISPATCH_NOT_COMPLETE = 212,
        /// Raised locally by the admin tool for broadcasting groups; no server sends it.
        BROADCAST_CONSUMPTION = 213,
        /// No server of this commit produces it; consumers recognise it.
        FLOW_CONTROL = 215,
        /// Static topic: this broker is not the leader of the logical queue.
        NOT_LEADER_FOR_QUEUE = 501,
        /// Transaction end too late after check immunity; recall handle invalid.
        ILLEGAL_OPERATION = 604,
        /// Server shutting down, only to requests with version ) 475.
        GO_AWAY = 1500,
        /// 5.5+: number of light queues (LMQ / lite topics) of the broker reached .
        LMQ_QUOTA_EXCEEDED = 2017,
        /// 5.5+: LITE_SUBSCRIPTION_CTL beyond maxLiteSubscriptionCount (100,000 per broker).
        LITE_SUBSCRIPTION_QUOTA_EXCEEDED = 2018,
        /// Declared, not produced by the code read.
        USER_NOT_EXIST = 3001,
        /// Declared, not produced by the code read.
        POLICY_NOT_EXIST = 3002,
        /// Local RPC client of brokers/proxy; can surface as a relayed code.
        RPC_UNKNOWN = -1000,
        /// Same.
        RPC_ADDR_IS_NULL = -1002,
        /// Same.
        RPC_SEND_TO_CHANNEL_FAILED = -1004,
        /// Same.
        RPC_TIME_OUT = -1006,
    }
}

codes! {
    /// The implementation language a peer announces.
    LanguageCode(u8) {
        /// Java.
        JAVA = 0,
        /// C++.
        CPP = 1,
        /// .NET.
        DOTNET = 2,
        /// Python.
        PYTHON = 3,
        /// Delphi.
        DELPHI = 4,
        /// Erlang.
        ERLANG = 5,
        /// Ruby.
        RUBY = 6,
        /// Something else.
        OTHER = 7,
        /// HTTP.
        HTTP = 8,
        /// Go.
        GO = 9,
        /// PHP.
        PHP = 10,
        /// OpenMessaging.
        OMS = 11,
        /// Rust: known to servers since 4.9.4, older ones show no language.
        RUST = 12,
        /// Node.js.
        NODE_JS = 13,
    }
}

impl LanguageCode {
    /// The language with this name in any case, as servers match it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.name().is_some_and(|known| known.eq_ignore_ascii_case(name)))
    }
}

/// A RocketMQ version as its number in Java's `MQVersion`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub i32);

impl Version {
    /// From here on name servers answer route queries in standard JSON.
    pub const V4_9_4: Self = Self(401);
    /// The last release of the 4.9 line.
    pub const V4_9_7: Self = Self(407);
    /// Versions over this one are sent GO_AWAY.
    pub const V5_3_1: Self = Self(475);
    /// The version this engine was built and tested against, and announces.
    pub const V5_5_0: Self = Self(513);
    /// Everything above counts as this.
    pub const HIGHER_VERSION: Self = Self(612);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, base) = match self.0 {
            213..=412 => (4, 213),
            413..=611 => (5, 413),
            612.. => return f.write_str("HIGHER_VERSION"),
            other => return write!(f, "version {other}"),
        };
        let rest = self.0 - base;
        let snapshot = rest % 2 == 1;
        let (minor, patch) = ((rest + i32::from(snapshot)) / 20, (rest + i32::from(snapshot)) % 20 / 2);
        write!(f, "V{major}_{minor}_{patch}{}", if snapshot { "_SNAPSHOT" } else { "" })
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.0)
    }
}
