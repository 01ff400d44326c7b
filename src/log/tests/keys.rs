//! Keys, case by case.

use super::super::{Batch, Bounds, Cursor, Draft, Identity, Read, Snapshot};
use super::Pen;
use crate::position::Offset;

/// A log that keeps `events` frames, and the newest of `most` keys.
fn pen(events: usize, most: usize) -> Pen {
    let bounds = Bounds {
        events,
        bytes: usize::MAX,
        age: std::time::Duration::ZERO,
    };
    Pen::with_keys(bounds, most)
}

impl Pen {
    /// Appends `key=value` under the key, or without one.
    fn say(&mut self, said: &str) {
        let key = said.split_once('=').map(|(key, _)| key);
        let draft = Draft::Event {
            id: None,
            identity: Identity::None,
            name: None,
            data: said,
            key,
        };
        self.writer.append(&draft, self.now);
    }

    fn lose(&mut self) {
        let gap = Draft::Gap {
            missed: None,
            reason: "upstream",
            has_token: false,
        };
        self.writer.append(&gap, self.now);
    }

    /// What a reader gets that picks the newest, and where it stands then.
    fn newest(&self, cursor: Cursor) -> (Vec<String>, Read, Offset) {
        self.collect(cursor, true)
    }

    fn collect(&self, mut cursor: Cursor, newest: bool) -> (Vec<String>, Read, Offset) {
        let mut batch = Batch::default();
        let mut got = Vec::new();
        loop {
            let read = if newest {
                self.log.read_newest(cursor, usize::MAX, &mut batch)
            } else {
                self.log.read(cursor, usize::MAX, &mut batch)
            };
            if read != Read::Frames {
                return (got, read, cursor.offset());
            }
            let text = String::from_utf8(batch.bytes().to_vec()).unwrap();
            got.extend(
                text.split_terminator("\n\n")
                    .map(|f| f.replace("data: ", "")),
            );
            cursor.advance_to(batch.end());
        }
    }
}

#[test]
fn the_newest_frame_of_a_key_outlives_the_ring() {
    let mut pen = pen(2, 10);
    for said in ["a=1", "b=1", "a=2", "c=1", "c=2", "c=3"] {
        pen.say(said);
    }
    let all = ["b=1", "a=2", "c=3"].map(str::to_owned).to_vec();
    let begin = pen.log.begin(Snapshot::Keys);
    assert_eq!(
        pen.collect(begin, false),
        (all.clone(), Read::Empty, Offset(6))
    );
    let start = Cursor::at(Offset(0));
    assert_eq!(pen.newest(start), (all, Read::Empty, Offset(6)));
    assert_eq!(pen.log.size().0, 4, "two in the ring, two kept");
    assert!(!pen.log.has_lost_since(Offset(0)));
    let mut batch = Batch::default();
    pen.log.read_newest(start, usize::MAX, &mut batch);
    assert_eq!((batch.len(), batch.passed_over()), (3, 3));
}

#[test]
fn what_has_no_key_is_passed_over_by_nobody_and_its_loss_is_told() {
    let mut pen = pen(3, 10);
    for said in ["a=1", "news", "b=1", "b=2", "more"] {
        pen.say(said);
    }
    // `news` is gone; `a=1` stands before it and is read first.
    let gap = Read::Gap {
        missed: None,
        oldest: Offset(2),
    };
    let start = Cursor::at(Offset(0));
    assert_eq!(pen.newest(start), (vec!["a=1".to_owned()], gap, Offset(1)));
    assert!(pen.log.has_lost_since(Offset(1)) && !pen.log.has_lost_since(Offset(2)));
    let rest = ["b=2", "more"].map(str::to_owned).to_vec();
    let behind = Cursor::at(Offset(2));
    assert_eq!(pen.newest(behind), (rest, Read::Empty, Offset(5)));
}

#[test]
fn a_key_too_many_is_forgotten_and_that_is_a_loss() {
    let mut pen = pen(1, 2);
    for said in ["a=1", "b=1", "c=1"] {
        pen.say(said);
    }
    assert!(!pen.log.has_lost_since(Offset(0)));
    let draft = Draft::Event {
        id: None,
        identity: Identity::None,
        name: None,
        data: "d=1",
        key: Some("d"),
    };
    assert_eq!(pen.writer.append(&draft, pen.now).forgotten, 1);
    assert!(pen.log.has_lost_since(Offset(0)) && !pen.log.has_lost_since(Offset(1)));
    let rest = ["b=1", "c=1", "d=1"].map(str::to_owned).to_vec();
    let (got, _, _) = pen.collect(pen.log.begin(Snapshot::Keys), false);
    assert_eq!(got, rest);
}

#[test]
fn a_snapshot_ends_where_its_reader_joined_and_the_rest_is_dense() {
    let mut pen = pen(10, 10);
    for said in ["a=1", "a=2", "b=1"] {
        pen.say(said);
    }
    let begin = pen.log.begin(Snapshot::Keys);
    for said in ["b=2", "b=3"] {
        pen.say(said);
    }
    let expected = ["a=2", "b=2", "b=3"].map(str::to_owned).to_vec();
    assert_eq!(
        pen.collect(begin, false),
        (expected, Read::Empty, Offset(5))
    );
}

#[test]
fn what_the_upstream_lost_before_somebody_came_is_no_loss_to_them() {
    let mut pen = pen(10, 10);
    pen.say("a=1");
    pen.lose();
    assert_eq!(pen.log.begin(Snapshot::Last), Cursor::at(Offset(0)));
    let begin = pen.log.begin(Snapshot::Keys);
    pen.lose();
    let (got, read, _) = pen.collect(begin, false);
    assert_eq!(got.len(), 2, "{got:?}");
    assert!(got[0] == "a=1" && got[1].starts_with("event: fantail.gap"));
    assert_eq!(read, Read::Empty);
}

#[test]
fn the_last_event_is_where_a_newcomer_begins_that_wants_it() {
    let mut pen = pen(2, 1);
    assert_eq!(pen.log.begin(Snapshot::Last), Cursor::at(Offset(0)));
    pen.say("a=1");
    pen.say("b=1");
    assert_eq!(pen.log.begin(Snapshot::Last), Cursor::at(Offset(1)));
    pen.lose();
    pen.lose();
    assert_eq!(pen.log.begin(Snapshot::Last), Cursor::at(Offset(4)), "gone");
}

#[test]
fn a_log_without_keys_has_no_snapshot_of_them_and_picks_every_frame() {
    let mut pen = Pen::keeping(2);
    for said in ["a=1", "a=2", "a=3"] {
        pen.say(said);
    }
    assert_eq!(pen.log.begin(Snapshot::Keys), Cursor::at(Offset(3)));
    let (got, ..) = pen.newest(Cursor::at(Offset(1)));
    assert_eq!(got, ["a=2", "a=3"]);
    let gap = Read::Gap {
        missed: Some(1),
        oldest: Offset(1),
    };
    assert_eq!(pen.newest(Cursor::at(Offset(0))).1, gap);
    assert!(pen.log.has_lost_since(Offset(0)));
}
