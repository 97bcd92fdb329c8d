//! Each adapter's handle level against a small server: outcomes, drops, shutdown, idleness, a server that is away.

use std::time::{Duration, Instant};

use rocketmq_io::engine::{Notice, RejectReason};
use rocketmq_io::{Message, SendError};

use crate::support::Responder;

/// The same tests for each adapter whose handles wait.
macro_rules! waiting {
    ($adapter:ident) => {
        mod $adapter {
            use super::*;
            use rocketmq_io::$adapter::Client;

            #[test]
            fn sends_are_acknowledged_one_by_one_and_pipelined() {
                let server = Responder::start();
                let client = Client::builder(&server.name_server()).build().expect("client");
                let topic = client.topic("orders").expect("topic");
                let producer = client.producer("shop").build().expect("producer");
                let first = producer.send(Message::new(&topic, "one")).expect("acknowledged");
                assert_eq!((first.queue.topic.as_str(), first.attempts), ("orders", 1));
                let many: Vec<_> =
                    (0..500).map(|n| producer.submit(Message::new(&topic, format!("{n}")))).collect();
                for pending in many {
                    pending.wait().expect("acknowledged");
                }
                producer.send_oneway(Message::new(&topic, "away")).expect("written");
                let report = client.shutdown(Duration::from_secs(5)).expect("report");
                assert!(report.in_time, "{report:?}");
                server.receives(502);
            }

            #[test]
            fn what_is_dropped_is_sent_all_the_same_and_the_last_handle_waits() {
                let server = Responder::start();
                let client = Client::builder(&server.name_server()).build().expect("client");
                let topic = client.topic("orders").expect("topic");
                let producer = client.producer("shop").build().expect("producer");
                for n in 0..100 {
                    drop(producer.submit(Message::new(&topic, format!("{n}"))));
                }
                let stats = client.driver_stats();
                drop((client, producer));
                server.receives(100);
                assert_eq!(stats.unobserved(), 100);
            }

            #[test]
            fn after_the_end_messages_come_back() {
                let server = Responder::start();
                let client = Client::builder(&server.name_server()).build().expect("client");
                let topic = client.topic("orders").expect("topic");
                let producer = client.producer("shop").build().expect("producer");
                client.shutdown(Duration::from_secs(1)).expect("report");
                let error = producer.send(Message::new(&topic, "late")).expect_err("closed");
                let SendError::Rejected(rejected) = error else { panic!("{error:?}") };
                assert_eq!(rejected.reason, RejectReason::Closed);
                assert_eq!(&rejected.returned.body()[..], b"late");
                assert!(client.topic("other").is_err());
            }

            #[test]
            fn an_unanswered_send_is_indeterminate_at_shutdown() {
                let server = Responder::start();
                let client = Client::builder(&server.name_server()).build().expect("client");
                let topic = client.topic("orders").expect("topic");
                let producer = client.producer("shop").build().expect("producer");
                producer.send(Message::new(&topic, "one")).expect("acknowledged");
                server.mute(true);
                let pending = producer.submit(Message::new(&topic, "two"));
                let pending = pending.wait_timeout(Duration::from_millis(50)).expect_err("no answer yet");
                let report = client.shutdown(Duration::from_millis(200)).expect("report");
                assert_eq!((report.indeterminate, report.in_time), (1, false), "{report:?}");
                let error = pending.wait().expect_err("never answered");
                assert!(error.may_be_stored(), "{error:?}");
            }

            #[test]
            fn a_name_server_that_is_away_is_named() {
                // Nobody listens on a port that was just given back.
                let gone = Responder::start().name_server();
                let client = Client::builder(&gone).build().expect("client");
                let topic = client.topic("orders").expect("topic");
                let producer = client.producer("shop").build().expect("producer");
                let error = producer.send(Message::new(&topic, "one")).expect_err("nobody there");
                let text = error.to_string();
                assert!(text.contains(&gone) && text.contains("refused"), "{text}");
                assert!(!error.may_be_stored());
            }

            #[test]
            fn a_connection_that_is_cut_is_made_anew() {
                let server = Responder::start();
                let client = Client::builder(&server.name_server()).build().expect("client");
                let topic = client.topic("orders").expect("topic");
                let producer = client.producer("shop").build().expect("producer");
                producer.send(Message::new(&topic, "one")).expect("acknowledged");
                server.cut();
                producer.send(Message::new(&topic, "two")).expect("acknowledged over a new connection");
            }

            #[test]
            fn nobody_waits_for_a_driver_that_panicked() {
                let (server, other) = (Responder::start(), Responder::start());
                server.beside(&other);
                let builder = Client::builder(&server.name_server());
                // A connection's end is found by the thread that reads it.
                let builder = builder.on_notice(|notice| {
                    assert!(!matches!(notice, Notice::Closed { .. }), "planted");
                });
                let client = builder.build().expect("client");
                let topic = client.topic("orders").expect("topic");
                let producer = client.producer("shop").build().expect("producer");
                while other.sends() == 0 {
                    producer.send(Message::new(&topic, "known")).expect("acknowledged");
                }
                server.mute(true);
                other.mute(true);
                let unanswered = producer.submit(Message::new(&topic, "unanswered"));
                std::thread::sleep(Duration::from_millis(50));
                let begun = Instant::now();
                other.cut();
                let error = unanswered.wait().expect_err("the driver is gone");
                assert!(matches!(error, SendError::DriverGone), "{error:?}");
                drop((client, producer));
                // At once: the engine's next deadline is two seconds away.
                assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
            }

            #[test]
            fn an_idle_client_sleeps() {
                let server = Responder::start();
                let client = Client::builder(&server.name_server()).build().expect("client");
                let topic = client.topic("orders").expect("topic");
                let producer = client.producer("shop").build().expect("producer");
                producer.send(Message::new(&topic, "one")).expect("acknowledged");
                std::thread::sleep(Duration::from_millis(300));
                let before = client.driver_stats().turns();
                std::thread::sleep(Duration::from_millis(1500));
                let turns = client.driver_stats().turns() - before;
                assert!(turns <= 1, "{turns} turns with nothing to do");
            }

            #[test]
            fn a_group_has_one_producer_until_it_closes() {
                let server = Responder::start();
                let client = Client::builder(&server.name_server()).build().expect("client");
                let first = client.producer("shop").build().expect("producer");
                assert!(client.producer("shop").build().is_err());
                drop(first);
                client.producer("shop").build().expect("the name is free again");
            }

            #[test]
            fn wrong_settings_say_what_is_wrong() {
                let error = Client::builder("nowhere").build().expect_err("no port").to_string();
                assert!(error.contains("nowhere") && error.contains("HOST:PORT"), "{error}");
            }
        }
    };
}

#[cfg(feature = "blocking")]
waiting!(blocking);
#[cfg(feature = "mio")]
waiting!(mio);

/// The same for adapters whose handles are awaited.
#[cfg(any(feature = "async-std", feature = "tokio"))]
macro_rules! awaiting {
    ($adapter:ident, $run:expr) => {
        mod $adapter {
            use super::*;
            use rocketmq_io::$adapter::Client;

            #[test]
            fn sends_are_acknowledged_one_by_one_and_pipelined() {
                $run(async {
                    let server = Responder::start();
                    let client = Client::builder(&server.name_server()).build().expect("client");
                    let topic = client.topic("orders").await.expect("topic");
                    let producer = client.producer("shop").build().await.expect("producer");
                    let first = producer.send(Message::new(&topic, "one")).await.expect("acknowledged");
                    assert_eq!((first.queue.topic.as_str(), first.attempts), ("orders", 1));
                    let many: Vec<_> =
                        (0..500).map(|n| producer.send(Message::new(&topic, format!("{n}")))).collect();
                    for pending in many {
                        pending.await.expect("acknowledged");
                    }
                    producer.send_oneway(Message::new(&topic, "away")).await.expect("written");
                    let report = client.shutdown(Duration::from_secs(5)).await.expect("report");
                    assert!(report.in_time, "{report:?}");
                    server.receives(502);
                });
            }

            #[test]
            fn the_last_handle_leaves_the_end_to_the_task() {
                $run(async {
                    let server = Responder::start();
                    let client = Client::builder(&server.name_server()).build().expect("client");
                    let topic = client.topic("orders").await.expect("topic");
                    let producer = client.producer("shop").build().await.expect("producer");
                    let pending: Vec<_> =
                        (0..100).map(|n| producer.send(Message::new(&topic, format!("{n}")))).collect();
                    drop((client, producer));
                    for pending in pending {
                        pending.await.expect("acknowledged after the last handle is gone");
                    }
                });
            }

            #[test]
            fn after_the_end_messages_come_back() {
                $run(async {
                    let server = Responder::start();
                    let client = Client::builder(&server.name_server()).build().expect("client");
                    let topic = client.topic("orders").await.expect("topic");
                    let producer = client.producer("shop").build().await.expect("producer");
                    client.shutdown(Duration::from_secs(1)).await.expect("report");
                    let error = producer.send(Message::new(&topic, "late")).await.expect_err("closed");
                    let SendError::Rejected(rejected) = error else { panic!("{error:?}") };
                    assert_eq!(rejected.reason, RejectReason::Closed);
                });
            }

            #[test]
            fn a_name_server_that_is_away_is_named() {
                $run(async {
                    let gone = Responder::start().name_server();
                    let client = Client::builder(&gone).build().expect("client");
                    let topic = client.topic("orders").await.expect("topic");
                    let producer = client.producer("shop").build().await.expect("producer");
                    let error = producer.send(Message::new(&topic, "one")).await.expect_err("nobody there");
                    let text = error.to_string();
                    assert!(text.contains(&gone) && text.contains("refused"), "{text}");
                });
            }

            #[test]
            fn an_idle_client_sleeps() {
                $run(async {
                    let server = Responder::start();
                    let client = Client::builder(&server.name_server()).build().expect("client");
                    let topic = client.topic("orders").await.expect("topic");
                    let producer = client.producer("shop").build().await.expect("producer");
                    producer.send(Message::new(&topic, "one")).await.expect("acknowledged");
                    std::thread::sleep(Duration::from_millis(300));
                    let before = client.driver_stats().turns();
                    std::thread::sleep(Duration::from_millis(1500));
                    let turns = client.driver_stats().turns() - before;
                    assert!(turns <= 1, "{turns} turns with nothing to do");
                });
            }
        }
    };
}

#[cfg(feature = "async-std")]
awaiting!(async_std, ::async_std::task::block_on);
#[cfg(feature = "tokio")]
awaiting!(tokio, |work| {
    let runtime = ::tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("runtime").block_on(work);
});

/// Without a runtime there is nothing to drive a client: it says so instead of hanging.
#[cfg(feature = "tokio")]
#[test]
fn tokio_without_a_runtime_says_so() {
    let begun = Instant::now();
    let error = rocketmq_io::tokio::Client::builder("127.0.0.1:1").build().expect_err("no runtime");
    assert!(error.to_string().contains("runtime"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(1));
}
