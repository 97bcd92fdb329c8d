//! Scenarios: application code against the engine, written once and played by every runner.
//!
//! A scenario is an `async` function over a [`Stage`]. It makes clients ([`App`]), which are plain engines; gives
//! them commands; waits for what comes of it; and says at the end whether all is as it must be. It knows no
//! socket, no runtime and no clock: a *runner* owns the drivers of its clients and polls it whenever something
//! happened, and [`Controls`] are what it can do to the cluster it plays on.
//!
//! | room | what |
//! |---|---|
//! | [`Stage`] | clients, waiting, the cluster: what a scenario is given |
//! | [`App`], [`Producer`], [`Consumer`] | one client, and what is asked of it |
//! | [`Seen`] | what came, and whether it is what had to come |
//! | [`Controls`], [`Need`] | what can be done to a cluster; a runner says what it cannot |
//! | [`Embedded`] | a [`TcpCluster`](crate::TcpCluster) as scenarios see it |
//! | [`simulate`] | plays a scenario in a simulated world |
//! | [`Play`], [`Host`] | the runner's side: events in, the scenario polled, clients lent to their drivers |
//! | [`all`] | every scenario; [`WAITING`] those that wait for a feature |
//!
//! ```
//! use rocketmq_testkit::scenario::{Outcome, Stage, all, check};
//!
//! async fn what_is_sent_arrives(stage: Stage) -> Outcome {
//!     let (topic, group) = (stage.topic(4).await?, stage.group()?);
//!     let app = stage.app();
//!     let sent = app.producer().send_numbers(&topic, 0..10).await?;
//!     let consumer = app.consumer(&group).subscribe(&topic, "*").start()?;
//!     consumer.seen().wait_for(10).await?;
//!     check!(consumer.seen().bodies() == sent, "what came is not what was sent");
//!     stage.finish().await
//! }
//!
//! assert!(all().len() >= 30);
//! # let _ = |stage: Stage| what_is_sent_arrives(stage);
//! ```

mod app;
mod catalog;
mod controls;
mod embedded;
mod play;
mod remote;
mod seen;
mod simulated;
mod stage;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use app::{App, Consumer, ConsumerBuilder, Producer};
pub use catalog::{WAITING, Waiting, all};
pub use controls::{Controls, Need};
pub use embedded::{Embedded, listener};
pub use play::{Host, Play, Step};
pub use remote::{Foreign, Remote, exchange};
pub use seen::{React, Received, Seen};
pub use simulated::simulate;
pub use stage::Stage;

/// How a scenario ends.
pub type Outcome<T = ()> = Result<T, Failed>;

/// What is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed(pub String);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

/// Ends the scenario as failed, with these words and the place, unless the condition holds.
#[doc(hidden)]
#[macro_export]
macro_rules! scenario_check {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            let place = concat!(file!(), ":", line!());
            return Err($crate::scenario::Failed(format!("{} ({place})", format_args!($($words)+))));
        }
    };
}
pub use scenario_check as check;

/// A scenario's run: not sent between threads, polled by its runner.
pub type Act = Pin<Box<dyn Future<Output = Outcome>>>;

/// A scenario.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// `room::name`, as it is chosen and reported.
    pub name: &'static str,
    /// What the cluster has to be able to do.
    pub needs: &'static [Need],
    /// Begins it.
    pub act: fn(Stage) -> Act,
}

impl Scenario {
    /// Whether it changes the cluster for everybody, and so has to have it for itself.
    pub fn is_alone(&self) -> bool {
        self.needs.iter().any(|need| matches!(need, Need::KillBroker | Need::KillNameServer))
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}
