//! Handles that wait: blocking, mio.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use rocketmq_io::handle::Launch;
use rocketmq_io::handle::parked::{Client, Producer, PushConsumer};
use rocketmq_io::{ClientError, ConsumeFrom, Message, Topic};
use rocketmq_testkit::TcpCluster;

use crate::support::{GRACE, GROUP, Seen, TOPIC, cluster, committed, hasty, soon};

struct Setup<L> {
    cluster: TcpCluster,
    client: Client<L>,
    topic: Topic,
    producer: Producer,
}

impl<L: Launch> Setup<L> {
    fn new() -> Self {
        let cluster = cluster();
        let client = Client::builder(&cluster.name_server()).build().expect("client");
        let topic = client.topic(TOPIC).expect("topic");
        let producer = client.producer("shop").build().expect("producer");
        Self { cluster, client, topic, producer }
    }

    fn send(&self, count: usize) {
        let post = |n: usize| self.producer.submit(Message::new(&self.topic, format!("{n}")));
        for pending in (0..count).map(post).collect::<Vec<_>>() {
            pending.wait().expect("acknowledged");
        }
    }

    fn consumer(&self) -> PushConsumer {
        consumer(&self.client)
    }
}

fn consumer<L: Launch>(client: &Client<L>) -> PushConsumer {
    let builder = client.push_consumer(GROUP).subscribe(TOPIC, "*").consume_from(ConsumeFrom::First);
    builder.configure(hasty).build().expect("consumer")
}

/// Assigned ones, without those of the retry topic.
fn queues(consumer: &PushConsumer) -> usize {
    consumer.queues().iter().filter(|queue| queue.topic.as_str() == TOPIC).count()
}

fn everything_sent_arrives_once_and_is_committed<L: Launch>() {
    let setup = Setup::<L>::new();
    setup.send(500);
    let (consumer, seen) = (setup.consumer(), Seen::default());
    for delivery in consumer.deliveries() {
        seen.add(&delivery);
        delivery.ack();
        if seen.different() == 500 {
            break;
        }
    }
    assert_eq!((seen.all(), queues(&consumer)), (500, 4));
    let stats = consumer.stats().expect("a client").expect("open");
    assert_eq!((stats.delivered, stats.unfinished, stats.unfinished_bytes), (500, 0, 0));
    assert!(stats.most_unfinished_bytes > 0, "{stats:?}");
    let report = setup.client.shutdown(GRACE).expect("report");
    assert!(report.in_time && report.uncommitted.is_empty(), "{report:?}");
    assert_eq!(committed(&setup.cluster), 500);
    assert!(matches!(consumer.stats(), Err(ClientError::Stopped)));
    assert!(consumer.recv().is_none(), "closed");
}

fn a_listener_settles_messages_alone_and_survives_a_panic<L: Launch>() {
    let setup = Setup::<L>::new();
    setup.send(200);
    let (consumer, seen, panics) =
        (setup.consumer(), Arc::new(Seen::default()), Arc::new(AtomicUsize::new(0)));
    let (inside, panicked) = (seen.clone(), panics.clone());
    let listener = consumer.listen(3, move |batch| {
        let mut pieces: Vec<_> = batch.messages().collect();
        pieces.reverse();
        for piece in pieces {
            let before = panicked.fetch_add(1, SeqCst);
            assert_ne!(before, 7, "the eighth message panics: it and the rest of its batch come again");
            inside.add(&piece);
            piece.ack();
        }
    });
    assert!(soon(|| seen.different() == 200), "{} of 200", seen.different());
    drop((listener, consumer));
    setup.client.shutdown(GRACE).expect("report");
    assert_eq!(committed(&setup.cluster), 200);
}

fn what_is_dropped_or_sent_back_comes_again<L: Launch>() {
    let setup = Setup::<L>::new();
    setup.send(1);
    let consumer = setup.consumer();
    let first = consumer.recv().expect("a delivery");
    assert_eq!(first.get(0).map(|message| message.reconsume_times()), Some(0));
    drop(first);
    let again = consumer.recv_timeout(GRACE).expect("what is dropped comes again");
    assert_eq!(again.get(0).map(|message| message.reconsume_times()), Some(0));
    again.suspend(Duration::from_millis(10));
    let again = consumer.recv_timeout(GRACE).expect("what is suspended comes again");
    again.retry_later();
    let retried = consumer.recv_timeout(GRACE).expect("what is sent back comes through the retry topic");
    assert_eq!(retried.get(0).map(|message| message.reconsume_times()), Some(1));
    assert_eq!((retried.topic(0), retried.queue().topic.as_str()), (Some(TOPIC), "%RETRY%billing"));
    retried.ack();
    let report = setup.client.shutdown(GRACE).expect("report");
    assert!(report.uncommitted.is_empty(), "{report:?}");
}

fn unread_deliveries_do_not_hold_up_the_end<L: Launch>() {
    let setup = Setup::<L>::new();
    setup.send(300);
    let consumer = setup.consumer();
    let first = consumer.recv().expect("a delivery");
    let acked = first.len();
    first.ack();
    assert!(soon(|| queues(&consumer) == 4));
    let begun = Instant::now();
    let report = setup.client.shutdown(Duration::from_secs(30)).expect("report");
    assert!(begun.elapsed() < Duration::from_secs(5), "took {:?}: {report:?}", begun.elapsed());
    assert_eq!(committed(&setup.cluster), acked as i64);

    // Another member gets the rest, and nothing of what was acknowledged.
    let other = Client::<L>::builder(&setup.cluster.name_server()).build().expect("client");
    let (consumer, seen) = (self::consumer(&other), Seen::default());
    while seen.different() < 300 - acked {
        let delivery = consumer.recv_timeout(GRACE).expect("the rest");
        seen.add(&delivery);
        delivery.ack();
    }
    assert_eq!(seen.all(), 300 - acked);
}

fn a_broker_that_stops_and_comes_back_loses_nothing<L: Launch>() {
    let setup = Setup::<L>::new();
    let (consumer, seen) = (setup.consumer(), Arc::new(Seen::default()));
    let inside = seen.clone();
    let listener = consumer.listen(2, move |delivery| {
        inside.add(&delivery);
        delivery.ack();
    });
    let mut acknowledged = 0;
    for round in 0..6 {
        if round == 2 {
            setup.cluster.with(|cluster| cluster.stop_broker(0));
        }
        if round == 4 {
            setup.cluster.with(|cluster| cluster.start_broker(0));
            // Back-off after the failures so far, and the next attempt to connect.
            thread::sleep(Duration::from_millis(1500));
        }
        let post = |n: usize| setup.producer.submit(Message::new(&setup.topic, format!("{round}-{n}")));
        for pending in (0..50).map(post).collect::<Vec<_>>() {
            acknowledged += usize::from(pending.wait().is_ok());
        }
    }
    assert!(acknowledged >= 200, "{acknowledged} of 300 acknowledged, 100 could not be");
    assert!(soon(|| seen.different() >= acknowledged), "{} of {acknowledged}", seen.different());
    drop((listener, consumer));
    setup.client.shutdown(GRACE).expect("report");
}

fn the_last_handle_ends_the_client_in_order<L: Launch>() {
    let setup = Setup::<L>::new();
    setup.send(40);
    let consumer = setup.consumer();
    let mut left = 40;
    while left > 0 {
        let delivery = consumer.recv_timeout(GRACE).expect("a delivery");
        left -= delivery.len();
        delivery.ack();
    }
    let Setup { cluster, client, topic: _, producer } = setup;
    drop((client, producer));
    assert_eq!(cluster.with(|cluster| cluster.members(GROUP)).len(), 1, "the consumer is a handle, too");
    drop(consumer);
    assert_eq!(committed(&cluster), 40);
    assert!(soon(|| cluster.with(|cluster| cluster.members(GROUP)).is_empty()));
}

fn an_idle_consumer_sleeps<L: Launch>() {
    let setup = Setup::<L>::new();
    setup.send(4);
    let consumer = setup.client.push_consumer(GROUP).subscribe(TOPIC, "*").consume_from(ConsumeFrom::First);
    let consumer = consumer.build().expect("consumer");
    let mut left = 4;
    while left > 0 {
        let delivery = consumer.recv_timeout(GRACE).expect("a delivery");
        left -= delivery.len();
        delivery.ack();
    }
    thread::sleep(Duration::from_millis(500));
    let stats = setup.client.driver_stats();
    let before = stats.turns();
    thread::sleep(Duration::from_secs(2));
    // At most: a timer to commit, and its answers for four queues.
    let turns = stats.turns() - before;
    assert!(turns <= 6, "{turns} turns in two idle seconds");
}

fn acknowledgements_of_a_busy_consumer_do_not_wake_the_driver<L: Launch>() {
    let setup = Setup::<L>::new();
    setup.send(600);
    let consumer = setup.consumer();
    let stats = setup.client.driver_stats();
    let (before, mut acked) = (stats.turns(), 0);
    while acked < 600 {
        for message in consumer.recv().expect("a delivery").messages() {
            message.ack();
            acked += 1;
            // Long enough for a driver that is woken to look around.
            thread::sleep(Duration::from_micros(200));
        }
    }
    let turns = stats.turns() - before;
    assert!(turns < 200, "{turns} turns for 600 acknowledgements");
    let report = setup.client.shutdown(GRACE).expect("report");
    assert!(report.uncommitted.is_empty(), "{report:?}");
    assert_eq!(committed(&setup.cluster), 600);
}

fn a_consumer_closes_alone_and_may_be_made_again<L: Launch>() {
    let setup = Setup::<L>::new();
    setup.send(10);
    let consumer = setup.consumer();
    let mut left = 10;
    while left > 0 {
        let delivery = consumer.recv_timeout(GRACE).expect("a delivery");
        left -= delivery.len();
        delivery.ack();
    }
    assert!(consumer.close().is_empty(), "everything is committed");
    assert_eq!(committed(&setup.cluster), 10);
    drop(consumer);
    let again = setup.consumer();
    setup.send(1);
    assert_eq!(again.recv_timeout(GRACE).map(|delivery| delivery.len()), Some(1));
}

macro_rules! tests {
    ($($adapter:ident: $marker:ty)*) => {$(
        mod $adapter {
            tests!(@each $marker:
                everything_sent_arrives_once_and_is_committed
                a_listener_settles_messages_alone_and_survives_a_panic
                what_is_dropped_or_sent_back_comes_again
                unread_deliveries_do_not_hold_up_the_end
                a_broker_that_stops_and_comes_back_loses_nothing
                the_last_handle_ends_the_client_in_order
                an_idle_consumer_sleeps
                acknowledgements_of_a_busy_consumer_do_not_wake_the_driver
                a_consumer_closes_alone_and_may_be_made_again
            );
        }
    )*};
    (@each $marker:ty: $($name:ident)*) => {$(
        #[test]
        fn $name() {
            super::$name::<$marker>();
        }
    )*};
}

tests! {
    blocking: rocketmq_io::blocking::Blocking
    mio: rocketmq_io::mio::Mio
}
