//! No step does work for everybody at once: what many sends wait for is shared out over many steps.

use std::collections::BTreeSet;
use std::time::Duration;

use rocketmq_engine::wire::codes::{RequestCode as Q, ResponseCode as A};
use rocketmq_engine::{Event, Message, ProducerConfig, SendError, SendOptions, SendOutcome};

use crate::harness::World;

const SENDS: usize = 2_000;
/// Sends that end, or leave, in one step.
const A_STEP: usize = 256;

/// Sends to a topic whose route nobody has told yet.
fn waiting() -> World {
    let mut w = World::new();
    w.silent.insert("ns:1".into());
    let producer = w.client.create_producer(ProducerConfig::new("P"), w.now).expect("new");
    let topic = w.topic("T");
    for _ in 0..SENDS {
        let message = Message::new(&topic, "body");
        w.client.send(producer, message, SendOptions::default(), w.now).expect("accepted");
    }
    w.turn();
    assert!(w.events.is_empty());
    w
}

/// Steps on until all have ended; each end is what `right` says, and comes once.
fn end_in_slices(w: &mut World, right: impl Fn(&SendError) -> bool) {
    let mut ended = BTreeSet::new();
    let mut steps = 0;
    while ended.len() < SENDS {
        let before = ended.len();
        for event in w.events.drain(..) {
            let Event::Sent { id, outcome: SendOutcome::Failed(failure), .. } = event else {
                panic!("{event:?}")
            };
            assert!(right(&failure.error), "{:?}", failure.error);
            assert!(ended.insert(id), "ended twice");
        }
        assert!(ended.len() - before <= A_STEP, "{} in a step", ended.len() - before);
        w.client.handle_timeout(w.now);
        let wait = w.turn();
        let left_over = ended.len() + w.events.len() < SENDS;
        assert!(!left_over || wait.until == Some(w.now), "work left over is due now: {wait:?}");
        steps += 1;
        assert!(steps < 100, "{} have ended", ended.len());
    }
    assert!(steps >= SENDS / A_STEP);
}

#[test]
fn sends_to_a_topic_nobody_knows_end_in_slices() {
    let mut w = waiting();
    // The topic itself, then the one that stands for all that are not made yet.
    while w.events.is_empty() {
        let asked = w.expect(Q::GET_ROUTEINFO_BY_TOPIC);
        w.answer(&asked, A::TOPIC_NOT_EXIST, &[], b"");
        w.turn();
    }
    end_in_slices(&mut w, |error| matches!(error, SendError::NoSuchTopic(_)));
}

#[test]
fn sends_whose_time_is_up_together_end_in_slices() {
    let mut w = waiting();
    w.now = w.now + Duration::from_secs(3600);
    w.client.handle_timeout(w.now);
    w.turn();
    end_in_slices(&mut w, |error| matches!(error, SendError::NoRoute { .. }));
}

#[test]
fn sends_that_waited_for_a_route_leave_in_slices() {
    let mut w = waiting();
    let body = crate::harness::route_of(&[("a", 4)]).encode();
    let asked = w.expect(Q::GET_ROUTEINFO_BY_TOPIC);
    w.answer(&asked, A::SUCCESS, &[], &body);
    let mut left = 0;
    for _ in 0..100 {
        let wait = w.turn();
        let sends = w.asked.iter().filter(|asked| asked.code == Q::SEND_MESSAGE_V2).count();
        assert!(sends - left <= A_STEP, "{} in a step", sends - left);
        left = sends;
        if left == SENDS {
            return;
        }
        assert_eq!(wait.until, Some(w.now), "work left over is due now");
        w.client.handle_timeout(w.now);
    }
    panic!("{left} of {SENDS} left");
}
