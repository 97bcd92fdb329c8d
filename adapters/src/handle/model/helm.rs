//! Threads that wait drive while the driver pauses: every send ends, however the place changes hands.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use rocketmq_engine::{ProducerId, SendOptions, Wait, WakeReason};

use super::explore;
use super::sends::message;
use crate::handle::Turn;
use crate::handle::helm::{self, Lending};
use crate::handle::parked::block_on;
use crate::handle::shared::{Command, Shared, Sleep};
use crate::handle::sync::{Mutex, thread};

const NEVER: Wait = Wait { until: None, reason: WakeReason::Idle, events: false };

/// An engine whose sends are answered when sockets are looked at, if there is load or not.
struct Seat {
    shared: Arc<Shared>,
    under_way: Vec<u32>,
    /// Sends still to come.
    left: usize,
    /// Sends under way from which on it pauses.
    load: usize,
}

impl Seat {
    fn turn(&mut self) -> Turn {
        let mut commands = Vec::new();
        self.shared.take_commands(&mut commands);
        for command in commands {
            if let Command::Send { slot, .. } = command {
                self.under_way.push(slot);
                self.left -= 1;
            }
        }
        if self.left == 0 && self.under_way.is_empty() {
            return Turn::Over;
        }
        Turn::Wait(NEVER)
    }

    fn look(&mut self) {
        let mut done = self.under_way.drain(..).map(|slot| (slot, Ok(None))).collect();
        self.shared.complete(&mut done, &mut Vec::new());
    }
}

impl helm::Seat for Seat {
    fn is_pausing(&self) -> bool {
        self.shared.is_pausing()
    }

    fn prepare_leave(&mut self, over: bool) -> bool {
        self.shared.prepare_leave(over)
    }

    fn turn_aside(&mut self) -> Turn {
        self.turn()
    }

    fn pause(&mut self, _: Wait) -> Option<Duration> {
        (self.under_way.len() >= self.load).then_some(Duration::ZERO)
    }

    fn look(&mut self, _: Wait) -> bool {
        self.look();
        true
    }
}

struct Helm {
    seat: Mutex<Seat>,
    lending: Lending,
    driver: thread::Thread,
}

impl Wake for Helm {
    fn wake(self: Arc<Self>) {
        self.driver.unpark();
    }
}

impl helm::Helm for Helm {
    fn drive_until(&self, done: &mut dyn FnMut() -> bool) {
        let Ok(mut seat) = self.seat.try_lock() else { return };
        if self.lending.drive_until(&mut *seat, done) {
            drop(seat);
            self.driver.unpark();
        }
    }
}

/// The driver's thread, until all sends are over.
fn drive(shared: &Arc<Shared>, sends: usize, load: usize) {
    let seat = Seat { shared: shared.clone(), under_way: Vec::new(), left: sends, load };
    let helm =
        Arc::new(Helm { seat: Mutex::new(seat), lending: Lending::default(), driver: thread::current() });
    shared.set_driver(&Waker::from(helm.clone()));
    let lent: std::sync::Weak<Helm> = Arc::downgrade(&helm);
    shared.set_helm(lent);
    let mut place = helm.seat.lock();
    loop {
        let mut seat = place.unwrap_or_else(PoisonError::into_inner);
        if matches!(seat.turn(), Turn::Over) {
            return;
        }
        if helm::Seat::pause(&mut *seat, NEVER).is_some() {
            shared.prepare_pause();
            drop(seat);
            thread::yield_now();
            place = helm.lending.take_back(&helm.seat, |_| thread::yield_now());
            if let Ok(seat) = &mut place {
                seat.look();
            }
            continue;
        }
        if !seat.under_way.is_empty() {
            seat.look();
        } else if shared.prepare_sleep(Sleep::Asleep) {
            drop(seat);
            thread::park();
            place = helm.seat.lock();
            continue;
        }
        place = Ok(seat);
    }
}

/// Sends of one thread, with two of them under way.
fn send(shared: &Shared, count: usize) {
    let message = message();
    let mut pending = Vec::new();
    for sent in 0..count + 2 {
        if sent < count {
            let posted =
                shared.post_send(ProducerId::from(0), message.clone(), SendOptions::default(), false);
            pending.push(posted.expect("room"));
        }
        if sent >= 1 && !pending.is_empty() {
            let slot = pending.remove(0);
            shared.drive_until_done(slot);
            block_on(poll_fn(|cx| shared.poll_slot(slot, cx))).expect("acknowledged");
        }
    }
}

/// A send that is left to itself, at once or when it has been asked about.
fn send_and_leave(shared: &Shared, asks: bool) {
    let posted = shared.post_send(ProducerId::from(0), message(), SendOptions::default(), false);
    let slot = posted.expect("room");
    if !asks || shared.poll_slot(slot, &Context::from_waker(Waker::noop())).is_pending() {
        shared.abandon_slot(slot);
    }
}

#[test]
fn every_send_ends_whoever_drives() {
    let lent = Arc::new(AtomicU64::new(0));
    for (load, asks) in [(1, false), (1, true), (2, false), (2, true)] {
        let lent = lent.clone();
        explore(move || {
            let shared = Arc::new(Shared::new(None));
            let driver = {
                let shared = shared.clone();
                thread::spawn(move || drive(&shared, 6, load))
            };
            let other = {
                let shared = shared.clone();
                thread::spawn(move || {
                    send(&shared, 2);
                    send_and_leave(&shared, asks);
                })
            };
            send(&shared, 3);
            other.join().expect("ends");
            // Only now: what nobody waits for is sent all the same.
            driver.join().expect("ends");
            assert_eq!((shared.slots_taken(), shared.awaited()), (0, 0));
            lent.fetch_add(shared.stats.lent(), Relaxed);
        });
    }
    assert!(lent.load(Relaxed) > 0, "nobody ever drove but the driver");
}

// One thread: there is no order to try.
#[cfg(not(shuttle))]
#[test]
fn who_leaves_calls_the_driver_only_if_something_is_left_for_it() {
    let shared = Arc::new(Shared::new(None));
    let seat = |load| Seat { shared: shared.clone(), under_way: Vec::new(), left: 9, load };
    let post = || {
        let posted = shared.post_send(ProducerId::from(0), message(), SendOptions::default(), false);
        posted.expect("room")
    };
    let lending = Lending::default();
    assert!(!lending.drive_until(&mut seat(0), &mut || true), "there is no pause");
    shared.prepare_pause();
    post();
    assert!(!lending.drive_until(&mut seat(0), &mut || true), "all is done");
    assert!(lending.drive_until(&mut seat(9), &mut || false), "there is no load, and it is not done");
    shared.prepare_pause();
    let other = post();
    assert!(shared.poll_slot(other, &Context::from_waker(Waker::noop())).is_pending());
    assert!(lending.drive_until(&mut seat(0), &mut || true), "someone else waits");
    assert_eq!(shared.stats.lent(), 3);
}
