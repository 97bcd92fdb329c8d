//! Where a consumer's deliveries wait for whoever takes them.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use rocketmq_engine as engine;
use rocketmq_engine::{Queue, Uncommitted};

use super::delivery::Delivery;
use super::shared::Shared;
use super::sync::{Mutex, MutexGuard};

/// The place of one who waits in the line; what is dropped has to leave it.
#[derive(Debug, Default)]
pub(super) struct Ticket(Option<u64>);

#[derive(Debug, Default)]
struct State {
    deliveries: VecDeque<engine::Delivery>,
    /// Who waits, in the order they came.
    line: VecDeque<(u64, Waker)>,
    next_ticket: u64,
    queues: Vec<Queue>,
    /// No more deliveries will come.
    closed: bool,
    /// The engine's last word about this consumer.
    uncommitted: Option<Box<[Uncommitted]>>,
    close_waiters: Vec<Waker>,
}

/// A consumer's deliveries. Its growth is bounded by the engine's flow control: what is not settled is not pulled.
#[derive(Debug)]
pub(super) struct Inlet {
    shared: Arc<Shared>,
    /// Most messages of one delivery.
    batch: usize,
    state: Mutex<State>,
}

impl Inlet {
    pub(super) fn new(shared: Arc<Shared>, batch: usize) -> Self {
        Self { shared, batch, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- the application's side ----------------------------------------------------------------------------

    fn pop(&self, state: &mut State) -> Option<Delivery> {
        let mut first = state.deliveries.pop_front()?;
        if first.len() > self.batch {
            state.deliveries.push_front(first.split_off(self.batch));
        }
        Some(Delivery::new(first, self.shared.clone()))
    }

    pub(super) fn try_pop(&self) -> Option<Delivery> {
        self.pop(&mut self.lock())
    }

    pub(super) fn poll_pop(&self, ticket: &mut Ticket, cx: &Context<'_>) -> Poll<Option<Delivery>> {
        let mut state = self.lock();
        let popped = self.pop(&mut state);
        if popped.is_some() || state.closed {
            if let Some(number) = ticket.0.take() {
                state.line.retain(|(other, _)| *other != number);
            }
            return Poll::Ready(popped);
        }
        let place = ticket.0.and_then(|number| state.line.iter().position(|(other, _)| *other == number));
        if let Some((_, waker)) = place.and_then(|at| state.line.get_mut(at)) {
            waker.clone_from(cx.waker());
        } else {
            state.next_ticket += 1;
            let number = state.next_ticket;
            ticket.0 = Some(number);
            state.line.push_back((number, cx.waker().clone()));
        }
        Poll::Pending
    }

    /// Leaves the line. Who was called and did not come passes the call on.
    pub(super) fn give_up(&self, ticket: &mut Ticket) {
        let Some(number) = ticket.0.take() else { return };
        let mut state = self.lock();
        let before = state.line.len();
        state.line.retain(|(other, _)| *other != number);
        let called = state.line.len() == before;
        let next = if called && !state.deliveries.is_empty() { state.line.pop_front() } else { None };
        drop(state);
        if let Some((_, waker)) = next {
            waker.wake();
        }
    }

    pub(super) fn queues(&self) -> Vec<Queue> {
        self.lock().queues.clone()
    }

    pub(super) fn poll_closed(&self, cx: &Context<'_>) -> Poll<Box<[Uncommitted]>> {
        let mut state = self.lock();
        if state.closed && (state.uncommitted.is_some() || self.shared.is_stopped()) {
            return Poll::Ready(state.uncommitted.clone().unwrap_or_default());
        }
        state.close_waiters.push(cx.waker().clone());
        Poll::Pending
    }

    // ---- the driver's side ---------------------------------------------------------------------------------

    /// Takes deliveries in, and calls as many of the line as there is work for.
    pub(super) fn push(&self, deliveries: &mut Vec<engine::Delivery>, wakers: &mut Vec<Waker>) {
        let pieces: usize = deliveries.iter().map(|delivery| delivery.len().div_ceil(self.batch)).sum();
        let mut state = self.lock();
        state.deliveries.extend(deliveries.drain(..));
        let called = pieces.min(state.line.len());
        wakers.extend(state.line.drain(..called).map(|(_, waker)| waker));
    }

    pub(super) fn assigned(&self, queues: Box<[Queue]>) {
        self.lock().queues.extend(queues);
    }

    pub(super) fn revoked(&self, queues: &[Queue]) {
        self.lock().queues.retain(|queue| !queues.contains(queue));
    }

    /// No more deliveries; gives back those nobody took. With `uncommitted` the consumer is over.
    pub(super) fn close(&self, uncommitted: Option<Box<[Uncommitted]>>) -> Vec<engine::Delivery> {
        let mut state = self.lock();
        state.closed = true;
        if uncommitted.is_some() {
            state.uncommitted = uncommitted;
        }
        let wakers: Vec<Waker> = state.line.drain(..).map(|(_, waker)| waker).collect();
        let closing = mem::take(&mut state.close_waiters);
        let unread = mem::take(&mut state.deliveries).into();
        drop(state);
        wakers.into_iter().chain(closing).for_each(Waker::wake);
        unread
    }
}
