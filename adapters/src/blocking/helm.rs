//! Who drives the client of some handles: one thread at a time, the driver's own or a reader that has something.
//!
//! A reader that drives itself spares a hand-over from thread to thread for each answer. The driver's thread has the
//! rest: commands and deadlines, dials, peers that take no bytes, and all of it under load, when answers are gathered.

use std::iter;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;
use std::thread;

use rocketmq_engine::{Instant, Wait};

use super::driver::BlockingDriver;
use super::mailbox::{Input, Mailbox};
use crate::handle::Hub;

/// Turns a reader takes before it reads again: it is not there for commands that flood in.
const TURNS: usize = 4;

/// What the thread that drives has in its hands.
#[derive(Debug)]
struct Seat {
    hub: Hub,
    driver: BlockingDriver,
    /// The deadline the driver's thread sleeps until.
    until: Option<Instant>,
}

/// The seat, and where those leave what they have who find it taken.
#[derive(Debug)]
pub(super) struct Helm {
    /// Empty after the end.
    seat: Mutex<Option<Seat>>,
    mailbox: Arc<Mailbox>,
}

impl Helm {
    pub(super) fn new(hub: Hub, mut driver: BlockingDriver) -> Arc<Self> {
        Arc::new_cyclic(|helm| {
            driver.set_helm(helm.clone());
            let mailbox = driver.mailbox().clone();
            Self { seat: Mutex::new(Some(Seat { hub, driver, until: None })), mailbox }
        })
    }

    /// The driver's thread.
    pub(super) fn run(&self) {
        let _end = End(self);
        let (mut inputs, mut slept) = (Vec::new(), false);
        loop {
            let timeout = {
                // A reader that panicked has poisoned it.
                let Ok(mut seat) = self.seat.lock() else { return };
                let Some(seat) = seat.as_mut() else { return };
                seat.hub.set_thread();
                if slept {
                    seat.driver.handle_inputs(seat.hub.client(), seat.until, inputs.drain(..));
                }
                let Some(wait) = seat.steer() else { return };
                seat.until = wait.until;
                seat.driver.prepare_wait(seat.hub.client(), wait)
            };
            self.mailbox.take(timeout, &mut inputs);
            slept = true;
        }
    }

    /// A reader has something.
    pub(super) fn bring(&self, input: Input) {
        let Ok(mut seat) = self.seat.try_lock() else {
            // Who is at the helm sees to it that the driver's thread looks into its mailbox once more.
            return self.mailbox.post(input);
        };
        match seat.as_mut() {
            Some(seat) if !seat.driver.is_loaded() => {
                let alarm = Alarm(self);
                if seat.take_in(input) {
                    alarm.0.mailbox.wake_by_ref();
                }
            }
            Some(_) => self.mailbox.post(input),
            None => {}
        }
    }
}

impl Seat {
    /// Drives until there is nothing to do but to wait. `None`: it is over.
    fn steer(&mut self) -> Option<Wait> {
        let Self { hub, driver, .. } = self;
        loop {
            let now = driver.clock().now();
            hub.exchange(now);
            let wait = driver.act(hub.client());
            if wait.events {
                continue;
            }
            if hub.is_finished() {
                return None;
            }
            let wait = hub.doze(wait, now);
            // Commands that come while answers are gathered wake nobody: the driver counts as awake.
            if driver.gather(hub.client(), wait) {
                continue;
            }
            if hub.prepare_sleep() {
                return Some(wait);
            }
            driver.look(hub.client(), wait);
        }
    }

    /// Drives with what a reader has; true if the driver's thread is needed then.
    fn take_in(&mut self, input: Input) -> bool {
        let Self { hub, driver, until } = self;
        hub.set_thread();
        driver.handle_inputs(hub.client(), *until, iter::once(input));
        for _ in 0..TURNS {
            let now = driver.clock().now();
            hub.exchange(now);
            let wait = driver.act(hub.client());
            if wait.events {
                continue;
            }
            if hub.is_finished() || driver.is_stalled() {
                return true;
            }
            let wait = hub.doze(wait, now);
            if hub.prepare_sleep() {
                let sleeps_longer = |at| until.is_none_or(|until| at < until);
                return wait.until.is_some_and(sleeps_longer);
            }
        }
        true
    }
}

/// However the driver's thread ends, the sockets are closed, and then whoever waits for the end learns it.
struct End<'a>(&'a Helm);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let seat = self.0.seat.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Seat { hub, driver, .. }) = seat {
            drop(driver);
            drop(hub);
        }
    }
}

/// A reader that panics at the helm leaves the end to the driver's thread.
struct Alarm<'a>(&'a Helm);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.mailbox.wake_by_ref();
        }
    }
}
