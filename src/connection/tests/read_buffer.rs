//! The read buffer beside a stream cut into frames by hand.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use proptest::prelude::*;

use crate::connection::read_buffer::{LARGE_FRAME, ReadBuffer, STAGING};
use crate::wire::frame::{FrameError, FrameLimits};

/// Head and body of each frame.
type Frames = Vec<(Vec<u8>, Vec<u8>)>;

/// How a piece of the stream is given.
#[derive(Clone, Copy, Debug)]
enum Way {
    Slice,
    Read,
    Chunk,
}

fn frames() -> impl Strategy<Value = Frames> {
    let body = prop_oneof![
        8 => 0..200_usize,
        1 => LARGE_FRAME - 60..LARGE_FRAME + 60,
        1 => STAGING - 60..STAGING + 200,
        1 => 1_000_000..1_100_000_usize,
    ];
    prop::collection::vec((0..40_usize, body, any::<u8>()), 0..9).prop_map(|frames| {
        frames.into_iter().map(|(head, body, fill)| (vec![fill; head], vec![!fill; body])).collect()
    })
}

fn pieces() -> impl Strategy<Value = Vec<(usize, Way)>> {
    let way = prop_oneof![Just(Way::Slice), Just(Way::Read), Just(Way::Chunk)];
    let size = prop_oneof![4 => 0..30_usize, 2 => 0..3000_usize, 1 => 0..200_000_usize];
    prop::collection::vec((size, way), 0..200)
}

fn stream(frames: &Frames) -> Vec<u8> {
    let mut out = Vec::new();
    for (head, body) in frames {
        out.extend_from_slice(&((4 + head.len() + body.len()) as u32).to_be_bytes());
        out.extend_from_slice(&(head.len() as u32).to_be_bytes());
        out.extend_from_slice(head);
        out.extend_from_slice(body);
    }
    out
}

fn drain(buffer: &mut ReadBuffer, out: &mut Frames, limits: &FrameLimits) -> Result<(), FrameError> {
    while let Some(slot) = buffer.next_frame(limits)? {
        let frame = buffer.view(&slot);
        assert_eq!(frame.body().as_slice(), &frame.body().to_bytes()[..], "kept as it is looked at");
        out.push((frame.head().to_vec(), frame.body().as_slice().to_vec()));
    }
    Ok(())
}

fn give(
    buffer: &mut ReadBuffer,
    mut bytes: &[u8],
    way: Way,
    limits: &FrameLimits,
    out: &mut Frames,
) -> Result<(), FrameError> {
    if let Way::Chunk = way {
        let mut rest = Some(Bytes::copy_from_slice(bytes));
        while let Some(chunk) = rest {
            rest = buffer.push_chunk(chunk, limits);
            drain(buffer, out, limits)?;
        }
        return Ok(());
    }
    while !bytes.is_empty() {
        let n = match way {
            Way::Read => {
                let room = buffer.read_buf().expect("frames were taken out");
                let n = room.len().min(bytes.len());
                room[..n].copy_from_slice(&bytes[..n]);
                buffer.commit(n);
                n
            }
            _ => buffer.push_slice(bytes, limits),
        };
        assert!(n > 0, "room after frames were taken out");
        bytes = &bytes[n..];
        drain(buffer, out, limits)?;
    }
    Ok(())
}

fn run(stream: &[u8], pieces: &[(usize, Way)], limits: &FrameLimits) -> (Frames, Option<FrameError>) {
    let (mut buffer, mut out, mut rest) = (ReadBuffer::default(), Frames::new(), stream);
    for (size, way) in pieces.iter().copied().chain([(usize::MAX, Way::Slice)]) {
        let (now, later) = rest.split_at(size.min(rest.len()));
        if let Err(error) = give(&mut buffer, now, way, limits, &mut out) {
            return (out, Some(error));
        }
        rest = later;
    }
    (out, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_given_in_any_way_are_the_frames_that_were_put_in(frames in frames(), pieces in pieces()) {
        let (read, error) = run(&stream(&frames), &pieces, &FrameLimits::default());
        prop_assert_eq!(error, None);
        prop_assert!(read == frames, "{} frames of {}", read.len(), frames.len());
    }

    #[test]
    fn the_frames_before_a_broken_one_come_out_in_any_pieces(
        frames in frames(),
        pieces in pieces(),
        noise in prop_oneof![Just([0, 0, 0, 3, 0, 0, 0, 0]), Just([0x7f; 8]), Just([0, 0, 0, 9, 7, 0, 0, 0]), Just([0, 0, 0, 9, 0, 0, 1, 0])],
    ) {
        let bytes = [stream(&frames), noise.to_vec(), vec![1; 40]].concat();
        let (read, error) = run(&bytes, &pieces, &FrameLimits::default());
        prop_assert!(read == frames && error.is_some());
        prop_assert_eq!(error, run(&bytes, &[], &FrameLimits::default()).1);
    }

    #[test]
    fn an_announced_length_costs_what_arrives(len in 8..15_000_000_u32, arrives in 0..200_000_usize, piece in 1..40_000_usize) {
        let mut buffer = ReadBuffer::default();
        let mut bytes = len.to_be_bytes().to_vec();
        bytes.resize(8 + arrives.min(len as usize - 5), 0);
        let mut out = Frames::new();
        for piece in bytes.chunks(piece) {
            give(&mut buffer, piece, Way::Slice, &FrameLimits::default(), &mut out).expect("within limits");
        }
        prop_assert!(out.is_empty() && buffer.is_mid_frame());
        prop_assert!(buffer.held() <= STAGING + (1 << 20) + 2 * bytes.len(), "{} held", buffer.held());
    }

    #[test]
    fn it_is_free_only_between_frames(frames in frames(), pieces in pieces()) {
        let bytes = stream(&frames);
        let (mut buffer, mut out, mut rest) = (ReadBuffer::default(), Frames::new(), &bytes[..]);
        for (size, way) in pieces.into_iter().chain([(usize::MAX, Way::Read)]) {
            let (now, later) = rest.split_at(size.min(rest.len()));
            give(&mut buffer, now, way, &FrameLimits::default(), &mut out).expect("whole frames");
            rest = later;
            let taken: usize = out.iter().map(|(head, body)| 8 + head.len() + body.len()).sum();
            prop_assert_eq!(buffer.is_free(), taken == bytes.len() - rest.len());
            prop_assert!(!buffer.is_free() || buffer.held() <= STAGING);
        }
        prop_assert!(out == frames);
    }

    #[test]
    fn limits_are_kept_to_the_byte(head in 0..60_usize, body in 0..60_usize, max_frame in 8..130_usize, max_head in 0..70_usize) {
        let frames = vec![(vec![1; head], vec![2; body])];
        let limits = FrameLimits { max_frame, max_head };
        let (read, error) = run(&stream(&frames), &[], &limits);
        let fits = 8 + head + body <= max_frame && head <= max_head;
        prop_assert_eq!((read.len(), error.is_none()), (usize::from(fits), fits));
    }
}
