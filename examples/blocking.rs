//! Sending and receiving with handles that wait: std alone.
//!
//! ```text
//! cargo run --example blocking                       # a cluster of its own
//! cargo run --example blocking -- localhost:9876     # yours
//! ```

use std::error::Error;
use std::time::Duration;

use rocketmq_io::blocking::Client;
use rocketmq_io::{ConsumeFrom, Message};
use rocketmq_testkit::TcpCluster;

fn main() -> Result<(), Box<dyn Error>> {
    let embedded = if std::env::args().len() > 1 { None } else { Some(TcpCluster::start()?) };
    let name_server = match &embedded {
        Some(cluster) => cluster.name_server(),
        None => std::env::args().nth(1).unwrap_or_default(),
    };

    let client = Client::builder(&name_server).build()?;
    let orders = client.topic("orders")?;
    let producer = client.producer("shop").build()?;

    // One by one: each send waits for the broker's word.
    let receipt = producer.send(Message::builder(&orders, "order 0").tag("paid").key("0").build()?)?;
    println!("order 0 is in {} at offset {}", receipt.queue, receipt.queue_offset);

    // Many under way at once: submit, then wait.
    let mut under_way = Vec::new();
    for number in 1..10 {
        let tag = if number % 3 == 0 { "cancelled" } else { "paid" };
        let message = Message::builder(&orders, format!("order {number}")).tag(tag).build()?;
        under_way.push(producer.submit(message));
    }
    for pending in under_way {
        pending.wait()?;
    }

    // Six of the ten are paid, and the first one.
    let consumer = client
        .push_consumer("billing")
        .subscribe("orders", "paid")
        .consume_from(ConsumeFrom::First)
        .build()?;
    let mut received = 0;
    for delivery in consumer.deliveries() {
        for message in delivery.iter() {
            println!(
                "received {} [{}]",
                String::from_utf8_lossy(message.body()),
                message.tag().unwrap_or("-")
            );
            received += 1;
        }
        delivery.ack();
        if received >= 7 {
            break;
        }
    }

    let report = client.shutdown(Duration::from_secs(5))?;
    println!("stopped in time: {}, uncommitted queues: {}", report.in_time, report.uncommitted.len());
    Ok(())
}
