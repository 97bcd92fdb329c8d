//! Futures: all clients of a scenario in one task, with async-std and with tokio.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use rocketmq_io::async_io::{AsyncDriver, Runtime};
use rocketmq_io::async_std::AsyncStd;
use rocketmq_io::tokio::Tokio;
use rocketmq_testkit::scenario::{Controls, Outcome, Play, Scenario};

use super::{Lane, Lanes, ended};

pub(crate) fn async_std(scenario: &Scenario, controls: Box<dyn Controls>, run: &str) -> Outcome {
    ::async_std::task::block_on(begin::<AsyncStd>(scenario, controls, run))
}

pub(crate) fn tokio(scenario: &Scenario, controls: Box<dyn Controls>, run: &str) -> Outcome {
    let runtime = ::tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(begin::<Tokio>(scenario, controls, run))
}

async fn begin<R: Runtime>(scenario: &Scenario, controls: Box<dyn Controls>, run: &str) -> Outcome {
    let lanes = Lanes::new(|_| {
        let driver = AsyncDriver::<R>::new();
        let clock = *driver.clock();
        (driver, clock)
    });
    let (mut play, lanes) = lanes.play(scenario, controls, run);
    let mut alarm = None;
    poll_fn(|cx| turn(&mut play, &lanes, &mut alarm, cx)).await
}

/// Goes on until nothing is to be done before something happens.
fn turn<R: Runtime>(
    play: &mut Play,
    lanes: &Lanes<AsyncDriver<R>>,
    alarm: &mut Option<Pin<Box<R::Sleep>>>,
    cx: &mut Context<'_>,
) -> Poll<Outcome> {
    loop {
        let until = match ended(play.step()) {
            Ok(until) => until,
            Err(outcome) => return Poll::Ready(outcome),
        };
        let mut progress = false;
        for (driver, client) in lanes.all.borrow_mut().iter_mut().filter_map(Lane::both) {
            let wait = driver.act(client);
            progress |= wait.events || driver.poll_wait(client, wait, cx).is_ready();
        }
        // The scenario's own deadline.
        *alarm = lanes.left(until).map(|left| Box::pin(R::sleep(left)));
        progress |= alarm.as_mut().is_some_and(|alarm| alarm.as_mut().poll(cx).is_ready());
        if !progress {
            return Poll::Pending;
        }
    }
}
