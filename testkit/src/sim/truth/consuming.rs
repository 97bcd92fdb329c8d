//! Judges of consumers: I6, I12, I13, I15, I16, I18, I20, and what is missing at the end (I14).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::time::Duration;

use rocketmq_engine::wire::message::MessageView;
use rocketmq_engine::wire::message::names::{DLQ_PREFIX, RETRY_PREFIX};
use rocketmq_engine::{Delivery, Instant, Queue, Settlement};

use super::sends::Key;
use super::{Bug, Place, Truth};
use crate::broker::Name;

/// How far a message has come in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Delivered, nothing said yet.
    Out,
    /// The application wants it again.
    Again,
    Done,
}

/// What happened to a message, for the eyes of whoever looks into a violation.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code, reason = "read as text")]
enum Step {
    Given { client: usize, epoch: u64 },
    Settled { client: usize, settlement: Settlement },
    SentBack,
}

#[derive(Clone, Debug)]
struct Progress {
    steps: Vec<(Duration, Step)>,
    state: State,
    /// The client that has it, and which of its assignments of the queue that was.
    holder: (usize, u64),
    /// Somebody of the group has finished it, or the broker has taken it back.
    finished: bool,
}

#[derive(Clone, Debug, Default)]
struct QueueState {
    /// Who has it, in which epoch.
    owners: BTreeMap<usize, u64>,
    /// Who had it last.
    had: BTreeMap<usize, u64>,
    messages: BTreeMap<i64, Progress>,
    /// Everything below was finished when it was committed.
    checked: i64,
    /// The last commit of each epoch, and when it was asked for.
    committed: HashMap<(usize, u64), (Instant, i64)>,
}

/// A consumer group.
#[derive(Clone, Debug)]
pub(super) struct Group {
    topic: &'static str,
    members: BTreeSet<usize>,
    queues: BTreeMap<(usize, Name, u32), QueueState>,
    /// Where each message was delivered.
    places: HashMap<Key, Vec<Place>>,
    done: BTreeSet<Key>,
    backs: HashMap<Key, u32>,
    epoch: u64,
}

impl Group {
    pub(super) fn new(topic: &'static str) -> Self {
        Self {
            topic,
            members: BTreeSet::new(),
            queues: BTreeMap::new(),
            places: HashMap::new(),
            done: BTreeSet::new(),
            backs: HashMap::new(),
            epoch: 0,
        }
    }

    pub(super) fn joined(&mut self, client: usize) {
        self.members.insert(client);
    }

    /// A queue's messages from `end` on are gone.
    pub(super) fn on_lost(&mut self, queue: &(usize, Name, u32), end: i64) {
        if let Some(state) = self.queues.get_mut(queue) {
            state.messages.split_off(&end);
            state.checked = state.checked.min(end);
            state.committed.clear();
        }
    }
}

/// The number a workload's body begins with.
fn serial(body: &[u8]) -> Option<usize> {
    let digits = body.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

impl Truth {
    fn place(&self, queue: &Queue, offset: i64) -> Place {
        (self.broker_index(queue.broker.as_str()), queue.topic.as_str().into(), queue.id, offset)
    }

    pub(super) fn on_assigned(&mut self, client: usize, queues: &[Queue]) {
        for queue in queues {
            let (host, topic, id, _) = self.place(queue, 0);
            let Some(group) = self.members.get(&client).and_then(|name| self.groups.get_mut(name)) else {
                return;
            };
            group.epoch += 1;
            let epoch = group.epoch;
            group.queues.entry((host, topic, id)).or_default().owners.insert(client, epoch);
        }
    }

    pub(super) fn on_revoked(&mut self, client: usize, queues: &[Queue]) {
        if self.strikes(Bug::KeptQueue) {
            return;
        }
        for queue in queues {
            let (host, topic, id, _) = self.place(queue, 0);
            let Some(group) = self.members.get(&client).and_then(|name| self.groups.get_mut(name)) else {
                return;
            };
            let state = group.queues.entry((host, topic, id)).or_default();
            if let Some(epoch) = state.owners.remove(&client) {
                state.had.insert(client, epoch);
            }
        }
    }

    /// A client is no member any more, whether it said so or died.
    pub(super) fn on_left(&mut self, client: usize) {
        let Some(group) = self.members.get(&client).and_then(|name| self.groups.get_mut(name)) else {
            return;
        };
        group.members.remove(&client);
        for state in group.queues.values_mut() {
            if let Some(epoch) = state.owners.remove(&client) {
                state.had.insert(client, epoch);
            }
        }
    }

    pub(super) fn on_delivered(&mut self, client: usize, delivery: &Delivery) {
        let queue = delivery.queue().clone();
        let after_revoke = self.strikes(Bug::AfterRevoke);
        let (host, topic, id, _) = self.place(&queue, 0);
        let Some(name) = self.members.get(&client).copied() else { return };
        let owner = self
            .groups
            .get(name)
            .and_then(|group| group.queues.get(&(host, topic.clone(), id))?.owners.get(&client).copied());
        let Some(epoch) = owner.filter(|_| !after_revoke) else {
            return self.blame(
                "I20",
                format!("client {client} is given messages of {queue}, which it does not have"),
            );
        };
        for message in delivery.iter() {
            self.delivered += 1;
            self.judge_content(&queue, &message);
            self.judge_retry(name, &topic, &message);
            let offset = message.queue_offset();
            let key: Key = message.unique_key().unwrap_or_default().into();
            let calm = self.calm;
            let lost = self.losses.has_lost(host, &topic, id);
            let Some(group) = self.groups.get_mut(name) else { return };
            let given = (self.now - Instant::ZERO, Step::Given { client, epoch });
            let progress =
                Progress { steps: vec![given], state: State::Out, holder: (client, epoch), finished: false };
            let state = group.queues.entry((host, topic.clone(), id)).or_default();
            let before = state.messages.insert(offset, progress.clone());
            if let Some(before) = before {
                if let Some(entry) = state.messages.get_mut(&offset) {
                    entry.finished = before.finished;
                    entry.steps.clone_from(&before.steps);
                    entry.steps.push(given);
                }
                let unexplained = before.state != State::Again && before.holder == progress.holder;
                if !lost && (unexplained || calm && before.state != State::Again) {
                    let what = format!(
                        "client {client} is given {queue}:{offset} again in epoch {epoch}, before: {:?}",
                        before.steps
                    );
                    self.blame("I15", what);
                }
            } else {
                group.places.entry(key).or_default().push((host, topic.clone(), id, offset));
            }
        }
    }

    /// I6: what is delivered is what was submitted.
    fn judge_content(&mut self, queue: &Queue, message: &MessageView<'_>) {
        let changed = self.strikes(Bug::BodyChanged);
        let submitted = serial(message.body()).and_then(|serial| self.submitted.get(serial));
        let same = submitted.is_some_and(|submitted| {
            submitted.body == message.body() && submitted.tag == message.tag() && !changed
        });
        if !same {
            let what = format!("{queue}:{} is not what was submitted", message.queue_offset());
            self.blame("I6", what);
        }
    }

    /// I18: a retry says how often it came back.
    fn judge_retry(&mut self, group: &'static str, topic: &str, message: &MessageView<'_>) {
        let retried = topic.starts_with(RETRY_PREFIX);
        let times = if self.bug == Some(Bug::WrongRetryCount) && retried && self.strikes(Bug::WrongRetryCount)
        {
            7
        } else {
            message.reconsume_times()
        };
        let key: Key = message.unique_key().unwrap_or_default().into();
        let backs = self.groups.get(group).and_then(|group| group.backs.get(&key)).copied();
        let backs = backs.unwrap_or_default() as i32;
        if retried != (times > 0) || times > backs {
            self.blame("I18", format!("{key} says retry {times}, it was sent back {backs} times"));
        }
    }

    pub(super) fn note_settled(&mut self, client: usize, delivery: &Delivery, settlement: Settlement) {
        let done = match settlement {
            Settlement::Done => delivery.len(),
            Settlement::DoneUpTo(count) => count.min(delivery.len()),
            _ => 0,
        };
        self.on_returned(client, delivery.len() - done);
        let (host, topic, id, _) = self.place(delivery.queue(), 0);
        let Some(name) = self.members.get(&client).copied() else { return };
        for (index, message) in delivery.iter().enumerate() {
            let key: Key = message.unique_key().unwrap_or_default().into();
            // The engine was told; the judge is not.
            if index < done && self.strikes(Bug::Skipped) {
                continue;
            }
            let Some(group) = self.groups.get_mut(name) else { return };
            let state = group.queues.entry((host, topic.clone(), id)).or_default();
            if let Some(progress) = state.messages.get_mut(&message.queue_offset()) {
                progress.steps.push((self.now - Instant::ZERO, Step::Settled { client, settlement }));
                // Another member may have it by now, or this one anew: what it will say is another matter.
                if progress.holder.0 == client {
                    progress.state = match progress.state {
                        State::Out if index < done => State::Done,
                        before if index < done => before,
                        _ => State::Again,
                    };
                }
                if index < done {
                    progress.finished = true;
                    group.done.insert(key);
                }
            }
        }
    }

    /// A broker took a message back: it comes again through the retry topic, or is dead.
    pub(super) fn on_sent_back(&mut self, client: Option<usize>, key: &Key) {
        // A broker that is late may do it when who asked has hung up: the message's group asked.
        let member = client.and_then(|client| self.members.get(&client)).copied();
        let had = |group: &&Group| group.places.contains_key(key);
        let group = match member {
            Some(name) => self.groups.get_mut(name),
            None => self.groups.values_mut().find(|group| had(&&**group)),
        };
        let Some(group) = group else { return };
        *group.backs.entry(key.clone()).or_default() += 1;
        for (host, topic, queue, offset) in group.places.get(key).into_iter().flatten() {
            let state = group.queues.get_mut(&(*host, topic.clone(), *queue));
            if let Some(progress) = state.and_then(|state| state.messages.get_mut(offset)) {
                progress.finished = true;
                progress.steps.push((self.now - Instant::ZERO, Step::SentBack));
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one effect")]
    pub(super) fn on_committed(
        &mut self,
        host: usize,
        client: Option<usize>,
        asked_at: Option<Instant>,
        group: &str,
        topic: &Name,
        queue: i32,
        before: Option<i64>,
        offset: i64,
    ) {
        let queue_id = queue.unsigned_abs();
        let offset = if self.strikes(Bug::CommitBack) { -1 } else { offset };
        if offset < 0 {
            return self.blame("I13", format!("{group} commits {offset} for {topic}@{host}:{queue}"));
        }
        let Some(name) = self.groups.get_key_value(group).map(|(name, _)| *name) else { return };
        let Some(state) = self.groups.get_mut(name) else { return };
        let state = state.queues.entry((host, topic.clone(), queue_id)).or_default();
        let owner = client.and_then(|client| {
            let epoch = state.owners.get(&client).or_else(|| state.had.get(&client)).copied()?;
            Some((client, epoch))
        });
        let mut last = None;
        if let (Some(owner), Some(asked_at)) = (owner, asked_at) {
            let entry = state.committed.entry(owner).or_insert((asked_at, offset));
            // What was asked earlier and is carried out later is the broker's doing, or its successor's.
            if asked_at >= entry.0 {
                last = Some(entry.1);
                *entry = (asked_at, offset);
            }
        }
        if client.is_some() && owner.is_none() {
            let what =
                format!("client {client:?} of {name} commits for {topic}@{host}:{queue}, never its own");
            return self.blame("I13", what);
        }
        let reused = self.losses.is_reused(host, topic, queue_id, offset);
        if last.is_some_and(|last| last > offset) && !reused {
            let what = format!(
                "{name} commits {offset} for {topic}@{host}:{queue} after {last:?} in one epoch, broker had {before:?}"
            );
            self.blame("I13", what);
        }
        self.judge_skip(name, host, topic, queue_id, offset);
    }

    /// I12: everything below a commit is finished.
    fn judge_skip(&mut self, name: &'static str, host: usize, topic: &Name, queue: u32, offset: i64) {
        let Some(group) = self.groups.get_mut(name) else { return };
        let Some(state) = group.queues.get_mut(&(host, topic.clone(), queue)) else { return };
        let mut missing = Vec::new();
        for below in state.checked..offset {
            let reused = self.losses.is_reused(host, topic, queue, below);
            if !reused && !state.messages.get(&below).is_some_and(|progress| progress.finished) {
                missing.push((below, state.messages.get(&below).map(|progress| progress.steps.clone())));
            }
        }
        state.checked = state.checked.max(offset);
        if !missing.is_empty() {
            let count = missing.len();
            missing.truncate(3);
            let what = format!(
                "{name} commits {offset} for {topic}@{host}:{queue}, {count} unfinished, first: {missing:?}"
            );
            self.blame("I12", what);
        }
    }

    // ---- at rest -------------------------------------------------------------------------------------------

    /// I16: the members' queues are all there are, each once.
    pub(super) fn on_rest(&mut self, name: &'static str, all: &BTreeSet<(String, String, u32)>) {
        let wrong = self.ill_divided(name, all);
        if !wrong.is_empty() {
            self.blame("I16", format!("{name}: {}", wrong.join(", ")));
        }
    }

    /// Queues that nobody of the group has, or more than one.
    pub(in super::super) fn ill_divided(
        &self,
        name: &str,
        all: &BTreeSet<(String, String, u32)>,
    ) -> Vec<String> {
        let Some(group) = self.groups.get(name) else { return Vec::new() };
        let mut wrong = Vec::new();
        for (broker, topic, id) in all {
            let host = self.broker_index(broker);
            let owners: Vec<usize> = group
                .queues
                .get(&(host, topic.as_str().into(), *id))
                .map(|state| state.owners.keys().copied().collect())
                .unwrap_or_default();
            if owners.len() != 1 {
                wrong.push(format!("{topic}@{broker}:{id} has {owners:?}"));
            }
        }
        wrong
    }

    /// Messages that match and were never finished, by group.
    pub(in super::super) fn missing(&self) -> Vec<(&'static str, Vec<Key>)> {
        let mut all = Vec::new();
        for (name, group) in &self.groups {
            // What is in queues that were taken away again is out of reach (Z6).
            let logs = self
                .logs
                .iter()
                .filter(|((_, topic, queue), _)| &**topic == group.topic && *queue < self.queues);
            let open = logs.flat_map(|(_, log)| log).filter(|key| !group.done.contains(*key));
            let open = open.filter(|key| !self.losses.has(key));
            let dead: BTreeSet<&Key> = self
                .logs
                .iter()
                .filter(|((_, topic, _), _)| topic.starts_with(DLQ_PREFIX))
                .flat_map(|(_, log)| log)
                .collect();
            let missing: Vec<Key> = open.filter(|key| !dead.contains(key)).cloned().collect();
            if !missing.is_empty() {
                all.push((*name, missing));
            }
        }
        all
    }

    /// Where a message is stored, and what its group did with it there.
    pub(super) fn whereabouts(&self, group: &str, key: &Key) -> String {
        let mut text = format!("{key}");
        for (place, log) in &self.logs {
            for offset in (0..).zip(log).filter(|(_, at)| *at == key).map(|(offset, _)| offset) {
                let (host, topic, queue) = place;
                let state = self.groups.get(group).and_then(|group| group.queues.get(place));
                let steps = state.and_then(|state| state.messages.get(&offset)).map(|found| &found.steps);
                let _ = write!(text, " at {topic}@{host}:{queue}:{offset} {steps:?}");
            }
        }
        text
    }

    pub(super) fn forget_one(&mut self) {
        for group in self.groups.values_mut() {
            if group.done.pop_first().is_some() {
                return;
            }
        }
    }
}
