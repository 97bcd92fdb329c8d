//! Connections: opened, dialled again after a back-off, closed.

use alloc::vec::Vec;

use super::stream::Reader;
use super::{Link, LinkState, Net, Noted, Question};
use crate::client::action::{Action, CloseHow};
use crate::client::backoff::Backoff;
use crate::client::call::{CallFailure, Purpose};
use crate::client::endpoint::{Endpoint, Role};
use crate::client::ids::ConnId;
use crate::connection::{Core, Ended};
use crate::error::{CloseCause, RequestFailure, TransportError};
use crate::time::Instant;

impl Net {
    /// The connection to an endpoint, dialled if there is none. After a failure it is dialled only when its
    /// back-off is over; what is asked meanwhile waits in its write queue.
    /// `None` when the client stops.
    pub(super) fn open(&mut self, endpoint: &Endpoint, now: Instant) -> Option<ConnId> {
        if let Some(conn) = self.by_endpoint.get(endpoint) {
            return Some(*conn);
        }
        if self.closing {
            return None;
        }
        let core = Core::new(self.connection.clone(), self.rng.next() as u32);
        let connecting = LinkState::Connecting(now + self.config.connect_timeout);
        let link = Link {
            endpoint: endpoint.clone(),
            state: connecting,
            core,
            reader: Reader::default(),
            write_announced: false,
            last_traffic: now,
            unanswered_since: None,
            proven: false,
            suspect: false,
            question: Question::NotBefore(now),
            draining: false,
            greeting: false,
            greeted: 0,
            registered: 0,
            noted: Noted(0),
        };
        let (index, generation) = self.links.insert(link);
        let conn = ConnId { index, generation };
        self.by_endpoint.insert(endpoint.clone(), conn);
        self.probes_changed = true;
        self.dial_or_wait(conn, now);
        if endpoint.role() != Role::NameServer && !self.greeting.is_empty() {
            self.say_greeting(conn, now);
        }
        Some(conn)
    }

    fn dial_or_wait(&mut self, conn: ConnId, now: Instant) {
        let until = self.endpoint(conn).and_then(|endpoint| self.backoffs.get(endpoint)).map(Backoff::until);
        match (until.filter(|until| *until > now), self.link_mut(conn)) {
            (Some(until), Some(link)) => {
                link.state = LinkState::Backoff(until);
                self.reschedule(conn);
            }
            _ => self.dial(conn, now),
        }
    }

    pub(super) fn dial(&mut self, conn: ConnId, now: Instant) {
        let until = now + self.config.connect_timeout;
        let Some(link) = self.link_mut(conn) else { return };
        link.state = LinkState::Connecting(until);
        let endpoint = link.endpoint.clone();
        self.actions.push_back(Action::Connect { conn, endpoint });
        self.reschedule(conn);
    }

    /// False if it is not waited for.
    pub(crate) fn handle_connected(&mut self, conn: ConnId, now: Instant) -> bool {
        let Some(link) = self.link_mut(conn) else { return false };
        if !matches!(link.state, LinkState::Connecting(_)) {
            return false;
        }
        link.state = LinkState::Open;
        link.last_traffic = now;
        let endpoint = link.endpoint.clone();
        self.stats.connects += 1;
        self.announce_write(conn);
        if self.paused && endpoint.role() != Role::NameServer {
            self.actions.push_back(Action::SetRead { conn, enabled: false });
        }
        true
    }

    /// The driver could not connect: everything queued fails as not written.
    pub(crate) fn handle_connect_failed(
        &mut self,
        conn: ConnId,
        error: TransportError,
        now: Instant,
    ) -> Vec<(Purpose, CallFailure)> {
        let Some(link) = self.link_mut(conn) else { return Vec::new() };
        if link.state == LinkState::Open {
            return Vec::new();
        }
        let endpoint = link.endpoint.clone();
        link.core.set_closed(CloseCause::Transport(error));
        self.count_failure(&endpoint, now);
        self.stats.connect_failures += 1;
        let mut failed = self.forget(conn);
        for (_, failure) in &mut failed {
            if let RequestFailure::ConnectionLost(_) = failure.cause {
                failure.cause = RequestFailure::ConnectFailed(error);
            }
        }
        failed
    }

    /// A connection that took too long to make: the driver is told to forget it.
    pub(crate) fn give_up_connecting(&mut self, conn: ConnId, now: Instant) -> Vec<(Purpose, CallFailure)> {
        let failed = self.handle_connect_failed(conn, TransportError::TimedOut, now);
        self.actions.push_back(Action::Close { conn, how: CloseHow::Abort });
        failed
    }

    fn count_failure(&mut self, endpoint: &Endpoint, now: Instant) {
        let (first, most) = (self.config.backoff_first, self.config.backoff_most);
        let mut backoff = self.backoffs.get(endpoint).copied().unwrap_or_default();
        backoff.fail(first, most, &mut self.rng, now);
        self.backoffs.insert(endpoint.clone(), backoff);
        self.probes_changed = true;
    }

    /// Removes a connection; what waited on it is returned with its failure.
    fn forget(&mut self, conn: ConnId) -> Vec<(Purpose, CallFailure)> {
        let Some(mut link) = self.links.remove(conn.index, conn.generation) else { return Vec::new() };
        self.deadlines.set(conn.index(), Instant::FAR_FUTURE);
        self.noted_out.0 -= link.noted.0;
        self.spare.forget(&link.reader);
        self.probes_changed = true;
        if self.by_endpoint.get(&link.endpoint) == Some(&conn) {
            self.by_endpoint.remove(&link.endpoint);
        }
        let mut failed = Vec::new();
        while let Some(ended) = link.core.finish() {
            if let Ended::Failed { context, progress, cause, .. } = ended {
                failed.push((context, CallFailure { progress, cause }));
            }
        }
        failed
    }

    /// The connection said its last word: tells the driver to drop the socket.
    pub(crate) fn on_closed(&mut self, conn: ConnId, cause: &CloseCause, now: Instant) {
        let how = match cause {
            CloseCause::Local => CloseHow::Graceful,
            _ => CloseHow::Abort,
        };
        if !matches!(cause, CloseCause::Local)
            && let Some(endpoint) = self.endpoint(conn).cloned()
        {
            self.count_failure(&endpoint, now);
        }
        self.stats.closes += 1;
        let _ = self.forget(conn);
        self.actions.push_back(Action::Close { conn, how });
    }

    /// The peer is about to go (GO_AWAY): a new connection takes over, this one is closed when all is answered.
    pub(crate) fn drain(&mut self, conn: ConnId, now: Instant) {
        let Some(link) = self.link_mut(conn).filter(|link| !link.draining) else { return };
        link.draining = true;
        let endpoint = link.endpoint.clone();
        if self.by_endpoint.get(&endpoint) == Some(&conn) {
            self.by_endpoint.remove(&endpoint);
            self.probes_changed = true;
        }
        for broker in &mut self.brokers {
            broker.master = broker.master.filter(|master| *master != conn);
        }
        // A peer that sends everybody away is not asked for connections without pause.
        self.count_failure(&endpoint, now);
    }

    /// Whether somebody waits for answers from an endpoint.
    pub(super) fn is_asked(&self, endpoint: &Endpoint) -> bool {
        let link = self.by_endpoint.get(endpoint).and_then(|conn| self.link(*conn));
        link.is_some_and(|link| link.core.in_flight() > 0)
    }

    /// Nothing is asked of an endpoint any more: its connection closes.
    pub(super) fn leave(&mut self, endpoint: &Endpoint) -> Option<ConnId> {
        self.backoffs.remove(endpoint);
        self.probes_changed = true;
        let conn = self.by_endpoint.remove(endpoint)?;
        self.link_mut(conn)?.core.set_closed(CloseCause::Local);
        Some(conn)
    }

    /// Closes every connection once its queue is empty, and opens no other.
    pub(crate) fn close_all(&mut self) -> Vec<ConnId> {
        self.closing = true;
        let conns: Vec<ConnId> = self.connections().map(|(conn, _)| conn).collect();
        for conn in &conns {
            if let Some(link) = self.link_mut(*conn) {
                match link.state {
                    LinkState::Open => link.core.close(),
                    _ => link.core.set_closed(CloseCause::Local),
                }
            }
        }
        conns
    }

    /// Closes every connection at once.
    pub(crate) fn abort_all(&mut self) -> Vec<ConnId> {
        let conns: Vec<ConnId> = self.connections().map(|(conn, _)| conn).collect();
        for conn in &conns {
            if let Some(link) = self.link_mut(*conn) {
                link.core.set_closed(CloseCause::Local);
            }
        }
        conns
    }
}
