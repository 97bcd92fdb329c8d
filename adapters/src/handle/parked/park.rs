//! Waiting for a future by parking the thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{Ordering::AcqRel, Ordering::Release};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use crate::handle::sync::thread::{self, Thread};
use crate::handle::sync::{AtomicBool, thread_local};

struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Release) {
            self.thread.unpark();
        }
    }
}

thread_local! {
    // One for all waits of a thread: waiting costs no allocation.
    static PARKER: (Arc<Parker>, Waker) = {
        let parker = Arc::new(Parker { thread: thread::current(), woken: AtomicBool::new(false) });
        let waker = Waker::from(parker.clone());
        (parker, waker)
    };
}

/// Waits for a future on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    match run(future, None) {
        Some(output) => output,
        None => unreachable!("without a deadline there is nothing but the output"),
    }
}

/// Waits for a future until a point in time; `None` if that came first.
pub fn block_on_until<F: Future>(future: F, until: Instant) -> Option<F::Output> {
    run(future, Some(until))
}

fn run<F: Future>(future: F, until: Option<Instant>) -> Option<F::Output> {
    let mut future = pin!(future);
    // A thread that is ending has no thread-locals any more, and may still drop a handle.
    let (parker, waker) = PARKER.try_with(Clone::clone).unwrap_or_else(|_| {
        let parker = Arc::new(Parker { thread: thread::current(), woken: AtomicBool::new(false) });
        (parker.clone(), Waker::from(parker))
    });
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        while !parker.woken.swap(false, AcqRel) {
            match until {
                None => thread::park(),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    thread::park_timeout(left);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn wakes_from_another_thread_and_gives_up_in_time() {
        let flag = Arc::new(AtomicBool::new(false));
        let mut started = false;
        let future = std::future::poll_fn(|cx| {
            if flag.load(std::sync::atomic::Ordering::Acquire) {
                return Poll::Ready(7);
            }
            if !std::mem::replace(&mut started, true) {
                let (flag, waker) = (flag.clone(), cx.waker().clone());
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(5));
                    flag.store(true, Release);
                    waker.wake();
                });
            }
            Poll::Pending
        });
        assert_eq!(block_on(future), 7);
        let until = Instant::now() + Duration::from_millis(5);
        assert_eq!(block_on_until(std::future::pending::<()>(), until), None);
    }
}
