//! Brokers and name servers that go and come back.

use std::collections::BTreeSet;
use std::time::Duration;

use rocketmq_engine::{Message, SendError, SendId, SendOutcome};

use crate::scenario::{App, Outcome, Producer, Stage, check};

/// Sends and receives a little.
async fn works(stage: &Stage, app: &App, topic: &str) -> Outcome {
    let group = stage.group()?;
    let sent = app.producer().send_numbers(topic, 0..10).await?;
    app.consumer(&group).subscribe(topic, "*").start()?.seen().wait_for_all(&sent).await
}

/// The first name server refuses connections: the second is asked within the same send.
pub(super) async fn the_first_name_server_refuses(stage: Stage) -> Outcome {
    let topic = stage.topic(4).await?;
    let (dead, good) = stage.controls(|controls| (controls.refusing_address(), controls.name_server()));
    works(&stage, &stage.app_at(&format!("{};{good}", dead?), |_| {}), &topic).await?;
    stage.finish().await
}

/// The first name server takes connections and never answers: so too, within the send's three seconds.
pub(super) async fn the_first_name_server_is_silent(stage: Stage) -> Outcome {
    let topic = stage.topic(4).await?;
    let (silent, good) = stage.controls(|controls| (controls.silent_address(), controls.name_server()));
    works(&stage, &stage.app_at(&format!("{};{good}", silent?), |_| {}), &topic).await?;
    stage.finish().await
}

/// None answers: the send fails for certain when its time is over, and the words say why.
pub(super) async fn no_name_server_at_all(stage: Stage) -> Outcome {
    let addresses = stage.controls(|controls| {
        Ok(format!("{};{}", controls.refusing_address()?, controls.silent_address()?))
    })?;
    let app = stage.app_at(&addresses, |_| {});
    let topic = app.topic("anything")?;
    let begun = stage.now();
    let (certain, failure) = app.producer().send_in_vain(Message::new(&topic, "x")).await?;
    let took = stage.now() - begun;
    check!(certain && matches!(failure.error, SendError::NoRoute { .. }), "{failure}");
    check!(took < Duration::from_secs(5), "it took {took:?}");
    stage.finish().await
}

/// The name server goes: who has routes goes on with them; and it is found again.
pub(super) async fn routes_outlive_the_name_server(stage: Stage) -> Outcome {
    let (topic, group, next) = (stage.topic(4).await?, stage.group()?, stage.topic(4).await?);
    let app = stage.app();
    let producer = app.producer();
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let mut sent = producer.send_numbers(&topic, 0..20).await?;
    consumer.seen().wait_for_all(&sent).await?;
    stage.controls(|controls| controls.set_name_server(false))?;
    // Several refreshes fail meanwhile.
    for round in 0..5 {
        sent.extend(producer.send_numbers(&topic, 20 + round * 20..40 + round * 20).await?);
        stage.sleep(Duration::from_millis(500)).await;
    }
    consumer.seen().exactly(&sent).await?;
    stage.controls(|controls| controls.set_name_server(true))?;
    stage.until_routed(0, &next).await?;
    works(&stage, &app, &next).await?;
    stage.finish().await
}

/// How sends ended.
#[derive(Default)]
struct Ended {
    acknowledged: BTreeSet<Vec<u8>>,
    failed: BTreeSet<Vec<u8>>,
    indeterminate: BTreeSet<Vec<u8>>,
}

impl Ended {
    async fn take(&mut self, producer: &Producer, posted: Vec<(SendId, Vec<u8>)>) -> Outcome {
        for (id, body) in posted {
            match producer.outcome(id).await? {
                SendOutcome::Acknowledged(_) => self.acknowledged.insert(body),
                SendOutcome::Failed(_) => self.failed.insert(body),
                SendOutcome::Indeterminate(_) => self.indeterminate.insert(body),
            };
        }
        Ok(())
    }

    /// What was acknowledged came; what failed did not.
    fn is_true(&self, came: &BTreeSet<Vec<u8>>) -> Outcome {
        let lost: Vec<_> = self.acknowledged.difference(came).collect();
        check!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let lies: Vec<_> = self.failed.intersection(came).collect();
        check!(lies.is_empty(), "failed, and came all the same: {lies:?}");
        Ok(())
    }
}

fn post(
    app: &App,
    producer: &Producer,
    topic: &str,
    numbers: std::ops::Range<usize>,
) -> Outcome<Vec<(SendId, Vec<u8>)>> {
    let topic = app.topic(topic)?;
    let one = |number: usize| {
        let body = number.to_string().into_bytes();
        Ok((producer.post(Message::new(&topic, body.clone()))?, body))
    };
    numbers.map(one).collect()
}

/// One of two brokers is killed: the other takes everything, and later both do again.
pub(super) async fn one_of_two_brokers_is_killed(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic_at(2, 2).await?, stage.group()?);
    let app = stage.app();
    let producer = app.producer();
    let consumer = stage.app().consumer(&group).subscribe(&topic, "*").start()?;
    let mut ended = Ended::default();
    ended.take(&producer, post(&app, &producer, &topic, 0..40)?).await?;
    stage
        .until("both brokers' queues", Duration::from_secs(20), || consumer.queues(&topic).len() == 4)
        .await?;
    stage.controls(|controls| controls.kill_broker(0))?;
    // One at a time, so that the first one that fails teaches the others.
    for number in 40..80 {
        ended.take(&producer, post(&app, &producer, &topic, number..number + 1)?).await?;
    }
    check!(ended.failed.is_empty(), "a broker was there and sends failed: {:?}", ended.failed);
    check!(ended.acknowledged.len() >= 79, "{} were indeterminate", ended.indeterminate.len());
    stage.start_broker(0).await?;
    let before = stage.stored(&topic, 2)?;
    let mut next = 80;
    while stage.stored(&topic, 2)? == before {
        check!(next < 2000, "the broker is back and gets nothing");
        ended.take(&producer, post(&app, &producer, &topic, next..next + 4)?).await?;
        next += 4;
        stage.sleep(Duration::from_millis(50)).await;
    }
    consumer.seen().wait_for_all(&ended.acknowledged).await?;
    ended.is_true(&consumer.seen().bodies())?;
    stage.finish().await
}

/// The only broker is killed in the middle of sends and comes back: endings are true, and sending goes on.
pub(super) async fn the_broker_restarts_while_sending(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let producer = app.producer();
    let mut ended = Ended::default();
    ended.take(&producer, post(&app, &producer, &topic, 0..20)?).await?;
    let under_way = post(&app, &producer, &topic, 20..220)?;
    stage.controls(|controls| controls.kill_broker(0))?;
    ended.take(&producer, under_way).await?;
    ended.take(&producer, post(&app, &producer, &topic, 220..230)?).await?;
    check!(ended.acknowledged.len() < 230, "the broker was away and everything was acknowledged");
    stage.start_broker(0).await?;
    let (mut next, before) = (230, ended.acknowledged.len());
    while ended.acknowledged.len() < before + 20 {
        check!(next < 2000, "the broker is back and nothing is acknowledged");
        ended.take(&producer, post(&app, &producer, &topic, next..next + 10)?).await?;
        next += 10;
        stage.sleep(Duration::from_millis(50)).await;
    }
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().wait_for_all(&ended.acknowledged).await?;
    stage.linger().await;
    ended.is_true(&consumer.seen().bodies())?;
    stage.finish().await
}

/// The broker is killed while its messages are being consumed: everything comes, and what was committed before does
/// not come again.
pub(super) async fn the_broker_restarts_while_consuming(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let producer = app.producer();
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let first = producer.send_numbers(&topic, 0..100).await?;
    consumer.seen().wait_for_all(&first).await?;
    stage.committed(&group, &topic, 4, 100).await?;
    // Brokers write committed offsets to disk at intervals.
    stage.sleep(Duration::from_millis(1500)).await;
    stage.controls(|controls| controls.kill_broker(0))?;
    stage.linger().await;
    stage.start_broker(0).await?;
    let mut ended = Ended::default();
    let mut next = 100;
    while ended.acknowledged.len() < 100 {
        check!(next < 3000, "the broker is back and nothing is acknowledged");
        ended.take(&producer, post(&app, &producer, &topic, next..next + 20)?).await?;
        next += 20;
        stage.sleep(Duration::from_millis(50)).await;
    }
    consumer.seen().wait_for_all(&ended.acknowledged).await?;
    ended.is_true(&consumer.seen().bodies())?;
    let again: Vec<_> = consumer.seen().times().into_iter().filter(|(_, times)| *times > 1).collect();
    check!(again.iter().all(|(body, _)| !first.contains(body)), "committed, and came again: {again:?}");
    stage.finish().await
}

/// A topic that may only be read gets nothing more once that is known; and gets it again when it may be written.
pub(super) async fn a_topic_becomes_read_only(stage: Stage) -> Outcome {
    let topic = stage.topic(2).await?;
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    producer.send_numbers(&topic, 0..10).await?;
    stage.cluster(|cluster| cluster.set_topic(0, &topic, 2, 4))?;
    let known = || app.with(|client, now| client.writable_queues(&handle, now)).is_empty();
    let mut waited = 0;
    while !known() {
        check!(waited < 200, "the route is not renewed");
        waited += 1;
        stage.sleep(Duration::from_millis(50)).await;
    }
    let before = stage.stored(&topic, 2)?;
    let (certain, failure) = producer.send_in_vain(Message::new(&handle, "x")).await?;
    check!(certain && stage.stored(&topic, 2)? == before, "sent where nothing may be written: {failure}");
    stage.cluster(|cluster| cluster.set_topic(0, &topic, 2, 6))?;
    producer.send_numbers(&topic, 10..20).await?;
    stage.finish().await
}
