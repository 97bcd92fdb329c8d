//! Measuring: minima of interleaved rounds, exact allocations, instructions by callgrind.
//!
//! Time on a shared machine says little; the ratio of two minima, taken turn and turn about in one process, says
//! how far one is from the other. Instructions are the same on any machine, and are what gates are made of.

use std::env;
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One side of a comparison: does the work of one call and returns something that depends on it.
pub type Work = Box<dyn FnMut() -> u64>;

/// One line of the table.
pub struct Bench {
    /// Number of the case in the performance plan.
    pub case: u32,
    /// What is done.
    pub what: &'static str,
    /// Operations in one call: messages of a batch, frames of a stream.
    pub per: u64,
    /// Ours.
    pub ours: Work,
    /// The least work for the same bytes, by hand.
    pub floor: Option<Work>,
    /// What both sides do that is neither's: its instructions are taken off both. Times have it in them.
    pub apart: Option<Work>,
    /// Most allocations in one call.
    pub gate_allocations: Option<u64>,
    /// Most instructions of one operation.
    pub gate_instructions: Option<f64>,
    /// Most times the floor's time.
    pub goal: Option<f64>,
    /// Most times the instructions of the first line that grows with the same thing.
    pub growth: Option<(&'static str, f64)>,
    /// Calls that callgrind counts; `None` for the usual number.
    pub calls: Option<u64>,
}

impl Bench {
    /// A line with one operation a call, without gates or goal.
    pub fn new(case: u32, what: &'static str, ours: Work, floor: Option<Work>) -> Self {
        Self {
            case,
            what,
            per: 1,
            ours,
            floor,
            apart: None,
            gate_allocations: None,
            gate_instructions: None,
            goal: None,
            growth: None,
            calls: None,
        }
    }

    /// Takes the instructions of `work` off both sides.
    pub fn without(mut self, work: Work) -> Self {
        self.apart = Some(work);
        self
    }

    /// So many operations in one call.
    pub fn per(mut self, count: u64) -> Self {
        self.per = count;
        self
    }

    /// Gates: allocations of a call, instructions of an operation.
    pub fn gate(mut self, allocations: Option<u64>, instructions: Option<f64>) -> Self {
        self.gate_allocations = allocations;
        self.gate_instructions = instructions;
        self
    }

    /// Gate: times the instructions of the first line that grows with `of`.
    pub fn grows(mut self, of: &'static str, ratio: f64) -> Self {
        self.growth = Some((of, ratio));
        self
    }

    /// Instructions are counted over so many calls.
    pub fn counted(mut self, calls: u64) -> Self {
        self.calls = Some(calls);
        self
    }

    /// Goal: times the floor.
    pub fn goal(mut self, ratio: f64) -> Self {
        self.goal = Some(ratio);
        self
    }
}

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Rounds of each side.
    pub rounds: u32,
    /// Time of one round.
    pub round: Duration,
    /// Whether to count instructions.
    pub instructions: bool,
}

/// What was measured of one side, per operation.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    /// Least nanoseconds.
    pub nanos: f64,
    /// Instructions.
    pub instructions: Option<f64>,
    /// Allocations of a whole call.
    pub allocations: u64,
}

/// Both sides, in turn. Instructions are counted elsewhere.
pub fn compare(bench: &mut Bench, effort: Effort) -> (Cost, Option<Cost>) {
    let mut ours = Side::prepare(&mut bench.ours, effort.round);
    let mut floor = bench.floor.as_mut().map(|work| Side::prepare(work, effort.round));
    for _ in 0..effort.rounds {
        ours.round();
        if let Some(floor) = &mut floor {
            floor.round();
        }
    }
    (ours.cost(bench.per), floor.map(|floor| floor.cost(bench.per)))
}

struct Side<'a> {
    work: &'a mut Work,
    calls: u32,
    least: f64,
    allocations: u64,
}

impl<'a> Side<'a> {
    fn prepare(work: &'a mut Work, round: Duration) -> Self {
        // Warm-up: buffers grow, branches are learnt.
        for _ in 0..20 {
            black_box(work());
        }
        let allocations = allocation_counter::measure(|| {
            black_box(work());
        });
        let begin = Instant::now();
        let mut calls = 0_u32;
        while begin.elapsed() < round {
            black_box(work());
            calls += 1;
        }
        Self { work, calls, least: f64::INFINITY, allocations: allocations.count_total }
    }

    fn round(&mut self) {
        let begin = Instant::now();
        for _ in 0..self.calls {
            black_box((self.work)());
        }
        self.least = self.least.min(begin.elapsed().as_nanos() as f64 / f64::from(self.calls));
    }

    fn cost(&self, per: u64) -> Cost {
        Cost { nanos: self.least / per as f64, instructions: None, allocations: self.allocations }
    }
}

/// Instructions of one operation: this program runs the work `n` and `2n` times under callgrind, and the
/// difference is what `n` calls take. `None` without valgrind.
pub fn instructions(bench: &Bench, index: usize, side: &str) -> Option<f64> {
    let (case, per) = (bench.case, bench.per);
    let calls = bench.calls.unwrap_or((2000 / per).max(20));
    let total = |side: &str, calls: u64| -> Option<u64> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(env::current_exe().ok()?)
            .args(["--work", &case.to_string(), &index.to_string(), side, &calls.to_string()])
            .stdin(Stdio::null())
            .output()
            .ok()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = said.lines().find(|line| line.contains("Collected :"))?;
        line.split_whitespace().last()?.parse().ok()
    };
    let of = |side: &str| -> Option<f64> {
        let (once, twice) = (total(side, calls)?, total(side, 2 * calls)?);
        Some(twice.saturating_sub(once) as f64 / (calls * per) as f64)
    };
    Some(of(side)? - if bench.apart.is_some() { of("apart")? } else { 0.0 })
}

/// Whether instructions can be counted here.
pub fn has_valgrind() -> bool {
    let found = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}
