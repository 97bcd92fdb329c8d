//! Who drives the client of some handles: the driver's thread, or while it pauses under load one that waits for its sends
//! ([`helm`]).

use std::io;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use ::mio::{Events, Poll};
use rocketmq_engine::Wait;

use super::driver::MioDriver;
use crate::handle::helm::{self, Lending};
use crate::handle::sync::Mutex;
use crate::handle::{Hub, Turn};

/// What the thread that drives has in its hands.
// Fields are dropped in this order: who waits for the end finds the sockets closed.
#[derive(Debug)]
struct Seat {
    driver: MioDriver,
    hub: Hub,
    poll: Poll,
    events: Events,
}

/// The seat, and the thread it belongs to.
#[derive(Debug)]
struct Helm {
    seat: Mutex<Seat>,
    thread: Thread,
    lending: Lending,
}

/// Wakes the driver's thread, whether it waits for the poll or for who is at the helm.
struct DriverWaker {
    poll: ::mio::Waker,
    thread: Thread,
}

impl Wake for DriverWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // It fails only without memory or handles; the next deadline or socket wakes the poll all the same.
        let _ = self.poll.wake();
        self.thread.unpark();
    }
}

/// The driver's thread.
pub(super) fn run(poll: Poll, waker: ::mio::Waker, hub: Hub, mut driver: MioDriver) {
    let waker = Waker::from(Arc::new(DriverWaker { poll: waker, thread: thread::current() }));
    hub.set_waker(&waker);
    driver.set_waker(waker);
    let seat = Mutex::new(Seat { driver, hub, poll, events: Events::with_capacity(256) });
    let helm = Arc::new(Helm { seat, thread: thread::current(), lending: Lending::default() });
    let lent: Weak<Helm> = Arc::downgrade(&helm);
    if let Ok(seat) = helm.seat.lock() {
        seat.hub.set_helm(lent);
    }
    let mut paused = false;
    let mut place = helm.seat.lock();
    loop {
        let pause = {
            // A thread that panicked at the helm has poisoned it.
            let Ok(mut seat) = place else { return };
            seat.hub.set_thread();
            let Some(pause) = seat.steer(paused) else { return };
            pause
        };
        thread::park_timeout(pause);
        place = helm.lending.take_back(&helm.seat, thread::park_timeout);
        paused = true;
    }
}

impl helm::Helm for Helm {
    fn drive_until(&self, done: &mut dyn FnMut() -> bool) {
        let Ok(mut seat) = self.seat.try_lock() else { return };
        if self.lending.drive_until(&mut *seat, done) {
            drop(seat);
            self.thread.unpark();
        }
    }
}

impl Seat {
    /// Drives until there should be a pause. `None`: it is over.
    fn steer(&mut self, paused: bool) -> Option<Duration> {
        if paused && !self.poll(Some(Duration::ZERO)) {
            return None;
        }
        loop {
            let Self { driver, hub, .. } = self;
            let wait = match hub.turn(driver.clock().now(), |client| driver.turn(client)) {
                Turn::Again => continue,
                Turn::Over => return None,
                Turn::Wait(wait) => wait,
            };
            // Commands come together as well: they wake nobody.
            if let Some(pause) = driver.pause() {
                hub.prepare_pause();
                return Some(pause);
            }
            let left = driver.clock().left(wait.until);
            let timeout = driver.timeout().into_iter().chain(left).min();
            let timeout = if hub.prepare_sleep() { timeout } else { Some(Duration::ZERO) };
            if !self.poll(timeout) {
                return None;
            }
        }
    }

    /// Waits for sockets or the waker, and hands in what they have; false if that fails.
    fn poll(&mut self, timeout: Option<Duration>) -> bool {
        let Self { driver, hub, poll, events } = self;
        match poll.poll(events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return false,
            _ => {}
        }
        for event in &*events {
            driver.handle_event(hub.client(), event);
        }
        true
    }
}

impl helm::Seat for Seat {
    fn is_pausing(&self) -> bool {
        self.hub.is_pausing()
    }

    fn prepare_leave(&mut self, over: bool) -> bool {
        self.hub.prepare_leave(over)
    }

    fn turn_aside(&mut self) -> Turn {
        let Self { driver, hub, .. } = self;
        hub.turn_aside(driver.clock().now(), |client| driver.turn(client))
    }

    fn pause(&mut self, _: Wait) -> Option<Duration> {
        self.driver.pause()
    }

    fn look(&mut self, _: Wait) -> bool {
        self.poll(Some(Duration::ZERO))
    }
}
