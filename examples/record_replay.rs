//! A client's run written down, and done again without broker, network or clock.
//!
//! ```text
//! cargo run --example record_replay
//! ```

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::time::{Duration, Instant};

use rocketmq_engine::record::Replay;
use rocketmq_io::mio::Client;
use rocketmq_io::{ConsumeFrom, Message};
use rocketmq_testkit::TcpCluster;

/// Bytes of a recording that may come together in one turn of the driver.
const MOST: usize = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("rocketmq-{}.record", std::process::id()));
    let cluster = TcpCluster::builder().topic("orders", 4).start()?;
    let began = Instant::now();
    {
        let file = BufWriter::new(File::create(&path)?);
        let client = Client::builder(&cluster.name_server()).record(MOST, file).build()?;
        let orders = client.topic("orders")?;
        let producer = client.producer("shop").build()?;
        for n in 0..1_000 {
            producer.send(Message::new(&orders, format!("order {n}")))?;
        }
        let consumer = client
            .push_consumer("billing")
            .subscribe("orders", "*")
            .consume_from(ConsumeFrom::First)
            .build()?;
        let mut left = 1_000;
        for delivery in consumer.deliveries() {
            left -= delivery.len();
            delivery.ack();
            if left == 0 {
                break;
            }
        }
        client.shutdown(Duration::from_secs(5))?;
    }
    let took = began.elapsed();
    drop(cluster);

    let log = fs::read(&path)?;
    fs::remove_file(&path)?;
    println!("recorded: 1000 sends and deliveries in {took:.1?}, {} bytes", log.len());

    let began = Instant::now();
    let replayed = Replay::new(log.clone())?.run()?;
    println!("replayed: {} steps in {:.1?}, {:?}", replayed.steps, began.elapsed(), replayed.ending);

    // One bit of an answer is another: the client says something else, and the replay where.
    let mut other = log;
    let name = b"\"queueOffset\":\"";
    let at = other.windows(name.len()).position(|window| window == name).ok_or("an answer to a send")?;
    other[at + name.len()] ^= 1;
    match Replay::new(other)?.run() {
        Err(error) => println!("changed:  {error}"),
        Ok(_) => return Err("a changed recording was replayed".into()),
    }
    Ok(())
}
