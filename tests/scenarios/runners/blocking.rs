//! Blocking sockets: each client is driven by a thread of its own and comes home for every step of the scenario.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use rocketmq_engine::Client;
use rocketmq_io::blocking::BlockingDriver;
use rocketmq_testkit::scenario::{Controls, Outcome, Scenario};

use super::{Lanes, ended};

/// The way to a driver's thread, which ends when this is dropped and cuts its connections.
struct Driver {
    out: Sender<Box<Client>>,
    waker: Waker,
}

pub(crate) fn run(scenario: &Scenario, controls: Box<dyn Controls>, run: &str) -> Outcome {
    let (home, homes): (Sender<(usize, Box<Client>)>, Receiver<_>) = channel();
    let lanes = Lanes::new(move |index| {
        let (out, outs) = channel::<Box<Client>>();
        let mut driver = BlockingDriver::new();
        let (waker, clock, home) = (driver.waker().clone(), *driver.clock(), home.clone());
        thread::spawn(move || {
            while let Ok(mut client) = outs.recv() {
                driver.turn(&mut client);
                if home.send((index, client)).is_err() {
                    break;
                }
            }
        });
        (Driver { out, waker }, clock)
    });
    let (mut play, lanes) = lanes.play(scenario, controls, run);
    loop {
        let until = match ended(play.step()) {
            Ok(until) => until,
            Err(outcome) => return outcome,
        };
        let mut away = 0;
        for lane in lanes.all.borrow_mut().iter_mut() {
            if let (Some(driver), Some(client)) = (&lane.driver, lane.client.take()) {
                away += usize::from(driver.out.send(client).is_ok());
            }
        }
        // The first that comes home calls the others.
        let take_in =
            |(index, client): (usize, Box<Client>)| lanes.all.borrow_mut()[index].client = Some(client);
        match homes.recv_timeout(lanes.left(until).unwrap_or(Duration::MAX)) {
            Ok(first) => {
                take_in(first);
                away -= 1;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("every driver's thread is gone"),
        }
        for lane in lanes.all.borrow().iter().filter(|lane| lane.client.is_none()) {
            lane.driver.iter().for_each(|driver| driver.waker.wake_by_ref());
        }
        for _ in 0..away {
            take_in(homes.recv().expect("drivers come home when they are called"));
        }
    }
}
