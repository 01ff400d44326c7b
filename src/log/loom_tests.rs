//! Every interleaving of the writer and a reader: `cargo loom`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::thread;

use super::{Batch, Bounds, Budget, Cursor, Draft, Identity, Log, Place, Read, Writer};
use crate::event::EventId;
use crate::position::{Epoch, Offset};

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// A log that keeps `events` frames.
fn log_of(events: usize) -> (Arc<Log>, Writer) {
    let bounds = Bounds {
        events,
        bytes: usize::MAX,
        age: Duration::ZERO,
    };
    Log::new(Epoch::new(1), bounds, Budget::new(usize::MAX))
}

/// Appends a frame whose id and data are its offset.
fn append(writer: &mut Writer, now: Instant) {
    let number = writer.next().0.to_string();
    let id = EventId::new(&number);
    let draft = Draft::Event {
        id: id.as_ref(),
        identity: Identity::Own,
        name: None,
        data: &number,
        key: None,
    };
    writer.append(&draft, now);
}

/// A reader that counts what it gets, and fails on what it must not get.
struct Reader {
    log: Arc<Log>,
    cursor: Cursor,
    seen: u64,
    missed: u64,
}

impl Reader {
    fn new(log: &Arc<Log>) -> Self {
        Self {
            log: Arc::clone(log),
            cursor: Cursor::at(Offset(0)),
            seen: 0,
            missed: 0,
        }
    }

    fn read(&mut self) -> Read {
        let mut batch = Batch::default();
        let read = self.log.read(self.cursor, 1, &mut batch);
        let place = self.cursor.offset().0;
        match read {
            Read::Frames => {
                let expected = format!("id: {place}\ndata: {place}\n\n");
                assert_eq!(batch.bytes(), expected.as_bytes());
                self.cursor.advance_to(batch.end());
                self.seen += 1;
            }
            Read::Gap { missed, oldest } => {
                let missed = missed.unwrap_or(0);
                assert_eq!(missed, oldest.since(self.cursor.offset()));
                self.cursor.advance_to(oldest);
                self.missed += missed;
            }
            Read::Empty | Read::Sealed => assert!(batch.is_empty()),
        }
        read
    }
}

/// Catches: looking at `sealed` in another critical section than at the frames, and a gap's size
/// counted after the lock was let go.
#[test]
fn loom_a_reader_gets_or_is_told_of_every_frame_until_the_seal() {
    check(|| {
        let now = crate::clock::now();
        let (log, mut writer) = log_of(2);
        append(&mut writer, now);
        let writing = thread::spawn(move || {
            append(&mut writer, now);
            append(&mut writer, now);
            append(&mut writer, now);
        });
        let mut reader = Reader::new(&log);
        let mut is_sealed = reader.read() == Read::Sealed;
        is_sealed |= reader.read() == Read::Sealed;
        if is_sealed {
            assert_eq!(reader.seen + reader.missed, 4, "sealed too early");
        }
        writing.join().unwrap();
        while reader.read() != Read::Sealed {}
        assert_eq!(reader.seen + reader.missed, 4);
        assert_eq!(reader.read(), Read::Sealed);
    });
}

/// Catches: the oldest place taken in another critical section than the place itself.
#[test]
fn loom_a_place_that_was_found_is_the_place_behind_the_id() {
    check(|| {
        let now = crate::clock::now();
        let (log, mut writer) = log_of(1);
        append(&mut writer, now);
        let writing = thread::spawn(move || {
            append(&mut writer, now);
            append(&mut writer, now);
        });
        match log.find("0", now) {
            Place::At(offset) => assert_eq!(offset.0, 1),
            Place::Unknown { oldest } => assert!(oldest.0 >= 1, "it is still there"),
            other => panic!("{other:?}"),
        }
        match log.find("~000000000001.0", now) {
            Place::At(offset) => assert_eq!(offset.0, 1),
            Place::Evicted { missed, oldest } => assert_eq!((missed, oldest.0), (1, 2)),
            other => panic!("{other:?}"),
        }
        writing.join().unwrap();
        assert_eq!(log.find("2", now), Place::At(log.edge()));
    });
}

/// Catches: a log that keeps its share of the budget when it goes.
#[test]
fn loom_logs_that_share_a_budget_give_all_of_it_back() {
    check(|| {
        let now = crate::clock::now();
        let budget = Budget::new(1);
        let (log, mut writer) = Log::new(Epoch::new(1), Bounds::default(), Arc::clone(&budget));
        let mut reader = Reader::new(&log);
        drop(log);
        let writing = thread::spawn(move || {
            append(&mut writer, now);
            append(&mut writer, now);
        });
        reader.read();
        writing.join().unwrap();
        assert_eq!(budget.used(), reader.log.size().1);
        drop(reader);
        assert_eq!(budget.used(), 0);
    });
}
