//! Pulling, long polls and the limits of queues (Java `PullMessageProcessor`, `DefaultMessageStore.getMessage`,
//! `PullRequestHoldService`, `AdminBrokerProcessor`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::fields::{
    GetEarliestMsgStoretimeResponse, GetMaxOffsetRequest, GetMinOffsetRequest, OffsetResponse,
    PullMessageRequest, PullMessageResponse, SearchOffsetRequest,
};
use rocketmq_engine::wire::header::{FieldList, Head};
use rocketmq_engine::wire::message::PullSysFlag;
use rocketmq_engine::wire::message::tags::{EXPRESSION_TAG, Expression};

use super::fault::Lie;
use super::history::Name;
use super::store::{Entry, Queue, TopicConfig};
use super::{Broker, FAQ};
use crate::peer::{Now, PeerId, ReplyTo};

/// Messages of one answer (Java `maxTransferCountOnMessageInMemory`).
const MOST_MESSAGES: usize = 32;
/// Bytes of one answer (Java `maxTransferBytesOnMessageInMemory`).
const MOST_BYTES: usize = 256 * 1024;
/// Messages looked at for one answer (Java `maxFilterMessageSize` / 20).
const MOST_SCANNED: usize = 800;
/// How long a pull waits on before messages it does not want move it forward (Java `PullRequestHoldService`).
const RECHECK: Duration = Duration::from_secs(5);

/// A pull, checked, that can be carried out more than once.
#[derive(Clone, Debug, Hash)]
pub(super) struct Pull {
    to: ReplyTo,
    topic: Name,
    queue: i32,
    offset: i64,
    most: usize,
    /// Hash codes of the tags wanted; empty: all.
    codes: Vec<i64>,
    /// Messages below this offset have been looked at while it waits.
    seen: i64,
}

impl Pull {
    fn wants(&self, entry: &Entry) -> bool {
        self.codes.is_empty() || self.codes.contains(&entry.tag)
    }
}

/// Pulls that wait for a message.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct LongPolls {
    waiting: BTreeMap<u64, (Pull, Instant)>,
    by_queue: BTreeSet<(Name, i32, u64)>,
    due: BTreeSet<(Instant, u64)>,
    number: u64,
}

impl LongPolls {
    fn hold(&mut self, pull: Pull, until: Instant) {
        self.number += 1;
        self.by_queue.insert((pull.topic.clone(), pull.queue, self.number));
        self.due.insert((until, self.number));
        self.waiting.insert(self.number, (pull, until));
    }

    fn remove(&mut self, number: u64) -> Option<Pull> {
        let (pull, until) = self.waiting.remove(&number)?;
        self.due.remove(&(until, number));
        self.by_queue.remove(&(pull.topic.clone(), pull.queue, number));
        Some(pull)
    }

    /// It has seen all up to an offset and waits on, until then at most.
    fn postpone(&mut self, number: u64, seen: i64, until: Instant) {
        if let Some((pull, at)) = self.waiting.get_mut(&number) {
            pull.seen = seen;
            if until < *at {
                self.due.remove(&(*at, number));
                self.due.insert((until, number));
                *at = until;
            }
        }
    }

    fn of_queue(&self, topic: &Name, queue: i32) -> Vec<u64> {
        let range = (topic.clone(), queue, 0)..=(topic.clone(), queue, u64::MAX);
        self.by_queue.range(range).map(|(_, _, number)| *number).collect()
    }

    pub(super) fn forget(&mut self, peer: PeerId) {
        let gone: Vec<u64> =
            self.waiting.iter().filter(|(_, (pull, _))| pull.to.peer == peer).map(|(n, _)| *n).collect();
        for number in gone {
            self.remove(number);
        }
    }

    pub(super) fn forget_all(&mut self) {
        *self = Self { number: self.number, ..Self::default() };
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }
}

impl Broker {
    pub(super) fn on_pull(&mut self, to: &ReplyTo, head: &Head<'_>, now: Now) {
        let Some(fields) = self.fields::<PullMessageRequest<'_>>(to, head) else { return };
        let codes = match self.check_pull(to, &fields) {
            Ok(codes) => codes,
            Err((code, remark)) => {
                return self.peers.answer(to, code, Some(&remark), &FieldList(&[]), &[]);
            }
        };
        let Some(codes) = codes else {
            let (forbidden, topic) = (FieldList(&[("forbiddenType", "3")]), &fields.topic);
            let remark = format!("the topic[{topic}] pulling message is forbidden");
            return self.peers.answer(to, ResponseCode::NO_PERMISSION, Some(&remark), &forbidden, &[]);
        };
        let flags = PullSysFlag(fields.sys_flag);
        if flags.has(PullSysFlag::COMMIT_OFFSET) {
            let (group, topic) = (&fields.consumer_group, &fields.topic);
            self.commit(group, topic, fields.queue_id, fields.commit_offset);
        }
        let pull = Pull {
            to: *to,
            topic: self.store.name(&fields.topic),
            queue: fields.queue_id,
            offset: fields.queue_offset,
            most: (fields.max_msg_nums.max(1) as usize).min(MOST_MESSAGES),
            codes: codes.into_iter().map(i64::from).collect(),
            seen: fields.queue_offset,
        };
        let wait = Duration::from_millis(fields.suspend_timeout_millis.clamp(0, 600_000).unsigned_abs());
        self.carry_out(pull, flags.has(PullSysFlag::SUSPEND).then_some(now.instant + wait));
    }

    /// Hash codes of the tags a pull wants; `None`: the topic is not to be read.
    fn check_pull(
        &mut self,
        to: &ReplyTo,
        fields: &PullMessageRequest<'_>,
    ) -> Result<Option<Vec<i32>>, (ResponseCode, String)> {
        let (group, topic, queue) = (&fields.consumer_group, &fields.topic, fields.queue_id);
        if !self.admit_group(group) {
            let remark = format!("subscription group [{group}] does not exist, {FAQ}");
            return Err((ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, remark));
        }
        let Some(config) = self.store.topic(topic) else {
            let remark = format!("topic[{topic}] not exist, apply first please! {FAQ}");
            return Err((ResponseCode::TOPIC_NOT_EXIST, remark));
        };
        if !config.may(TopicConfig::READ) {
            return Ok(None);
        }
        if queue < 0 || queue >= config.read_queues as i32 {
            let (queues, from) = (config.read_queues, self.host_of(to.peer));
            let remark = format!(
                "queueId[{queue}] is illegal, topic:[{topic}] topicConfig.readQueueNums:[{queues}] consumer:[/{from}]"
            );
            return Err((ResponseCode::INVALID_PARAMETER, remark));
        }
        let (expression_type, codes) = if PullSysFlag(fields.sys_flag).has(PullSysFlag::SUBSCRIPTION) {
            let text = fields.subscription.as_deref().unwrap_or_default();
            let parsed = Expression::typed(text, fields.expression_type.as_deref()).map_err(|_| {
                let remark = "parse the consumer's subscription failed".to_string();
                (ResponseCode::SUBSCRIPTION_PARSE_FAILED, remark)
            })?;
            (parsed.expression_type, parsed.codes)
        } else {
            let known = self.groups.subscription(group, topic, fields.sub_version)?;
            (known.expression_type.clone(), known.codes.clone())
        };
        if expression_type != EXPRESSION_TAG {
            let remark =
                format!("The broker does not support consumer to filter message by {expression_type}");
            return Err((ResponseCode::SYSTEM_ERROR, remark));
        }
        Ok(Some(codes))
    }

    /// Answers, or waits until a message comes or the time is over.
    fn carry_out(&mut self, mut pull: Pull, until: Option<Instant>) {
        let lie = pull.to.lie();
        let (queue, from) = match lie {
            Some(Lie::OtherQueue(other)) => (other, pull.offset),
            Some(Lie::From(offset)) => (pull.queue, offset),
            _ => (pull.queue, pull.offset),
        };
        let found = self.store.queue(&pull.topic, queue);
        let (min, max) = found.map_or((0, 0), |queue| (queue.min(), queue.max()));
        let slave = !self.is_master();
        let (mut code, remark, mut next) = out_of_range(min, max, from, self.config.overflow_to_min);
        let (mut messages, mut size) = (Vec::new(), 0);
        if code == ResponseCode::SUCCESS {
            for entry in found.map(|queue| queue.from(from)).unwrap_or_default().iter().take(MOST_SCANNED) {
                let full = messages.len() >= pull.most
                    || (!messages.is_empty() && size + entry.bytes.len() > MOST_BYTES);
                if full {
                    break;
                }
                next += 1;
                if pull.wants(entry) {
                    size += entry.bytes.len();
                    messages.push(&entry.bytes);
                }
            }
            if messages.is_empty() {
                code = ResponseCode::PULL_RETRY_IMMEDIATELY;
            }
        } else if slave {
            // A slave corrects nothing: it may only be late.
            next = pull.offset;
        }
        let remark = if code == ResponseCode::PULL_RETRY_IMMEDIATELY { "NO_MATCHED_MESSAGE" } else { remark };
        if slave && code != ResponseCode::SUCCESS {
            code = ResponseCode::PULL_RETRY_IMMEDIATELY;
        }
        if code == ResponseCode::PULL_NOT_FOUND
            && let Some(until) = until
        {
            pull.seen = pull.seen.max(max);
            return self.polls.hold(pull, until);
        }
        let mut fields = PullMessageResponse {
            max_offset: max,
            min_offset: min,
            next_begin_offset: next,
            suggest_which_broker_id: if slave { 0 } else { self.suggest },
            group_sys_flag: Some(0),
            topic_sys_flag: Some(self.store.topic(&pull.topic).map_or(0, |topic| topic.sys_flag)),
            offset_delta: None,
            forbidden_type: None,
        };
        match lie {
            Some(Lie::Offset(offset)) => fields.next_begin_offset = offset,
            Some(Lie::Limits { min, max }) => (fields.min_offset, fields.max_offset) = (min, max),
            Some(Lie::EmptyFound) => (messages, size, code) = (Vec::new(), 0, ResponseCode::SUCCESS),
            _ => {}
        }
        let remark = if code == ResponseCode::SUCCESS { "FOUND" } else { remark };
        let parts = messages.into_iter().map(|bytes| &bytes[..]);
        self.peers.answer_parts(&pull.to, code, Some(remark), &fields, parts, size);
    }

    /// Messages came into a queue: who waits for them is answered.
    pub(super) fn wake_long_polls(&mut self, topic: &Name, queue: i32, now: Now) {
        if self.polls.waiting.is_empty() {
            return;
        }
        for number in self.polls.of_queue(topic, queue) {
            let Some((pull, _)) = self.polls.waiting.get(&number) else { continue };
            let Some(found) = self.store.queue(topic, queue) else { continue };
            if found.from(pull.seen).iter().any(|entry| pull.wants(entry)) {
                if let Some(pull) = self.polls.remove(number) {
                    self.carry_out(pull, None);
                }
            } else {
                self.polls.postpone(number, found.max(), now.instant + RECHECK);
            }
        }
    }

    pub(super) fn end_long_polls(&mut self, now: Now) {
        while let Some(&(_, number)) = self.polls.due.first().filter(|(at, _)| *at <= now.instant) {
            if let Some(pull) = self.polls.remove(number) {
                self.carry_out(pull, None);
            }
        }
    }

    // ---- limits of queues ----------------------------------------------------------------------------------

    fn answer_offset(&mut self, to: &ReplyTo, remark: Option<&str>, offset: i64) {
        let offset = if let Some(Lie::Offset(lie)) = to.lie() { lie } else { offset };
        self.peers.answer(to, ResponseCode::SUCCESS, remark, &OffsetResponse { offset }, &[]);
    }

    pub(super) fn on_max_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<GetMaxOffsetRequest<'_>>(to, head) else { return };
        let max = self.store.queue(&fields.topic, fields.queue_id).map_or(0, Queue::max);
        self.answer_offset(to, None, max);
    }

    pub(super) fn on_min_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<GetMinOffsetRequest<'_>>(to, head) else { return };
        let min = self.store.queue(&fields.topic, fields.queue_id).map_or(0, Queue::min);
        self.answer_offset(to, Some(""), min);
    }

    pub(super) fn on_earliest_time(&mut self, to: &ReplyTo, head: &Head<'_>) {
        // The same fields as those of GET_MIN_OFFSET.
        let Some(fields) = self.fields::<GetMinOffsetRequest<'_>>(to, head) else { return };
        let first =
            self.store.queue(&fields.topic, fields.queue_id).and_then(|queue| queue.entries().first());
        let answer = GetEarliestMsgStoretimeResponse { timestamp: first.map_or(-1, |entry| entry.stored_at) };
        self.peers.answer(to, ResponseCode::SUCCESS, None, &answer, &[]);
    }

    pub(super) fn on_search_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<SearchOffsetRequest<'_>>(to, head) else { return };
        let found = self.store.queue(&fields.topic, fields.queue_id);
        let (min, entries) = found.map_or((0, &[][..]), |queue| (queue.min(), queue.entries()));
        let upper = fields.boundary_type.as_deref() == Some("UPPER");
        let place = if upper {
            entries.partition_point(|entry| entry.stored_at <= fields.timestamp).saturating_sub(1)
        } else {
            entries.partition_point(|entry| entry.stored_at < fields.timestamp)
        };
        self.answer_offset(to, None, min + place as i64);
    }
}

/// What an offset outside of a queue is answered: code, remark and where to go on.
fn out_of_range(min: i64, max: i64, offset: i64, overflow_to_min: bool) -> (ResponseCode, &'static str, i64) {
    match offset {
        _ if max == 0 && offset == 0 => (ResponseCode::PULL_NOT_FOUND, "NO_MESSAGE_IN_QUEUE", 0),
        _ if max == 0 => (ResponseCode::PULL_OFFSET_MOVED, "NO_MESSAGE_IN_QUEUE", 0),
        _ if offset < min => (ResponseCode::PULL_OFFSET_MOVED, "OFFSET_TOO_SMALL", min),
        _ if offset == max => (ResponseCode::PULL_NOT_FOUND, "OFFSET_OVERFLOW_ONE", offset),
        _ if offset > max => {
            let next = if overflow_to_min && min == 0 { min } else { max };
            (ResponseCode::PULL_OFFSET_MOVED, "OFFSET_OVERFLOW_BADLY", next)
        }
        _ => (ResponseCode::SUCCESS, "FOUND", offset),
    }
}
