//! The hand-over between handles and driver, in many orders: commands and completions, questions and answers, wakers,
//! handles dropped by a waker or while their answer comes, deliveries and those who wait for them, the driver's end.
//!
//! Under `RUSTFLAGS="--cfg shuttle" cargo test -p rocketmq-io --lib model` a scheduler chooses at every lock, atomic
//! and park who goes on, and a thread that is never woken is a deadlock it reports. Without it the same happens on
//! threads that race as they do.
//!
//! - `sends`: from a handle to the driver and back
//! - `helm`: threads that wait, in the place of a driver that pauses
//! - `deliveries`: from the driver to whoever takes them, and their settlement back

mod deliveries;
mod helm;
mod sends;

/// Runs a scenario again and again.
fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    #[cfg(shuttle)]
    {
        let scenario = std::sync::Arc::new(scenario);
        let again = scenario.clone();
        shuttle::check_random(move || again(), 5_000);
        shuttle::check_pct(move || scenario(), 5_000, 3);
    }
    #[cfg(not(shuttle))]
    (0..300).for_each(|_| scenario());
}
