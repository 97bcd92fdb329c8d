//! Who drives the client of some handles: one thread at a time, the driver's own, a reader that has something, or under
//! load one that waits for its sends.
//!
//! A reader that drives itself spares a hand-over from thread to thread for each answer. The driver's thread has the
//! rest: commands and deadlines, dials, peers that take no bytes, and all of it under load, when answers are gathered, unless
//! someone waits for them who drives himself ([`helm`]).

use std::sync::{Arc, LockResult, PoisonError};
use std::task::Wake;
use std::thread;
use std::time::Duration;

use rocketmq_engine::{ConnId, Instant, Wait};

use super::driver::BlockingDriver;
use super::mailbox::Mailbox;
use crate::handle::helm::{self, Lending};
use crate::handle::sync::{Mutex, MutexGuard};
use crate::handle::{Hub, Turn};

/// Turns a reader takes before it reads again: it is not there for commands that flood in.
const TURNS: usize = 4;

/// What the driver's thread does until its next turn.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// Sleeps until it is woken, or so long at most.
    Sleep(Option<Duration>),
    /// Pauses.
    Pause(Duration),
}

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
    lending: Lending,
}

impl Helm {
    pub(super) fn new(hub: Hub, mut driver: BlockingDriver) -> Arc<Self> {
        Arc::new_cyclic(|helm| {
            driver.set_helm(helm.clone());
            hub.set_helm(helm.clone());
            let mailbox = driver.mailbox().clone();
            Self {
                seat: Mutex::new(Some(Seat { hub, driver, until: None })),
                mailbox,
                lending: Lending::default(),
            }
        })
    }

    /// The driver's thread.
    pub(super) fn run(&self) {
        let _end = End(self);
        let mut slept = false;
        let mut place = self.seat.lock();
        loop {
            let rest = {
                // A thread that panicked at the helm has poisoned it.
                let Ok(mut seat) = place else { return };
                let Some(seat) = seat.as_mut() else { return };
                seat.hub.set_thread();
                if slept {
                    seat.driver.take_in(seat.hub.client(), seat.until, None);
                }
                let Some(rest) = seat.steer() else { return };
                rest
            };
            place = self.rest(rest);
            slept = true;
        }
    }

    fn rest(&self, rest: Rest) -> LockResult<MutexGuard<'_, Option<Seat>>> {
        match rest {
            Rest::Sleep(timeout) => {
                self.mailbox.wait(timeout);
                self.seat.lock()
            }
            Rest::Pause(pause) => {
                self.mailbox.wait(Some(pause));
                self.lending.take_back(&self.seat, |time| self.mailbox.wait_for_waker(time))
            }
        }
    }

    /// A reader's socket has something: reads it, and drives with it. False if another is at the helm, or reads later.
    pub(super) fn read(&self, conn: ConnId) -> bool {
        let Ok(mut seat) = self.seat.try_lock() else { return false };
        let Some(seat) = seat.as_mut().filter(|seat| !seat.driver.is_loaded()) else { return false };
        let _alarm = Alarm(self);
        let read = seat.read(conn);
        if seat.drive_on() {
            self.mailbox.wake_by_ref();
        }
        read
    }
}

impl helm::Helm for Helm {
    fn drive_until(&self, done: &mut dyn FnMut() -> bool) {
        let Ok(mut seat) = self.seat.try_lock() else { return };
        let Some(taken) = seat.as_mut() else { return };
        let _alarm = Alarm(self);
        if self.lending.drive_until(taken, done) {
            drop(seat);
            self.mailbox.wake_by_ref();
        }
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
        let Self { hub, driver, .. } = self;
        hub.turn_aside(driver.clock().now(), |client| driver.act(client))
    }

    fn pause(&mut self, wait: Wait) -> Option<Duration> {
        self.until = wait.until;
        self.driver.pause(self.hub.client(), wait)
    }

    fn look(&mut self, wait: Wait) -> bool {
        self.driver.look(self.hub.client(), wait);
        true
    }
}

impl Seat {
    /// Drives until there is nothing to do but to wait. `None`: it is over.
    fn steer(&mut self) -> Option<Rest> {
        let Self { hub, driver, until } = self;
        loop {
            let wait = match hub.turn(driver.clock().now(), |client| driver.act(client)) {
                Turn::Again => continue,
                Turn::Over => return None,
                Turn::Wait(wait) => wait,
            };
            *until = wait.until;
            // Commands that come while answers are gathered wake nobody.
            if let Some(pause) = driver.pause(hub.client(), wait) {
                hub.prepare_pause();
                return Some(Rest::Pause(pause));
            }
            if hub.prepare_sleep() {
                return Some(Rest::Sleep(driver.prepare_wait(hub.client(), wait)));
            }
            driver.look(hub.client(), wait);
        }
    }

    /// Hands in what a reader's socket has; false if it is not read now.
    fn read(&mut self, conn: ConnId) -> bool {
        self.hub.set_thread();
        self.driver.take_in(self.hub.client(), self.until, Some(conn))
    }

    /// Drives in a reader's thread until there is nothing to do; true if the driver's own is needed then.
    fn drive_on(&mut self) -> bool {
        let Self { hub, driver, until } = self;
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

/// Who panics at the helm leaves the end to the driver's thread.
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
    use std::io::Write;
    use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
    use std::sync::Mutex;

    use rocketmq_engine::connection::STAGING;
    use rocketmq_engine::{ClientStats, Message, ProducerConfig, SendOptions};

    use super::*;
    use crate::driver::Clock;
    use crate::handle::{ClientError, Launch, parked};

    /// Milliseconds after which a test fails that waits for something.
    const WAITS: u32 = 10_000;

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

    /// A client without a driver's thread, connected to a name server that says what the test does.
    struct Connected {
        helm: Arc<Helm>,
        peer: TcpStream,
        client: Option<parked::Client<Kept>>,
    }

    impl Connected {
        fn new() -> Self {
            static ONE: Mutex<()> = Mutex::new(());
            let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            let address = server.local_addr().expect("its address").to_string();
            let (client, helm) = {
                let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
                let client = parked::Client::<Kept>::builder(&address).build().expect("client");
                (client, HELM.lock().expect("no panic").take().expect("launched"))
            };
            let ask = |seat: &mut Seat| {
                let engine = seat.hub.client();
                let (now, orders) = (Instant::ZERO, engine.topic("orders").expect("valid"));
                let producer = engine.create_producer(ProducerConfig::new("shop"), now).expect("valid");
                engine
                    .send(producer, Message::new(&orders, "one"), SendOptions::default(), now)
                    .expect("room");
            };
            ask(helm.seat.lock().expect("no panic").as_mut().expect("not over"));
            while helm.look().connects == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            let (peer, _) = server.accept().expect("connected");
            Self { helm, peer, client: Some(client) }
        }

        fn say(&mut self, bytes: &[u8]) {
            self.peer.write_all(bytes).expect("the client reads");
        }

        /// Waits until so many answers were found to answer nothing.
        fn wait_for(&self, unmatched: u64) {
            for _ in 0..WAITS {
                let stats = self.helm.look();
                assert_eq!(stats.closes, 0, "the stream is broken");
                if stats.unmatched_answers == unmatched {
                    return;
                }
                thread::sleep(Duration::from_millis(1));
            }
            panic!("nobody reads");
        }
    }

    impl Drop for Connected {
        fn drop(&mut self) {
            let _ = self.peer.shutdown(Shutdown::Both);
            drop(End(&self.helm));
            drop(self.client.take());
        }
    }

    impl Helm {
        /// What the driver's thread does when it is woken. Fails if someone stays at the helm, waiting for a socket.
        fn look(&self) -> ClientStats {
            for _ in 0..WAITS {
                if let Ok(mut seat) = self.seat.try_lock() {
                    let seat = seat.as_mut().expect("not over");
                    seat.steer().expect("not over");
                    seat.driver.take_in(seat.hub.client(), seat.until, None);
                    return seat.hub.client().stats();
                }
                thread::sleep(Duration::from_millis(1));
            }
            panic!("nobody else gets to the helm");
        }
    }

    /// An answer nobody asked for, of a power of two of bytes.
    fn answer() -> Vec<u8> {
        let head =
            format!("{:120}", r#"{"code":0,"flag":1,"language":"JAVA","opaque":999999,"version":485}"#);
        let mut frame = (head.len() as u32 + 4).to_be_bytes().to_vec();
        frame.extend((head.len() as u32).to_be_bytes());
        frame.extend(head.as_bytes());
        frame
    }

    #[test]
    fn what_a_reader_left_in_the_mailbox_comes_before_what_it_reads_at_the_helm() {
        let mut connected = Connected::new();
        let answer = answer();
        let (first, second) = answer.split_at(20);
        let helm = connected.helm.clone();
        let other = helm.seat.lock().expect("no panic");
        connected.say(first);
        while helm.mailbox.is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
        drop(other);
        connected.say(second);
        // The helm is the reader's for now.
        thread::sleep(Duration::from_millis(50));
        connected.wait_for(1);
    }

    #[test]
    fn a_reader_at_the_helm_reads_all_there_is_and_waits_for_nothing() {
        let mut connected = Connected::new();
        // What one read has room for: that there is no more is learned by asking.
        let room = answer().repeat(STAGING / answer().len());
        let mut unmatched = 0;
        for rooms in (1..4).cycle().take(60) {
            connected.say(&room.repeat(rooms));
            unmatched += (rooms * STAGING / answer().len()) as u64;
            connected.wait_for(unmatched);
        }
    }
}
