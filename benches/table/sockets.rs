//! Case 15: sends of 1 KiB over loopback to a responder in another process, by every adapter on both levels, and by
//! a client written by hand for nothing else.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rocketmq_engine::wire::frame::{FrameLimits, Prefix};
use rocketmq_engine::{
    Client, ClientConfig, Event, Message, ProducerConfig, ProducerId, SendOptions, SendOutcome,
};
use rocketmq_io::{async_std as on_async_std, blocking, driver, mio as on_mio, tokio as on_tokio};

use crate::floor::head as floor;
use crate::head;
use crate::responder::{Process, apart};

const BODY: usize = 1024;

/// What one run took.
#[derive(Clone, Copy)]
struct Run {
    /// Calls a second.
    rate: f64,
    /// CPU time of this process, microseconds a call.
    cpu: f64,
    /// Median time of one call, microseconds; only with one in flight.
    median: f64,
    /// Reads and writes of sockets a call, where they are counted.
    system_calls: Option<(f64, f64)>,
}

/// Measures `calls` calls of a run that tells each ending, after a warm-up.
struct Meter {
    calls: usize,
    warm_up: usize,
    ended: usize,
    begin: Instant,
    cpu: f64,
    last: Instant,
    times: Vec<u32>,
}

impl Meter {
    fn new(calls: usize) -> Self {
        let now = Instant::now();
        let times = Vec::with_capacity(calls);
        Self { calls, warm_up: calls / 10, ended: 0, begin: now, cpu: 0.0, last: now, times }
    }

    fn total(&self) -> usize {
        self.calls + self.warm_up
    }

    fn end(&mut self, depth: usize) {
        self.ended += 1;
        if self.ended == self.warm_up {
            (self.begin, self.cpu) = (Instant::now(), cpu_micros());
            self.last = self.begin;
        } else if self.ended > self.warm_up && depth == 1 {
            let now = Instant::now();
            self.times.push((now - self.last).as_nanos() as u32);
            self.last = now;
        }
    }

    fn run(mut self, system_calls: Option<(u64, u64)>) -> Run {
        let (time, cpu) = (self.begin.elapsed(), cpu_micros() - self.cpu);
        self.times.sort_unstable();
        let median = self.times.get(self.times.len() / 2).map_or(0.0, |nanos| f64::from(*nanos) / 1e3);
        let calls = self.calls as f64;
        let all = self.total() as f64;
        let each = |(reads, writes): (u64, u64)| (reads as f64 / all, writes as f64 / all);
        Run {
            rate: calls / time.as_secs_f64(),
            cpu: cpu / calls,
            median,
            system_calls: system_calls.map(each),
        }
    }
}

/// CPU time of all living threads of this process, where the system tells it to the nanosecond.
fn cpu_micros() -> f64 {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0.0 };
    let of = |path: std::path::PathBuf| -> Option<f64> {
        fs::read_to_string(path).ok()?.split(' ').next()?.parse().ok()
    };
    tasks.flatten().filter_map(|task| of(task.path().join("schedstat"))).sum::<f64>() / 1e3
}

/// A socket without anything around it, of a runtime: what a client by hand would use there.
trait Bare {
    async fn write_all(&mut self, bytes: &[u8]);
    async fn read(&mut self, into: &mut [u8]) -> usize;
}

/// One thread, one socket, heads encoded and answers parsed by hand, everything that is ready in one write.
async fn by_hand(mut socket: impl Bare, calls: usize, depth: usize) -> Run {
    let mut meter = Meter::new(calls);
    let body = [b'x'; BODY];
    let (mut out, mut buffer, mut filled) = (Vec::new(), vec![0; 1 << 18], 0);
    // Who waits, by the low bits of the opaque.
    let mut waiting = vec![0_i32; depth.next_power_of_two() * 2];
    let mask = waiting.len() - 1;
    let (mut opaque, mut in_flight, mut sent) = (0_i32, 0, 0);
    let (mut reads, mut writes) = (0, 0);
    while meter.ended < meter.total() {
        out.clear();
        while in_flight < depth && sent < meter.total() {
            opaque += 1;
            waiting[opaque as usize & mask] = opaque;
            floor::send_json(&mut out, &head::send(opaque), BODY);
            out.extend_from_slice(&body);
            in_flight += 1;
            sent += 1;
        }
        if !out.is_empty() {
            socket.write_all(&out).await;
            writes += 1;
        }
        filled += socket.read(&mut buffer[filled..]).await;
        reads += 1;
        let mut from = 0;
        while let Ok(Some(prefix)) = Prefix::parse(&buffer[from..filled], &FrameLimits::default()) {
            let Some(frame) = buffer[from..filled].get(..prefix.frame_len) else { break };
            let answer = floor::sent_json(&frame[prefix.head_range()]).expect("a good answer");
            assert!(answer.code == 0 && waiting[answer.opaque as usize & mask] == answer.opaque);
            meter.end(depth);
            in_flight -= 1;
            from += prefix.frame_len;
        }
        buffer.copy_within(from..filled, 0);
        filled -= from;
    }
    meter.run(Some((reads, writes)))
}

impl Bare for TcpStream {
    async fn write_all(&mut self, bytes: &[u8]) {
        Write::write_all(self, bytes).expect("written");
    }

    async fn read(&mut self, into: &mut [u8]) -> usize {
        Read::read(self, into).expect("read")
    }
}

struct BareMio(mio::Poll, mio::Events, mio::net::TcpStream);

impl BareMio {
    /// Again when the poll says so.
    fn until_ready<T>(&mut self, mut io: impl FnMut(&mut mio::net::TcpStream) -> std::io::Result<T>) -> T {
        loop {
            match io(&mut self.2) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    self.0.poll(&mut self.1, None).expect("polled");
                }
                done => return done.expect("a good socket"),
            }
        }
    }
}

impl Bare for BareMio {
    async fn write_all(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let n = self.until_ready(|socket| socket.write(bytes));
            bytes = &bytes[n..];
        }
    }

    async fn read(&mut self, into: &mut [u8]) -> usize {
        self.until_ready(|socket| socket.read(into))
    }
}

impl Bare for async_std::net::TcpStream {
    async fn write_all(&mut self, bytes: &[u8]) {
        async_std::io::WriteExt::write_all(self, bytes).await.expect("written");
    }

    async fn read(&mut self, into: &mut [u8]) -> usize {
        async_std::io::ReadExt::read(self, into).await.expect("read")
    }
}

/// tokio's own traits are behind a feature that nothing else here needs.
struct BareTokio(tokio::net::TcpStream);

impl Bare for BareTokio {
    async fn write_all(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.0.writable().await.expect("writable");
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                n => bytes = &bytes[n.expect("written")..],
            }
        }
    }

    async fn read(&mut self, into: &mut [u8]) -> usize {
        loop {
            self.0.readable().await.expect("readable");
            match self.0.try_read(into) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                n => return n.expect("read"),
            }
        }
    }
}

fn connect(address: &str) -> TcpStream {
    let socket = TcpStream::connect(address).expect("the responder");
    socket.set_nodelay(true).expect("a socket");
    socket
}

fn hand_blocking(address: &str, calls: usize, depth: usize) -> Run {
    blocking::block_on(by_hand(connect(address), calls, depth))
}

fn hand_mio(address: &str, calls: usize, depth: usize) -> Run {
    let socket = connect(address);
    socket.set_nonblocking(true).expect("a socket");
    let mut socket = mio::net::TcpStream::from_std(socket);
    let poll = mio::Poll::new().expect("a poll");
    let both = mio::Interest::READABLE | mio::Interest::WRITABLE;
    poll.registry().register(&mut socket, mio::Token(0), both).expect("registered");
    let events = mio::Events::with_capacity(8);
    blocking::block_on(by_hand(BareMio(poll, events, socket), calls, depth))
}

fn hand_async_std(address: &str, calls: usize, depth: usize) -> Run {
    async_std::task::block_on(by_hand(async_std::net::TcpStream::from(connect(address)), calls, depth))
}

fn hand_tokio(address: &str, calls: usize, depth: usize) -> Run {
    tokio_run(async {
        let socket = connect(address);
        socket.set_nonblocking(true).expect("a socket");
        let socket = tokio::net::TcpStream::from_std(socket).expect("a runtime");
        by_hand(BareTokio(socket), calls, depth).await
    })
}

/// The application as the loop around the engine: takes events out, keeps `depth` sends in flight.
struct Loop {
    client: Client,
    producer: ProducerId,
    message: Message,
    depth: usize,
    in_flight: usize,
    sent: usize,
    meter: Meter,
}

impl Loop {
    fn new(address: &str, calls: usize, depth: usize, clock: &driver::Clock) -> Self {
        let config = ClientConfig::new(address).expect("an address");
        let now = clock.now();
        let mut client = Client::new(config, driver::seed(), now, driver::unix_now()).expect("good");
        let producer = client.create_producer(ProducerConfig::new(head::GROUP), now).expect("running");
        let topic = client.topic(head::TOPIC).expect("a good name");
        let message = message(&topic);
        Self { client, producer, message, depth, in_flight: 0, sent: 0, meter: Meter::new(calls) }
    }

    /// False when all have ended.
    fn step(&mut self, clock: &driver::Clock) -> bool {
        while let Some(event) = self.client.poll_event() {
            if let Event::Sent { outcome, .. } = event {
                assert!(matches!(outcome, SendOutcome::Acknowledged(_)), "{outcome:?}");
                self.in_flight -= 1;
                self.meter.end(self.depth);
            }
        }
        let now = clock.now();
        while self.in_flight < self.depth && self.sent < self.meter.total() {
            let sent = self.client.send(self.producer, self.message.clone(), SendOptions::default(), now);
            sent.expect("room");
            self.in_flight += 1;
            self.sent += 1;
        }
        self.meter.ended < self.meter.total()
    }
}

fn message(topic: &rocketmq_engine::Topic) -> Message {
    let message = Message::builder(topic, Bytes::from(vec![b'x'; BODY])).tag("TagA").key("order-1");
    message.build().expect("good texts")
}

fn blocking_driver(address: &str, calls: usize, depth: usize) -> Run {
    let mut driver = blocking::BlockingDriver::new();
    let mut turn = Loop::new(address, calls, depth, driver.clock());
    while turn.step(driver.clock()) {
        driver.turn(&mut turn.client);
    }
    turn.meter.run(Some((driver.stats().reads(), driver.stats().writes())))
}

fn mio_driver(address: &str, calls: usize, depth: usize) -> Run {
    let mut poll = mio::Poll::new().expect("a poll");
    let mut ready = mio::Events::with_capacity(64);
    let registry = poll.registry().try_clone().expect("its registry");
    let mut driver = on_mio::MioDriver::new(registry, 1..1000);
    let mut turn = Loop::new(address, calls, depth, driver.clock());
    while turn.step(driver.clock()) {
        if driver.turn(&mut turn.client).events {
            continue;
        }
        poll.poll(&mut ready, driver.timeout()).expect("polled");
        for event in &ready {
            driver.handle_event(&mut turn.client, event);
        }
    }
    turn.meter.run(Some((driver.stats().reads(), driver.stats().writes())))
}

macro_rules! async_level {
    ($driver_level:ident, $handle_level:ident, $adapter:ident, $Driver:ident, $run:path) => {
        fn $driver_level(address: &str, calls: usize, depth: usize) -> Run {
            $run(async {
                let mut driver = $adapter::$Driver::new();
                let mut turn = Loop::new(address, calls, depth, driver.clock());
                while turn.step(driver.clock()) {
                    driver.turn(&mut turn.client).await;
                }
                turn.meter.run(Some((driver.stats().reads(), driver.stats().writes())))
            })
        }

        fn $handle_level(address: &str, calls: usize, depth: usize) -> Run {
            $run(async {
                let client = $adapter::Client::builder(address).build().expect("a client");
                let message = message(&client.topic(head::TOPIC).await.expect("a good name"));
                let producer = client.producer(head::GROUP).build().await.expect("a producer");
                let mut meter = Meter::new(calls);
                let mut pending = VecDeque::with_capacity(depth);
                for _ in 0..meter.total() {
                    if pending.len() == depth {
                        let send: $adapter::Pending = pending.pop_front().expect("full");
                        send.await.expect("acknowledged");
                        meter.end(depth);
                    }
                    pending.push_back(producer.send(message.clone()));
                }
                for send in pending {
                    send.await.expect("acknowledged");
                    meter.end(depth);
                }
                let stats = client.driver_stats();
                let run = meter.run(Some((stats.reads(), stats.writes())));
                drop(client.shutdown(Duration::from_secs(1)).await);
                run
            })
        }
    };
}

macro_rules! waiting_level {
    ($handle_level:ident, $adapter:ident) => {
        fn $handle_level(address: &str, calls: usize, depth: usize) -> Run {
            let client = $adapter::Client::builder(address).build().expect("a client");
            let message = message(&client.topic(head::TOPIC).expect("a good name"));
            let producer = client.producer(head::GROUP).build().expect("a producer");
            let mut meter = Meter::new(calls);
            let mut pending = VecDeque::with_capacity(depth);
            for _ in 0..meter.total() {
                if pending.len() == depth {
                    let send: $adapter::Pending = pending.pop_front().expect("full");
                    send.wait().expect("acknowledged");
                    meter.end(depth);
                }
                pending.push_back(producer.submit(message.clone()));
            }
            for send in pending {
                send.wait().expect("acknowledged");
                meter.end(depth);
            }
            let stats = client.driver_stats();
            let run = meter.run(Some((stats.reads(), stats.writes())));
            drop(client.shutdown(Duration::from_secs(1)));
            run
        }
    };
}

fn tokio_run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

async_level!(tokio_driver, tokio_handle, on_tokio, TokioDriver, tokio_run);
async_level!(async_std_driver, async_std_handle, on_async_std, AsyncStdDriver, async_std::task::block_on);
waiting_level!(blocking_handle, blocking);
waiting_level!(mio_handle, on_mio);

type Way = fn(&str, usize, usize) -> Run;

/// One line: what, how, and what is asked of it.
struct Line {
    name: &'static str,
    way: Way,
    /// The bare socket of the same runtime, and most times its median with one in flight.
    bare: usize,
    latency: Option<f64>,
    /// Least rate and most CPU against the client by hand, at 256 in flight.
    goal: Option<(f64, f64)>,
}

const fn hand(name: &'static str, way: Way) -> Line {
    Line { name, way, bare: 0, latency: None, goal: None }
}

const fn driver_level(name: &'static str, way: Way, bare: usize, rate: f64, cpu: f64) -> Line {
    Line { name, way, bare, latency: Some(1.15), goal: Some((rate, cpu)) }
}

const fn handle_level(name: &'static str, way: Way, bare: usize) -> Line {
    Line { name, way, bare, latency: Some(2.0), goal: Some((0.4, 2.5)) }
}

const LINES: [Line; 12] = [
    hand("by hand", hand_blocking),
    hand("by hand, mio", hand_mio),
    hand("by hand, async-std", hand_async_std),
    hand("by hand, tokio", hand_tokio),
    driver_level("blocking, driver level", blocking_driver, 0, 0.64, 1.5),
    driver_level("mio, driver level", mio_driver, 1, 0.64, 1.5),
    driver_level("async-std, driver level", async_std_driver, 2, 0.4, 2.5),
    driver_level("tokio, driver level", tokio_driver, 3, 0.4, 2.5),
    handle_level("blocking, handle level", blocking_handle, 0),
    handle_level("mio, handle level", mio_handle, 1),
    handle_level("async-std, handle level", async_std_handle, 2),
    handle_level("tokio, handle level", tokio_handle, 3),
];

/// Calls that have to share one read, and one write, with 256 in flight.
const SHARE: f64 = 16.0;
/// The least of the hand-written rate that blocking and mio reach at driver level: a floor, not the goal.
const FLOOR: f64 = 1.0 / 3.0;

/// The best of each measure over the rounds.
fn better(before: Option<Run>, run: Run) -> Run {
    let Some(before) = before else { return run };
    Run {
        rate: before.rate.max(run.rate),
        cpu: before.cpu.min(run.cpu),
        median: before.median.min(run.median),
        system_calls: run.system_calls,
    }
}

/// The best of some rounds of each line, taken in turn.
fn best_of(rounds: usize, address: &str, calls: usize, depth: usize) -> Vec<Option<Run>> {
    let mut best: Vec<Option<Run>> = vec![None; LINES.len()];
    for _ in 0..rounds {
        for (line, best) in LINES.iter().zip(&mut best) {
            *best = Some(better(*best, (line.way)(address, calls, depth)));
        }
    }
    best
}

/// Prints the table of all lines at 1, 16 and 256 in flight, each the best of some rounds, taken in turn.
pub fn case_15(quick: bool, missed: &mut Vec<String>) {
    let responder = Process::start();
    println!("\ncase 15: SEND 1 KiB over loopback, responder in another process");
    println!(
        "{:<26} {:>9} {:>10} {:>7} {:>8} {:>7} {:>9} {:>7} {:>7} {:>7}  goals",
        "", "in flight", "calls/s", "of hand", "us CPU", "of hand", "median us", "of bare", "reads", "writes"
    );
    for (depth, calls) in [(1, 4_000), (16, 40_000), (256, 200_000)] {
        let calls = if quick { calls / 10 } else { calls };
        let rounds = if quick { 1 } else { 5 };
        let best = || best_of(rounds, &responder.address, calls, depth);
        let best = if depth == 1 { apart(&responder, best) } else { best() };
        for (line, run) in LINES.iter().zip(&best) {
            if let (Some(run), Some(hand), Some(bare)) = (run, best[0], best[line.bare]) {
                show(line, depth, run, &hand, &bare, missed);
            }
        }
    }
}

fn show(line: &Line, depth: usize, run: &Run, hand: &Run, bare: &Run, missed: &mut Vec<String>) {
    let (rate, cpu, latency) = (run.rate / hand.rate, run.cpu / hand.cpu, run.median / bare.median);
    let (reads, writes) = run.system_calls.unwrap_or_default();
    let word = |held| if held { "held" } else { "not held" };
    let mut goals = String::new();
    if let (256, Some((least, most))) = (depth, line.goal) {
        goals = format!("rate >= {least} {}, CPU <= {most} {}", word(rate >= least), word(cpu <= most));
        if reads * SHARE > 1.0 || writes * SHARE > 1.0 {
            missed.push(format!("case 15, {}: {reads:.3} reads and {writes:.3} writes a call", line.name));
        }
    }
    if let (1, Some(most)) = (depth, line.latency) {
        goals = format!("median <= {most} of bare {}", word(latency <= most));
    }
    if depth == 256 && line.latency == Some(1.15) && line.bare < 2 {
        let _ = write!(goals, ", a third of the rate {}", word(rate >= FLOOR));
    }
    println!(
        "{:<26} {depth:>9} {:>10.0} {rate:>7.2} {:>8.2} {cpu:>7.2} {:>9.1} {:>7} {reads:>7.3} {writes:>7.3}  {goals}",
        line.name,
        run.rate,
        run.cpu,
        run.median,
        if depth == 1 { format!("{latency:.2}") } else { "-".to_owned() },
    );
}
