//! Half messages: how they end, and what a broker asks about those that did not.

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// END_TRANSACTION (37), one-way in Java: `EndTransactionRequestHeader`. Goes to the broker of the half message.
    EndTransactionRequest<'a> = END_TRANSACTION {
        /// The broker meant: a proxy routes by it.
        broker_name: Option<Cow<'a, str>> = "bname",
        /// Commit-log offset of the half message: of the send's answer, or of the check.
        commit_log_offset: i64 = "commitLogOffset",
        /// 8 commit, 12 rollback, 0 unknown (then no answer comes, even to a two-way request).
        commit_or_rollback: i32 = "commitOrRollback",
        /// True if it answers a check.
        from_transaction_check: Option<bool> = "fromTransactionCheck",
        /// The message's unique key.
        msg_id: Cow<'a, str> = "msgId",
        /// The group the half message was sent with.
        producer_group: Cow<'a, str> = "producerGroup",
        /// The message's topic.
        topic: Option<Cow<'a, str>> = "topic",
        /// Queue offset of the half message: of the send's answer, or of the check.
        tran_state_table_offset: i64 = "tranStateTableOffset",
        /// Of the send's answer, or of the check.
        transaction_id: Option<Cow<'a, str>> = "transactionId",
    }

    /// CHECK_TRANSACTION_STATE (39), broker to client, one-way: `CheckTransactionStateRequestHeader`. The body is the message, with
    /// its real topic and queue; the broker has appended the half message again, so only these offsets are valid.
    CheckTransactionStateRequest<'a> = CHECK_TRANSACTION_STATE {
        /// The broker that asks (5.0 and later).
        broker_name: Option<Cow<'a, str>> = "bname",
        /// Commit-log offset of the half message.
        commit_log_offset: i64 = "commitLogOffset",
        /// The message's unique key.
        msg_id: Option<Cow<'a, str>> = "msgId",
        /// Offset message id of the half message.
        offset_msg_id: Option<Cow<'a, str>> = "offsetMsgId",
        /// Topic of the half message, not of the message (5.0 and later).
        topic: Option<Cow<'a, str>> = "topic",
        /// Queue offset of the half message.
        tran_state_table_offset: i64 = "tranStateTableOffset",
        /// The message's unique key.
        transaction_id: Option<Cow<'a, str>> = "transactionId",
    }
}
