//! Compressed bodies: zlib, LZ4 frames and Zstandard frames, each behind a feature of its name.
//!
//! Output is always capped, and grows with what is really produced: no length that the input announces is
//! allocated.

use alloc::vec::Vec;
use thiserror::Error;

#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "lz4")]
mod xxh32;
#[cfg(feature = "zstd")]
mod zstd;

use super::sysflag::SysFlag;

/// How a body is compressed (Java `CompressionType`); the number is that of the flag bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CompressionType {
    /// LZ4 frame format.
    Lz4 = 1,
    /// Zstandard frame.
    Zstd = 2,
    /// RFC 1950, the default of Java's producers.
    Zlib = 3,
}

impl CompressionType {
    /// Java's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            CompressionType::Lz4 => "LZ4",
            CompressionType::Zstd => "ZSTD",
            CompressionType::Zlib => "ZLIB",
        }
    }

    /// Whether this build has the feature for it.
    pub const fn is_built(self) -> bool {
        match self {
            CompressionType::Lz4 => cfg!(feature = "lz4"),
            CompressionType::Zstd => cfg!(feature = "zstd"),
            CompressionType::Zlib => cfg!(feature = "zlib"),
        }
    }
}

impl core::fmt::Display for CompressionType {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// What decompression may produce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InflateLimits {
    /// Bytes of one body.
    pub max_output: usize,
    /// Bytes of all bodies of one answer together.
    pub max_batch: usize,
    /// Output per byte of input.
    pub max_ratio: usize,
}

impl Default for InflateLimits {
    /// 16 MiB a body (four times the broker's message limit), 64 MiB an answer, a ratio of 65,536 (well-formed
    /// Zstandard of zeros reaches 32,000).
    fn default() -> Self {
        InflateLimits { max_output: 16 << 20, max_batch: 64 << 20, max_ratio: 65_536 }
    }
}

impl InflateLimits {
    /// The cap for a compressed body of `len` bytes.
    pub fn for_input(&self, len: usize) -> usize {
        self.max_output.min(len.saturating_mul(self.max_ratio))
    }
}

/// A body cannot be decompressed or compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Hash)]
pub enum CompressionError {
    /// The type bits name no known type.
    #[error("unknown compression type {bits}")]
    UnknownType {
        /// The bits as written, 4 to 7.
        bits: u8,
    },
    /// The feature is not part of this build.
    #[error("the body is compressed with {kind}; build with the feature for it")]
    NotBuilt {
        /// The missing type.
        kind: CompressionType,
    },
    /// The input is not what its type says, damaged, or cut short.
    #[error("the {kind} data is malformed: {what}")]
    Malformed {
        /// The type.
        kind: CompressionType,
        /// What is wrong.
        what: &'static str,
    },
    /// The output would be larger than allowed.
    #[error("the {kind} data decompresses to more than {limit} bytes")]
    OverLimit {
        /// The type.
        kind: CompressionType,
        /// The cap.
        limit: usize,
    },
}

/// The plain body of a message whose system flag says it is compressed.
pub fn decompress_flagged(flags: SysFlag, body: &[u8], cap: usize) -> Result<Vec<u8>, CompressionError> {
    match flags.compression_type() {
        Some(kind) => decompress(kind, body, cap),
        None => Err(CompressionError::UnknownType { bits: flags.compression_bits() }),
    }
}

/// Decompresses at most `cap` bytes. All of the input has to belong to it, except after a zlib stream, where
/// Java does not look.
pub fn decompress(kind: CompressionType, input: &[u8], cap: usize) -> Result<Vec<u8>, CompressionError> {
    match kind {
        #[cfg(feature = "zlib")]
        CompressionType::Zlib => zlib(input, cap),
        #[cfg(feature = "lz4")]
        CompressionType::Lz4 => lz4::decompress(input, cap),
        #[cfg(feature = "zstd")]
        CompressionType::Zstd => zstd::decompress(input, cap),
        #[cfg(not(all(feature = "zlib", feature = "lz4", feature = "zstd")))]
        kind => {
            let _ = (input, cap);
            Err(CompressionError::NotBuilt { kind })
        }
    }
}

/// Compresses a body as Java's decompressors read it. `level` is 1 (fast) to 9 (small); LZ4 and Zstandard have
/// one level here.
pub fn compress(kind: CompressionType, input: &[u8], level: u8) -> Result<Vec<u8>, CompressionError> {
    match kind {
        #[cfg(feature = "zlib")]
        CompressionType::Zlib => Ok(miniz_oxide::deflate::compress_to_vec_zlib(input, level.clamp(1, 9))),
        #[cfg(feature = "lz4")]
        CompressionType::Lz4 => Ok(lz4::compress(input)),
        #[cfg(feature = "zstd")]
        CompressionType::Zstd => Ok(zstd::compress(input)),
        #[cfg(not(all(feature = "zlib", feature = "lz4", feature = "zstd")))]
        kind => {
            let _ = (input, level);
            Err(CompressionError::NotBuilt { kind })
        }
    }
}

#[cfg(feature = "zlib")]
fn zlib(input: &[u8], cap: usize) -> Result<Vec<u8>, CompressionError> {
    use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
    let kind = CompressionType::Zlib;
    // The buffer starts at twice the input and doubles up to the cap. At least one byte, or it could not grow.
    match decompress_to_vec_zlib_with_limit(input, cap.max(1)) {
        Ok(plain) if plain.len() <= cap => Ok(plain),
        Ok(_) => Err(CompressionError::OverLimit { kind, limit: cap }),
        Err(error) => Err(match error.status {
            TINFLStatus::HasMoreOutput => CompressionError::OverLimit { kind, limit: cap },
            TINFLStatus::Adler32Mismatch => CompressionError::Malformed { kind, what: "checksum" },
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => {
                CompressionError::Malformed { kind, what: "cut short" }
            }
            _ => CompressionError::Malformed { kind, what: "no zlib stream" },
        }),
    }
}
