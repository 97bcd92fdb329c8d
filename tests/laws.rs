//! The laws of `docs/ARCHITECTURE.md` that the text of the code can be held to. The table there names the tests that
//! hold it to the others.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// The Rust files below a folder, with their text.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            match path.extension() {
                _ if path.is_dir() => walk(&path, out),
                Some(extension) if extension == "rs" => out.push(path),
                _ => {}
            }
        }
    }
    let mut paths = Vec::new();
    walk(&root().join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "{folder} is empty");
    paths
        .into_iter()
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("text")))
        .collect()
}

/// The code of a file: no comments, no unit tests (they stand at the end).
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn engine() -> impl Iterator<Item = (String, String)> {
    let tests = |path: &String| path.contains("/tests/");
    sources("src").into_iter().filter(move |(path, _)| !tests(path)).map(|(path, text)| (path, code(&text)))
}

fn forbid(words: &[&str]) {
    for (path, code) in engine() {
        for word in words {
            assert!(!code.contains(word), "{path} names `{word}`");
        }
    }
}

#[test]
fn law_1_the_engine_can_name_no_socket_clock_or_thread() {
    let front = fs::read_to_string(root().join("src/lib.rs")).expect("text");
    assert!(front.contains("#![no_std]"));
    assert!(!front.contains("extern crate std"));
    forbid(
        &["std::", "println!", "eprintln!", "dbg!"].map(|word| if word == "std::" { " std::" } else { word }),
    );
}

#[test]
fn law_1_arrows_point_one_way() {
    for (path, code) in engine() {
        let room = if path.contains("src/wire/") {
            &["crate::connection", "crate::client", "crate::config", "crate::error"][..]
        } else if path.contains("src/connection/") {
            &["crate::client", "crate::config", "wire::message", "wire::body"][..]
        } else {
            &["rocketmq_io", "rocketmq_testkit"][..]
        };
        for arrow in room {
            assert!(!code.contains(arrow), "{path} names {arrow}");
        }
    }
}

#[test]
fn law_2_time_and_randomness_are_arguments() {
    forbid(&["Instant::now", "SystemTime", "getrandom", "rand::", "thread_rng", "RandomState"]);
}

#[test]
fn law_12_nothing_is_kept_that_cannot_be_cloned_digested_and_replayed() {
    forbid(&[
        "Box<dyn Fn",
        "Arc<dyn Fn",
        "dyn FnMut",
        "dyn FnOnce",
        "Rc<",
        "RefCell",
        "HashMap",
        "HashSet",
        "AtomicU64",
    ]);
}

/// Law 9, as recordings need it: whatever changes a client is written down.
#[test]
fn law_9_every_call_that_changes_a_client_is_recorded() {
    // Recording itself, and what hands over to one that records.
    const BESIDE: [&str; 4] = ["poll_record", "stop_recording", "send", "send_oneway"];
    let mut seen = 0;
    for file in ["src/client/mod.rs", "src/client/commands.rs"] {
        let text = code(&fs::read_to_string(root().join(file)).expect("text"));
        for call in text.split("\n    pub fn ").skip(1) {
            let body = call.split("\n    }\n").next().unwrap_or_default();
            let name = body.split('(').next().unwrap_or_default();
            let head = body.split('{').next().unwrap_or_default();
            if head.contains("&mut self") && !BESIDE.contains(&name) {
                let recorded = ["record!(", "record_output!("].iter().any(|how| body.contains(how));
                assert!(recorded, "{file}: {name} is not recorded");
                seen += 1;
            }
        }
    }
    assert!(seen >= 23, "{seen} calls were looked at");
}

#[test]
fn no_crate_has_unsafe_code() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("text");
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    for member in ["adapters", "testkit", "tests/apache"] {
        let manifest = fs::read_to_string(root().join(member).join("Cargo.toml")).expect("text");
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{member} does not take the workspace's lints"
        );
    }
}

#[test]
fn a_file_fits_into_a_head() {
    // Tables of the protocol's numbers are looked up, not read.
    let tables = ["src/wire/codes.rs"];
    for folder in ["src", "adapters", "testkit", "examples", "benches"] {
        for (path, text) in sources(folder).into_iter().filter(|(path, _)| !path.contains("/target/")) {
            let lines = text.lines().count();
            assert!(
                lines <= 620 || tables.iter().any(|table| path.ends_with(table)),
                "{path} has {lines} lines"
            );
        }
    }
}

#[test]
fn every_action_is_known_to_every_loop() {
    let action = fs::read_to_string(root().join("src/client/action.rs")).expect("text");
    let at = action.find("pub enum Action").expect("the enum");
    assert!(
        !action[at.saturating_sub(120)..at].contains("non_exhaustive"),
        "a new action must break every loop"
    );
    for path in ["src/lib.rs", "README.md", "examples/custom_event_loop.rs"] {
        let text = fs::read_to_string(root().join(path)).expect("text");
        for kind in ["Action::Connect", "Action::Write", "Action::SetRead", "Action::Close", "Action::Wait"] {
            assert!(text.contains(kind), "{path} does not handle {kind}");
        }
    }
}

#[test]
fn every_room_has_a_map() {
    for (path, text) in sources("src") {
        assert!(text.starts_with("//!"), "{path} does not say what it is");
    }
}

#[test]
fn the_tests_that_hold_the_laws_exist() {
    let page = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the page of laws");
    let mut code = String::new();
    for folder in ["src", "tests"] {
        for (_, text) in sources(folder) {
            code.push_str(&text);
        }
    }
    let mut named = 0;
    for word in page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
    {
        let words = word.split('_').count();
        if words >= 4 {
            assert!(
                code.contains(&format!("fn {word}(")) || code.contains(&format!("{word}:")),
                "no test or field {word}"
            );
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}
