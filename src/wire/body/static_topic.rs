//! Static topics: global queues, mapped to queues of brokers.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::body;

body! {
    /// Where a static topic's queues are at one broker, in a route: `TopicQueueMappingInfo`.
    #[derive(Eq, Hash)]
    TopicQueueMappingInfo {
        /// The broker.
        bname: String = "bname",
        /// The broker's queue by global queue.
        curr_id_map: BTreeMap<i32, i32> = "currIdMap",
        /// To be written anew.
        dirty: bool = "dirty",
        /// The newest wins.
        epoch: i64 = "epoch",
        /// `__global__`.
        scope: String = "scope",
        /// The topic.
        topic: String = "topic",
        /// Global queues.
        total_queues: i32 = "totalQueues",
    }

    /// The same with history: `TopicQueueMappingDetail`, the body of UPDATE_AND_CREATE_STATIC_TOPIC (513).
    #[derive(Eq, Hash)]
    TopicQueueMappingDetail {
        /// The broker.
        bname: String = "bname",
        /// The broker's queue by global queue.
        curr_id_map: BTreeMap<i32, i32> = "currIdMap",
        /// To be written anew.
        dirty: bool = "dirty",
        /// The newest wins.
        epoch: i64 = "epoch",
        /// Where each global queue was, oldest first.
        hosted_queues: BTreeMap<i32, Vec<LogicQueueMappingItem>> = "hostedQueues",
        /// `__global__`.
        scope: String = "scope",
        /// The topic.
        topic: String = "topic",
        /// Global queues.
        total_queues: i32 = "totalQueues",
    }

    /// A part of a global queue: `LogicQueueMappingItem`.
    #[derive(Eq, Hash)]
    LogicQueueMappingItem {
        /// The broker.
        bname: String = "bname",
        /// Behind the part's last offset at the broker; -1 is open.
        end_offset: i64 = "endOffset",
        /// Generation.
        generation: i32 = "gen",
        /// First global offset; -1 is not decided.
        logic_offset: i64 = "logicOffset",
        /// The broker's queue.
        queue_id: i32 = "queueId",
        /// First offset at the broker.
        start_offset: i64 = "startOffset",
        /// Milliseconds since 1970; -1 is open.
        time_of_end: i64 = "timeOfEnd",
        /// Milliseconds since 1970; -1 is unknown.
        time_of_start: i64 = "timeOfStart",
    }
}
