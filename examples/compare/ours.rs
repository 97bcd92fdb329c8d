//! This client: the handles of each adapter, and the driver level.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ::mio as mio_poll;
use rocketmq_io::engine::{self, ClientConfig, Event, Settlement, TagFilter};
use rocketmq_io::mio::MioDriver;
use rocketmq_io::{
    ConsumeFrom, Message, ProducerConfig, PushConsumerConfig, SendOptions, async_std as on_async_std,
    blocking as on_blocking, driver, mio as on_mio, tokio as on_tokio,
};

use crate::args::Client;
use crate::work::{Meter, Outcome, Work};

/// How long shutting down may take.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) fn run(client: Client, work: &Work) -> Result<Outcome, String> {
    let task_work = work.clone();
    match client {
        Client::Blocking => blocking::run(work),
        Client::Mio => mio::run(work),
        // Tasks, as an application has them: what `block_on` runs has a thread to itself, to which all answers pass.
        Client::Tokio => {
            let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
            let task = runtime.spawn(async move { tokio_level::run(&task_work).await });
            runtime.block_on(task).map_err(|error| error.to_string())?
        }
        Client::AsyncStd => async_std::task::block_on(async_std::task::spawn(async move {
            async_std_level::run(&task_work).await
        })),
        Client::Driver => driver_level(work),
        Client::Raw | Client::RawAsyncStd | Client::RawTokio | Client::Java => {
            Err(format!("{client} is none of ours"))
        }
    }
}

fn message(topic: &rocketmq_io::Topic, work: &Work) -> Message {
    Message::new(topic, vec![b'x'; work.case.size])
}

/// The listener's work: looks at every message.
fn look(delivery: &engine::Delivery) -> usize {
    assert!(delivery.iter().all(|message| !message.body().is_empty()), "bodies");
    delivery.len()
}

/// The handle level, with and without `.await`.
macro_rules! handle_level {
    ($module:ident, $adapter:ident $(, $async:ident, $await:ident)?) => {
        mod $module {
            use super::*;

            pub(super) $($async)? fn run(work: &Work) -> Result<Outcome, String> {
                if work.case.is_send() { send(work)$(.$await)? } else { consume(work)$(.$await)? }
            }

            $($async)? fn client(work: &Work) -> Result<$adapter::Client, String> {
                let builder = $adapter::Client::builder(&work.name_server);
                let builder = match work.gather {
                    Some(bound) => builder.gather(bound),
                    None => builder,
                };
                builder.build().map_err(|error| error.to_string())
            }

            $($async)? fn send(work: &Work) -> Result<Outcome, String> {
                let client = client(work)$(.$await)??;
                let topic = client.topic(&work.topic)$(.$await)?.map_err(|error| error.to_string())?;
                let producer = client.producer("compare").build()$(.$await)?.map_err(|error| error.to_string())?;
                let mut meter = Meter::new(&work.case);
                let mut pending = VecDeque::with_capacity(work.case.depth);
                let message = message(&topic, work);
                for _ in 0..meter.total() {
                    if pending.len() == work.case.depth {
                        let (began, send): (Instant, $adapter::Pending) = pending.pop_front().ok_or("empty")?;
                        handle_level!(@wait send $(, $await)?).map_err(|error| error.to_string())?;
                        meter.sent(began);
                    }
                    pending.push_back((Instant::now(), producer.submit(message.clone())));
                }
                for (began, send) in pending {
                    handle_level!(@wait send $(, $await)?).map_err(|error| error.to_string())?;
                    meter.sent(began);
                }
                let outcome = meter.outcome();
                drop(client.shutdown(GRACE)$(.$await)?);
                Ok(outcome)
            }

            $($async)? fn consume(work: &Work) -> Result<Outcome, String> {
                let client = client(work)$(.$await)??;
                let builder = client.push_consumer(&work.group).subscribe(&work.topic, "*");
                let builder = builder.consume_from(ConsumeFrom::First);
                let pull = work.case.pull;
                let consumer = builder.configure(|config| config.pull_batch_size = pull).build();
                let consumer = consumer$(.$await)?.map_err(|error| error.to_string())?;
                let mut meter = Meter::new(&work.case);
                while !meter.is_over() {
                    let delivery = consumer.recv()$(.$await)?.ok_or("the consumer has closed")?;
                    meter.add(look(&delivery));
                    delivery.ack();
                }
                let stats = consumer.stats()$(.$await)?.map_err(|error| error.to_string())?;
                let outcome = meter.outcome().with_unsettled(&stats.unwrap_or_default());
                drop(client.shutdown(GRACE)$(.$await)?);
                Ok(outcome)
            }
        }
    };
    (@wait $send:ident) => { $send.wait() };
    (@wait $send:ident, $await:ident) => { $send.$await };
}

handle_level!(blocking, on_blocking);
handle_level!(mio, on_mio);
handle_level!(tokio_level, on_tokio, async, await);
handle_level!(async_std_level, on_async_std, async, await);

/// The application as the loop around the engine, with mio.
fn driver_level(work: &Work) -> Result<Outcome, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let mut poll = mio_poll::Poll::new().map_err(|error| text(&error))?;
    let mut ready = mio_poll::Events::with_capacity(64);
    let registry = poll.registry().try_clone().map_err(|error| text(&error))?;
    let mut driver = MioDriver::new(registry, 0..1000);
    if let Some(bound) = work.gather {
        driver.set_gather(bound);
    }
    let config = ClientConfig::new(&work.name_server).map_err(|error| text(&error))?;
    let now = driver.clock().now();
    let mut client =
        engine::Client::new(config, driver::seed(), now, driver::unix_now()).map_err(|error| text(&error))?;
    let topic = client.topic(&work.topic).map_err(|error| text(&error))?;
    let producer =
        client.create_producer(ProducerConfig::new("compare"), now).map_err(|e| text(&e.reason))?;
    let mut consumer = None;
    if !work.case.is_send() {
        let mut config = PushConsumerConfig::new(&work.group).consume_from(ConsumeFrom::First);
        config.pull_batch_size = work.case.pull;
        let id = client.create_push_consumer(config, now).map_err(|e| text(&e.reason))?;
        client.subscribe(id, &topic, TagFilter::all(), now).map_err(|error| text(&error))?;
        consumer = Some(id);
    }
    let message = message(&topic, work);
    let mut meter = Meter::new(&work.case);
    let total = if work.case.is_send() { meter.total() } else { 0 };
    let (mut began, mut sent, mut in_flight) = (VecDeque::new(), 0, 0);
    loop {
        let now = driver.clock().now();
        while let Some(event) = client.poll_event() {
            match event {
                Event::Sent { outcome: engine::SendOutcome::Acknowledged(_), .. } => {
                    meter.sent(began.pop_front().ok_or("nothing was sent")?);
                    in_flight -= 1;
                }
                Event::Sent { outcome, .. } => return Err(format!("{outcome:?}")),
                Event::Delivered(delivery) => {
                    meter.add(look(&delivery));
                    client.settle(delivery, Settlement::Done, now).map_err(|e| text(&e.reason))?;
                }
                _ => {}
            }
        }
        if meter.is_over() {
            let stats = consumer.and_then(|id| client.consumer_stats(id).copied());
            return Ok(meter.outcome().with_unsettled(&stats.unwrap_or_default()));
        }
        while in_flight < work.case.depth && sent < total {
            let posted = client.send(producer, message.clone(), SendOptions::default(), now);
            posted.map_err(|e| text(&e.reason))?;
            began.push_back(Instant::now());
            (sent, in_flight) = (sent + 1, in_flight + 1);
        }
        if driver.turn(&mut client).events {
            continue;
        }
        if let Some(pause) = driver.pause() {
            std::thread::sleep(pause);
        }
        poll.poll(&mut ready, driver.timeout()).map_err(|error| text(&error))?;
        for event in &ready {
            driver.handle_event(&mut client, event);
        }
    }
}
