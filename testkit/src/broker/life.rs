//! The life of a broker: ending, starting again with what it lost, following a master.

use std::net::SocketAddr;

use rocketmq_engine::Instant;

use super::history::Effect;
use super::{Broker, BrokerConfig};

/// What a broker still has when it starts again.
///
/// ```
/// use rocketmq_testkit::Restart;
///
/// let crashed = Restart::whole().losing_tail(3);
/// assert_eq!(crashed.tail, 3);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Restart {
    /// Its disk is gone: no topics, no messages, no offsets.
    pub empty: bool,
    /// So many messages at the end of its log had not been flushed.
    pub tail: usize,
    /// Its offset table is as it was then, later commits are forgotten.
    pub offsets_as_of: Option<Instant>,
}

impl Restart {
    /// With everything it had stored.
    pub fn whole() -> Self {
        Self::default()
    }

    /// With nothing.
    pub fn empty() -> Self {
        Self { empty: true, ..Self::default() }
    }

    /// Without the last messages of its log.
    #[must_use]
    pub fn losing_tail(self, messages: usize) -> Self {
        Self { tail: messages, ..self }
    }

    /// With the offsets of an earlier time (a broker writes them down every 5 seconds).
    #[must_use]
    pub fn offsets_as_of(self, then: Instant) -> Self {
        Self { offsets_as_of: Some(then), ..self }
    }
}

impl Broker {
    /// The process has ended: connections, members and waiting pulls are gone, and what had not left a socket.
    pub(crate) fn handle_kill(&mut self) {
        self.peers.kill();
        self.forget_process();
    }

    /// It is stopped: what it had to say still leaves, then connections end.
    pub(crate) fn handle_stop(&mut self) {
        self.peers.ids().into_iter().for_each(|peer| self.peers.hang_up(peer));
        self.forget_process();
    }

    fn forget_process(&mut self) {
        self.hosts.clear();
        self.polls.forget_all();
        self.groups.forget_all();
        self.faults.drop_held();
        self.going_away = false;
    }

    /// It starts again.
    pub(crate) fn handle_restart(&mut self, restart: Restart) {
        if restart.empty {
            self.format();
        }
        if restart.tail > 0 {
            self.store.lose_tail(restart.tail);
            self.delayed.lose_from(self.store.end());
        }
        if let Some(then) = restart.offsets_as_of {
            self.offsets = self.offsets.as_of(then);
        }
        self.registration_changed = true;
        self.note(|_| Effect::Restarted(restart));
    }

    /// Another broker in this one's place, at its address.
    pub(crate) fn successor(&self, config: BrokerConfig) -> Self {
        let mut other = Self::new(config, self.address);
        other.follow_numbers(self);
        other
    }

    /// Connections get numbers that no other broker gave: they never come back, whoever listens. Those the other
    /// still has to close are closed here.
    pub(crate) fn follow_numbers(&mut self, other: &Self) {
        self.peers = other.peers.clone();
    }

    /// The offset the next message of its log gets.
    pub(crate) fn end(&self) -> i64 {
        self.store.end()
    }

    // ---- following a master --------------------------------------------------------------------------------

    /// Takes over what the master has and this replica may have by now: topics, and messages up to `lag` from the
    /// master's end.
    pub(crate) fn replicate(&mut self, master: &Self, lag: usize) {
        let records = master.store.records_from(self.store.end());
        let most = records.len().saturating_sub(lag);
        if self.topics_version != master.topics_version {
            self.follow_topics(master);
        }
        for record in records.iter().take(most) {
            if self.store.append_replica(record) {
                self.wake_long_polls(&record.topic, record.queue as i32, *self.peers.now);
            }
        }
    }

    fn follow_topics(&mut self, master: &Self) {
        let topics = master.topics();
        for (name, _) in self.topics() {
            if topics.binary_search_by(|(known, _)| known.cmp(&name)).is_err() {
                self.delete_topic(&name);
            }
        }
        for (name, config) in topics {
            self.set_topic(&name, config);
        }
        self.topics_version = master.topics_version;
    }

    /// Takes over the master's offsets and groups as they were then (Java `SlaveSynchronize`, every 10 seconds).
    pub(crate) fn synchronize(&mut self, master: &Self, then: Instant) {
        self.offsets = master.offsets.view_at(then);
        master.groups.known().for_each(|group| self.groups.learn(group));
    }

    /// Delayed messages are the new master's to deliver, those that it has (Java `changeScheduleServiceStatus`; that a
    /// message near its time may come twice then is not played).
    pub(crate) fn take_over_delayed(&mut self, before: &mut Self) {
        self.delayed = std::mem::take(&mut before.delayed);
        self.delayed.lose_from(self.store.end());
    }

    /// Becomes another replica of its broker name; 0 is the master. What the new master does not have is cut off.
    pub(crate) fn become_replica(&mut self, id: i64, master_end: Option<i64>) {
        self.id = id;
        if let Some(end) = master_end {
            self.store.cut_at(end);
            self.delayed.lose_from(end);
        }
        self.registration_changed = true;
    }

    /// Its place among the replicas of its name; 0 is the master.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Whether it is the master.
    pub fn is_master(&self) -> bool {
        self.id == 0
    }

    /// The address clients are told.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
