//! Loading vectors; the table of deviations and the judge that keeps it honest.

use rocketmq_engine::wire::message::{MessageView, StoredFields};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// Where we differ from Java on purpose: vector, Java's verdict, ours, and the hostile input that decides.
const DEVIATIONS: &[(&str, &str, &str, &str)] = &[
    ("stored_message_damaged-2", "3 messages", "1 message, poison 200..401 401..600", "H9"),
    ("stored_message_damaged-3", "3 messages", "1 message, poison 200..600", "H9"),
    ("stored_message_damaged-4", "3 messages", "1 message, poison 200..600", "H9"),
    ("stored_message_damaged-5", "1 message", "2 messages, poison 200..400", "H12b"),
    ("stored_message_damaged-6", "1 message", "2 messages, poison 200..400", "H12b"),
    ("stored_message_damaged-9", "error", "2 messages, poison 200..400", "H9"),
    ("stored_message_damaged-10", "1 message", "2 messages, poison 200..400", "H9"),
    ("stored_message_damaged-13", "1 message", "2 messages, poison 200..400", "H9"),
    ("stored_message_damaged-14", "3 messages", "2 messages, poison 200..400", "H11"),
    ("stored_message_damaged-15", "2 messages", "1 message, poison 200..400 400..590", "H9"),
    ("stored_message_damaged-16", "1 message", "2 messages, poison 200..400", "H9"),
    ("stored_message_damaged-17", "1 message", "2 messages, poison 200..400", "H9"),
    ("properties-5", "written", "refused", "H14"),
    ("properties-7", "written", "refused", "H14"),
    ("properties-8", "written", "refused", "H14"),
    ("message_id-10", "7F00000100002A9F00000000000000FF", "error", "H29"),
    ("pop_extra_info-14", "1 2 3 4 0 b 6 7", "error", "H29"),
    ("offline-5.3.3/batch_ack_body-10", "[0, 2, 9] 0 ", "error", "H29"),
];

/// Compares verdicts with Java's, allowing exactly the deviations of the table.
pub(crate) struct Judge {
    scope: &'static str,
    seen: RefCell<BTreeSet<String>>,
}

impl Judge {
    /// A judge of the vectors whose ids begin with `scope`.
    pub(crate) fn of(scope: &'static str) -> Judge {
        Judge { scope, seen: RefCell::default() }
    }

    /// Equal verdicts pass, listed different ones too; anything else fails.
    pub(crate) fn check(&self, id: &str, java: &str, ours: &str) {
        self.seen.borrow_mut().insert(id.to_owned());
        match DEVIATIONS.iter().find(|row| row.0 == id) {
            Some((_, listed_java, listed_ours, _)) => {
                assert_eq!(
                    (java, ours),
                    (*listed_java, *listed_ours),
                    "{id}: the listed deviation is another one"
                );
            }
            None => assert_eq!(
                ours, java,
                "{id}: ours (left) and Java's verdict differ and no deviation is listed"
            ),
        }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let seen = self.seen.borrow();
        let of_scope = |id: &str| id.rsplit_once('-').is_some_and(|(name, _)| name == self.scope);
        for (id, ..) in DEVIATIONS.iter().filter(|row| of_scope(row.0)) {
            assert!(seen.contains(*id), "{id} is listed as a deviation but was not judged");
        }
    }
}

/// The lines of a vector file.
pub(crate) fn vectors(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(format!("{name}.jsonl"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty());
    lines
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
