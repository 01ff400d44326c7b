//! Every interleaving of one who appends and those who are told, shards and readers in the async
//! runtime: `cargo loom`.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::thread;

use super::news::{Listener, News};
use super::wake::{Door, Marks, Slot, Wake};
use crate::log::{Batch, Bounds, Budget, Cursor, Draft, Identity, Log, Read, Writer};
use crate::position::Epoch;

const ONE: Slot = Slot::MIN;
const TWO: Slot = ONE.saturating_add(1);

#[derive(Debug)]
struct Silent;

impl Wake for Silent {
    fn wake(&self) {}
}

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

fn append(writer: &mut Writer) {
    let draft = Draft::Event {
        id: None,
        identity: Identity::None,
        name: None,
        data: "x",
        key: None,
    };
    writer.append(&draft, crate::clock::now());
}

/// The appending side: a topic's log, and the one shard that it knocks at.
struct Topic {
    marks: Arc<Marks>,
    doors: Arc<[Arc<Door>]>,
    writer: Writer,
}

impl Topic {
    fn append(&mut self) {
        append(&mut self.writer);
        self.marks.publish(&self.doors);
    }

    /// As the appender ends: sealed, then told.
    fn end(self) {
        drop(self.writer);
        self.marks.publish(&self.doors);
    }
}

/// The shard's side, with the one topic that it knows as `slot`.
struct Shard {
    marks: Arc<Marks>,
    door: Arc<Door>,
    log: Arc<Log>,
    cursor: Cursor,
    slot: Slot,
    is_over: bool,
}

impl Shard {
    fn join(&mut self, slot: Slot) {
        self.slot = slot;
        self.marks.register(0, slot);
        self.read();
    }

    /// One round of the shard's loop: it reads the topic if it has been told to. Whether it has.
    fn round(&mut self) -> bool {
        let mut dirty = Vec::new();
        self.door.take_dirty(&mut dirty);
        let told = dirty.iter().filter(|slot| **slot == self.slot).count();
        assert!(told <= 1, "told twice without having looked");
        if told == 1 {
            self.marks.look(0);
            self.read();
        }
        told == 1
    }

    fn read(&mut self) {
        let mut batch = Batch::default();
        loop {
            match self.log.read(self.cursor, usize::MAX, &mut batch) {
                Read::Frames => self.cursor.advance_to(batch.end()),
                Read::Empty => return,
                Read::Sealed => {
                    self.is_over = true;
                    return;
                }
                Read::Gap { .. } => unreachable!("nothing is evicted here"),
            }
        }
    }

    fn seen(&self) -> u64 {
        self.cursor.offset().0
    }
}

fn pair() -> (Topic, Shard) {
    let (log, writer) = Log::new(Epoch::new(1), Bounds::default(), Budget::new(usize::MAX));
    let marks = Arc::new(Marks::new(1));
    let door = Door::new(Box::new(Silent));
    let shard = Shard {
        marks: Arc::clone(&marks),
        door: Arc::clone(&door),
        cursor: Cursor::at(log.edge()),
        log,
        slot: ONE,
        is_over: false,
    };
    let topic = Topic {
        marks,
        doors: Arc::from([door]),
        writer,
    };
    (topic, shard)
}

/// Catches: reading before registering.
#[test]
fn loom_a_shard_that_registers_and_then_reads_misses_nothing() {
    check(|| {
        let (mut topic, mut shard) = pair();
        let appending = thread::spawn(move || topic.append());
        shard.join(ONE);
        appending.join().unwrap();
        shard.round();
        assert_eq!(shard.seen(), 1);
    });
}

/// Catches: clearing the mark after the read.
#[test]
fn loom_a_shard_that_looks_and_then_reads_misses_nothing() {
    check(|| {
        let (mut topic, mut shard) = pair();
        shard.join(ONE);
        let appending = thread::spawn(move || {
            topic.append();
            topic.append();
        });
        shard.round();
        appending.join().unwrap();
        shard.round();
        assert_eq!(shard.seen(), 2);
        assert!(!shard.round(), "a knock is left over");
    });
}

/// Catches: a mark kept beside its slot instead of in one word with it. A knock under the slot of
/// before then leaves the mark set, and the shard, which knows the topic by another slot now,
/// never looks.
#[test]
fn loom_a_shard_that_leaves_and_comes_back_under_another_slot_is_told() {
    check(|| {
        let (mut topic, mut shard) = pair();
        shard.join(ONE);
        let appending = thread::spawn(move || {
            topic.append();
            topic.append();
        });
        shard.marks.unregister(0);
        shard.join(TWO);
        shard.round();
        appending.join().unwrap();
        shard.round();
        assert_eq!(shard.seen(), 2);
    });
}

/// Catches: publishing before the log is sealed.
#[test]
fn loom_the_end_of_a_log_is_told_as_a_frame_is() {
    check(|| {
        let (mut topic, mut shard) = pair();
        shard.join(ONE);
        let ending = thread::spawn(move || {
            topic.append();
            topic.end();
        });
        shard.round();
        ending.join().unwrap();
        shard.round();
        assert_eq!((shard.seen(), shard.is_over), (1, true));
    });
}

// === readers in the async runtime ===

/// The task of a reader, as far as wakes go.
#[derive(Default)]
struct Task(loom::sync::atomic::AtomicBool);

impl std::task::Wake for Task {
    fn wake(self: Arc<Self>) {
        // Not `store`, which loom may put before a `swap` that has not seen it.
        self.0.swap(true, loom::sync::atomic::Ordering::AcqRel);
    }
}

/// A reader that follows the log, driven by hand.
struct Reader {
    listener: Listener,
    task: Arc<Task>,
    cursor: Cursor,
    is_over: bool,
}

impl Reader {
    fn new(news: &Arc<News>, log: &Arc<Log>) -> Self {
        Self {
            listener: news.listen(log),
            task: Arc::default(),
            cursor: Cursor::at(log.edge()),
            is_over: false,
        }
    }

    /// Reads until it is told to wait or the log has ended.
    fn run(&mut self) {
        let waker = Waker::from(Arc::clone(&self.task));
        let mut cx = Context::from_waker(&waker);
        let mut batch = Batch::default();
        while !self.is_over {
            let read = self
                .listener
                .poll_read(&mut cx, self.cursor, usize::MAX, &mut batch);
            match read {
                Poll::Ready(Read::Frames) => self.cursor.advance_to(batch.end()),
                Poll::Ready(Read::Sealed) => self.is_over = true,
                Poll::Ready(Read::Empty | Read::Gap { .. }) => unreachable!("{read:?}"),
                Poll::Pending => return,
            }
        }
    }

    /// What the runtime does: runs the task if it has been woken.
    fn turn(&mut self) {
        let woken = self
            .task
            .0
            .swap(false, loom::sync::atomic::Ordering::AcqRel);
        if woken {
            self.run();
        }
    }
}

/// A log, who waits for it, and a writer that tells them.
fn spoken() -> (
    Arc<Log>,
    Arc<News>,
    impl FnMut() + Send,
    impl FnOnce() + Send,
) {
    let (log, writer) = Log::new(Epoch::new(1), Bounds::default(), Budget::new(usize::MAX));
    let news = News::with_lists(1);
    let writer = Arc::new(parking_lot::Mutex::new(Some(writer)));
    let (to_say, to_end) = (Arc::clone(&news), Arc::clone(&news));
    let saying = Arc::clone(&writer);
    let say = move || {
        append(saying.lock().as_mut().unwrap());
        to_say.publish();
    };
    let end = move || {
        drop(writer.lock().take());
        to_end.publish();
    };
    (log, news, say, end)
}

/// Catches: reading before registering, and a bit that is cleared after the wakers are taken.
#[test]
fn loom_a_reader_that_waits_again_and_again_misses_no_wake() {
    check(|| {
        let (log, news, mut say, _end) = spoken();
        let mut reader = Reader::new(&news, &log);
        let saying = thread::spawn(move || {
            say();
            say();
        });
        reader.run();
        reader.turn();
        saying.join().unwrap();
        reader.turn();
        assert_eq!(reader.cursor.offset().0, 2);
    });
}

/// Catches: waking before the log is sealed.
#[test]
fn loom_the_end_of_a_log_wakes_a_reader() {
    check(|| {
        let (log, news, mut say, end) = spoken();
        let mut reader = Reader::new(&news, &log);
        let ending = thread::spawn(move || {
            say();
            end();
        });
        reader.run();
        ending.join().unwrap();
        reader.turn();
        assert_eq!((reader.cursor.offset().0, reader.is_over), (1, true));
    });
}

/// Catches: a reader that goes and takes the others' bit with it, or leaves its own place.
#[test]
fn loom_a_reader_that_goes_takes_nobodys_wake_and_leaves_nothing() {
    check(|| {
        let (log, news, mut say, _end) = spoken();
        let (mut stays, mut goes) = (Reader::new(&news, &log), Reader::new(&news, &log));
        goes.run();
        let saying = thread::spawn(move || say());
        let going = thread::spawn(move || drop(goes));
        stays.run();
        saying.join().unwrap();
        going.join().unwrap();
        stays.turn();
        assert_eq!(stays.cursor.offset().0, 1);
        drop(stays);
        assert_eq!(news.places(), 0);
    });
}
