//! The LZ4 frame format around LZ4 blocks: what Java's `LZ4FrameOutputStream` writes and more of what the format
//! allows (linked blocks, all checksums, several frames, skippable frames).

use alloc::vec::Vec;
use lz4_flex::block::{self, DecompressError};

use super::xxh32::xxh32;
use super::{CompressionError, CompressionType};

const MAGIC: u32 = 0x184D_2204;
const SKIPPABLE: u32 = 0x184D_2A50;
const WINDOW: usize = 64 << 10;
/// A block cannot grow more than this: one byte of input makes at most 255 of output.
const MAX_GROWTH: usize = 255;
/// Largest block of the descriptor written here, 4 MiB as Java's default.
const BLOCK: usize = 4 << 20;
const UNCOMPRESSED: u32 = 1 << 31;

type Result<T> = core::result::Result<T, CompressionError>;

fn malformed(what: &'static str) -> CompressionError {
    CompressionError::Malformed { kind: CompressionType::Lz4, what }
}

/// Every frame of the input, at most `cap` bytes.
pub(super) fn decompress(input: &[u8], cap: usize) -> Result<Vec<u8>> {
    let mut input = Input(input);
    let mut out = Vec::new();
    if input.0.is_empty() {
        return Err(malformed("cut short"));
    }
    while !input.0.is_empty() {
        let magic = input.word()?;
        if magic == MAGIC {
            frame(&mut input, &mut out, cap)?;
        } else if magic & !15 == SKIPPABLE {
            let len = input.word()?;
            input.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        } else {
            return Err(malformed("no LZ4 frame"));
        }
    }
    Ok(out)
}

/// What is left of the input.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or_else(|| malformed("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u32> {
        let (word, rest) = self.0.split_first_chunk::<4>().ok_or_else(|| malformed("cut short"))?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*word))
    }
}

/// The descriptor of a frame.
struct Descriptor {
    linked: bool,
    block_checksum: bool,
    content_checksum: bool,
    content_size: Option<u64>,
    max_block: usize,
}

fn descriptor(input: &mut Input<'_>) -> Result<Descriptor> {
    let all = input.0;
    let [flags, block] = *input.take(2)? else { return Err(malformed("cut short")) };
    if flags >> 6 != 1 || flags & 2 != 0 || block & 0x8F != 0 {
        return Err(malformed("frame version"));
    }
    let max_block = match block >> 4 {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return Err(malformed("block size")),
    };
    let content_size = if flags & 8 == 0 {
        None
    } else {
        let [low, high] = [input.word()?, input.word()?];
        Some(u64::from(high) << 32 | u64::from(low))
    };
    if flags & 1 != 0 {
        return Err(malformed("needs a dictionary"));
    }
    let len = all.len() - input.0.len();
    let [sum] = *input.take(1)? else { return Err(malformed("cut short")) };
    if sum != (xxh32(all.get(..len).unwrap_or_default()) >> 8) as u8 {
        return Err(malformed("descriptor checksum"));
    }
    Ok(Descriptor {
        linked: flags & 0x20 == 0,
        block_checksum: flags & 0x10 != 0,
        content_checksum: flags & 4 != 0,
        content_size,
        max_block,
    })
}

fn frame(input: &mut Input<'_>, out: &mut Vec<u8>, cap: usize) -> Result<()> {
    let descriptor = descriptor(input)?;
    let start = out.len();
    loop {
        let head = input.word()?;
        if head == 0 {
            break;
        }
        let len = (head & !UNCOMPRESSED) as usize;
        if len > descriptor.max_block {
            return Err(malformed("block size"));
        }
        let data = input.take(len)?;
        if descriptor.block_checksum && input.word()? != xxh32(data) {
            return Err(malformed("block checksum"));
        }
        if head & UNCOMPRESSED != 0 {
            if out.len() + len > cap {
                return Err(CompressionError::OverLimit { kind: CompressionType::Lz4, limit: cap });
            }
            out.extend_from_slice(data);
        } else {
            expand(&descriptor, data, out, start, cap)?;
        }
    }
    let produced = out.get(start..).unwrap_or_default();
    if descriptor.content_checksum && input.word()? != xxh32(produced) {
        return Err(malformed("content checksum"));
    }
    if descriptor.content_size.is_some_and(|size| size != produced.len() as u64) {
        return Err(malformed("content size"));
    }
    Ok(())
}

/// Decodes one block behind what the frame has produced so far (from `start` on).
fn expand(descriptor: &Descriptor, data: &[u8], out: &mut Vec<u8>, start: usize, cap: usize) -> Result<()> {
    let before = out.len();
    // Room for what this block may make: bounded by its own bytes, whatever the descriptor announces.
    let possible = descriptor.max_block.min(data.len().saturating_mul(MAX_GROWTH) + 16);
    let room = possible.min(cap.saturating_sub(before));
    out.resize(before + room, 0);
    let (done, free) = out.split_at_mut(before);
    let window_start = if descriptor.linked { start.max(before.saturating_sub(WINDOW)) } else { before };
    let window = done.get(window_start..).unwrap_or_default();
    match block::decompress_into_with_dict(data, free, window) {
        Ok(len) => {
            out.truncate(before + len);
            Ok(())
        }
        Err(DecompressError::OutputTooSmall { .. }) if room < possible => {
            Err(CompressionError::OverLimit { kind: CompressionType::Lz4, limit: cap })
        }
        Err(_) => Err(malformed("block")),
    }
}

/// One frame with independent blocks and no checksums, as Java writes it.
pub(super) fn compress(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(input.len() / 2 + 32);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    let descriptor = [0x60, 0x70];
    out.extend_from_slice(&descriptor);
    out.push((xxh32(&descriptor) >> 8) as u8);
    for plain in input.chunks(BLOCK) {
        let packed = block::compress(plain);
        if packed.len() < plain.len() {
            out.extend_from_slice(&(packed.len() as u32).to_le_bytes());
            out.extend_from_slice(&packed);
        } else {
            out.extend_from_slice(&(plain.len() as u32 | UNCOMPRESSED).to_le_bytes());
            out.extend_from_slice(plain);
        }
    }
    out.extend_from_slice(&[0; 4]);
    out
}
