//! A queue, as bodies name it.

use alloc::string::String;
use core::cmp::Ordering;

use super::{BodyError, MapKey, Member, body};
use crate::wire::json::{Value, Writer};

body! {
    /// `MessageQueue`. Ordered as Java does: by topic, broker, queue.
    #[derive(Eq, Hash)]
    MessageQueue {
        /// The broker.
        broker_name: String = "brokerName",
        /// The queue; -1 stands for all of the broker in an assignment.
        queue_id: i32 = "queueId",
        /// The topic.
        topic: String = "topic",
    }
}

impl Ord for MessageQueue {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mine, others) = (&self.topic, &other.topic);
        (mine, &self.broker_name, self.queue_id).cmp(&(others, &other.broker_name, other.queue_id))
    }
}

impl PartialOrd for MessageQueue {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Written as an object in the place of a key: the one form that every version of Java reads.
impl MapKey for MessageQueue {
    fn read(key: &Value<'_>, member: &'static str) -> Result<Self, BodyError> {
        Member::read(key.into(), member)
    }

    fn begin<'w>(&self, out: &'w mut Writer) -> &'w mut Writer {
        out.member_keyed(|out| self.members(out))
    }
}
