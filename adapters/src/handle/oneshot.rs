//! One answer to one rare question: creating a producer, naming a topic. Sends have a table instead.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use super::error::ClientError;
use super::sync::Mutex;

#[derive(Debug)]
struct Cell<T> {
    answer: Option<T>,
    asker: Option<Waker>,
    gone: bool,
}

/// The driver's end. Dropping it unanswered tells the asker that the client has stopped.
#[derive(Debug)]
pub(super) struct Reply<T>(Arc<Mutex<Cell<T>>>);

/// The asker's end.
#[derive(Debug)]
pub(super) struct Ask<T>(Arc<Mutex<Cell<T>>>);

pub(super) fn oneshot<T>() -> (Reply<T>, Ask<T>) {
    let cell = Arc::new(Mutex::new(Cell { answer: None, asker: None, gone: false }));
    (Reply(cell.clone()), Ask(cell))
}

impl<T> Reply<T> {
    pub(super) fn answer(self, answer: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answer = Some(answer);
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        let mut cell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cell.gone = true;
        let asker = cell.asker.take();
        drop(cell);
        if let Some(asker) = asker {
            asker.wake();
        }
    }
}

impl<T> Future for Ask<T> {
    type Output = Result<T, ClientError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut cell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match cell.answer.take() {
            Some(answer) => Poll::Ready(Ok(answer)),
            None if cell.gone => Poll::Ready(Err(ClientError::Stopped)),
            None => {
                cell.asker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
