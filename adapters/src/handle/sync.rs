//! The locks, threads and atomics of the handle level. Its unit tests under `--cfg shuttle` get them from a scheduler
//! that tries many orders instead: see `model`.

#[cfg(not(all(test, shuttle)))]
mod chosen {
    pub(crate) use std::sync::atomic::AtomicBool;
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::{thread, thread_local};
}

#[cfg(all(test, shuttle))]
mod chosen {
    pub(crate) use shuttle::sync::atomic::AtomicBool;
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(crate) use shuttle::{thread, thread_local};
}

pub(crate) use chosen::{AtomicBool, Mutex, MutexGuard, thread, thread_local};
