//! Cells, how they ended, the table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rocketmq_testkit::scenario::Scenario;

use crate::runners::Runner;

/// A scenario by a runner on a cluster.
#[derive(Clone)]
pub(crate) struct Cell {
    pub(crate) scenario: &'static Scenario,
    pub(crate) runner: &'static str,
    pub(crate) run: Runner,
    pub(crate) cluster: String,
}

impl Cell {
    pub(crate) fn name(&self) -> String {
        format!("{}@{}@{}", self.scenario.name, self.runner, self.cluster)
    }
}

/// How a cell ended.
pub(crate) enum Ended {
    Well(Duration),
    Badly(String),
    /// The combination cannot do it, for this reason.
    Cannot(String),
}

/// What was played where.
#[derive(Default)]
pub(crate) struct Table<'a> {
    cells: BTreeMap<String, (&'a Cell, Ended)>,
}

impl<'a> Table<'a> {
    pub(crate) fn note(&mut self, cell: &'a Cell, ended: Ended) {
        self.cells.insert(cell.name(), (cell, ended));
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = (&Cell, &str)> {
        self.cells.values().filter_map(|(cell, ended)| match ended {
            Ended::Badly(failed) => Some((*cell, failed.as_str())),
            _ => None,
        })
    }

    /// Whether every cell has its entry.
    pub(crate) fn is_complete(&self, cells: &[Cell]) -> bool {
        let missing: Vec<String> =
            cells.iter().map(Cell::name).filter(|name| !self.cells.contains_key(name)).collect();
        for name in &missing {
            println!("NOT PLAYED {name}");
        }
        missing.is_empty()
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runners: Vec<&str> = Vec::new();
        let mut rows: Vec<&str> = Vec::new();
        for (cell, _) in self.cells.values() {
            if !runners.contains(&cell.runner) {
                runners.push(cell.runner);
            }
            if !rows.contains(&cell.scenario.name) {
                rows.push(cell.scenario.name);
            }
        }
        let width = rows.iter().map(|name| name.len()).max().unwrap_or_default();
        write!(f, "{:width$}", "seconds")?;
        runners.iter().try_for_each(|runner| write!(f, " {runner:>9}"))?;
        writeln!(f)?;
        for row in rows {
            let of_row = |runner: &&str| {
                self.cells.values().find(|(cell, _)| cell.scenario.name == row && cell.runner == *runner)
            };
            let found: Vec<_> = runners.iter().map(of_row).collect();
            write!(f, "{row:width$}")?;
            for cell in &found {
                let text = match cell.map(|(_, ended)| ended) {
                    Some(Ended::Well(took)) => format!("{:.1}", took.as_secs_f64()),
                    Some(Ended::Badly(_)) => "FAILED".into(),
                    Some(Ended::Cannot(_)) => "cannot".into(),
                    None => String::new(),
                };
                write!(f, " {text:>9}")?;
            }
            let reason = found.iter().flatten().find_map(|(_, ended)| match ended {
                Ended::Cannot(reason) => Some(reason.as_str()),
                _ => None,
            });
            writeln!(f, "{}", reason.map(|reason| format!("  {reason}")).unwrap_or_default())?;
        }
        Ok(())
    }
}
