//! The driver level asleep: with nothing to do, no turn ends before the deadline the engine reported.

use std::future::Future;
use std::task::Waker;
use std::thread;
use std::time::Duration;

use rocketmq_engine::{
    Client, ClientConfig, ConsumeFrom, Event, Instant, Message, ProducerConfig, PushConsumerConfig,
    SendOptions, Settlement, TagFilter, Wait,
};
use rocketmq_io::async_io::{AsyncDriver, Runtime};
use rocketmq_io::blocking::BlockingDriver;
use rocketmq_io::driver;
use rocketmq_io::handle::DriverStats;
use rocketmq_io::mio::MioDriver;

use crate::support::{GROUP, TOPIC, cluster};

/// How long the client is watched.
const WATCHED: Duration = Duration::from_secs(3);

/// A driver, one turn at a time.
trait Drive {
    fn now(&self) -> Instant;
    fn stats(&self) -> &DriverStats;
    fn act(&mut self, client: &mut Client) -> Wait;
    /// Sleeps as the driver does, though not longer than `most`.
    fn sleep(&mut self, client: &mut Client, wait: Wait, most: Duration);
}

struct Blocking(BlockingDriver);

impl Drive for Blocking {
    fn now(&self) -> Instant {
        self.0.clock().now()
    }

    fn stats(&self) -> &DriverStats {
        self.0.stats()
    }

    fn act(&mut self, client: &mut Client) -> Wait {
        self.0.act(client)
    }

    fn sleep(&mut self, client: &mut Client, wait: Wait, most: Duration) {
        // Woken from outside at the end, as an application does it.
        let waker: Waker = self.0.waker().clone();
        let (done, end) = std::sync::mpsc::channel::<()>();
        let alarm = thread::spawn(move || {
            if end.recv_timeout(most).is_err() {
                waker.wake();
            }
        });
        self.0.wait(client, wait);
        let _ = done.send(());
        let _ = alarm.join();
    }
}

struct Mio(MioDriver, mio::Poll, mio::Events);

impl Drive for Mio {
    fn now(&self) -> Instant {
        self.0.clock().now()
    }

    fn stats(&self) -> &DriverStats {
        self.0.stats()
    }

    fn act(&mut self, client: &mut Client) -> Wait {
        self.0.turn(client)
    }

    fn sleep(&mut self, client: &mut Client, _: Wait, most: Duration) {
        let timeout = self.0.timeout().map_or(most, |timeout| timeout.min(most));
        self.1.poll(&mut self.2, Some(timeout)).expect("a poll that works");
        for event in &self.2 {
            self.0.handle_event(client, event);
        }
    }
}

/// With a way to run a future for a time at most.
struct Async<R: Runtime, F>(AsyncDriver<R>, F);

impl<R: Runtime, F: FnMut(Duration, &mut (dyn Future<Output = ()> + Unpin))> Drive for Async<R, F> {
    fn now(&self) -> Instant {
        self.0.clock().now()
    }

    fn stats(&self) -> &DriverStats {
        self.0.stats()
    }

    fn act(&mut self, client: &mut Client) -> Wait {
        self.0.act(client)
    }

    fn sleep(&mut self, client: &mut Client, wait: Wait, most: Duration) {
        let Self(driver, run) = self;
        run(most, &mut std::future::poll_fn(|cx| driver.poll_wait(client, wait, cx)));
    }
}

/// A producer and a consumer that have done their work: then nothing wakes them but what they wait for.
fn sleeps_until_its_deadline(mut drive: impl Drive) {
    let cluster = cluster();
    let config = ClientConfig::new(&cluster.name_server()).expect("an address");
    let mut client =
        Client::new(config, driver::seed(), drive.now(), driver::unix_now()).expect("a good configuration");
    let topic = client.topic(TOPIC).expect("a good name");
    let producer = client.create_producer(ProducerConfig::new("shop"), drive.now()).expect("a producer");
    let config = PushConsumerConfig::new(GROUP).consume_from(ConsumeFrom::First);
    let consumer = client.create_push_consumer(config, drive.now()).expect("a consumer");
    client.subscribe(consumer, &topic, TagFilter::all(), drive.now()).expect("a subscription");
    client.send(producer, Message::new(&topic, "x"), SendOptions::default(), drive.now()).expect("accepted");

    let (mut received, mut since, mut early, mut turns) = (0, None, Vec::new(), 0);
    loop {
        while let Some(event) = client.poll_event() {
            if let Event::Delivered(delivery) = event {
                received += delivery.len();
                client.settle(delivery, Settlement::Done, drive.now()).expect("its own delivery");
            }
        }
        // Its retry topic's queue, heartbeats and the like settle down within a moment.
        if received == 1 && since.is_none() {
            since = Some(drive.now() + Duration::from_secs(1));
        }
        let end = since.map_or(drive.now() + Duration::from_secs(20), |since| since + WATCHED);
        if drive.now() >= end {
            break;
        }
        let wait = drive.act(&mut client);
        if wait.events {
            continue;
        }
        let reads = drive.stats().reads();
        drive.sleep(&mut client, wait, end - drive.now());
        let now = drive.now();
        if since.is_some_and(|since| since <= now) && now < end {
            turns += 1;
            if wait.until.is_none_or(|until| now < until) && drive.stats().reads() == reads {
                early.push((now, wait));
            }
        }
    }
    assert_eq!(received, 1);
    assert!(early.is_empty(), "woke without input before the deadline: {early:?}");
    assert!(turns <= 12, "{turns} turns in {WATCHED:?} with nothing to do");
}

#[test]
fn blocking() {
    sleeps_until_its_deadline(Blocking(BlockingDriver::new()));
}

#[test]
fn mio() {
    let poll = ::mio::Poll::new().expect("a poll");
    let registry = poll.registry().try_clone().expect("a registry");
    sleeps_until_its_deadline(Mio(MioDriver::new(registry, 0..1000), poll, ::mio::Events::with_capacity(64)));
}

#[test]
fn async_std() {
    let run = |most, future: &mut (dyn Future<Output = ()> + Unpin)| {
        let _ = ::async_std::task::block_on(::async_std::future::timeout(most, future));
    };
    sleeps_until_its_deadline(Async(AsyncDriver::<rocketmq_io::async_std::AsyncStd>::new(), run));
}

#[test]
fn tokio() {
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let run = move |most, future: &mut (dyn Future<Output = ()> + Unpin)| {
        let _ = runtime.block_on(async { ::tokio::time::timeout(most, future).await });
    };
    sleeps_until_its_deadline(Async(AsyncDriver::<rocketmq_io::tokio::Tokio>::new(), run));
}
