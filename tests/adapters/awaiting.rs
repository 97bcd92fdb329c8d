//! Handles that are awaited: async-std, tokio.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rocketmq_io::async_io::{Client, Producer, PushConsumer, Runtime};
use rocketmq_io::{ConsumeFrom, Message, Topic};
use rocketmq_testkit::TcpCluster;

use crate::support::{GRACE, GROUP, Seen, TOPIC, cluster, committed, hasty, soon};

struct Setup<R> {
    cluster: TcpCluster,
    client: Client<R>,
    topic: Topic,
    producer: Producer,
}

impl<R: Runtime> Setup<R> {
    async fn new() -> Self {
        let cluster = cluster();
        let client = Client::builder(&cluster.name_server()).build().expect("client");
        let topic = client.topic(TOPIC).await.expect("topic");
        let producer = client.producer("shop").build().await.expect("producer");
        Self { cluster, client, topic, producer }
    }

    async fn send(&self, count: usize) {
        let post = |n: usize| self.producer.send(Message::new(&self.topic, format!("{n}")));
        for pending in (0..count).map(post).collect::<Vec<_>>() {
            pending.await.expect("acknowledged");
        }
    }

    async fn consumer(&self) -> PushConsumer {
        let builder = self.client.push_consumer(GROUP).subscribe(TOPIC, "*").consume_from(ConsumeFrom::First);
        builder.configure(hasty).build().await.expect("consumer")
    }
}

async fn everything_sent_arrives_once_and_is_committed<R: Runtime>() {
    let setup = Setup::<R>::new().await;
    setup.send(500).await;
    let (consumer, seen) = (setup.consumer().await, Seen::default());
    let mut deliveries = consumer.deliveries();
    while seen.different() < 500 {
        let delivery = deliveries.next().await.expect("a delivery");
        seen.add(&delivery);
        delivery.ack();
    }
    assert_eq!(seen.all(), 500);
    let stats = consumer.stats().await.expect("a client").expect("open");
    assert_eq!((stats.delivered, stats.unfinished), (500, 0));
    assert!(stats.most_unfinished_bytes > 0, "{stats:?}");
    let report = setup.client.shutdown(GRACE).await.expect("report");
    assert!(report.in_time && report.uncommitted.is_empty(), "{report:?}");
    assert_eq!(committed(&setup.cluster), 500);
    assert!(deliveries.next().await.is_none(), "closed");
}

async fn a_listener_works_in_tasks_and_survives_a_panic<R: Runtime>() {
    let setup = Setup::<R>::new().await;
    setup.send(200).await;
    let (consumer, seen) = (setup.consumer().await, Arc::new(Seen::default()));
    let inside = seen.clone();
    let first = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let listener = consumer.listen(3, move |delivery| {
        let (seen, first) = (inside.clone(), first.clone());
        async move {
            R::sleep(Duration::from_millis(1)).await;
            assert!(
                !first.swap(false, std::sync::atomic::Ordering::SeqCst),
                "the first batch panics, and comes again"
            );
            seen.add(&delivery);
            delivery.ack();
        }
    });
    let until = Instant::now() + GRACE;
    while seen.different() < 200 && Instant::now() < until {
        R::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((seen.different(), seen.all()), (200, 200));
    drop((listener, consumer));
    setup.client.shutdown(GRACE).await.expect("report");
    assert_eq!(committed(&setup.cluster), 200);
}

async fn what_is_dropped_or_sent_back_comes_again<R: Runtime>() {
    let setup = Setup::<R>::new().await;
    setup.send(1).await;
    let consumer = setup.consumer().await;
    drop(consumer.recv().await.expect("a delivery"));
    let again = consumer.recv().await.expect("what is dropped comes again");
    again.retry_later();
    let retried = consumer.recv().await.expect("what is sent back comes through the retry topic");
    assert_eq!(retried.get(0).map(|message| message.reconsume_times()), Some(1));
    retried.ack();
    let report = setup.client.shutdown(GRACE).await.expect("report");
    assert!(report.uncommitted.is_empty(), "{report:?}");
}

async fn a_dropped_wait_loses_no_delivery<R: Runtime>() {
    let setup = Setup::<R>::new().await;
    let consumer = setup.consumer().await;
    // Two wait, the first gives up when both have been in the line.
    let mut given_up = consumer.recv();
    let waiting = consumer.recv();
    std::future::poll_fn(|cx| {
        let polled = std::pin::Pin::new(&mut given_up).poll(cx);
        assert!(polled.is_pending(), "nothing was sent");
        std::task::Poll::Ready(())
    })
    .await;
    setup.send(1).await;
    R::sleep(Duration::from_millis(200)).await;
    drop(given_up);
    let delivery = waiting.await.expect("the other one gets it");
    assert_eq!(delivery.len(), 1);
    delivery.ack();
}

async fn the_last_handle_leaves_the_end_to_the_task<R: Runtime>() {
    let setup = Setup::<R>::new().await;
    setup.send(40).await;
    let consumer = setup.consumer().await;
    let mut left = 40;
    while left > 0 {
        let delivery = consumer.recv().await.expect("a delivery");
        left -= delivery.len();
        delivery.ack();
    }
    let Setup { cluster, client, topic: _, producer } = setup;
    let begun = Instant::now();
    drop((client, producer, consumer));
    assert!(begun.elapsed() < Duration::from_millis(100), "nobody waits in a task");
    // The driver's task needs this thread no more than any other.
    let until = Instant::now() + GRACE;
    while committed(&cluster) < 40 && Instant::now() < until {
        R::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(committed(&cluster), 40);
    assert!(soon(|| cluster.with(|cluster| cluster.members(GROUP)).is_empty()));
}

async fn acknowledgements_of_a_busy_consumer_do_not_wake_the_driver<R: Runtime>() {
    let setup = Setup::<R>::new().await;
    setup.send(600).await;
    let consumer = setup.consumer().await;
    let stats = setup.client.driver_stats();
    let (before, mut acked) = (stats.turns(), 0);
    while acked < 600 {
        for message in consumer.recv().await.expect("a delivery").messages() {
            message.ack();
            acked += 1;
            // Long enough for a driver that is woken to look around.
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    let turns = stats.turns() - before;
    assert!(turns < 200, "{turns} turns for 600 acknowledgements");
    let report = setup.client.shutdown(GRACE).await.expect("report");
    assert!(report.uncommitted.is_empty(), "{report:?}");
    assert_eq!(committed(&setup.cluster), 600);
}

macro_rules! tests {
    ($adapter:ident, $marker:ty, $run:expr, $($name:ident)*) => {
        mod $adapter {
            $(
                #[test]
                fn $name() {
                    $run(super::$name::<$marker>());
                }
            )*
        }
    };
    ($adapter:ident, $marker:ty, $run:expr) => {
        tests!($adapter, $marker, $run,
            everything_sent_arrives_once_and_is_committed
            a_listener_works_in_tasks_and_survives_a_panic
            what_is_dropped_or_sent_back_comes_again
            a_dropped_wait_loses_no_delivery
            the_last_handle_leaves_the_end_to_the_task
            acknowledgements_of_a_busy_consumer_do_not_wake_the_driver
        );
    };
}

fn on_tokio(work: impl Future<Output = ()>) {
    let runtime = ::tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("runtime").block_on(work);
}

tests!(async_std, rocketmq_io::async_std::AsyncStd, ::async_std::task::block_on);
tests!(tokio, rocketmq_io::tokio::Tokio, crate::awaiting::on_tokio);
