//! How readers that live in the async runtime wait for a topic: HTTP/2 bodies and polls.
//!
//! Invariants: a reader checks, registers, and checks again, so that no frame and no end is missed;
//! wakers are called, and dropped, with no lock held (I5); a reader that goes leaves nothing behind;
//! appending to a topic that nobody waits for costs one load.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::sync::{AtomicU64, Mutex, Ordering};
use crate::log::{Batch, Cursor, Log, Piece, Read};

/// Readers are spread over so many lists, so that ten thousand of them that come back after one
/// event do not queue for one lock.
const LISTS: usize = 8;
/// Wakers taken under a lock at a time: those who register wait no longer than that.
const BATCH: usize = 32;

/// Who waits for one topic.
///
/// tokio's own were looked at: `Notify::notify_waiters` takes its lock for each batch that is
/// appended though nobody waits, and `watch` does so too, to keep a version that the log's edge is
/// already.
#[derive(Debug)]
pub(super) struct News {
    /// A bit for each list in which somebody may wait.
    waiting: AtomicU64,
    lists: Box<[Mutex<Waiters>]>,
    /// Counts readers, to spread them.
    readers: AtomicU64,
}

/// A place for each reader that has ever waited; its waker, while it does.
type Waiters = Slab<Option<Waker>>;

/// A reader that can wait.
#[derive(Debug)]
pub struct Listener {
    log: Arc<Log>,
    news: Arc<News>,
    list: usize,
    key: Option<usize>,
}

// === impl News ===

impl News {
    pub(super) fn new() -> Arc<Self> {
        Self::with_lists(LISTS)
    }

    pub(super) fn with_lists(lists: usize) -> Arc<Self> {
        debug_assert!((1..=64).contains(&lists), "each list has its bit");
        Arc::new(Self {
            waiting: AtomicU64::new(0),
            lists: (0..lists).map(|_| Mutex::new(Slab::new())).collect(),
            readers: AtomicU64::new(0),
        })
    }

    pub(super) fn listen(self: &Arc<Self>, log: &Arc<Log>) -> Listener {
        let reader = self.readers.fetch_add(1, Ordering::Relaxed);
        let list = reader % self.lists.len() as u64;
        Listener {
            log: Arc::clone(log),
            news: Arc::clone(self),
            list: usize::try_from(list).unwrap_or(0),
            key: None,
        }
    }

    /// Wakes everybody who waits. To be called after the log was written, with no lock held.
    ///
    /// Whoever registered and then found nothing in the log did both before the log's lock was
    /// taken to write, so that its bit is seen here.
    pub(super) fn publish(&self) {
        let waiting = self.waiting.load(Ordering::Acquire);
        if waiting == 0 {
            return;
        }
        for (number, list) in self.lists.iter().enumerate() {
            if waiting & bit(number) != 0 {
                self.wake(number, list);
            }
        }
    }

    fn wake(&self, number: usize, list: &Mutex<Waiters>) {
        let mut waiters = list.lock();
        // Before the first waker is taken: who registers behind this scan sets the bit again.
        self.waiting.fetch_and(!bit(number), Ordering::AcqRel);
        let keys = waiters.capacity();
        let mut next = 0;
        loop {
            let mut batch = [const { None }; BATCH];
            let mut room = batch.iter_mut();
            while next < keys && room.len() > 0 {
                let waker = waiters.get_mut(next).and_then(Option::take);
                if let (Some(waker), Some(place)) = (waker, room.next()) {
                    *place = Some(waker);
                }
                next += 1;
            }
            drop(waiters);
            batch.into_iter().flatten().for_each(Waker::wake);
            if next >= keys {
                return;
            }
            waiters = list.lock();
        }
    }

    /// Readers that have a place in a list.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.lists.iter().map(|list| list.lock().len()).sum()
    }
}

fn bit(list: usize) -> u64 {
    1 << list
}

// === impl Listener ===

impl Listener {
    /// [`Log::read`] that waits at the live edge instead of saying [`Read::Empty`]. The task is
    /// woken once for each time that it has been told to wait.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        cursor: Cursor,
        limit: usize,
        batch: &mut Batch,
    ) -> Poll<Read> {
        self.poll_with(cx, |log| log.read(cursor, limit, batch))
    }

    /// [`Log::share`] that waits likewise.
    pub fn poll_share(
        &mut self,
        cx: &mut Context<'_>,
        cursor: Cursor,
        limit: usize,
        piece: &mut Piece,
    ) -> Poll<Read> {
        self.poll_with(cx, |log| log.share(cursor, limit, piece))
    }

    /// [`Log::share_newest`] that waits likewise.
    pub fn poll_share_newest(
        &mut self,
        cx: &mut Context<'_>,
        cursor: Cursor,
        limit: usize,
        piece: &mut Piece,
    ) -> Poll<Read> {
        self.poll_with(cx, |log| log.share_newest(cursor, limit, piece))
    }

    fn poll_with(
        &mut self,
        cx: &mut Context<'_>,
        mut read: impl FnMut(&Log) -> Read,
    ) -> Poll<Read> {
        match read(&self.log) {
            Read::Empty => {}
            read => return Poll::Ready(read),
        }
        self.register(cx.waker());
        // What was appended before the registration has woken nobody.
        match read(&self.log) {
            Read::Empty => Poll::Pending,
            read => Poll::Ready(read),
        }
    }

    /// Likewise. May be dropped while it waits: nothing is lost, for the cursor has not moved.
    pub async fn read(&mut self, cursor: Cursor, limit: usize, batch: &mut Batch) -> Read {
        poll_fn(|cx| self.poll_read(cx, cursor, limit, batch)).await
    }

    /// [`Log::read_newest`] that waits likewise.
    pub async fn read_newest(&mut self, cursor: Cursor, limit: usize, batch: &mut Batch) -> Read {
        poll_fn(|cx| self.poll_with(cx, |log| log.read_newest(cursor, limit, batch))).await
    }

    fn register(&mut self, waker: &Waker) {
        let Some(list) = self.news.lists.get(self.list) else {
            return;
        };
        let mut waiters = list.lock();
        let key = *self.key.get_or_insert_with(|| waiters.insert(None));
        let before = match waiters.get_mut(key) {
            Some(Some(there)) if there.will_wake(waker) => None,
            Some(there) => there.replace(waker.clone()),
            None => None,
        };
        self.news.waiting.fetch_or(bit(self.list), Ordering::AcqRel);
        drop(waiters);
        // Its task may go with it, and whatever that holds: not under the lock.
        drop(before);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let (Some(key), Some(list)) = (self.key, self.news.lists.get(self.list)) else {
            return;
        };
        let mut waiters = list.lock();
        let waker = waiters.try_remove(key);
        if waiters.is_empty() {
            // A crowd that has gone leaves neither its memory nor a scan for the next event.
            waiters.shrink_to_fit();
            self.news
                .waiting
                .fetch_and(!bit(self.list), Ordering::AcqRel);
        }
        drop(waiters);
        drop(waker);
    }
}

#[cfg(all(test, not(feature = "loom")))]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;
    use crate::log::{Bounds, Budget, Draft, Identity, Writer};
    use crate::position::{Epoch, Offset};

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn topic() -> (Arc<Log>, Writer, Arc<News>) {
        let (log, writer) = Log::new(Epoch::new(1), Bounds::default(), Budget::new(usize::MAX));
        (log, writer, News::new())
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

    fn poll(listener: &mut Listener, waker: &Arc<Wakes>, place: u64) -> Poll<Read> {
        let waker = Waker::from(Arc::clone(waker));
        let mut batch = Batch::default();
        let cursor = Cursor::at(Offset(place));
        listener.poll_read(&mut Context::from_waker(&waker), cursor, 1, &mut batch)
    }

    #[test]
    fn a_crowd_is_woken_once_for_each_time_that_it_waits() {
        const CROWD: usize = LISTS * BATCH * 2 + 1;
        let (log, mut writer, news) = topic();
        let mut crowd: Vec<_> = (0..CROWD)
            .map(|_| (news.listen(&log), Arc::new(Wakes::default())))
            .collect();
        for round in 0..3 {
            for (listener, wakes) in &mut crowd {
                assert_eq!(poll(listener, wakes, round), Poll::Pending);
                assert_eq!(poll(listener, wakes, round), Poll::Pending, "asked again");
            }
            append(&mut writer);
            news.publish();
            news.publish();
            for (listener, wakes) in &mut crowd {
                assert_eq!(wakes.0.swap(0, Ordering::Relaxed), 1);
                assert_eq!(poll(listener, wakes, round), Poll::Ready(Read::Frames));
            }
        }
        assert_eq!(news.places(), CROWD);
    }

    #[test]
    fn a_reader_that_never_waits_has_no_place_and_one_that_goes_leaves_none() {
        let (log, mut writer, news) = topic();
        let wakes = Arc::new(Wakes::default());
        append(&mut writer);
        let mut listener = news.listen(&log);
        assert_eq!(poll(&mut listener, &wakes, 0), Poll::Ready(Read::Frames));
        assert_eq!(news.places(), 0);
        assert_eq!(poll(&mut listener, &wakes, 1), Poll::Pending);
        assert_eq!(news.places(), 1);
        drop(listener);
        assert_eq!(news.places(), 0);
        assert_eq!(news.waiting.load(Ordering::Relaxed), 0);
        assert_eq!(Arc::strong_count(&wakes), 1, "its waker is kept");
        append(&mut writer);
        news.publish();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_task_that_asked_last_is_the_one_that_is_woken() {
        let (log, writer, news) = topic();
        let (first, second) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
        let mut listener = news.listen(&log);
        assert_eq!(poll(&mut listener, &first, 0), Poll::Pending);
        assert_eq!(poll(&mut listener, &second, 0), Poll::Pending);
        drop(writer);
        news.publish();
        let woken = [first, second].map(|wakes| wakes.0.load(Ordering::Relaxed));
        assert_eq!(woken, [0, 1]);
    }
}
