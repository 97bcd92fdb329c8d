//! Fills `corpus/` with seeds from vectors: `cargo run --bin seeds -- DIRECTORY`, by default `../tests/vectors`.
//! Then `./minimise` keeps what reaches something new.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rocketmq_engine::wire::frame::{FrameLimits, Prefix, SerializeType};
use rocketmq_engine::wire::header::Head;
use rocketmq_engine::wire::message::CompressionType;
use rocketmq_engine::wire::message::compress::decompress;
use serde_json::Value;

/// Seeds are small: what a large one shows a small one shows too.
const MAX_SEED: usize = 8 * 1024;

#[derive(Default)]
struct Seeds(BTreeSet<(&'static str, Vec<u8>)>);

impl Seeds {
    fn add(&mut self, target: &'static str, bytes: &[u8]) {
        if !bytes.is_empty() && bytes.len() <= MAX_SEED {
            self.0.insert((target, bytes.to_vec()));
        }
    }

    fn prefixed(&mut self, target: &'static str, prefix: &[u8], bytes: &[u8]) {
        self.add(target, &[prefix, bytes].concat());
    }

    /// Any value of a vector: what it is follows from its bytes.
    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => match unhex(text) {
                Some(bytes) => self.bytes(&bytes),
                None => self.text(text),
            },
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(members) => members.values().for_each(|member| self.value(member)),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        self.add("properties", text.as_bytes());
        if text.starts_with(['{', '[']) {
            self.add("json_body", text.as_bytes());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Ok(Some(prefix)) = Prefix::parse(bytes, &FrameLimits::default())
            && let Some(frame) = bytes.get(..prefix.frame_len)
        {
            return self.frame(&prefix, frame, bytes);
        }
        for (number, kind) in
            [CompressionType::Zlib, CompressionType::Lz4, CompressionType::Zstd].iter().enumerate()
        {
            if decompress(*kind, bytes, 1 << 20).is_ok() {
                self.prefixed("inflate", &[number as u8, 0xff, 0xff], bytes);
            }
        }
        self.prefixed("message_batch", &[2], bytes);
        self.add("decode", bytes);
    }

    fn frame(&mut self, prefix: &Prefix, frame: &[u8], whole: &[u8]) {
        self.add("decode", whole);
        self.prefixed("connection", &[3, 0x31, 0x4a, 0x0f], whole);
        let (head, body) = (&frame[prefix.head_range()], &frame[prefix.body_range()]);
        let target = match prefix.serialize {
            SerializeType::Json => "header_json",
            SerializeType::Rocketmq => "header_binary",
        };
        self.add(target, head);
        if let Ok(head) = Head::parse(prefix.serialize, head) {
            head.ext.iter().for_each(|(_, value)| self.text(&value.as_str()));
        }
        match body.first() {
            Some(b'{' | b'[') => self.add("json_body", body),
            _ => self.prefixed("message_batch", &[2], body),
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() < 8 || text.len() % 2 == 1 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

fn files(under: &Path, out: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(under)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, out)?;
        } else if path.extension().is_some_and(|ext| ext == "jsonl") {
            out.push(path);
        }
    }
    Ok(())
}

/// FNV-1a: a name that follows from the content.
fn name(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")[..12].to_owned()
}

fn main() -> std::io::Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let from = std::env::args().nth(1).map_or_else(|| here.join("../tests/vectors"), PathBuf::from);
    let mut paths = Vec::new();
    files(&from, &mut paths)?;
    let mut seeds = Seeds::default();
    for path in &paths {
        for line in std::fs::read_to_string(path)?.lines() {
            seeds.value(&serde_json::from_str(line).map_err(std::io::Error::other)?);
        }
    }
    for (target, bytes) in &seeds.0 {
        let folder = here.join("corpus").join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name(bytes)), bytes)?;
    }
    println!("{} seeds of {} files", seeds.0.len(), paths.len());
    Ok(())
}
