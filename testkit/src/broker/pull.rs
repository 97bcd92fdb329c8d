//! Pulling, long polls and the limits of queues (Java `PullMessageProcessor`, `PullRequestHoldService`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rocketmq_engine::Instant;
use rocketmq_engine::wire::codes::ResponseCode;
use rocketmq_engine::wire::fields::{
    GetMaxOffsetRequest, GetMinOffsetRequest, OffsetResponse, PullMessageRequest, PullMessageResponse,
    SearchOffsetRequest,
};
use rocketmq_engine::wire::header::Head;
use rocketmq_engine::wire::message::PullSysFlag;
use rocketmq_engine::wire::message::tags::Expression;

use super::Broker;
use crate::peer::{Now, PeerId, ReplyTo};

/// Messages of one answer (Java `maxTransferCountOnMessageInMemory`).
const MOST_MESSAGES: usize = 32;
/// Bytes of one answer (Java `maxTransferBytesOnMessageInMemory`).
const MOST_BYTES: usize = 256 * 1024;
/// Messages looked at for one answer (Java `maxFilterMessageSize` / 20).
const MOST_SCANNED: usize = 800;

/// A pull, checked, that can be carried out more than once.
#[derive(Clone, Debug)]
pub(super) struct Pull {
    to: ReplyTo,
    topic: String,
    queue: i32,
    offset: i64,
    most: usize,
    /// Hash codes of the tags wanted; empty: all.
    codes: Vec<i64>,
}

/// Pulls that wait for a message.
#[derive(Debug, Default)]
pub(super) struct LongPolls {
    waiting: BTreeMap<u64, (Pull, Instant)>,
    by_queue: BTreeSet<(String, i32, u64)>,
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

    fn of_queue(&self, topic: &str, queue: i32) -> Vec<u64> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let range = (topic.to_string(), queue, 0)..=(topic.to_string(), queue, u64::MAX);
        self.by_queue.range(range).map(|(_, _, number)| *number).collect()
    }

    pub(super) fn forget(&mut self, peer: PeerId) {
        let gone: Vec<u64> =
            self.waiting.iter().filter(|(_, (pull, _))| pull.to.peer == peer).map(|(n, _)| *n).collect();
        for number in gone {
            self.remove(number);
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }
}

impl Broker {
    pub(super) fn on_pull(&mut self, to: &ReplyTo, head: &Head<'_>, _body: &[u8], now: Now, may_wait: bool) {
        let Some(fields) = self.fields::<PullMessageRequest<'_>>(to, head) else { return };
        let flags = PullSysFlag(fields.sys_flag);
        if self.store.queue(&fields.topic, fields.queue_id).is_none() {
            let (code, remark) = match self.store.queue_count(&fields.topic) {
                None => (
                    ResponseCode::TOPIC_NOT_EXIST,
                    format!("topic[{}] not exist, apply first please!", fields.topic),
                ),
                Some(queues) => {
                    let remark = format!(
                        "queueId[{}] is illegal, topic:[{}] topicConfig.readQueueNums:[{queues}]",
                        fields.queue_id, fields.topic
                    );
                    (ResponseCode::SYSTEM_ERROR, remark)
                }
            };
            return self.peers.refuse(to, code, &remark);
        }
        let codes = if flags.has(PullSysFlag::SUBSCRIPTION) {
            let text = fields.subscription.as_deref().unwrap_or("*");
            match Expression::tags(text) {
                Ok(expression) => expression.codes,
                Err(error) => {
                    let remark = error.to_string();
                    return self.peers.refuse(to, ResponseCode::SUBSCRIPTION_PARSE_FAILED, &remark);
                }
            }
        } else {
            match self.groups.subscription(&fields.consumer_group, &fields.topic, fields.sub_version) {
                Ok(codes) => codes,
                Err((code, remark)) => return self.peers.refuse(to, code, &remark),
            }
        };
        if flags.has(PullSysFlag::COMMIT_OFFSET) {
            let (group, topic) = (&fields.consumer_group, &fields.topic);
            self.groups.commit(group, topic, fields.queue_id, fields.commit_offset);
        }
        let pull = Pull {
            to: *to,
            topic: fields.topic.to_string(),
            queue: fields.queue_id,
            offset: fields.queue_offset,
            most: (fields.max_msg_nums.max(1) as usize).min(MOST_MESSAGES),
            codes: codes.into_iter().map(i64::from).collect(),
        };
        let wait = Duration::from_millis(fields.suspend_timeout_millis.clamp(0, 600_000).unsigned_abs());
        let until = (may_wait && flags.has(PullSysFlag::SUSPEND)).then_some(now.instant + wait);
        self.carry_out(pull, until);
    }

    /// Answers, or waits until a message comes or the time is over.
    fn carry_out(&mut self, mut pull: Pull, until: Option<Instant>) {
        let entries = self.store.queue(&pull.topic, pull.queue).unwrap_or_default();
        let max = entries.len() as i64;
        let answer = |next: i64| PullMessageResponse {
            max_offset: max,
            min_offset: 0,
            next_begin_offset: next,
            suggest_which_broker_id: 0,
            group_sys_flag: Some(0),
            topic_sys_flag: Some(0),
            offset_delta: Some(0),
            forbidden_type: None,
        };
        if pull.offset < 0 || pull.offset > max {
            let next = if pull.offset < 0 { 0 } else { max };
            let fields = answer(next);
            self.peers.answer(&pull.to, ResponseCode::PULL_OFFSET_MOVED, None, &fields, &[]);
            return;
        }
        let (mut found, mut size, mut next) = (Vec::new(), 0, pull.offset);
        for entry in entries.iter().skip(pull.offset as usize).take(MOST_SCANNED) {
            let wanted = pull.codes.is_empty() || pull.codes.contains(&entry.tag);
            let full =
                found.len() >= pull.most || (!found.is_empty() && size + entry.bytes.len() > MOST_BYTES);
            if full {
                break;
            }
            next += 1;
            if wanted {
                size += entry.bytes.len();
                found.push(&entry.bytes);
            }
        }
        let fields = answer(next);
        if !found.is_empty() {
            let parts = found.into_iter().map(|bytes| &bytes[..]);
            self.peers.answer_parts(&pull.to, ResponseCode::SUCCESS, Some("FOUND"), &fields, parts, size);
        } else if next > pull.offset && next < max {
            let code = ResponseCode::PULL_RETRY_IMMEDIATELY;
            self.peers.answer(&pull.to, code, Some("NO_MATCHED_MESSAGE"), &fields, &[]);
        } else if let Some(until) = until {
            // Messages that do not match are not looked at again.
            pull.offset = next;
            self.polls.hold(pull, until);
        } else {
            let code = ResponseCode::PULL_NOT_FOUND;
            self.peers.answer(&pull.to, code, Some("OFFSET_OVERFLOW_ONE"), &fields, &[]);
        }
    }

    /// A message came into a queue: who waits for it is answered.
    pub(super) fn wake_long_polls(&mut self, topic: &str, queue: i32, _now: Now) {
        for number in self.polls.of_queue(topic, queue) {
            let until = self.polls.waiting.get(&number).map(|(_, until)| *until);
            if let Some(pull) = self.polls.remove(number) {
                self.carry_out(pull, until);
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

    pub(super) fn on_max_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<GetMaxOffsetRequest<'_>>(to, head) else { return };
        let offset = self.store.queue(&fields.topic, fields.queue_id).map_or(0, |queue| queue.len() as i64);
        self.peers.answer(to, ResponseCode::SUCCESS, None, &OffsetResponse { offset }, &[]);
    }

    pub(super) fn on_min_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(_) = self.fields::<GetMinOffsetRequest<'_>>(to, head) else { return };
        self.peers.answer(to, ResponseCode::SUCCESS, None, &OffsetResponse { offset: 0 }, &[]);
    }

    pub(super) fn on_search_offset(&mut self, to: &ReplyTo, head: &Head<'_>) {
        let Some(fields) = self.fields::<SearchOffsetRequest<'_>>(to, head) else { return };
        let queue = self.store.queue(&fields.topic, fields.queue_id).unwrap_or_default();
        let offset = if fields.boundary_type.as_deref() == Some("UPPER") {
            queue.partition_point(|entry| entry.stored_at <= fields.timestamp).saturating_sub(1)
        } else {
            queue.partition_point(|entry| entry.stored_at < fields.timestamp)
        };
        self.peers.answer(to, ResponseCode::SUCCESS, None, &OffsetResponse { offset: offset as i64 }, &[]);
    }
}
