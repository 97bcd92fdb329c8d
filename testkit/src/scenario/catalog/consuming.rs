//! Deliveries, settlements, flow control.

use std::collections::BTreeSet;
use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
use rocketmq_engine::{Message, Settlement};

use crate::FaultKind;
use crate::scenario::{Outcome, React, Stage, check};

fn trouble() -> FaultKind {
    FaultKind::Answer(ResponseCode::SYSTEM_ERROR, "made to fail".into())
}

/// One consumer of several topics gets all of all.
pub(super) async fn several_topics(stage: Stage) -> Outcome {
    let group = stage.group()?;
    let app = stage.app();
    let producer = app.producer();
    let mut consumer = app.consumer(&group);
    let mut sent = BTreeSet::new();
    for number in 0..3 {
        let topic = stage.topic(2).await?;
        sent.extend(producer.send_numbers(&topic, number * 20..number * 20 + 20).await?);
        consumer = consumer.subscribe(&topic, "*");
    }
    consumer.start()?.seen().exactly(&sent).await?;
    stage.finish().await
}

/// Each group gets everything.
pub(super) async fn two_groups(stage: Stage) -> Outcome {
    let topic = stage.topic(4).await?;
    let app = stage.app();
    let sent = app.producer().send_numbers(&topic, 0..40).await?;
    // Two groups in one client, and one in another.
    for app in [&app, &app, &stage.app()] {
        let group = stage.group()?;
        app.consumer(&group).subscribe(&topic, "*").start()?.seen().exactly(&sent).await?;
    }
    stage.finish().await
}

/// The last is settled first: progress is what is finished without a gap.
pub(super) async fn settled_out_of_order(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(1).await?, stage.group()?);
    let app = stage.app();
    app.producer().send_numbers(&topic, 0..20).await?;
    // The first is held, all others are done.
    let consumer = app
        .consumer(&group)
        .subscribe(&topic, "*")
        .react(|received| if received.offset % 2 == 0 { React::Hold } else { React::DONE })
        .start()?;
    consumer.seen().wait_for(20).await?;
    stage.linger().await;
    stage.committed(&group, &topic, 1, 0).await?;
    consumer.settle_held(Settlement::Done)?;
    stage.committed(&group, &topic, 1, 20).await?;
    stage.finish().await
}

/// One of many stays unsettled: its queue's progress stays in front of it, the others go on.
pub(super) async fn all_but_one_settled(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    app.producer().send_numbers(&topic, 0..100).await?;
    let consumer = app
        .consumer(&group)
        .subscribe(&topic, "*")
        .react(|received| if received.body == b"50" { React::Hold } else { React::DONE })
        .start()?;
    consumer.seen().wait_for(100).await?;
    let held = consumer.seen().find(b"50")?;
    let in_its_queue = stage.cluster(|cluster| cluster.stored(0, &topic, held.queue.id))?;
    stage.committed(&group, &topic, 4, 100 - (in_its_queue - held.offset)).await?;
    let its = stage.cluster(|cluster| cluster.committed(0, &group, &topic, held.queue.id))?;
    check!(its == Some(held.offset), "its queue is committed up to {its:?}, it is at {}", held.offset);
    consumer.settle_held(Settlement::Done)?;
    stage.committed(&group, &topic, 4, 100).await?;
    stage.finish().await
}

/// Nothing is settled: nothing is committed, and everything comes again to whoever is next.
pub(super) async fn nothing_settled(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let first = stage.app();
    let sent = stage.app().producer().send_numbers(&topic, 0..40).await?;
    let consumer = first.consumer(&group).subscribe(&topic, "*").react(|_| React::Hold).start()?;
    consumer.seen().exactly(&sent).await?;
    stage.linger().await;
    stage.committed(&group, &topic, 4, 0).await?;
    first.kill();
    let consumer = stage.app().consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&sent).await?;
    stage.committed(&group, &topic, 4, 40).await?;
    stage.finish().await
}

/// What is abandoned comes again here, without the broker's help, and counts as no retry.
pub(super) async fn abandoned_comes_again_here(stage: Stage) -> Outcome {
    again_here(stage, Settlement::Abandon).await
}

/// So does what is suspended.
pub(super) async fn suspended_comes_again_here(stage: Stage) -> Outcome {
    again_here(stage, Settlement::Suspend(Duration::from_millis(50))).await
}

async fn again_here(stage: Stage, settlement: Settlement) -> Outcome {
    let (topic, group) = (stage.topic(2).await?, stage.group()?);
    let app = stage.app();
    app.producer().send_numbers(&topic, 0..10).await?;
    let mut once = BTreeSet::new();
    let react = move |received: &crate::scenario::Received| {
        if once.insert(received.body.clone()) { React::Settle(settlement) } else { React::DONE }
    };
    let consumer = app.consumer(&group).subscribe(&topic, "*").react(react).start()?;
    consumer.seen().wait_for(20).await?;
    stage.linger().await;
    check!(consumer.seen().times().values().all(|times| *times == 2), "{:?}", consumer.seen().times());
    let retried = consumer.seen().all().iter().filter(|received| received.reconsume_times != 0).count();
    check!(retried == 0, "{retried} went to the broker and back");
    stage.committed(&group, &topic, 2, 10).await?;
    stage.finish().await
}

/// A delivery nobody settles in time goes back to the broker and comes as a retry.
pub(super) async fn forgotten_goes_back(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(1).await?, stage.group()?);
    let app = stage.app();
    app.producer().send_numbers(&topic, 0..1).await?;
    let consumer = app
        .consumer(&group)
        .subscribe(&topic, "*")
        .configure(|config| config.consume_timeout = Duration::from_secs(1))
        .react(|received| if received.reconsume_times == 0 { React::Hold } else { React::DONE })
        .start()?;
    consumer.seen().wait_for(2).await?;
    let again = consumer.seen().all().pop();
    check!(again.is_some_and(|again| again.reconsume_times == 1), "it came again, not as a retry");
    stage.committed(&group, &topic, 1, 1).await?;
    // Who remembers at last does no harm.
    consumer.settle_held(Settlement::Done)?;
    stage.finish().await
}

/// No more than the limit is pulled while nothing is settled; then the rest comes.
pub(super) async fn flow_control_by_count(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(1).await?, stage.group()?);
    let app = stage.app();
    let sent = app.producer().send_numbers(&topic, 0..100).await?;
    let consumer = app
        .consumer(&group)
        .subscribe(&topic, "*")
        .configure(|config| (config.pull_threshold_for_queue, config.pull_batch_size) = (10, 4))
        .react(|_| React::Hold)
        .start()?;
    while consumer.seen().len() < 100 {
        let before = consumer.seen().len();
        stage.until("more", Duration::from_secs(20), || consumer.seen().len() > before).await?;
        stage.sleep(Duration::from_millis(100)).await;
        check!(consumer.held() <= 10 + 4, "{} are held, the limit is 10 and a pull of 4", consumer.held());
        consumer.settle_held(Settlement::Done)?;
    }
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}

/// Bodies of half a megabyte, more than one answer takes.
pub(super) async fn big_messages(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(2).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    let bodies: BTreeSet<Vec<u8>> =
        (0..16).map(|number: u32| number.to_be_bytes().repeat((512 << 10) / 4)).collect();
    producer.send_all(bodies.iter().map(|body| Message::new(&handle, body.clone()))).await?;
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&bodies).await?;
    stage.finish().await
}

/// The topic is made when its consumer has long been waiting for it.
pub(super) async fn a_topic_that_comes_later(stage: Stage) -> Outcome {
    let (topic, group) = (stage.unique("later"), stage.group()?);
    let consumer = stage.app().consumer(&group).subscribe(&topic, "*").start()?;
    stage.linger().await;
    stage.cluster(|cluster| cluster.set_topic(0, &topic, 4, 6))?;
    stage.until_routed(0, &topic).await?;
    let sent = stage.app().producer().send_numbers(&topic, 0..20).await?;
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}

/// Pulls that fail are asked again, from where they were.
pub(super) async fn pulls_fail_for_a_while(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(2).await?, stage.group()?);
    let app = stage.app();
    let sent = app.producer().send_numbers(&topic, 0..50).await?;
    stage.fault(RequestCode::PULL_MESSAGE, 6, trouble())?;
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&sent).await?;
    check!(consumer.stats().pull_errors >= 6, "{:?}", consumer.stats());
    stage.finish().await
}

/// Commits that fail are made again.
pub(super) async fn commits_fail_for_a_while(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(2).await?, stage.group()?);
    let app = stage.app();
    let sent = app.producer().send_numbers(&topic, 0..50).await?;
    stage.fault(RequestCode::UPDATE_CONSUMER_OFFSET, 4, trouble())?;
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&sent).await?;
    stage.committed(&group, &topic, 2, 50).await?;
    check!(consumer.stats().commit_errors == 4, "{:?}", consumer.stats());
    stage.finish().await
}
