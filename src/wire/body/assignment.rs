//! Rebalance by the broker, and how a group takes messages.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{MessageQueue, body};

body! {
    /// The body of QUERY_ASSIGNMENT (400): `QueryAssignmentRequestBody`.
    #[derive(Eq, Hash)]
    QueryAssignmentRequestBody {
        /// Who asks.
        client_id: String = "clientId",
        /// Its group.
        consumer_group: String = "consumerGroup",
        /// `CLUSTERING` or `BROADCASTING`.
        message_model: String = "messageModel",
        /// `AVG` or `AVG_BY_CIRCLE`.
        strategy_name: String = "strategyName",
        /// The topic.
        topic: String = "topic",
    }

    /// The answer to QUERY_ASSIGNMENT: `QueryAssignmentResponseBody`.
    #[derive(Eq, Hash)]
    QueryAssignmentResponseBody {
        /// `None`: no result, keep what you have. Empty: give everything up.
        message_queue_assignments: Option<Vec<MessageQueueAssignment>> = "messageQueueAssignments",
    }

    /// One queue assigned: `MessageQueueAssignment`.
    #[derive(Eq, Hash)]
    MessageQueueAssignment {
        /// More, by name.
        attachments: Option<BTreeMap<String, String>> = "attachments",
        /// The queue; id -1 is all of the broker.
        message_queue: MessageQueue = "messageQueue",
        /// `PULL` or `POP`.
        mode: String = "mode",
    }

    /// The body of SET_MESSAGE_REQUEST_MODE (401): `SetMessageRequestModeRequestBody`.
    #[derive(Eq, Hash)]
    SetMessageRequestModeRequestBody {
        /// The group.
        consumer_group: String = "consumerGroup",
        /// `PULL` or `POP`.
        mode: String = "mode",
        /// Queues that each consumer pops from.
        pop_share_queue_num: i32 = "popShareQueueNum",
        /// The topic; retry topics are always pulled.
        topic: String = "topic",
    }
}
