//! Transcripts and stored messages as they lie in `tests/vectors`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One frame of a transcript.
pub(crate) struct Record {
    pub(crate) n: u64,
    /// Milliseconds since the first record.
    pub(crate) t: i64,
    pub(crate) connection: String,
    pub(crate) from_client: bool,
    /// `request`, `oneway` or `response`.
    pub(crate) kind: String,
    pub(crate) code: i64,
    /// The request this answers, and its code.
    pub(crate) answers: Option<(u64, i64)>,
    pub(crate) ext: BTreeMap<String, String>,
    pub(crate) remark: Option<String>,
    pub(crate) binary: bool,
    pub(crate) version: i64,
    pub(crate) body_text: Option<String>,
    /// Stored messages in its body.
    pub(crate) messages: Vec<String>,
    pub(crate) frame: Vec<u8>,
}

impl Record {
    pub(crate) fn ext(&self, key: &str) -> Option<&str> {
        self.ext.get(key).map(String::as_str)
    }

    pub(crate) fn ext_i64(&self, key: &str) -> Option<i64> {
        self.ext(key)?.parse().ok()
    }

    /// The body's bytes.
    pub(crate) fn body(&self) -> &[u8] {
        let word = u32::from_be_bytes(self.frame[4..8].try_into().unwrap());
        &self.frame[8 + (word & 0xff_ffff) as usize..]
    }
}

/// What happens in a transcript, in order.
pub(crate) enum Step {
    Opened { connection: String, peer: String },
    Closed { connection: String, by_client: bool },
    Frame(Box<Record>),
}

pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
    /// Stored messages by id.
    pub(crate) stored: BTreeMap<String, Vec<u8>>,
    /// Those other recordings of the same set show.
    pub(crate) elsewhere: Vec<String>,
    /// Heartbeats were left out as repetition.
    pub(crate) heartbeats_left_out: bool,
}

impl Recording {
    pub(crate) fn read(name: &str) -> Self {
        let transcript = lines(&format!("transcripts/{name}.jsonl"));
        let steps = transcript.iter().filter_map(step).collect();
        let left_out = |line: &Value| line["exchangesLeftOutByRequestCode"].get("34").is_some();
        let set = name.split('/').next().unwrap();
        let elsewhere = lines("messages/bodies.jsonl").into_iter();
        let elsewhere =
            elsewhere.filter(|body| body["transcript"].as_str().unwrap().split('/').next() == Some(set));
        // Only questions about times need messages that are not shown themselves.
        let by_time = transcript.iter().any(|line| line["code"] == 29 && line["dir"] == "c2s");
        let elsewhere = elsewhere.flat_map(|body| texts(&body["messages"])).filter(|_| by_time).collect();
        let stored = lines("messages/stored_messages.jsonl")
            .into_iter()
            .map(|line| (line["id"].as_str().unwrap().to_owned(), unhex(line["hex"].as_str().unwrap())));
        let heartbeats_left_out = transcript.iter().any(left_out);
        Self { name: name.to_owned(), steps, stored: stored.collect(), elsewhere, heartbeats_left_out }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.steps
            .iter()
            .filter_map(|step| if let Step::Frame(record) = step { Some(&**record) } else { None })
    }

    pub(crate) fn request(&self, n: u64) -> &Record {
        self.records().find(|record| record.n == n).expect("a request with that number")
    }
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

fn lines(name: &str) -> Vec<Value> {
    let path = vectors().join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn step(line: &Value) -> Option<Step> {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    match line["event"].as_str() {
        Some("open") => return Some(Step::Opened { connection: text("conn"), peer: text("peer") }),
        Some("closed-by-client") => return Some(Step::Closed { connection: text("conn"), by_client: true }),
        Some("closed-by-server") => return Some(Step::Closed { connection: text("conn"), by_client: false }),
        Some(_) => return None,
        None => {}
    }
    let ext = line["ext"].as_object().into_iter().flatten();
    let answers = line["answers"].as_u64().zip(line["answersCode"].as_i64());
    Some(Step::Frame(Box::new(Record {
        n: line["n"].as_u64().unwrap(),
        t: line["t"].as_i64().unwrap(),
        connection: text("conn"),
        from_client: line["dir"] == "c2s",
        kind: text("kind"),
        code: line["code"].as_i64().unwrap(),
        answers,
        ext: ext.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
        remark: line["remark"].as_str().map(str::to_owned),
        binary: line["serialize"] == "ROCKETMQ",
        version: line["version"].as_i64().unwrap(),
        body_text: line["bodyText"].as_str().map(str::to_owned),
        messages: texts(&line["messages"]),
        frame: unhex(line["frame"].as_str().expect("frames in files of their own are not replayed")),
    })))
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
