//! What the front pages promise: the run loop is one loop wherever it is shown, and what README names exists.

use std::path::Path;

const README: &str = include_str!("../../README.md");
const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");
const CRATE_DOCS: &str = include_str!("../../src/lib.rs");
const EXAMPLE: &str = include_str!("../../examples/custom_event_loop.rs");
const CI: &str = include_str!("../../.ci/run");
const ADAPTERS: &str = include_str!("../../adapters/Cargo.toml");

/// The run loop as a text shows it, from its `while` to the brace that ends it.
fn run_loop(text: &str) -> String {
    let plain = |line: &str| line.strip_prefix("//! ").unwrap_or(line).to_owned();
    let lines = text.lines().map(plain).skip_while(|line| !line.ends_with("while app.stopped.is_none() {"));
    let mut found = Vec::new();
    for line in lines {
        let ends = line == "    }";
        found.push(line);
        if ends {
            return found.join("\n");
        }
    }
    panic!("no run loop, or it does not end");
}

#[test]
fn the_run_loop_is_one_loop() {
    let loops = [run_loop(README), run_loop(CRATE_DOCS), run_loop(EXAMPLE)];
    assert!(loops[0].contains("poll_action") && loops[0].contains("handle_timeout"), "{}", loops[0]);
    assert_eq!(loops[0], loops[1], "README and the crate's documentation");
    assert_eq!(loops[1], loops[2], "the crate's documentation and examples/custom_event_loop.rs");
}

#[test]
fn every_relative_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut followed = 0;
    for (name, text) in [("README.md", README), ("CONTRIBUTING.md", CONTRIBUTING)] {
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            assert!(root.join(path).exists(), "{name} links to {path}, which is not there");
            followed += 1;
        }
    }
    assert!(followed >= 8, "only {followed} links were found");
}

#[test]
fn the_table_of_features_is_the_manifest() {
    let rows = README.lines().skip_while(|line| *line != "| feature | for | example |").skip(2);
    let named: Vec<&str> =
        rows.take_while(|row| row.starts_with("| `")).filter_map(|row| row.split('`').nth(1)).collect();
    assert!(named.len() >= 5, "{named:?}");
    for feature in named {
        assert!(ADAPTERS.contains(&format!("\n{feature} = [")), "rocketmq-io has no feature {feature}");
    }
}

/// A command that is not tried is a command that rots: each of README's is run by `.ci/run`, or is `.ci/run`.
#[test]
fn ci_runs_the_commands_of_the_readme() {
    let console = README.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let commands: Vec<&str> =
        console.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    for command in commands {
        let run = match command {
            "cargo test --workspace" => CI.contains("show cargo test --workspace"),
            // The same program, with fewer messages and each adapter; a real cluster is the suite's own.
            quickstart if quickstart.starts_with("cargo run --release --example quickstart") => {
                CI.contains("target/release/examples/quickstart --adapter")
            }
            other => panic!("README has a command CI knows nothing of: {other}"),
        };
        assert!(run, "{command} is not run by .ci/run");
    }
}
