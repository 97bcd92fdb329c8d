//! No line of a vector is left unvisited.

use std::collections::BTreeSet;

use crate::message::{compression, names, pop, stored, texts};
use crate::support::{folder, root, visited};
use crate::{bodies, head, recorded, typed};

/// Every test here that reads vectors.
const TESTS: &[fn()] = &[
    bodies::java_s_bodies_are_written_again,
    bodies::texts_are_read_as_java_reads_them,
    compression::java_s_data_is_read,
    head::commands_are_written_and_read_as_java_does,
    head::malformed_frames,
    head::odd_binary_heads,
    head::odd_json_heads,
    head::request_headers,
    names::delay_levels,
    names::lite_topics,
    names::message_checks,
    names::namespaces,
    names::reserved_properties,
    names::validators,
    pop::batched_acks,
    pop::offset_infos,
    pop::receipt_handles,
    pop::retry_topics,
    recorded::frames_decode_as_java_decodes_them,
    recorded::java_s_frames_are_written_again_byte_by_byte,
    recorded::recorded_messages_lie_in_their_frames,
    recorded::versions_have_java_s_names,
    #[cfg(feature = "acl")]
    crate::signature::computed_signatures,
    #[cfg(feature = "acl")]
    crate::signature::recorded_signatures,
    stored::batches_are_written_and_read_as_java_does,
    stored::computed_messages_decode_as_java_decodes_them,
    stored::damaged_messages_do_not_take_the_others_with_them,
    stored::recorded_bodies_hold_their_messages_in_order,
    stored::recorded_messages_decode_as_java_decodes_them,
    texts::checksums_and_hashes,
    texts::offset_message_ids,
    texts::properties,
    texts::pull_flags,
    texts::recall_handles,
    texts::tag_expressions,
    texts::trace_records,
    texts::unique_ids,
    typed::answers_have_typed_fields,
    typed::bodies_have_types,
    typed::requests_have_typed_fields,
];

/// Vectors of the client, not of the codec, and where they are checked.
const ELSEWHERE: &[(&str, &str)] = &[
    ("offline/allocate.jsonl", "src/client/consumer/strategy.rs"),
    ("offline/message_queue_order.jsonl", "src/client/consumer/strategy.rs"),
];

/// Vectors of a strategy that is not offered here.
const NOT_OFFERED: &[&str] = &["offline/consistent_hash_function.jsonl"];

/// Every file of vectors, with the number of its lines; a compressed frame counts as one.
fn files(under: &str, found: &mut Vec<(String, usize)>) {
    for name in folder(under) {
        let name = name.trim_start_matches('/').to_owned();
        let path = root().join(&name);
        match path.extension().and_then(std::ffi::OsStr::to_str) {
            None => files(&name, found),
            Some("jsonl") => found.push((name, std::fs::read_to_string(path).unwrap().lines().count())),
            Some("gz") => found.push((name, 1)),
            Some(_) if path.is_dir() => files(&name, found),
            Some(_) => panic!("{name}: what is this?"),
        }
    }
}

#[test]
fn every_line_of_every_vector_is_visited() {
    for test in TESTS {
        test();
    }
    let visited = visited();
    let mut all = Vec::new();
    files("", &mut all);
    let mut counted = 0;
    for (file, lines) in all {
        if let Some((_, checked_in)) = ELSEWHERE.iter().find(|(name, _)| *name == file) {
            let source = std::fs::read_to_string(root().join("../..").join(checked_in)).unwrap();
            assert!(source.contains(&file), "{checked_in} does not read {file}");
            continue;
        }
        if NOT_OFFERED.contains(&&*file) {
            continue;
        }
        let seen = visited.get(&file).map_or(0, BTreeSet::len);
        assert_eq!(seen, lines, "{file}: lines visited and lines there are");
        counted += lines;
    }
    assert!(counted > 2_500, "{counted} lines");
}
