//! What a driver does while much is under way: system calls, pauses, allocations, and fairness.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use rocketmq_io::driver::{self, Clock};
use rocketmq_io::engine::{Client as Engine, ClientConfig, Event, ProducerConfig, ProducerId, SendOutcome};
use rocketmq_io::handle::{Launch, parked};
use rocketmq_io::{
    Message, SendOptions, Topic, async_io, async_std as on_async_std, blocking, mio as on_mio,
};
use rocketmq_io::{async_io::Runtime, handle, tokio as on_tokio};

use crate::support::Responder;

/// Sends that share one read, and one write, at least.
const SHARE: u64 = 16;
const BODY: usize = 1024;

fn tokio_run<F: Future>(future: F) -> F::Output {
    ::tokio::runtime::Runtime::new().expect("runtime").block_on(future)
}

fn messages(topic: &Topic, count: usize) -> Vec<Message> {
    (0..count).map(|_| Message::new(topic, vec![b'x'; BODY])).collect()
}

/// What the driver counted while `count` messages were sent, `depth` of them in flight.
struct Counted {
    reads: u64,
    writes: u64,
    pauses: u64,
    failed: u64,
}

/// Sends with handles that wait.
fn wait<L: Launch>(server: &Responder, depth: usize, count: usize, gather: Option<Duration>) -> Counted {
    let builder = parked::Client::<L>::builder(&server.name_server());
    let builder = if let Some(bound) = gather { builder.gather(bound) } else { builder };
    let client = builder.build().expect("client");
    let topic = client.topic("orders").expect("topic");
    let producer = client.producer("shop").build().expect("producer");
    producer.send(Message::new(&topic, "first")).expect("acknowledged");
    let stats = client.driver_stats();
    let before = (stats.reads(), stats.writes());
    let (mut pending, mut failed) = (VecDeque::new(), 0);
    for message in messages(&topic, count) {
        if pending.len() == depth {
            let send: parked::Pending = pending.pop_front().expect("full");
            failed += u64::from(send.wait().is_err());
        }
        pending.push_back(producer.submit(message));
    }
    for send in pending {
        failed += u64::from(send.wait().is_err());
    }
    let (reads, writes) = (stats.reads() - before.0, stats.writes() - before.1);
    Counted { reads, writes, pauses: stats.pauses(), failed }
}

/// Sends with handles that are awaited.
async fn asynchronous<R: Runtime>(
    server: &Responder,
    depth: usize,
    count: usize,
    gather: Option<Duration>,
) -> Counted {
    let builder = handle::Client::<R>::builder(&server.name_server());
    let builder = if let Some(bound) = gather { builder.gather(bound) } else { builder };
    let client = builder.build().expect("client");
    let topic = client.topic("orders").await.expect("topic");
    let producer = client.producer("shop").build().await.expect("producer");
    producer.send(Message::new(&topic, "first")).await.expect("acknowledged");
    let stats = client.driver_stats();
    let before = (stats.reads(), stats.writes());
    let (mut pending, mut failed) = (VecDeque::new(), 0);
    for message in messages(&topic, count) {
        if pending.len() == depth {
            let send: handle::Pending = pending.pop_front().expect("full");
            failed += u64::from(send.await.is_err());
        }
        pending.push_back(producer.send(message));
    }
    for send in pending {
        failed += u64::from(send.await.is_err());
    }
    let (reads, writes) = (stats.reads() - before.0, stats.writes() - before.1);
    Counted { reads, writes, pauses: stats.pauses(), failed }
}

/// Long enough for several answers, even on a busy machine.
const BOUND: Duration = Duration::from_millis(2);

macro_rules! load {
    ($adapter:ident, |$server:ident, $depth:ident, $count:ident, $gather:ident| $send:expr) => {
        mod $adapter {
            use super::*;

            fn attempt(
                $server: &Responder,
                $depth: usize,
                $count: usize,
                $gather: Option<Duration>,
            ) -> Counted {
                $send
            }

            fn send(server: &Responder, depth: usize, count: usize, gather: Option<Duration>) -> Counted {
                let counted = attempt(server, depth, count, gather);
                assert_eq!(counted.failed, 0);
                counted
            }

            #[test]
            fn many_sends_share_a_system_call() {
                let counted = send(&Responder::start(), 256, 8192, None);
                assert!(counted.reads * SHARE <= 8192, "{} reads", counted.reads);
                assert!(counted.writes * SHARE <= 8192, "{} writes", counted.writes);
            }

            #[test]
            fn one_in_flight_leaves_at_once() {
                let counted = send(&Responder::start(), 1, 200, Some(BOUND));
                assert_eq!((counted.writes, counted.pauses), (200, 0));
            }

            #[test]
            fn answers_that_trickle_in_are_gathered_unless_told_not_to() {
                let server = Responder::start();
                server.trickle(Duration::from_micros(100));
                let counted = send(&server, 64, 2000, Some(BOUND));
                assert!(counted.pauses > 0);
                assert!(counted.reads * 3 <= 2000, "{} reads", counted.reads);
                assert_eq!(send(&server, 64, 500, Some(Duration::ZERO)).pauses, 0);
            }

            #[test]
            fn a_connection_that_breaks_under_load_costs_what_was_under_way_at_most() {
                let server = Responder::start();
                server.trickle(Duration::from_micros(100));
                thread::scope(|scope| {
                    scope.spawn(|| {
                        let began = Instant::now();
                        while server.sends() < 700 && began.elapsed() < Duration::from_secs(10) {
                            thread::sleep(Duration::from_millis(1));
                        }
                        server.cut();
                    });
                    let counted = attempt(&server, 64, 1500, Some(BOUND));
                    assert!(counted.pauses > 0);
                    // Not all may be sent again: retries have a budget.
                    assert!(counted.failed <= 64, "{} failed", counted.failed);
                });
            }
        }
    };
}

load!(blocking_handles, |server, depth, count, gather| wait::<blocking::Blocking>(
    server, depth, count, gather
));
load!(mio_handles, |server, depth, count, gather| wait::<on_mio::Mio>(server, depth, count, gather));
load!(async_std_handles, |server, depth, count, gather| ::async_std::task::block_on(asynchronous::<
    on_async_std::AsyncStd,
>(
    server, depth, count, gather
)));
load!(tokio_handles, |server, depth, count, gather| tokio_run(asynchronous::<on_tokio::Tokio>(
    server, depth, count, gather
)));

// ---- allocations -----------------------------------------------------------------------------------------------

/// An application around the engine that keeps 256 sends in flight.
struct Sends {
    engine: Engine,
    producer: ProducerId,
    left: Vec<Message>,
    in_flight: usize,
}

impl Sends {
    const WARM_UP: usize = 2000;
    const COUNT: usize = 4000;

    fn new(server: &Responder, clock: &Clock) -> Self {
        let mut config = ClientConfig::new(&server.name_server()).expect("an address");
        config.heartbeat_broker_interval = HEARTBEAT;
        let now = clock.now();
        let mut engine = Engine::new(config, driver::seed(), now, driver::unix_now()).expect("engine");
        let producer = engine.create_producer(ProducerConfig::new("shop"), now).expect("producer");
        let topic = engine.topic("orders").expect("topic");
        Self { engine, producer, left: messages(&topic, Self::WARM_UP + Self::COUNT), in_flight: 0 }
    }

    /// False when `left` messages are left.
    fn step(&mut self, left: usize, clock: &Clock) -> bool {
        while let Some(event) = self.engine.poll_event() {
            if let Event::Sent { outcome, .. } = event {
                assert!(matches!(outcome, SendOutcome::Acknowledged(_)), "{outcome:?}");
                self.in_flight -= 1;
            }
        }
        let now = clock.now();
        while self.in_flight < 256
            && self.left.len() > left
            && let Some(message) = self.left.pop()
        {
            self.engine.send(self.producer, message, SendOptions::default(), now).expect("room");
            self.in_flight += 1;
        }
        self.in_flight > 0
    }
}

/// Allocations of a call, once everything has grown to its size.
fn allocations(mut run: impl FnMut(usize)) -> f64 {
    run(Sends::COUNT);
    measure(|| run(0)).count_total as f64 / Sends::COUNT as f64
}

#[test]
fn blocking_and_mio_drivers_allocate_nothing() {
    let server = Responder::start();
    let mut driver = blocking::BlockingDriver::new();
    let mut sends = Sends::new(&server, driver.clock());
    let each = allocations(|left| {
        while sends.step(left, driver.clock()) {
            driver.turn(&mut sends.engine);
        }
    });
    assert!(each < 0.01, "blocking: {each} allocations a call");

    let mut poll = ::mio::Poll::new().expect("poll");
    let mut ready = ::mio::Events::with_capacity(64);
    let mut driver = on_mio::MioDriver::new(poll.registry().try_clone().expect("registry"), 0..100);
    let mut sends = Sends::new(&server, driver.clock());
    let each = allocations(|left| {
        while sends.step(left, driver.clock()) {
            if driver.turn(&mut sends.engine).events {
                continue;
            }
            poll.poll(&mut ready, driver.timeout()).expect("polled");
            for event in &ready {
                driver.handle_event(&mut sends.engine, event);
            }
        }
    });
    assert!(each < 0.01, "mio: {each} allocations a call");
}

#[test]
fn asynchronous_drivers_allocate_next_to_nothing() {
    async fn run<R: Runtime>(driver: &mut async_io::AsyncDriver<R>, sends: &mut Sends, left: usize) {
        while sends.step(left, driver.clock()) {
            driver.turn(&mut sends.engine).await;
        }
    }
    let server = Responder::start();
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let mut driver = on_tokio::TokioDriver::new();
    let mut sends = Sends::new(&server, driver.clock());
    let each = allocations(|left| runtime.block_on(run(&mut driver, &mut sends, left)));
    assert!(each <= 2.0, "tokio: {each} allocations a call");

    let mut driver = on_async_std::AsyncStdDriver::new();
    let mut sends = Sends::new(&server, driver.clock());
    let each = allocations(|left| ::async_std::task::block_on(run(&mut driver, &mut sends, left)));
    assert!(each <= 2.0, "async-std: {each} allocations a call");
}

#[test]
fn a_pause_ends_with_the_engines_deadline() {
    let server = Responder::start();
    server.trickle(Duration::from_millis(10));
    let mut poll = ::mio::Poll::new().expect("poll");
    let mut ready = ::mio::Events::with_capacity(64);
    let mut driver = on_mio::MioDriver::new(poll.registry().try_clone().expect("registry"), 0..100);
    driver.set_gather(Duration::from_secs(60));
    let mut sends = Sends::new(&server, driver.clock());
    // A send takes 640 ms then, a third of which is longer than the engine ever waits for its next heartbeat.
    let left = sends.left.len() - 64;
    let mut pauses = 0;
    while sends.step(left, driver.clock()) {
        if driver.turn(&mut sends.engine).events {
            continue;
        }
        let deadline = driver.timeout();
        if let Some(pause) = driver.pause() {
            assert!(deadline.is_some_and(|deadline| pause <= deadline), "{pause:?}, due in {deadline:?}");
            pauses += 1;
            thread::sleep(pause);
        }
        poll.poll(&mut ready, driver.timeout()).expect("polled");
        for event in &ready {
            driver.handle_event(&mut sends.engine, event);
        }
    }
    assert!(pauses > 0);
}

#[test]
fn a_socket_is_not_asked_whether_it_has_more_before_a_pause() {
    let server = Responder::start();
    server.trickle(Duration::from_micros(100));
    let mut driver = on_async_std::AsyncStdDriver::new();
    driver.set_gather(BOUND);
    let mut sends = Sends::new(&server, driver.clock());
    ::async_std::task::block_on(async {
        while sends.step(0, driver.clock()) {
            driver.turn(&mut sends.engine).await;
        }
    });
    let (reads, pauses) = (driver.stats().reads(), driver.stats().pauses());
    // Each look would take two reads otherwise.
    assert!(pauses > 100 && reads < pauses * 3 / 2 + 32, "{reads} reads, {pauses} pauses");
}

#[test]
fn a_task_that_has_used_up_what_tokio_allows_in_one_go_goes_on() {
    tokio_run(async {
        let server = Responder::start();
        let mut driver = on_tokio::TokioDriver::new();
        let mut sends = Sends::new(&server, driver.clock());
        for _ in 0..10 {
            // From now on every socket says "not now", until this task waits.
            poll_fn(|cx| {
                while pin!(::tokio::task::coop::consume_budget()).poll(cx).is_ready() {}
                Poll::Ready(())
            })
            .await;
            let left = sends.left.len() - 64;
            while sends.step(left, driver.clock()) {
                driver.turn(&mut sends.engine).await;
            }
        }
    });
}

// ---- fairness --------------------------------------------------------------------------------------------------

/// How often brokers are told that the client lives.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// While one broker writes without pause, the other one gets its heartbeats.
fn heartbeats_go_on(busy: &Responder, quiet: &Responder) {
    thread::sleep(3 * HEARTBEAT);
    let (before, began) = (quiet.heartbeats(), Instant::now());
    while quiet.heartbeats() < before + 5 {
        assert!(began.elapsed() < 50 * HEARTBEAT, "{} heartbeats", quiet.heartbeats() - before);
        thread::sleep(Duration::from_millis(10));
    }
    assert!(busy.sends() > 0, "nothing made it busy");
}

fn two_brokers() -> (Responder, Responder) {
    let (busy, quiet) = (Responder::start(), Responder::start());
    busy.beside(&quiet);
    (busy, quiet)
}

fn a_busy_broker_beside_a_quiet_one<L: Launch>() {
    let (busy, quiet) = two_brokers();
    let builder = parked::Client::<L>::builder(&busy.name_server());
    let client = builder.configure(|config| config.heartbeat_broker_interval = HEARTBEAT).build();
    let client = client.expect("client");
    let topic = client.topic("orders").expect("topic");
    let producer = client.producer("shop").build().expect("producer");
    for _ in 0..8 {
        producer.send(Message::new(&topic, "before")).expect("acknowledged");
    }
    busy.flood();
    let queues = client.writable_queues(&topic).expect("queues");
    let queue = |broker: &str| queues.iter().find(|queue| queue.broker.as_str() == broker).cloned();
    let to = |broker| SendOptions { queue: queue(broker), ..SendOptions::default() };
    drop(producer.submit_with(Message::new(&topic, "flood"), to("responder")));
    heartbeats_go_on(&busy, &quiet);
    producer.send_with(Message::new(&topic, "meanwhile"), to("other")).expect("acknowledged");
    drop(client.shutdown(Duration::ZERO));
}

#[test]
fn a_busy_broker_does_not_starve_heartbeats_blocking() {
    a_busy_broker_beside_a_quiet_one::<blocking::Blocking>();
}

#[test]
fn a_busy_broker_does_not_starve_heartbeats_mio() {
    a_busy_broker_beside_a_quiet_one::<on_mio::Mio>();
}

#[test]
fn a_busy_broker_does_not_starve_heartbeats_tokio() {
    tokio_run(async {
        let (busy, quiet) = two_brokers();
        let builder = on_tokio::Client::builder(&busy.name_server());
        let client = builder.configure(|config| config.heartbeat_broker_interval = HEARTBEAT).build();
        let client = client.expect("client");
        let topic = client.topic("orders").await.expect("topic");
        let producer = client.producer("shop").build().await.expect("producer");
        for _ in 0..8 {
            producer.send(Message::new(&topic, "before")).await.expect("acknowledged");
        }
        busy.flood();
        for _ in 0..8 {
            drop(producer.send(Message::new(&topic, "flood")));
        }
        let watched = ::tokio::task::spawn_blocking(move || heartbeats_go_on(&busy, &quiet));
        watched.await.expect("heartbeats");
        drop(client.shutdown(Duration::ZERO).await);
    });
}
