//! Brokers that are busy, silent, cut off or wrong: what a send's ending says then.

use std::collections::BTreeSet;
use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode, ResponseCode};
use rocketmq_engine::{Message, SendError, SendOptions, SendOutcome};

use crate::FaultKind;
use crate::scenario::{App, Outcome, Producer, Stage, check};

const SEND: RequestCode = RequestCode::SEND_MESSAGE_V2;

fn busy() -> FaultKind {
    FaultKind::Answer(ResponseCode::SYSTEM_BUSY, "[PCBUSY_CLEAN_QUEUE]broker busy".into())
}

/// A topic of one queue, a client whose connection stands, its producer.
async fn ready(stage: &Stage) -> Outcome<(String, App, Producer)> {
    let (topic, app) = (stage.topic(1).await?, stage.app());
    let producer = app.producer();
    producer.send(Message::new(&app.topic(&topic)?, "first")).await?;
    Ok((topic, app, producer))
}

/// Busy twice: the third attempt is acknowledged, one copy is stored.
pub(super) async fn busy_for_a_while(stage: Stage) -> Outcome {
    let (topic, app, producer) = ready(&stage).await?;
    stage.fault(SEND, 2, busy())?;
    let receipt = producer.send(Message::new(&app.topic(&topic)?, "x")).await?;
    check!(receipt.attempts == 3, "{receipt:?} took other than 3 attempts");
    check!(stage.stored(&topic, 1)? == 2, "stored: {}", stage.stored(&topic, 1)?);
    stage.finish().await
}

/// Busy to every attempt: failed for certain, after as many attempts as are configured and no more.
pub(super) async fn busy_for_ever(stage: Stage) -> Outcome {
    let (topic, app, producer) = ready(&stage).await?;
    // A fourth attempt would find the broker idle, and be stored.
    stage.fault(SEND, 3, busy())?;
    let (certain, failure) = producer.send_in_vain(Message::new(&app.topic(&topic)?, "x")).await?;
    check!(certain, "a busy broker stores nothing: {failure}");
    check!(failure.attempts.len() == 3, "{} attempts: {failure}", failure.attempts.len());
    check!(stage.stored(&topic, 1)? == 1, "something was stored");
    producer.send(Message::new(&app.topic(&topic)?, "again")).await?;
    stage.finish().await
}

/// What cannot change is not tried again.
pub(super) async fn refused_for_good(stage: Stage) -> Outcome {
    let (topic, app, producer) = ready(&stage).await?;
    stage.fault(
        SEND,
        1,
        FaultKind::Answer(ResponseCode::MESSAGE_ILLEGAL, "the message is illegal".into()),
    )?;
    let (certain, failure) = producer.send_in_vain(Message::new(&app.topic(&topic)?, "x")).await?;
    check!(certain && failure.attempts.len() == 1, "{failure}");
    let refused =
        matches!(&failure.error, SendError::Refused { code, .. } if *code == ResponseCode::MESSAGE_ILLEGAL);
    check!(refused, "another reason: {failure}");
    check!(stage.stored(&topic, 1)? == 1, "it was tried again");
    stage.finish().await
}

/// Stored, the answer lost: the next attempt makes a second copy with the same id, and the receipt says so.
pub(super) async fn stored_but_not_answered(stage: Stage) -> Outcome {
    let (topic, app, producer) = ready(&stage).await?;
    stage.fault(SEND, 1, FaultKind::DropAnswer)?;
    let receipt = producer.send(Message::new(&app.topic(&topic)?, "x")).await?;
    check!(receipt.attempts == 2, "{receipt:?}");
    copies(&stage, &topic, 2, &receipt.message_id.to_string()).await?;
    stage.finish().await
}

/// The connection ends before the broker stores, and after: both are tried again at once, the second is there twice.
pub(super) async fn cut_before_and_after_storing(stage: Stage) -> Outcome {
    let (topic, app, producer) = ready(&stage).await?;
    let handle = app.topic(&topic)?;
    stage.fault(SEND, 1, FaultKind::CloseBefore)?;
    let begun = stage.now();
    let receipt = producer.send(Message::new(&handle, "before")).await?;
    check!(receipt.attempts == 2 && stage.stored(&topic, 1)? == 2, "{receipt:?}");
    stage.fault(SEND, 1, FaultKind::CloseAfter)?;
    let receipt = producer.send(Message::new(&handle, "x")).await?;
    check!(receipt.attempts == 2, "{receipt:?}");
    let took = stage.now() - begun;
    check!(took < Duration::from_millis(1900), "a cut was noticed only by a time-out: {took:?}");
    copies(&stage, &topic, 2, &receipt.message_id.to_string()).await?;
    stage.finish().await
}

/// So many copies of "x" are there, all with this id.
async fn copies(stage: &Stage, topic: &str, count: usize, id: &str) -> Outcome {
    let group = stage.group()?;
    let consumer = stage.app().consumer(&group).subscribe(topic, "*").start()?;
    let is_copy = |body: &[u8]| body == b"x";
    stage
        .until("copies", Duration::from_secs(20), || {
            consumer.seen().all().iter().filter(|received| is_copy(&received.body)).count() >= count
        })
        .await?;
    stage.linger().await;
    let all: Vec<_> = consumer.seen().all().into_iter().filter(|received| is_copy(&received.body)).collect();
    check!(all.len() == count, "{} copies instead of {count}", all.len());
    check!(all.iter().all(|copy| copy.unique_key.as_deref() == Some(id)), "copies with other ids: {all:?}");
    Ok(())
}

/// Never an answer: indeterminate at the deadline of the send, not before and hardly after.
pub(super) async fn no_answer_at_all(stage: Stage) -> Outcome {
    let (topic, app, producer) = ready(&stage).await?;
    stage.fault(SEND, 5, FaultKind::Ignore)?;
    let options = SendOptions { timeout: Some(Duration::from_secs(1)), ..SendOptions::default() };
    let begun = stage.now();
    let id = producer.post_with(Message::new(&app.topic(&topic)?, "x"), options)?;
    let outcome = producer.outcome(id).await?;
    let took = stage.now() - begun;
    let SendOutcome::Indeterminate(failure) = outcome else {
        return Err(crate::scenario::Failed(format!("not indeterminate: {outcome:?}")));
    };
    check!(matches!(failure.error, SendError::Timeout(_)), "another reason: {failure}");
    check!(took >= Duration::from_millis(999) && took < Duration::from_millis(2500), "ended after {took:?}");
    stage.finish().await
}

/// An answer that comes when the next attempt is under way is for nobody; both copies are there.
pub(super) async fn late_answers(stage: Stage) -> Outcome {
    let (topic, app, producer) = ready(&stage).await?;
    stage.fault(SEND, 1, FaultKind::Delay(Duration::from_millis(2300)))?;
    let receipt = producer.send(Message::new(&app.topic(&topic)?, "x")).await?;
    check!(receipt.attempts == 2, "{receipt:?}");
    copies(&stage, &topic, 2, &receipt.message_id.to_string()).await?;
    let unmatched = app.with(|client, _| client.stats().unmatched_answers);
    check!(unmatched == 1, "{unmatched} answers for nobody");
    stage.finish().await
}

/// One broker of two is busy: the other takes everything, each send once.
pub(super) async fn another_broker_takes_it(stage: Stage) -> Outcome {
    let (topic, group) = (stage.topic_at(2, 2).await?, stage.group()?);
    let app = stage.app();
    let (producer, handle) = (app.producer(), app.topic(&topic)?);
    stage.fault(SEND, 1000, busy())?;
    let mut bodies = BTreeSet::new();
    for number in 0..20 {
        let body = format!("{number}").into_bytes();
        let receipt = producer.send(Message::new(&handle, body.clone())).await?;
        check!(receipt.queue.broker.as_str() == "broker-b", "{receipt:?} is by the busy broker");
        check!(receipt.attempts <= 2, "{receipt:?} took more than two attempts");
        bodies.insert(body);
    }
    let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
    consumer.seen().exactly(&bodies).await?;
    stage.finish().await
}
