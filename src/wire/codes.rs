//! Numbers of the protocol by name. The sets are open: an unknown code passes through.
//!
//! Source: Apache `RequestCode`, `ResponseCode`, `RemotingSysResponseCode`, `LanguageCode`.

#![allow(clippy::unreadable_literal)]

use core::fmt;

pub use super::version::Version;

macro_rules! codes {
    ($(#[$meta:meta])* $type:ident($int:ty) { $($(#[$doc:meta])* $name:ident = $value:expr,)* }) => {
        $(#[$meta])*
        #[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
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
        /// Messages by key or unique key.
        QUERY_MESSAGE = 12,
        /// Declared, handled by no server.
        QUERY_BROKER_OFFSET = 13,
        /// Read committed offset.
        QUERY_CONSUMER_OFFSET = 14,
        /// Commit an offset.
        UPDATE_CONSUMER_OFFSET = 15,
        /// Create/update topic.
        UPDATE_AND_CREATE_TOPIC = 17,
        /// Batch create topics.
        UPDATE_AND_CREATE_TOPIC_LIST = 18,
        /// All topics of a broker (in pages since 5.3.3).
        GET_ALL_TOPIC_CONFIG = 21,
        /// Declared, handled by no server.
        GET_TOPIC_CONFIG_LIST = 22,
        /// Declared, handled by no server.
        GET_TOPIC_NAME_LIST = 23,
        /// Set broker properties.
        UPDATE_BROKER_CONFIG = 25,
        /// Read broker properties.
        GET_BROKER_CONFIG = 26,
        /// Declared, handled by no server.
        TRIGGER_DELETE_FILES = 27,
        /// A broker's figures.
        GET_BROKER_RUNTIME_INFO = 28,
        /// Offset by store time.
        SEARCH_OFFSET_BY_TIMESTAMP = 29,
        /// Offset the next message of a queue gets.
        GET_MAX_OFFSET = 30,
        /// First offset of a queue.
        GET_MIN_OFFSET = 31,
        /// When a queue's first message was stored.
        GET_EARLIEST_MSG_STORETIME = 32,
        /// One message by commit-log offset.
        VIEW_MESSAGE_BY_ID = 33,
        /// Who a client is and what it subscribes to.
        HEART_BEAT = 34,
        /// A client leaves.
        UNREGISTER_CLIENT = 35,
        /// Retry a consumed message.
        CONSUMER_SEND_MSG_BACK = 36,
        /// Commit or roll a half message back.
        END_TRANSACTION = 37,
        /// Client ids of a group.
        GET_CONSUMER_LIST_BY_GROUP = 38,
        /// A broker asks what became of a half message.
        CHECK_TRANSACTION_STATE = 39,
        /// A broker says that a group's members changed.
        NOTIFY_CONSUMER_IDS_CHANGED = 40,
        /// Lock queues for orderly consumption.
        LOCK_BATCH_MQ = 41,
        /// Give locked queues back.
        UNLOCK_BATCH_MQ = 42,
        /// Whole offset table.
        GET_ALL_CONSUMER_OFFSET = 43,
        /// Among servers.
        GET_ALL_DELAY_OFFSET = 45,
        /// Validate SQL filter.
        CHECK_CLIENT_CONFIG = 46,
        /// Declared, handled by no server.
        GET_CLIENT_CONFIG = 47,
        /// Among servers.
        GET_TIMER_CHECK_POINT = 60,
        /// Among servers.
        GET_TIMER_METRICS = 61,
        /// Set a value at a name server.
        PUT_KV_CONFIG = 100,
        /// A value of a name server.
        GET_KV_CONFIG = 101,
        /// Remove a value of a name server.
        DELETE_KV_CONFIG = 102,
        /// Among servers.
        REGISTER_BROKER = 103,
        /// Among servers.
        UNREGISTER_BROKER = 104,
        /// A topic's route.
        GET_ROUTEINFO_BY_TOPIC = 105,
        /// Clusters and their brokers.
        GET_BROKER_CLUSTER_INFO = 106,
        /// Make or change a consumer group.
        UPDATE_AND_CREATE_SUBSCRIPTIONGROUP = 200,
        /// All consumer groups of a broker (in pages since 5.3.3).
        GET_ALL_SUBSCRIPTIONGROUP_CONFIG = 201,
        /// Limits of a topic's queues.
        GET_TOPIC_STATS_INFO = 202,
        /// Who is connected with a consumer group.
        GET_CONSUMER_CONNECTION_LIST = 203,
        /// Who is connected with a producer group.
        GET_PRODUCER_CONNECTION_LIST = 204,
        /// Take a broker's topics out of writing.
        WIPE_WRITE_PERM_OF_BROKER = 205,
        /// All topics.
        GET_ALL_TOPIC_LIST_FROM_NAMESERVER = 206,
        /// Delete a consumer group.
        DELETE_SUBSCRIPTIONGROUP = 207,
        /// A group's progress.
        GET_CONSUME_STATS = 208,
        /// Declared, handled by no server.
        SUSPEND_CONSUMER = 209,
        /// Declared, handled by no server.
        RESUME_CONSUMER = 210,
        /// Declared, handled by no server.
        RESET_CONSUMER_OFFSET_IN_CONSUMER = 211,
        /// Declared, handled by no server.
        RESET_CONSUMER_OFFSET_IN_BROKER = 212,
        /// Declared, handled by no server.
        ADJUST_CONSUMER_THREAD_POOL = 213,
        /// Declared, handled by no server.
        WHO_CONSUME_THE_MESSAGE = 214,
        /// Delete a topic at a broker.
        DELETE_TOPIC_IN_BROKER = 215,
        /// Delete a topic at a name server.
        DELETE_TOPIC_IN_NAMESRV = 216,
        /// Register a topic at a name server.
        REGISTER_TOPIC_IN_NAMESRV = 217,
        /// All values of a name server's namespace.
        GET_KVLIST_BY_NAMESPACE = 219,
        /// A broker sets a client's offsets back.
        RESET_CONSUMER_CLIENT_OFFSET = 220,
        /// A broker asks a client for its offsets.
        GET_CONSUMER_STATUS_FROM_CLIENT = 221,
        /// Set a group's offsets back.
        INVOKE_BROKER_TO_RESET_OFFSET = 222,
        /// Offsets as clients have them.
        INVOKE_BROKER_TO_GET_CONSUMER_STATUS = 223,
        /// Topics of a cluster.
        GET_TOPICS_BY_CLUSTER = 224,
        /// Make or change consumer groups.
        UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST = 225,
        /// Groups that consume a topic.
        QUERY_TOPIC_CONSUME_BY_WHO = 300,
        /// Declared, handled by no server.
        REGISTER_FILTER_SERVER = 301,
        /// Declared, handled by no server.
        REGISTER_MESSAGE_FILTER_CLASS = 302,
        /// How far behind in time a group is.
        QUERY_CONSUME_TIME_SPAN = 303,
        /// System topics, by a name server.
        GET_SYSTEM_TOPIC_LIST_FROM_NS = 304,
        /// System topics, by a broker.
        GET_SYSTEM_TOPIC_LIST_FROM_BROKER = 305,
        /// Delete expired queue files.
        CLEAN_EXPIRED_CONSUMEQUEUE = 306,
        /// What a client is doing: asked of a broker, which asks the client.
        GET_CONSUMER_RUNNING_INFO = 307,
        /// Offsets compared among groups.
        QUERY_CORRECTION_OFFSET = 308,
        /// Have a client consume one message: asked of a broker, which asks the client.
        CONSUME_MESSAGE_DIRECTLY = 309,
        /// Send one message, short field names (Java default).
        SEND_MESSAGE_V2 = 310,
        /// Unit topics.
        GET_UNIT_TOPIC_LIST = 311,
        /// Topics with unit subscriptions.
        GET_HAS_UNIT_SUB_TOPIC_LIST = 312,
        /// Topics with unit subscriptions that are no unit topics.
        GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST = 313,
        /// Copy a group's offsets.
        CLONE_GROUP_OFFSET = 314,
        /// One of a broker's statistics.
        VIEW_BROKER_STATS_DATA = 315,
        /// Delete topics nobody uses.
        CLEAN_UNUSED_TOPIC = 316,
        /// Progress of all groups of a broker.
        GET_BROKER_CONSUME_STATS = 317,
        /// Set a name server's properties.
        UPDATE_NAMESRV_CONFIG = 318,
        /// A name server's properties.
        GET_NAMESRV_CONFIG = 319,
        /// Batch, short field names.
        SEND_BATCH_MESSAGE = 320,
        /// Entries of a queue.
        QUERY_CONSUME_QUEUE = 321,
        /// Among servers.
        QUERY_DATA_VERSION = 322,
        /// Have a half message checked again.
        RESUME_CHECK_HALF_MESSAGE = 323,
        /// Request-reply answer, long names.
        SEND_REPLY_MESSAGE = 324,
        /// Request-reply answer, short names.
        SEND_REPLY_MESSAGE_V2 = 325,
        /// A broker hands a reply to its requester.
        PUSH_REPLY_MESSAGE_TO_CLIENT = 326,
        /// Put a broker's topics into writing again.
        ADD_WRITE_PERM_OF_BROKER = 327,
        /// All producers of a broker.
        GET_ALL_PRODUCER_INFO = 328,
        /// Delete expired commit-log files.
        DELETE_EXPIRED_COMMITLOG = 329,
        /// Topics a group consumes.
        QUERY_TOPICS_BY_CONSUMER = 343,
        /// A group's subscription to a topic.
        QUERY_SUBSCRIPTION_BY_CONSUMER = 345,
        /// One topic of a broker.
        GET_TOPIC_CONFIG = 351,
        /// One consumer group of a broker.
        GET_SUBSCRIPTIONGROUP_CONFIG = 352,
        /// Whether a group may read a topic.
        UPDATE_AND_GET_GROUP_FORBIDDEN = 353,
        /// How far queues in RocksDB have come.
        CHECK_ROCKSDB_CQ_WRITE_PROGRESS = 354,
        /// Write configuration in RocksDB out as JSON.
        EXPORT_ROCKSDB_CONFIG_TO_JSON = 355,
        /// Pull of the lite pull consumer.
        LITE_PULL_MESSAGE = 361,
        /// Cancel a timer message.
        RECALL_MESSAGE = 370,
        /// Server-side rebalance.
        QUERY_ASSIGNMENT = 400,
        /// Switch PULL/POP per topic+group.
        SET_MESSAGE_REQUEST_MODE = 401,
        /// Among servers.
        GET_ALL_MESSAGE_REQUEST_MODE = 402,
        /// Make or change a static topic.
        UPDATE_AND_CREATE_STATIC_TOPIC = 513,
        /// A broker's replicas.
        GET_BROKER_MEMBER_GROUP = 901,
        /// Broker containers.
        ADD_BROKER = 902,
        /// Broker containers.
        REMOVE_BROKER = 903,
        /// Controllers and servers among themselves.
        BROKER_HEARTBEAT = 904,
        /// Controllers and servers among themselves.
        NOTIFY_MIN_BROKER_ID_CHANGE = 905,
        /// Controllers and servers among themselves.
        EXCHANGE_BROKER_HA_INFO = 906,
        /// State of a broker's replication.
        GET_BROKER_HA_STATUS = 907,
        /// Set the master's flush offset.
        RESET_MASTER_FLUSH_OFFSET = 908,
        /// Controllers and servers among themselves.
        CONTROLLER_ALTER_SYNC_STATE_SET = 1001,
        /// Controllers and servers among themselves.
        CONTROLLER_ELECT_MASTER = 1002,
        /// Controllers and servers among themselves.
        CONTROLLER_REGISTER_BROKER = 1003,
        /// Controllers and servers among themselves.
        CONTROLLER_GET_REPLICA_INFO = 1004,
        /// Controllers and servers among themselves.
        CONTROLLER_GET_METADATA_INFO = 1005,
        /// Controllers and servers among themselves.
        CONTROLLER_GET_SYNC_STATE_DATA = 1006,
        /// Controllers and servers among themselves.
        GET_BROKER_EPOCH_CACHE = 1007,
        /// Controllers and servers among themselves.
        NOTIFY_BROKER_ROLE_CHANGED = 1008,
        /// Controllers and servers among themselves.
        UPDATE_CONTROLLER_CONFIG = 1009,
        /// Controllers and servers among themselves.
        GET_CONTROLLER_CONFIG = 1010,
        /// Controllers and servers among themselves.
        CLEAN_BROKER_DATA = 1011,
        /// Controllers and servers among themselves.
        CONTROLLER_GET_NEXT_BROKER_ID = 1012,
        /// Controllers and servers among themselves.
        CONTROLLER_APPLY_BROKER_ID = 1013,
        /// Controllers and servers among themselves.
        BROKER_CLOSE_CHANNEL_REQUEST = 1014,
        /// Controllers and servers among themselves.
        CHECK_NOT_ACTIVE_BROKER_REQUEST = 1015,
        /// Controllers and servers among themselves.
        GET_BROKER_LIVE_INFO_REQUEST = 1016,
        /// Controllers and servers among themselves.
        GET_SYNC_STATE_DATA_REQUEST = 1017,
        /// Controllers and servers among themselves.
        RAFT_BROKER_HEART_BEAT_EVENT_REQUEST = 1018,
        /// Set flow control of cold reads.
        UPDATE_COLD_DATA_FLOW_CTR_CONFIG = 2001,
        /// Remove flow control of cold reads.
        REMOVE_COLD_DATA_FLOW_CTR_CONFIG = 2002,
        /// Flow control of cold reads.
        GET_COLD_DATA_FLOW_CTR_INFO = 2003,
        /// How the commit log is read ahead.
        SET_COMMITLOG_READ_MODE = 2004,
        /// Make a user.
        AUTH_CREATE_USER = 3001,
        /// Change a user.
        AUTH_UPDATE_USER = 3002,
        /// Delete a user.
        AUTH_DELETE_USER = 3003,
        /// One user.
        AUTH_GET_USER = 3004,
        /// Users.
        AUTH_LIST_USER = 3005,
        /// Make access rules.
        AUTH_CREATE_ACL = 3006,
        /// Change access rules.
        AUTH_UPDATE_ACL = 3007,
        /// Delete access rules.
        AUTH_DELETE_ACL = 3008,
        /// One subject's access rules.
        AUTH_GET_ACL = 3009,
        /// Access rules.
        AUTH_LIST_ACL = 3010,
        /// Pop; JSON head only, as all codes of this family.
        POP_MESSAGE = 200050,
        /// Acknowledge one popped message.
        ACK_MESSAGE = 200051,
        /// Look at messages without popping them.
        PEEK_MESSAGE = 200052,
        /// Keep a popped message longer, or give it back.
        CHANGE_MESSAGE_INVISIBLETIME = 200053,
        /// Long-poll "is there something to pop".
        NOTIFICATION = 200054,
        /// Number of waiting polls.
        POLLING_INFO = 200055,
        /// Move pop state from KV store to file store.
        POP_ROLLBACK = 200056,
        /// Acknowledge popped messages.
        BATCH_ACK_MESSAGE = 200151,
        /// Pop of a lite consumer.
        POP_LITE_MESSAGE = 200070,
        /// Add or remove lite subscriptions.
        LITE_SUBSCRIPTION_CTL = 200071,
        /// Declared, handled by no server: lite acks use `ACK_MESSAGE`.
        ACK_LITE_MESSAGE = 200072,
        /// A broker took a lite subscription away.
        NOTIFY_UNSUBSCRIBE_LITE = 200073,
        /// What a broker knows of lite topics.
        GET_BROKER_LITE_INFO = 200074,
        /// A parent topic's lite topics.
        GET_PARENT_TOPIC_INFO = 200075,
        /// One lite topic.
        GET_LITE_TOPIC_INFO = 200076,
        /// One lite consumer.
        GET_LITE_CLIENT_INFO = 200077,
        /// How far behind a lite group is.
        GET_LITE_GROUP_INFO = 200078,
        /// Have lite consumers woken.
        TRIGGER_LITE_DISPATCH = 200079,
        /// Choose the timer's store.
        SWITCH_TIMER_ENGINE = 5001,
        /// Delete topics at a broker.
        DELETE_TOPIC_IN_BROKER_LIST = 5002,
        /// Delete consumer groups at a broker.
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
        /// Flow control or overload; the remark says which.
        SYSTEM_BUSY = 2,
        /// No handler for the code.
        REQUEST_CODE_NOT_SUPPORTED = 3,
        /// Declared, sent by no known server.
        TRANSACTION_FAILED = 4,
        /// Stored, not yet flushed (sync flush mode).
        FLUSH_DISK_TIMEOUT = 10,
        /// Stored on master, no slave (sync replication); also RECALL on a slave.
        SLAVE_NOT_AVAILABLE = 11,
        /// Stored on master, slave ack timed out.
        FLUSH_SLAVE_TIMEOUT = 12,
        /// The message is too long, lacks a key, or names an impossible queue.
        MESSAGE_ILLEGAL = 13,
        /// Disk full, slave, shut down.
        SERVICE_NOT_AVAILABLE = 14,
        /// Proxy: request lacks the broker name field (bname / n).
        VERSION_NOT_SUPPORTED = 15,
        /// Not allowed: by permission bits, access rules or configuration.
        NO_PERMISSION = 16,
        /// Topic unknown (NS or broker).
        TOPIC_NOT_EXIST = 17,
        /// Declared, sent by no known server.
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
        /// A parameter is out of its range.
        INVALID_PARAMETER = 29,
        /// Declared, sent by no known server.
        TRANSACTION_SHOULD_COMMIT = 200,
        /// Declared, sent by no known server.
        TRANSACTION_SHOULD_ROLLBACK = 201,
        /// Declared, sent by no known server.
        TRANSACTION_STATE_UNKNOW = 202,
        /// Declared, sent by no known server.
        TRANSACTION_STATE_GROUP_WRONG = 203,
        /// Of a vendor.
        NO_BUYER_ID = 204,
        /// Of a vendor.
        NOT_IN_CURRENT_UNIT = 205,
        /// No member of the group is online.
        CONSUMER_NOT_ONLINE = 206,
        /// The client did not answer the broker within 10 s.
        CONSUME_MSG_TIMEOUT = 207,
        /// Pop: no such offset, or nothing to acknowledge.
        NO_MESSAGE = 208,
        /// Pop: too many wait.
        POLLING_FULL = 209,
        /// Pop: nothing came in time.
        POLLING_TIMEOUT = 210,
        /// Of broker containers.
        BROKER_NOT_EXIST = 211,
        /// Declared, sent by no known server.
        BROKER_DISPATCH_NOT_COMPLETE = 212,
        /// Of the administrator's tool; sent by no server.
        BROADCAST_CONSUMPTION = 213,
        /// Sent by no known server; consumers try again shortly.
        FLOW_CONTROL = 215,
        /// Static topic: this broker is not the leader of the logical queue.
        NOT_LEADER_FOR_QUEUE = 501,
        /// A transaction ended too late, or a recall handle is invalid.
        ILLEGAL_OPERATION = 604,
        /// The server shuts down; only to requests of a version over 5.3.1.
        GO_AWAY = 1500,
        /// Of a controller.
        CONTROLLER_FENCED_MASTER_EPOCH = 2000,
        /// Of a controller.
        CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH = 2001,
        /// Of a controller.
        CONTROLLER_INVALID_MASTER = 2002,
        /// Of a controller.
        CONTROLLER_INVALID_REPLICAS = 2003,
        /// Of a controller.
        CONTROLLER_MASTER_NOT_AVAILABLE = 2004,
        /// Of a controller.
        CONTROLLER_INVALID_REQUEST = 2005,
        /// Of a controller.
        CONTROLLER_BROKER_NOT_ALIVE = 2006,
        /// Of a controller.
        CONTROLLER_NOT_LEADER = 2007,
        /// Of a controller.
        CONTROLLER_BROKER_METADATA_NOT_EXIST = 2008,
        /// Of a controller.
        CONTROLLER_INVALID_CLEAN_BROKER_METADATA = 2009,
        /// Of a controller.
        CONTROLLER_BROKER_NEED_TO_BE_REGISTERED = 2010,
        /// Of a controller.
        CONTROLLER_MASTER_STILL_EXIST = 2011,
        /// Of a controller.
        CONTROLLER_ELECT_MASTER_FAILED = 2012,
        /// Of a controller.
        CONTROLLER_ALTER_SYNC_STATE_SET_FAILED = 2013,
        /// Of a controller.
        CONTROLLER_BROKER_ID_INVALID = 2014,
        /// Of a controller.
        CONTROLLER_JRAFT_INTERNAL_ERROR = 2015,
        /// Of a controller.
        CONTROLLER_BROKER_LIVE_INFO_NOT_EXISTS = 2016,
        /// No more light queues at this broker (5.5 and later).
        LMQ_QUOTA_EXCEEDED = 2017,
        /// No more lite subscriptions at this broker (5.5 and later).
        LITE_SUBSCRIPTION_QUOTA_EXCEEDED = 2018,
        /// Declared, sent by no known server.
        USER_NOT_EXIST = 3001,
        /// Declared, sent by no known server.
        POLICY_NOT_EXIST = 3002,
        /// A server's own call failed; may be relayed.
        RPC_UNKNOWN = -1000,
        /// As `RPC_UNKNOWN`.
        RPC_ADDR_IS_NULL = -1002,
        /// As `RPC_UNKNOWN`.
        RPC_SEND_TO_CHANNEL_FAILED = -1004,
        /// As `RPC_UNKNOWN`.
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
