//! Sending and receiving on tokio.
//!
//! ```text
//! cargo run --example tokio                       # a cluster of its own
//! cargo run --example tokio -- localhost:9876     # yours
//! ```

use std::error::Error;
use std::time::Duration;

use rocketmq_io::tokio::Client;
use rocketmq_io::{ConsumeFrom, Message, SendError};
use rocketmq_testkit::TcpCluster;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let embedded = if std::env::args().len() > 1 { None } else { Some(TcpCluster::start()?) };
    let name_server = match &embedded {
        Some(cluster) => cluster.name_server(),
        None => std::env::args().nth(1).unwrap_or_default(),
    };

    let client = Client::builder(&name_server).build()?;
    let orders = client.topic("orders").await?;
    let producer = client.producer("shop").build().await?;

    // A send is on its way when it is called; the future tells what became of it.
    let under_way: Vec<_> =
        (0..10).map(|number| producer.send(Message::new(&orders, format!("order {number}")))).collect();
    for pending in under_way {
        match pending.await {
            Ok(receipt) => println!("stored in {} at {}", receipt.queue, receipt.queue_offset),
            Err(SendError::Indeterminate(failure)) => println!("may be stored: {failure}"),
            Err(error) => println!("not stored: {error}"),
        }
    }

    let consumer = client
        .push_consumer("billing")
        .subscribe("orders", "*")
        .consume_from(ConsumeFrom::First)
        .build()
        .await?;
    let mut deliveries = consumer.deliveries();
    let mut received = 0;
    while received < 10 {
        let Some(delivery) = deliveries.next().await else { break };
        received += delivery.len();
        println!("received {} from {}", delivery.len(), delivery.queue());
        delivery.ack();
    }

    let report = client.shutdown(Duration::from_secs(5)).await?;
    println!("stopped in time: {}", report.in_time);
    Ok(())
}
