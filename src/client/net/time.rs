//! What becomes due on connections.

use alloc::vec::Vec;
use core::time::Duration;

use super::{LinkState, Net};
use crate::client::ids::ConnId;
use crate::error::{CloseCause, TransportError};
use crate::time::Instant;

impl Net {
    /// Brings connections up to `now`: dials what may be dialled again, gives up what did not connect, expires
    /// requests, closes what nobody has used for long. Returns those that have something to say.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<ConnId> {
        let mut due = Vec::new();
        let (idle, silence) = (self.config.idle_timeout, self.silence());
        self.probe(now);
        let all: Vec<ConnId> = self.connections().map(|(conn, _)| conn).collect();
        for conn in all {
            let Some(link) = self.link_mut(conn) else { continue };
            match link.state {
                LinkState::Backoff(until) if until <= now => self.dial(conn, now),
                LinkState::Connecting(until) if until <= now => due.push(conn),
                LinkState::Open if link.last_traffic + idle <= now && link.core.in_flight() == 0 => {
                    link.core.set_closed(CloseCause::Local);
                    due.push(conn);
                }
                LinkState::Open if link.unanswered_since.is_some_and(|since| since + silence <= now) => {
                    link.core.set_closed(CloseCause::Transport(TransportError::TimedOut));
                    due.push(conn);
                }
                _ => {}
            }
            if let Some(link) = self.link_mut(conn)
                && link.core.next_deadline().is_some_and(|deadline| deadline <= now)
            {
                link.core.handle_timeout(now);
                link.note_taken_back();
                due.push(conn);
            }
        }
        due.dedup();
        due
    }

    /// True if the connection is still being made although its time is over.
    pub(crate) fn connect_timed_out(&self, conn: ConnId, now: Instant) -> bool {
        matches!(self.link(conn).map(|link| link.state), Some(LinkState::Connecting(until)) if until <= now)
    }

    /// How long a peer may say nothing after it was written to. It answers heartbeats as long as it lives, so two
    /// of them without a word mean that it is gone and that its end of the connection was never heard of. While
    /// reading pauses its answers are not looked at, and nothing is concluded.
    fn silence(&self) -> Duration {
        if self.paused { Duration::MAX } else { self.config.heartbeat_broker_interval.saturating_mul(2) }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let (idle, silence) = (self.config.idle_timeout, self.silence());
        let each = self.links.iter().filter_map(|(_, _, link)| {
            let own = match link.state {
                LinkState::Backoff(until) | LinkState::Connecting(until) => Some(until),
                LinkState::Open if link.core.in_flight() == 0 => Some(link.last_traffic + idle),
                LinkState::Open => None,
            };
            let open = link.state == LinkState::Open;
            let silent = link.unanswered_since.filter(|_| open).map(|since| since + silence);
            own.into_iter().chain(silent).chain(link.core.next_deadline()).min()
        });
        each.chain(self.probes().map(|(_, until)| until)).min()
    }
}
