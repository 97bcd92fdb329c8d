//! What comes back, how often, and where it ends.

use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
use rocketmq_engine::wire::message::names::{dlq_topic, retry_topic};
use rocketmq_engine::{PushConsumerConfig, Settlement};

use crate::FaultKind;
use crate::scenario::{Consumer, Outcome, React, Received, Stage, check};

fn later(delay_level: i32) -> React {
    React::Settle(Settlement::Later { delay_level })
}

/// A topic with so many messages, and a consumer of it.
async fn begin(
    stage: &Stage,
    messages: usize,
    configure: impl FnOnce(&mut PushConsumerConfig),
    react: impl FnMut(&Received) -> React + 'static,
) -> Outcome<(String, String, Consumer)> {
    let (topic, group) = (stage.topic(2).await?, stage.group()?);
    let app = stage.app();
    app.producer().send_numbers(&topic, 0..messages).await?;
    let consumer = app.consumer(&group).subscribe(&topic, "*").configure(configure).react(react).start()?;
    Ok((topic, group, consumer))
}

fn counts(consumer: &Consumer) -> Vec<i32> {
    consumer.seen().all().iter().map(|received| received.reconsume_times).collect()
}

async fn dead_letters(stage: &Stage, group: &str, count: i64) -> Outcome {
    let dlq = dlq_topic(group);
    stage.until_cluster("dead letters", |cluster| Ok(cluster.stored(0, &dlq, 0)? == count)).await
}

/// The broker's own delays: each time the count is one more, the topic is the first one, the delay grows.
pub(super) async fn steps_rise(stage: Stage) -> Outcome {
    let react = |received: &Received| if received.reconsume_times < 3 { later(0) } else { React::DONE };
    let (topic, group, consumer) = begin(&stage, 1, |_| {}, react).await?;
    consumer.seen().wait_for(4).await?;
    check!(counts(&consumer) == [0, 1, 2, 3], "{:?}", counts(&consumer));
    for received in consumer.seen().all() {
        check!(received.topic == topic && received.body == b"0", "{received:?}");
        let expected = if received.reconsume_times == 0 { topic.clone() } else { retry_topic(&group) };
        check!(received.queue.topic.as_str() == expected, "{received:?}");
    }
    stage.linger().await;
    check!(consumer.seen().len() == 4, "it came a fifth time");
    stage.finish().await
}

/// A delay level of the listener's own choice.
pub(super) async fn a_chosen_level(stage: Stage) -> Outcome {
    let react = |received: &Received| if received.reconsume_times == 0 { later(2) } else { React::DONE };
    let (_, _, consumer) = begin(&stage, 3, |_| {}, react).await?;
    consumer.seen().wait_for(6).await?;
    stage.linger().await;
    let mut counts = counts(&consumer);
    counts.sort_unstable();
    check!(counts == [0, 0, 0, 1, 1, 1], "{counts:?}");
    stage.finish().await
}

/// One of many comes back alone, and progress does not wait for it.
pub(super) async fn one_of_many(stage: Stage) -> Outcome {
    let react = |received: &Received| {
        if received.body == b"7" && received.reconsume_times == 0 { later(0) } else { React::DONE }
    };
    let (topic, group, consumer) = begin(&stage, 30, |_| {}, react).await?;
    consumer.seen().wait_for(31).await?;
    stage.linger().await;
    let twice: Vec<_> = consumer.seen().times().into_iter().filter(|(_, times)| *times != 1).collect();
    check!(twice == [(b"7".to_vec(), 2)], "{twice:?}");
    stage.committed(&group, &topic, 2, 30).await?;
    stage.finish().await
}

/// Two retries allowed: three deliveries, then one dead letter, and never again.
pub(super) async fn into_the_dead_letters_in_the_end(stage: Stage) -> Outcome {
    let (topic, group, consumer) =
        begin(&stage, 1, |config| config.max_reconsume_times = Some(2), |_| later(1)).await?;
    dead_letters(&stage, &group, 1).await?;
    stage.linger().await;
    check!(counts(&consumer) == [0, 1, 2], "{:?}", counts(&consumer));
    dead_letters(&stage, &group, 1).await?;
    stage.committed(&group, &topic, 2, 1).await?;
    stage.finish().await
}

/// No retry allowed: the first failure is the last.
pub(super) async fn no_retries_at_all(stage: Stage) -> Outcome {
    let (_, group, consumer) =
        begin(&stage, 3, |config| config.max_reconsume_times = Some(0), |_| later(0)).await?;
    dead_letters(&stage, &group, 3).await?;
    stage.linger().await;
    check!(counts(&consumer) == [0, 0, 0], "{:?}", counts(&consumer));
    stage.finish().await
}

/// The listener itself gives a message up.
pub(super) async fn into_the_dead_letters_at_once(stage: Stage) -> Outcome {
    let react = |received: &Received| if received.body == b"1" { later(-1) } else { React::DONE };
    let (topic, group, consumer) = begin(&stage, 3, |_| {}, react).await?;
    dead_letters(&stage, &group, 1).await?;
    stage.linger().await;
    check!(counts(&consumer) == [0, 0, 0], "{:?}", counts(&consumer));
    stage.committed(&group, &topic, 2, 3).await?;
    stage.finish().await
}

/// Thirty retries are allowed and taken: the count is right to the end.
pub(super) async fn thirty_times(stage: Stage) -> Outcome {
    let react = |received: &Received| if received.reconsume_times < 30 { later(1) } else { React::DONE };
    let (_, _, consumer) = begin(&stage, 1, |config| config.max_reconsume_times = Some(30), react).await?;
    let patience = Duration::from_secs(150);
    stage.until("thirty retries", patience, || consumer.seen().len() >= 31).await?;
    check!(counts(&consumer) == (0..=30).collect::<Vec<_>>(), "{:?}", counts(&consumer));
    stage.finish().await
}

/// Sending back is refused, by both ways there are: the message comes again here, and is not lost.
pub(super) async fn sending_back_fails(stage: Stage) -> Outcome {
    let trouble = || FaultKind::Answer(ResponseCode::SYSTEM_ERROR, "made to fail".into());
    let react = |received: &Received| if received.reconsume_times == 0 { later(0) } else { React::DONE };
    let (topic, group, consumer) = begin(&stage, 1, |_| {}, |_| React::Hold).await?;
    consumer.seen().wait_for(1).await?;
    stage.fault(RequestCode::CONSUMER_SEND_MSG_BACK, 2, trouble())?;
    stage.fault(RequestCode::SEND_MESSAGE_V2, 1, trouble())?;
    consumer.react(react);
    consumer.settle_held(Settlement::Later { delay_level: 0 })?;
    // Refused both ways: again here. Then refused one way at most: the other one takes it.
    stage.until("the retry", Duration::from_secs(20), || counts(&consumer).contains(&1)).await?;
    stage.linger().await;
    let counts = counts(&consumer);
    check!(counts.starts_with(&[0, 0]) && counts.ends_with(&[0, 1]) && counts.len() <= 4, "{counts:?}");
    stage.committed(&group, &topic, 2, 1).await?;
    stage.finish().await
}
