//! Where a group begins and goes on.

use std::time::Duration;

use rocketmq_engine::ConsumeFrom;
use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};

use crate::FaultKind;
use crate::scenario::{Outcome, Stage, check};

/// A group that comes later gets everything from the first on.
pub(super) async fn from_the_first_with_another_group(stage: Stage) -> Outcome {
    let (topic, group, other) = (stage.topic(4).await?, stage.group()?, stage.group()?);
    let app = stage.app();
    let sent = app.producer().send_numbers(&topic, 0..40).await?;
    app.consumer(&group).subscribe(&topic, "*").start()?.seen().exactly(&sent).await?;
    let late = stage.app().consumer(&other).from(ConsumeFrom::First).subscribe(&topic, "*").start()?;
    late.seen().exactly(&sent).await?;
    stage.finish().await
}

/// A new group that wants the last is told to begin at the first while the topic is whole and young.
pub(super) async fn a_young_topic_is_read_whole(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let sent = app.producer().send_numbers(&topic, 0..40).await?;
    let consumer = app.consumer(&group).from(ConsumeFrom::Last).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}

/// Brokers no longer know whether the topic is young.
fn no_offset(stage: &Stage, queues: u32) -> Outcome {
    let kind = FaultKind::Answer(ResponseCode::QUERY_NOT_FOUND, "Not found".into());
    stage.fault(RequestCode::QUERY_CONSUMER_OFFSET, queues, kind)
}

/// A new group that wants the last gets nothing of the backlog, and all that comes.
pub(super) async fn from_the_last(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    app.producer().send_numbers(&topic, 0..40).await?;
    no_offset(&stage, 4)?;
    let consumer = app.consumer(&group).from(ConsumeFrom::Last).subscribe(&topic, "*").start()?;
    stage.until("queues", Duration::from_secs(20), || consumer.queues(&topic).len() == 4).await?;
    stage.linger().await;
    let sent = app.producer().send_numbers(&topic, 40..80).await?;
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}

/// A new group gets what was stored since a moment.
pub(super) async fn from_a_timestamp(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    app.producer().send_numbers(&topic, 0..40).await?;
    stage.sleep(Duration::from_millis(50)).await;
    let moment = stage.unix_now().as_millis() as i64;
    stage.sleep(Duration::from_millis(50)).await;
    let sent = app.producer().send_numbers(&topic, 40..80).await?;
    no_offset(&stage, 4)?;
    let from = ConsumeFrom::Timestamp(moment);
    let consumer = app.consumer(&group).from(from).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}

/// A consumer that comes back goes on where it had committed.
pub(super) async fn goes_on_where_it_committed(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    for round in 0..3 {
        let app = stage.app();
        let sent = app.producer().send_numbers(&topic, round * 50..round * 50 + 50).await?;
        let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
        consumer.seen().exactly(&sent).await?;
        let report = app.shutdown(Duration::from_secs(10)).await?;
        check!(report.in_time && report.uncommitted.is_empty(), "{report:?}");
        stage.committed(&group, &topic, 4, (round as i64 + 1) * 50).await?;
    }
    Ok(())
}

/// Where to begin is asked for until there is an answer: a failed question is never an offset.
pub(super) async fn the_question_fails(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let sent = app.producer().send_numbers(&topic, 0..40).await?;
    app.consumer(&group).subscribe(&topic, "*").start()?.seen().exactly(&sent).await?;
    app.shutdown(Duration::from_secs(10)).await?;
    let app = stage.app();
    let kinds = [
        FaultKind::Answer(ResponseCode::SYSTEM_ERROR, "made to fail".into()),
        FaultKind::Answer(ResponseCode::SYSTEM_BUSY, "busy".into()),
        FaultKind::CloseBefore,
    ];
    for kind in kinds {
        stage.fault(RequestCode::QUERY_CONSUMER_OFFSET, 3, kind)?;
    }
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    let sent = app.producer().send_numbers(&topic, 40..80).await?;
    consumer.seen().exactly(&sent).await?;
    stage.finish().await?;
    stage.committed(&group, &topic, 4, 80).await
}
