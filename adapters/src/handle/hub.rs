//! The driver's side of the handle level: commands go into the engine, its events out to whoever waits.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use rocketmq_engine as engine;
use rocketmq_engine::{
    ConsumerId, Event, Instant, Notice, OnewayOutcome, SendId, SendOutcome, Settlement, ShutdownReport,
    TagFilter, Wait,
};

use super::consumer::OpenConsumer;
use super::error::{ClientError, SendError};
use super::helm::Helm;
use super::inlet::Inlet;
use super::producer::OpenProducer;
#[cfg(feature = "record")]
use super::record::RecordSink;
use super::shared::{Command, Control, DriverStats, Outcome, Shared, Sleep};

/// How long acknowledgements may wait for the driver while nothing hinges on them.
const DOZE: Duration = Duration::from_millis(5);

/// No send has this index just now.
const NO_SLOT: u32 = u32::MAX;

/// Where a consumer's deliveries go.
#[derive(Debug)]
struct Outlet {
    inlet: Arc<Inlet>,
    /// Of this turn, handed over together.
    deliveries: Vec<engine::Delivery>,
    /// The consumer closes: nobody reads any more.
    closed: bool,
}

/// Who is told what a log may want to know.
#[derive(Default)]
pub(super) struct NoticeSink(pub(super) Option<Box<dyn FnMut(Notice) + Send>>);

impl fmt::Debug for NoticeSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "NoticeSink(set)" } else { "NoticeSink(none)" })
    }
}

/// How a [`Hub::turn`] ended.
#[derive(Clone, Copy, Debug)]
pub enum Turn {
    /// There are events: take the next turn.
    Again,
    /// The engine has said its last word and its actions are carried out: the driver ends.
    Over,
    /// The driver may wait, for so long at most.
    Wait(Wait),
}

/// The engine and its handles' inbox, for a driver to run. The loop of a driver:
///
/// ```text
/// loop {
///     // Events out, commands in, and the engine's actions carried out until `Wait`.
///     let wait = match hub.turn(clock.now(), |client| ...) {
///         Turn::Again => continue,
///         Turn::Over => break,
///         Turn::Wait(wait) => wait,
///     };
///     ...                                         // under load: a pause, while commands come together
///     if hub.prepare_sleep() { ... }              // sleep until a socket, a command or the deadline
///     ...                                         // hand inputs to the engine, in any case
/// }
/// ```
#[derive(Debug)]
pub struct Hub {
    client: engine::Client,
    shared: Arc<Shared>,
    commands: Vec<Command>,
    /// Completion slot of each send under way, by the index of its id.
    slots: Vec<u32>,
    done: Vec<(u32, Outcome)>,
    wakers: Vec<Waker>,
    consumers: BTreeMap<ConsumerId, Outlet>,
    report: Option<ShutdownReport>,
    stopped: bool,
    /// Deliveries were settled since the last doze began, and when that ends.
    settled: bool,
    doze_until: Instant,
    sleep: Sleep,
    gather: Duration,
    notices: NoticeSink,
    #[cfg(feature = "record")]
    record: Option<RecordSink>,
}

impl Hub {
    pub(super) fn new(
        client: engine::Client,
        shared: Arc<Shared>,
        gather: Duration,
        notices: NoticeSink,
    ) -> Self {
        Self {
            client,
            shared,
            commands: Vec::new(),
            slots: Vec::new(),
            done: Vec::new(),
            wakers: Vec::new(),
            consumers: BTreeMap::new(),
            report: None,
            stopped: false,
            settled: false,
            doze_until: Instant::ZERO,
            sleep: Sleep::Asleep,
            gather,
            notices,
            #[cfg(feature = "record")]
            record: None,
        }
    }

    /// Keeps what the client records there.
    #[cfg(feature = "record")]
    pub(super) fn set_record(&mut self, sink: RecordSink) {
        self.record = Some(sink);
    }

    /// The engine, for its driver.
    pub fn client(&mut self) -> &mut engine::Client {
        &mut self.client
    }

    /// Counters the driver keeps.
    pub fn stats(&self) -> &Arc<DriverStats> {
        &self.shared.stats
    }

    /// How long the driver may leave answers unread under load.
    pub fn gather(&self) -> Duration {
        self.gather
    }

    /// Sets what makes the driver take its next turn; commands use it while the driver sleeps.
    pub fn set_waker(&self, waker: &Waker) {
        self.shared.set_driver(waker);
    }

    /// Sets who lets the threads that wait drive during pauses.
    pub(crate) fn set_helm(&self, helm: Weak<dyn Helm>) {
        // What is recorded goes to a writer of the application, which may want what a thread that waits holds.
        #[cfg(feature = "record")]
        if self.record.is_some() {
            return;
        }
        self.shared.set_helm(helm);
    }

    /// Tells that this thread drives from now on: no handle dropped on it will wait for the driver.
    pub fn set_thread(&self) {
        self.shared.set_driver_thread(true);
    }

    /// One turn: hands all events out, takes all commands in, and lets the driver `act`, which carries out the engine's
    /// actions.
    pub fn turn(&mut self, now: Instant, act: impl FnOnce(&mut engine::Client) -> Wait) -> Turn {
        while let Some(notice) = self.client.poll_notice() {
            if let Some(told) = &mut self.notices.0 {
                told(notice);
            }
        }
        self.advance(now, act)
    }

    /// The same in a thread of the application, which waits: notices, whose receiver may want what that thread holds, are left
    /// to the driver's own.
    pub(crate) fn turn_aside(&mut self, now: Instant, act: impl FnOnce(&mut engine::Client) -> Wait) -> Turn {
        self.set_thread();
        self.advance(now, act)
    }

    fn advance(&mut self, now: Instant, act: impl FnOnce(&mut engine::Client) -> Wait) -> Turn {
        self.exchange(now);
        let wait = act(&mut self.client);
        if wait.events {
            Turn::Again
        } else if self.stopped {
            Turn::Over
        } else {
            Turn::Wait(self.doze(wait, now))
        }
    }

    fn exchange(&mut self, now: Instant) {
        self.dispatch(now);
        #[cfg(feature = "record")]
        if let Some(sink) = &mut self.record {
            sink.keep(&mut self.client);
        }
        self.shared.take_commands(&mut self.commands);
        if self.commands.is_empty() {
            return;
        }
        let mut commands = mem::take(&mut self.commands);
        for command in commands.drain(..) {
            match command {
                Command::Send { producer, message, options, slot, oneway } => {
                    let sent = if oneway {
                        self.client.send_oneway(producer, message, options, now)
                    } else {
                        self.client.send(producer, message, options, now)
                    };
                    match sent {
                        Ok(id) => self.note_slot(id.index(), slot),
                        Err(rejected) => {
                            self.done.push((slot, Err(SendError::Rejected(Box::new(rejected)))));
                        }
                    }
                }
                Command::Settle(delivery, settlement) => {
                    // Refused only if another engine made it, which a handle cannot bring about.
                    let _ = self.client.settle(delivery, settlement, now);
                    self.settled = true;
                }
                Command::Control(control) => self.control(*control, now),
            }
        }
        self.commands = commands;
        self.hand_over();
    }

    /// What the driver should wait for. While deliveries are being settled and nothing hinges on that, it is to look around
    /// every few milliseconds: then no acknowledgement has to wake it.
    fn doze(&mut self, wait: Wait, now: Instant) -> Wait {
        if now >= self.doze_until && mem::take(&mut self.settled) {
            self.doze_until = now + DOZE;
        }
        if now >= self.doze_until || !self.client.settlements_can_wait() {
            self.sleep = Sleep::Asleep;
            return wait;
        }
        self.sleep = Sleep::Dozing;
        let until = wait.until.map_or(self.doze_until, |until| until.min(self.doze_until));
        Wait { until: Some(until), ..wait }
    }

    /// The driver pauses, for a few hundred microseconds at most: no command wakes it. Who waits may drive meanwhile.
    pub(crate) fn prepare_pause(&self) {
        self.shared.prepare_pause();
    }

    /// Who drove in a pause leaves; `over`: what was waited for is done. False if the driver has to go on at once.
    pub(crate) fn prepare_leave(&self, over: bool) -> bool {
        self.shared.set_driver_thread(false);
        self.shared.prepare_leave(over && self.consumers.is_empty())
    }

    /// The driver pauses.
    pub(crate) fn is_pausing(&self) -> bool {
        self.shared.is_pausing()
    }

    /// True when the driver may sleep until the deadline of the last [`turn`](Self::turn): no command waits, and the next
    /// one that cannot will wake it.
    pub fn prepare_sleep(&self) -> bool {
        self.shared.prepare_sleep(self.sleep)
    }

    fn note_slot(&mut self, index: usize, slot: u32) {
        if index >= self.slots.len() {
            self.slots.resize(index + 1, NO_SLOT);
        }
        self.slots[index] = slot;
    }

    fn note_outcome(&mut self, id: SendId, outcome: Outcome) {
        let slot = self.slots.get_mut(id.index()).map(|slot| mem::replace(slot, NO_SLOT));
        if let Some(slot) = slot.filter(|slot| *slot != NO_SLOT) {
            self.done.push((slot, outcome));
        }
    }

    fn dispatch(&mut self, now: Instant) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Sent { id, outcome, .. } => self.note_outcome(
                    id,
                    match outcome {
                        SendOutcome::Acknowledged(receipt) => Ok(Some(receipt)),
                        SendOutcome::Failed(failure) => Err(SendError::Failed(failure)),
                        SendOutcome::Indeterminate(failure) => Err(SendError::Indeterminate(failure)),
                    },
                ),
                Event::OnewaySent { id, outcome, .. } => self.note_outcome(
                    id,
                    match outcome {
                        OnewayOutcome::Written => Ok(None),
                        OnewayOutcome::Failed(failure) => Err(SendError::Failed(failure)),
                        OnewayOutcome::Indeterminate(failure) => Err(SendError::Indeterminate(failure)),
                    },
                ),
                Event::Delivered(delivery) => match self.consumers.get_mut(&delivery.consumer()) {
                    Some(outlet) if !outlet.closed => outlet.deliveries.push(delivery),
                    _ => {
                        let _ = self.client.settle(delivery, Settlement::Abandon, now);
                    }
                },
                Event::Assigned { consumer, queues } => {
                    if let Some(outlet) = self.consumers.get(&consumer) {
                        outlet.inlet.assigned(queues);
                    }
                }
                Event::Revoked { consumer, queues } => {
                    if let Some(outlet) = self.consumers.get(&consumer) {
                        outlet.inlet.revoked(&queues);
                    }
                }
                Event::ConsumerClosed { consumer, uncommitted } => {
                    if let Some(outlet) = self.consumers.remove(&consumer) {
                        outlet.inlet.close(Some(uncommitted));
                    }
                }
                Event::Stopped(report) => {
                    self.report = Some(report);
                    self.stopped = true;
                }
                // Nothing at this level waits for other events.
                _ => {}
            }
        }
        self.hand_over();
    }

    /// What came together is handed over together.
    fn hand_over(&mut self) {
        if !self.done.is_empty() {
            self.shared.complete(&mut self.done, &mut self.wakers);
        }
        for outlet in self.consumers.values_mut() {
            if !outlet.deliveries.is_empty() {
                outlet.inlet.push(&mut outlet.deliveries, &mut self.wakers);
                self.wakers.drain(..).for_each(Waker::wake);
            }
        }
    }

    fn control(&mut self, control: Control, now: Instant) {
        match control {
            Control::Topic(name, reply) => reply.answer(self.client.topic(&name)),
            Control::CreateProducer(config, reply) => {
                let made = self.client.create_producer(config, now).map_err(|rejected| rejected.reason);
                reply.answer(made.map(|id| OpenProducer { id, shared: self.shared.clone() }));
            }
            Control::CloseProducer(id) => self.client.close_producer(id, now),
            Control::CreateConsumer { config, subscriptions, inlet, reply } => {
                let made = match self.client.create_push_consumer(*config, now) {
                    Ok(id) => {
                        let outlet = Outlet { inlet, deliveries: Vec::new(), closed: false };
                        self.consumers.insert(id, outlet);
                        let mut each = subscriptions.iter();
                        let failed = each
                            .find_map(|(topic, filter)| self.subscribe(id, topic, filter.clone(), now).err());
                        match failed {
                            None => Ok(OpenConsumer { id, shared: self.shared.clone() }),
                            Some(error) => {
                                self.client.close_consumer(id, now);
                                Err(error)
                            }
                        }
                    }
                    Err(rejected) => Err(rejected.reason.into()),
                };
                reply.answer(made);
            }
            Control::Subscribe(id, topic, filter, reply) => {
                reply.answer(self.subscribe(id, &topic, filter, now));
            }
            Control::Unsubscribe(id, topic) => {
                if let Ok(topic) = self.client.topic(&topic) {
                    self.client.unsubscribe(id, &topic, now);
                }
            }
            Control::CloseConsumer(id) => {
                self.client.close_consumer(id, now);
                self.return_unread(Some(id), now);
            }
            Control::WritableQueues(topic, reply) => reply.answer(self.client.writable_queues(&topic, now)),
            Control::Stats(reply) => reply.answer(self.client.stats()),
            Control::ConsumerStats(id, reply) => reply.answer(self.client.consumer_stats(id).copied()),
            Control::Shutdown(grace) => {
                self.client.shutdown(grace, now);
                self.return_unread(None, now);
            }
        }
    }

    fn subscribe(
        &mut self,
        id: ConsumerId,
        topic: &str,
        filter: TagFilter,
        now: Instant,
    ) -> Result<(), ClientError> {
        let topic = self.client.topic(topic)?;
        Ok(self.client.subscribe(id, &topic, filter, now)?)
    }

    /// Nobody will read what waits for a consumer that closes: it goes to another member of the group.
    fn return_unread(&mut self, only: Option<ConsumerId>, now: Instant) {
        for (id, outlet) in &mut self.consumers {
            if only.is_none_or(|only| only == *id) {
                outlet.closed = true;
                outlet.deliveries.extend(outlet.inlet.close(None));
                for delivery in outlet.deliveries.drain(..) {
                    let _ = self.client.settle(delivery, Settlement::Abandon, now);
                }
            }
        }
    }
}

impl Drop for Hub {
    /// However the driver ends, nobody is left waiting.
    fn drop(&mut self) {
        #[cfg(feature = "record")]
        if let Some(sink) = &mut self.record {
            sink.finish(&mut self.client);
        }
        self.shared.stop(self.report.take());
        for outlet in self.consumers.values() {
            drop(outlet.inlet.close(None));
        }
    }
}
