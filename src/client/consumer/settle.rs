//! Settlements: what is done counts, what is to come later goes back to the broker, and what cannot go back is
//! delivered again locally (Java `ConsumeMessageConcurrentlyService`, `sendMessageBack`).
//!
//! Nothing is finished before the broker has confirmed that it will deliver it again.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use bytes::Bytes;
use core::ops::Range;
use core::time::Duration;

use super::delivery::{Delivery, Lease, Settlement};
use super::notice::ConsumerNotice;
use super::process_queue::BatchNumber;
use super::push::{ConsumerCall, Due, PushConsumer, Returning, what_went_wrong};
use crate::client::call::{Answer, Purpose, Replica, Target};
use crate::client::ctx::Ctx;
use crate::wire::codes::ResponseCode;
use crate::wire::fields::{ConsumerSendMsgBackRequest, Parts, SendMessageV2Request};
use crate::wire::message::properties::{append_pair, check_len, names};

/// How long CONSUMER_SEND_MSG_BACK may take, as in Java's push consumer.
const SEND_BACK_TIMEOUT: Duration = Duration::from_secs(5);
/// How long sending a retry copy ourselves may take (Java `sendMsgTimeout`).
const SEND_TIMEOUT: Duration = Duration::from_secs(3);
/// Delay level of deliveries that were forgotten, as Java's `cleanExpireMsg` sends them back.
const FORGOTTEN_LEVEL: i32 = 3;
/// Brokers of static topics' logical queues: they know no commit log.
const LOGICAL_BROKER: &str = "__syslo__";

/// Messages of a queue on their way back to the broker: mostly none, and then nothing is kept.
#[derive(Clone, Debug, Default, Hash)]
#[expect(clippy::box_collection, reason = "every queue has a place for it, few have a message in it")]
pub(super) struct OnTheirWay(Option<Box<BTreeSet<(BatchNumber, u32)>>>);

impl OnTheirWay {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn has(&self, number: BatchNumber, index: usize) -> bool {
        self.0.as_ref().is_some_and(|all| all.contains(&(number, index as u32)))
    }

    /// False if it was on its way before.
    fn insert(&mut self, back: &Returning) -> bool {
        self.0.get_or_insert_default().insert((back.number, back.index))
    }

    fn remove(&mut self, back: &Returning) {
        if let Some(all) = &mut self.0 {
            all.remove(&(back.number, back.index));
        }
        self.0.take_if(|all| all.is_empty());
    }
}

impl PushConsumer {
    /// Takes a settlement of a delivery of this consumer.
    pub(super) fn settle(&mut self, delivery: Delivery, settlement: Settlement, ctx: &mut Ctx<'_>) {
        let (lease, number, range) = (delivery.pulled.lease, delivery.pulled.number, delivery.range());
        if self.queue(lease).is_none() {
            self.stats.late_settlements += delivery.len() as u64;
            let (queue, messages) = (delivery.queue().clone(), delivery.len());
            return self.notice(ConsumerNotice::LateSettlement { queue, messages }, ctx);
        }
        match settlement {
            Settlement::Suspend(_) | Settlement::Abandon if !self.is_running() => {
                self.given_back += self.unfinished_of(&delivery);
                self.check_drained(ctx);
            }
            Settlement::Done => self.finish(lease, number, range, ctx),
            Settlement::DoneUpTo(count) => {
                let middle = range.start + count.min(range.len());
                self.send_back_range(lease, number, middle..range.end, 0, ctx);
                self.finish(lease, number, range.start..middle, ctx);
            }
            Settlement::Later { delay_level } => self.send_back_range(lease, number, range, delay_level, ctx),
            Settlement::Suspend(time) => {
                let time = time.clamp(Duration::from_millis(10), Duration::from_secs(30));
                self.set_timer(ctx.now + time, Due::Redeliver(delivery));
            }
            Settlement::Abandon => {
                self.set_timer(ctx.now + self.config.redelivery_delay, Due::Redeliver(delivery));
            }
        }
    }

    fn finish(&mut self, lease: Lease, number: u64, range: Range<usize>, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(lease) else { return };
        let (front, bytes) = (queue.process.front(), queue.process.held());
        let mut finished = 0_u64;
        for index in range {
            finished += u64::from(queue.process.finish(number, index));
        }
        if finished > 0 && (front == Some(number) || front != queue.process.front()) {
            queue.progress_at = ctx.now;
        }
        let freed = bytes - queue.process.held();
        self.held_bytes -= freed.min(self.held_bytes);
        self.stats.finished += finished;
        self.count_unfinished(-(finished as i64));
        self.pull_if_blocked(lease, ctx);
        self.release_if_idle(lease, ctx);
        self.check_drained(ctx);
    }

    // ---- back to the broker --------------------------------------------------------------------------------

    fn send_back_range(
        &mut self,
        lease: Lease,
        number: u64,
        range: Range<usize>,
        delay_level: i32,
        ctx: &mut Ctx<'_>,
    ) {
        for index in range {
            self.send_back(Returning { lease, number, index: index as u32, delay_level }, ctx);
        }
    }

    /// Sends one message back, unless it is finished or on its way.
    fn send_back(&mut self, back: Returning, ctx: &mut Ctx<'_>) {
        let max_reconsume_times = Some(self.config.max_reconsume());
        let (group, unit_mode) = (self.config.group.clone(), self.config.unit_mode);
        let index = back.index as usize;
        let Some(queue) = self.queue_mut(back.lease) else { return };
        if queue.process.is_finished(back.number, index) || !queue.returning.insert(&back) {
            return;
        }
        let broker = queue.queue.broker.clone();
        let Some(pulled) = queue.process.batch(back.number).cloned() else { return };
        let Some(message) = pulled.messages.get(index) else { return };
        let id =
            message.unique_key().map_or_else(|| message.offset_message_id().to_string(), ToString::to_string);
        let request = ConsumerSendMsgBackRequest {
            broker_name: Some(broker.as_str().into()),
            delay_level: back.delay_level,
            group: group.as_str().into(),
            max_reconsume_times,
            offset: message.physical_offset(),
            origin_msg_id: Some(id.as_str().into()),
            origin_topic: Some(pulled.topic_of(&message).into()),
            unit_mode: Some(unit_mode),
        };
        let physical = !broker.as_str().starts_with(LOGICAL_BROKER);
        let to = Target::Broker { name: broker.clone(), replica: Replica::Master };
        let purpose = Purpose::Consumer(self.id, ConsumerCall::SendBack(Box::new(back)));
        let asked = physical
            && ctx.net.call(&to, &request, &Bytes::new(), purpose, SEND_BACK_TIMEOUT, ctx.now).is_ok();
        if !asked {
            self.send_as_message(back, ctx);
        }
    }

    pub(super) fn on_sent_back(&mut self, back: Returning, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        if what_went_wrong(answer).0 == Some(ResponseCode::SUCCESS) {
            self.returned(back, ctx);
        } else {
            self.send_as_message(back, ctx);
        }
    }

    /// The broker has it: it comes again, and is finished here.
    fn returned(&mut self, back: Returning, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(back.lease) else { return };
        queue.returning.remove(&back);
        self.stats.sent_back += 1;
        let index = back.index as usize;
        self.finish(back.lease, back.number, index..index + 1, ctx);
    }

    /// It could not go back: it stays unfinished and is delivered again locally.
    fn not_returned(&mut self, back: Returning, ctx: &mut Ctx<'_>) {
        let Some(queue) = self.queue_mut(back.lease) else { return };
        queue.returning.remove(&back);
        let index = back.index as usize;
        if let Some(pulled) = queue.process.batch(back.number).cloned() {
            use super::process_queue::Batch;
            let notice =
                ConsumerNotice::SendBackFailed { queue: pulled.queue.clone(), offset: pulled.offset(index) };
            self.notice(notice, ctx);
            if self.is_running() {
                let delivery = Delivery::new(pulled, index..index + 1);
                self.set_timer(ctx.now + self.config.redelivery_delay, Due::Redeliver(delivery));
            } else {
                self.given_back += 1;
            }
        }
        self.release_if_idle(back.lease, ctx);
        self.check_drained(ctx);
    }

    /// Sends a retry copy to the group's retry topic ourselves, to any broker that has it (Java
    /// `sendMessageBackAsNormalMessage`). What is to become a dead letter cannot go this way.
    fn send_as_message(&mut self, back: Returning, ctx: &mut Ctx<'_>) {
        if back.delay_level < 0 || self.try_send_as_message(back, ctx).is_none() {
            self.not_returned(back, ctx);
        }
    }

    fn try_send_as_message(&mut self, back: Returning, ctx: &mut Ctx<'_>) -> Option<()> {
        let pulled = self.queue(back.lease)?.process.batch(back.number)?.clone();
        let message = pulled.messages.get(back.index as usize)?;
        let route = ctx.routes.get(&self.retry_topic)?;
        let queues = route.writable_queues();
        let target = queues.get(ctx.rng.below(queues.len() as u64) as usize)?.clone();
        let reconsumed = message.reconsume_times().max(0).saturating_add(1);
        let level = if back.delay_level > 0 { back.delay_level } else { 2 + reconsumed };
        let (most, reconsumed_text) = (self.config.max_reconsume(), reconsumed.to_string());
        let id =
            message.unique_key().map_or_else(|| message.offset_message_id().to_string(), ToString::to_string);
        let changed = [
            (names::RETRY_TOPIC, pulled.topic_of(&message)),
            (names::ORIGIN_MESSAGE_ID, message.properties().get(names::ORIGIN_MESSAGE_ID).unwrap_or(&id)),
            (names::RECONSUME_TIME, &reconsumed_text),
            (names::MAX_RECONSUME_TIMES, &most.to_string()),
            (names::DELAY, &level.to_string()),
        ];
        let mut properties = String::new();
        let dropped = |name: &str| {
            name == names::TRANSACTION_PREPARED || changed.iter().any(|(other, _)| *other == name)
        };
        for (name, value) in message.properties().iter().filter(|(name, _)| !dropped(name)) {
            append_pair(&mut properties, name, value);
        }
        for (name, value) in changed {
            append_pair(&mut properties, name, value);
        }
        check_len(properties.len()).ok()?;
        let request = SendMessageV2Request {
            producer_group: "CLIENT_INNER_PRODUCER".into(),
            topic: self.retry_topic.as_str().into(),
            default_topic: "TBW102".into(),
            default_topic_queue_nums: 4,
            queue_id: target.id as i32,
            sys_flag: 0,
            born_timestamp: ctx.unix_ms,
            flag: message.flag(),
            properties: Some(Parts::Whole(properties.as_str().into())),
            reconsume_times: Some(reconsumed),
            unit_mode: Some(self.config.unit_mode),
            max_reconsume_times: Some(most),
            batch: Some(false),
            broker_name: Some(target.broker.as_str().into()),
        };
        // The body is sent as the application saw it: decompressed.
        let body = pulled.messages.to_owned(back.index as usize)?.body();
        let to = Target::Broker { name: target.broker.clone(), replica: Replica::Master };
        let purpose = Purpose::Consumer(self.id, ConsumerCall::SendAsMessage(Box::new(back)));
        ctx.net.call(&to, &request, &body, purpose, SEND_TIMEOUT, ctx.now).ok().map(|_| ())
    }

    pub(super) fn on_sent_as_message(&mut self, back: Returning, answer: &Answer<'_>, ctx: &mut Ctx<'_>) {
        match what_went_wrong(answer).0 {
            // Stored, though perhaps not yet everywhere.
            Some(
                ResponseCode::SUCCESS
                | ResponseCode::FLUSH_DISK_TIMEOUT
                | ResponseCode::FLUSH_SLAVE_TIMEOUT
                | ResponseCode::SLAVE_NOT_AVAILABLE,
            ) => self.returned(back, ctx),
            _ => self.not_returned(back, ctx),
        }
    }

    // ---- again locally -------------------------------------------------------------------------------------

    /// Hands out again what of a delivery is still unfinished, in runs without gaps.
    pub(super) fn redeliver(&mut self, delivery: &Delivery, ctx: &mut Ctx<'_>) {
        let (lease, number) = (delivery.pulled.lease, delivery.pulled.number);
        if !self.is_running() {
            return;
        }
        let Some(queue) = self.queue(lease).filter(|queue| queue.releasing.is_none()) else { return };
        let open = |index: &usize| {
            !queue.process.is_finished(number, *index) && !queue.returning.has(number, *index)
        };
        let mut runs: alloc::vec::Vec<Range<usize>> = alloc::vec::Vec::new();
        for index in delivery.range().filter(open) {
            match runs.last_mut() {
                Some(run) if run.end == index => run.end += 1,
                _ => runs.push(index..index + 1),
            }
        }
        for run in runs {
            self.stats.redelivered += run.len() as u64;
            self.hand_over(Delivery::new(delivery.pulled.clone(), run), ctx);
        }
        if let Some(queue) = self.queue_mut(lease) {
            queue.progress_at = ctx.now;
        }
    }

    /// Sees to it that the oldest delivery of a queue is looked at when its time is over.
    pub(super) fn watch_lease(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let timeout = self.config.consume_timeout;
        let Some(queue) = self.queue_mut(lease) else { return };
        let at = queue.progress_at + timeout;
        let watched = queue.lease_timer || timeout == Duration::MAX || queue.releasing.is_some();
        if watched || queue.process.front().is_none() {
            return;
        }
        queue.lease_timer = true;
        self.set_timer(at.max(ctx.now), Due::Forgotten(lease));
    }

    /// Sends back what of the oldest delivery was not settled in time.
    pub(super) fn check_forgotten(&mut self, lease: Lease, ctx: &mut Ctx<'_>) {
        let timeout = self.config.consume_timeout;
        let Some(queue) = self.queue_mut(lease) else { return };
        queue.lease_timer = false;
        if let Some(number) = queue.process.front()
            && queue.progress_at + timeout <= ctx.now
            && queue.releasing.is_none()
        {
            queue.progress_at = ctx.now;
            let len = queue.process.batch(number).map_or(0, super::process_queue::Batch::len);
            let open = (0..len).filter(|index| !queue.process.is_finished(number, *index)).count();
            let of = queue.queue.clone();
            self.stats.leases_expired += open as u64;
            self.notice(ConsumerNotice::LeaseExpired { queue: of, messages: open }, ctx);
            self.send_back_range(lease, number, 0..len, FORGOTTEN_LEVEL, ctx);
        }
        self.watch_lease(lease, ctx);
    }
}
