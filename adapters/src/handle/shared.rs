//! What handles and driver share: the inbox of commands, the table of completions, and who has to be woken.
//!
//! The wake-up rule: the driver says `prepare_sleep` before it sleeps; from then until its next turn the first
//! command wakes it, and no other does. One that only dozes looks around by itself soon: acknowledgements do not wake it.
//! One that pauses is woken by nothing: a thread that waits takes its place (`helm`).

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rocketmq_engine as engine;
use rocketmq_engine::{
    ClientStats, ConsumerId, ConsumerStats, Message, ProducerConfig, ProducerId, PushConsumerConfig, Queue,
    RejectReason, Rejected, SendOptions, SendReceipt, Settlement, ShutdownReport, TagFilter, Topic,
};

use super::consumer::OpenConsumer;
use super::error::{ClientError, SendError};
use super::helm::Helm;
use super::inlet::Inlet;
use super::oneshot::Reply;
use super::producer::OpenProducer;
use super::sync::thread::{self, ThreadId};
use super::sync::{Mutex, MutexGuard};

/// Sends that may be unfinished at once, the engine's in-flight limits aside.
pub(super) const MAX_PENDING_SENDS: usize = 1 << 17;
/// Bytes of message bodies that may wait in the inbox for the driver's next turn.
pub(super) const MAX_INBOX_BYTES: usize = 64 << 20;

/// How a send ended; a one-way send has no receipt.
pub(super) type Outcome = Result<Option<SendReceipt>, SendError>;

/// What a handle asks of the driver.
#[derive(Debug)]
pub(super) enum Command {
    Send { producer: ProducerId, message: Message, options: SendOptions, slot: u32, oneway: bool },
    Settle(engine::Delivery, Settlement),
    Control(Box<Control>),
}

/// The rare commands.
#[derive(Debug)]
pub(super) enum Control {
    Topic(String, Reply<Result<Topic, RejectReason>>),
    CreateProducer(ProducerConfig, Reply<Result<OpenProducer, RejectReason>>),
    CloseProducer(ProducerId),
    CreateConsumer {
        config: Box<PushConsumerConfig>,
        subscriptions: Vec<(String, TagFilter)>,
        inlet: Arc<Inlet>,
        reply: Reply<Result<OpenConsumer, ClientError>>,
    },
    Subscribe(ConsumerId, String, TagFilter, Reply<Result<(), ClientError>>),
    Unsubscribe(ConsumerId, String),
    CloseConsumer(ConsumerId),
    ConsumerStats(ConsumerId, Reply<Option<ConsumerStats>>),
    WritableQueues(Topic, Reply<Vec<Queue>>),
    Stats(Reply<ClientStats>),
    Shutdown(Duration),
}

/// One unfinished send. It belongs to its future and to the hub, and is free when both are done with it.
#[derive(Debug)]
enum Slot {
    Free,
    Waiting(Option<Waker>),
    /// The future was dropped: the outcome will be nobody's.
    Unobserved,
    Done(Outcome),
}

#[derive(Debug, Default)]
struct Slots {
    table: Vec<Slot>,
    free: Vec<u32>,
    /// Those with a waker.
    awaited: usize,
}

impl Slots {
    fn taken(&self) -> usize {
        self.table.len() - self.free.len()
    }

    fn insert(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.table[slot as usize] = Slot::Waiting(None);
            return slot;
        }
        self.table.push(Slot::Waiting(None));
        self.table.len() as u32 - 1
    }

    fn release(&mut self, slot: u32) {
        self.table[slot as usize] = Slot::Free;
        self.free.push(slot);
    }
}

/// Where the client is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// Shutdown was asked for: no new work.
    Stopping,
    /// The driver has ended.
    Stopped,
}

/// What the driver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleep {
    /// It is at work or has been woken: another wake-up would be for nothing.
    Awake,
    /// It wakes up by itself before an acknowledgement is missed.
    Dozing,
    Asleep,
    /// It wakes up by itself very soon, and leaves its place to others until then: no command wakes it.
    Pausing,
    /// One of them has driven and left: it looks soon. No send wakes it, but whoever waits for one.
    Left,
}

impl Sleep {
    /// Its place is free.
    fn is_pause(self) -> bool {
        matches!(self, Self::Pausing | Self::Left)
    }
}

#[derive(Debug)]
struct State {
    commands: Vec<Command>,
    inbox_bytes: usize,
    slots: Slots,
    phase: Phase,
    sleep: Sleep,
    driver: Option<Waker>,
    helm: Option<Weak<dyn Helm>>,
    report: Option<ShutdownReport>,
    stop_waiters: Vec<Waker>,
}

/// What a driver has done: counted by its thread or task, read by tests and the curious.
#[derive(Debug, Default)]
pub struct DriverStats {
    turns: AtomicU64,
    reads: AtomicU64,
    writes: AtomicU64,
    pauses: AtomicU64,
    lent: AtomicU64,
    unobserved: AtomicU64,
}

impl DriverStats {
    /// Times the driver woke up and looked around. An idle client's grow only at the engine's deadlines.
    pub fn turns(&self) -> u64 {
        self.turns.load(Relaxed)
    }

    /// System calls that read, those that found nothing included.
    pub fn reads(&self) -> u64 {
        self.reads.load(Relaxed)
    }

    /// System calls that wrote.
    pub fn writes(&self) -> u64 {
        self.writes.load(Relaxed)
    }

    /// Times reading was put off under load, so that more answers come at once. See [`Gather`](crate::driver::Gather).
    pub fn pauses(&self) -> u64 {
        self.pauses.load(Relaxed)
    }

    /// Times a thread that waited for a send took the driver's place, for as long as it waited.
    pub fn lent(&self) -> u64 {
        self.lent.load(Relaxed)
    }

    /// Sends whose future was dropped before their outcome was known.
    pub fn unobserved(&self) -> u64 {
        self.unobserved.load(Relaxed)
    }

    // One driver counts, so a load and a store will do.
    fn count(counter: &AtomicU64, more: u64) {
        counter.store(counter.load(Relaxed).wrapping_add(more), Relaxed);
    }

    /// The driver woke up.
    pub fn count_turn(&self) {
        Self::count(&self.turns, 1);
    }

    /// The driver read.
    pub fn count_read(&self) {
        Self::count(&self.reads, 1);
    }

    /// The driver wrote.
    pub fn count_write(&self) {
        Self::count(&self.writes, 1);
    }

    /// Reading is put off. Several readers may count.
    pub fn count_pause(&self) {
        self.pauses.fetch_add(1, Relaxed);
    }
}

/// Shared by all handles of a client and its driver.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(super) stats: Arc<DriverStats>,
    /// The thread that drives, if it has one to itself: it never waits for itself.
    driver_thread: Mutex<Option<ThreadId>>,
    /// How tasks are started, for listeners; `None` in adapters with threads.
    pub(super) spawn: Option<fn(super::Task)>,
}

impl Shared {
    pub(super) fn new(spawn: Option<fn(super::Task)>) -> Self {
        let state = State {
            commands: Vec::new(),
            inbox_bytes: 0,
            slots: Slots::default(),
            phase: Phase::Running,
            sleep: Sleep::Awake,
            driver: None,
            helm: None,
            report: None,
            stop_waiters: Vec::new(),
        };
        Self { state: Mutex::new(state), stats: Arc::default(), driver_thread: Mutex::new(None), spawn }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn driver_thread(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.driver_thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unlocks, and wakes the driver if it sleeps.
    fn wake(state: MutexGuard<'_, State>) {
        if state.sleep == Sleep::Awake || state.sleep.is_pause() {
            return;
        }
        Self::wake_now(state);
    }

    fn wake_now(mut state: MutexGuard<'_, State>) {
        state.sleep = Sleep::Awake;
        let driver = state.driver.clone();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    // ---- the handles' side ---------------------------------------------------------------------------------

    /// Posts a message; the slot tells its outcome. Refused: it comes back.
    pub(super) fn post_send(
        &self,
        producer: ProducerId,
        message: Message,
        options: SendOptions,
        oneway: bool,
    ) -> Result<u32, Rejected<Message>> {
        let mut state = self.lock();
        let size = message.body().len();
        let refusal = if state.phase != Phase::Running {
            Some(RejectReason::Closed)
        } else if state.slots.taken() >= MAX_PENDING_SENDS {
            Some(RejectReason::InFlightFull { limit: MAX_PENDING_SENDS })
        } else if state.inbox_bytes > MAX_INBOX_BYTES {
            Some(RejectReason::WriteQueueFull { queued: state.inbox_bytes, limit: MAX_INBOX_BYTES })
        } else {
            None
        };
        if let Some(reason) = refusal {
            return Err(Rejected { reason, returned: message });
        }
        let slot = state.slots.insert();
        state.inbox_bytes += size;
        state.commands.push(Command::Send { producer, message, options, slot, oneway });
        Self::wake(state);
        Ok(slot)
    }

    /// Posts a command; after the end of the driver it is dropped.
    pub(super) fn post(&self, command: Command) {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return;
        }
        if matches!(&command, Command::Control(control) if matches!(**control, Control::Shutdown(_))) {
            state.phase = Phase::Stopping;
        }
        let can_wait = matches!(command, Command::Settle(_, Settlement::Done));
        let is_asked = matches!(command, Command::Control(_));
        state.commands.push(command);
        match state.sleep {
            Sleep::Dozing if can_wait => {}
            Sleep::Left if is_asked => Self::wake_now(state),
            _ => Self::wake(state),
        }
    }

    pub(super) fn control(&self, control: Control) {
        self.post(Command::Control(Box::new(control)));
    }

    pub(super) fn poll_slot(&self, slot: u32, cx: &Context<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        let Slots { table, awaited, .. } = &mut state.slots;
        let entry = &mut table[slot as usize];
        if let Slot::Waiting(waker) = entry {
            match waker {
                Some(waker) => waker.clone_from(cx.waker()),
                None => {
                    *waker = Some(cx.waker().clone());
                    *awaited += 1;
                    if state.sleep == Sleep::Left {
                        Self::wake_now(state);
                    }
                }
            }
            return Poll::Pending;
        }
        let outcome = mem::replace(entry, Slot::Free);
        state.slots.free.push(slot);
        match outcome {
            Slot::Done(outcome) => Poll::Ready(outcome),
            // Only a future polled after its end finds anything else.
            _ => Poll::Ready(Err(SendError::DriverGone)),
        }
    }

    /// Places in the table of completions that are not free.
    #[cfg(test)]
    pub(super) fn slots_taken(&self) -> usize {
        self.lock().slots.taken()
    }

    /// Places with a waker.
    #[cfg(test)]
    pub(super) fn awaited(&self) -> usize {
        self.lock().slots.awaited
    }

    pub(super) fn is_done(&self, slot: u32) -> bool {
        matches!(self.lock().slots.table[slot as usize], Slot::Done(_))
    }

    /// Drives in this thread until the send has ended, if the driver pauses and nobody else waits for it.
    pub(super) fn drive_until_done(&self, slot: u32) {
        let state = self.lock();
        let waits = matches!(state.slots.table[slot as usize], Slot::Waiting(_));
        let alone = waits && state.sleep.is_pause() && state.slots.awaited == 0;
        let helm = state.helm.as_ref().filter(|_| alone).and_then(Weak::upgrade);
        drop(state);
        if let Some(helm) = helm {
            helm.drive_until(&mut || self.is_done(slot));
        }
    }

    /// The future is gone; the send goes on.
    pub(super) fn abandon_slot(&self, slot: u32) {
        let mut state = self.lock();
        let entry = &mut state.slots.table[slot as usize];
        match mem::replace(entry, Slot::Unobserved) {
            Slot::Waiting(waker) => state.slots.awaited -= usize::from(waker.is_some()),
            _ => state.slots.release(slot),
        }
    }

    /// Ready when the driver has ended.
    pub(super) fn poll_stopped(&self, cx: &Context<'_>) -> Poll<Option<ShutdownReport>> {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return Poll::Ready(state.report.clone());
        }
        if !state.stop_waiters.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.stop_waiters.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().phase == Phase::Stopped
    }

    /// True on the thread that drives this client: it must not wait for itself.
    pub(super) fn on_driver_thread(&self) -> bool {
        *self.driver_thread() == Some(thread::current().id())
    }

    // ---- the driver's side ---------------------------------------------------------------------------------

    /// The waker that makes the driver take its next turn.
    pub(super) fn set_driver(&self, waker: &Waker) {
        let mut state = self.lock();
        match &mut state.driver {
            Some(driver) => driver.clone_from(waker),
            None => state.driver = Some(waker.clone()),
        }
    }

    /// Where the driver's place is free while it pauses.
    pub(super) fn set_helm(&self, helm: Weak<dyn Helm>) {
        self.lock().helm = Some(helm);
    }

    /// The driver pauses, until it takes commands again or says that it sleeps.
    pub(super) fn prepare_pause(&self) {
        self.lock().sleep = Sleep::Pausing;
    }

    /// Who drove in a pause leaves; `over`: what was waited for is done. False if the driver has to go on at once.
    pub(super) fn prepare_leave(&self, over: bool) -> bool {
        let mut state = self.lock();
        DriverStats::count(&self.stats.lent, 1);
        let may = over && state.slots.awaited == 0 && state.phase == Phase::Running;
        state.sleep = if may { Sleep::Left } else { Sleep::Awake };
        may
    }

    pub(super) fn is_pausing(&self) -> bool {
        self.lock().sleep.is_pause()
    }

    /// This thread drives from now on; or nobody does.
    pub(super) fn set_driver_thread(&self, drives: bool) {
        *self.driver_thread() = drives.then(|| thread::current().id());
    }

    /// All commands at once; `into` is empty and its room is used for the next ones.
    pub(super) fn take_commands(&self, into: &mut Vec<Command>) {
        let mut state = self.lock();
        state.sleep = Sleep::Awake;
        state.inbox_bytes = 0;
        mem::swap(&mut state.commands, into);
    }

    /// True if the driver may sleep as it says: there is no command, and the next one that cannot wait will wake it.
    pub(super) fn prepare_sleep(&self, sleep: Sleep) -> bool {
        let mut state = self.lock();
        let may = state.commands.is_empty();
        state.sleep = if may { sleep } else { Sleep::Awake };
        may
    }

    /// Hands outcomes out, all with one lock; then wakes.
    pub(super) fn complete(&self, done: &mut Vec<(u32, Outcome)>, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        for (slot, outcome) in done.drain(..) {
            let before = mem::replace(&mut state.slots.table[slot as usize], Slot::Done(outcome));
            if let Slot::Waiting(waker) = before {
                state.slots.awaited -= usize::from(waker.is_some());
                wakers.extend(waker);
            } else {
                DriverStats::count(&self.stats.unobserved, 1);
                state.slots.release(slot);
            }
        }
        drop(state);
        wakers.drain(..).for_each(Waker::wake);
    }

    /// The driver ends: whatever still waits learns it.
    pub(super) fn stop(&self, report: Option<ShutdownReport>) {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        state.report = report;
        (state.driver, state.helm) = (None, None);
        let mut wakers = mem::take(&mut state.stop_waiters);
        let commands = mem::take(&mut state.commands);
        let mut refused = Vec::new();
        let mut others = Vec::new();
        for command in commands {
            match command {
                Command::Send { message, slot, .. } => refused.push((slot, message)),
                other => others.push(other),
            }
        }
        for (slot, message) in refused {
            let rejected = Rejected { reason: RejectReason::Closed, returned: message };
            let outcome = Slot::Done(Err(SendError::Rejected(Box::new(rejected))));
            match mem::replace(&mut state.slots.table[slot as usize], outcome) {
                Slot::Waiting(waker) => wakers.extend(waker),
                _ => state.slots.release(slot),
            }
        }
        for slot in &mut state.slots.table {
            if let Slot::Waiting(waker) = slot {
                wakers.extend(waker.take());
                *slot = Slot::Done(Err(SendError::DriverGone));
            }
        }
        drop(state);
        // Questions among them tell their askers by being dropped.
        drop(others);
        wakers.into_iter().for_each(Waker::wake);
    }
}
