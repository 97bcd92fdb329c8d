//! RocketMQ clients over real sockets: [`rocketmq_engine`] driven by blocking threads, mio, async-std or tokio.
//!
//! Each adapter is a feature and a module, and has two levels with the same names in each:
//!
//! - the *handle level* for applications: `Client`, `Producer`, `PushConsumer`, cheap to clone, for any number of
//!   threads or tasks; `.await` is the only difference between adapters;
//! - the *driver level* for those who have a loop of their own and hold the engine themselves: it owns the sockets,
//!   carries the engine's actions out and hands its inputs in.
//!
//! | module | handles | driver | feature |
//! |---|---|---|---|
//! | `blocking` | wait | a thread, one more for each connection; std alone | `blocking` (default) |
//! | `mio` | wait | a thread with a poll of its own, or your loop and `Registry` | `mio` |
//! | `tokio` | `.await` | a task | `tokio` |
//! | `async_std` | `.await` | a task | `async-std` |
//! | `async_io` | `.await` | a task of any runtime | `async-io` |
//!
//! | room | what |
//! |---|---|
//! | [`driver`] | what all drivers share: clock, pumps, gathering, name resolution |
//! | [`handle`] | the handle level, written once |
#![cfg_attr(
    feature = "blocking",
    doc = r#"
```no_run
use std::time::Duration;
use rocketmq_io::blocking::Client;
use rocketmq_io::Message;

# fn main() -> Result<(), Box<dyn std::error::Error>> {
let client = Client::builder("localhost:9876").build()?;
let orders = client.topic("orders")?;
let producer = client.producer("shop").build()?;
let receipt = producer.send(Message::builder(&orders, "paid").tag("invoice").build()?)?;
println!("stored in {} at {}", receipt.queue, receipt.queue_offset);

let consumer = client.push_consumer("billing").subscribe("orders", "invoice || refund").build()?;
for delivery in consumer.deliveries().take(1) {
    for message in delivery.iter() {
        println!("{}", String::from_utf8_lossy(message.body()));
    }
    delivery.ack();
}
println!("{:?}", client.shutdown(Duration::from_secs(5))?);
# Ok(())
# }
```
"#
)]

pub mod driver;
pub mod handle;

#[cfg(feature = "async-io")]
pub mod async_io;
#[cfg(feature = "async-std")]
pub mod async_std;
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "mio")]
pub mod mio;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use rocketmq_engine as engine;
pub use rocketmq_engine::{
    ClientConfig, ConsumeFrom, Message, MessageView, ProducerConfig, PushConsumerConfig, Queue, SendFailure,
    SendOptions, SendReceipt, SendStatus, ShutdownReport, StoredMessage, Topic,
};

pub use handle::{ClientError, Delivery, SendError};
