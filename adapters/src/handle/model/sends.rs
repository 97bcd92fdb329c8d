//! Sends, questions and answers: every send ends, every place is given back, the driver is woken once.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rocketmq_engine::{
    Client, ClientConfig, Instant, Message, ProducerId, RejectReason, SendOptions, ShutdownReport,
};

use super::explore;
use crate::handle::error::{ClientError, SendError};
use crate::handle::oneshot::oneshot;
use crate::handle::parked::block_on;
use crate::handle::shared::{Command, Outcome, Shared, Sleep};
use crate::handle::sync::thread;

pub(super) fn message() -> Message {
    let config = ClientConfig::new("localhost:9876").expect("valid");
    let mut engine = Client::new(config, [1; 32], Instant::ZERO, Duration::ZERO).expect("valid");
    Message::new(&engine.topic("t").expect("valid"), "body")
}

fn post(shared: &Shared, message: &Message) -> Result<u32, RejectReason> {
    let posted = shared.post_send(ProducerId::from(0), message.clone(), SendOptions::default(), true);
    posted.map_err(|rejected| rejected.reason)
}

fn outcome(shared: &Shared, slot: u32) -> Outcome {
    block_on(poll_fn(|cx| shared.poll_slot(slot, cx)))
}

/// The driver's waker: unparks its thread, and counts.
struct DriverWaker {
    thread: thread::Thread,
    wakes: AtomicUsize,
}

impl Wake for DriverWaker {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, SeqCst);
        self.thread.unpark();
    }
}

/// A driver that completes each send at once, until it has seen `sends`; then it ends. How often it was woken, and
/// how often it slept.
fn drive(shared: &Shared, sends: usize) -> (usize, usize) {
    let waker = Arc::new(DriverWaker { thread: thread::current(), wakes: AtomicUsize::new(0) });
    shared.set_driver(&Waker::from(waker.clone()));
    let (mut commands, mut done, mut wakers) = (Vec::new(), Vec::new(), Vec::new());
    let (mut seen, mut sleeps) = (0, 0);
    while seen < sends {
        shared.take_commands(&mut commands);
        for command in commands.drain(..) {
            if let Command::Send { slot, .. } = command {
                seen += 1;
                done.push((slot, Ok(None)));
            }
        }
        if !done.is_empty() {
            shared.complete(&mut done, &mut wakers);
            continue;
        }
        if shared.prepare_sleep(Sleep::Asleep) {
            sleeps += 1;
            thread::park();
        }
    }
    (waker.wakes.load(SeqCst), sleeps)
}

#[test]
fn an_answer_reaches_its_asker_and_so_does_its_absence() {
    explore(|| {
        let ((reply, ask), (lost, never)) = (oneshot(), oneshot::<u8>());
        let driver = thread::spawn(move || {
            drop(lost);
            reply.answer(7);
        });
        assert_eq!(block_on(ask).expect("answered"), 7);
        assert!(matches!(block_on(never), Err(ClientError::Stopped)));
        driver.join().expect("ends");
    });
}

#[test]
fn an_asker_may_leave_at_any_time() {
    explore(|| {
        let (reply, ask) = oneshot();
        let asker = thread::spawn(move || {
            let mut ask = pin!(ask);
            let polled = ask.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Pending | Poll::Ready(Ok(7))));
        });
        reply.answer(7);
        asker.join().expect("ends");
    });
}

#[test]
fn every_send_posted_by_any_thread_is_taken_and_completed() {
    explore(|| {
        let (shared, message) = (Arc::new(Shared::new(None)), message());
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let (shared, message) = (shared.clone(), message.clone());
                thread::spawn(move || {
                    for _ in 0..2 {
                        let slot = post(&shared, &message).expect("running");
                        assert!(matches!(outcome(&shared, slot), Ok(None)));
                    }
                })
            })
            .collect();
        let (wakes, sleeps) = drive(&shared, 4);
        assert!(wakes <= sleeps + 1, "{wakes} wake-ups of {sleeps} sleeps");
        for sender in senders {
            sender.join().expect("ends");
        }
        assert_eq!(shared.slots_taken(), 0);
    });
}

#[test]
fn a_future_dropped_at_any_time_gives_its_place_back() {
    explore(|| {
        let (shared, message) = (Arc::new(Shared::new(None)), message());
        let sender = {
            let (shared, message) = (shared.clone(), message.clone());
            thread::spawn(move || {
                let (first, second) =
                    (post(&shared, &message).expect("running"), post(&shared, &message).expect("running"));
                // One is looked at once, the other never.
                let seen = shared.poll_slot(first, &Context::from_waker(Waker::noop())).is_ready();
                if !seen {
                    shared.abandon_slot(first);
                }
                shared.abandon_slot(second);
            })
        };
        drive(&shared, 2);
        sender.join().expect("ends");
        assert_eq!(shared.slots_taken(), 0);
    });
}

/// Woken, it gives another send up: as a task does that drops what it held.
struct DropsAnother {
    shared: Arc<Shared>,
    other: u32,
}

impl Wake for DropsAnother {
    fn wake(self: Arc<Self>) {
        self.shared.abandon_slot(self.other);
        assert!(post(&self.shared, &message()).is_ok());
    }
}

#[test]
fn a_waker_may_come_back_into_the_handles() {
    explore(|| {
        let (shared, message) = (Arc::new(Shared::new(None)), message());
        let (first, other) =
            (post(&shared, &message).expect("running"), post(&shared, &message).expect("running"));
        let driver = {
            let shared = shared.clone();
            thread::spawn(move || drive(&shared, 3))
        };
        let waker = Arc::new(DropsAnother { shared: shared.clone(), other });
        let polled = shared.poll_slot(first, &Context::from_waker(&Waker::from(waker.clone())));
        if let Poll::Ready(ended) = polled {
            assert!(matches!(ended, Ok(None)));
            // Too late to be woken: it does by itself what it would have done then.
            waker.wake();
        }
        driver.join().expect("ends");
        if shared.slots_taken() > 1 {
            assert!(matches!(outcome(&shared, first), Ok(None)));
        }
        // The send that the waker posted has nobody who looks.
        assert_eq!(shared.slots_taken(), 1);
    });
}

#[test]
fn the_drivers_end_leaves_nobody_waiting() {
    explore(|| {
        let (shared, message) = (Arc::new(Shared::new(None)), message());
        let senders: Vec<_> = (0..2)
            .map(|_| {
                let (shared, message) = (shared.clone(), message.clone());
                thread::spawn(move || match post(&shared, &message) {
                    Ok(slot) => {
                        let ended = outcome(&shared, slot);
                        assert!(
                            matches!(ended, Err(SendError::Rejected(_) | SendError::DriverGone)),
                            "{ended:?}"
                        );
                    }
                    Err(reason) => assert_eq!(reason, RejectReason::Closed),
                })
            })
            .collect();
        let waits = {
            let shared = shared.clone();
            thread::spawn(move || block_on(poll_fn(|cx| shared.poll_stopped(cx))))
        };
        let mut taken = Vec::new();
        shared.take_commands(&mut taken);
        shared.stop(Some(ShutdownReport::default()));
        // What the driver had taken and not carried out ends with its slot.
        drop(taken);
        for sender in senders {
            sender.join().expect("ends");
        }
        assert_eq!(waits.join().expect("ends"), Some(ShutdownReport::default()));
        assert_eq!(shared.slots_taken(), 0);
    });
}
