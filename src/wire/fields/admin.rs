//! Topics and groups, made at each broker's master.

use alloc::borrow::Cow;

use super::fields;

fields! {
    /// UPDATE_AND_CREATE_TOPIC (17): `CreateTopicRequestHeader`.
    CreateTopicRequest<'a> = UPDATE_AND_CREATE_TOPIC {
        /// `+key=value,-key`: attributes set and taken away (5.0 and later).
        attributes: Option<Cow<'a, str>> = "attributes",
        /// Topic the new one is modelled on.
        default_topic: Cow<'a, str> = "defaultTopic",
        /// True for an ordered topic.
        order: Option<bool> = "order",
        /// 4 read, 2 write, 1 inherit.
        perm: i32 = "perm",
        /// Queues to read from.
        read_queue_nums: i32 = "readQueueNums",
        /// The topic.
        topic: Cow<'a, str> = "topic",
        /// `SINGLE_TAG` or `MULTI_TAG`.
        topic_filter_type: Cow<'a, str> = "topicFilterType",
        /// Unit bits.
        topic_sys_flag: Option<i32> = "topicSysFlag",
        /// Queues to write to.
        write_queue_nums: i32 = "writeQueueNums",
    }

    /// VIEW_MESSAGE_BY_ID (33): `ViewMessageRequestHeader`.
    ViewMessageRequest<'a> = VIEW_MESSAGE_BY_ID {
        /// Commit-log offset.
        offset: i64 = "offset",
        /// The topic (5.5.1 checks it).
        topic: Option<Cow<'a, str>> = "topic",
    }
}
