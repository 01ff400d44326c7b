//! The newest frame of each key, kept until a newer one replaces it.
//!
//! A frame of the ring that a newer one of its key replaces is marked. One that nothing replaces is
//! not gone when the ring evicts it: it moves here. So a log with keys is one sequence of offsets
//! with holes: the frames kept, then the ring. What is really gone, because it has no key or because
//! there was no room for it, is remembered by the newest such place.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::cursor::Batch;
use super::frame::{About, BOOKKEEPING, Frame};
use super::{Bounds, Budget};
use crate::position::Offset;

/// What a key costs beyond its text: its reference count and its index entry.
pub(super) const KEY_BOOKKEEPING: usize = 96;
/// Bytes kept for each of `max_keys`, on average: with the key and all bookkeeping, three times an
/// ordinary event.
pub(super) const KEPT_BYTES: usize = 1 << 10;

#[derive(Debug)]
pub(super) struct Keys {
    newest: HashMap<Arc<str>, Offset>,
    /// What each frame of the ring is about, beside the frames, so that a log without keys has
    /// none of it.
    slots: VecDeque<Slot>,
    kept: BTreeMap<Offset, Kept>,
    most: usize,
    most_bytes: usize,
    /// Of the keys whose newest frame is in the ring.
    ring_weight: usize,
    kept_weight: usize,
    /// The place behind the newest frame that is gone and that nothing replaces.
    lost: Offset,
    /// Frames kept that had to go, since they were last asked for.
    forgotten: u64,
}

#[derive(Debug)]
enum Slot {
    /// The announcement of a loss.
    Loss,
    /// An event without a key: nothing replaces it.
    Plain,
    /// The newest of its key.
    Newest(Arc<str>),
    /// There is a newer one of its key, the next at this place.
    Replaced(Offset),
}

#[derive(Debug)]
struct Kept {
    key: Arc<str>,
    bytes: Bytes,
    at: Instant,
}

impl Kept {
    fn weight(&self) -> usize {
        self.bytes.len() + BOOKKEEPING
    }
}

impl Keys {
    pub(super) fn new(most: usize, bounds: Bounds) -> Self {
        Self {
            newest: HashMap::new(),
            slots: VecDeque::new(),
            kept: BTreeMap::new(),
            most,
            most_bytes: most.saturating_mul(KEPT_BYTES).max(bounds.bytes),
            ring_weight: 0,
            kept_weight: 0,
            lost: Offset(0),
            forgotten: 0,
        }
    }

    /// The ring gets a frame at `offset`.
    pub(super) fn push(&mut self, about: About<'_>, offset: Offset, budget: &Budget) {
        let slot = match about {
            About::Loss => Slot::Loss,
            About::Nothing => Slot::Plain,
            About::Key(key) => Slot::Newest(self.replace(key, offset, budget)),
        };
        self.slots.push_back(slot);
    }

    /// The newest frame of `key` is now at `offset`, and the one before it is replaced.
    fn replace(&mut self, key: &str, offset: Offset, budget: &Budget) -> Arc<str> {
        let oldest = offset.0 - self.slots.len() as u64;
        let before = self.newest.get_mut(key).map(|newest| {
            let before = mem::replace(newest, offset);
            (before, before.0.checked_sub(oldest))
        });
        let holder = match before {
            None => None,
            Some((before, None)) => self.kept.remove(&before).map(|kept| {
                self.kept_weight -= kept.weight() + weigh(&kept.key);
                self.ring_weight += weigh(&kept.key);
                budget.give_back(kept.weight());
                kept.key
            }),
            Some((_, Some(slot))) => {
                let slot = usize::try_from(slot).ok();
                match slot.and_then(|slot| self.slots.get_mut(slot)) {
                    Some(slot) => match mem::replace(slot, Slot::Replaced(offset)) {
                        Slot::Newest(key) => Some(key),
                        _ => None,
                    },
                    None => None,
                }
            }
        };
        holder.unwrap_or_else(|| {
            let key: Arc<str> = Arc::from(key);
            self.ring_weight += weigh(&key);
            budget.take(weigh(&key));
            self.newest.insert(Arc::clone(&key), offset);
            key
        })
    }

    /// The ring has let go of its oldest frame, which stood at `offset`.
    pub(super) fn evict(&mut self, frame: &Frame, offset: Offset, budget: &Budget) {
        match self.slots.pop_front() {
            None | Some(Slot::Replaced(_)) => {}
            Some(Slot::Loss | Slot::Plain) => self.lost = self.lost.max(offset.next()),
            Some(Slot::Newest(key)) => {
                let kept = Kept {
                    key,
                    bytes: frame.bytes.clone(),
                    at: frame.at,
                };
                self.ring_weight -= weigh(&kept.key);
                self.kept_weight += kept.weight() + weigh(&kept.key);
                budget.take(kept.weight());
                self.kept.insert(offset, kept);
            }
        }
        while self.kept.len() > self.most || self.kept_weight > self.most_bytes {
            self.forget_oldest(budget);
        }
    }

    /// Whether there was one to forget.
    pub(super) fn forget_oldest(&mut self, budget: &Budget) -> bool {
        let Some((offset, kept)) = self.kept.pop_first() else {
            return false;
        };
        let weight = kept.weight() + weigh(&kept.key);
        self.kept_weight -= weight;
        budget.give_back(weight);
        self.newest.remove(&kept.key);
        self.lost = self.lost.max(offset.next());
        self.forgotten += 1;
        true
    }

    /// Copies what nothing replaces of `range` into `batch`: at least one frame, then as many as
    /// `limit` bytes hold. `frames` are the ring's.
    pub(super) fn copy(
        &self,
        frames: &Frames<'_>,
        range: Range<Offset>,
        limit: usize,
        batch: &mut Batch,
    ) {
        if range.is_empty() {
            return;
        }
        for (offset, kept) in self.kept.range(range.clone()) {
            if !batch.push_at(*offset, &kept.bytes, kept.at, limit) {
                return;
            }
        }
        let begin = range.start.max(frames.oldest);
        let skipped = usize::try_from(begin.since(frames.oldest)).unwrap_or(usize::MAX);
        let count = usize::try_from(range.end.since(begin)).unwrap_or(usize::MAX);
        let ring = frames.ring.iter().zip(&self.slots).skip(skipped);
        for (place, (frame, slot)) in ring.take(count).enumerate() {
            let is_wanted = match slot {
                Slot::Replaced(by) => *by >= frames.shown,
                Slot::Loss => frames.losses,
                Slot::Plain | Slot::Newest(_) => true,
            };
            let offset = Offset(begin.0 + place as u64);
            if is_wanted && !batch.push_at(offset, &frame.bytes, frame.at, limit) {
                return;
            }
        }
    }

    pub(super) fn frame(&self, offset: Offset) -> Option<&Bytes> {
        self.kept.get(&offset).map(|kept| &kept.bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn lost(&self) -> Offset {
        self.lost
    }

    /// What counts against the ring's bound.
    pub(super) fn ring_weight(&self) -> usize {
        self.ring_weight
    }

    pub(super) fn weight(&self) -> usize {
        self.ring_weight + self.kept_weight
    }

    pub(super) fn take_forgotten(&mut self) -> u64 {
        mem::take(&mut self.forgotten)
    }
}

/// The ring's frames, for reading.
pub(super) struct Frames<'a> {
    pub(super) ring: &'a VecDeque<Frame>,
    pub(super) oldest: Offset,
    /// The place behind the newest that is shown: what replaces a frame there replaces it.
    pub(super) shown: Offset,
    /// Whether announcements of a loss are read: they mean nothing to somebody who was not there.
    pub(super) losses: bool,
}

fn weigh(key: &str) -> usize {
    key.len() + KEY_BOOKKEEPING
}
