//! Pauses shorter than tokio's timers can make them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use ::tokio::task::{JoinHandle, spawn_blocking};
use ::tokio::time;

/// tokio's timers count whole milliseconds, and round up.
const TICK: Duration = Duration::from_millis(1);

/// A pause. One shorter than a tick of tokio's timers is slept by a thread of its pool for blocking work; should all
/// of them be busy, the timer ends it.
#[derive(Debug)]
pub struct Sleep {
    timer: Pin<Box<time::Sleep>>,
    thread: Option<JoinHandle<()>>,
}

impl Sleep {
    pub(super) fn new(time: Duration) -> Self {
        let thread = (time < TICK).then(|| spawn_blocking(move || thread::sleep(time)));
        Self { timer: Box::pin(time::sleep(time)), thread }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(thread) = &mut self.thread
            && Pin::new(thread).poll(cx).is_ready()
        {
            self.thread = None;
            return Poll::Ready(());
        }
        self.timer.as_mut().poll(cx)
    }
}
