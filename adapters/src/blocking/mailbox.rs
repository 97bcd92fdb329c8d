//! Where readers, dials and wakers reach the driver's thread.

use std::io;
use std::mem;
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Duration;

use rocketmq_engine::ConnId;

/// Something a socket did.
#[derive(Debug)]
pub(super) enum Input {
    Connected(ConnId, TcpStream),
    ConnectFailed(ConnId, io::Error),
    Read(ConnId, Incoming),
}

/// What a reader found.
#[derive(Debug)]
pub(super) enum Incoming {
    /// So many bytes at the front of a chunk.
    Bytes {
        chunk: Vec<u8>,
        len: usize,
    },
    Eof,
    Failed(io::Error),
}

#[derive(Debug, Default)]
struct State {
    inputs: Vec<Input>,
    woken: bool,
    /// The driver waits on the condition: only then a notification is worth its system call.
    waiting: bool,
}

#[derive(Debug, Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    ready: Condvar,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self, mut state: MutexGuard<'_, State>) {
        let waiting = mem::replace(&mut state.waiting, false);
        drop(state);
        if waiting {
            self.ready.notify_one();
        }
    }

    pub(super) fn post(&self, input: Input) {
        let mut state = self.lock();
        state.inputs.push(input);
        self.notify(state);
    }

    /// Waits for input, a waker or the end of `timeout` (`None`: for ever). The driver's thread alone does.
    pub(super) fn wait(&self, timeout: Option<Duration>) {
        let until = timeout.map(|timeout| std::time::Instant::now() + timeout);
        let mut state = self.lock();
        while state.inputs.is_empty() && !state.woken {
            state.waiting = true;
            state = match until {
                None => self.ready.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(std::time::Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.ready.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.waiting = false;
        state.woken = false;
    }

    /// Waits for a waker or the end of `timeout`, whatever input there is.
    pub(super) fn wait_for_waker(&self, timeout: Duration) {
        let mut state = self.lock();
        if !state.woken {
            state.waiting = true;
            state = self.ready.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.waiting = false;
        state.woken = false;
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().inputs.is_empty()
    }

    /// Takes all input there is. `into` is empty, its room is reused.
    pub(super) fn take(&self, into: &mut Vec<Input>) {
        mem::swap(&mut self.lock().inputs, into);
    }
}

impl Wake for Mailbox {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.lock();
        state.woken = true;
        self.notify(state);
    }
}
