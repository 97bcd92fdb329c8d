//! The network: dials, bytes under way, ends of connections.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use rocketmq_engine::{Client, CloseHow, ConnId, Endpoint, Instant, TransportError};

use super::agenda::Happening;
use super::client::ClientNode;
use super::link::{CutHow, Link, LinkId, Passed, Way};
use super::plan::Host;
use super::world::World;
use crate::cluster::Node;

/// A server closes a connection on which nothing came for so long (Java `serverChannelMaxIdleTimeSeconds`).
const SERVER_IDLE: Duration = Duration::from_secs(120);

impl World {
    pub(super) fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(id.index as usize).filter(|slot| slot.0 == id.generation)?.1.as_ref()
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(id.index as usize).filter(|slot| slot.0 == id.generation)?.1.as_mut()
    }

    fn insert_link(&mut self, link: Link) -> LinkId {
        let index = self.free_links.pop().unwrap_or_else(|| {
            self.links.push((0, None));
            self.links.len() as u32 - 1
        });
        let slot = &mut self.links[index as usize];
        slot.1 = Some(link);
        LinkId { index, generation: slot.0 }
    }

    /// Forgets a connection that neither side knows any more.
    pub(super) fn reap(&mut self, id: LinkId) {
        if self.link(id).is_some_and(|link| !link.client_side && link.peer.is_none())
            && let Some(slot) = self.links.get_mut(id.index as usize)
        {
            *slot = (slot.0.wrapping_add(1), None);
            self.free_links.push(id.index);
        }
    }

    pub(super) fn host_index(&self, host: Host) -> Option<usize> {
        self.hosts.iter().position(|state| state.host == host)
    }

    /// Connections of a client, or of all, with a machine.
    pub(super) fn links_between(&self, client: Option<usize>, host: usize) -> Vec<LinkId> {
        let wanted = |link: &Link| link.host == host && client.is_none_or(|client| link.client == client);
        let found = self.links.iter().enumerate().filter(|(_, (_, link))| link.as_ref().is_some_and(wanted));
        found.map(|(index, slot)| LinkId { index: index as u32, generation: slot.0 }).collect()
    }

    /// How long the next byte takes between a client and a machine.
    fn hop(&mut self, client: usize, host: usize) -> Duration {
        let Some(road) = self.roads.get(client * self.hosts.len() + host) else { return Duration::ZERO };
        let jitter = road.jitter.as_nanos() as u64;
        road.latency + Duration::from_nanos(if jitter == 0 { 0 } else { self.rng.below(jitter) })
    }

    // ---- dialling ------------------------------------------------------------------------------------------

    pub(super) fn dial(&mut self, node: &mut ClientNode, conn: ConnId, endpoint: &Endpoint) {
        self.digest.word(3);
        self.digest.bytes(endpoint.host().as_bytes());
        self.stats.dials += 1;
        let found = self.hosts.iter().enumerate().find(|(_, state)| state.name == endpoint.host());
        let Some((host, machine)) = found.map(|(host, state)| (host, state.node)) else {
            // Nobody has that name: the answer comes at once, as from a resolver's cache.
            let local = node.clock.local(self.now);
            if let Some(client) = &mut node.client {
                client.handle_connect_failed(conn, TransportError::NameNotFound, local);
            }
            return;
        };
        if let Some(truth) = &mut self.truth {
            let links = &self.links;
            let to_host = |id: &LinkId| {
                links.get(id.index as usize).and_then(|slot| slot.1.as_ref()).is_some_and(|l| l.host == host)
            };
            truth.on_dial(node.index, host, node.links().filter(to_host).count());
        }
        let link = self.insert_link(Link::new(node.index, conn, host, machine));
        node.add_link(conn, link);
        let at = self.now + self.hop(node.index, host) * 2;
        self.agenda.push(at, Happening::Dialled { link });
    }

    /// A dial's answer arrives, if there is one.
    pub(super) fn dialled(&mut self, id: LinkId) {
        let Some(&Link { client, host, node: machine, conn, .. }) = self.link(id) else { return };
        if self.wait_for_resume(client, Happening::Dialled { link: id }) || self.is_deaf(client, host) {
            return;
        }
        let from = SocketAddr::from(([10, 1, (client / 250) as u8, (client % 250 + 1) as u8], 40_000));
        let refuses = self.hosts.get(host).is_none_or(|state| state.refuses_until > self.now);
        let peer = if refuses { None } else { self.cluster.handle_open(machine, from) };
        if let Some(link) = self.link_mut(id) {
            link.peer = peer;
            link.open = peer.is_some();
            link.client_side = peer.is_some();
        }
        if let Some(peer) = peer {
            self.by_peer.insert((machine, peer), id);
        }
        let now = self.now;
        if let Some(node) = self.client_mut(client) {
            let local = node.clock.local(now);
            if peer.is_none() {
                node.remove_link(conn);
            }
            match (&mut node.client, peer) {
                (Some(engine), Some(_)) => engine.handle_connected(conn, local),
                (Some(engine), None) => engine.handle_connect_failed(conn, TransportError::Refused, local),
                (None, _) => {}
            }
        }
        self.reap(id);
        self.turn(client);
    }

    /// A dial gets no answer, ever: the client gives up by itself.
    fn is_deaf(&self, client: usize, host: usize) -> bool {
        let (Some(state), Some(road)) =
            (self.hosts.get(host), self.roads.get(client * self.hosts.len() + host))
        else {
            return true;
        };
        road.closed_until > self.now || state.hangs_until > self.now || state.dark
    }

    // ---- bytes ---------------------------------------------------------------------------------------------

    /// Moves what a client wants written onto the network, as far as there is room.
    pub(super) fn flush_up(&mut self, client: &mut Client, local: Instant, id: LinkId) {
        while let Some(&Link { client: owner, host, conn, .. }) = self.link(id).filter(|link| link.open) {
            if !client.has_pending_write(conn) {
                return;
            }
            let small = self.small_writes(owner, host);
            let Some((_, Some(link))) = self.links.get_mut(id.index as usize) else { return };
            let room = self.window.saturating_sub(link.up.len()).min(small);
            if room == 0 {
                link.up.room_wanted = true;
                return;
            }
            let mut slices: [&[u8]; 16] = [&[]; 16];
            let count = client.write_slices(conn, &mut slices);
            let (mut taken, mut passed) = (0, Passed::default());
            for slice in slices.iter().take(count) {
                let part = slice.get(..slice.len().min(room - taken)).unwrap_or_default();
                self.digest.bytes(part);
                if let Some(truth) = &mut self.truth {
                    truth.on_written(id, owner, host, part);
                }
                link.up.admit(part, &mut passed);
                taken += part.len();
            }
            client.handle_written(conn, taken, local);
            self.carry(id, Way::Up, passed);
            if small < usize::MAX {
                return self.room_later(id, Way::Up);
            }
        }
    }

    /// Moves what a machine wants written onto the network, as far as there is room.
    fn flush_down(&mut self, id: LinkId) {
        while let Some(&Link { client, host, node, peer: Some(peer), .. }) = self.link(id) {
            let small = self.small_writes(client, host);
            let Some((_, Some(link))) = self.links.get_mut(id.index as usize) else { return };
            let output = self.cluster.output(node, peer);
            if output.is_empty() {
                return;
            }
            let room = self.window.saturating_sub(link.down.len()).min(small);
            if room == 0 {
                link.down.room_wanted = true;
                return;
            }
            let (taken, mut passed) = (output.len().min(room), Passed::default());
            let part = output.get(..taken).unwrap_or_default();
            link.down.admit(part, &mut passed);
            if taken == output.len() && std::mem::take(&mut link.down.twice) {
                link.down.admit(part, &mut passed);
            }
            self.cluster.handle_written(node, peer, taken);
            self.carry(id, Way::Down, passed);
            if small < usize::MAX {
                return self.room_later(id, Way::Down);
            }
        }
    }

    fn small_writes(&self, client: usize, host: usize) -> usize {
        let road = self.roads.get(client * self.hosts.len() + host);
        road.map(|road| road.crumbs as usize).filter(|most| *most > 0).unwrap_or(usize::MAX)
    }

    fn room_later(&mut self, id: LinkId, way: Way) {
        let pause = Duration::from_micros(self.rng.range(10, 200));
        self.agenda.push(self.now + pause, Happening::Room { link: id, way });
    }

    /// There may be room again.
    pub(super) fn room(&mut self, id: LinkId, way: Way) {
        match way {
            Way::Down => {
                self.flush_down(id);
                if let Some(node) = self.link(id).map(|link| link.node) {
                    self.drain_closes(node);
                }
            }
            Way::Up => {
                let Some(owner) = self.link(id).map(|link| link.client) else { return };
                if self.wait_for_resume(owner, Happening::Room { link: id, way }) {
                    return;
                }
                let Some(mut node) = self.clients.get_mut(owner).and_then(Option::take) else { return };
                let local = node.clock.local(self.now);
                if let Some(client) = &mut node.client {
                    self.flush_up(client, local, id);
                }
                if let Some(place) = self.clients.get_mut(owner) {
                    *place = Some(node);
                }
                self.turn(owner);
            }
        }
    }

    /// Puts arrivals of bytes on the agenda, and what a cut does.
    fn carry(&mut self, id: LinkId, way: Way, passed: Passed) {
        self.schedule(id, way, passed.before);
        let Some(cut) = passed.cut else { return };
        self.stats.cuts += 1;
        if cut.how == CutHow::Stall {
            if let Some(link) = self.link_mut(id) {
                let lane = link.lane(way);
                lane.last_at = lane.last_at.max(cut.until);
            }
            self.schedule(id, way, passed.behind);
        } else {
            self.cut(id, way, cut.how);
        }
    }

    /// The connection ends for the receiver of `way` when all has arrived, and for the sender a little later.
    pub(super) fn cut(&mut self, id: LinkId, way: Way, how: CutHow) {
        let now = self.now;
        let Some(&Link { client, host, .. }) = self.link(id) else { return };
        let (first, second) = (self.hop(client, host), self.hop(client, host));
        let Some(link) = self.link_mut(id) else { return };
        link.up.lost = true;
        link.down.lost = true;
        let at = link.lane(way).last_at.max(now) + first;
        let reset = how == CutHow::Reset;
        if reset {
            link.lane(way.other()).lose();
        }
        if how == CutHow::Silent {
            // What is held back on its way still arrives.
            let silent_from = link.down.last_at.max(now);
            if let Some(truth) = &mut self.truth {
                truth.at(now);
                truth.on_link_lost(id, silent_from);
            }
            self.agenda.push(now + SERVER_IDLE, Happening::End { link: id, way: Way::Up, reset: true });
        } else {
            self.agenda.push(at, Happening::End { link: id, way, reset });
            self.agenda.push(at + second, Happening::End { link: id, way: way.other(), reset });
        }
    }

    fn schedule(&mut self, id: LinkId, way: Way, bytes: usize) {
        let Some(&Link { client, host, .. }) = self.link(id) else { return };
        let Some(road) = self.roads.get(client * self.hosts.len() + host).copied() else { return };
        let mut at = self.now.max(road.closed_until) + self.hop(client, host);
        let Some((_, Some(link))) = self.links.get_mut(id.index as usize) else { return };
        let lane = link.lane(way);
        at = at.max(lane.last_at);
        let mut left = bytes as u32;
        while left > 0 {
            let n =
                if road.crumbs == 0 { left } else { self.rng.range(1, road.crumbs.min(left).into()) as u32 };
            self.agenda.push(at, Happening::Arrive { link: id, way, bytes: n });
            lane.last_at = at;
            left -= n;
            if left > 0 {
                at = at + Duration::from_micros(self.rng.below(100));
            }
        }
    }

    /// Bytes arrive.
    pub(super) fn arrive(&mut self, id: LinkId, way: Way, bytes: u32) {
        match way {
            Way::Up => self.arrive_up(id, bytes as usize),
            Way::Down => self.arrive_down(id, bytes),
        }
    }

    fn arrive_up(&mut self, id: LinkId, bytes: usize) {
        let now = self.cluster_now();
        let Some((_, Some(link))) =
            self.links.get_mut(id.index as usize).filter(|slot| slot.0 == id.generation)
        else {
            return;
        };
        let (machine, client, host) = (link.node, link.client, link.host);
        let part = link.up.front(bytes);
        match link.peer {
            Some(peer) => {
                self.stats.bytes_up += part.len() as u64;
                self.cluster.handle_bytes(machine, peer, part, now);
                link.up.pop(bytes);
                let wanted = std::mem::take(&mut link.up.room_wanted);
                self.drain(machine);
                if wanted {
                    self.room(id, Way::Up);
                }
            }
            // The machine does not know this connection: it says so, if it runs.
            None => {
                link.up.lose();
                if self.hosts.get(host).is_some_and(|state| !state.dark) {
                    let at = now.instant + self.hop(client, host);
                    self.agenda.push(at, Happening::End { link: id, way: Way::Down, reset: true });
                }
            }
        }
    }

    fn arrive_down(&mut self, id: LinkId, bytes: u32) {
        let Some(&Link { client, read_paused, client_side, .. }) = self.link(id) else { return };
        if self.wait_for_resume(client, Happening::Arrive { link: id, way: Way::Down, bytes }) {
            return;
        }
        let Some(link) = self.link_mut(id) else { return };
        if !client_side {
            link.down.pop(bytes as usize);
        } else if read_paused {
            link.held += bytes;
        } else {
            self.hand_in(id, bytes as usize);
            self.turn(client);
        }
        if self.link_mut(id).is_some_and(|link| std::mem::take(&mut link.down.room_wanted)) {
            self.room(id, Way::Down);
        }
    }

    /// Gives a client bytes, by the way of handing them in that this connection uses.
    fn hand_in(&mut self, id: LinkId, bytes: usize) {
        let now = self.now;
        let Some((_, Some(link))) = self.links.get_mut(id.index as usize) else { return };
        let Some(node) = self.clients.get_mut(link.client).and_then(Option::as_deref_mut) else { return };
        let local = node.clock.local(now);
        let Some(client) = &mut node.client else { return };
        let part = link.down.front(bytes);
        self.stats.bytes_down += part.len() as u64;
        if let Some(truth) = &mut self.truth {
            truth.on_read(id, part);
        }
        match id.index % 4 {
            0 => client.handle_slice(link.conn, part, local),
            1 => client.handle_bytes(link.conn, Bytes::copy_from_slice(part), local),
            _ => read_into(client, link.conn, part, local),
        }
        link.down.pop(bytes);
    }

    // ---- ends ----------------------------------------------------------------------------------------------

    /// The end of a connection reaches the receiver of `way`.
    pub(super) fn end(&mut self, id: LinkId, way: Way, reset: bool) {
        let Some(&Link { client, node: machine, conn, peer, client_side, read_paused, .. }) = self.link(id)
        else {
            return;
        };
        if way == Way::Up {
            if let Some(peer) = peer {
                self.cluster.handle_close(machine, peer);
                self.by_peer.remove(&(machine, peer));
                if let Some(link) = self.link_mut(id) {
                    link.peer = None;
                }
                self.drain(machine);
            }
        } else if client_side {
            if self.wait_for_resume(client, Happening::End { link: id, way, reset }) {
                return;
            }
            if read_paused && !reset {
                if let Some(link) = self.link_mut(id) {
                    link.held_end = true;
                }
                return;
            }
            let now = self.now;
            if let Some(node) = self.client_mut(client) {
                let local = node.clock.local(now);
                match &mut node.client {
                    Some(client) if reset => {
                        client.handle_transport_error(conn, TransportError::Reset, local);
                    }
                    Some(client) => client.handle_eof(conn, local),
                    None => {}
                }
            }
            self.turn(client);
        }
        self.reap(id);
    }

    /// A client closes a connection, or is done with one that ended.
    pub(super) fn close_by_client(&mut self, node: &mut ClientNode, conn: ConnId, how: CloseHow) {
        self.digest.word(4);
        if let Some(id) = node.remove_link(conn) {
            self.client_side_gone(id, how == CloseHow::Abort);
        }
    }

    pub(super) fn client_side_gone(&mut self, id: LinkId, abort: bool) {
        let Some(&Link { client, host, .. }) = self.link(id) else { return };
        let hop = self.hop(client, host);
        let now = self.now;
        let Some(link) = self.link_mut(id) else { return };
        link.client_side = false;
        if let Some(truth) = &mut self.truth {
            truth.at(now);
            truth.on_link_end(id, client, host);
        }
        let Some((_, Some(link))) = self.links.get_mut(id.index as usize) else { return };
        let silent = link.up.lost;
        let at = link.up.last_at.max(now + hop);
        if abort {
            link.up.lose();
        }
        if link.peer.is_some() && !silent {
            self.agenda.push(at, Happening::End { link: id, way: Way::Up, reset: abort });
        }
        self.reap(id);
    }

    pub(super) fn set_read(&mut self, node: &mut ClientNode, conn: ConnId, enabled: bool) {
        self.digest.word(5 + u64::from(enabled));
        let Some(id) = node.link_of(conn) else { return };
        let now = self.now;
        let Some(link) = self.link_mut(id) else { return };
        link.read_paused = !enabled;
        let (held, end) = (link.held, link.held_end);
        if enabled && (held > 0 || end) {
            link.held = 0;
            link.held_end = false;
            if held > 0 {
                self.agenda.push(now, Happening::Arrive { link: id, way: Way::Down, bytes: held });
            }
            if end {
                self.agenda.push(now, Happening::End { link: id, way: Way::Down, reset: false });
            }
        }
    }

    // ---- the cluster's output ------------------------------------------------------------------------------

    /// Sends what one machine has to say and closes what it wants closed.
    pub(super) fn drain(&mut self, node: Node) {
        self.judge_machine(node);
        while let Some(peer) = self.cluster.poll_output(node) {
            if let Some(id) = self.by_peer.get(&(node, peer)).copied() {
                self.flush_down(id);
            }
        }
        self.drain_closes(node);
        self.watch_machine(node);
    }

    fn drain_closes(&mut self, node: Node) {
        while let Some(peer) = self.cluster.poll_close(node) {
            let Some(id) = self.by_peer.remove(&(node, peer)) else { continue };
            let Some(&Link { client, host, .. }) = self.link(id) else { continue };
            let at = self.now + self.hop(client, host);
            if let Some(link) = self.link_mut(id) {
                link.peer = None;
                let at = link.down.last_at.max(at);
                let silent = std::mem::replace(&mut link.down.lost, true);
                if !silent {
                    self.agenda.push(at, Happening::End { link: id, way: Way::Down, reset: false });
                }
            }
            self.reap(id);
        }
    }

    /// The same for all machines.
    pub(super) fn drain_cluster(&mut self) {
        for node in self.cluster.nodes() {
            self.drain(node);
        }
    }
}

/// Reads as a driver that owns a socket does.
fn read_into(client: &mut Client, conn: ConnId, mut part: &[u8], now: Instant) {
    while !part.is_empty() {
        let Some(buffer) = client.read_buf(conn) else {
            // Reading pauses, or the connection has ended: what was read already is not lost.
            return client.handle_slice(conn, part, now);
        };
        let n = buffer.len().min(part.len());
        let (now_in, rest) = part.split_at(n);
        buffer.iter_mut().zip(now_in).for_each(|(to, from)| *to = *from);
        client.handle_read(conn, n, now);
        part = rest;
    }
}
