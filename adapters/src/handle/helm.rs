//! Who waits, drives: in adapters with threads the driver's thread leaves its place while it pauses under load, and a thread
//! that waits for a send takes it.
//!
//! Such a thread hands its own commands in and reads its own answers, where it would be woken for each batch and the driver
//! for the next one. Only one that waits alone does: it drives for itself, and would have to pass the place on otherwise.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{LockResult, TryLockError};
use std::time::Duration;

use rocketmq_engine::Wait;

use super::Turn;
use super::sync::{AtomicBool, Mutex, MutexGuard, thread};

/// How long the driver's thread leaves its place to another before it looks again.
const WATCH: Duration = Duration::from_millis(2);

/// Looks after which it wants its place back: some of what it does nobody else may.
const PATIENCE: u32 = 5;

/// The place at which a client is driven, free while its driver pauses.
pub(crate) trait Helm: Send + Sync {
    /// Drives in the calling thread until `done`, at most for as long as there is load. Returns at once if another drives.
    fn drive_until(&self, done: &mut dyn FnMut() -> bool);
}

/// What a thread at the helm has in its hands.
pub(crate) trait Seat {
    /// [`Hub::is_pausing`](super::Hub::is_pausing).
    fn is_pausing(&self) -> bool;

    /// [`Hub::prepare_leave`](super::Hub::prepare_leave).
    fn prepare_leave(&mut self, over: bool) -> bool;

    /// Takes a turn in a thread of the application: [`Hub::turn_aside`](super::Hub::turn_aside).
    fn turn_aside(&mut self) -> Turn;

    /// How long to pause under load.
    fn pause(&mut self, wait: Wait) -> Option<Duration>;

    /// Hands in what sockets have; false if the driver's thread has to see to it.
    fn look(&mut self, wait: Wait) -> bool;

    /// Drives until `done`; false if the driver's thread has to go on before.
    fn drive_until(&mut self, done: &mut dyn FnMut() -> bool, wanted: &AtomicBool) -> bool {
        loop {
            match self.turn_aside() {
                Turn::Again => {}
                Turn::Over => return false,
                Turn::Wait(_) if done() => return true,
                Turn::Wait(_) if wanted.load(Relaxed) => return false,
                Turn::Wait(wait) => {
                    let Some(pause) = self.pause(wait) else { return false };
                    thread::sleep(pause);
                    if !self.look(wait) {
                        return false;
                    }
                }
            }
        }
    }
}

/// What the driver's thread lends while it pauses.
#[derive(Debug, Default)]
pub(crate) struct Lending {
    wanted: AtomicBool,
}

impl Lending {
    /// Drives in a thread that waits, if the driver pauses. True if the driver's thread has to go on at once: what was waited
    /// for is not done, or someone else waits.
    pub(crate) fn drive_until(&self, seat: &mut impl Seat, done: &mut dyn FnMut() -> bool) -> bool {
        // Asleep it would not come back by itself.
        if !seat.is_pausing() {
            return false;
        }
        let over = seat.drive_until(done, &self.wanted);
        !seat.prepare_leave(over)
    }

    /// For the driver's thread after a pause: its place again, when nobody drives in it any more. `watch` sleeps, and ends early
    /// when the driver's thread has to go on.
    pub(crate) fn take_back<'a, S>(
        &self,
        place: &'a Mutex<S>,
        watch: impl Fn(Duration),
    ) -> LockResult<MutexGuard<'a, S>> {
        let mut looks = 0;
        loop {
            match place.try_lock() {
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Poisoned(poisoned)) => return Err(poisoned),
                Ok(seat) => {
                    self.wanted.store(false, Relaxed);
                    return Ok(seat);
                }
            }
            self.wanted.store(looks >= PATIENCE, Relaxed);
            watch(WATCH);
            looks += 1;
        }
    }
}
