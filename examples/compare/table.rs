//! The table of medians.

use std::collections::BTreeMap;
use std::fmt;

use crate::args::{Case, Client};
use crate::work::Outcome;

#[derive(Default)]
pub(crate) struct Table {
    /// In the order the cases came.
    cases: Vec<Case>,
    outcomes: BTreeMap<(usize, Client), Vec<Outcome>>,
}

impl Table {
    pub(crate) fn note(&mut self, case: &Case, client: Client, outcome: Outcome) {
        let index = self.cases.iter().position(|known| known == case).unwrap_or_else(|| {
            self.cases.push(case.clone());
            self.cases.len() - 1
        });
        self.outcomes.entry((index, client)).or_default().push(outcome);
    }
}

fn median(outcomes: &[Outcome], of: impl Fn(&Outcome) -> f64) -> f64 {
    let mut values: Vec<f64> = outcomes.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, case) in self.cases.iter().enumerate() {
            writeln!(f, "{case}")?;
            writeln!(
                f,
                "  {:<14} {:>9} {:>22} {:>9} {:>7} {:>7} {:>8} {:>9} {:>9} {:>9} {:>10}",
                "",
                "msg/s",
                "CPU us min/med/max",
                "of raw",
                "user",
                "system",
                "p50 us",
                "p99 us",
                "peak MiB",
                "unsettled",
                "broker us"
            )?;
            let cpu = |outcome: &Outcome| outcome.user + outcome.system;
            let raw = self.outcomes.get(&(index, Client::Raw)).map(|outcomes| median(outcomes, cpu));
            for ((_, client), outcomes) in self.outcomes.iter().filter(|((at, _), _)| *at == index) {
                let all = outcomes.iter().map(cpu);
                let (least, most) = (all.clone().fold(f64::INFINITY, f64::min), all.fold(0.0, f64::max));
                let middle = median(outcomes, cpu);
                writeln!(
                    f,
                    "  {client:<14} {:>9.0} {:>22} {:>9} {:>7.2} {:>7.2} {:>8.0} {:>9.0} {:>9.1} {:>9.1} {:>10.1}",
                    median(outcomes, |o| o.rate),
                    format!("{least:.2} / {middle:.2} / {most:.2}"),
                    raw.map_or("-".into(), |raw| format!("{:.2}", middle / raw)),
                    median(outcomes, |o| o.user),
                    median(outcomes, |o| o.system),
                    median(outcomes, |o| o.p50),
                    median(outcomes, |o| o.p99),
                    median(outcomes, |o| o.peak),
                    median(outcomes, |o| o.unsettled),
                    median(outcomes, |o| o.broker),
                )?;
            }
        }
        Ok(())
    }
}
