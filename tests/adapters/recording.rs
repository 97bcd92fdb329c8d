//! I29: what a client did under any adapter, the bare engine does again, bit for bit, from the recording alone.

use std::future::Future;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use rocketmq_engine::record::{Ending, Replay, ReplayError, Replayed};
use rocketmq_io::async_io::Runtime;
use rocketmq_io::handle::{self, Launch, parked};
use rocketmq_io::{ConsumeFrom, Message};

use crate::support::{GRACE, GROUP, TOPIC, cluster, hasty};

const MESSAGES: usize = 200;
const ROOM: usize = 64 << 20;

/// A file in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic while it is held").clone()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic while it is held").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends, consumes, splits, sends back and stops, all of it recorded.
fn waited<L: Launch>(most: usize) -> Log {
    let (cluster, log) = (cluster(), Log::default());
    let builder = parked::Client::<L>::builder(&cluster.name_server()).record(most, log.clone());
    let client = builder.build().expect("client");
    let topic = client.topic(TOPIC).expect("topic");
    let producer = client.producer("shop").build().expect("producer");
    let post =
        |n: usize| producer.submit(Message::builder(&topic, format!("{n}")).tag("paid").build().unwrap());
    for pending in (0..MESSAGES).map(post).collect::<Vec<_>>() {
        pending.wait().expect("acknowledged");
    }
    let consumer = client.push_consumer(GROUP).subscribe(TOPIC, "paid").consume_from(ConsumeFrom::First);
    let consumer = consumer.configure(hasty).build().expect("consumer");
    let mut left = MESSAGES;
    while left > 0 {
        let delivery = consumer.recv().expect("a delivery");
        for (index, message) in delivery.messages().enumerate() {
            // Every seventh comes again.
            if index % 7 == 6 && message.get(0).is_some_and(|message| message.reconsume_times() == 0) {
                message.retry_later();
            } else {
                left -= 1;
                message.ack();
            }
        }
    }
    client.shutdown(GRACE).expect("report");
    drop((consumer, producer, client));
    log
}

async fn awaited<R: Runtime>() -> Log {
    let (cluster, log) = (cluster(), Log::default());
    let builder = handle::Client::<R>::builder(&cluster.name_server()).record(ROOM, log.clone());
    let client = builder.build().expect("client");
    let topic = client.topic(TOPIC).await.expect("topic");
    let producer = client.producer("shop").build().await.expect("producer");
    let post = |n: usize| producer.send(Message::new(&topic, format!("{n}")));
    for pending in (0..MESSAGES).map(post).collect::<Vec<_>>() {
        pending.await.expect("acknowledged");
    }
    let consumer = client.push_consumer(GROUP).subscribe(TOPIC, "*").consume_from(ConsumeFrom::First);
    let consumer = consumer.configure(hasty).build().await.expect("consumer");
    let (mut deliveries, mut left) = (consumer.deliveries(), MESSAGES);
    while left > 0 {
        let delivery = deliveries.next().await.expect("a delivery");
        left -= delivery.len();
        delivery.ack();
    }
    client.shutdown(GRACE).await.expect("report");
    log
}

fn replayed(log: Vec<u8>) -> Replayed {
    Replay::new(log).expect("a log").run().expect("the same again")
}

fn is_done_again(log: &Log) {
    let found = replayed(log.bytes());
    assert_eq!(found.ending, Ending::Whole);
    assert!(found.steps > 3 * MESSAGES as u64, "{found:?}");
}

#[test]
fn what_blocking_sockets_did_is_done_again_bit_for_bit() {
    is_done_again(&waited::<rocketmq_io::blocking::Blocking>(ROOM));
}

#[test]
fn what_mio_did_is_done_again_bit_for_bit() {
    is_done_again(&waited::<rocketmq_io::mio::Mio>(ROOM));
}

fn on_tokio<T>(work: impl Future<Output = T>) -> T {
    let runtime = ::tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("runtime").block_on(work)
}

#[test]
fn what_tokio_did_is_done_again_bit_for_bit() {
    is_done_again(&on_tokio(awaited::<rocketmq_io::tokio::Tokio>()));
}

#[test]
fn what_async_std_did_is_done_again_bit_for_bit() {
    is_done_again(&::async_std::task::block_on(awaited::<rocketmq_io::async_std::AsyncStd>()));
}

/// Where those bytes stand.
fn place(log: &[u8], of: &[u8]) -> usize {
    log.windows(of.len()).position(|window| window == of).expect("it is in there")
}

#[test]
fn a_replay_that_differs_says_where() {
    let log = waited::<rocketmq_io::mio::Mio>(ROOM).bytes();
    // The body of a message that was sent is another: so are the bytes that leave.
    let mut other = log.clone();
    // Before the properties and their length, which is one byte.
    let body = place(&log, b"TAGS\x01paid\x02") - 2;
    other[body] ^= 1;
    let found = Replay::new(other).expect("a log").run();
    assert!(matches!(&found, Err(ReplayError::Differs { what: "what is written", .. })), "{found:?}");
    // An answer names another offset: so does what the application is told.
    let mut other = log.clone();
    let offset = place(&log, b"\"queueOffset\":\"") + 15;
    other[offset] ^= 1;
    let found = Replay::new(other).expect("a log").run();
    assert!(matches!(&found, Err(ReplayError::Differs { what: "an event", .. })), "{found:?}");
}

#[test]
fn logs_that_are_cut_full_foreign_or_damaged_are_told_apart() {
    let log = waited::<rocketmq_io::blocking::Blocking>(ROOM).bytes();
    let cut = replayed(log[..log.len() * 2 / 3].to_vec());
    assert!(matches!(cut.ending, Ending::Cut(_) | Ending::Whole), "{cut:?}");
    assert!(matches!(Replay::new(b"RMQ".to_vec()), Err(ReplayError::NotALog)));
    let mut foreign = log.clone();
    let version = place(&log, env!("CARGO_PKG_VERSION").as_bytes());
    foreign[version] = b'9';
    assert!(matches!(Replay::new(foreign), Err(ReplayError::OtherVersion { .. })));
    // Nothing that is read is trusted.
    for at in (8..log.len()).step_by(log.len() / 300) {
        let mut other = log.clone();
        other[at] ^= 0xff;
        if let Ok(replay) = Replay::new(other) {
            let _ = replay.run();
        }
    }
}

#[test]
fn a_recording_that_nobody_fetches_in_time_ends_and_says_so() {
    let log = waited::<rocketmq_io::mio::Mio>(4 << 10).bytes();
    assert_eq!(replayed(log).ending, Ending::Full);
}
