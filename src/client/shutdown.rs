//! Stopping in order: sends and deliveries are finished, progress is committed, brokers are told, connections are
//! closed; and what was not finished within the grace is reported.

use core::time::Duration;

use super::event::{Event, ShutdownReport};
use super::heartbeat::unregister;
use super::stats::ClientStats;
use super::{Client, borrow};
use crate::time::Instant;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    #[default]
    Running,
    /// Producers and consumers finish.
    Draining,
    /// Brokers are told, connections are closed behind it.
    Closing,
    Stopped,
}

/// How far the end has come.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Lifecycle {
    phase: Phase,
    /// When the present phase is cut short.
    until: Instant,
    end: Instant,
    before: ClientStats,
    cut_short: bool,
}

impl Lifecycle {
    pub(super) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        matches!(self.phase, Phase::Draining | Phase::Closing).then_some(self.until)
    }
}

impl Client {
    pub(super) fn begin_shutdown(&mut self, grace: Duration) {
        if !self.lifecycle.is_running() {
            return;
        }
        // Part of the time is kept for telling brokers and closing.
        let reserve = (grace / 8).min(Duration::from_secs(1));
        self.lifecycle.phase = Phase::Draining;
        self.lifecycle.until = self.now + grace.saturating_sub(reserve);
        self.lifecycle.end = self.now + grace;
        self.lifecycle.before = self.stats;
        self.events.uncommitted.clear();
        self.producers.begin_shutdown(&mut borrow!(self));
        self.consumers.begin_shutdown(grace.saturating_sub(reserve), &mut borrow!(self));
        self.settle_down();
    }

    /// Brokers are told of groups that left, and what the next heartbeats say is renewed.
    pub(super) fn tell_who_left(&mut self) {
        if !self.producers.has_left() && !self.consumers.has_left() {
            return;
        }
        let (producers, consumers) = (self.producers.take_left(), self.consumers.take_left());
        self.renew_registration();
        for group in &producers {
            unregister(Some(group), None, &mut borrow!(self));
        }
        for group in &consumers {
            unregister(None, Some(group), &mut borrow!(self));
        }
    }

    pub(super) fn advance_shutdown(&mut self) {
        if self.lifecycle.phase == Phase::Draining {
            let drained = self.producers.is_drained() && self.consumers.is_drained();
            if !drained && self.lifecycle.until > self.now {
                return;
            }
            self.lifecycle.phase = Phase::Closing;
            self.lifecycle.until = self.lifecycle.end;
            self.lifecycle.cut_short |= !drained;
            if !drained {
                let touched = self.producers.cancel_all(&mut borrow!(self));
                self.consumers.give_up(&mut borrow!(self));
                for conn in touched {
                    self.process(conn);
                }
            }
            self.tell_who_left();
            for conn in self.net.close_all() {
                self.process(conn);
            }
        }
        if self.lifecycle.phase == Phase::Closing {
            if self.lifecycle.until <= self.now {
                self.lifecycle.until = Instant::FAR_FUTURE;
                self.lifecycle.cut_short = true;
                for conn in self.net.abort_all() {
                    self.process(conn);
                }
            }
            if self.lifecycle.phase == Phase::Closing && self.net.is_empty() {
                self.stopped();
            }
        }
    }

    fn stopped(&mut self) {
        self.lifecycle.phase = Phase::Stopped;
        let (before, now) = (self.lifecycle.before, self.stats);
        let report = ShutdownReport {
            acknowledged: now.acknowledged - before.acknowledged,
            failed: now.failed - before.failed,
            indeterminate: now.indeterminate - before.indeterminate,
            uncommitted: core::mem::take(&mut self.events.uncommitted),
            in_time: !self.lifecycle.cut_short,
        };
        self.events.push(Event::Stopped(report));
    }
}
