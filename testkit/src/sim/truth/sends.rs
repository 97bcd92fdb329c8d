//! Judges of sends: I1 to I6 as far as producers go.

use std::time::Duration;

use bytes::Bytes;
use rocketmq_engine::wire::codes::RequestCode;
use rocketmq_engine::wire::message::names::{RETRY_PREFIX, is_not_for_sending};
use rocketmq_engine::{Instant, SendOutcome};

use super::{Bug, Moment, Submitted, Truth};
use crate::broker::{Name, Origin};

/// A unique key, as text.
pub(super) type Key = Name;

/// A tick: how late an outcome may be.
const TICK: Duration = Duration::from_millis(20);

/// A send that has not ended.
#[derive(Clone, Debug)]
pub(super) struct OpenSend {
    since: Instant,
    timeout: Duration,
    most_attempts: u32,
    /// The key it is ordered by.
    key: Option<u32>,
}

impl Truth {
    /// An application submits a message.
    pub(in super::super) fn on_submit(&mut self, body: Bytes, tag: Option<&'static str>) {
        self.submitted.push(Submitted { body, tag });
    }

    /// The engine accepted it.
    pub(in super::super) fn on_accepted(
        &mut self,
        client: usize,
        id: u64,
        local: Instant,
        timeout: Duration,
        most_attempts: u32,
        key: Option<u32>,
    ) {
        let send = OpenSend { since: local, timeout, most_attempts, key };
        if self.open.insert((client, id), send).is_some() {
            self.blame("I2", format!("client {client} gave the id {id} to two sends"));
        }
    }

    pub(super) fn on_outcome(&mut self, client: usize, id: u64, outcome: &SendOutcome, moment: Moment) {
        let Some(send) = self.open.remove(&(client, id)) else {
            return self.blame("I2", format!("client {client}: send {id} ended twice, or was never begun"));
        };
        let took = moment.local - send.since;
        if took > send.timeout + TICK && moment.running_since <= send.since {
            self.blame("I2", format!("client {client}: send {id} took {took:?} of {:?}", send.timeout));
        }
        if let SendOutcome::Failed(failure) | SendOutcome::Indeterminate(failure) = outcome {
            self.on_no_route(client, &failure.error, took);
        }
        match outcome {
            SendOutcome::Acknowledged(receipt) => {
                self.acknowledged += 1;
                let key: Key = receipt.message_id.to_string().into();
                if self.bug == Some(Bug::CalledFailed) && !self.planted {
                    self.planted = true;
                    return self.on_failed(&key);
                }
                let offset = receipt.queue_offset + i64::from(self.strikes(Bug::WrongOffset));
                let (broker, queue) = (receipt.queue.broker.as_str(), receipt.queue.id);
                let topic: Name = receipt.queue.topic.as_str().into();
                let host = self.broker_index(broker);
                let log = self.logs.get(&(host, topic, queue));
                let found = log.and_then(|log| log.get(usize::try_from(offset).ok()?));
                if found != Some(&key) && !self.losses.has(&key) {
                    let what =
                        format!("{key} is said to be at {}:{offset}, there is {found:?}", receipt.queue);
                    self.blame("I1", what);
                }
                self.note_attempts(key.clone(), receipt.attempts, send.most_attempts);
                if let Some(order) = send.key.filter(|_| !self.losses.has(&key)) {
                    self.note_order(client, order, &receipt.queue.to_string(), offset);
                }
            }
            SendOutcome::Failed(failure) => {
                self.not_acknowledged += 1;
                self.on_failed(&failure.message_id.to_string().into());
            }
            SendOutcome::Indeterminate(failure) => {
                self.not_acknowledged += 1;
                let key: Key = failure.message_id.to_string().into();
                if self.strikes(Bug::CalledFailed) && self.copies.contains_key(&key) {
                    return self.on_failed(&key);
                }
                let written = failure
                    .attempts
                    .iter()
                    .filter(|a| a.progress == rocketmq_engine::Progress::MayBeDelivered)
                    .count();
                self.note_attempts(key, (written as u32).max(1), send.most_attempts);
            }
        }
    }

    fn on_failed(&mut self, key: &Key) {
        if self.copies.contains_key(key) {
            self.blame("I3", format!("{key} is called failed and is stored"));
        }
        self.failed.insert(key.clone());
    }

    fn note_attempts(&mut self, key: Key, attempts: u32, most: u32) {
        let attempts = attempts - u32::from(self.strikes(Bug::HiddenAttempt));
        // Attempts of which no byte has left do not count against the most.
        self.most_copies.insert(key, attempts.min(most));
    }

    fn note_order(&mut self, client: usize, order: u32, queue: &str, offset: i64) {
        let follows = self.order.contains_key(&(client, order));
        let offset = if follows && self.strikes(Bug::OrderLost) { -1 } else { offset };
        let last = self.order.insert((client, order), (queue.to_string(), offset));
        if let Some((last_queue, last_offset)) = last
            && (last_queue != queue || last_offset >= offset)
        {
            let what = format!(
                "client {client}, key {order}: {queue}:{offset} came after {last_queue}:{last_offset}"
            );
            self.blame("I5", what);
        }
    }

    /// A broker stored a message.
    #[allow(clippy::too_many_arguments, reason = "the fields of one effect")]
    pub(super) fn on_stored(
        &mut self,
        host: usize,
        by: Option<Origin>,
        client: Option<usize>,
        topic: &Name,
        queue: u32,
        offset: i64,
        key: Option<Name>,
    ) {
        let key = key.unwrap_or_else(|| "".into());
        // A consumer that cannot send a message back puts it into the retry topic itself, as Java's do. When a late
        // broker stores it, who asked may have hung up: then only the topic tells.
        let back = by.is_some_and(|by| by.request == RequestCode::CONSUMER_SEND_MSG_BACK)
            || client.is_some_and(|client| self.members.contains_key(&client))
            || by.is_some() && (topic.starts_with(RETRY_PREFIX) || is_not_for_sending(topic));
        if back {
            self.on_sent_back(client, &key);
        } else if by.is_some() {
            *self.copies.entry(key.clone()).or_default() += 1;
            if self.failed.contains(&key) {
                self.blame("I3", format!("{key} was called failed and is stored later"));
            }
        }
        self.losses.on_stored(host, topic, queue, offset, &key);
        let log = self.logs.entry((host, topic.clone(), queue)).or_default();
        log.truncate(usize::try_from(offset).unwrap_or_default());
        log.push(key);
    }

    pub(super) fn finish_sends(&mut self) {
        if let Some(((client, id), _)) = self.open.iter().min_by_key(|(id, _)| **id) {
            let (client, id, count) = (*client, *id, self.open.len());
            self.blame("I2", format!("{count} sends never ended, among them {id} of client {client}"));
        }
        let mut more: Vec<String> = Vec::new();
        for (key, most) in &self.most_copies {
            let copies = self.copies.get(key).copied().unwrap_or_default();
            if copies > *most {
                more.push(format!("{key} is stored {copies} times, {most} attempts were made"));
            }
        }
        more.sort();
        for what in more {
            self.blame("I4", what);
        }
    }
}
