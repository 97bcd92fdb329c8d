//! The runner's side of a scenario.

use std::fmt;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rocketmq_engine::{Client, ClientConfig, Event, Instant};

use super::stage::Stage;
use super::{Act, Controls, Failed, Outcome, Scenario};

/// Where a scenario's clients live.
pub trait Host {
    /// Makes a client with this configuration, and its driver. Clients count from 0.
    fn attach(&mut self, config: ClientConfig);

    /// Gives the engine of a client, and the time on its scale. Not called if it was killed.
    fn with(&mut self, client: usize, use_it: &mut dyn FnMut(&mut Client, Instant));

    /// The next event of a client.
    fn next_event(&mut self, client: usize) -> Option<Event> {
        let mut event = None;
        self.with(client, &mut |client, _| event = client.poll_event());
        event
    }

    /// Ends a client without a word: its connections are cut.
    fn kill(&mut self, client: usize);

    /// Time on the stage's own scale.
    fn now(&self) -> Instant;

    /// Time since 1970.
    fn unix_now(&self) -> Duration;
}

/// How far a scenario is.
#[derive(Debug)]
#[must_use = "a scenario that is not finished goes on when something happens"]
pub enum Step {
    /// It is over.
    Finished(Outcome),
    /// It goes on when a client has events, or then at the latest (on the stage's scale).
    Wait(Option<Instant>),
}

/// A scenario that is being played. The runner calls [`step`](Self::step), lets the drivers of all clients turn
/// until one of them has done something or the time has come, and so on.
pub struct Play {
    stage: Stage,
    act: Act,
}

impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Play").finish_non_exhaustive()
    }
}

impl Play {
    /// Begins. `run` tells runs on one cluster apart: letters, digits, `-`, `_`.
    pub fn new(scenario: &Scenario, host: Box<dyn Host>, controls: Box<dyn Controls>, run: &str) -> Self {
        let stage = Stage::new(host, controls, run);
        Self { act: (scenario.act)(stage.clone()), stage }
    }

    /// Hands events to the scenario and lets it go on as far as it can. Every client has to be at home.
    pub fn step(&mut self) -> Step {
        loop {
            let clients = self.stage.0.borrow().actors.len();
            for client in 0..clients {
                self.stage.0.borrow_mut().take_events(client);
            }
            if let Some(trouble) =
                self.stage.0.borrow_mut().actors.iter_mut().find_map(|actor| actor.trouble.take())
            {
                return Step::Finished(Err(Failed(trouble)));
            }
            self.stage.0.borrow_mut().wake_at = None;
            let polled = self.act.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(outcome) = polled {
                return Step::Finished(outcome);
            }
            // What it asked for may have ended at once.
            let mut inner = self.stage.0.borrow_mut();
            let mut more = false;
            for client in 0..inner.actors.len() {
                more |= inner.take_events(client);
            }
            if !more {
                return Step::Wait(inner.wake_at);
            }
        }
    }
}
