//! A thread that waits drives while the driver pauses: what it does for itself, and that nobody else misses anything.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use rocketmq_io::handle::{Launch, SendError, parked};
use rocketmq_io::{Message, Topic, blocking, mio as on_mio};

use crate::support::Responder;

const DEPTH: usize = 64;

/// Answers come one by one, so that pauses pay.
fn slow() -> Responder {
    let server = Responder::start();
    server.trickle(Duration::from_micros(50));
    server
}

struct Sender {
    producer: parked::Producer,
    topic: Topic,
}

impl Sender {
    fn new<L: Launch>(client: &parked::Client<L>) -> Self {
        let topic = client.topic("orders").expect("topic");
        let producer = client.producer("shop").build().expect("producer");
        producer.send(Message::new(&topic, "first")).expect("acknowledged");
        Self { producer, topic }
    }

    fn submit(&self) -> parked::Pending {
        self.producer.submit(Message::new(&self.topic, "one"))
    }

    /// Keeps as many in flight, and waits for the oldest; the outcomes.
    fn send(&self, count: usize) -> Vec<Result<(), SendError>> {
        let (mut pending, mut outcomes) = (VecDeque::new(), Vec::new());
        for _ in 0..count {
            if pending.len() == DEPTH {
                let oldest: parked::Pending = pending.pop_front().expect("full");
                outcomes.push(oldest.wait().map(drop));
            }
            pending.push_back(self.submit());
        }
        outcomes.extend(pending.into_iter().map(|send| send.wait().map(drop)));
        outcomes
    }
}

fn all_acknowledged(outcomes: &[Result<(), SendError>]) -> bool {
    outcomes.iter().all(Result::is_ok)
}

fn client<L: Launch>(server: &Responder) -> parked::Client<L> {
    parked::Client::<L>::builder(&server.name_server()).build().expect("client")
}

fn who_waits_alone_drives<L: Launch>() {
    let server = slow();
    let client = client::<L>(&server);
    let sender = Sender::new(&client);
    assert_eq!(client.driver_stats().lent(), 0, "there was no load");
    assert!(all_acknowledged(&sender.send(2000)));
    assert!(client.driver_stats().lent() > 0);
}

fn threads_that_wait_at_once_are_all_answered<L: Launch>() {
    let server = slow();
    let client = client::<L>(&server);
    let sender = Sender::new(&client);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| sender.send(700))).collect();
        for thread in threads {
            assert!(all_acknowledged(&thread.join().expect("ends")));
        }
    });
}

fn what_nobody_waits_for_is_sent<L: Launch>() {
    let server = slow();
    let client = client::<L>(&server);
    let sender = Sender::new(&client);
    for round in 1..=20 {
        assert!(all_acknowledged(&sender.send(200)));
        // Whether the place has just been left, or for a while.
        thread::sleep(Duration::from_micros(100 * (round % 5)));
        drop(sender.submit());
        server.receives(1 + 201 * round);
        let stats = client.stats().expect("who asks is answered");
        assert_eq!(stats.sends, server.sends());
    }
}

fn waiting_for_a_while_is_no_different<L: Launch>() {
    let server = slow();
    let client = client::<L>(&server);
    let sender = Sender::new(&client);
    for _ in 0..20 {
        assert!(all_acknowledged(&sender.send(200)));
        let begun = Instant::now();
        let outcome = sender.submit().wait_timeout(Duration::from_secs(2)).expect("answered");
        outcome.expect("acknowledged");
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
}

fn notices_are_told_by_the_driver_alone<L: Launch>() {
    let server = slow();
    let told = Arc::new(Mutex::new(Vec::<ThreadId>::new()));
    let teller = told.clone();
    let client = parked::Client::<L>::builder(&server.name_server())
        .on_notice(move |_| teller.lock().expect("lock").push(thread::current().id()))
        .build()
        .expect("client");
    let sender = Sender::new(&client);
    thread::scope(|scope| {
        scope.spawn(|| {
            for count in [500, 1000, 1500] {
                while server.sends() < count {
                    thread::sleep(Duration::from_millis(1));
                }
                server.cut();
            }
        });
        // Those under way when it was cut may fail.
        assert_eq!(sender.send(2500).len(), 2500);
    });
    assert!(client.driver_stats().lent() > 0);
    drop((sender, client));
    let told = told.lock().expect("lock");
    assert!(!told.is_empty() && !told.contains(&thread::current().id()), "{told:?}");
}

fn shutting_down_ends_the_wait<L: Launch>() {
    let server = slow();
    let client = client::<L>(&server);
    let sender = Sender::new(&client);
    thread::scope(|scope| {
        let sends = scope.spawn(|| sender.send(20_000));
        server.receives_at_least(1000);
        client.shutdown(Duration::from_secs(5)).expect("in order");
        let outcomes = sends.join().expect("ends");
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(SendError::Rejected(_))));
        assert!(refused.count() > 0, "it went on after the end");
    });
}

macro_rules! helm {
    ($module:ident, $adapter:ty, [$($test:ident),*]) => {
        mod $module {
            $(#[test] fn $test() { super::$test::<$adapter>(); })*
        }
    };
    ($($module:ident: $adapter:ty),*) => {$(
        helm!($module, $adapter, [
            who_waits_alone_drives,
            threads_that_wait_at_once_are_all_answered,
            what_nobody_waits_for_is_sent,
            waiting_for_a_while_is_no_different,
            notices_are_told_by_the_driver_alone,
            shutting_down_ends_the_wait
        ]);
    )*};
}

helm!(blocking_handles: super::blocking::Blocking, mio_handles: super::on_mio::Mio);
