//! Brokers: where their replicas are, which connection leads there, what is said first on it.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::{Broker, LinkState, Net, QUESTION_INTERVAL, Question};
use crate::client::call::{Purpose, Replica, Target};
use crate::client::endpoint::{Endpoint, Role};
use crate::client::ids::ConnId;
use crate::client::names::BrokerName;
use crate::time::Instant;
use crate::wire::fields::HeartbeatRequest;

/// Where a broker's replicas are, by id; 0 is the master. They are few: a list, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Replicas(Box<[(i64, Endpoint)]>);

impl Replicas {
    fn get(&self, id: i64) -> Option<&Endpoint> {
        self.0.iter().find(|(other, _)| *other == id).map(|(_, endpoint)| endpoint)
    }

    fn master(&self) -> Option<&Endpoint> {
        self.get(0)
    }

    fn has(&self, endpoint: &Endpoint) -> bool {
        self.0.iter().any(|(_, other)| other == endpoint)
    }

    fn first(&self) -> Option<&Endpoint> {
        self.0.first().map(|(_, endpoint)| endpoint)
    }
}

impl Net {
    /// What every new broker connection says first; empty: nothing.
    pub(crate) fn set_greeting(&mut self, heartbeat: Bytes) {
        self.registration += 1;
        self.probes_changed |= self.greeting.is_empty() != heartbeat.is_empty();
        self.greeting = heartbeat;
    }

    /// A broker confirmed a registration: true if it is a newer one than the connection had confirmed before.
    pub(crate) fn confirm(&mut self, conn: ConnId, registration: u64) -> bool {
        let Some(link) = self.link_mut(conn) else { return false };
        let newer = link.registered < registration;
        link.registered = link.registered.max(registration);
        newer
    }

    /// Sends the greeting, as a heartbeat, once: a heartbeat still on its way is enough.
    pub(crate) fn greet(&mut self, to: &Target, now: Instant) {
        if self.greeting.is_empty() {
            return;
        }
        let Some(conn) = self.resolve(to, now) else { return };
        let registration = self.registration;
        if let Some(core) = self.core_mut(conn).filter(|core| core.in_flight() == 0) {
            // What a busier time needed is given back, at most once in a heartbeat's interval.
            core.trim();
        }
        // Said already, and its answer or its deadline is to come.
        let under_way = |link: &super::Link| link.greeting && link.greeted >= registration;
        if self.link(conn).is_some_and(|link| !under_way(link)) {
            self.say_greeting(conn, now);
        }
    }

    /// Sends the greeting to a broker that has not been sent it.
    pub(crate) fn greet_new(&mut self, to: &Target, now: Instant) {
        let registration = self.registration;
        if !self.greeting.is_empty()
            && let Some(conn) = self.resolve(to, now)
            && self.link(conn).is_some_and(|link| link.greeted < registration)
        {
            self.say_greeting(conn, now);
        }
    }

    pub(crate) fn has_greeting(&self) -> bool {
        !self.greeting.is_empty()
    }

    pub(super) fn say_greeting(&mut self, conn: ConnId, now: Instant) {
        let (body, timeout) = (self.greeting.clone(), self.config.request_timeout);
        let registration = self.registration;
        if let Some(link) = self.link_mut(conn) {
            link.greeted = registration;
            link.question = Question::NotBefore(now + QUESTION_INTERVAL);
        }
        let purpose = Purpose::Heartbeat { registration };
        // A refusal means that the queue is full of other things: the next heartbeat comes by timer.
        let asked =
            self.call(&Target::Conn(conn), &HeartbeatRequest::default(), &body, purpose, timeout, now);
        if let Some(link) = self.link_mut(conn) {
            link.greeting = asked.is_ok();
        }
    }

    /// A heartbeat was answered, or will not be. One that said an older registration leaves the newest under way: were
    /// it taken for the newest's end, each renewal would begin one more row of heartbeats to a broker that is silent.
    pub(crate) fn greeting_ended(&mut self, conn: ConnId, registration: u64) {
        if let Some(link) = self.link_mut(conn).filter(|link| link.greeted == registration) {
            link.greeting = false;
        }
    }

    /// Notes where a broker's replicas are, as a route said. Addresses that cannot be read are left out.
    pub(crate) fn set_broker(&mut self, name: &BrokerName, replicas: &BTreeMap<i64, String>) {
        let read = replicas.iter().filter_map(|(id, address)| {
            let mapped = self.config.map_address(address);
            Endpoint::parse(mapped, Role::Broker).map(|endpoint| (*id, endpoint))
        });
        let replicas = Replicas(read.collect());
        if replicas.first().is_none() {
            return;
        }
        if self.brokers.len() <= name.index() {
            self.brokers.resize_with(name.index() + 1, Broker::default);
        }
        if let Some(broker) = self.brokers.get_mut(name.index())
            && broker.replicas != replicas
        {
            *broker = Broker { replicas, ..Broker::default() };
            self.probes_changed = true;
        }
    }

    /// Forgets brokers that no route has named for `patience` (Java `MQClientInstance.cleanOfflineBroker`): they are not
    /// dialled again, and their connections are left, which the caller has to process. One that owes an answer waits for
    /// the next time: it may be named again before, and must not have a second connection then.
    pub(crate) fn leave_unnamed(
        &mut self,
        named: &BTreeMap<BrokerName, bool>,
        patience: Duration,
        now: Instant,
    ) -> Vec<ConnId> {
        let is_named: BTreeSet<usize> = named.keys().map(BrokerName::index).collect();
        let (mut left, mut brokers): (Vec<Endpoint>, _) = (Vec::new(), core::mem::take(&mut self.brokers));
        for (index, broker) in brokers.iter_mut().enumerate() {
            if is_named.contains(&index) || broker.replicas.first().is_none() {
                broker.unnamed_since = None;
            } else if now - *broker.unnamed_since.get_or_insert(now) >= patience
                && !broker.replicas.0.iter().any(|(_, endpoint)| self.is_asked(endpoint))
            {
                let gone = core::mem::take(broker);
                left.extend(gone.replicas.0.into_iter().map(|(_, endpoint)| endpoint));
            }
        }
        self.brokers = brokers;
        // Another broker may have taken the address over.
        left.retain(|endpoint| !self.brokers.iter().any(|broker| broker.replicas.has(endpoint)));
        left.iter().filter_map(|endpoint| self.leave(endpoint)).collect()
    }

    /// Whether routes name a master of the broker.
    pub(crate) fn has_master(&self, name: &BrokerName) -> bool {
        self.brokers.get(name.index()).is_some_and(|broker| broker.replicas.master().is_some())
    }

    pub(crate) fn replica_ids(&self, name: &BrokerName) -> impl Iterator<Item = i64> + use<'_> {
        self.brokers
            .get(name.index())
            .into_iter()
            .flat_map(|broker| broker.replicas.0.iter().map(|(id, _)| *id))
    }

    /// False after a failure, until a connection to the broker's master stands again: [`Net`] itself tries.
    #[inline]
    pub(crate) fn is_reachable(&self, name: &BrokerName) -> bool {
        let Some(broker) = self.brokers.get(name.index()) else { return false };
        let conn = broker.master.and_then(|conn| self.link(conn));
        if let Some(link) = conn.filter(|link| link.state == LinkState::Open) {
            return !link.suspect;
        }
        broker.replicas.master().is_some_and(|master| !self.backoffs.contains_key(master))
    }

    /// Brokers in use that failed and have no connection now, with when to try again.
    pub(super) fn probes(&self) -> impl Iterator<Item = (&Endpoint, Instant)> {
        let asleep = !self.greeting.is_empty();
        let mut used: Vec<&Endpoint> = Vec::new();
        if asleep && !self.backoffs.is_empty() {
            used.extend(self.brokers.iter().filter_map(|broker| broker.replicas.master()));
            used.sort_unstable();
        }
        let failed = self.backoffs.iter().filter(move |(endpoint, _)| {
            !self.by_endpoint.contains_key(*endpoint) && used.binary_search(endpoint).is_ok()
        });
        failed.map(|(endpoint, backoff)| (endpoint, backoff.until()))
    }

    pub(super) fn probe(&mut self, now: Instant) {
        let due = self.probes().filter(|(_, until)| *until <= now).map(|(endpoint, _)| endpoint.clone());
        for endpoint in due.collect::<Vec<_>>() {
            let _ = self.open(&endpoint, now);
        }
    }

    pub(super) fn resolve(&mut self, to: &Target, now: Instant) -> Option<ConnId> {
        match to {
            Target::Conn(conn) => self.link(*conn).map(|_| *conn),
            Target::NameServer(index) => {
                let endpoint = self.name_servers.get(*index)?.clone();
                self.open(&endpoint, now)
            }
            Target::Broker { name, replica: Replica::Master } => self.master(name, now),
            Target::Broker { name, replica: Replica::Prefer(id) } => {
                let replicas = &self.brokers.get(name.index())?.replicas;
                let wanted = replicas.get(*id).or_else(|| replicas.master());
                let endpoint = wanted.or_else(|| replicas.first())?.clone();
                self.open(&endpoint, now)
            }
        }
    }

    /// The connection to a broker's master, dialled if there is none.
    #[inline]
    pub(super) fn master(&mut self, name: &BrokerName, now: Instant) -> Option<ConnId> {
        let broker = self.brokers.get(name.index())?;
        if let Some(conn) = broker.master
            && self.link(conn).is_some()
        {
            return Some(conn);
        }
        self.dial_master(name, now)
    }

    #[cold]
    fn dial_master(&mut self, name: &BrokerName, now: Instant) -> Option<ConnId> {
        let endpoint = self.brokers.get(name.index())?.replicas.master()?.clone();
        let conn = self.open(&endpoint, now)?;
        if let Some(broker) = self.brokers.get_mut(name.index()) {
            broker.master = Some(conn);
        }
        Some(conn)
    }
}
