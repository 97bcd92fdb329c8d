//! Popping: the broker hands messages out for a time and takes them back unless they are acknowledged.
//!
//! These codes do not fit the binary head: send them as JSON.

use alloc::borrow::Cow;

use super::{bare, fields};

fields! {
    /// POP_MESSAGE (200050): `PopMessageRequestHeader`.
    PopMessageRequest<'a> = POP_MESSAGE {
        /// Repeating an ordered pop with the same id gives the same messages.
        attempt_id: Option<Cow<'a, str>> = "attemptId",
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// Milliseconds since 1970; 0: the broker's clock, which is right when clocks are not trusted.
        born_time: i64 = "bornTime",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// Expression; absent is `*`.
        exp: Option<Cow<'a, str>> = "exp",
        /// `TAG` or `SQL92`.
        exp_type: Option<Cow<'a, str>> = "expType",
        /// Where a group without offset begins: 0 at the first message, 1 behind the last.
        init_mode: i32 = "initMode",
        /// How long the messages are this consumer's, milliseconds.
        invisible_time: i64 = "invisibleTime",
        /// Most messages, 1 to 32.
        max_msg_nums: i32 = "maxMsgNums",
        /// One batch of a queue at a time, in order.
        order: Option<bool> = "order",
        /// How long the broker may hold the answer back, milliseconds; 0 not at all.
        poll_time: i64 = "pollTime",
        /// The queue; -1 any of the broker.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to POP_MESSAGE and PEEK_MESSAGE: `PopMessageResponseHeader`.
    PopMessageResponse<'a> {
        /// How long the messages are this consumer's, milliseconds.
        invisible_time: i64 = "invisibleTime",
        /// Offsets of the messages, by retry mark and queue.
        msg_offset_info: Option<Cow<'a, str>> = "msgOffsetInfo",
        /// Retries so far, of ordered pops.
        order_count_info: Option<Cow<'a, str>> = "orderCountInfo",
        /// When they were popped, milliseconds since 1970.
        pop_time: i64 = "popTime",
        /// About how many messages are left.
        rest_num: i64 = "restNum",
        /// Goes into the receipt handles; 999 is an ordered pop.
        revive_qid: i32 = "reviveQid",
        /// First offset of the batch, by retry mark and queue.
        start_offset_info: Option<Cow<'a, str>> = "startOffsetInfo",
    }

    /// ACK_MESSAGE (200051): `AckMessageRequestHeader`. Code 0 does not prove that a late one counted.
    AckMessageRequest<'a> = ACK_MESSAGE {
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// The receipt handle.
        extra_info: Cow<'a, str> = "extraInfo",
        /// The lite topic: without it a lite message's ack goes to the parent topic (5.5 and later).
        lite_topic: Option<Cow<'a, str>> = "liteTopic",
        /// Queue offset of the message.
        offset: i64 = "offset",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The original topic, not the retry topic.
        topic: Cow<'a, str> = "topic",
    }

    /// CHANGE_MESSAGE_INVISIBLETIME (200053): `ChangeInvisibleTimeRequestHeader`. The old handle is dead afterwards.
    ChangeInvisibleTimeRequest<'a> = CHANGE_MESSAGE_INVISIBLETIME {
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// The receipt handle.
        extra_info: Cow<'a, str> = "extraInfo",
        /// From now on, milliseconds.
        invisible_time: i64 = "invisibleTime",
        /// The lite topic (5.5 and later).
        lite_topic: Option<Cow<'a, str>> = "liteTopic",
        /// Queue offset of the message.
        offset: i64 = "offset",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The coming delivery is not counted as a retry (5.5 and later).
        suspend: Option<bool> = "suspend",
        /// The original topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to CHANGE_MESSAGE_INVISIBLETIME: `ChangeInvisibleTimeResponseHeader`; parts of the new handle.
    ChangeInvisibleTimeResponse {
        /// Milliseconds.
        invisible_time: i64 = "invisibleTime",
        /// Milliseconds since 1970.
        pop_time: i64 = "popTime",
        /// As of a pop.
        revive_qid: i32 = "reviveQid",
    }

    /// NOTIFICATION (200054): `NotificationRequestHeader`. Answered when there is something to pop, or at the end of `poll_time`.
    NotificationRequest<'a> = NOTIFICATION {
        /// As of an ordered pop.
        attempt_id: Option<Cow<'a, str>> = "attemptId",
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// As of a pop.
        born_time: i64 = "bornTime",
        /// The lite consumer (5.5.1 and later).
        client_id: Option<Cow<'a, str>> = "clientId",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// Expression (5.5 and later).
        exp: Option<Cow<'a, str>> = "exp",
        /// `TAG` or `SQL92` (5.5 and later).
        exp_type: Option<Cow<'a, str>> = "expType",
        /// Waits for lite events of `client_id` (5.5.1 and later).
        is_lite_consumer: Option<bool> = "isLiteConsumer",
        /// As of a pop.
        order: Option<bool> = "order",
        /// As of a pop.
        poll_time: i64 = "pollTime",
        /// The queue; -1 any.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to NOTIFICATION: `NotificationResponseHeader`.
    NotificationResponse {
        /// There is something to pop.
        has_msg: bool = "hasMsg",
        /// Too many wait already.
        polling_full: bool = "pollingFull",
    }

    /// POLLING_INFO (200055): `PollingInfoRequestHeader`.
    PollingInfoRequest<'a> = POLLING_INFO {
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }

    /// The answer to POLLING_INFO: `PollingInfoResponseHeader`.
    PollingInfoResponse {
        /// Polls that wait there.
        polling_num: i32 = "pollingNum",
    }

    /// PEEK_MESSAGE (200052): `PeekMessageRequestHeader`. Answer: [`PopMessageResponse`]; nothing becomes invisible.
    PeekMessageRequest<'a> = PEEK_MESSAGE {
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// The consumer group.
        consumer_group: Cow<'a, str> = "consumerGroup",
        /// Most messages.
        max_msg_nums: i32 = "maxMsgNums",
        /// The queue.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: Cow<'a, str> = "topic",
    }
}

bare! {
    /// BATCH_ACK_MESSAGE (200151). Body: a `BatchAckMessageRequestBody`.
    BatchAckMessageRequest = BATCH_ACK_MESSAGE;
    /// POP_ROLLBACK (200056): moves the broker's pop state from its key-value store to files.
    PopRollbackRequest = POP_ROLLBACK;
    /// QUERY_ASSIGNMENT (400). Bodies: `QueryAssignmentRequestBody`, `QueryAssignmentResponseBody`.
    QueryAssignmentRequest = QUERY_ASSIGNMENT;
    /// SET_MESSAGE_REQUEST_MODE (401). Body: a `SetMessageRequestModeRequestBody`.
    SetMessageRequestModeRequest = SET_MESSAGE_REQUEST_MODE;
}
