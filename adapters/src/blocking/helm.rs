//! Who drives the client of some handles: one thread at a time, the driver's own or a reader that has something.
//!
//! A reader that drives itself spares a hand-over from thread to thread for each answer. The driver's thread has the
//! rest: commands and deadlines, dials, peers that take no bytes, and all of it under load, when answers are gathered.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;
use std::thread;

use rocketmq_engine::{Instant, Wait};

use super::driver::BlockingDriver;
use super::mailbox::{Input, Mailbox};
use crate::handle::{Hub, Turn};

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
        let mut slept = false;
        loop {
            let timeout = {
                // A reader that panicked has poisoned it.
                let Ok(mut seat) = self.seat.lock() else { return };
                let Some(seat) = seat.as_mut() else { return };
                seat.hub.set_thread();
                if slept {
                    seat.driver.take_in(seat.hub.client(), seat.until, None);
                }
                let Some(wait) = seat.steer() else { return };
                seat.until = wait.until;
                seat.driver.prepare_wait(seat.hub.client(), wait)
            };
            self.mailbox.wait(timeout);
            slept = true;
        }
    }

    /// A reader has something.
    pub(super) fn bring(&self, input: Input) {
        let Ok(mut seat) = self.seat.try_lock() else {
            // The driver's thread looks into its mailbox before it waits; if it waits, it is woken.
            return self.mailbox.post(input);
        };
        match seat.as_mut() {
            Some(seat) if !seat.driver.is_loaded() => {
                let _alarm = Alarm(self);
                if seat.take_in(input) {
                    self.mailbox.wake_by_ref();
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
            let wait = match hub.turn(driver.clock().now(), |client| driver.act(client)) {
                Turn::Again => continue,
                Turn::Over => return None,
                Turn::Wait(wait) => wait,
            };
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
        driver.take_in(hub.client(), *until, Some(input));
        for _ in 0..TURNS {
            match hub.turn(driver.clock().now(), |client| driver.act(client)) {
                Turn::Wait(wait) if !driver.is_stalled() => {
                    if hub.prepare_sleep() {
                        let sleeps_longer = |at| until.is_none_or(|until| at < until);
                        return wait.until.is_some_and(sleeps_longer);
                    }
                }
                Turn::Again => {}
                Turn::Wait(_) | Turn::Over => return true,
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::Duration;

    use rocketmq_engine::{ConnId, Message, ProducerConfig, SendOptions};

    use super::*;
    use crate::blocking::mailbox::Incoming;
    use crate::driver::Clock;
    use crate::handle::{ClientError, Launch, parked};

    /// Keeps the helm for the test instead of starting a thread.
    struct Kept;

    static HELM: Mutex<Option<Arc<Helm>>> = Mutex::new(None);

    impl Launch for Kept {
        fn launch(hub: Hub, clock: Clock) -> Result<(), ClientError> {
            let driver = BlockingDriver::with_clock(clock, hub.stats().clone());
            *HELM.lock().expect("no panic while it is held") = Some(Helm::new(hub, driver));
            Ok(())
        }
    }

    /// Drives as the driver's thread does, until there is a connection.
    fn connect(helm: &Helm) -> ConnId {
        loop {
            let mut seat = helm.seat.lock().expect("no panic");
            let seat = seat.as_mut().expect("not over");
            let wait = seat.steer().expect("not over");
            seat.driver.look(seat.hub.client(), wait);
            if seat.hub.client().stats().connects == 1 {
                return seat.driver.connections().next().expect("one");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn bring(helm: &Helm, conn: ConnId, bytes: &[u8]) {
        helm.bring(Input::Read(conn, Incoming::Bytes { chunk: bytes.to_vec(), len: bytes.len() }));
    }

    #[test]
    fn what_a_reader_left_in_the_mailbox_comes_before_what_it_brings() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = server.local_addr().expect("its address").to_string();
        let client = parked::Client::<Kept>::builder(&address).build().expect("client");
        let helm = HELM.lock().expect("no panic").take().expect("launched");
        {
            let mut seat = helm.seat.lock().expect("no panic");
            let engine = seat.as_mut().expect("not over").hub.client();
            let (now, orders) = (Instant::ZERO, engine.topic("orders").expect("valid"));
            let producer = engine.create_producer(ProducerConfig::new("shop"), now).expect("valid");
            engine.send(producer, Message::new(&orders, "one"), SendOptions::default(), now).expect("room");
        }
        let conn = connect(&helm);

        // An answer nobody asked for, whose first half is brought while another is at the helm.
        let head = br#"{"code":0,"flag":1,"language":"JAVA","opaque":999999,"version":485}"#;
        let mut frame = (head.len() as u32 + 4).to_be_bytes().to_vec();
        frame.extend((head.len() as u32).to_be_bytes());
        frame.extend(head);
        let (first, second) = frame.split_at(20);
        let other = helm.seat.lock().expect("no panic");
        bring(&helm, conn, first);
        drop(other);
        bring(&helm, conn, second);

        let stats = helm.seat.lock().expect("no panic").as_mut().expect("not over").hub.client().stats();
        assert_eq!((stats.unmatched_answers, stats.closes), (1, 0));
        drop(End(&helm));
        drop(client);
    }
}
