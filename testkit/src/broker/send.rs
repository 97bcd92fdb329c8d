//! Sending, batches, delay levels, sending back and dead letters (Java `SendMessageProcessor`,
//! `AbstractSendMessageProcessor.consumerSendMsgBack`, `ScheduleMessageService`).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::fields::{
    ConsumerSendMsgBackRequest, SendMessageRequest, SendMessageResponse, SendMessageV2Request,
    ViewMessageRequest,
};
use rocketmq_engine::wire::header::{Head, NoFields};
use rocketmq_engine::wire::message::batch::entries;
use rocketmq_engine::wire::message::names::{DLQ_PREFIX, RETRY_PREFIX, dlq_topic, retry_topic};
use rocketmq_engine::wire::message::properties::{append_pair, names, without};
use rocketmq_engine::wire::message::{Properties, SysFlag};

use super::Broker;
use super::store::{Incoming, Stored};
use crate::peer::{Now, ReplyTo};

/// Retries a consumer gets unless it says otherwise.
const DEFAULT_MAX_RECONSUME: i32 = 16;

/// Messages that wait for their time.
#[derive(Debug, Default)]
pub(super) struct Delayed {
    waiting: BTreeMap<(Instant, u64), Incoming>,
    number: u64,
}

impl Delayed {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }
}

impl Broker {
    pub(super) fn on_send(&mut self, to: &ReplyTo, head: &Head<'_>, body: &[u8], now: Now) {
        let Some(fields) = self.fields::<SendMessageRequest<'_>>(to, head) else { return };
        let fields = SendMessageV2Request {
            producer_group: fields.producer_group,
            topic: fields.topic,
            default_topic: fields.default_topic,
            default_topic_queue_nums: fields.default_topic_queue_nums,
            queue_id: fields.queue_id,
            sys_flag: fields.sys_flag,
            born_timestamp: fields.born_timestamp,
            flag: fields.flag,
            properties: fields.properties,
            reconsume_times: fields.reconsume_times,
            unit_mode: fields.unit_mode,
            max_reconsume_times: fields.max_reconsume_times,
            batch: fields.batch,
            broker_name: None,
        };
        self.send(to, &fields, body, now);
    }

    pub(super) fn on_send_v2(&mut self, to: &ReplyTo, head: &Head<'_>, body: &[u8], now: Now) {
        if let Some(fields) = self.fields::<SendMessageV2Request<'_>>(to, head) {
            self.send(to, &fields, body, now);
        }
    }

    fn send(&mut self, to: &ReplyTo, fields: &SendMessageV2Request<'_>, body: &[u8], now: Now) {
        let mut topic = fields.topic.to_string();
        if let Err(remark) = self.prepare_topic(&topic, fields) {
            return self.peers.refuse(to, ResponseCode::TOPIC_NOT_EXIST, &remark);
        }
        let mut queues = self.store.queue_count(&topic).unwrap_or_default();
        if fields.queue_id >= queues as i32 {
            let remark =
                format!("request queueId[{}] is illegal, {topic} has {queues} queues", fields.queue_id);
            return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &remark);
        }
        if body.len() > self.config.max_message_size {
            let remark = "message body size over max value";
            return self.peers.refuse(to, ResponseCode::MESSAGE_ILLEGAL, remark);
        }
        let properties =
            fields.properties.as_ref().map(|parts| parts.to_text().into_owned()).unwrap_or_default();
        let reconsume_times = fields.reconsume_times.unwrap_or_default();
        let most = fields.max_reconsume_times.unwrap_or(DEFAULT_MAX_RECONSUME);
        if let Some(group) = topic.strip_prefix(RETRY_PREFIX)
            && reconsume_times > most
        {
            topic = dlq_topic(group);
            self.store.create_topic(&topic, 1, 6);
            self.registration_changed = true;
            queues = 1;
        }
        let queue_id = if fields.queue_id < 0 || fields.queue_id >= queues as i32 {
            (now.unix_ms.unsigned_abs() as usize % queues.max(1)) as i32
        } else {
            fields.queue_id
        };
        let born_host = self.hosts.get(&to.peer).copied();
        let born_host = born_host.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let message = Incoming {
            topic,
            queue_id,
            flag: fields.flag,
            sys_flag: fields.sys_flag,
            born_timestamp: fields.born_timestamp,
            born_host,
            reconsume_times,
            body: Bytes::new(),
            properties,
        };
        let stored = if fields.batch == Some(true) {
            self.store_batch(&message, body, now)
        } else {
            self.store_or_delay(Incoming { body: Bytes::copy_from_slice(body), ..message.clone() }, now)
                .map(|stored| (stored, stored.id.to_string()))
        };
        let Some((stored, msg_id)) = stored else {
            let remark = "the message is illegal, maybe msg body or properties length not matched";
            return self.peers.refuse(to, ResponseCode::MESSAGE_ILLEGAL, remark);
        };
        let unique = Properties::new(&message.properties).get(names::UNIQ_KEY);
        let answer = SendMessageResponse {
            msg_id: msg_id.into(),
            queue_id,
            queue_offset: stored.queue_offset,
            transaction_id: unique.map(Into::into),
            ..Default::default()
        };
        self.peers.answer(to, ResponseCode::SUCCESS, None, &answer, &[]);
        self.wake_long_polls(&message.topic, queue_id, now);
    }

    fn prepare_topic(&mut self, topic: &str, fields: &SendMessageV2Request<'_>) -> Result<(), String> {
        if self.store.queue_count(topic).is_some() {
            return Ok(());
        }
        let queues = if topic.starts_with(RETRY_PREFIX) || topic.starts_with(DLQ_PREFIX) {
            1
        } else if self.config.auto_create_topic {
            (fields.default_topic_queue_nums.max(1) as u32).min(self.config.default_topic_queue_nums)
        } else {
            return Err(format!(
                "topic[{topic}] not exist, apply first please!\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
            ));
        };
        self.store.create_topic(topic, queues, 6);
        self.registration_changed = true;
        Ok(())
    }

    /// Each message of a batch is stored alone; ids are joined with commas, the offset is the first one's.
    fn store_batch(&mut self, batch: &Incoming, body: &[u8], now: Now) -> Option<(Stored, String)> {
        let parsed: Vec<_> = entries(body).collect::<Result<_, _>>().ok()?;
        let mut all = Vec::new();
        for entry in parsed {
            let message = Incoming {
                flag: entry.flag,
                body: Bytes::copy_from_slice(entry.body),
                properties: entry.properties.to_string(),
                ..batch.clone()
            };
            all.push(self.store.append(&message, now.unix_ms)?);
        }
        let ids: Vec<String> = all.iter().map(|stored| stored.id.to_string()).collect();
        Some((*all.first()?, ids.join(",")))
    }

    /// Stores now, or keeps the message for the time its delay level says.
    fn store_or_delay(&mut self, message: Incoming, now: Now) -> Option<Stored> {
        let level = Properties::new(&message.properties).get_i64(names::DELAY).unwrap_or_default();
        let last = self.config.delay_levels.len() as i64;
        if level <= 0 || last == 0 {
            return self.store.append(&message, now.unix_ms);
        }
        let time = self.config.delay_levels.get((level.min(last) - 1) as usize).copied()?;
        // The schedule topic takes it first: that is where the answer's offsets point.
        self.store.create_topic("SCHEDULE_TOPIC_XXXX", last as u32, 6);
        let parked = Incoming {
            topic: "SCHEDULE_TOPIC_XXXX".into(),
            queue_id: (level.min(last) - 1) as i32,
            ..message.clone()
        };
        let stored = self.store.append(&parked, now.unix_ms)?;
        let properties = without(&message.properties, names::DELAY);
        self.delayed.number += 1;
        let key = (now.instant + time, self.delayed.number);
        self.delayed.waiting.insert(key, Incoming { properties, ..message });
        Some(stored)
    }

    pub(super) fn deliver_delayed(&mut self, now: Now) {
        let later = self.delayed.waiting.split_off(&(now.instant, u64::MAX));
        for message in std::mem::replace(&mut self.delayed.waiting, later).into_values() {
            self.store.append(&message, now.unix_ms);
            self.wake_long_polls(&message.topic, message.queue_id, now);
        }
    }

    pub(super) fn on_send_back(&mut self, to: &ReplyTo, head: &Head<'_>, now: Now) {
        let Some(fields) = self.fields::<ConsumerSendMsgBackRequest<'_>>(to, head) else { return };
        let Some(message) = self.returned(&fields) else {
            let remark = format!("look message by offset failed, {}", fields.offset);
            return self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, &remark);
        };
        self.store.create_topic(&message.topic, 1, 6);
        self.registration_changed = true;
        let (topic, queue) = (message.topic.clone(), message.queue_id);
        match self.store_or_delay(message, now) {
            Some(_) => self.peers.answer(to, ResponseCode::SUCCESS, None, &NoFields, &[]),
            None => self.peers.refuse(to, ResponseCode::SYSTEM_ERROR, "the message cannot be stored"),
        }
        self.wake_long_polls(&topic, queue, now);
    }

    /// The message as it goes to the retry topic, or to the dead letters.
    fn returned(&self, fields: &ConsumerSendMsgBackRequest<'_>) -> Option<Incoming> {
        let message = self.store.by_physical_offset(fields.offset)?;
        let mut properties = message.properties().as_str().to_string();
        let origin = message.properties().get(names::RETRY_TOPIC).unwrap_or(message.topic()).to_string();
        if message.properties().get(names::RETRY_TOPIC).is_none() {
            append_pair(&mut properties, names::RETRY_TOPIC, &origin);
        }
        if message.properties().get(names::ORIGIN_MESSAGE_ID).is_none()
            && let Some(id) = &fields.origin_msg_id
        {
            append_pair(&mut properties, names::ORIGIN_MESSAGE_ID, id);
        }
        properties = without(&properties, names::DELAY);
        let (times, most) =
            (message.reconsume_times(), fields.max_reconsume_times.unwrap_or(DEFAULT_MAX_RECONSUME));
        let dead = times >= most || fields.delay_level < 0;
        let topic = if dead { dlq_topic(&fields.group) } else { retry_topic(&fields.group) };
        if !dead {
            let level = if fields.delay_level == 0 { 3 + times } else { fields.delay_level };
            append_pair(&mut properties, names::DELAY, &level.to_string());
        }
        Some(Incoming {
            topic,
            queue_id: 0,
            flag: message.flag(),
            sys_flag: message.sys_flag().0 & !(SysFlag::BORNHOST_V6 | SysFlag::STOREHOST_V6),
            born_timestamp: message.born_timestamp(),
            born_host: message.born_host(),
            reconsume_times: times + 1,
            body: Bytes::copy_from_slice(message.body()),
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
