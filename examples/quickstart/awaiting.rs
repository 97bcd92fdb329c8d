//! The work with handles that are awaited: async-std, tokio.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rocketmq_io::async_io::Runtime;
use rocketmq_io::handle::Client;
use rocketmq_io::{ConsumeFrom, Message};

use crate::args::Args;
use crate::tally::Tally;

/// How long nothing may arrive before what has not is missing.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn run<R: Runtime>(args: &Args, tally: &Arc<Tally>) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let name_server = args.name_server.as_deref().unwrap_or_default();
    let client = Client::<R>::builder(name_server).build().map_err(|error| text(&error))?;
    let topic = client.topic(&args.topic).await.map_err(|error| text(&error))?;
    let producer = client.producer("quickstart-producer").build().await.map_err(|error| text(&error))?;

    // The first message creates the topic where that is allowed, and tells what is wrong where it is not.
    tally.sending_begins();
    let begun = Instant::now();
    let outcome = producer.send(Message::new(&topic, tally.body(0))).await;
    tally.sent(0, begun, &outcome);
    outcome.map_err(|error| text(&error))?;

    let consumer = client
        .push_consumer(&args.group)
        .subscribe(&args.topic, "*")
        .consume_from(ConsumeFrom::First)
        .build()
        .await
        .map_err(|error| text(&error))?;
    let counted = tally.clone();
    let listener = consumer.listen(2, move |delivery| {
        counted.received(&delivery);
        delivery.ack();
        async {}
    });

    let mut under_way = VecDeque::with_capacity(args.in_flight);
    for index in 1..args.messages {
        if under_way.len() == args.in_flight
            && let Some((index, begun, pending)) = under_way.pop_front()
        {
            tally.sent(index, begun, &pending.await);
        }
        let message = Message::new(&topic, tally.body(index));
        under_way.push_back((index, Instant::now(), producer.send(message)));
    }
    for (index, begun, pending) in under_way {
        tally.sent(index, begun, &pending.await);
    }
    tally.sending_ended();

    while !tally.is_over(PATIENCE) {
        R::sleep(Duration::from_millis(5)).await;
    }
    tally.receiving_ended();
    drop((listener, consumer));
    let report = client.shutdown(Duration::from_secs(10)).await.map_err(|error| text(&error))?;
    if !report.uncommitted.is_empty() {
        eprintln!("{} queues whose progress could not be committed", report.uncommitted.len());
    }
    Ok(())
}
