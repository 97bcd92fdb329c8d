//! Who drives a scenario's clients.
//!
//! | runner | how |
//! |---|---|
//! | [`blocking`] | a thread with a `BlockingDriver` for each client; clients come home for every step |
//! | [`mio`] | one poll, a `MioDriver` with its own tokens for each client |
//! | [`tasks`] | one task, an `AsyncDriver` for each client: async-std, tokio |

pub(crate) mod blocking;
pub(crate) mod mio;
pub(crate) mod tasks;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rocketmq_engine::{Client, ClientConfig, Instant};
use rocketmq_io::driver::{self, Clock};
use rocketmq_testkit::scenario::{Controls, Host, Outcome, Play, Scenario, Step};

/// Who plays.
#[derive(Clone, Copy)]
pub(crate) enum Runner {
    /// A world of its own, in virtual time.
    Simulator,
    /// Real sockets: plays a scenario on a cluster to its end.
    Sockets(fn(&Scenario, Box<dyn Controls>, &str) -> Outcome),
}

/// A client and its driver; both are gone once it was killed.
pub(crate) struct Lane<D> {
    pub(crate) driver: Option<D>,
    clock: Clock,
    pub(crate) client: Option<Box<Client>>,
}

impl<D> Lane<D> {
    /// Both, unless it was killed.
    pub(crate) fn both(&mut self) -> Option<(&mut D, &mut Client)> {
        Some((self.driver.as_mut()?, self.client.as_deref_mut()?))
    }
}

/// The clients of one scenario; shared by the stage and the runner, which take turns.
pub(crate) struct Lanes<D> {
    pub(crate) all: Rc<RefCell<Vec<Lane<D>>>>,
    make: Box<dyn Fn(usize) -> (D, Clock)>,
    clock: Clock,
}

impl<D> Lanes<D> {
    pub(crate) fn new(make: impl Fn(usize) -> (D, Clock) + 'static) -> Self {
        Self { all: Rc::default(), make: Box::new(make), clock: Clock::new() }
    }

    /// Begins a scenario; the lanes and the stage's clock.
    pub(crate) fn play(self, scenario: &Scenario, controls: Box<dyn Controls>, run: &str) -> (Play, Self)
    where
        D: 'static,
    {
        let mine = Self {
            all: self.all.clone(),
            make: Box::new(|_| unreachable!("the stage makes clients")),
            ..self
        };
        let host = Self { all: mine.all.clone(), make: self.make, clock: self.clock };
        (Play::new(scenario, Box::new(host), controls, run), mine)
    }

    /// How long until then, on the stage's clock.
    pub(crate) fn left(&self, until: Option<Instant>) -> Option<Duration> {
        self.clock.left(until)
    }
}

impl<D> Host for Lanes<D> {
    fn attach(&mut self, config: ClientConfig) {
        let (driver, clock) = (self.make)(self.all.borrow().len());
        let client =
            Client::new(config, driver::seed(), clock.now(), driver::unix_now()).expect("checked before");
        self.all.borrow_mut().push(Lane { driver: Some(driver), clock, client: Some(Box::new(client)) });
    }

    fn with(&mut self, client: usize, use_it: &mut dyn FnMut(&mut Client, Instant)) {
        let lane = &mut self.all.borrow_mut()[client];
        if let Some(client) = &mut lane.client {
            use_it(client, lane.clock.now());
        }
    }

    fn kill(&mut self, client: usize) {
        let lane = &mut self.all.borrow_mut()[client];
        (lane.client, lane.driver) = (None, None);
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn unix_now(&self) -> Duration {
        driver::unix_now()
    }
}

/// The end of a step: how it went on, or when.
pub(crate) fn ended(step: Step) -> Result<Option<Instant>, Outcome> {
    match step {
        Step::Finished(outcome) => Err(outcome),
        Step::Wait(until) => Ok(until),
    }
}
