//! Carrying out what a plan says.

use std::time::Duration;

use rocketmq_engine::Instant;

use super::agenda::Happening;
use super::link::{Cut, CutHow, Way};
use super::plan::{Host, Ignorance, MishapKind, broker_fault};
use super::swarm::TOPIC;
use super::world::World;
use crate::broker::{Restart, TopicConfig};
use crate::cluster::{Cluster, Lag, Node};

/// How long a client that leaves may take.
const LEAVE_GRACE: Duration = Duration::from_secs(5);

impl World {
    /// A mishap begins, or ends.
    pub(super) fn mishap(&mut self, index: usize, begins: bool) {
        let Some(mishap) = self.mishaps.get(index).copied() else { return };
        let until = Instant::ZERO + mishap.end();
        if begins {
            self.begin(mishap.kind, until);
        } else {
            self.finish(mishap.kind, Instant::ZERO + mishap.at);
        }
    }

    fn begin(&mut self, kind: MishapKind, until: Instant) {
        use MishapKind as K;
        match kind {
            K::Cut { client, host, way, after, how } => {
                self.each_lane(client, host, way, |lane| lane.cut = Some(Cut { after, how, until }));
            }
            K::Stall { client, host, way } => {
                self.each_lane(client, host, way, |lane| lane.last_at = lane.last_at.max(until));
            }
            K::Partition { client, host } => {
                self.change_road(client, host, |road| road.closed_until = road.closed_until.max(until));
            }
            K::HalfOpen { client, host } => self.forget_at_host(Some(client), host),
            K::Slow { client, host, millis } => self.change_road(client, host, |road| road.slow(millis)),
            K::Crumbs { client, host, bytes } => {
                self.change_road(client, host, |road| road.crumbs = bytes);
            }
            K::Twice { client, host } => {
                self.each_lane(client, host, Way::Down, |lane| lane.twice = true);
            }
            K::Flip { client, host, bit } => {
                self.each_lane(client, host, Way::Down, |lane| lane.flip = Some(bit));
            }
            K::Refuse { host } => {
                self.change_host(host, |state| state.refuses_until = state.refuses_until.max(until));
            }
            K::Hang { host } => {
                self.change_host(host, |state| state.hangs_until = state.hangs_until.max(until));
            }
            K::KillBroker { broker, dark, .. } => self.kill_broker(broker, dark),
            K::KillClient { client } => self.kill_client(client, until),
            K::Leave { client } => self.leave(client, LEAVE_GRACE),
            K::Pause { client, .. } => self.pause(client, until),
            K::Wall { client, by_ms } => {
                let now = self.now;
                let deadlines = self.client_mut(client).and_then(|node| node.step_wall(by_ms, now));
                if let (Some(deadlines), Some(truth)) = (deadlines, &mut self.truth) {
                    truth.on_wall(client, deadlines);
                }
                self.turn(client);
            }
            K::Routes { server, how } => self.mislead(server, how),
            K::Topic { broker, read, write, perm } => {
                let queues = TopicConfig { read_queues: read, write_queues: write, ..self.topic };
                self.set_topic(broker, queues.perm(perm));
            }
            K::Delete { broker } => self.delete_topic(broker),
            K::Lag { slave, messages } => {
                self.with_cluster(|cluster| cluster.set_lag(slave, Lag::Messages(messages as usize)));
            }
            K::Suggest { broker, replica } => self.suggest(broker, replica),
            K::Switch { slave } => self.switch(slave),
            K::Answer { broker, request, times, wrong } => {
                if let Some(broker) = self.cluster.broker(broker) {
                    broker.inject(broker_fault(request, times, wrong));
                }
            }
        }
    }

    fn finish(&mut self, kind: MishapKind, began: Instant) {
        use MishapKind as K;
        match kind {
            // A cut that did not find its byte is off.
            K::Cut { client, host, way, .. } => self.each_lane(client, host, way, |lane| lane.cut = None),
            K::Slow { client, host, millis } => self.change_road(client, host, |road| road.fast(millis)),
            K::Crumbs { client, host, .. } => self.change_road(client, host, |road| road.crumbs = 0),
            K::Twice { client, host } => {
                self.each_lane(client, host, Way::Down, |lane| lane.twice = false);
            }
            K::Flip { client, host, .. } => {
                self.each_lane(client, host, Way::Down, |lane| lane.flip = None);
            }
            K::KillBroker { broker, tail, stale, .. } => {
                let then = Instant::from_nanos(began.as_nanos().saturating_sub(stale * 1_000_000));
                let restart = Restart::whole().losing_tail(tail);
                let restart = if stale > 0 { restart.offsets_as_of(then) } else { restart };
                self.restart_broker(broker, restart);
            }
            K::Leave { client } => self.return_client(client),
            K::Routes { server, .. } => self.put_right(server),
            K::Topic { broker, .. } | K::Delete { broker } => {
                self.set_topic(broker, self.topic);
            }
            K::Lag { slave, .. } => self.with_cluster(|cluster| cluster.set_lag(slave, Lag::None)),
            K::Suggest { broker, .. } => self.suggest(broker, 0),
            K::Pause { client, clock_stops } => self.note_clock_stop(client, clock_stops),
            K::Answer { broker, .. } => {
                if let Some(broker) = self.cluster.broker(broker) {
                    broker.clear_faults();
                }
            }
            // These end by their time, or are over at once.
            K::Stall { .. }
            | K::Partition { .. }
            | K::HalfOpen { .. }
            | K::Refuse { .. }
            | K::Hang { .. }
            | K::KillClient { .. }
            | K::Switch { .. }
            | K::Wall { .. } => {}
        }
    }

    fn each_lane(
        &mut self,
        client: usize,
        host: Host,
        way: Way,
        mut change: impl FnMut(&mut super::link::Lane),
    ) {
        let Some(host) = self.host_index(host) else { return };
        for id in self.links_between(Some(client), host) {
            if let Some(link) = self.link_mut(id) {
                change(link.lane(way));
            }
        }
    }

    fn change_road(&mut self, client: usize, host: Host, change: impl FnOnce(&mut super::link::Road)) {
        let Some(host) = self.host_index(host) else { return };
        let index = client * self.hosts.len() + host;
        if client < self.clients.len()
            && let Some(road) = self.roads.get_mut(index)
        {
            change(road);
        }
    }

    fn change_host(&mut self, host: Host, change: impl FnOnce(&mut super::world::HostState)) {
        if let Some(state) = self.host_index(host).and_then(|index| self.hosts.get_mut(index)) {
            change(state);
        }
    }

    /// The machine's end of connections is gone; nobody is told.
    fn forget_at_host(&mut self, client: Option<usize>, host: Host) {
        let Some(host) = self.host_index(host) else { return };
        for id in self.links_between(client, host) {
            let Some(link) = self.link_mut(id) else { continue };
            let node = link.node;
            if let Some(peer) = link.peer.take() {
                link.up.lost = true;
                link.down.lost = true;
                self.by_peer.remove(&(node, peer));
                self.cluster.handle_close(node, peer);
            }
            self.reap(id);
            self.drain(node);
        }
    }

    /// From now on the machine takes no connections and those it has are reset; or it takes them again.
    pub fn refuse(&mut self, host: Host, refuses: bool) {
        let until = if refuses { Instant::FAR_FUTURE } else { self.now };
        self.change_host(host, |state| state.refuses_until = until);
        let Some(index) = self.host_index(host).filter(|_| refuses) else { return };
        for id in self.links_between(None, index) {
            self.cut(id, Way::Down, CutHow::Reset);
        }
        self.forget_at_host(None, host);
    }

    // ---- brokers -------------------------------------------------------------------------------------------

    fn kill_broker(&mut self, broker: usize, dark: bool) {
        let Some(host) = self.host_index(Host::Broker(broker)) else { return };
        for id in self.links_between(None, host) {
            let Some(link) = self.link_mut(id) else { continue };
            let Some(peer) = link.peer else { continue };
            let node = link.node;
            if dark {
                link.peer = None;
                link.up.lost = true;
                link.down.lost = true;
            } else {
                self.cut(id, Way::Down, CutHow::Reset);
                if let Some(link) = self.link_mut(id) {
                    link.peer = None;
                }
            }
            self.by_peer.remove(&(node, peer));
            self.cluster.handle_close(node, peer);
            self.reap(id);
        }
        self.change_host(Host::Broker(broker), |state| state.dark = dark);
        self.cluster.kill_broker(broker);
        self.drain(Node::Broker(broker));
    }

    fn restart_broker(&mut self, broker: usize, restart: Restart) {
        let Some(host) = self.host_index(Host::Broker(broker)) else { return };
        self.change_host(Host::Broker(broker), |state| state.dark = false);
        // What stood before the machine went dark is unknown to it now: whoever writes is told so.
        for id in self.links_between(None, host) {
            if let Some(link) = self.link_mut(id) {
                link.up.lost = link.peer.is_some() && link.up.lost;
            }
        }
        self.losing(broker, |cluster| cluster.restart_broker(broker, restart));
    }

    /// The broker may lose messages by what is done.
    fn losing(&mut self, broker: usize, act: impl FnOnce(&mut Cluster)) {
        self.drain_cluster();
        self.with_cluster(act);
        let master = self.cluster.master_of(broker).unwrap_or(broker);
        if let (Some(truth), Some(broker)) = (&mut self.truth, self.cluster.broker(master)) {
            let name = broker.config().broker_name.clone();
            truth.on_lost(&name, |topic, queue| broker.limits(topic, queue).map_or(0, |(_, end)| end));
        }
    }

    /// A slave takes its master's place. Connections stand: clients learn it from routes, or by what they are answered.
    fn switch(&mut self, slave: usize) {
        if self.cluster.is_up(slave)
            && self.cluster.master_of(slave).is_some_and(|master| self.cluster.is_up(master))
        {
            self.losing(slave, |cluster| cluster.switch(slave));
        }
    }

    // ---- topics and routes ---------------------------------------------------------------------------------

    /// What a broker's master has its slaves follow.
    fn set_topic(&mut self, broker: usize, config: TopicConfig) {
        let master = self.cluster.master_of(broker).unwrap_or(broker);
        self.with_cluster(|cluster| cluster.with_broker(master, |broker| broker.set_topic(TOPIC, config)));
    }

    fn delete_topic(&mut self, broker: usize) {
        // A broker that is down cannot be told.
        let master = self.cluster.master_of(broker).filter(|master| self.cluster.is_up(*master));
        let Some(master) = master else { return };
        self.losing(master, |cluster| {
            cluster.with_broker(master, |broker| broker.delete_topic(TOPIC));
        });
    }

    fn suggest(&mut self, broker: usize, replica: i64) {
        self.cluster.with_broker(broker, |broker| broker.suggest_replica(replica));
    }

    fn mislead(&mut self, server: usize, how: Ignorance) {
        let Some(server) = self.cluster.name_server(server) else { return };
        match how {
            Ignorance::Frozen => server.freeze(true),
            Ignorance::Forgets => server.forget_all(),
            Ignorance::Hides => server.hide(TOPIC, true),
        }
    }

    /// The name server is right again. What it missed it hears when brokers register again, as each does every 30
    /// seconds.
    fn put_right(&mut self, server: usize) {
        if let Some(server) = self.cluster.name_server(server) {
            server.freeze(false);
            server.forget_all();
            server.hide(TOPIC, false);
        }
        self.cluster.register_all();
    }

    // ---- clients -------------------------------------------------------------------------------------------

    fn kill_client(&mut self, client: usize, until: Instant) {
        let Some(node) = self.client_mut(client).filter(|node| node.client.is_some()) else { return };
        let links = node.kill();
        if let Some(truth) = &mut self.truth {
            truth.on_killed(client);
        }
        for id in links {
            self.client_side_gone(id, true);
        }
        self.agenda.push(until.max(self.now), Happening::Reborn { client: client as u32 });
    }

    /// Tells a client to stop in order.
    pub(super) fn leave(&mut self, client: usize, grace: Duration) {
        let now = self.now;
        // A process that is paused is told nothing: its clock may stand still.
        if self.client_mut(client).is_some_and(|node| node.paused_until > now) {
            return;
        }
        let moment =
            self.client_mut(client).filter(|node| node.client.is_some()).map(|node| node.moment(now));
        if let (Some(truth), Some(moment)) = (&mut self.truth, moment) {
            truth.on_shutdown(client, grace, moment);
        }
        self.with(client, |client, now| client.shutdown(grace, now));
    }

    /// What was told to stop starts again.
    fn return_client(&mut self, client: usize) {
        let now = self.now;
        self.kill_client(client, now);
    }

    /// A client that was killed starts again.
    pub(super) fn reborn(&mut self, client: usize) {
        if !self.wait_for_resume(client, Happening::Reborn { client: client as u32 })
            && self.client_mut(client).is_some_and(|node| node.client.is_none())
        {
            self.start_client(client);
        }
    }

    fn pause(&mut self, client: usize, until: Instant) {
        let now = self.now;
        let Some(node) = self.client_mut(client) else { return };
        if node.paused_until <= now {
            node.paused_at = now;
        }
        node.paused_until = node.paused_until.max(until);
        let at = node.paused_until;
        self.agenda.push(at, Happening::Resume { client: client as u32 });
    }

    fn note_clock_stop(&mut self, client: usize, clock_stops: bool) {
        let now = self.now;
        if let Some(node) = self.client_mut(client).filter(|node| clock_stops && node.paused_until <= now) {
            let from = node.paused_at;
            node.clock.stood_still(from, now);
        }
    }

    /// A paused client goes on.
    pub(super) fn resume(&mut self, client: usize) {
        let now = self.now;
        let Some(node) = self.client_mut(client).filter(|node| node.paused_until <= now) else { return };
        node.running_since = node.clock.local(now);
        node.tell_wall(now);
        if let Some(truth) = &mut self.truth {
            truth.on_pause();
        }
        self.turn(client);
    }
}
