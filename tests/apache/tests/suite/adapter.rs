//! The same few things asked of every adapter's handles, so that a journey is written once.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::Duration;

use rocketmq_io::{
    ConsumeFrom, Delivery, Message, ProducerConfig, Queue, SendError, SendReceipt, ShutdownReport, Topic,
};

/// Sends that are in flight together.
const DEPTH: usize = 256;
/// How long a send may take where nothing is wrong: servers on a loaded machine need more than the default 3 s.
pub const PATIENT: Duration = Duration::from_secs(15);
/// The default, for journeys in which a broker is away.
pub const HASTY: Duration = Duration::from_secs(3);

pub type Outcome = Result<SendReceipt, SendError>;

/// A client of some adapter.
pub trait Io {
    fn topic(&self, name: &str) -> Topic;
    /// Sends what `next` gives until it gives nothing, up to 256 at a time, each within `limit`, and tells each
    /// outcome in order.
    fn send(
        &self,
        group: &str,
        limit: Duration,
        next: &mut dyn FnMut() -> Option<Message>,
        ended: &mut dyn FnMut(usize, Outcome),
    );
    fn consumer(&self, group: &str, topic: &str, expression: &str) -> Box<dyn Receiver>;
    fn shutdown(&self) -> ShutdownReport;
}

/// A push consumer of some adapter, from the first message on.
pub trait Receiver {
    fn recv(&self, timeout: Duration) -> Option<Delivery>;
    fn queues(&self) -> Vec<Queue>;
    /// Leaves the group; how many offsets could not be committed.
    fn close(&self) -> usize;
}

/// Every attempt may take as long as all together: a slow broker is not asked twice.
fn within(config: &mut ProducerConfig, limit: Duration) {
    (config.send_msg_timeout, config.send_msg_max_timeout_per_request) =
        (limit, if limit == HASTY { config.send_msg_max_timeout_per_request } else { limit });
}

/// Makes a client of the adapter for these name servers.
pub type Connect = fn(&str) -> Box<dyn Io>;

macro_rules! waiting {
    ($connect:ident, $adapter:ident) => {
        pub fn $connect(name_server: &str) -> Box<dyn Io> {
            use rocketmq_io::$adapter as io;

            struct Handles(io::Client);
            struct Consumer(io::PushConsumer);

            impl Io for Handles {
                fn topic(&self, name: &str) -> Topic {
                    self.0.topic(name).expect("a good name")
                }

                fn send(
                    &self,
                    group: &str,
                    limit: Duration,
                    next: &mut dyn FnMut() -> Option<Message>,
                    ended: &mut dyn FnMut(usize, Outcome),
                ) {
                    let producer = self
                        .0
                        .producer(group)
                        .configure(|config| within(config, limit))
                        .build()
                        .expect("a producer");
                    let mut pending = VecDeque::new();
                    let mut index = 0;
                    while let Some(message) = next() {
                        pending.push_back(producer.submit(message));
                        if pending.len() == DEPTH {
                            ended(index, pending.pop_front().expect("full").wait());
                            index += 1;
                        }
                    }
                    for (left, send) in pending.into_iter().enumerate() {
                        ended(index + left, send.wait());
                    }
                }

                fn consumer(&self, group: &str, topic: &str, expression: &str) -> Box<dyn Receiver> {
                    let consumer = self.0.push_consumer(group).subscribe(topic, expression);
                    Box::new(Consumer(consumer.consume_from(ConsumeFrom::First).build().expect("a consumer")))
                }

                fn shutdown(&self) -> ShutdownReport {
                    self.0.shutdown(Duration::from_secs(10)).expect("a report")
                }
            }

            impl Receiver for Consumer {
                fn recv(&self, timeout: Duration) -> Option<Delivery> {
                    self.0.recv_timeout(timeout)
                }

                fn queues(&self) -> Vec<Queue> {
                    self.0.queues()
                }

                fn close(&self) -> usize {
                    self.0.close().len()
                }
            }

            Box::new(Handles(io::Client::builder(name_server).build().expect("a client")))
        }
    };
}

macro_rules! awaiting {
    ($connect:ident, $adapter:ident, $run:path, $timeout:path) => {
        pub fn $connect(name_server: &str) -> Box<dyn Io> {
            use rocketmq_io::$adapter as io;

            struct Handles(io::Client);
            struct Consumer(io::PushConsumer);

            impl Io for Handles {
                fn topic(&self, name: &str) -> Topic {
                    $run(self.0.topic(name)).expect("a good name")
                }

                fn send(
                    &self,
                    group: &str,
                    limit: Duration,
                    next: &mut dyn FnMut() -> Option<Message>,
                    ended: &mut dyn FnMut(usize, Outcome),
                ) {
                    $run(async {
                        let producer = self
                            .0
                            .producer(group)
                            .configure(|config| within(config, limit))
                            .build()
                            .await
                            .expect("a producer");
                        let mut pending = VecDeque::new();
                        let mut index = 0;
                        while let Some(message) = next() {
                            pending.push_back(producer.send(message));
                            if pending.len() == DEPTH {
                                ended(index, pending.pop_front().expect("full").await);
                                index += 1;
                            }
                        }
                        for (left, send) in pending.into_iter().enumerate() {
                            ended(index + left, send.await);
                        }
                    });
                }

                fn consumer(&self, group: &str, topic: &str, expression: &str) -> Box<dyn Receiver> {
                    let consumer = self.0.push_consumer(group).subscribe(topic, expression);
                    let consumer = consumer.consume_from(ConsumeFrom::First);
                    Box::new(Consumer($run(consumer.build()).expect("a consumer")))
                }

                fn shutdown(&self) -> ShutdownReport {
                    $run(self.0.shutdown(Duration::from_secs(10))).expect("a report")
                }
            }

            impl Receiver for Consumer {
                fn recv(&self, timeout: Duration) -> Option<Delivery> {
                    $run(async { $timeout(timeout, self.0.recv()).await.ok().flatten() })
                }

                fn queues(&self) -> Vec<Queue> {
                    self.0.queues()
                }

                fn close(&self) -> usize {
                    $run(self.0.close()).len()
                }
            }

            let client = $run(async { io::Client::builder(name_server).build() });
            Box::new(Handles(client.expect("a client")))
        }
    };
}

fn on_tokio<F: Future>(future: F) -> F::Output {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().expect("a runtime")).block_on(future)
}

waiting!(blocking, blocking);
waiting!(mio, mio);
awaiting!(tokio, tokio, on_tokio, ::tokio::time::timeout);
awaiting!(async_std, async_std, ::async_std::task::block_on, ::async_std::future::timeout);
