//! The one table of where we differ from Java on purpose, and the judge that keeps it honest.

use std::cell::RefCell;
use std::collections::BTreeSet;

/// Where we differ from Java on purpose: vector, Java's verdict, ours, and the hostile input (H) that decides, or why.
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
    ("json_header_decode-11", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("json_header_decode-12", "100 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("json_header_decode-14", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("json_header_decode-29", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("json_header_decode-34", "2 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("json_header_decode-35", "0 JAVA 0 217 0 - {} 4242", "0 JAVA 0 0 0 - {} 4242", "H6"),
    ("json_header_decode-42", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("json_header_decode-44", "1 JAVA 0 5 0 - {\"k\": \"a\\u{1}b\\u{2}c\"} 4242", "error", "H6"),
    ("offline-5.3.3/json_header_decode-11", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("offline-5.3.3/json_header_decode-12", "100 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("offline-5.3.3/json_header_decode-14", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("offline-5.3.3/json_header_decode-29", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("offline-5.3.3/json_header_decode-30", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("offline-5.3.3/json_header_decode-34", "2 JAVA 0 5 0 - {} 4242", "error", "H6"),
    ("offline-5.3.3/json_header_decode-35", "1 JAVA 0 5 0 - {} 4242", "0 JAVA 0 0 0 - {} 4242", "H6"),
    ("offline-5.3.3/json_header_decode-42", "1 JAVA 0 5 0 - {} 4242", "error", "H6"),
    (
        "offline-5.3.3/json_header_decode-44",
        "1 JAVA 0 5 0 - {\"k\": \"a\\u{1}b\\u{2}c\"} 4242",
        "error",
        "H6",
    ),
    ("offline-5.3.3/json_header_decode-45", "error", "1 JAVA 0 5 0 - {} 4242", "H6"),
    ("binary_header_decode-7", "error", "105 RUST 513 7 0 - {} 424f4459", "H4"),
    ("binary_header_decode-9", "105 RUST 513 7 0 - {} 424f4459", "error", "H3"),
    ("binary_header_decode-20", "105 RUST 513 7 0 - {\"a\": \"b\"} 424f4459", "error", "H2"),
    ("binary_header_decode-23", "105 RUST 513 7 0 �( {} 424f4459", "error", "H6"),
    ("remoting_command-56", "same bytes", "other bytes", "no empty values in the binary form"),
    ("remoting_command-68", "same bytes", "refused", "the code does not fit the binary form"),
    ("remoting_command-69", "same bytes", "refused", "the code does not fit the binary form"),
    ("remoting_command-70", "same bytes", "refused", "the code does not fit the binary form"),
    ("malformed-total 16777213 (frame over 16 MiB), only the length sent", "closed", "0 answered", "H1"),
    ("malformed-JSON empty header, frame of 8 bytes alone", "0 answered", "closed", "H6"),
    ("malformed-JSON trailing comma", "1 answered", "closed", "H6"),
    ("malformed-JSON with body member", "closed", "1 answered", "H6"),
    ("malformed-binary ext length negative", "1 answered", "closed", "H3"),
    ("malformed-PROXY v1 then good", "1 answered", "closed", "H1"),
    ("offline-5.3.3/json_bodies_accepted-2", "T/b/0=5 ", "error", "H8"),
    ("json_bodies_accepted-5", "null", "", "H8"),
    ("json_bodies_accepted-11", "null", "error", "H8"),
    ("json_bodies_accepted-12", "null", "error", "H8"),
    ("json_bodies_accepted-14", "c null 0 \"\"", "c 0 0 \"\"", "H8"),
    ("offline-5.3.3/json_bodies_accepted-5", "null", "", "H8"),
    ("offline-5.3.3/json_bodies_accepted-11", "null", "error", "H8"),
    ("offline-5.3.3/json_bodies_accepted-12", "null", "error", "H8"),
    ("offline-5.3.3/json_bodies_accepted-14", "c null 0 \"\"", "c 0 0 \"\"", "H8"),
];

/// Compares verdicts with Java's, allowing exactly the deviations of the table.
pub(crate) struct Judge {
    scope: &'static str,
    seen: RefCell<BTreeSet<String>>,
    wrong: RefCell<Vec<String>>,
}

impl Judge {
    /// A judge of the vectors whose ids begin with `scope`.
    pub(crate) fn of(scope: &'static str) -> Judge {
        Judge { scope, seen: RefCell::default(), wrong: RefCell::default() }
    }

    /// Equal verdicts pass, listed different ones too; anything else fails when the judge is dropped.
    pub(crate) fn check(&self, id: &str, java: &str, ours: &str) {
        self.seen.borrow_mut().insert(id.to_owned());
        let listed = DEVIATIONS.iter().find(|row| row.0 == id);
        let right = listed.map_or(java == ours, |row| (row.1, row.2) == (java, ours));
        if !right {
            self.wrong.borrow_mut().push(format!("{:?} listed as {listed:?}", (id, java, ours)));
        }
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let (seen, wrong) = (self.seen.borrow(), self.wrong.borrow());
        assert!(
            wrong.is_empty(),
            "differences (vector, Java, ours) that are not so listed:\n{}",
            wrong.join("\n")
        );
        let of_scope = |id: &str| id.strip_prefix(self.scope).is_some_and(|rest| rest.starts_with('-'));
        for (id, ..) in DEVIATIONS.iter().filter(|row| of_scope(row.0)) {
            assert!(seen.contains(*id), "{id} is listed as a deviation but was not judged");
        }
    }
}
