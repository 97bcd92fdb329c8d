//! What is counted while messages go and come, and the table at the end.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressStyle};
use rocketmq_io::{Delivery, SendError, SendReceipt};

use crate::args::Args;

/// Bytes at the front of each body: which run, which message, when it was sent.
pub(crate) const HEADER: usize = 24;

/// What is known of one message.
const RECEIVED: u8 = 1;
const STORED: u8 = 2;
const MAY_BE_STORED: u8 = 4;

#[derive(Default)]
struct Times {
    send_began: Option<Instant>,
    send_ended: Option<Instant>,
    first_received: Option<Instant>,
    last_received: Option<Instant>,
    cpu_began: Duration,
    cpu_ended: Duration,
}

pub(crate) struct Tally {
    /// Tells this run's messages from those of others in the topic.
    run: u64,
    body_size: usize,
    messages: Vec<AtomicU8>,
    failed: AtomicUsize,
    duplicates: AtomicUsize,
    received: AtomicUsize,
    /// When something last arrived, nanoseconds after the start.
    progress: AtomicU64,
    /// Microseconds from sending to the acknowledgement seen, and to the listener.
    send_latency: Vec<AtomicU32>,
    delivery_latency: Vec<AtomicU32>,
    start: Instant,
    times: Mutex<Times>,
    bar: ProgressBar,
}

impl Tally {
    pub(crate) fn new(args: &Args) -> Self {
        let bar = ProgressBar::new(args.messages as u64 * 2);
        let style = ProgressStyle::with_template("{bar:40} {percent:>3}%  {msg}  {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            run: since_epoch.as_nanos() as u64 ^ (u64::from(std::process::id()) << 32),
            body_size: args.body_size,
            messages: (0..args.messages).map(|_| AtomicU8::new(0)).collect(),
            failed: AtomicUsize::new(0),
            duplicates: AtomicUsize::new(0),
            received: AtomicUsize::new(0),
            progress: AtomicU64::new(0),
            send_latency: (0..args.messages).map(|_| AtomicU32::new(0)).collect(),
            delivery_latency: (0..args.messages).map(|_| AtomicU32::new(0)).collect(),
            start: Instant::now(),
            times: Mutex::default(),
            bar,
        }
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nanos(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    /// The body of a message, with the time it is sent.
    pub(crate) fn body(&self, index: usize) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.body_size);
        for number in [self.run, index as u64, self.nanos()] {
            body.extend_from_slice(&number.to_be_bytes());
        }
        body.resize(self.body_size, b'.');
        body
    }

    pub(crate) fn sending_begins(&self) {
        let mut times = self.times();
        (times.send_began, times.cpu_began) = (Some(Instant::now()), cpu_time());
    }

    pub(crate) fn sending_ended(&self) {
        self.times().send_ended = Some(Instant::now());
        self.progress.store(self.nanos(), Relaxed);
    }

    /// A send ended; `sent` is when it began.
    pub(crate) fn sent(&self, index: usize, sent: Instant, outcome: &Result<SendReceipt, SendError>) {
        let what = match outcome {
            Ok(_) => STORED,
            Err(error) if error.may_be_stored() => MAY_BE_STORED,
            Err(_) => {
                self.failed.fetch_add(1, Relaxed);
                0
            }
        };
        self.messages[index].fetch_or(what, Relaxed);
        self.send_latency[index].store(micros(sent.elapsed()), Relaxed);
        if index.is_multiple_of(256) {
            self.show();
        }
    }

    /// Messages arrived. Those of earlier runs are none of ours.
    pub(crate) fn received(&self, delivery: &Delivery) {
        let (now, mut ours) = (self.nanos(), 0);
        for message in delivery.iter() {
            let number = |at: usize| {
                let bytes = message.body().get(at..at + 8)?;
                Some(u64::from_be_bytes(bytes.try_into().ok()?))
            };
            let (Some(run), Some(index), Some(sent)) = (number(0), number(8), number(16)) else { continue };
            let Some(entry) = self.messages.get(index as usize).filter(|_| run == self.run) else { continue };
            if entry.fetch_or(RECEIVED, Relaxed) & RECEIVED != 0 {
                self.duplicates.fetch_add(1, Relaxed);
                continue;
            }
            let latency = Duration::from_nanos(now.saturating_sub(sent));
            self.delivery_latency[index as usize].store(micros(latency), Relaxed);
            ours += 1;
        }
        if ours > 0 {
            let before = self.received.fetch_add(ours, Relaxed);
            self.progress.store(now, Relaxed);
            let mut times = self.times();
            times.last_received = Some(Instant::now());
            times.first_received = times.first_received.or(times.last_received);
            drop(times);
            if before / 4096 != (before + ours) / 4096 {
                self.show();
            }
        }
    }

    fn show(&self) {
        let sent = self.messages.iter().step_by(64).filter(|m| m.load(Relaxed) & STORED != 0).count() * 64;
        let (sent, received) = (sent.min(self.messages.len()), self.received.load(Relaxed));
        self.bar.set_position((sent + received) as u64);
        self.bar.set_message(format!("{sent} sent, {received} received"));
    }

    /// Whether everything stored has arrived, or nothing has for so long that nothing will.
    pub(crate) fn is_over(&self, patience: Duration) -> bool {
        let idle = Duration::from_nanos(self.nanos().saturating_sub(self.progress.load(Relaxed)));
        self.missing() == 0 || idle > patience
    }

    /// Acknowledged and not received.
    pub(crate) fn missing(&self) -> usize {
        self.count(|known| known & (STORED | RECEIVED) == STORED)
    }

    fn count(&self, which: impl Fn(u8) -> bool) -> usize {
        self.messages.iter().filter(|known| which(known.load(Relaxed))).count()
    }

    pub(crate) fn receiving_ended(&self) {
        self.times().cpu_ended = cpu_time();
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.messages.len();
        let acknowledged = self.count(|known| known & STORED != 0);
        let indeterminate = self.count(|known| known & (STORED | MAY_BE_STORED) == MAY_BE_STORED);
        let times = self.times();
        let span = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => to.saturating_duration_since(from).as_secs_f64().max(1e-9),
            _ => f64::INFINITY,
        };
        let received = self.received.load(Relaxed);
        let send_rate = acknowledged as f64 / span(times.send_began, times.send_ended);
        let receive_rate = received as f64 / span(times.first_received, times.last_received);
        let cpu = times.cpu_ended.saturating_sub(times.cpu_began).as_secs_f64() * 1e6 / total as f64;
        let (send50, send99) = percentiles(&self.send_latency);
        let (deliver50, deliver99) = percentiles(&self.delivery_latency);
        writeln!(f, "sent       acknowledged {acknowledged:>9}")?;
        writeln!(f, "           failed       {:>9}", self.failed.load(Relaxed))?;
        writeln!(f, "           indeterminate{indeterminate:>9}")?;
        writeln!(f, "received   delivered    {received:>9}")?;
        writeln!(f, "           duplicates   {:>9}", self.duplicates.load(Relaxed))?;
        writeln!(f, "           missing      {:>9}", self.missing())?;
        writeln!(f, "rate       sending      {send_rate:>9.0} messages/s")?;
        writeln!(f, "           receiving    {receive_rate:>9.0} messages/s")?;
        writeln!(f, "CPU        client       {cpu:>9.2} us a message, sent and received")?;
        writeln!(f, "latency    send         {:>9.2} ms p50 {:>9.2} ms p99", millis(send50), millis(send99))?;
        write!(
            f,
            "           delivery     {:>9.2} ms p50 {:>9.2} ms p99",
            millis(deliver50),
            millis(deliver99)
        )
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1)
}

fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1000.0
}

/// The median and the 99th of a hundred, of those that were measured.
fn percentiles(latencies: &[AtomicU32]) -> (u32, u32) {
    let mut known: Vec<u32> =
        latencies.iter().map(|each| each.load(Relaxed)).filter(|each| *each > 0).collect();
    known.sort_unstable();
    let at = |part: usize| known.get(known.len() * part / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

/// Processor time of this process, user and system: the cluster is another one.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
