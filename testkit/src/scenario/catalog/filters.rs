//! Tags, subscriptions that change.

use std::collections::BTreeSet;
use std::time::Duration;

use rocketmq_engine::Message;

use crate::scenario::{App, Failed, Outcome, Stage, check};

/// Sends `each` messages with each tag; an empty one is none. The body is the tag and a number.
async fn send(app: &App, topic: &str, tags: &[&str], each: usize) -> Outcome {
    let (producer, handle) = (app.producer(), app.topic(topic)?);
    let mut messages = Vec::new();
    for number in 0..each {
        for tag in tags {
            let builder = Message::builder(&handle, format!("{tag} {number}"));
            let builder = if tag.is_empty() { builder } else { builder.tag(tag) };
            messages.push(builder.build().map_err(|error| Failed(error.to_string()))?);
        }
    }
    producer.send_all(messages).await.map(drop)
}

fn bodies(tags: &[&str], numbers: std::ops::Range<usize>) -> BTreeSet<Vec<u8>> {
    numbers.flat_map(|number| tags.iter().map(move |tag| format!("{tag} {number}").into_bytes())).collect()
}

/// Sends ten of each tag, and gets with this filter exactly those of the wanted tags; progress passes the others.
async fn filtered(stage: &Stage, filter: &str, tags: &[&str], wanted: &[&str]) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    send(&app, &topic, tags, 10).await?;
    let consumer = app.consumer(&group).subscribe(&topic, filter).start()?;
    consumer
        .seen()
        .exactly(&bodies(wanted, 0..10))
        .await
        .map_err(|failed| Failed(format!("{filter:?}: {failed}")))
}

/// `A || B` of three, and `A` alone.
pub(super) async fn one_of_several_tags(stage: Stage) -> Outcome {
    filtered(&stage, "A || B", &["A", "B", "C"], &["A", "B"]).await?;
    filtered(&stage, "A", &["A", "B", "C"], &["A"]).await?;
    stage.finish().await
}

/// `*` and nothing are everything, messages without a tag too; a tag is no message without one.
pub(super) async fn everything_and_nothing(stage: Stage) -> Outcome {
    filtered(&stage, "*", &["A", ""], &["A", ""]).await?;
    filtered(&stage, "", &["A", ""], &["A", ""]).await?;
    filtered(&stage, "A", &["A", ""], &["A"]).await?;
    filtered(&stage, "Z", &["A", ""], &[]).await?;
    stage.finish().await
}

/// `Aa` and `BB` have one hash code: brokers cannot tell them apart, we do; and progress passes what is not wanted.
pub(super) async fn equal_hash_codes(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(1).await?, stage.group()?);
    let app = stage.app();
    let consumer = app.consumer(&group).subscribe(&topic, "Aa").start()?;
    send(&app, &topic, &["Aa", "BB"], 20).await?;
    consumer.seen().exactly(&bodies(&["Aa"], 0..20)).await?;
    stage.committed(&group, &topic, 1, 40).await?;
    // Answers that hold nothing that is wanted move it on as well.
    send(&app, &topic, &["BB"], 40).await?;
    stage.committed(&group, &topic, 1, 80).await?;
    check!(consumer.seen().len() == 20, "{} came", consumer.seen().len());
    stage.finish().await
}

/// Upper and lower case differ; blanks around a tag do not count, blanks within do.
pub(super) async fn case_and_blanks(stage: Stage) -> Outcome {
    filtered(&stage, "  a  ||B ", &["a", "A", "b", "B"], &["a", "B"]).await?;
    filtered(&stage, "a b||  ||c", &["a b", "ab", "c"], &["a b", "c"]).await?;
    stage.finish().await
}

/// Long tags, and many of them.
pub(super) async fn many_tags(stage: Stage) -> Outcome {
    let names: Vec<String> = (0..60).map(|number| format!("tag-{number}-{}", "x".repeat(100))).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let wanted = all.get(..50).unwrap_or_default();
    filtered(&stage, &wanted.join(" || "), &all, wanted).await?;
    stage.finish().await
}

/// Groups with other filters on one topic do not disturb each other.
pub(super) async fn different_groups(stage: Stage) -> Outcome {
    let topic = stage.topic(4).await?;
    let app = stage.app();
    let mut consumers = Vec::new();
    for filter in ["A", "B", "A || C", "*"] {
        let group = stage.group()?;
        consumers.push((filter, stage.app().consumer(&group).subscribe(&topic, filter).start()?));
    }
    send(&app, &topic, &["A", "B", "C"], 10).await?;
    for (filter, consumer) in &consumers {
        let tags: Vec<&str> =
            ["A", "B", "C"].into_iter().filter(|tag| *filter == "*" || filter.contains(tag)).collect();
        consumer
            .seen()
            .exactly(&bodies(&tags, 0..10))
            .await
            .map_err(|failed| Failed(format!("{filter}: {failed}")))?;
    }
    stage.finish().await
}

/// The filter changes while messages come: what is sent from then on is filtered by the new one.
pub(super) async fn changed_while_running(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let consumer = app.consumer(&group).subscribe(&topic, "A").start()?;
    send(&app, &topic, &["A", "B"], 10).await?;
    consumer.seen().exactly(&bodies(&["A"], 0..10)).await?;
    // Brokers keep the newest subscription by a time stamp in milliseconds.
    stage.sleep(Duration::from_millis(5)).await;
    consumer.subscribe(&topic, "B")?;
    consumer.seen().clear();
    // Pulls that wait at the broker have the old filter.
    send(&app, &topic, &["A", "B"], 10).await?;
    consumer.seen().wait_for_all(&bodies(&["B"], 0..10)).await?;
    stage.linger().await;
    consumer.seen().clear();
    send(&app, &topic, &["A", "B"], 10).await?;
    consumer.seen().exactly(&bodies(&["B"], 0..10)).await?;
    stage.finish().await
}

/// One of two subscriptions ends: its queues are given back, the other goes on.
pub(super) async fn a_subscription_ends(stage: Stage) -> Outcome {
    let (kept, ended, group) = (stage.topic(2).await?, stage.topic(2).await?, stage.group()?);
    let app = stage.app();
    let producer = app.producer();
    let consumer = app.consumer(&group).subscribe(&kept, "*").subscribe(&ended, "*").start()?;
    let mut sent = producer.send_numbers(&kept, 0..20).await?;
    sent.extend(producer.send_numbers(&ended, 20..40).await?);
    consumer.seen().exactly(&sent).await?;
    consumer.unsubscribe(&ended)?;
    stage.until("its queues", Duration::from_secs(20), || consumer.queues(&ended).is_empty()).await?;
    stage.committed(&group, &ended, 2, 20).await?;
    producer.send_numbers(&ended, 60..80).await?;
    sent.extend(producer.send_numbers(&kept, 40..60).await?);
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}
