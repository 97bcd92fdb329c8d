//! The same handles as `blocking`, driven by one thread with a mio poll; a listener, and messages taken apart.
//!
//! ```text
//! cargo run --example mio                       # a cluster of its own
//! cargo run --example mio -- localhost:9876     # yours
//! ```

use std::error::Error;
use std::sync::mpsc;
use std::time::Duration;

use rocketmq_io::mio::Client;
use rocketmq_io::{ConsumeFrom, Message};
use rocketmq_testkit::TcpCluster;

fn main() -> Result<(), Box<dyn Error>> {
    let embedded = if std::env::args().len() > 1 { None } else { Some(TcpCluster::start()?) };
    let name_server = match &embedded {
        Some(cluster) => cluster.name_server(),
        None => std::env::args().nth(1).unwrap_or_default(),
    };

    let client = Client::builder(&name_server).on_notice(|notice| eprintln!("notice: {notice:?}")).build()?;
    let readings = client.topic("readings")?;
    let producer = client.producer("sensors").build()?;
    let under_way: Vec<_> = (0..100)
        .map(|number| producer.submit(Message::new(&readings, format!("reading {number}"))))
        .collect();
    for pending in under_way {
        pending.wait()?;
    }

    let consumer =
        client.push_consumer("charts").subscribe("readings", "*").consume_from(ConsumeFrom::First).build()?;
    let (done, all) = mpsc::channel();
    // Two threads, each with a batch at a time; each message of it is settled alone, in any order.
    let listener = consumer.listen(2, move |batch| {
        for message in batch.messages() {
            let body = message.get(0).map(|view| view.body().to_vec()).unwrap_or_default();
            message.ack();
            let _ = done.send(body);
        }
    });
    let received = all.iter().take(100).count();
    println!("received {received} readings");

    drop((listener, consumer, producer));
    let report = client.shutdown(Duration::from_secs(5))?;
    println!("stopped in time: {}", report.in_time);
    Ok(())
}
