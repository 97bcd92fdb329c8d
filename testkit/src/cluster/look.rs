//! What tests look at and change, for the cluster as a whole.

use bytes::Bytes;

use super::Cluster;
use crate::broker::{Broker, Fault, Keep};
use crate::name_server::NameServer;

impl Cluster {
    /// The brokers: masters first, then slaves.
    pub fn brokers(&self) -> impl Iterator<Item = &Broker> {
        self.replicas.iter().map(|replica| &replica.broker)
    }

    /// The masters: what they have, the cluster has.
    pub fn masters(&self) -> impl Iterator<Item = &Broker> {
        self.brokers().filter(|broker| broker.is_master())
    }

    /// One broker, to be looked at or changed.
    pub fn broker(&mut self, index: usize) -> Option<&mut Broker> {
        self.replicas.get_mut(index).map(|replica| &mut replica.broker)
    }

    /// Changes one broker; its slaves and the name servers follow at once. `None` without such a broker.
    pub fn with_broker<R>(&mut self, index: usize, change: impl FnOnce(&mut Broker) -> R) -> Option<R> {
        let result = self.broker(index).map(change);
        self.settle();
        result
    }

    /// One name server, to be looked at or changed.
    pub fn name_server(&mut self, index: usize) -> Option<&mut NameServer> {
        self.name_servers.get_mut(index)
    }

    /// Every broker tells the name servers what it has, as each does every 30 seconds.
    pub fn register_all(&mut self) {
        for replica in self.replicas.iter().filter(|replica| replica.up) {
            let registration = replica.broker.registration();
            self.name_servers.iter_mut().for_each(|name_server| name_server.register(registration.clone()));
        }
    }

    /// Makes a topic with that many queues at every broker.
    pub fn create_topic(&mut self, topic: &str, queues: u32) {
        self.each(|broker| broker.create_topic(topic, queues));
    }

    /// Makes every broker do something wrong.
    pub fn inject(&mut self, fault: &Fault) {
        self.each(|broker| broker.inject(fault.clone()));
    }

    /// Forgets every fault that has not happened yet.
    pub fn clear_faults(&mut self) {
        self.each(Broker::clear_faults);
    }

    /// Keeps histories at every machine from now on.
    pub fn keep(&mut self, keep: Keep) {
        self.each(|broker| broker.keep(keep));
        self.name_servers.iter_mut().for_each(|name_server| name_server.keep(keep));
    }

    fn each(&mut self, change: impl FnMut(&mut Broker)) {
        self.replicas.iter_mut().map(|replica| &mut replica.broker).for_each(change);
        self.settle();
    }

    /// Stores a message at the first broker as a producer's send would have, and returns its offset. See
    /// [`Broker::seed`] and [`Broker::seed_with`] for more.
    pub fn seed(&mut self, topic: &str, queue: u32, body: impl AsRef<[u8]>) -> i64 {
        let offset = self.broker(0).map_or(-1, |broker| broker.seed(topic, queue, body));
        self.settle();
        offset
    }

    /// Messages of a topic as stored, of all masters.
    pub fn messages(&self, topic: &str) -> Vec<Bytes> {
        self.masters().flat_map(|broker| broker.messages(topic)).collect()
    }

    /// Messages of a topic, of all masters.
    pub fn message_count(&self, topic: &str) -> usize {
        self.masters().map(|broker| broker.message_count(topic)).sum()
    }

    /// Ids of a group's members at the first broker, sorted.
    pub fn members(&self, group: &str) -> Vec<String> {
        self.brokers().next().map(|broker| broker.members(group)).unwrap_or_default()
    }

    /// The sum of what a group has committed for all queues of a topic, at all masters.
    pub fn committed_total(&self, group: &str, topic: &str) -> i64 {
        let offsets = self.masters().flat_map(Broker::committed_offsets);
        offsets
            .filter(|found| *found.group == *group && *found.topic == *topic)
            .map(|found| found.offset)
            .sum()
    }
}
