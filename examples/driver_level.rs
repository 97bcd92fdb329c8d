//! The driver level: the engine in the application's own mio loop, beside a timer of the application.
//!
//! The application holds the engine and gives it commands directly; the driver owns the sockets, registers them in
//! the application's poll within a range of tokens, and carries out what the engine asks for.
//!
//! ```text
//! cargo run --example driver_level                       # a cluster of its own
//! cargo run --example driver_level -- localhost:9876     # yours
//! ```

use std::error::Error;
use std::time::{Duration, Instant};

use rocketmq_io::driver;
use rocketmq_io::engine::{
    Client, ClientConfig, ConsumeFrom, Event, Message, ProducerConfig, PushConsumerConfig, SendOptions,
    SendOutcome, Settlement, TagFilter,
};
use rocketmq_io::mio::MioDriver;
use rocketmq_testkit::TcpCluster;

const MESSAGES: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let embedded = if std::env::args().len() > 1 { None } else { Some(TcpCluster::start()?) };
    let name_server = match &embedded {
        Some(cluster) => cluster.name_server(),
        None => std::env::args().nth(1).unwrap_or_default(),
    };

    let mut poll = mio::Poll::new()?;
    let mut ready = mio::Events::with_capacity(64);
    // Tokens below 1,000 are the application's own.
    let mut driver = MioDriver::new(poll.registry().try_clone()?, 1_000..2_000);
    let config = ClientConfig::new(&name_server)?;
    let mut client = Client::new(config, driver::seed(), driver.clock().now(), driver::unix_now())?;

    let topic = client.topic("ticks")?;
    let producer = client.create_producer(ProducerConfig::new("clock"), driver.clock().now())?;
    for number in 0..MESSAGES {
        let message = Message::new(&topic, format!("tick {number}"));
        client.send(producer, message, SendOptions::default(), driver.clock().now())?;
    }

    let (mut acknowledged, mut received, mut stopped) = (0, 0, false);
    let mut next_print = Instant::now();
    while !stopped {
        while let Some(event) = client.poll_event() {
            let now = driver.clock().now();
            match event {
                Event::Sent { outcome: SendOutcome::Acknowledged(_), .. } => {
                    acknowledged += 1;
                    if acknowledged == MESSAGES {
                        // All are stored: now they are to be received.
                        let config = PushConsumerConfig::new("watchers").consume_from(ConsumeFrom::First);
                        let consumer = client.create_push_consumer(config, now)?;
                        client.subscribe(consumer, &topic, TagFilter::all(), now)?;
                    }
                }
                Event::Sent { outcome: SendOutcome::Failed(failure), .. }
                | Event::Sent { outcome: SendOutcome::Indeterminate(failure), .. } => {
                    return Err(failure.into());
                }
                Event::Delivered(delivery) => {
                    received += delivery.len();
                    client.settle(delivery, Settlement::Done, now)?;
                    if received >= MESSAGES {
                        client.shutdown(Duration::from_secs(5), now);
                    }
                }
                Event::Stopped(report) => {
                    println!("stopped in time: {}", report.in_time);
                    stopped = true;
                }
                _ => {}
            }
        }
        if driver.turn(&mut client).events {
            continue;
        }

        // The application's own business: here a line every half second.
        if Instant::now() >= next_print {
            println!("{acknowledged} stored, {received} received");
            next_print = Instant::now() + Duration::from_millis(500);
        }
        let own = next_print.saturating_duration_since(Instant::now());
        poll.poll(&mut ready, Some(driver.timeout().map_or(own, |engine| engine.min(own))))?;
        for event in &ready {
            if !driver.handle_event(&mut client, event) {
                println!("an event of the application's own: {event:?}");
            }
        }
    }
    println!("{acknowledged} stored, {received} received");
    Ok(())
}
