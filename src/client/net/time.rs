//! What becomes due on connections.

use alloc::vec::Vec;

use super::{Link, LinkState, Net, Question};
use crate::client::endpoint::Role;
use crate::client::ids::ConnId;
use crate::error::{CloseCause, TransportError};
use crate::time::{Instant, Nanos};

impl Link {
    /// When something becomes due on it.
    #[inline]
    fn deadline(&self, idle: Nanos, half_silence: Nanos) -> Instant {
        let own = match self.state {
            LinkState::Backoff(until) | LinkState::Connecting(until) => until,
            LinkState::Open => {
                let unused =
                    if self.core.in_flight() == 0 { self.last_traffic + idle } else { Instant::FAR_FUTURE };
                let silent = self.silent_at(half_silence);
                let question = if let Question::At(at) = self.question { at } else { Instant::FAR_FUTURE };
                unused.min(silent).min(question)
            }
        };
        self.core.next_deadline().map_or(own, |deadline| own.min(deadline))
    }

    /// When the peer will have said nothing for too long.
    #[inline]
    fn silent_at(&self, half_silence: Nanos) -> Instant {
        self.unanswered_since.map_or(Instant::FAR_FUTURE, |since| since + half_silence + half_silence)
    }
}

impl Net {
    /// Brings connections up to `now`: dials what may be dialled again, gives up what did not connect, expires
    /// requests, closes what nobody has used for long. Returns those that have something to say.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<ConnId> {
        let mut due = Vec::new();
        let (idle, half_silence) = (self.idle, self.half_silence());
        if self.next_probe().is_some_and(|at| at <= now) {
            self.probe(now);
        }
        self.find_deadlines();
        while let Some(index) = self.deadlines.due(now) {
            // Whoever handles the connection sets its next deadline.
            self.deadlines.set(index, Instant::FAR_FUTURE);
            let Some(generation) = self.links.generation(index as u32) else { continue };
            let conn = ConnId { index: index as u32, generation };
            let Some(link) = self.link_mut(conn) else { continue };
            match link.state {
                LinkState::Backoff(until) if until <= now => self.dial(conn, now),
                LinkState::Open if link.last_traffic + idle <= now && link.core.in_flight() == 0 => {
                    link.core.set_closed(CloseCause::Local);
                }
                LinkState::Open if link.silent_at(half_silence) <= now => {
                    link.core.set_closed(CloseCause::Transport(TransportError::TimedOut));
                }
                _ => {}
            }
            if let Some(link) = self.link_mut(conn) {
                link.core.handle_timeout(now);
                link.note_taken_back();
                if matches!(link.question, Question::At(at) if at <= now) {
                    link.question = Question::NotBefore(now);
                    self.question(conn, now);
                }
            }
            due.push(conn);
        }
        // In the order of their indices, as nothing else orders them.
        due.sort_unstable();
        due
    }

    /// Something about the connection changed that its next deadline or the bytes it holds depend on.
    #[inline]
    pub(crate) fn reschedule(&mut self, conn: ConnId) {
        if let Some(link) = self.links.get_mut(conn.index, conn.generation) {
            link.note_held(&mut self.noted_out);
            self.deadlines.mark(conn.index());
        }
    }

    /// Finds the deadlines anew of connections about which something changed.
    #[expect(clippy::inline_always, reason = "once in every turn, and nearly always for one connection")]
    #[inline(always)]
    fn find_deadlines(&mut self) {
        let (idle, half_silence) = (self.idle, self.half_silence());
        while let Some(index) = self.deadlines.take_marked() {
            let link = self.links.at(index);
            let at = link.map_or(Instant::FAR_FUTURE, |link| link.deadline(idle, half_silence));
            self.deadlines.set(index as usize, at);
        }
    }

    /// A request ran out on a connection on which nothing was heard since: others are preferred to it, and a broker is
    /// asked for a sign of life. One slow answer costs no shared connection; a name server's costs its own.
    pub(crate) fn suspect(&mut self, conn: ConnId, now: Instant) {
        let paused = self.paused;
        let Some(link) = self.link_mut(conn).filter(|link| link.state == LinkState::Open) else { return };
        let name_server = link.endpoint.role() == Role::NameServer;
        if link.unanswered_since.is_none() || link.core.is_closed() || (paused && !name_server) {
            return;
        }
        if name_server {
            return link.core.set_closed(CloseCause::Transport(TransportError::TimedOut));
        }
        link.suspect = true;
        self.question(conn, now);
    }

    /// Asks for a sign of life, now or as soon as it may be asked again; one that is under way is enough.
    fn question(&mut self, conn: ConnId, now: Instant) {
        let asks = !self.greeting.is_empty();
        let Some(link) = self.link_mut(conn).filter(|link| asks && !link.greeting && !link.core.is_closed())
        else {
            return;
        };
        match link.question {
            Question::NotBefore(at) if at <= now => self.say_greeting(conn, now),
            Question::NotBefore(at) | Question::At(at) => link.question = Question::At(at),
        }
    }

    /// True if the connection is still being made although its time is over.
    pub(crate) fn connect_timed_out(&self, conn: ConnId, now: Instant) -> bool {
        matches!(self.link(conn).map(|link| link.state), Some(LinkState::Connecting(until)) if until <= now)
    }

    /// Half of how long a peer may say nothing after it was written to. It answers heartbeats as long as it lives, so
    /// two of them without a word mean that it is gone and that its end of the connection was never heard of. While
    /// reading pauses its answers are not looked at, and nothing is concluded.
    #[inline]
    fn half_silence(&self) -> Nanos {
        if self.paused { Nanos::MAX } else { self.heartbeat_interval }
    }

    #[inline]
    pub(crate) fn next_deadline(&mut self) -> Option<Instant> {
        self.find_deadlines();
        let probe = self.next_probe();
        self.deadlines.first().into_iter().chain(probe).min()
    }

    /// When a broker that failed is to be tried again.
    #[inline]
    fn next_probe(&mut self) -> Option<Instant> {
        if core::mem::take(&mut self.probes_changed) {
            self.probe_at = self.probes().map(|(_, until)| until).min();
        }
        self.probe_at
    }
}
