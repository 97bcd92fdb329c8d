//! Sending back, delay levels and dead letters (Java `AbstractSendMessageProcessor.consumerSendMsgBack`,
//! `ScheduleMessageService`).

use std::collections::BTreeMap;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::fields::{ConsumerSendMsgBackRequest, ViewMessageRequest};
use rocketmq_engine::wire::header::{Head, NoFields};
use rocketmq_engine::wire::message::names::{dlq_topic, retry_topic};
use rocketmq_engine::wire::message::properties::{append_pair, names, without};
use rocketmq_engine::wire::message::{MessageView, Properties, SysFlag};

use super::history::{Effect, Name};
use super::store::{Incoming, Stored, TopicConfig};
use super::{Broker, FAQ};
use crate::peer::{Now, ReplyTo};

/// Retries a consumer gets unless it says otherwise.
pub(super) const DEFAULT_MAX_RECONSUME: i32 = 16;
/// Where messages wait for their time, one queue a level.
const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";

/// Messages that wait for their time, each with its place in the log.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Delayed {
    waiting: BTreeMap<(Instant, u64), (Incoming, i64)>,
    number: u64,
}

impl Delayed {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// The log is lost from here on, and what was parked there with it.
    pub(super) fn lose_from(&mut self, physical_offset: i64) {
        self.waiting.retain(|_, (_, parked)| *parked < physical_offset);
    }
}

impl Broker {
    /// Stores a message in its queue.
    pub(super) fn append(&mut self, message: &Incoming, now: Now) -> Option<Stored> {
        let stored = self.store.append(message, now.unix_ms)?;
        self.note(|_| Effect::Stored {
            topic: message.topic.clone(),
            queue: message.queue_id as u32,
            offset: stored.queue_offset,
            physical_offset: stored.id.physical_offset(),
            unique_key: Properties::new(&message.properties).get(names::UNIQ_KEY).map(Into::into),
        });
        Some(stored)
    }

    /// Stores now, or keeps the message for the time its delay level says.
    pub(super) fn store_or_delay(&mut self, message: Incoming, now: Now) -> Option<Stored> {
        let level = Properties::new(&message.properties).get_i64(names::DELAY).unwrap_or_default();
        let last = self.config.delay_levels.len() as i64;
        if level <= 0 || last == 0 {
            return self.append(&message, now);
        }
        let place = (level.min(last) - 1) as usize;
        let time = self.config.delay_levels.get(place).copied()?;
        // The schedule topic takes it first: that is where the answer's offsets point.
        if self.store.queues(SCHEDULE_TOPIC).len() < last as usize {
            self.set_topic(SCHEDULE_TOPIC, TopicConfig::new(last as u32));
        }
        let mut properties = without(&without(&message.properties, names::REAL_TOPIC), names::REAL_QUEUE_ID);
        append_pair(&mut properties, names::REAL_TOPIC, &message.topic);
        append_pair(&mut properties, names::REAL_QUEUE_ID, &message.queue_id.to_string());
        let topic = self.store.name(SCHEDULE_TOPIC);
        let parked = Incoming { topic, queue_id: place as i32, properties, ..message.clone() };
        let stored = self.append(&parked, now)?;
        let due = Incoming { topic: message.topic, queue_id: message.queue_id, ..parked };
        self.delayed.number += 1;
        let key = (now.instant + time, self.delayed.number);
        self.delayed.waiting.insert(key, (due, stored.id.physical_offset()));
        Some(stored)
    }

    pub(super) fn deliver_delayed(&mut self, now: Now) {
        if self.delayed.waiting.is_empty() {
            return;
        }
        let later = self.delayed.waiting.split_off(&(now.instant, u64::MAX));
        for (message, _) in std::mem::replace(&mut self.delayed.waiting, later).into_values() {
            self.append(&message, now);
            self.wake_long_polls(&message.topic, message.queue_id, now);
        }
    }

    /// The topic of a group's retries or dead letters, made if need be.
    pub(super) fn retry_or_dead(&mut self, topic: &str) -> Name {
        if self.store.topic(topic).is_none() {
            self.set_topic(topic, TopicConfig::new(1));
        }
        self.store.name(topic)
    }

    pub(super) fn on_send_back(&mut self, to: &ReplyTo, head: &Head<'_>, now: Now) {
        let Some(fields) = self.fields::<ConsumerSendMsgBackRequest<'_>>(to, head) else { return };
        let group = &fields.group;
        if !self.admit_group(group) {
            let remark = format!("subscription group not exist, {group} {FAQ}");
            return self.peers.refuse(to, ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &remark);
        }
        let retry = self.retry_or_dead(&retry_topic(group));
        if self.store.topic(&retry).is_some_and(|topic| !topic.may(TopicConfig::WRITE)) {
            let remark = format!("the topic[{retry}] sending message is forbidden");
            return self.peers.refuse(to, ResponseCode::NO_PERMISSION, &remark);
        }
        let Some(message) = self.returned(&fields, retry) else {
            let remark = format!("look message by offset failed, {}", fields.offset);
            return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &remark);
        };
        let (topic, queue) = (message.topic.clone(), message.queue_id);
        match self.store_or_delay(message, now) {
            Some(_) => self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &[]),
            None => self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, "MESSAGE_ILLEGAL"),
        }
        self.wake_long_polls(&topic, queue, now);
    }

    /// The message as it goes to the retry topic, or to the dead letters.
    fn returned(&mut self, fields: &ConsumerSendMsgBackRequest<'_>, retry: Name) -> Option<Incoming> {
        let bytes = self.store.bytes_at(fields.offset)?.clone();
        let message = MessageView::parse(&bytes).ok()?;
        let times = message.reconsume_times();
        let most = fields.max_reconsume_times.unwrap_or(DEFAULT_MAX_RECONSUME);
        let dead = times >= most || fields.delay_level < 0;
        let level = match fields.delay_level {
            _ if dead => 0,
            0 => 3 + times,
            level => level,
        };
        let topic = if dead { self.retry_or_dead(&dlq_topic(&fields.group)) } else { retry };
        let sent = message.properties();
        let mut properties = without(sent.as_str(), names::DELAY);
        properties = without(&properties, names::WAIT);
        let id = message.offset_message_id().to_string();
        let first = [(names::RETRY_TOPIC, message.topic()), (names::ORIGIN_MESSAGE_ID, &id)];
        for (name, value) in first.into_iter().filter(|(name, _)| sent.get(name).is_none()) {
            append_pair(&mut properties, name, value);
        }
        append_pair(&mut properties, names::WAIT, "false");
        append_pair(&mut properties, names::DELAY, &level.to_string());
        Some(Incoming {
            topic,
            queue_id: 0,
            flag: message.flag(),
            sys_flag: message.sys_flag().0 & !(SysFlag::BORNHOST_V6 | SysFlag::STOREHOST_V6),
            born_timestamp: message.born_timestamp(),
            born_host: message.born_host(),
            reconsume_times: times + 1,
            body: bytes.slice_ref(message.body()),
            properties,
        })
    }

    pub(super) fn on_view_message(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<ViewMessageRequest<'_>>(to, head) else { return };
        match self.store.bytes_at(fields.offset).cloned() {
            Some(bytes) => self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &bytes),
            None => {
                let remark = format!("can not find message by the offset, {}", fields.offset);
                self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &remark);
            }
        }
    }
}
