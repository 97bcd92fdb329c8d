//! Members that share, join, leave, die.

use std::collections::BTreeSet;
use std::time::Duration;

use rocketmq_engine::{Queue, Settlement};

use crate::scenario::{Consumer, Outcome, React, Seen, Stage, check};

/// A member in a client of its own; `book` is shared with other members.
fn member(stage: &Stage, group: &str, topic: &str, book: Option<&Seen>) -> Outcome<Consumer> {
    let builder = stage.app().consumer(group).subscribe(topic, "*");
    match book {
        Some(book) => builder.into(book).start(),
        None => builder.start(),
    }
}

/// Waits until the members have so many queues each, together all of them, none twice.
async fn shared(stage: &Stage, topic: &str, members: &[&Consumer], shares: &[usize]) -> Outcome {
    let held = || -> Vec<BTreeSet<Queue>> { members.iter().map(|member| member.queues(topic)).collect() };
    let even = || {
        let mut counts: Vec<usize> = held().iter().map(BTreeSet::len).collect();
        counts.sort_unstable();
        let all: BTreeSet<Queue> = held().into_iter().flatten().collect();
        counts == shares && all.len() == shares.iter().sum::<usize>()
    };
    let wait = stage.until("a division of the queues", Duration::from_secs(20), even).await;
    wait.map_err(|failed| crate::scenario::Failed(format!("{failed}: {:?}", held())))
}

/// Everything comes, and to no member twice: while queues change hands, one may come to both.
async fn each_once_a_member(stage: &Stage, members: &[&Consumer], sent: &BTreeSet<Vec<u8>>) -> Outcome {
    let came = || members.iter().flat_map(|member| member.seen().bodies()).collect::<BTreeSet<_>>();
    stage.until("messages", Duration::from_secs(30), || came().is_superset(sent)).await?;
    stage.linger().await;
    check!(came() == *sent, "what came is not what was sent");
    for member in members {
        let twice: Vec<_> = member.seen().times().into_iter().filter(|(_, times)| *times > 1).collect();
        check!(twice.is_empty(), "one member got some more than once: {twice:?}");
    }
    Ok(())
}

/// Two members have half of the queues each, and everything comes once.
pub(super) async fn two_share_evenly(stage: Stage) -> Outcome {
    static_members(stage, &[4, 4]).await
}

/// Four have a quarter each.
pub(super) async fn four_share_evenly(stage: Stage) -> Outcome {
    static_members(stage, &[2, 2, 2, 2]).await
}

/// With fewer queues than members some have none, and nothing is missing.
pub(super) async fn more_members_than_queues(stage: Stage) -> Outcome {
    static_members(stage, &[0, 1, 1]).await
}

async fn static_members(stage: Stage, shares: &[usize]) -> Outcome {
    let queues = shares.iter().sum::<usize>() as u32;
    let (topic, group) = (stage.topic(queues).await?, stage.group()?);
    let mut members = Vec::new();
    for _ in shares {
        members.push(member(&stage, &group, &topic, None)?);
    }
    shared(&stage, &topic, &members.iter().collect::<Vec<_>>(), shares).await?;
    let count = queues as usize * 10;
    let sent = stage.app().producer().send_numbers(&topic, 0..count).await?;
    let came = || members.iter().map(|member| member.seen().len()).sum::<usize>();
    stage.until("messages", Duration::from_secs(20), || came() >= count).await?;
    stage.linger().await;
    check!(came() == count, "{} deliveries of {count} messages", came());
    let bodies: BTreeSet<_> = members.iter().flat_map(|member| member.seen().bodies()).collect();
    check!(bodies == sent, "what came is not what was sent");
    let mut each: Vec<usize> = members.iter().map(|member| member.seen().len()).collect();
    each.sort_unstable();
    check!(each == shares.iter().map(|share| share * 10).collect::<Vec<_>>(), "shares of messages: {each:?}");
    stage.finish().await
}

/// A second member joins in the middle: nothing is missing; no member gets one twice.
pub(super) async fn one_joins(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(8).await?, stage.group()?);
    let first = member(&stage, &group, &topic, None)?;
    let producer = stage.app().producer();
    let mut sent = producer.send_numbers(&topic, 0..200).await?;
    let second = member(&stage, &group, &topic, None)?;
    sent.extend(producer.send_numbers(&topic, 200..400).await?);
    shared(&stage, &topic, &[&first, &second], &[4, 4]).await?;
    sent.extend(producer.send_numbers(&topic, 400..600).await?);
    each_once_a_member(&stage, &[&first, &second], &sent).await?;
    stage.finish().await?;
    stage.committed(&group, &topic, 8, 600).await
}

/// One of two leaves in order: the other goes on where it stopped, nothing is missing or comes twice.
pub(super) async fn one_leaves(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(8).await?, stage.group()?);
    let first = member(&stage, &group, &topic, None)?;
    let second = member(&stage, &group, &topic, Some(&first.seen()))?;
    shared(&stage, &topic, &[&first, &second], &[4, 4]).await?;
    let producer = stage.app().producer();
    let mut sent = producer.send_numbers(&topic, 0..200).await?;
    first.seen().wait_for_all(&sent).await?;
    let uncommitted = second.close().await?;
    check!(uncommitted.is_empty(), "left uncommitted: {uncommitted:?}");
    sent.extend(producer.send_numbers(&topic, 200..400).await?);
    shared(&stage, &topic, &[&first], &[8]).await?;
    first.seen().exactly(&sent).await?;
    stage.finish().await
}

/// Two of four leave, two others come, messages all the while.
pub(super) async fn two_join_and_two_leave(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(8).await?, stage.group()?);
    let book = member(&stage, &group, &topic, None)?;
    let seen = book.seen();
    let mut members = vec![book];
    for _ in 0..3 {
        members.push(member(&stage, &group, &topic, Some(&seen))?);
    }
    let producer = stage.app().producer();
    let mut sent = producer.send_numbers(&topic, 0..100).await?;
    shared(&stage, &topic, &members.iter().collect::<Vec<_>>(), &[2, 2, 2, 2]).await?;
    for leaving in members.drain(..2) {
        leaving.close().await?;
    }
    sent.extend(producer.send_numbers(&topic, 100..200).await?);
    shared(&stage, &topic, &members.iter().collect::<Vec<_>>(), &[4, 4]).await?;
    for _ in 0..2 {
        members.push(member(&stage, &group, &topic, Some(&seen))?);
    }
    sent.extend(producer.send_numbers(&topic, 200..300).await?);
    shared(&stage, &topic, &members.iter().collect::<Vec<_>>(), &[2, 2, 2, 2]).await?;
    sent.extend(producer.send_numbers(&topic, 300..400).await?);
    seen.wait_for_all(&sent).await?;
    stage.finish().await?;
    stage.committed(&group, &topic, 8, 400).await
}

/// One of two dies with deliveries it never settled: the other gets them.
pub(super) async fn one_is_killed(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(8).await?, stage.group()?);
    let (first, second) = (member(&stage, &group, &topic, None)?, member(&stage, &group, &topic, None)?);
    second.react(|_| React::Hold);
    shared(&stage, &topic, &[&first, &second], &[4, 4]).await?;
    let producer = stage.app().producer();
    let mut sent = producer.send_numbers(&topic, 0..80).await?;
    second.seen().wait_for(40).await?;
    second.app().kill();
    sent.extend(producer.send_numbers(&topic, 80..120).await?);
    first.seen().exactly(&sent).await?;
    stage.finish().await?;
    stage.committed(&group, &topic, 8, 120).await
}

/// The topic gets more queues: they are written to, divided, and read from their beginning.
pub(super) async fn queues_are_added(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(2).await?, stage.group()?);
    let first = member(&stage, &group, &topic, None)?;
    let second = member(&stage, &group, &topic, None)?;
    let producer = stage.app().producer();
    let mut sent = producer.send_numbers(&topic, 0..20).await?;
    shared(&stage, &topic, &[&first, &second], &[1, 1]).await?;
    stage.cluster(|cluster| cluster.set_topic(0, &topic, 6, 6))?;
    stage
        .until_cluster("a route with the new queues", |cluster| {
            Ok(cluster.routed_queues(0, &topic)? == Some(6))
        })
        .await?;
    let mut next = 20;
    while stage.cluster(|cluster| cluster.stored(0, &topic, 5))? == 0 {
        check!(next < 2000, "the new queues are not written to");
        sent.extend(producer.send_numbers(&topic, next..next + 6).await?);
        next += 6;
        stage.sleep(Duration::from_millis(50)).await;
    }
    shared(&stage, &topic, &[&first, &second], &[3, 3]).await?;
    each_once_a_member(&stage, &[&first, &second], &sent).await?;
    stage.finish().await?;
    stage.committed(&group, &topic, 6, next as i64).await
}

/// A queue whose messages are never settled holds up itself alone.
pub(super) async fn a_slow_listener_starves_nobody(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic(4).await?, stage.group()?);
    let app = stage.app();
    let consumer = app
        .consumer(&group)
        .subscribe(&topic, "*")
        .configure(|config| (config.pull_threshold_for_queue, config.pull_batch_size) = (5, 5))
        .react(|received| if received.queue.id == 0 { React::Hold } else { React::DONE })
        .start()?;
    let sent = app.producer().send_numbers(&topic, 0..400).await?;
    let others = || consumer.seen().all().iter().filter(|received| received.queue.id != 0).count();
    stage.until("the other queues", Duration::from_secs(20), || others() == 300).await?;
    check!(consumer.held() <= 10, "{} of a queue whose limit is 5", consumer.held());
    consumer.react(|_| React::DONE);
    consumer.settle_held(Settlement::Done)?;
    consumer.seen().exactly(&sent).await?;
    stage.finish().await
}
