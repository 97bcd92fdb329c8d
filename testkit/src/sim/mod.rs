//! The simulator: any number of clients, name servers and brokers on a virtual network and clock, in one thread,
//! the same run for the same seed, thousands of times faster than life.
//!
//! A [`World`] moves unmodified engines ([`rocketmq_engine::Client`]) by nothing but the surface every driver uses.
//! Time jumps from one thing that happens to the next. What goes wrong is a [`Plan`]: data that is printed, read
//! back, stored and shortened.
//!
//! | file | what |
//! |---|---|
//! | `world` | what is in it, the loop |
//! | `client` | an engine, its clock, its application and its driver |
//! | `network`, `link` | dials, bytes under way, ends |
//! | `mishaps`, `plan` | what goes wrong: carried out; as data |
//! | `truth` | judges: invariants over everything that is true of a run; planted bugs |
//! | `workload`, `swarm` | applications; scenarios of many seeds |
//! | `sweep` | one request, cut at every byte of it and of its answer |
//! | `agenda`, `clock`, `rng`, `digest` | what is next; a machine's clocks; chance; what engines put out |
//!
//! Which invariant is judged where, by which planted bug that is proved, and what became of bugs other clients had:
//! `tests/simulation/README.md` of the repository.

mod agenda;
mod client;
mod clock;
mod digest;
mod link;
mod mishaps;
mod network;
mod plan;
mod rng;
mod swarm;
mod sweep;
mod truth;
mod workload;
mod world;

pub use client::{App, Ctx};
pub use digest::Digest;
pub use link::{CutHow, Way};
pub use plan::{Host, Ignorance, Mishap, MishapKind, Plan, PlanError, Wrong};
pub use rng::SimRng;
pub use swarm::{Report, SCENARIOS, Scenario, scenario};
pub use sweep::{Subject, Sweep, sweep};
pub use truth::{Bug, Truth, Violation};
pub use world::{World, WorldBuilder, WorldStats};
