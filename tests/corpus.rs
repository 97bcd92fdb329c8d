//! Every committed seed of the fuzz targets, through the same functions as under the fuzzer: what it once found, or
//! grew on, holds on stable too. And the whole engine against random lives, as far as that reaches.

use std::path::Path;

use proptest::prelude::*;

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, missing_docs, dead_code, unused_imports)]
mod targets;

#[test]
fn every_seed_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets::TARGETS {
        let mut seeds = 0;
        for entry in std::fs::read_dir(corpus.join(name)).expect("a corpus for each target") {
            let path = entry.expect("readable").path();
            // Named in the output if the target fails on it.
            println!("{}", path.display());
            target(&std::fs::read(&path).expect("readable"));
            seeds += 1;
        }
        assert!(seeds >= 10, "{name} has {seeds} seeds");
    }
}

#[test]
fn every_target_of_the_fuzzer_is_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("fuzz targets")
        .map(|entry| {
            entry.expect("readable").path().file_stem().expect("named").to_string_lossy().into_owned()
        })
        .collect();
    let mut here: Vec<&str> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    here.sort_unstable();
    assert_eq!(names, here);
}

/// Bytes of which most are small: they choose steps and shapes.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let small = prop::collection::vec(prop_oneof![5 => 0..24_u8, 2 => any::<u8>()], 0..1200);
    prop_oneof![small, prop::collection::vec(any::<u8>(), 0..1200)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_life_of_a_client(bytes in bytes()) {
        targets::client(&bytes);
    }

    #[test]
    fn any_bytes_are_a_connection(bytes in bytes()) {
        targets::connection(&bytes);
    }

    #[test]
    fn any_bytes_make_values_that_are_read_as_they_were(bytes in bytes()) {
        targets::roundtrip(&bytes);
    }
}
