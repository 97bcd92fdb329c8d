//! Machines ending and starting again, replicas following their masters, strangers at an address.

use std::time::Duration;

use rocketmq_engine::Instant;

use super::{Cluster, Replica};
use crate::broker::{Broker, BrokerConfig, Restart};
use crate::peer::Now;

/// How often a slave takes over its master's offsets (Java `SlaveSynchronize`).
const SYNCHRONIZED_EVERY: Duration = Duration::from_secs(10);

/// How far a slave is behind its master.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lag {
    /// It has every message at once.
    #[default]
    None,
    /// It is so many messages behind.
    Messages(usize),
    /// It gets nothing, offsets included.
    Stopped,
}

impl Lag {
    fn messages(self) -> Option<usize> {
        match self {
            Self::None => Some(0),
            Self::Messages(lag) => Some(lag),
            Self::Stopped => None,
        }
    }
}

impl Cluster {
    /// Whether a broker runs.
    pub fn is_up(&self, index: usize) -> bool {
        self.replicas.get(index).is_some_and(|replica| replica.up)
    }

    /// Stops a broker: what it had to say still leaves, connections end, its routes go, what it stored stays.
    pub fn stop_broker(&mut self, index: usize) {
        self.end(index, Broker::handle_stop);
    }

    /// Kills a broker: connections end at once, with all that had not left. Name servers notice.
    pub fn kill_broker(&mut self, index: usize) {
        self.end(index, Broker::handle_kill);
    }

    fn end(&mut self, index: usize, how: impl FnOnce(&mut Broker)) {
        let Some(replica) = self.replicas.get_mut(index).filter(|replica| replica.up) else { return };
        replica.up = false;
        how(&mut replica.broker);
        let (name, address) = (&replica.broker.config().broker_name, replica.broker.address());
        self.name_servers.iter_mut().for_each(|name_server| name_server.unregister(name, address));
    }

    /// Starts it again, with what it had stored.
    pub fn start_broker(&mut self, index: usize) {
        self.restart_broker(index, Restart::whole());
    }

    /// Starts it again, without what it lost. A broker that runs is killed first. What a master has lost its slaves cut
    /// off (as with a controller, `AutoSwitchHAClient`).
    pub fn restart_broker(&mut self, index: usize, restart: Restart) {
        self.kill_broker(index);
        let Some(replica) = self.replicas.get_mut(index) else { return };
        replica.up = true;
        replica.broker.handle_restart(restart);
        let (end, is_master) = (replica.broker.end(), replica.broker.is_master());
        for slave in (0..self.replicas.len()).filter(|slave| is_master && *slave != index) {
            if self.master_of(slave) == Some(index)
                && let Some(follower) = self.replicas.get_mut(slave)
            {
                let id = follower.broker.id();
                follower.broker.become_replica(id, Some(end));
            }
        }
        self.settle();
    }

    /// Puts another broker at the address of this one, empty and of another name or cluster; name servers are told
    /// only if `announced`. They notice that the old one is gone, unless they are
    /// [frozen](crate::NameServer::freeze) before: then routes lead to the stranger. The one that was there is handed
    /// back for [`put_back`](Self::put_back).
    pub fn replace_broker(&mut self, index: usize, config: BrokerConfig, announced: bool) -> Option<Broker> {
        self.kill_broker(index);
        let replica = self.replicas.get_mut(index)?;
        let mut other = replica.broker.successor(config);
        if !announced {
            other.take_registration();
        }
        replica.up = true;
        let before = std::mem::replace(&mut replica.broker, other);
        self.settle();
        Some(before)
    }

    /// Puts a broker to where it was before.
    pub fn put_back(&mut self, index: usize, mut broker: Broker) {
        self.kill_broker(index);
        if let Some(replica) = self.replicas.get_mut(index) {
            broker.follow_numbers(&replica.broker);
            broker.handle_restart(Restart::whole());
            replica.broker = broker;
            replica.up = true;
        }
        self.settle();
    }

    // ---- replicas ------------------------------------------------------------------------------------------

    /// How far a slave is behind.
    pub fn set_lag(&mut self, slave: usize, lag: Lag) {
        if let Some(replica) = self.replicas.get_mut(slave) {
            replica.lag = lag;
        }
        self.settle();
    }

    /// The slave takes its master's place, the master becomes the slave; what the new master does not have is lost.
    pub fn switch(&mut self, slave: usize) {
        let Some(master) = self.master_of(slave).filter(|master| *master != slave) else { return };
        let Some(id) = self.replicas.get(slave).map(|replica| replica.broker.id()) else { return };
        let end = self.replicas.get(slave).map(|replica| replica.broker.end());
        if let Ok([new, old]) = self.replicas.get_disjoint_mut([slave, master]) {
            new.broker.take_over_delayed(&mut old.broker);
        }
        if let Some(replica) = self.replicas.get_mut(master) {
            replica.broker.become_replica(id, end);
        }
        if let Some(replica) = self.replicas.get_mut(slave) {
            replica.broker.become_replica(0, None);
        }
        self.settle();
    }

    /// The index of the master of a broker's name.
    pub fn master_of(&self, index: usize) -> Option<usize> {
        let name = &self.replicas.get(index)?.broker.config().broker_name;
        let master =
            |replica: &Replica| replica.broker.is_master() && replica.broker.config().broker_name == *name;
        self.replicas.iter().position(master)
    }

    /// Slaves whose masters run, with the masters.
    fn following(&self) -> Vec<(usize, usize)> {
        let slaves = (0..self.replicas.len()).filter(|index| self.is_up(*index));
        let pairs = slaves.filter_map(|slave| Some((slave, self.master_of(slave)?)));
        pairs.filter(|(slave, master)| slave != master && self.is_up(*master)).collect()
    }

    pub(super) fn replicate(&mut self) {
        for (slave, master) in self.following() {
            let Ok([follower, leader]) = self.replicas.get_disjoint_mut([slave, master]) else { continue };
            if let Some(lag) = follower.lag.messages() {
                follower.broker.replicate(&leader.broker, lag);
            }
        }
    }

    /// A slave takes over its master's offsets every 10 seconds; nobody sees the difference if that happens when
    /// somebody asks.
    pub(super) fn synchronize(&mut self, slave: usize, now: Now) {
        if self.replicas.len() == self.masters {
            return;
        }
        let Some(master) = self.master_of(slave).filter(|master| *master != slave && self.is_up(*master))
        else {
            return;
        };
        let every = SYNCHRONIZED_EVERY.as_nanos() as u64;
        let then = Instant::from_nanos(now.instant.as_nanos() / every * every);
        let Ok([follower, leader]) = self.replicas.get_disjoint_mut([slave, master]) else { return };
        if follower.lag != Lag::Stopped && follower.synchronized.is_none_or(|last| last < then) {
            follower.synchronized = Some(then);
            follower.broker.synchronize(&leader.broker, then);
        }
    }
}
