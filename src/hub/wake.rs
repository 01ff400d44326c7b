//! How a topic tells shards that it has something new: a dirty mark for each shard.
//!
//! Invariants: a wake for each batch, not for each event, because a mark is set once until the
//! shard has looked; no lock is held while waking (I5); a frame is never missed, because a shard
//! clears its mark *before* it reads the log, and reads the log *after* it has registered.

use std::fmt;
use std::sync::Arc;

use super::sync::{AtomicU64, Mutex, Ordering};

/// Ends a shard's wait. Implemented by delivery, called by whoever appends.
pub trait Wake: Send + Sync + fmt::Debug {
    /// Makes the shard look at its door.
    fn wake(&self);
}

/// A shard's own number for a topic; never 0.
pub type Slot = std::num::NonZeroU32;

/// Where topics knock: the slots of the dirty ones, and the shard's waker.
#[derive(Debug)]
pub struct Door {
    /// Bounded by the shard's topics: a topic is in it at most once, because of its mark, and once
    /// more each time that the shard has left it and come back since it took the list.
    dirty: Mutex<Vec<Slot>>,
    waker: Box<dyn Wake>,
}

impl Door {
    /// A door with nobody at it.
    pub fn new(waker: Box<dyn Wake>) -> Arc<Self> {
        Arc::new(Self {
            dirty: Mutex::new(Vec::new()),
            waker,
        })
    }

    /// Moves the dirty topics' slots into `into`, which must be empty; its capacity is reused.
    pub fn take_dirty(&self, into: &mut Vec<Slot>) {
        std::mem::swap(&mut *self.dirty.lock(), into);
    }

    /// Makes the shard look for another reason than a dirty topic.
    pub fn wake(&self) {
        self.waker.wake();
    }

    fn knock(&self, slot: Slot) {
        let mut dirty = self.dirty.lock();
        let is_first = dirty.is_empty();
        dirty.push(slot);
        drop(dirty);
        // Those behind the first are taken with it.
        if is_first {
            self.waker.wake();
        }
    }
}

/// A topic's marks, one for each shard.
#[derive(Debug)]
pub struct Marks(Box<[Mark]>);

/// The shard's slot for the topic (0 = the shard has no subscriber of it) above the dirty bit.
///
/// One word, changed in one step: were the bit beside the slot, a knock under a slot that has just
/// been given up would leave the bit set, and a shard that has come back to the topic under another
/// slot would never be told again.
#[derive(Debug)]
struct Mark(AtomicU64);

impl Mark {
    const DIRTY: u64 = 1;

    /// From here on the shard is known by `slot`, and has not been told anything.
    fn set(&self, slot: u32) {
        self.0.swap(u64::from(slot) << 1, Ordering::AcqRel);
    }

    fn clear(&self) {
        self.0.fetch_and(!Self::DIRTY, Ordering::AcqRel);
    }

    /// Sets the dirty bit. The slot to knock under, if there is one and the bit was not set.
    fn dirty(&self) -> Option<Slot> {
        let before = self.0.fetch_or(Self::DIRTY, Ordering::AcqRel);
        let is_clean = before & Self::DIRTY == 0;
        u32::try_from(before >> 1)
            .ok()
            .filter(|_| is_clean)
            .and_then(Slot::new)
    }
}

impl Marks {
    /// Marks for so many shards, nobody registered.
    pub fn new(shards: usize) -> Self {
        Self((0..shards).map(|_| Mark(AtomicU64::new(0))).collect())
    }

    /// From now on the shard is told. It must read the log once after this call.
    pub fn register(&self, shard: usize, slot: Slot) {
        if let Some(mark) = self.0.get(shard) {
            mark.set(slot.get());
        }
    }

    /// From now on the shard is not told any more; a last knock may still be at its door, and mean
    /// a topic that gets the slot next: a look too many, nothing else.
    pub fn unregister(&self, shard: usize) {
        if let Some(mark) = self.0.get(shard) {
            mark.set(0);
        }
    }

    /// Clears the shard's mark. To be called before the log is read, never after.
    pub fn look(&self, shard: usize) {
        if let Some(mark) = self.0.get(shard) {
            mark.clear();
        }
    }

    /// Tells every registered shard that has not been told since it looked last. To be called
    /// after the log was written, with no lock held.
    pub fn publish(&self, doors: &[Arc<Door>]) {
        for (mark, door) in self.0.iter().zip(doors) {
            if let Some(slot) = mark.dirty() {
                door.knock(slot);
            }
        }
    }
}
