//! The tables of README.md are complete, and every name in them exists.

use std::path::Path;

use rocketmq_testkit::scenario;
use rocketmq_testkit::sim::Bug;

const README: &str = include_str!("README.md");
/// Numbers of known bugs that are not in use.
const UNUSED: [u32; 8] = [7, 12, 17, 26, 33, 49, 51, 65];

/// Rows below a title: their cells.
fn rows(title: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = README.split_once(title).expect("a title");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let lines = section.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    lines.skip(1).map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// Names in a cell: between back-ticks.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn exists(name: &str) -> bool {
    let Some((place, item)) = name.split_once("::") else { return false };
    if place == "Bug" {
        return Bug::ALL.iter().any(|(bug, _)| format!("{bug:?}") == item);
    }
    if !place.contains('/') {
        return scenario::all().iter().any(|scenario| scenario.name == name);
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
    let text = std::fs::read_to_string(file).unwrap_or_default();
    [format!("fn {item}("), format!("fn {item}<")].iter().any(|wanted| text.contains(wanted))
}

fn check(row: &[&str]) {
    let what = row[0];
    let cells = &row[1..];
    let any = cells.iter().flat_map(|cell| names(cell)).count() > 0;
    assert!(
        any || cells.iter().any(|cell| cell.contains("waits for: ")),
        "{what}: neither a test nor a feature"
    );
    for name in cells.iter().flat_map(|cell| names(cell)) {
        assert!(exists(name), "{what}: there is no {name}");
    }
}

#[test]
fn every_invariant_is_judged_or_waits_for_its_feature() {
    let rows = rows("## Invariants");
    assert_eq!(rows.len(), 33);
    for (index, row) in rows.iter().enumerate() {
        assert!(row[0].starts_with(&format!("I{} ", index + 1)), "{}", row[0]);
        check(row);
    }
    for (bug, invariant) in Bug::ALL {
        let row = rows.iter().find(|row| row[0].starts_with(&format!("{invariant} "))).expect("a row");
        assert!(row[2].contains(&format!("`Bug::{bug:?}`")), "{bug:?} is not in the row of {invariant}");
    }
}

#[test]
fn every_known_bug_has_its_test_or_waits_for_its_feature() {
    let rows = rows("## Bugs that other clients had");
    let numbers: Vec<u32> = rows.iter().map(|row| row[0].parse().expect("a number")).collect();
    let wanted: Vec<u32> = (1..=72).filter(|number| !UNUSED.contains(number)).collect();
    assert_eq!(numbers, wanted);
    for row in &rows {
        check(row);
    }
}

#[test]
fn a_name_that_does_not_exist_is_noticed() {
    for wrong in
        ["tests/simulation/tables.rs::no_such_test", "outage::no_such_scenario", "Bug::NoSuchBug", "words"]
    {
        assert!(!exists(wrong), "{wrong}");
    }
}
