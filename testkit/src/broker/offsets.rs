//! Committed offsets of groups (Java `ConsumerOffsetManager`, `ConsumerManageProcessor`).

use std::collections::BTreeMap;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::fields::{
    OffsetResponse, QueryConsumerOffsetRequest, UpdateConsumerOffsetRequest,
};
use rocketmq_engine::wire::header::{Head, NoFields};

use super::Broker;
use super::fault::Lie;
use super::history::{Aside, Effect, Name};
use crate::peer::{Now, ReplyTo};

#[derive(Clone, Debug, Default, Hash)]
struct Slot {
    offset: i64,
    /// Every value it had.
    history: Aside<Vec<(Now, i64)>>,
}

/// The offset table: group, topic, queue.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Offsets {
    table: BTreeMap<Name, BTreeMap<Name, BTreeMap<i32, Slot>>>,
}

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The group.
    pub group: Name,
    /// The topic.
    pub topic: Name,
    /// The queue.
    pub queue: i32,
    /// Next offset to consume.
    pub offset: i64,
}

impl Offsets {
    fn slot(&self, group: &str, topic: &str, queue: i32) -> Option<&Slot> {
        self.table.get(group)?.get(topic)?.get(&queue)
    }

    pub(super) fn get(&self, group: &str, topic: &str, queue: i32) -> Option<i64> {
        self.slot(group, topic, queue).map(|slot| slot.offset)
    }

    pub(super) fn history(&self, group: &str, topic: &str, queue: i32) -> &[(Now, i64)] {
        self.slot(group, topic, queue).map(|slot| &slot.history[..]).unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = CommittedOffset> {
        self.table.iter().flat_map(|(group, topics)| {
            topics.iter().flat_map(move |(topic, queues)| {
                queues.iter().map(move |(queue, slot)| CommittedOffset {
                    group: group.clone(),
                    topic: topic.clone(),
                    queue: *queue,
                    offset: slot.offset,
                })
            })
        })
    }

    /// Sets an offset; whether it is another one now, and the one before.
    pub(super) fn set(
        &mut self,
        at: Now,
        group: &str,
        topic: &str,
        queue: i32,
        offset: i64,
    ) -> (bool, Option<i64>) {
        let known = self.table.get_mut(group).and_then(|topics| topics.get_mut(topic));
        let slot = match known {
            Some(queues) => queues.entry(queue).or_default(),
            None => {
                let topics = self.table.entry(group.into()).or_default();
                topics.entry(topic.into()).or_default().entry(queue).or_default()
            }
        };
        let before = (!slot.history.is_empty()).then_some(slot.offset);
        let changed = before != Some(offset);
        if changed {
            slot.offset = offset;
            slot.history.push((at, offset));
        }
        (changed, before)
    }

    pub(super) fn forget_topic(&mut self, topic: &str) {
        self.table.values_mut().for_each(|topics| drop(topics.remove(topic)));
    }

    /// The table as it was then, without what was before: what a slave gets of it.
    pub(super) fn view_at(&self, then: Instant) -> Self {
        let mut view = Self::default();
        for (group, topics) in &self.table {
            for (topic, queues) in topics {
                let slots = queues.iter().filter_map(|(queue, slot)| {
                    let known = slot.history.partition_point(|(at, _)| at.instant <= then);
                    let (at, offset) = *slot.history.get(known.checked_sub(1)?)?;
                    Some((*queue, Slot { offset, history: Aside(vec![(at, offset)]) }))
                });
                let slots: BTreeMap<i32, Slot> = slots.collect();
                if !slots.is_empty() {
                    view.table.entry(group.clone()).or_default().insert(topic.clone(), slots);
                }
            }
        }
        view
    }

    /// The table as it was then.
    pub(super) fn as_of(&self, then: Instant) -> Self {
        let mut old = self.clone();
        for queues in old.table.values_mut().flat_map(BTreeMap::values_mut) {
            queues.retain(|_, slot| {
                slot.history.retain(|(at, _)| at.instant <= then);
                slot.offset = slot.history.last().map_or(0, |(_, offset)| *offset);
                !slot.history.is_empty()
            });
        }
        old
    }
}

impl Broker {
    /// Sets a group's offset, as a request to commit does.
    pub(super) fn commit(&mut self, group: &str, topic: &str, queue: i32, offset: i64) {
        let at = *self.peers.now;
        let (changed, before) = self.offsets.set(at, group, topic, queue, offset);
        if changed {
            self.note(|store| Effect::Committed {
                group: group.into(),
                topic: store.name(topic),
                queue,
                before,
                offset,
            });
        }
    }

    pub(super) fn on_query_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<QueryConsumerOffsetRequest<'_>>(to, head) else { return };
        let (topic, queue) = (&fields.topic, fields.queue_id);
        if let Some(Lie::Offset(offset)) = to.lie() {
            return self.peers.answer(to, ResponseCode::SUCCESS, None, &OffsetResponse { offset }, &[]);
        }
        if let Some(offset) = self.offsets.get(&fields.consumer_group, topic, queue) {
            return self.peers.answer(to, ResponseCode::SUCCESS, None, &OffsetResponse { offset }, &[]);
        }
        // A queue that still has its first message in memory is one the group begins with.
        let whole = self.store.queue(topic, queue).is_some_and(|queue| queue.min() == 0 && queue.max() > 0);
        if fields.set_zero_if_not_found == Some(false) {
            let remark = "Not found, do not set to zero, maybe this group boot first";
            self.peers.refuse(to, ResponseCode::QUERY_NOT_FOUND, remark);
        } else if whole {
            self.peers.answer(to, ResponseCode::SUCCESS, None, &OffsetResponse { offset: 0 }, &[]);
        } else {
            let remark = "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first";
            self.peers.refuse(to, ResponseCode::QUERY_NOT_FOUND, remark);
        }
    }

    pub(super) fn on_update_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<UpdateConsumerOffsetRequest<'_>>(to, head) else { return };
        let (group, topic) = (&fields.consumer_group, &fields.topic);
        if !self.groups.is_known(group) {
            let remark = format!("Group {group} not exist!");
            return self.peers.refuse(to, ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &remark);
        }
        if self.store.topic(topic).is_none() {
            let remark = format!("Topic {topic} not exist!");
            return self.peers.refuse(to, ResponseCode::TOPIC_NOT_EXIST, &remark);
        }
        self.commit(group, topic, fields.queue_id, fields.commit_offset);
        self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &[]);
    }
}
