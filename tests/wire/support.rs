//! Loading vectors, counting their lines.

use rocketmq_engine::wire::message::{MessageView, StoredFields};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Where the vectors are.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

thread_local! {
    static VISITED: RefCell<BTreeMap<String, BTreeSet<usize>>> = RefCell::default();
}

/// Notes that a test of this thread has been given a line.
fn visit(file: &str, line: usize) {
    VISITED.with_borrow_mut(|visited| visited.entry(file.to_owned()).or_default().insert(line));
}

/// Lines given to the tests of this thread so far, by file.
pub(crate) fn visited() -> BTreeMap<String, BTreeSet<usize>> {
    VISITED.with_borrow(Clone::clone)
}

/// The lines of a vector file. A line counts as visited when it is taken.
pub(crate) struct Vectors {
    file: String,
    lines: Vec<Value>,
}

/// The lines of a vector file.
pub(crate) fn vectors(name: &str) -> Vectors {
    let file = format!("{name}.jsonl");
    let path = root().join(&file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty());
    Vectors { file, lines }
}

impl Vectors {
    /// The first line, not counted.
    pub(crate) fn first(&self) -> &Value {
        &self.lines[0]
    }
}

impl IntoIterator for Vectors {
    type Item = Value;
    type IntoIter = Box<dyn Iterator<Item = Value>>;

    fn into_iter(self) -> Self::IntoIter {
        let Self { file, lines } = self;
        Box::new(lines.into_iter().enumerate().map(move |(at, line)| {
            visit(&file, at);
            line
        }))
    }
}

/// A recorded frame.
pub(crate) struct Frame {
    /// `set/journey`.
    pub(crate) journey: String,
    /// What Java says of it.
    pub(crate) java: Value,
    /// The frame.
    pub(crate) bytes: Vec<u8>,
}

impl Frame {
    /// Where it stands.
    pub(crate) fn id(&self) -> String {
        format!("{}#{}", self.journey, self.java["n"])
    }
}

/// Every frame of every transcript, in order.
pub(crate) fn frames() -> Vec<Frame> {
    let mut frames = Vec::new();
    for set in folder("transcripts") {
        for journey in
            folder(&set).into_iter().filter_map(|name| Some(name.strip_suffix(".jsonl")?.to_owned()))
        {
            for java in vectors(&journey) {
                if java.get("event").is_some() {
                    let event = text(&java, "event");
                    assert!(
                        ["open", "closed-by-client", "closed-by-server", "trimmed"].contains(&event),
                        "{journey}: {event}"
                    );
                    continue;
                }
                let bytes = match java["frame"].as_str() {
                    Some(frame) => unhex(frame),
                    None => unzipped(&format!("{set}/{}", text(&java, "frameFile"))),
                };
                let journey = journey.trim_start_matches("transcripts/").to_owned();
                frames.push(Frame { journey, java, bytes });
            }
        }
    }
    assert!(frames.len() > 1500, "{} frames", frames.len());
    frames
}

/// The names in a folder of the vectors, sorted.
pub(crate) fn folder(name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(name)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| format!("{name}/{}", entry.unwrap().file_name().to_str().unwrap())).collect();
    names.sort();
    names
}

/// The content of a gzip file.
fn unzipped(file: &str) -> Vec<u8> {
    visit(file, 0);
    let bytes = std::fs::read(root().join(file)).unwrap();
    assert_eq!(bytes[..3], [0x1F, 0x8B, 8], "{file}");
    let name =
        if bytes[3] & 8 == 0 { 0 } else { bytes[10..].iter().position(|byte| *byte == 0).unwrap() + 1 };
    miniz_oxide::inflate::decompress_to_vec(&bytes[10 + name..bytes.len() - 8]).unwrap()
}

/// The id of a vector.
pub(crate) fn id(vector: &Value) -> &str {
    vector["id"].as_str().unwrap()
}

/// A member that is text.
pub(crate) fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("{member} of {value}"))
}

/// A member that is a number.
pub(crate) fn number(value: &Value, member: &str) -> i64 {
    value[member].as_i64().unwrap_or_else(|| panic!("{member} of {value}"))
}

/// Bytes of hexadecimal text.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0);
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Lower-case hexadecimal text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// Host as the vectors write it.
pub(crate) fn host(value: &Value) -> std::net::SocketAddr {
    let ip = unhex(text(value, "ip"));
    let port = number(value, "port") as u16;
    match <[u8; 4]>::try_from(&ip[..]) {
        Ok(ip) => (ip, port).into(),
        Err(_) => (<[u8; 16]>::try_from(&ip[..]).unwrap(), port).into(),
    }
}

/// What to write so that the same message comes out.
pub(crate) fn fields_of<'a>(view: &MessageView<'a>) -> StoredFields<'a> {
    StoredFields {
        queue_id: view.queue_id(),
        flag: view.flag(),
        queue_offset: view.queue_offset(),
        physical_offset: view.physical_offset(),
        sys_flag: view.sys_flag(),
        born_timestamp: view.born_timestamp(),
        born_host: view.born_host(),
        store_timestamp: view.store_timestamp(),
        store_host: view.store_host(),
        reconsume_times: view.reconsume_times(),
        prepared_transaction_offset: view.prepared_transaction_offset(),
        body: view.body(),
        topic: view.topic(),
        properties: view.properties().as_str(),
    }
}
