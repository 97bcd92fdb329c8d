//! Java's compressed data, caps, damaged data.

use rocketmq_engine::wire::message::CompressionType::{self, Lz4, Zlib, Zstd};
use rocketmq_engine::wire::message::compress::{compress, decompress, decompress_flagged};
use rocketmq_engine::wire::message::{CompressionError, InflateLimits, SysFlag};

use crate::support::{hex, id, number, text, unhex, vectors};

fn kind(name: &str) -> CompressionType {
    [Lz4, Zstd, Zlib].into_iter().find(|kind| kind.name() == name).unwrap()
}

fn samples() -> Vec<(CompressionType, Vec<u8>, usize)> {
    let vectors = vectors("offline/compression");
    let sample = |vector: &serde_json::Value| {
        let packed = unhex(text(&vector["in"], "compressed"));
        (kind(text(&vector["in"], "type")), packed, number(&vector["out"], "length") as usize)
    };
    vectors.into_iter().map(|vector| sample(&vector)).filter(|(kind, ..)| kind.is_built()).collect()
}

#[test]
pub(crate) fn java_s_data_is_read() {
    for vector in vectors("offline/compression") {
        let (id, input, java) = (id(&vector), &vector["in"], &vector["out"]);
        let (kind, packed) = (kind(text(input, "type")), unhex(text(input, "compressed")));
        let plain = decompress(kind, &packed, 1 << 20);
        if !kind.is_built() {
            assert_eq!(plain, Err(CompressionError::NotBuilt { kind }), "{id}");
            continue;
        }
        let plain = plain.unwrap();
        assert_eq!(plain.len() as i64, number(java, "length"), "{id}");
        match java["data"].as_str() {
            Some(data) => assert_eq!(hex(&plain), data, "{id}"),
            None => {
                assert!(java["allZero"].as_bool().unwrap() && plain.iter().all(|&byte| byte == 0), "{id}");
            }
        }
    }
}

#[test]
pub(crate) fn a_cap_is_exact() {
    for (kind, packed, len) in samples() {
        assert_eq!(decompress(kind, &packed, len).map(|plain| plain.len()), Ok(len));
        if len > 0 {
            let over = CompressionError::OverLimit { kind, limit: len - 1 };
            assert_eq!(decompress(kind, &packed, len - 1), Err(over));
        }
    }
}

#[test]
pub(crate) fn cut_data_is_refused() {
    for (kind, packed, _) in samples() {
        for cut in 0..packed.len() {
            assert!(
                decompress(kind, &packed[..cut], 1 << 20).is_err(),
                "{kind} cut at {cut} of {}",
                packed.len()
            );
        }
    }
}

#[test]
pub(crate) fn what_is_written_can_be_read() {
    let mut random = vec![0u8; 100_000];
    let mut state = 1u32;
    for byte in &mut random {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    let text = b"compress me ".repeat(5000);
    let zeros = vec![0; 5 << 20];
    for kind in [Lz4, Zstd, Zlib].into_iter().filter(|kind| kind.is_built()) {
        for plain in [&b""[..], b"x", &text, &random, &zeros] {
            let packed = compress(kind, plain, 5).unwrap();
            assert!(packed.len() < plain.len() + plain.len() / 100 + 64, "{kind}");
            let flags = SysFlag::default().with_compression(kind);
            assert!(decompress_flagged(flags, &packed, plain.len()).unwrap() == plain, "{kind}");
        }
    }
}

#[test]
pub(crate) fn lz4_frames_of_other_writers() {
    if !Lz4.is_built() {
        return;
    }
    // Linked blocks, block and content checksums, content size: "abcdefgh" stored, then a match into it.
    let frame = unhex("04224d187d40100000000000000014");
    assert!(decompress(Lz4, &frame, 100).is_err(), "the descriptor's checksum is wrong");
    let java = unhex("04224d18607073010000807800000000");
    // Two frames with a skippable one between them.
    let mut several = java.clone();
    several.extend_from_slice(&unhex("502a4d1803000000010203"));
    several.extend_from_slice(&java);
    assert_eq!(decompress(Lz4, &several, 2).unwrap(), b"xx");
    assert!(decompress(Lz4, &several, 1).is_err());
    several.push(0);
    assert!(decompress(Lz4, &several, 100).is_err(), "something follows that is no frame");
}

#[test]
pub(crate) fn one_zstd_block_cannot_produce_more_than_the_format_allows() {
    // One literal, then one match of 65,539 bytes and 16 bits more: all three codes are fixed to one symbol.
    let frame = |extra: &str| unhex(&format!("28b52ffd005855000009610154010034{extra}01"));
    let plain = decompress(Zstd, &frame("0000"), 1 << 20).unwrap();
    assert!(plain.len() == 65_540 && plain.iter().all(|&byte| byte == b'a'));
    let over = CompressionError::OverLimit { kind: Zstd, limit: 1000 };
    assert_eq!(decompress(Zstd, &frame("0000"), 1000), Err(over));
    let too_large = decompress(Zstd, &frame("ffff"), 1 << 20).unwrap_err();
    assert_eq!(too_large, CompressionError::Malformed { kind: Zstd, what: "block too large" });
}

#[test]
pub(crate) fn the_default_cap_follows_the_input() {
    let limits = InflateLimits::default();
    assert_eq!(limits.for_input(10), 655_360);
    assert_eq!(limits.for_input(1 << 20), 16 << 20);
}
