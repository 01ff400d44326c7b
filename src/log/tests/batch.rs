//! Batches: what a partial write of one means.

use super::super::{Batch, Cursor, Read};
use super::{Identity, Pen};
use crate::position::Offset;

fn three_frames() -> Batch {
    let mut pen = Pen::keeping(3);
    for data in ["dropped", "a", "", "three\nlines\nhere"] {
        pen.append(None, Identity::Token, data);
    }
    let mut batch = Batch::default();
    let cursor = Cursor::at(pen.log.oldest());
    assert_eq!(pen.log.read(cursor, usize::MAX, &mut batch), Read::Frames);
    batch
}

#[test]
fn every_byte_of_a_batch_splits_into_a_frame_and_what_is_owed_of_it() {
    let batch = three_frames();
    let bytes = batch.bytes();
    let mut frame = 1;
    for written in 0..=bytes.len() {
        let (offset, owed) = batch.split(written);
        // A frame ends where a blank line does.
        let at_boundary = written == 0 || bytes[..written].ends_with(b"\n\n");
        if at_boundary && written > 0 {
            frame += 1;
        }
        let rest = &bytes[written..];
        let end = rest.windows(2).position(|w| w == b"\n\n").map(|at| at + 2);
        // A cut between the two line ends leaves one of them.
        let end = if !at_boundary && rest.starts_with(b"\n") && bytes[written - 1] == b'\n' {
            Some(1)
        } else {
            end
        };
        assert_eq!(offset, Offset(frame), "at byte {written}");
        if at_boundary {
            assert!(owed.is_empty(), "at byte {written}");
        } else {
            assert_eq!(owed, &rest[..end.unwrap()], "at byte {written}");
        }
    }
    assert_eq!(Offset(frame), batch.end());
}

#[test]
fn a_split_beyond_the_end_owes_nothing() {
    let batch = three_frames();
    let beyond = batch.bytes().len() + 1;
    assert_eq!(batch.split(beyond), (batch.end(), &[][..]));
    assert_eq!(Batch::default().split(0), (Offset(0), &[][..]));
}

#[test]
fn a_batch_holds_at_least_one_frame_and_then_what_fits() {
    let mut pen = Pen::keeping(10);
    for _ in 0..3 {
        pen.append(None, Identity::None, "12345");
    }
    let frame = "data: 12345\n\n".len();
    let mut batch = Batch::default();
    let start = Cursor::at(Offset(0));
    for (limit, frames) in [
        (0, 1),
        (frame, 1),
        (2 * frame - 1, 1),
        (2 * frame, 2),
        (usize::MAX, 3),
    ] {
        assert_eq!(pen.log.read(start, limit, &mut batch), Read::Frames);
        assert_eq!(batch.len(), frames, "{limit}");
        assert_eq!(batch.first(), Offset(0));
        assert_eq!(batch.oldest_at(), Some(pen.now));
    }
    assert_eq!(
        pen.log
            .read(Cursor::at(pen.log.edge()), usize::MAX, &mut batch),
        Read::Empty
    );
    assert!(batch.is_empty() && batch.bytes().is_empty() && batch.oldest_at().is_none());
}
