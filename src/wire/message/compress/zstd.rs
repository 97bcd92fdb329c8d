//! Zstandard frames.

use alloc::vec::Vec;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{CompressionError, CompressionType};

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE: u32 = 0x184D_2A50;

type Result<T> = core::result::Result<T, CompressionError>;

fn malformed(what: &'static str) -> CompressionError {
    CompressionError::Malformed { kind: CompressionType::Zstd, what }
}

/// Every frame of the input, at most `cap` bytes.
pub(super) fn decompress(mut input: &[u8], cap: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if input.is_empty() {
        return Err(malformed("cut short"));
    }
    while !input.is_empty() {
        let (magic, rest) = input.split_first_chunk::<4>().ok_or_else(|| malformed("cut short"))?;
        let magic = u32::from_le_bytes(*magic);
        if magic == MAGIC {
            frame(&mut input, &mut out, cap)?;
        } else if magic & !15 == SKIPPABLE {
            let (len, rest) = rest.split_first_chunk::<4>().ok_or_else(|| malformed("cut short"))?;
            let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(usize::MAX);
            input = rest.get(len..).ok_or_else(|| malformed("cut short"))?;
        } else {
            return Err(malformed("no Zstandard frame"));
        }
    }
    Ok(out)
}

fn frame(input: &mut &[u8], out: &mut Vec<u8>, cap: usize) -> Result<()> {
    // A fresh decoder does not allocate the announced window: its buffer grows with the blocks.
    let mut decoder = FrameDecoder::new();
    decoder.init(&mut *input).map_err(|_| malformed("frame header"))?;
    loop {
        let finished = decoder
            .decode_blocks(&mut *input, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|_| malformed("block"))?;
        if out.len() + decoder.can_collect() > cap {
            return Err(CompressionError::OverLimit { kind: CompressionType::Zstd, limit: cap });
        }
        decoder.collect_to_writer(&mut *out).map_err(|_| malformed("block"))?;
        if finished {
            return Ok(());
        }
    }
}

/// One frame.
pub(super) fn compress(input: &[u8]) -> Vec<u8> {
    compress_to_vec(input, CompressionLevel::Fastest)
}
