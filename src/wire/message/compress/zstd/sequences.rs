//! The second section of a block: sequences of "copy so many literals, then repeat so much from there".

use super::bits::Backward;
use super::fse::Fse;
use super::{Frame, Output, Result, malformed, number, take};

/// The tables of the block before.
#[derive(Default)]
pub(super) struct Tables {
    literal_lengths: Option<Fse>,
    offsets: Option<Fse>,
    match_lengths: Option<Fse>,
}

/// One of the three kinds of codes.
struct Code {
    /// Largest logarithm of a table's size.
    max_log: u32,
    /// Number of symbols.
    symbols: usize,
    /// The table of the format and the logarithm of its size.
    default: (&'static [i16], u32),
}

const LITERAL_LENGTH: Code = Code { max_log: 9, symbols: 36, default: (&DEFAULT_LITERAL_LENGTHS, 6) };
const OFFSET: Code = Code { max_log: 8, symbols: 32, default: (&DEFAULT_OFFSETS, 5) };
const MATCH_LENGTH: Code = Code { max_log: 9, symbols: 53, default: (&DEFAULT_MATCH_LENGTHS, 6) };

const DEFAULT_LITERAL_LENGTHS: [i16; 36] = [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
    -1, -1,
];
const DEFAULT_OFFSETS: [i16; 29] =
    [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1];
const DEFAULT_MATCH_LENGTHS: [i16; 53] = [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];

/// Least length and number of extra bits of the codes from 16 on.
const LITERAL_LENGTHS: [(u32, u32); 20] = [
    (16, 1),
    (18, 1),
    (20, 1),
    (22, 1),
    (24, 2),
    (28, 2),
    (32, 3),
    (40, 3),
    (48, 4),
    (64, 6),
    (128, 7),
    (256, 8),
    (512, 9),
    (1024, 10),
    (2048, 11),
    (4096, 12),
    (8192, 13),
    (16_384, 14),
    (32_768, 15),
    (65_536, 16),
];
/// Least length and number of extra bits of the codes from 32 on.
const MATCH_LENGTHS: [(u32, u32); 21] = [
    (35, 1),
    (37, 1),
    (39, 1),
    (41, 1),
    (43, 2),
    (47, 2),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 5),
    (131, 7),
    (259, 8),
    (515, 9),
    (1027, 10),
    (2051, 11),
    (4099, 12),
    (8195, 13),
    (16_387, 14),
    (32_771, 15),
    (65_539, 16),
];

/// Reads the section, which is all of `input`, and carries it out.
pub(super) fn run(mut input: &[u8], literals: &[u8], frame: &mut Frame, out: &mut Output) -> Result<()> {
    let count = count(&mut input)?;
    if count == 0 {
        return if input.is_empty() { out.literals(literals) } else { Err(malformed("sequences")) };
    }
    let modes = number(take(&mut input, 1)?) as u8;
    if modes & 3 != 0 {
        return Err(malformed("sequences"));
    }
    let tables = &mut frame.tables;
    let literal_lengths = choose(&mut tables.literal_lengths, &LITERAL_LENGTH, modes >> 6, &mut input)?;
    let offsets = choose(&mut tables.offsets, &OFFSET, modes >> 4 & 3, &mut input)?;
    let match_lengths = choose(&mut tables.match_lengths, &MATCH_LENGTH, modes >> 2 & 3, &mut input)?;

    let mut bits = Backward::new(input)?;
    let mut literal_state = literal_lengths.start(&mut bits);
    let mut offset_state = offsets.start(&mut bits);
    let mut match_state = match_lengths.start(&mut bits);
    let mut literals = literals;
    for left in (0..count).rev() {
        let offset_code = u32::from(offsets.symbol(offset_state));
        let offset_value = (1u64 << offset_code) + bits.read(offset_code);
        let match_length = length(match_lengths.symbol(match_state), 32, 3, &MATCH_LENGTHS, &mut bits)?;
        let literal_length =
            length(literal_lengths.symbol(literal_state), 16, 0, &LITERAL_LENGTHS, &mut bits)?;
        if left > 0 {
            literal_state = literal_lengths.next(literal_state, &mut bits);
            match_state = match_lengths.next(match_state, &mut bits);
            offset_state = offsets.next(offset_state, &mut bits);
        }
        if bits.left() < 0 {
            return Err(malformed("sequences"));
        }
        let copied = take(&mut literals, literal_length)?;
        out.literals(copied)?;
        let offset = offset(&mut frame.offsets, offset_value, literal_length == 0)?;
        out.repeat(offset, match_length)?;
    }
    if bits.left() != 0 {
        return Err(malformed("sequences"));
    }
    out.literals(literals)
}

fn count(input: &mut &[u8]) -> Result<usize> {
    let first = number(take(input, 1)?) as usize;
    Ok(match first {
        0..128 => first,
        128..255 => ((first - 128) << 8) + number(take(input, 1)?) as usize,
        _ => number(take(input, 2)?) as usize + 0x7F00,
    })
}

/// The table this block uses, by its mode.
fn choose<'t>(known: &'t mut Option<Fse>, code: &Code, mode: u8, input: &mut &[u8]) -> Result<&'t Fse> {
    match mode {
        0 => *known = Some(Fse::build(code.default.0, code.default.1)?),
        1 => {
            let symbol = number(take(input, 1)?) as u8;
            if usize::from(symbol) >= code.symbols {
                return Err(malformed("sequences"));
            }
            *known = Some(Fse::rle(symbol));
        }
        2 => *known = Some(Fse::read(input, code.max_log, code.symbols)?),
        _ => {}
    }
    known.as_ref().ok_or_else(|| malformed("no sequence table"))
}

/// A length: codes below `direct` are lengths less `least`, the others have extra bits.
#[inline]
fn length(
    code: u8,
    direct: u8,
    least: usize,
    table: &[(u32, u32)],
    bits: &mut Backward<'_>,
) -> Result<usize> {
    let Some(index) = code.checked_sub(direct) else { return Ok(usize::from(code) + least) };
    let &(base, extra) = table.get(usize::from(index)).ok_or_else(|| malformed("sequences"))?;
    Ok(base as usize + bits.read(extra) as usize)
}

/// The offset that a value means: small ones name one of the last three, a little differently without literals.
#[inline]
fn offset(last: &mut [usize; 3], value: u64, no_literals: bool) -> Result<usize> {
    let [first, second, third] = *last;
    let index = value + u64::from(no_literals);
    let (offset, kept) = match (value, index) {
        (1..=3, 1) => return Ok(first),
        (1..=3, 2) => (second, [first, third]),
        (1..=3, 3) => (third, [first, second]),
        (1..=3, _) => (first.wrapping_sub(1), [first, second]),
        _ => (usize::try_from(value - 3).unwrap_or(usize::MAX), [first, second]),
    };
    if offset == 0 {
        return Err(malformed("offset"));
    }
    *last = [offset, kept[0], kept[1]];
    Ok(offset)
}
