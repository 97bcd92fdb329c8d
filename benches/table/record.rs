//! Runs kept in files, and two of them side by side.
//!
//! A file has a line for each line of the table: its name, nanoseconds, times of the floor, instructions,
//! allocations, with tabs between and `-` for what was not measured.

use std::fs;
use std::io;
use std::path::Path;

/// What was found in one line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Case and operation.
    pub name: String,
    pub nanos: f64,
    pub ratio: Option<f64>,
    pub instructions: Option<f64>,
    pub allocations: f64,
}

impl Row {
    fn write(&self) -> String {
        let cell = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
        let Self { name, nanos, ratio, instructions, allocations } = self;
        format!("{name}\t{nanos}\t{}\t{}\t{allocations}\n", cell(*ratio), cell(*instructions))
    }

    fn read(line: &str) -> Option<Self> {
        let cell = |text: &str| if text == "-" { Some(None) } else { text.parse().ok().map(Some) };
        let [name, nanos, ratio, instructions, allocations] = line.split('\t').collect::<Vec<_>>()[..] else {
            return None;
        };
        Some(Self {
            name: name.to_owned(),
            nanos: nanos.parse().ok()?,
            ratio: cell(ratio)?,
            instructions: cell(instructions)?,
            allocations: allocations.parse().ok()?,
        })
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Keeps a run.
pub fn save(path: &Path, rows: &[Row]) -> io::Result<()> {
    fs::write(path, rows.iter().map(Row::write).collect::<String>()).map_err(|error| named(path, &error))
}

/// A run that was kept.
pub fn load(path: &Path) -> io::Result<Vec<Row>> {
    let text = fs::read_to_string(path).map_err(|error| named(path, &error))?;
    let row = |(number, line): (usize, &str)| {
        let wrong = || format!("{}:{}: not a line that --save writes", path.display(), number + 1);
        Row::read(line).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, wrong()))
    };
    text.lines().enumerate().map(row).collect()
}

/// Both runs in one table: what was, what is, and how many times that is. Of times only those of the floor are
/// compared, since the machine may be another one or busier.
pub fn beside(before: &[Row], now: &[Row]) -> String {
    let mut out = vec![format!(
        "{:<50} {:>9} {:>9} {:>6}   {:>6} {:>6} {:>6}   {:>6} {:>6}",
        "then, now", "Ir", "Ir", "times", "ratio", "ratio", "times", "allocs", "allocs"
    )];
    for row in now {
        let Some(old) = before.iter().find(|old| old.name == row.name) else {
            out.push(format!("{:<50} new", row.name));
            continue;
        };
        let cell = |value: Option<f64>, decimals: usize| crate::number(value, decimals);
        let times = |old: Option<f64>, new: Option<f64>| {
            cell(old.zip(new).filter(|(old, _)| *old > 0.0).map(|(old, new)| new / old), 2)
        };
        out.push(format!(
            "{:<50} {:>9} {:>9} {:>6}   {:>6} {:>6} {:>6}   {:>6} {:>6}",
            row.name,
            cell(old.instructions, 0),
            cell(row.instructions, 0),
            times(old.instructions, row.instructions),
            cell(old.ratio, 2),
            cell(row.ratio, 2),
            times(old.ratio, row.ratio),
            old.allocations,
            row.allocations,
        ));
    }
    for old in before.iter().filter(|old| now.iter().all(|row| row.name != old.name)) {
        out.push(format!("{:<50} not measured now", old.name));
    }
    out.join("\n")
}
