//! Reads that go no further than a place.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{Batch, Bounds, Cursor, Draft, Identity, Reach, Read};
use super::Pen;
use crate::position::Offset;

/// A log whose frames say their own place.
fn filled(keys: &[Option<u8>], events: usize, most: usize) -> Pen {
    let bounds = Bounds {
        events,
        bytes: usize::MAX,
        age: Duration::ZERO,
    };
    let mut pen = Pen::with_keys(bounds, most);
    for (place, key) in keys.iter().enumerate() {
        let (key, data) = (key.map(|key| key.to_string()), place.to_string());
        let draft = Draft::Event {
            id: None,
            identity: Identity::None,
            name: None,
            data: &data,
            key: key.as_deref(),
        };
        pen.writer.append(&draft, pen.now);
    }
    pen
}

/// What a reader got until there was nothing more.
#[derive(Default)]
struct Got {
    places: Vec<u64>,
    /// Behind what is gone.
    lost: Offset,
    passed_over: u64,
    end: Offset,
}

fn read(pen: &Pen, newest: bool, reach: Reach) -> Got {
    let (mut batch, mut cursor) = (Batch::default(), Cursor::at(Offset(0)));
    let mut got = Got::default();
    loop {
        let read = if newest {
            pen.log.read_newest(cursor, reach, &mut batch)
        } else {
            pen.log.read(cursor, reach, &mut batch)
        };
        got.passed_over += batch.passed_over();
        match read {
            Read::Frames => {
                let text = std::str::from_utf8(batch.bytes()).unwrap();
                let said = text.split_terminator("\n\n");
                let said = said.map(|frame| frame.strip_prefix("data: ").unwrap());
                got.places
                    .extend(said.map(|place| place.parse::<u64>().unwrap()));
                cursor.advance_to(batch.end());
            }
            Read::Gap { oldest, .. } => {
                got.lost = oldest;
                cursor.advance_to(oldest);
            }
            Read::Empty | Read::Sealed => {
                got.end = batch.end();
                return got;
            }
        }
    }
}

proptest! {
    #[test]
    fn a_read_up_to_a_place_gives_what_an_unbounded_one_gives_before_it_and_ends_there(
        keys in vec(proptest::option::weighted(0.8, 0_u8..6), 1..40),
        events in 1_usize..40,
        most in 1_usize..8,
        bytes in prop_oneof![Just(0_usize), Just(30), Just(usize::MAX)],
        until: proptest::sample::Index,
        newest: bool,
    ) {
        let pen = filled(&keys, events, most);
        let until = Offset(until.index(keys.len() + 1) as u64);
        let all = read(&pen, newest, Reach::from(usize::MAX));
        let part = read(&pen, newest, Reach { bytes, until });
        // A loss is told at once, wherever one stops.
        prop_assert_eq!(part.lost, all.lost);
        prop_assert_eq!(part.end, until.max(part.lost));
        let before = |place: &&u64| **place < part.end.0;
        let expected: Vec<_> = all.places.iter().filter(before).copied().collect();
        prop_assert_eq!(&part.places, &expected);
        if newest && part.lost == Offset(0) {
            prop_assert_eq!(part.places.len() as u64 + part.passed_over, part.end.0);
        }
    }
}

#[test]
fn the_end_of_a_sealed_log_is_seen_by_whoever_reads_that_far() {
    let pen = filled(&[None, None, None], 10, 1);
    let log = std::sync::Arc::clone(&pen.log);
    drop(pen);
    let mut batch = Batch::default();
    let mut at = |place, until| {
        let reach = Reach {
            bytes: usize::MAX,
            until: Offset(until),
        };
        log.read(Cursor::at(Offset(place)), reach, &mut batch)
    };
    assert_eq!(
        [at(2, 2), at(2, 3), at(3, 3)],
        [Read::Empty, Read::Frames, Read::Sealed]
    );
}
