//! Sends of every kind, queues, topics that are made or missing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rocketmq_engine::{Message, OnewayOutcome, ProducerConfig, Queue, SendError, SendOptions, SendOutcome};

use crate::scenario::{Outcome, Received, Stage, check};

/// Each send is waited for before the next: offsets of each queue rise by one, each message comes once.
pub(super) async fn one_after_the_other(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let (mut next, mut bodies) = (BTreeMap::new(), BTreeSet::new());
    for number in 0..40 {
        let body = number.to_string().into_bytes();
        let receipt = producer.send(Message::new(&handle, body.clone())).await?;
        let expected = next.insert(receipt.queue.clone(), receipt.queue_offset + 1).unwrap_or(0);
        check!(receipt.queue_offset == expected, "{receipt:?} is not at {expected}");
        check!(receipt.attempts == 1, "{receipt:?} took more than one attempt");
        bodies.insert(body);
    }
    consumer.seen().exactly(&bodies).await?;
    stage.finish().await?;
    stage.committed(&group, &topic, 4, 40).await
}

/// Many sends under way: each is acknowledged at a place of its own, and there it is.
pub(super) async fn pipelined(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let bodies: BTreeSet<Vec<u8>> = (0..500).map(|number: i32| number.to_string().into_bytes()).collect();
    let receipts = producer.send_all(bodies.iter().map(|body| Message::new(&handle, body.clone()))).await?;
    let places: BTreeMap<_, _> = receipts
        .iter()
        .zip(&bodies)
        .map(|(receipt, body)| ((receipt.queue.clone(), receipt.queue_offset), (body, receipt.message_id)))
        .collect();
    check!(places.len() == 500, "{} places for 500 messages", places.len());
    stage.stores(&topic, 0..4, 500).await?;
    let consumer = stage.app().consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&bodies).await?;
    for received in consumer.seen().all() {
        let Some((body, id)) = places.get(&(received.queue.clone(), received.offset)) else {
            return Err(crate::scenario::Failed(format!("{received:?} is at no acknowledged place")));
        };
        check!(received.body == **body, "another body at {}:{}", received.queue, received.offset);
        check!(received.unique_key == Some(id.to_string()), "another id at {}", received.queue);
    }
    consumer.seen().in_order()?;
    stage.finish().await
}

/// Sends nobody answers to end when they are written, and arrive.
pub(super) async fn oneway(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let mut bodies = BTreeSet::new();
    for number in 0..100 {
        let body = number.to_string().into_bytes();
        bodies.insert(body.clone());
        let id = producer.post_oneway(Message::new(&handle, body))?;
        let outcome = producer.oneway_outcome(id).await?;
        check!(outcome == OnewayOutcome::Written, "one-way send {number}: {outcome:?}");
    }
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&bodies).await?;
    stage.finish().await
}

/// All into one queue, each after the one before was acknowledged: that order is kept.
pub(super) async fn to_one_queue(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let queue = app.queues(&topic).await?.into_iter().find(|queue| queue.id == 2);
    check!(queue.is_some(), "there is no queue 2");
    let options = SendOptions { queue, ..SendOptions::default() };
    for number in 0..30 {
        let receipt = producer.send_with(Message::new(&handle, format!("{number}")), options.clone()).await?;
        check!((receipt.queue.id, receipt.queue_offset) == (2, number), "{receipt:?} is not at 2:{number}");
    }
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().wait_for(30).await?;
    let came: Vec<String> = consumer.seen().all().iter().map(Received::text).collect();
    let sent: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    check!(came == sent, "came in another order: {came:?}");
    stage.finish().await
}

/// A queue number the topic does not have: never acknowledged, nothing stored, one attempt.
pub(super) async fn to_a_queue_that_is_not_there(stage: Stage) -> Outcome {
    let topic = stage.topic(2).await?;
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let queue = app.queues(&topic).await?.into_iter().next().map(|queue| Queue { id: 77, ..queue });
    let options = SendOptions { queue, ..SendOptions::default() };
    let id = producer.post_with(Message::new(&handle, "nowhere"), options)?;
    match producer.outcome(id).await? {
        SendOutcome::Acknowledged(receipt) => check!(false, "acknowledged: {receipt:?}"),
        SendOutcome::Failed(failure) | SendOutcome::Indeterminate(failure) => {
            check!(failure.attempts.len() == 1, "{failure} had more than one attempt");
            check!(matches!(failure.error, SendError::Refused { .. }), "not refused: {failure}");
        }
    }
    check!(stage.stored(&topic, 2)? == 0, "something was stored");
    stage.finish().await
}

/// Without a queue given, all get the same share.
pub(super) async fn queues_take_turns(stage: Stage) -> Outcome {
    let topic = stage.topic(8).await?;
    let app = stage.app();
    app.producer().send_numbers(&topic, 0..80).await?;
    for queue in 0..8 {
        stage.stores(&topic, queue..queue + 1, 10).await?;
    }
    stage.finish().await
}

/// A topic nobody made is made by the first send, after the template; who had subscribed before gets it.
pub(super) async fn the_first_send_makes_the_topic(stage: Stage) -> Outcome {
    let (topic, group) = (stage.unique("unmade"), stage.group()?);
    let app = stage.app();
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let sent = stage.app().producer().send_numbers(&topic, 0..20).await?;
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}

/// It gets as many queues as its producer wants, and no send goes to one it does not get.
pub(super) async fn a_young_topic_has_the_queues_its_producer_wants(stage: Stage) -> Outcome {
    for wanted in [1, 6] {
        let topic = stage.unique("unmade");
        let app = stage.app();
        let mut config = ProducerConfig::new(stage.unique("producers"));
        config.default_topic_queue_nums = wanted;
        let producer = app.producer_of(config)?;
        let handle = app.topic(&topic)?;
        let messages = (0..24).map(|number| Message::new(&handle, format!("{number}")));
        let receipts = producer.send_all(messages).await?;
        let queues: BTreeSet<u32> = receipts.iter().map(|receipt| receipt.queue.id).collect();
        check!(queues.iter().copied().eq(0..wanted), "wanted {wanted} queues, sent to {queues:?}");
        check!(receipts.iter().all(|receipt| receipt.attempts == 1), "a send went astray: {receipts:?}");
    }
    stage.finish().await
}

/// A topic nobody has, where brokers make none: failed for certain, and the words name the remedy.
pub(super) async fn a_topic_nobody_has(stage: Stage) -> Outcome {
    let app = stage.app();
    let handle = app.topic(&stage.unique("missing"))?;
    let (certain, failure) = app.producer().send_in_vain(Message::new(&handle, "x")).await?;
    check!(certain, "it cannot have been stored: {failure}");
    check!(matches!(failure.error, SendError::NoSuchTopic(_)), "another reason: {failure}");
    stage.finish().await
}

/// One group in two clients is well; twice in one client is refused.
pub(super) async fn two_clients_of_one_producer_group(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let producers = stage.unique("producers");
    let (one, two) = (stage.app(), stage.app());
    let first = one.producer_of(ProducerConfig::new(&producers))?;
    let second = two.producer_of(ProducerConfig::new(&producers))?;
    check!(one.producer_of(ProducerConfig::new(&producers)).is_err(), "the group is taken in this client");
    let mut sent = first.send_numbers(&topic, 0..50).await?;
    sent.extend(second.send_numbers(&topic, 50..100).await?);
    first.close().await?;
    // Its name is free again.
    let third = one.producer_of(ProducerConfig::new(&producers))?;
    sent.extend(third.send_numbers(&topic, 100..120).await?);
    let consumer = one.consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}

/// A delayed message comes after its time; others do not wait for it.
pub(super) async fn delay_levels(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let mut expected = BTreeSet::new();
    for level in [4, 1] {
        let body = format!("level {level}").into_bytes();
        expected.insert(body.clone());
        let message = Message::builder(&handle, body).delay_level(level).build();
        producer.send(message.map_err(|error| crate::scenario::Failed(error.to_string()))?).await?;
    }
    producer.send(Message::new(&handle, "at once")).await?;
    expected.insert(b"at once".to_vec());
    consumer.seen().exactly(&expected).await?;
    let order: Vec<String> = consumer.seen().all().iter().map(Received::text).collect();
    check!(order.last().is_some_and(|last| last == "level 4"), "came in this order: {order:?}");
    stage.finish().await
}

/// A shutdown right behind many sends: every one of them ends, and the report counts them.
pub(super) async fn shutdown_ends_every_send(stage: Stage) -> Outcome {
    let topic = stage.topic(4).await?;
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    producer.send(Message::new(&handle, "first")).await?;
    let mut ids = Vec::new();
    for number in 0..200 {
        ids.push(producer.post(Message::new(&handle, format!("{number}")))?);
    }
    let report = app.shutdown(Duration::from_secs(10)).await?;
    check!(report.in_time, "not in time: {report:?}");
    let mut acknowledged = 0;
    for id in ids {
        acknowledged += u64::from(matches!(producer.outcome(id).await?, SendOutcome::Acknowledged(_)));
    }
    check!(report.acknowledged + report.failed + report.indeterminate == 200, "{report:?}");
    check!(report.acknowledged == acknowledged, "{acknowledged} acknowledged, {report:?}");
    check!(acknowledged == 200, "{acknowledged} of 200 acknowledged within ten seconds");
    stage.stores(&topic, 0..4, 201).await
}

/// A send that is cancelled ends once, truthfully: failed means that it is not stored.
pub(super) async fn a_cancelled_send_ends_once(stage: Stage) -> Outcome {
    let topic = stage.topic(1).await?;
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let (mut least, mut most) = (0, 0);
    for number in 0..20 {
        let id = producer.post(Message::new(&handle, format!("{number}")))?;
        if number % 2 == 0 {
            stage.sleep(Duration::from_micros(200)).await;
        }
        let running = app.with(|client, now| client.cancel(id, now));
        match producer.outcome(id).await? {
            SendOutcome::Acknowledged(_) => (least, most) = (least + 1, most + 1),
            SendOutcome::Indeterminate(failure) => {
                check!(running && failure.error == SendError::Cancelled, "{failure}");
                most += 1;
            }
            SendOutcome::Failed(failure) => check!(running, "ended before and failed: {failure}"),
        }
        check!(!app.with(|client, now| client.cancel(id, now)), "a send that has ended can be cancelled");
    }
    stage.linger().await;
    let stored = stage.stored(&topic, 1)?;
    check!((least..=most).contains(&stored), "{stored} stored, {least} to {most} were said to be");
    stage.finish().await
}
