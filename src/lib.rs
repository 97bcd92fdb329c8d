//! Apache RocketMQ client as a runtime-agnostic sans-IO protocol engine.
#![no_std]

extern crate alloc;

pub mod time;
pub mod wire;

pub use time::Instant;
