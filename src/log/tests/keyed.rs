//! Random histories of a log with keys: it and the model must agree at every step, and no reader
//! misses anything without a word.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::{
    Batch, Bounds, Budget, Cursor, Draft, Identity, Log, Piece, Read, Snapshot, Writer,
};
use super::keyed_model::{Expected, Model, Subject};
use super::{bounds, epoch};
use crate::position::Offset;

const READERS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Append(Subject, String),
    Wait(Duration),
    Join {
        reader: usize,
        snapshot: bool,
        newest: bool,
    },
    Read {
        reader: usize,
        limit: usize,
    },
    /// Shows what is held back, where it is.
    Release,
    /// Other logs use so much of the budget from now on.
    Others(usize),
    /// Memory is scarce.
    Halve,
}

fn step() -> impl Strategy<Value = Step> {
    let subject = prop_oneof![
        8 => "[a-f]{1,2}".prop_map(Subject::Key),
        2 => "[a-c]".prop_map(Subject::Key),
        2 => Just(Subject::Nothing),
        1 => Just(Subject::Loss),
    ];
    let data = prop_oneof![4 => "[xy]{1,4}", 1 => (1_usize..3000).prop_map(|len| "z".repeat(len))];
    let limit = prop_oneof![0_usize..200, 0_usize..10_000, Just(usize::MAX)];
    prop_oneof![
        12 => (subject, data).prop_map(|(subject, data)| Step::Append(subject, data)),
        1 => (0_u64..4000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        2 => (0..READERS, any::<bool>(), any::<bool>())
            .prop_map(|(reader, snapshot, newest)| Step::Join { reader, snapshot, newest }),
        6 => (0..READERS, limit).prop_map(|(reader, limit)| Step::Read { reader, limit }),
        2 => Just(Step::Release),
        1 => (0_usize..6000).prop_map(Step::Others),
        1 => Just(Step::Halve),
    ]
}

#[derive(Clone)]
struct Reader {
    cursor: Cursor,
    newest: bool,
    /// Where its snapshot ends, if it has begun with one.
    until: usize,
    seen: BTreeSet<usize>,
    /// What it was told that it has missed; of what lies in between it got what is still there.
    gaps: Vec<Range<usize>>,
}

struct Run {
    log: Arc<Log>,
    writer: Option<Writer>,
    budget: Arc<Budget>,
    model: Model,
    readers: [Reader; READERS],
    is_paced: bool,
    now: Instant,
}

impl Run {
    fn new(bounds: Bounds, most: usize, limit: usize) -> Self {
        let budget = Budget::new(limit);
        let (log, writer) = Log::with_keys(epoch(), bounds, most, Arc::clone(&budget));
        let reader = |newest| Reader {
            cursor: Cursor::at(Offset(0)),
            newest,
            until: 0,
            seen: BTreeSet::new(),
            gaps: Vec::new(),
        };
        Self {
            log,
            writer: Some(writer),
            budget,
            model: Model::new(bounds, most, limit),
            readers: [reader(false), reader(true), reader(true)],
            is_paced: false,
            now: crate::clock::now(),
        }
    }

    /// From here on everybody picks the newest of what was released.
    fn hold(&mut self) {
        self.log.hold();
        self.model.released = Some(0);
        self.readers
            .iter_mut()
            .for_each(|reader| reader.newest = true);
        self.is_paced = true;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(subject, data) => self.append(subject, data),
            Step::Wait(time) => self.now += *time,
            Step::Join {
                reader,
                snapshot,
                newest,
            } => {
                self.check(*reader);
                let end = self.model.shown();
                self.readers[*reader] = Reader {
                    cursor: if *snapshot {
                        self.log.begin(Snapshot::Keys)
                    } else {
                        Cursor::at(Offset(end as u64))
                    },
                    newest: *newest || self.is_paced,
                    until: end,
                    seen: BTreeSet::new(),
                    gaps: Vec::new(),
                };
            }
            Step::Read { reader, limit } => {
                self.read(*reader, *limit);
            }
            Step::Release => self.release(),
            Step::Others(bytes) => {
                self.budget.give_back(self.model.others);
                self.budget.take(*bytes);
                self.model.others = *bytes;
            }
            Step::Halve => {
                self.model.halve();
                self.log.halve();
            }
        }
        assert_eq!(self.log.size(), (self.model.size(), self.model.weight()));
        assert_eq!(self.budget.used(), self.model.used());
        assert_eq!(self.log.oldest(), Offset(self.model.oldest as u64));
        assert!(self.model.kept().len() <= self.model.most, "bounded");
    }

    fn release(&mut self) {
        self.log.release();
        if self.model.released.is_some() {
            self.model.released = Some(self.model.all.len());
        }
        assert_eq!(self.log.edge(), Offset(self.model.shown() as u64));
    }

    fn append(&mut self, subject: &Subject, data: &str) {
        let draft = match subject {
            Subject::Loss => Draft::Gap {
                missed: None,
                reason: "upstream",
                has_token: true,
            },
            Subject::Key(_) | Subject::Nothing => Draft::Event {
                id: None,
                identity: Identity::Token,
                name: None,
                data,
                key: match subject {
                    Subject::Key(key) => Some(key),
                    _ => None,
                },
            },
        };
        let appended = self.writer.as_mut().unwrap().append(&draft, self.now);
        let forgotten = self.model.append(subject.clone(), data, self.now);
        assert_eq!(appended.offset.next(), Offset(self.model.all.len() as u64));
        assert_eq!(appended.forgotten, forgotten as u64);
    }

    /// Reads once, against the model.
    fn read(&mut self, number: usize, limit: usize) -> Read {
        let reader = &mut self.readers[number];
        let from = reader.cursor.offset();
        let place = usize::try_from(from.0).unwrap();
        let until = reader.cursor.snapshot_end();
        let until = until.map_or(0, |until| usize::try_from(until.0).unwrap());
        let (read, batch) = read_both_ways(&self.log, reader, limit);
        match (read, self.model.read(place, until, reader.newest)) {
            (Read::Frames, Expected::Frames(frames)) => {
                let frames = &frames[..batch.len()];
                let first = usize::try_from(batch.first().0).unwrap();
                let is_conflated = reader.newest && first >= until && first >= self.model.lost;
                compare(&self.model, &batch, frames, limit);
                let passed = batch.end().since(batch.first()) - frames.len() as u64;
                assert_eq!(batch.passed_over(), if is_conflated { passed } else { 0 });
                for frame in frames {
                    assert!(reader.seen.insert(*frame), "I2");
                }
                reader.cursor.advance_to(batch.end());
            }
            (
                Read::Gap { missed, oldest },
                Expected::Gap {
                    missed: known,
                    oldest: at,
                },
            ) => {
                assert_eq!((missed, oldest), (known, Offset(at as u64)), "I3");
                let told = reader.gaps.last().map_or(reader.until, |gap| gap.end);
                let from = if reader.newest { told } else { place };
                reader.gaps.push(from..at);
                reader.cursor.advance_to(oldest);
            }
            (Read::Empty, Expected::Edge) => {}
            (Read::Sealed, Expected::Edge) => assert!(self.writer.is_none(), "I6"),
            (read, expected) => panic!("{read:?} is not {expected:?}"),
        }
        read
    }

    /// Reads on to the end: what has not come has been replaced, or was told.
    fn check(&mut self, number: usize) {
        self.release();
        while !matches!(self.read(number, 1000), Read::Empty | Read::Sealed) {}
        let reader = &self.readers[number];
        for place in reader.until..self.model.all.len() {
            let is_accounted_for = reader.seen.contains(&place)
                || reader.newest && self.model.is_replaced(place)
                || reader.gaps.iter().any(|gap| gap.contains(&place));
            assert!(is_accounted_for, "{place} is missing without a word");
        }
    }

    fn end(mut self) {
        self.writer = None;
        self.model.released = None;
        for reader in 0..READERS {
            self.check(reader);
        }
        let (budget, others) = (self.budget, self.model.others);
        drop(self.log);
        assert_eq!(budget.used(), others, "all is given back");
    }
}

/// Into a batch and into a piece, which must be the same.
fn read_both_ways(log: &Log, reader: &Reader, limit: usize) -> (Read, Batch) {
    let (mut batch, mut piece) = (Batch::default(), Piece::default());
    let (read, shared) = if reader.newest {
        let read = log.read_newest(reader.cursor, limit, &mut batch);
        (read, log.share_newest(reader.cursor, limit, &mut piece))
    } else {
        let read = log.read(reader.cursor, limit, &mut batch);
        (read, log.share(reader.cursor, limit, &mut piece))
    };
    assert_eq!(read, shared);
    // A piece that was put together for others may be shorter.
    assert!(batch.bytes().starts_with(piece.bytes()));
    let is_whole = piece.bytes().len() == batch.bytes().len();
    assert_eq!(
        read == Read::Frames && piece.end() == batch.end(),
        read == Read::Frames && is_whole
    );
    (read, batch)
}

fn compare(model: &Model, batch: &Batch, frames: &[usize], limit: usize) {
    let text: String = frames.iter().map(|f| &*model.all[*f].text).collect();
    assert_eq!(batch.bytes(), text.as_bytes());
    assert!(text.len() <= limit || frames.len() == 1, "too much");
    let mut begin = 0;
    for (count, frame) in frames.iter().enumerate() {
        let end = begin + model.all[*frame].text.len();
        let at = |place: usize| Offset(place as u64);
        let behind = count
            .checked_sub(1)
            .map_or(batch.first(), |i| at(frames[i]).next());
        assert_eq!(batch.split(begin), (behind, &[][..]));
        assert_eq!(
            batch.split(begin + 1),
            (at(*frame), &batch.bytes()[begin + 1..end])
        );
        assert_eq!(batch.whole(end - 1), count);
        begin = end;
    }
    assert_eq!(batch.split(begin), (batch.end(), &[][..]));
}

proptest! {
    #[test]
    fn a_log_with_keys_does_what_the_naive_model_does(
        bounds in bounds(8),
        most in 1_usize..8,
        limit in prop_oneof![0_usize..12_000, Just(usize::MAX)],
        is_paced: bool,
        steps in vec(step(), 0..120),
    ) {
        let mut run = Run::new(bounds, most, limit);
        if is_paced {
            run.hold();
        }
        for step in &steps {
            run.step(step);
        }
        run.end();
    }
}
