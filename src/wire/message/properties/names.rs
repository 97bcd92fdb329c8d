//! Property names (Java `MessageConst`). Who sets what is in the protocol description; `R` ones are never sent.

macro_rules! names {
    ($($(#[$doc:meta])* $id:ident = $text:literal;)*) => { $($(#[$doc])* pub const $id: &str = $text;)* };
}

names! {
    /// Index keys, separated by one space.
    KEYS = "KEYS";
    /// The tag.
    TAGS = "TAGS";
    /// `true` or `false`: wait for store and replication.
    WAIT = "WAIT";
    /// Delay level, 1-based.
    DELAY = "DELAY";
    /// Timer: delay in seconds.
    TIMER_DELAY_SEC = "TIMER_DELAY_SEC";
    /// Timer: delay in milliseconds.
    TIMER_DELAY_MS = "TIMER_DELAY_MS";
    /// Timer: absolute time, Unix milliseconds.
    TIMER_DELIVER_MS = "TIMER_DELIVER_MS";
    /// Timer internals of the broker.
    TIMER_OUT_MS = "TIMER_OUT_MS";
    /// Timer internals of the broker.
    TIMER_ENQUEUE_MS = "TIMER_ENQUEUE_MS";
    /// Timer internals of the broker.
    TIMER_DEQUEUE_MS = "TIMER_DEQUEUE_MS";
    /// Timer internals of the broker.
    TIMER_ROLL_TIMES = "TIMER_ROLL_TIMES";
    /// Timer internals of the broker.
    TIMER_DEL_UNIQKEY = "TIMER_DEL_UNIQKEY";
    /// Timer internals of the broker.
    TIMER_DELAY_LEVEL = "TIMER_DELAY_LEVEL";
    /// Vendor key; decides the message type of traces only.
    START_DELIVER_TIME = "__STARTDELIVERTIME";
    /// Ordering key.
    SHARDING_KEY = "__SHARDINGKEY";
    /// Delay of the first transaction check, seconds.
    CHECK_IMMUNITY_TIME_IN_SECONDS = "CHECK_IMMUNITY_TIME_IN_SECONDS";
    /// Vendor key.
    BUYER_ID = "BUYER_ID";
    /// Old namespace of the producer.
    INSTANCE_ID = "INSTANCE_ID";
    /// Unique id given by the client.
    UNIQ_KEY = "UNIQ_KEY";
    /// Producer group of a transaction message.
    PRODUCER_GROUP = "PGROUP";
    /// `true` on half messages.
    TRANSACTION_PREPARED = "TRAN_MSG";
    /// Transaction id.
    TRANSACTION_ID = "__transactionId__";
    /// Number of transaction checks done.
    TRANSACTION_CHECK_TIMES = "TRANSACTION_CHECK_TIMES";
    /// Queue offset of the half message.
    TRANSACTION_PREPARED_QUEUE_OFFSET = "TRAN_PREPARED_QUEUE_OFFSET";
    /// Original topic while parked in a system topic.
    REAL_TOPIC = "REAL_TOPIC";
    /// Original queue while parked in a system topic.
    REAL_QUEUE_ID = "REAL_QID";
    /// Original topic of a retry message.
    RETRY_TOPIC = "RETRY_TOPIC";
    /// Id of the first delivery.
    ORIGIN_MESSAGE_ID = "ORIGIN_MESSAGE_ID";
    /// Carrier of the header field `j`; never to be trusted on receipt, the stored header has the count.
    RECONSUME_TIME = "RECONSUME_TIME";
    /// Carrier of the header field `l`.
    MAX_RECONSUME_TIMES = "MAX_RECONSUME_TIMES";
    /// Dead letter origin.
    DLQ_ORIGIN_TOPIC = "DLQ_ORIGIN_TOPIC";
    /// Dead letter origin.
    DLQ_ORIGIN_MESSAGE_ID = "DLQ_ORIGIN_MESSAGE_ID";
    /// Set by Java's receiver from the pull answer; never sent.
    MIN_OFFSET = "MIN_OFFSET";
    /// Set by Java's receiver from the pull answer; never sent.
    MAX_OFFSET = "MAX_OFFSET";
    /// Set by Java's receiver; never sent.
    CONSUME_START_TIME = "CONSUME_START_TIME";
    /// Region of the broker.
    MSG_REGION = "MSG_REGION";
    /// Trace switch of the broker.
    TRACE_ON = "TRACE_ON";
    /// Cluster name of the broker.
    CLUSTER = "CLUSTER";
    /// Request-reply: which request is answered.
    CORRELATION_ID = "CORRELATION_ID";
    /// Request-reply: client id of the requester.
    REPLY_TO_CLIENT = "REPLY_TO_CLIENT";
    /// Request-reply: time to live, milliseconds.
    TTL = "TTL";
    /// `reply` marks an answer of request-reply.
    MSG_TYPE = "MSG_TYPE";
    /// When the broker pushed a reply.
    PUSH_REPLY_TIME = "PUSH_REPLY_TIME";
    /// Set by Java's receiver; never sent.
    ARRIVE_TIME = "ARRIVE_TIME";
    /// Receipt handle of a popped message.
    POP_CK = "POP_CK";
    /// Internals of pop.
    POP_CK_OFFSET = "POP_CK_OFFSET";
    /// Time of the first pop, Unix milliseconds.
    FIRST_POP_TIME = "1ST_POP_TIME";
    /// Number of messages in an inner batch.
    INNER_NUM = "INNER_NUM";
    /// First offset of an inner batch.
    INNER_BASE = "INNER_BASE";
    /// Light queues to dispatch to, comma-separated.
    INNER_MULTI_DISPATCH = "INNER_MULTI_DISPATCH";
    /// Offsets in the light queues, same positions.
    INNER_MULTI_QUEUE_OFFSET = "INNER_MULTI_QUEUE_OFFSET";
    /// Trace context text.
    TRACE_CONTEXT = "TRACE_CONTEXT";
    /// Skips the proxy's check of the message type.
    TRANSFER_FLAG = "TRANSFER_FLAG";
    /// Vendor key.
    CORRECTION_FLAG = "CORRECTION_FLAG";
    /// Vendor key.
    MQ2_FLAG = "MQ2_FLAG";
    /// Vendor key.
    DUP_INFO = "DUP_INFO";
    /// Vendor key.
    EXTEND_UNIQ_INFO = "EXTEND_UNIQ_INFO";
    /// Original host of a proxied message.
    BORN_HOST = "__BORNHOST";
    /// Original time of a proxied message.
    BORN_TIMESTAMP = "BORN_TIMESTAMP";
    /// Checksum of the properties, when the broker appends it.
    CRC32 = "__CRC32#";
    /// Consumer group of a pop retry copy (5.4).
    ORIGIN_GROUP = "ORIGIN_GROUP";
    /// Priority, 0 and up (5.4).
    PRIORITY = "_SYS_MSG_PRIORITY_";
    /// Lite topic name (5.5).
    LITE_TOPIC = "__LITE_TOPIC";
}
