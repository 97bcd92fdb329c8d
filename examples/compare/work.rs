//! What a contestant is told to do, and how it measures itself.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use rocketmq_io::engine::ConsumerStats;

use crate::args::{Case, Client};

/// The hidden argument of a contestant's process.
pub(crate) const CHILD: &str = "--child";

#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) name_server: String,
    pub(crate) broker: String,
    pub(crate) broker_name: String,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) queues: u32,
    pub(crate) case: Case,
    pub(crate) gather: Option<Duration>,
}

impl Work {
    /// As the contestants take it: `key=value`.
    pub(crate) fn options(&self) -> Vec<(&'static str, String)> {
        let case = &self.case;
        let mut options = vec![
            ("name_server", self.name_server.clone()),
            ("broker", self.broker.clone()),
            ("broker_name", self.broker_name.clone()),
            ("topic", self.topic.clone()),
            ("group", self.group.clone()),
            ("queues", self.queues.to_string()),
            ("size", case.size.to_string()),
            ("depth", case.depth.to_string()),
            ("pull", case.pull.to_string()),
            ("batch", case.batch.to_string()),
            ("count", case.count.to_string()),
            ("warm_up", case.warm_up.to_string()),
        ];
        options.extend(self.gather.map(|gather| ("gather", gather.as_micros().to_string())));
        options
    }

    pub(crate) fn parse(words: &[String]) -> Result<(Client, Self), String> {
        let (client, options) = words.split_first().ok_or("no client named")?;
        let find = |key: &str| {
            options
                .iter()
                .find_map(|option| option.split_once('=').filter(|(found, _)| *found == key))
                .map(|o| o.1)
        };
        let text = |key: &str| find(key).map(str::to_owned).ok_or(format!("no {key}"));
        let number = |key: &str| text(key)?.parse::<usize>().map_err(|error| format!("{key}: {error}"));
        let case = Case {
            size: number("size")?,
            depth: number("depth")?,
            pull: number("pull")? as u32,
            batch: number("batch")? as u32,
            count: number("count")?,
            warm_up: number("warm_up")?,
        };
        let work = Self {
            name_server: text("name_server")?,
            broker: text("broker")?,
            broker_name: text("broker_name")?,
            topic: text("topic")?,
            group: text("group")?,
            queues: number("queues")? as u32,
            case,
            gather: find("gather").and_then(|text| text.parse().ok()).map(Duration::from_micros),
        };
        Ok((Client::parse(client)?, work))
    }
}

/// What a contestant found of itself; times in microseconds a message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) rate: f64,
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// Of a send, microseconds; none for consumers.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Peak resident memory, MiB.
    pub(crate) peak: f64,
    /// The most that a consumer of ours had unsettled at once, MiB.
    pub(crate) unsettled: f64,
    pub(crate) broker: f64,
}

impl Outcome {
    pub(crate) fn with_unsettled(self, stats: &ConsumerStats) -> Self {
        Self { unsettled: stats.most_unfinished_bytes as f64 / f64::from(1 << 20), ..self }
    }

    /// The line a contestant says: `result rate user system p50 p99 peak`, and `unsettled` if it knows.
    pub(crate) fn line(&self) -> String {
        let Self { rate, user, system, p50, p99, peak, unsettled, .. } = self;
        format!("result {rate:.1} {user:.4} {system:.4} {p50:.1} {p99:.1} {peak:.2} {unsettled:.2}")
    }

    pub(crate) fn parse(said: &str) -> Option<Self> {
        let line = said.lines().find_map(|line| line.strip_prefix("result "))?;
        let mut numbers = line.split(' ').map(|word| word.parse::<f64>().ok());
        let mut next = || numbers.next().flatten();
        let (rate, user, system) = (next()?, next()?, next()?);
        let (p50, p99, peak, unsettled) = (next()?, next()?, next()?, next().unwrap_or(0.0));
        Some(Self { rate, user, system, p50, p99, peak, unsettled, broker: 0.0 })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, user, system, p50, p99, peak, unsettled, broker } = *self;
        write!(
            f,
            "{:>9.0} msg/s  CPU {:>6.2} us = {user:>6.2} user + {system:>6.2} system  p50 {p50:>7.0} us  \
             p99 {p99:>7.0} us  peak {peak:>6.1} MiB  unsettled {unsettled:>5.1} MiB  broker {broker:>6.1} us",
            rate,
            user + system
        )
    }
}

/// Measures from the end of the warm-up on.
pub(crate) struct Meter {
    warm_up: usize,
    count: usize,
    ended: usize,
    begun: Instant,
    cpu: (Duration, Ticks),
    times: Vec<u32>,
}

impl Meter {
    pub(crate) fn new(case: &Case) -> Self {
        let mut meter = Self {
            warm_up: case.warm_up,
            count: case.count,
            ended: 0,
            begun: Instant::now(),
            cpu: (Duration::ZERO, Ticks::default()),
            times: Vec::with_capacity(if case.is_send() { case.count } else { 0 }),
        };
        if meter.warm_up == 0 {
            meter.begin();
        }
        meter
    }

    fn begin(&mut self) {
        (self.begun, self.cpu) = (Instant::now(), (own_time(), Ticks::of("self")));
    }

    pub(crate) fn total(&self) -> usize {
        self.warm_up + self.count
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended >= self.total()
    }

    /// A send ended that began then.
    pub(crate) fn sent(&mut self, began: Instant) {
        if self.ended >= self.warm_up && self.times.len() < self.count {
            self.times.push(u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX));
        }
        self.add(1);
    }

    /// So many messages are done.
    pub(crate) fn add(&mut self, messages: usize) {
        let before = self.ended;
        self.ended += messages;
        if before < self.warm_up && self.ended >= self.warm_up {
            self.begin();
        }
    }

    pub(crate) fn outcome(mut self) -> Outcome {
        let (time, cpu) = (self.begun.elapsed(), own_time().saturating_sub(self.cpu.0));
        let ticks = Ticks::of("self").since(self.cpu.1);
        let messages = (self.ended - self.warm_up).max(1) as f64;
        let (each, user) = (cpu.as_secs_f64() * 1e6 / messages, ticks.user_part());
        self.times.sort_unstable();
        let at = |part: usize| {
            self.times.get(self.times.len() * part / 100).map_or(0.0, |nanos| f64::from(*nanos) / 1e3)
        };
        Outcome {
            rate: messages / time.as_secs_f64(),
            user: each * user,
            system: each * (1.0 - user),
            p50: at(50),
            p99: at(99),
            peak: peak_memory(),
            unsettled: 0.0,
            broker: 0.0,
        }
    }
}

/// Processor time of this process, exactly.
fn own_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Processor time of a process, to 10 ms: good enough for a broker.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let ticks = Ticks::of(&pid.to_string());
    Duration::from_millis(10 * (ticks.user + ticks.system))
}

/// What the kernel counts at its clock's ticks: how the time divides.
#[derive(Clone, Copy, Default)]
struct Ticks {
    user: u64,
    system: u64,
}

impl Ticks {
    fn of(process: &str) -> Self {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // Fields 14 and 15, counted from behind the name, which may hold spaces.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let mut fields = after.split_whitespace().skip(11).map(|field| field.parse().unwrap_or(0));
        Self { user: fields.next().unwrap_or(0), system: fields.next().unwrap_or(0) }
    }

    fn since(self, before: Self) -> Self {
        Self { user: self.user - before.user, system: self.system - before.system }
    }

    fn user_part(self) -> f64 {
        self.user as f64 / (self.user + self.system).max(1) as f64
    }
}

/// Peak resident memory in MiB.
fn peak_memory() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
