//! Zstandard frames (RFC 8878): our own decoder, and `ruzstd` for writing.
//!
//! A block of 128 KiB can describe gigabytes of output, and the decoders at hand look at their size only after a
//! whole block. This one checks every step against the cap and against the format's own limit of a block, has no
//! panic and no unsafe code. Frame checksums are passed over: the stored message has its own.
//!
//! | file | what |
//! |---|---|
//! | this | frames and blocks |
//! | [`bits`] | bits read forwards and backwards |
//! | [`fse`] | finite state entropy tables |
//! | [`huffman`] | Huffman tables and streams |
//! | [`literals`] | the first section of a block |
//! | [`sequences`] | the second: copies of literals and of earlier output |

mod bits;
mod fse;
mod huffman;
mod literals;
mod sequences;

use alloc::vec::Vec;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::{CompressionError, CompressionType};
use huffman::Huffman;
use sequences::Tables;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE: u32 = 0x184D_2A50;
/// Most output of one block.
const MAX_BLOCK: usize = 128 << 10;

type Result<T> = core::result::Result<T, CompressionError>;

fn malformed(what: &'static str) -> CompressionError {
    CompressionError::Malformed { kind: CompressionType::Zstd, what }
}

/// Takes `len` bytes off the front of `input`.
fn take<'a>(input: &mut &'a [u8], len: usize) -> Result<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(len).ok_or_else(|| malformed("cut short"))?;
    *input = rest;
    Ok(taken)
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Every frame of the input, at most `cap` bytes.
pub(super) fn decompress(mut input: &[u8], cap: usize) -> Result<Vec<u8>> {
    let mut out = Output { bytes: Vec::new(), frame_start: 0, block_end: 0, max_block: 0, cap };
    if input.is_empty() {
        return Err(malformed("cut short"));
    }
    while !input.is_empty() {
        let magic = number(take(&mut input, 4)?) as u32;
        if magic == MAGIC {
            frame(&mut input, &mut out)?;
        } else if magic & !15 == SKIPPABLE {
            let len = number(take(&mut input, 4)?);
            take(&mut input, usize::try_from(len).unwrap_or(usize::MAX))?;
        } else {
            return Err(malformed("no Zstandard frame"));
        }
    }
    Ok(out.bytes)
}

/// What has been produced, and how much more may be.
struct Output {
    bytes: Vec<u8>,
    /// Matches reach back to here.
    frame_start: usize,
    /// The present block must not produce beyond this.
    block_end: usize,
    max_block: usize,
    cap: usize,
}

impl Output {
    fn begin_block(&mut self) {
        self.block_end = self.bytes.len().saturating_add(self.max_block);
    }

    /// Whether `len` more bytes are allowed.
    fn check(&self, len: usize) -> Result<()> {
        let end = self.bytes.len().saturating_add(len);
        if end > self.block_end {
            return Err(malformed("block too large"));
        }
        if end > self.cap {
            return Err(CompressionError::OverLimit { kind: CompressionType::Zstd, limit: self.cap });
        }
        Ok(())
    }

    fn literals(&mut self, literals: &[u8]) -> Result<()> {
        self.check(literals.len())?;
        self.bytes.extend_from_slice(literals);
        Ok(())
    }

    fn fill(&mut self, byte: u8, len: usize) -> Result<()> {
        self.check(len)?;
        self.bytes.resize(self.bytes.len() + len, byte);
        Ok(())
    }

    /// Repeats `len` bytes from `offset` back; they may be among those being written.
    fn repeat(&mut self, offset: usize, len: usize) -> Result<()> {
        self.check(len)?;
        let from =
            self.bytes.len().checked_sub(offset).filter(|&from| from >= self.frame_start && offset > 0);
        let from = from.ok_or_else(|| malformed("match before the start"))?;
        let mut left = len;
        while left > 0 {
            // Each round doubles what can be copied at once.
            let part = left.min(self.bytes.len() - from);
            self.bytes.extend_from_within(from..from + part);
            left -= part;
        }
        Ok(())
    }
}

/// Tables that blocks of one frame share.
struct Frame {
    huffman: Option<Huffman>,
    tables: Tables,
    /// The three offsets used last.
    offsets: [usize; 3],
}

fn frame(input: &mut &[u8], out: &mut Output) -> Result<()> {
    let header = frame_header(input)?;
    out.frame_start = out.bytes.len();
    out.max_block = header.max_block;
    let mut frame = Frame { huffman: None, tables: Tables::default(), offsets: [1, 4, 8] };
    loop {
        let head = number(take(input, 3)?) as usize;
        let (last, kind, len) = (head & 1 == 1, head >> 1 & 3, head >> 3);
        out.begin_block();
        match kind {
            0 => out.literals(take(input, len)?)?,
            1 => out.fill(number(take(input, 1)?) as u8, len)?,
            2 if len <= MAX_BLOCK => frame.block(take(input, len)?, out)?,
            _ => return Err(malformed("block")),
        }
        if last {
            break;
        }
    }
    if header.has_checksum {
        take(input, 4)?;
    }
    if header.content_size.is_some_and(|size| size != (out.bytes.len() - out.frame_start) as u64) {
        return Err(malformed("content size"));
    }
    Ok(())
}

impl Frame {
    fn block(&mut self, mut input: &[u8], out: &mut Output) -> Result<()> {
        let literals = literals::read(&mut input, &mut self.huffman)?;
        sequences::run(input, &literals, self, out)
    }
}

struct FrameHeader {
    content_size: Option<u64>,
    has_checksum: bool,
    max_block: usize,
}

fn frame_header(input: &mut &[u8]) -> Result<FrameHeader> {
    let descriptor = number(take(input, 1)?) as u8;
    let single_segment = descriptor & 0x20 != 0;
    if descriptor & 8 != 0 {
        return Err(malformed("frame header"));
    }
    let mut window = None;
    if !single_segment {
        let byte = number(take(input, 1)?);
        let base = 1u64 << (10 + (byte >> 3));
        window = Some(base + base / 8 * (byte & 7));
    }
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    if number(take(input, dictionary)?) != 0 {
        return Err(malformed("needs a dictionary"));
    }
    let content_size = match (descriptor >> 6, single_segment) {
        (0, false) => None,
        (0, true) => Some(number(take(input, 1)?)),
        (1, _) => Some(number(take(input, 2)?) + 256),
        (2, _) => Some(number(take(input, 4)?)),
        _ => Some(number(take(input, 8)?)),
    };
    let window = window.or(content_size).unwrap_or_default();
    // The window is only a promise: memory grows with what is produced.
    let max_block = usize::try_from(window).unwrap_or(usize::MAX).min(MAX_BLOCK);
    Ok(FrameHeader { content_size, has_checksum: descriptor & 4 != 0, max_block })
}

/// One frame.
pub(super) fn compress(input: &[u8]) -> Vec<u8> {
    compress_to_vec(input, CompressionLevel::Fastest)
}
