//! The log between threads: one writer, many readers, a lock held only to push or to copy.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::cursor::{Batch, Cursor, Pick, Piece, Place, Reach, Read, Snapshot};
use super::frame::{Draft, Frame};
use super::ring::{Appended, Ring};
use super::sync::Mutex;
use super::{Bounds, Budget};
use crate::event::{EventId, EventName};
use crate::position::{Epoch, Offset, Position};
use crate::sse::write;

/// The readers' side of a topic's log.
#[derive(Debug)]
pub struct Log {
    ring: Mutex<Ring>,
    epoch: Epoch,
    budget: Arc<Budget>,
}

/// The writing side; there is one, and it can not be cloned (I7). Dropping it seals the log.
#[derive(Debug)]
pub struct Writer {
    log: Arc<Log>,
    next: Offset,
    /// For comparing a candidate with what is kept, without allocating each time.
    scratch: Vec<u8>,
}

impl Log {
    /// A new log and its one writer. It knows nothing of keys.
    pub fn new(epoch: Epoch, bounds: Bounds, budget: Arc<Budget>) -> (Arc<Self>, Writer) {
        Self::with_keys(epoch, bounds, 0, budget)
    }

    /// Likewise, and the newest frames of `max_keys` keys are kept beyond its bounds; 0 = none.
    pub fn with_keys(
        epoch: Epoch,
        bounds: Bounds,
        max_keys: usize,
        budget: Arc<Budget>,
    ) -> (Arc<Self>, Writer) {
        let log = Arc::new(Self {
            ring: Mutex::new(Ring::new(bounds, max_keys)),
            epoch,
            budget,
        });
        let writer = Writer {
            log: Arc::clone(&log),
            next: Offset(0),
            scratch: Vec::new(),
        };
        (log, writer)
    }

    /// Which life of the topic this log is.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Copies what lies from the cursor on into `batch`: at least one frame, then as many as
    /// `reach` allows. The cursor is moved by the caller.
    pub fn read(&self, cursor: Cursor, reach: impl Into<Reach>, batch: &mut Batch) -> Read {
        let reach = reach.into();
        self.ring.lock().read(cursor, Pick::Every, reach, batch)
    }

    /// Likewise, but frames that a newer one of the same key replaces are passed over, whether they
    /// are still there or not. Without keys, [`Log::read`].
    pub fn read_newest(&self, cursor: Cursor, reach: impl Into<Reach>, batch: &mut Batch) -> Read {
        let reach = reach.into();
        self.ring.lock().read(cursor, Pick::Newest, reach, batch)
    }

    /// Like [`Log::read`], for readers that keep what they get: those at the same place get the same
    /// bytes, which are copied once for all or, if it is the newest frame, not at all.
    pub fn share(&self, cursor: Cursor, limit: usize, piece: &mut Piece) -> Read {
        self.ring.lock().share(cursor, Pick::Every, limit, piece)
    }

    /// [`Log::read_newest`] for such readers.
    pub fn share_newest(&self, cursor: Cursor, limit: usize, piece: &mut Piece) -> Read {
        self.ring.lock().share(cursor, Pick::Newest, limit, piece)
    }

    /// One frame's bytes, if it is still kept.
    pub fn frame(&self, offset: Offset) -> Option<Bytes> {
        self.ring.lock().frame(offset)
    }

    /// Where a client that brings this id reads on.
    pub fn find(&self, id: &str, now: Instant) -> Place {
        let mut ring = self.ring.lock();
        ring.expire(now, &self.budget);
        ring.find(id, self.epoch)
    }

    /// Where a client without an id begins.
    pub fn newcomers_place(&self) -> Offset {
        self.ring.lock().newcomers_place()
    }

    /// Where a client begins that gets this before the live stream.
    pub fn begin(&self, snapshot: Snapshot) -> Cursor {
        self.ring.lock().begin(snapshot)
    }

    /// Where a client goes on that has seen everything before `place`, and of the rest gets the
    /// newest of each key until it has caught up with now.
    pub fn snapshot_from(&self, place: Offset) -> Cursor {
        self.ring.lock().snapshot_from(place)
    }

    /// Whether somebody at `place` who picks the newest frames would miss one.
    pub fn has_lost_since(&self, place: Offset) -> bool {
        self.ring.lock().has_lost_since(place)
    }

    /// The place behind the newest frame that readers see.
    pub fn edge(&self) -> Offset {
        self.ring.lock().shown()
    }

    /// Frames ever appended.
    pub fn appended(&self) -> u64 {
        self.ring.lock().edge().0
    }

    /// From here on nobody sees a frame before it is released, and everybody picks the newest.
    pub fn hold(&self) {
        self.ring.lock().hold();
    }

    /// Shows all that is held back.
    pub fn release(&self) {
        self.ring.lock().release();
    }

    /// Whether every reader picks the newest, because frames are held back and have keys.
    pub fn conflates_all(&self) -> bool {
        self.ring.lock().conflates_all()
    }

    /// The place of the oldest frame kept.
    pub fn oldest(&self) -> Offset {
        self.ring.lock().oldest()
    }

    /// Frames and bytes kept.
    pub fn size(&self) -> (usize, usize) {
        let ring = self.ring.lock();
        (ring.len(), ring.weight())
    }

    /// Lets go of the older half, whoever has not read it. The newest frame stays.
    pub fn halve(&self) {
        self.ring.lock().halve(&self.budget);
    }

    /// Bytes that remember the ids of evicted frames, counted against all logs together.
    #[cfg(test)]
    pub(super) fn departed_weight(&self) -> usize {
        self.ring.lock().departed_weight()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let ring = self.ring.lock();
        let weight = ring.weight() + ring.departed_weight();
        drop(ring);
        self.budget.give_back(weight);
    }
}

impl Writer {
    /// Encodes the draft and appends it. The encoding happens outside of the lock: the only writer
    /// knows the next offset.
    pub fn append(&mut self, draft: &Draft<'_>, now: Instant) -> Appended {
        let position = Position {
            epoch: self.log.epoch,
            offset: self.next,
        };
        let frame = Frame::encode(draft, position, now);
        let budget = &self.log.budget;
        let appended = self.log.ring.lock().push(frame, draft.about(), budget);
        debug_assert_eq!(appended.offset, self.next, "offsets are dense");
        self.next = self.next.next();
        appended
    }

    /// The offset of the frame that is appended next.
    pub fn next(&self) -> Offset {
        self.next
    }

    /// Whether a frame in the log holds this id.
    pub fn knows(&self, id: &EventId) -> bool {
        self.log.ring.lock().knows(id)
    }

    /// Whether a frame before `before` holds this id and says the same.
    pub fn repeats(
        &mut self,
        id: &EventId,
        name: Option<&EventName>,
        data: &str,
        before: Offset,
    ) -> bool {
        self.scratch.clear();
        write::body(&mut self.scratch, name, data);
        self.log.ring.lock().repeats(id, &self.scratch, before)
    }

    /// From where newcomers read; `None` = from the live edge.
    pub fn set_newcomers_from(&mut self, from: Option<Offset>) {
        self.log.ring.lock().set_newcomers_from(from);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A log whose writer is gone can not grow: readers must not wait for it (I6).
        self.log.ring.lock().seal();
    }
}
