//! mio: one poll for all clients of a scenario.

use ::mio::{Events, Poll};
use rocketmq_io::mio::MioDriver;
use rocketmq_testkit::scenario::{Controls, Outcome, Scenario};

use super::{Lane, Lanes, ended};

/// Tokens of each client.
const TOKENS: usize = 1000;

pub(crate) fn run(scenario: &Scenario, controls: Box<dyn Controls>, run: &str) -> Outcome {
    let mut poll = Poll::new().expect("a poll");
    let registry = poll.registry().try_clone().expect("a registry");
    let lanes = Lanes::new(move |index| {
        let registry = registry.try_clone().expect("a registry");
        let driver = MioDriver::new(registry, index * TOKENS..(index + 1) * TOKENS);
        let clock = *driver.clock();
        (driver, clock)
    });
    let (mut play, lanes) = lanes.play(scenario, controls, run);
    let mut events = Events::with_capacity(64);
    loop {
        let until = match ended(play.step()) {
            Ok(until) => until,
            Err(outcome) => return outcome,
        };
        let (mut busy, mut sleep) = (false, lanes.left(until));
        let mut all = lanes.all.borrow_mut();
        for (driver, client) in all.iter_mut().filter_map(Lane::both) {
            busy |= driver.turn(client).events;
            sleep = [sleep, driver.timeout()].into_iter().flatten().min();
        }
        if busy {
            continue;
        }
        poll.poll(&mut events, sleep).expect("a poll that works");
        for event in &events {
            if let Some((driver, client)) = all.get_mut(event.token().0 / TOKENS).and_then(Lane::both) {
                driver.handle_event(client, event);
            }
        }
    }
}
