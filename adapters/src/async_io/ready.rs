//! Which connections have to be looked at: each has a waker of its own, so that one busy socket of a thousand costs
//! a look at one.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

#[derive(Debug, Default)]
struct State {
    ready: Vec<usize>,
    task: Option<Waker>,
}

/// Indices of connections that were woken, and the task that looks after them.
#[derive(Debug, Default)]
pub(super) struct Ready(Mutex<State>);

impl Ready {
    /// Takes what is ready; from now on the first connection to be woken wakes this task.
    pub(super) fn take(&self, into: &mut Vec<usize>, task: &Waker) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.ready, into);
        match &mut state.task {
            Some(waker) => waker.clone_from(task),
            None => state.task = Some(task.clone()),
        }
    }

    /// The task to wake, if it has not been woken before.
    fn push(&self, index: usize) -> Option<Waker> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = state.ready.is_empty();
        state.ready.push(index);
        if first { state.task.clone() } else { None }
    }
}

/// The waker of one connection.
#[derive(Debug)]
pub(super) struct ConnWaker {
    ready: Arc<Ready>,
    index: usize,
    queued: AtomicBool,
}

impl ConnWaker {
    pub(super) fn new(ready: Arc<Ready>, index: usize) -> Arc<Self> {
        Arc::new(Self { ready, index, queued: AtomicBool::new(false) })
    }

    /// The connection is about to be looked at: from now on it can be woken again. Whoever found it queued before has
    /// made known what woke it, and the look sees that: a mere store would promise neither.
    pub(super) fn clear(&self) {
        self.queued.swap(false, AcqRel);
    }

    /// Looks at the connection again, without a socket having said so.
    pub(super) fn again(&self) {
        if !self.queued.swap(true, AcqRel)
            && let Some(task) = self.ready.push(self.index)
        {
            task.wake();
        }
    }

    /// The same for a task at work, which will take what is ready before it waits for sockets.
    pub(super) fn queue(&self) {
        if !self.queued.swap(true, AcqRel) {
            self.ready.push(self.index);
        }
    }
}

impl Wake for ConnWaker {
    fn wake(self: Arc<Self>) {
        self.again();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.again();
    }
}
