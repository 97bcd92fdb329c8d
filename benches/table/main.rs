//! `cargo bench`: the cases of the performance plan with their floors beside them, in one process, in one table.
//!
//! | room | cases |
//! |---|---|
//! | `head` | 1-3: heads of a send and of its answer |
//! | `pull` | 4-8: pull bodies, properties, checksums, body sizes |
//! | `stream` | 9: frames in streams of all shapes |
//! | `signed` | 10: a send signed for access control |
//! | `turn` | 11-13: a send and its answer through the whole engine, without sockets; the same grown; idle |
//! | `steps` | 13: the longest step beside 10,000 queues
//! | `memory` | 14: memory, counted; `tests/alloc_engine.rs` asserts it |
//! | `sockets` | 15: adapters on loopback, beside a client written by hand |
//! | `responder` | the peer of cases 11 and 15 |
//! | `record` | runs kept in files, and two side by side |
//! | `plot` | growth curves as SVG |
//! | `floor` | the least work for the same bytes, by hand |
//! | `measure` | time as ratios of interleaved minima, allocations, instructions |
//!
//! `cargo bench -- --quick` is a look in seconds without instructions; `cargo bench -- 4 5` runs some cases;
//! `cargo bench -- --gates` counts instructions, allocations and bytes, and fails if a gate is missed;
//! `cargo bench -- --save FILE` keeps what was found, `cargo bench -- --compare FILE` puts it beside this run,
//! `cargo bench -- --plot DIRECTORY` draws what grows.

#![allow(unreachable_pub)] // a program: nothing of it is reached from elsewhere

mod floor;
mod head;
mod measure;
mod memory;
mod plot;
mod pull;
mod record;
mod responder;
mod signed;
mod sockets;
mod steps;
mod stream;
mod turn;

use std::collections::BTreeMap;
use std::env;
use std::fmt::Display;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

use measure::{Bench, Cost, Effort, compare, has_valgrind, instructions};
use record::Row;

/// The lines of a case, made when they are needed.
type Lines = fn() -> Vec<Bench>;

const CASES: [(u32, Lines); 13] = [
    (1, head::case_1),
    (2, head::case_2),
    (3, head::case_3),
    (4, pull::case_4),
    (5, pull::case_5),
    (6, pull::case_6),
    (7, pull::case_7),
    (8, pull::case_8),
    (9, stream::case_9),
    (10, signed::case_10),
    (11, turn::case_11),
    (12, turn::case_12),
    (13, turn::case_13),
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "--work") {
        return work(&arguments);
    }
    if arguments.first().is_some_and(|first| first == "--responder") {
        return responder::serve();
    }
    let flag = |name: &str| arguments.iter().any(|argument| argument == name);
    let before = file_after(&arguments, "--compare").map(|path| told(record::load(&path)));
    let (gates, quick) = (flag("--gates"), flag("--quick"));
    let wanted: Vec<u32> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let counting = (gates || !quick) && has_valgrind();
    if !counting {
        println!(
            "instructions are not counted: {}",
            if has_valgrind() { "a quick look" } else { "valgrind is not installed" }
        );
    }
    let effort = if quick {
        Effort { rounds: 5, round: Duration::from_micros(500), instructions: counting }
    } else if gates {
        Effort { rounds: 1, round: Duration::from_micros(100), instructions: counting }
    } else {
        Effort { rounds: 31, round: Duration::from_millis(2), instructions: counting }
    };
    println!(
        "{:>4}  {:<42} {:>10} {:>10} {:>6} {:>5} {:>9} {:>9} {:>6} {:>6} {:>4}  held",
        "case",
        "one operation",
        "ours ns",
        "floor ns",
        "ratio",
        "goal",
        "ours Ir",
        "floor Ir",
        "gate",
        "allocs",
        "gate"
    );
    let mut missed = Vec::new();
    let (mut smallest, mut rows) = (BTreeMap::new(), Vec::new());
    for (case, lines) in CASES {
        if wanted.is_empty() || wanted.contains(&case) {
            for (index, bench) in lines().into_iter().enumerate() {
                rows.push(line(bench, index, effort, &mut smallest, &mut missed));
            }
        }
    }
    println!(
        "\nns: least of {} rounds, ours and floor in turn; Ir: instructions by callgrind; allocs: of one call",
        effort.rounds
    );
    if let Some(before) = before {
        println!("\n{}", record::beside(&before, &rows));
    }
    if let Some(path) = file_after(&arguments, "--save") {
        told(record::save(&path, &rows));
    }
    if let Some(directory) = file_after(&arguments, "--plot") {
        told(plot::draw(&directory, &rows));
    }
    if !gates && (wanted.is_empty() || wanted.contains(&13)) {
        longest_step();
    }
    if wanted.is_empty() || wanted.contains(&14) {
        case_14(&mut missed);
    }
    if !gates && (wanted.is_empty() || wanted.contains(&15)) {
        sockets::case_15(quick, &mut missed);
    }
    if missed.is_empty() {
        let uncounted = if counting { "" } else { ", instructions aside: they were not counted" };
        println!("every gate holds{uncounted}");
    } else {
        println!("gates missed:\n  {}", missed.join("\n  "));
        if gates {
            std::process::exit(1);
        }
    }
}

/// The file named behind an option.
fn file_after(arguments: &[String], option: &str) -> Option<PathBuf> {
    let at = arguments.iter().position(|argument| argument == option)?;
    let Some(path) = arguments.get(at + 1) else {
        eprintln!("{option} wants a file");
        std::process::exit(2);
    };
    Some(PathBuf::from(path))
}

/// What was asked for, or the end with a word about why not.
fn told<T, E: Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(2);
    })
}

/// Instructions of the first line that grows with something, by what that is.
type Smallest = BTreeMap<&'static str, f64>;

fn line(
    mut bench: Bench,
    index: usize,
    effort: Effort,
    smallest: &mut Smallest,
    missed: &mut Vec<String>,
) -> Row {
    let (mut ours, mut floor) = compare(&mut bench, effort);
    if effort.instructions {
        ours.instructions = instructions(&bench, index, "ours");
        if let Some(floor) = &mut floor {
            floor.instructions = instructions(&bench, index, "floor");
        }
    }
    if effort.instructions && ours.instructions.is_none() {
        missed.push(format!("case {}, {}: its instructions could not be counted", bench.case, bench.what));
    }
    if let (Some((of, most)), Some(found)) = (bench.growth, ours.instructions) {
        bench.gate_instructions = Some(most * *smallest.entry(of).or_insert(found));
    }
    let ratio = floor.map(|floor| ours.nanos / floor.nanos);
    let held = verdict(&bench, ours, ratio, missed);
    println!(
        "{:>4}  {:<42} {:>10.1} {:>10} {:>6} {:>5} {:>9} {:>9} {:>6} {:>6} {:>4}  {held}",
        bench.case,
        bench.what,
        ours.nanos,
        number(floor.map(|floor| floor.nanos), 1),
        number(ratio, 2),
        number(bench.goal, 2),
        number(ours.instructions, 0),
        number(floor.and_then(|floor| floor.instructions), 0),
        number(bench.gate_instructions, 0),
        ours.allocations,
        bench.gate_allocations.map_or("-".to_owned(), |gate| gate.to_string()),
    );
    Row {
        name: format!("{} {}", bench.case, bench.what),
        nanos: ours.nanos,
        ratio,
        instructions: ours.instructions,
        allocations: ours.allocations as f64,
    }
}

/// A time, and so no gate.
fn longest_step() {
    let steps::Longest { steps, nanos, at } = steps::longest();
    let (longest, goal) = (nanos as f64 / 1e6, if nanos <= 1_000_000 { "goal" } else { "not goal" });
    println!(
        "\ncase 13, 10,000 queues at 200 brokers: the longest of {steps} steps took {longest:.3} ms, {:.1} s after the \
         start; 1 ms: {goal}",
        at.as_secs_f64()
    );
}

fn case_14(missed: &mut Vec<String>) {
    println!("\n{:<50} {:>8} {:>6}  held", "case 14, memory", "bytes", "gate");
    for memory::Figure { what, bytes, gate } in memory::figures() {
        let held = gated(&format!("case 14, {what}, bytes"), bytes as f64, gate as f64, missed);
        println!("{what:<50} {bytes:>8} {gate:>6}  {held}bytes");
    }
}

/// A word about a gate; one that is missed is added to `missed`.
fn gated(name: &str, found: f64, gate: f64, missed: &mut Vec<String>) -> &'static str {
    if found <= gate {
        return "";
    }
    missed.push(format!("{name}: {found:.0}, {gate:.0} allowed"));
    "NOT "
}

fn verdict(bench: &Bench, ours: Cost, ratio: Option<f64>, missed: &mut Vec<String>) -> String {
    let mut words = Vec::new();
    let mut check = |unit: &str, found: Option<f64>, gate: Option<f64>| {
        if let (Some(found), Some(gate)) = (found, gate) {
            let name = format!("case {}, {}, {unit}", bench.case, bench.what);
            words.push(format!("{}{unit}", gated(&name, found, gate, missed)));
        }
    };
    check("allocs", Some(ours.allocations as f64), bench.gate_allocations.map(|gate| gate as f64));
    check("Ir", ours.instructions, bench.gate_instructions);
    if let (Some(goal), Some(ratio)) = (bench.goal, ratio) {
        words.push(if ratio <= goal { "goal" } else { "not goal" }.to_owned());
    }
    words.join(", ")
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.decimals$}"))
}

/// `--work CASE INDEX ours|floor|apart CALLS`: only the work, for callgrind to count.
fn work(arguments: &[String]) {
    let [_, case, index, side, calls] = arguments else { return };
    let number = |text: &String| text.parse::<u64>().unwrap_or_default();
    let Some((_, lines)) = CASES.iter().find(|(number_of, _)| u64::from(*number_of) == number(case)) else {
        return;
    };
    let Some(bench) = lines().into_iter().nth(number(index) as usize) else { return };
    let work = match side.as_str() {
        "ours" => Some(bench.ours),
        "apart" => bench.apart,
        _ => bench.floor,
    };
    let Some(mut work) = work else { return };
    for _ in 0..number(calls) {
        black_box(work());
    }
}
