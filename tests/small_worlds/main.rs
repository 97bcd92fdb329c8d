//! Small worlds, explored completely: two clients of one group, two queues, three messages, at most one fault.
//!
//! The engine is cloned at each choice and states are told apart by their digests. What may happen: the next frame of
//! any connection and direction arrives, a deadline that has come is noticed, an application finishes any message it
//! holds, a client is told to stop, nothing is under way and time goes on, and once: a connection is reset (a request
//! lost, or the answer to one that was carried out), or stands still in one direction for any time.
//!
//! Time is part of a state as it is, so states of different times never coincide; each world has a horizon instead.
//! Behind it nothing more goes wrong, one order is taken, and everything must come to its end: every message done and
//! committed, every queue with one client.
//!
//! `SMALL_WORLDS=full cargo test --test small_worlds -- --nocapture` looks further.
//!
//! | module | what |
//! |---|---|
//! | [`world`] | a state, what may happen next, a step |
//! | [`turn`] | a client's part in it; bugs planted there |
//! | [`link`] | a connection: whole frames under way |
//! | [`truth`] | what must hold: I6, I12 to I16, I20, I28, law 4 |
//! | [`explore`] | every order, each state once |

mod explore;
mod link;
mod truth;
mod turn;
mod world;

use std::time::Duration;

use explore::{Explorer, Report};
use turn::Bug;
use world::{Choice, Fault, Setup, World};

const MOST: usize = 20_000_000;

/// How a world begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    /// Both clients start at once.
    Together,
    /// One has begun with all queues, its application holds all messages; the other starts.
    Joining,
    /// Both have begun, each holds what is its own.
    Sharing,
    /// The same, and the second may be told to stop.
    Leaving,
}

/// Applications finish what they hold at any time, in any order.
const AT_LEISURE: bool = false;
/// They do so at once.
const AT_ONCE: bool = true;

/// One order, until nothing but time can pass; applications hold what they are given.
fn settle_down(world: &mut World, time: Duration) {
    let end = world.now + time;
    while world.now < end {
        let choices = world.choices();
        let next = choices.into_iter().find(|choice| !matches!(choice, Choice::Settle(..)));
        world.step(next.expect("time passes")).expect("nothing wrong so far");
    }
}

fn start(begin: Begin, setup: &Setup, millis: u64) -> World {
    let a_while = Duration::from_millis(25);
    let mut world = World::new();
    world.join().expect("it starts");
    if begin == Begin::Joining {
        settle_down(&mut world, a_while);
    }
    world.join().expect("it starts");
    if matches!(begin, Begin::Sharing | Begin::Leaving) {
        settle_down(&mut world, a_while);
    }
    world.begin(setup, Duration::from_millis(millis));
    world
}

fn setup(begin: Begin, fault: Fault, prompt: bool, bug: Option<Bug>) -> Setup {
    Setup { fault, prompt, bug, leaver: (begin == Begin::Leaving).then_some(1) }
}

fn explore(begin: Begin, fault: Fault, prompt: bool, millis: u64, reduced: bool) -> Report {
    let world = start(begin, &setup(begin, fault, prompt, None), millis);
    Explorer::new(world, reduced, MOST).run()
}

/// Explores and prints; fails with the steps that lead to what is wrong.
fn complete(begin: Begin, fault: Fault, prompt: bool, millis: u64) {
    let report = explore(begin, fault, prompt, millis, true);
    println!(
        "{begin:?}, fault {fault:?}, applications {}, {millis} ms: {} states, {} steps, {} ends, longest path {}",
        if prompt { "prompt" } else { "at leisure" },
        report.states,
        report.steps,
        report.ends.len(),
        report.longest
    );
    if let Some((violation, trail)) = report.broken {
        panic!("{violation:?} after\n{}", trail.join("\n"));
    }
    assert!(!report.ends.is_empty());
}

#[test]
fn nothing_is_skipped_or_lost_whatever_happens_in_any_order() {
    complete(Begin::Joining, Fault::None, AT_LEISURE, 15);
    complete(Begin::Leaving, Fault::None, AT_LEISURE, 115);
    for client in [0, 1] {
        complete(Begin::Joining, Fault::To(client), AT_ONCE, 115);
        complete(Begin::Leaving, Fault::To(client), AT_LEISURE, 15);
    }
}

/// Minutes, so only when asked for: `SMALL_WORLDS=full`.
#[test]
fn nor_in_the_larger_of_small_worlds() {
    if std::env::var("SMALL_WORLDS").as_deref() != Ok("full") {
        println!("left out: set SMALL_WORLDS=full");
        return;
    }
    complete(Begin::Together, Fault::None, AT_LEISURE, 15);
    for client in [0, 1] {
        complete(Begin::Joining, Fault::To(client), AT_LEISURE, 15);
        complete(Begin::Leaving, Fault::To(client), AT_ONCE, 115);
        complete(Begin::Sharing, Fault::To(client), AT_ONCE, 115);
        complete(Begin::Together, Fault::To(client), AT_ONCE, 15);
    }
}

#[test]
fn without_the_reduction_the_same_ends_are_reached() {
    for (begin, fault, prompt, millis) in [
        (Begin::Leaving, Fault::None, AT_LEISURE, 15),
        (Begin::Leaving, Fault::To(1), AT_ONCE, 15),
        (Begin::Joining, Fault::To(1), AT_ONCE, 5),
    ] {
        let reduced = explore(begin, fault, prompt, millis, true);
        let whole = explore(begin, fault, prompt, millis, false);
        println!("{begin:?}, fault {fault:?}: {} states, {} reduced", whole.states, reduced.states);
        assert!(whole.broken.is_none() && reduced.broken.is_none());
        assert!(reduced.states < whole.states, "it does reduce");
        assert_eq!(reduced.ends, whole.ends, "{begin:?}, fault {fault:?}");
    }
}

#[test]
fn every_planted_bug_is_found() {
    for (bug, begin, invariant) in [
        (Bug::CommitsAhead, Begin::Sharing, "I13"),
        (Bug::StoredAhead, Begin::Sharing, "I12"),
        (Bug::DroppedYetSettled, Begin::Sharing, "I13"),
        (Bug::PullsAhead, Begin::Together, "I12"),
        (Bug::GivenTwice, Begin::Together, "I15"),
        (Bug::Forgotten, Begin::Together, "I14"),
        (Bug::Kept, Begin::Joining, "I16"),
        (Bug::CalledRevoked, Begin::Together, "I20"),
        (Bug::StopsTwice, Begin::Leaving, "law 4"),
    ] {
        let world = start(begin, &setup(begin, Fault::None, AT_ONCE, Some(bug)), 115);
        let report = Explorer::new(world, true, MOST).run();
        let (violation, trail) = report.broken.unwrap_or_else(|| panic!("{bug:?} is not found"));
        println!("{bug:?}: {violation:?} after {} steps, {} states", trail.len(), report.states);
        assert_eq!(violation.0, invariant, "{bug:?}: {violation:?}");
        assert!(!trail.is_empty());
    }
}

#[test]
fn what_is_tried_goes_the_same_way_each_time() {
    let tried = || {
        let report = explore(Begin::Leaving, Fault::To(1), AT_ONCE, 15, true);
        (report.states, report.steps, report.ends)
    };
    assert_eq!(tried(), tried());
}
