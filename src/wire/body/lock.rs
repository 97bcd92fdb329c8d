//! Locks of queues, for orderly consumption.
use alloc::string::String;
use alloc::vec::Vec;

use super::{MessageQueue, body};

body! {
    /// The body of LOCK_BATCH_MQ (41): `LockBatchRequestBody`.
    #[derive(Eq, Hash)]
    LockBatchRequestBody {
        /// Who locks.
        client_id: String = "clientId",
        /// Its group.
        consumer_group: String = "consumerGroup",
        /// What it locks.
        mq_set: Vec<MessageQueue> = "mqSet",
        /// Not at the broker's replicas.
        only_this_broker: bool = "onlyThisBroker",
    }

    /// The body of UNLOCK_BATCH_MQ (42): `UnlockBatchRequestBody`.
    #[derive(Eq, Hash)]
    UnlockBatchRequestBody {
        /// Who locked.
        client_id: String = "clientId",
        /// Its group.
        consumer_group: String = "consumerGroup",
        /// What it gives back.
        mq_set: Vec<MessageQueue> = "mqSet",
        /// Not at the broker's replicas.
        only_this_broker: bool = "onlyThisBroker",
    }

    /// The answer to LOCK_BATCH_MQ: `LockBatchResponseBody`. A hostile broker may name queues never asked for.
    #[derive(Eq, Hash)]
    LockBatchResponseBody {
        /// What was locked.
        lock_ok_mq_set: Vec<MessageQueue> = "lockOKMQSet",
    }
}
