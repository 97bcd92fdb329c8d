//! One ending for each send, and a true one.

use std::time::Duration;

use rocketmq_engine::wire::codes::RequestCode as Q;
use rocketmq_engine::{
    Event, Message, OnewayOutcome, ProducerConfig, ProducerId, SendId, SendOptions, SendOutcome, Topic,
};

use crate::harness::World;

/// A world with a producer of topic `T`, whose queues are at these brokers.
pub(crate) fn producing(brokers: &[(&str, u32)]) -> (World, ProducerId, Topic) {
    let mut w = World::new();
    w.route("T", brokers);
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    (w, producer, topic)
}

pub(crate) fn send(w: &mut World, producer: ProducerId, topic: &Topic) -> SendId {
    let message = Message::new(topic, "body");
    w.client.send(producer, message, SendOptions::default(), w.now).expect("accepted")
}

/// The endings so far of sends that wait for an answer.
pub(crate) fn endings(w: &mut World) -> Vec<(SendId, SendOutcome)> {
    w.turn();
    let mut endings = Vec::new();
    w.events.retain(|event| match event {
        Event::Sent { id, outcome, .. } => {
            endings.push((*id, outcome.clone()));
            false
        }
        _ => true,
    });
    endings
}

#[test]
fn a_oneway_send_ends_when_its_last_byte_is_written() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    let message = Message::new(&topic, vec![7; 5000]);
    w.stalled.insert("a:1".into());
    let id = w.client.send_oneway(producer, message, SendOptions::default(), w.now).expect("accepted");
    w.turn();
    let conn = w.conns("a:1")[0];
    w.take(conn, 4000);
    assert!(w.events.is_empty());
    w.unstall("a:1");
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    assert!(asked.oneway && asked.body == [7; 5000]);
    let Some(Event::OnewaySent { id: ended, outcome: OnewayOutcome::Written, .. }) = w.events.pop_front()
    else {
        panic!("not ended")
    };
    assert_eq!(ended, id);
}

#[test]
fn the_last_good_route_stays_when_nobody_knows_the_topic_any_more() {
    let (mut w, producer, topic) = producing(&[("a", 1)]);
    send(&mut w, producer, &topic);
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    w.store(&asked);
    w.forget_route("T");
    w.advance(Duration::from_secs(100));
    send(&mut w, producer, &topic);
    let asked = w.expect(Q::SEND_MESSAGE_V2);
    w.store(&asked);
    let endings = endings(&mut w);
    assert!(endings.iter().all(|(_, outcome)| matches!(outcome, SendOutcome::Acknowledged(_))));
    assert_eq!(endings.len(), 2);
}
