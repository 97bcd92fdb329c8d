//! T3: a request cut at every byte of it and of its answer. What was applied and what was answered never contradict
//! what the client says.

use rocketmq_testkit::sim::{Subject, sweep};

fn sweep_all(subject: Subject) {
    let sweep = sweep(subject);
    println!("{subject:?}: {} runs, bytes {:?}", sweep.runs, sweep.bytes);
    assert!(sweep.bytes.0 > 50 && sweep.bytes.1 > 20, "{subject:?} was not cut: {:?}", sweep.bytes);
    let first = sweep.failures.first().map(|(plan, what)| format!("{what}\n{plan}"));
    assert_eq!(first, None, "{subject:?}: {} of {} runs failed", sweep.failures.len(), sweep.runs);
}

#[test]
fn send() {
    sweep_all(Subject::Send);
}

#[test]
fn pull() {
    sweep_all(Subject::Pull);
}

#[test]
fn offset_commit() {
    sweep_all(Subject::Commit);
}

#[test]
fn send_back() {
    sweep_all(Subject::SendBack);
}

#[test]
fn heartbeat() {
    sweep_all(Subject::Heartbeat);
}

#[test]
fn route_query() {
    sweep_all(Subject::Route);
}
