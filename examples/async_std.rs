//! Sending and receiving on async-std, with an asynchronous listener.
//!
//! ```text
//! cargo run --example async_std                       # a cluster of its own
//! cargo run --example async_std -- localhost:9876     # yours
//! ```

use std::error::Error;
use std::time::Duration;

use async_std::channel;
use async_std::task;
use rocketmq_io::async_std::Client;
use rocketmq_io::{ConsumeFrom, Message};
use rocketmq_testkit::TcpCluster;

fn main() -> Result<(), Box<dyn Error>> {
    let embedded = if std::env::args().len() > 1 { None } else { Some(TcpCluster::start()?) };
    let name_server = match &embedded {
        Some(cluster) => cluster.name_server(),
        None => std::env::args().nth(1).unwrap_or_default(),
    };
    task::block_on(run(&name_server))
}

async fn run(name_server: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::builder(name_server).build()?;
    let jobs = client.topic("jobs").await?;
    let producer = client.producer("scheduler").build().await?;
    for number in 0..10 {
        producer.send(Message::new(&jobs, format!("job {number}"))).await?;
    }

    let consumer = client
        .push_consumer("workers")
        .subscribe("jobs", "*")
        .consume_from(ConsumeFrom::First)
        .build()
        .await?;
    let (done, all) = channel::unbounded();
    // Four tasks, each with a message at a time.
    let listener = consumer.listen(4, move |delivery| {
        let done = done.clone();
        async move {
            for job in delivery.messages() {
                let name = job.get(0).map(|message| String::from_utf8_lossy(message.body()).into_owned());
                task::sleep(Duration::from_millis(5)).await;
                job.ack();
                let _ = done.send(name.unwrap_or_default()).await;
            }
        }
    });
    for _ in 0..10 {
        println!("done: {}", all.recv().await?);
    }

    drop((listener, consumer, producer));
    let report = client.shutdown(Duration::from_secs(5)).await?;
    println!("stopped in time: {}", report.in_time);
    Ok(())
}
