//! The frames kept, bounded by count, bytes and age; single-threaded.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::cursor::{Piece, Place};
use super::departed::Departed;
use super::frame::{About, Frame};
use super::ids::Ids;
use super::keys::Keys;
use super::{Bounds, Budget};
use crate::event::EventId;
use crate::position::{Epoch, Offset, Position};

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The new frame's offset.
    pub offset: Offset,
    /// How many old frames had to go.
    pub evicted: u64,
    /// How many keys were forgotten since the last append, because their newest frames were more
    /// than may be kept.
    pub forgotten: u64,
}

#[derive(Debug)]
pub(super) struct Ring {
    pub(super) frames: VecDeque<Frame>,
    /// Offset of the oldest frame kept.
    pub(super) oldest: Offset,
    weight: usize,
    bounds: Bounds,
    ids: Ids,
    departed: Departed,
    pub(super) keys: Option<Box<Keys>>,
    /// The newest frame that announces no loss.
    pub(super) newest_event: Option<Offset>,
    pub(super) sealed: bool,
    /// Whether frames are held back until they are released, for all readers alike.
    pub(super) is_paced: bool,
    /// The place behind the last frame that was released, while they are.
    released: Option<Offset>,
    /// The newest of those that announces no loss.
    pub(super) last_shown: Option<Offset>,
    /// Where a newcomer begins, if not at the live edge.
    newcomers_from: Option<Offset>,
    /// The piece that was put together last, until there is more to be put into one.
    pub(super) piece: Option<Piece>,
}

impl Ring {
    /// `max_keys` = 0: the log keeps no keys.
    pub(super) fn new(bounds: Bounds, max_keys: usize) -> Self {
        Self {
            keys: (max_keys > 0).then(|| Box::new(Keys::new(max_keys, bounds))),
            newest_event: None,
            frames: VecDeque::new(),
            oldest: Offset(0),
            weight: 0,
            bounds,
            ids: Ids::default(),
            departed: Departed::new(bounds),
            sealed: false,
            is_paced: false,
            released: None,
            last_shown: None,
            newcomers_from: None,
            piece: None,
        }
    }

    pub(super) fn edge(&self) -> Offset {
        Offset(self.oldest.0 + self.frames.len() as u64)
    }

    /// The place behind the newest frame that readers see.
    pub(super) fn shown(&self) -> Offset {
        self.released.unwrap_or(self.edge())
    }

    /// From here on frames are held back until they are released.
    pub(super) fn hold(&mut self) {
        self.is_paced = true;
        self.released = Some(self.edge());
    }

    /// Shows all that is held back.
    pub(super) fn release(&mut self) {
        if self.released.is_some() {
            self.released = Some(self.edge());
            self.last_shown = self.newest_event;
        }
    }

    /// Whether every reader picks the newest.
    pub(super) fn conflates_all(&self) -> bool {
        self.is_paced && self.keys.is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len() + self.keys.as_ref().map_or(0, |keys| keys.len())
    }

    pub(super) fn weight(&self) -> usize {
        self.weight + self.keys.as_ref().map_or(0, |keys| keys.weight())
    }

    /// What is remembered of evicted frames, beyond the log's bounds.
    pub(super) fn departed_weight(&self) -> usize {
        self.departed.weight()
    }

    pub(super) fn push(&mut self, frame: Frame, about: About<'_>, budget: &Budget) -> Appended {
        debug_assert!(!self.sealed, "the writer is gone once a log is sealed");
        self.piece = None;
        let (offset, now) = (self.edge(), frame.at);
        if let Some(id) = &frame.id {
            self.ids.insert(id, offset);
        }
        if let Some(keys) = &mut self.keys {
            keys.push(about, offset, budget);
        }
        if about != About::Loss {
            self.newest_event = Some(offset);
        }
        self.weight += frame.weight();
        budget.take(frame.weight());
        self.frames.push_back(frame);
        let before = self.oldest;
        while budget.is_exceeded() && self.forget(budget) {}
        while self.frames.len() > 1 && (self.is_over_bounds() || budget.is_exceeded()) {
            self.evict_oldest(budget);
            while budget.is_exceeded() && self.forget(budget) {}
        }
        self.expire(now, budget);
        Appended {
            offset,
            evicted: self.oldest.since(before),
            forgotten: self.keys.as_mut().map_or(0, |keys| keys.take_forgotten()),
        }
    }

    fn is_over_bounds(&self) -> bool {
        let keys = self.keys.as_ref().map_or(0, |keys| keys.ring_weight());
        self.frames.len() > self.bounds.events.max(1) || self.weight + keys > self.bounds.bytes
    }

    /// Forgets what is older than the ring; whether there was something.
    fn forget(&mut self, budget: &Budget) -> bool {
        self.departed.forget_oldest(budget)
            || self
                .keys
                .as_mut()
                .is_some_and(|keys| keys.forget_oldest(budget))
    }

    /// Lets go of half of all that is kept, in the order in which a full log does: first what is
    /// older than the ring, then the oldest frames. The newest frame stays.
    pub(super) fn halve(&mut self, budget: &Budget) {
        let kept = |ring: &Self| ring.weight() + ring.departed_weight();
        let goal = kept(self) / 2;
        self.piece = None;
        while kept(self) > goal {
            if self.forget(budget) {
                continue;
            }
            if self.frames.len() <= 1 {
                break;
            }
            self.evict_oldest(budget);
        }
        self.frames.shrink_to_fit();
    }

    /// Evicts what is older than the bound; the newest frame stays whatever its age.
    pub(super) fn expire(&mut self, now: Instant, budget: &Budget) {
        let age = self.bounds.age;
        let too_old = |frame: &Frame| now.saturating_duration_since(frame.at) > age;
        while !age.is_zero() && self.frames.len() > 1 && self.frames.front().is_some_and(too_old) {
            self.evict_oldest(budget);
        }
    }

    fn evict_oldest(&mut self, budget: &Budget) {
        if let Some(frame) = self.frames.pop_front() {
            if let Some(keys) = &mut self.keys {
                keys.evict(&frame, self.oldest, budget);
            }
            self.oldest = self.oldest.next();
            self.weight -= frame.weight();
            budget.give_back(frame.weight());
            if let Some(id) = frame.id
                && let Some(place) = self.ids.remove_earliest_kept(&id)
            {
                self.departed.push(id, place, budget);
            }
        }
    }

    pub(super) fn slot(&self, offset: Offset) -> Option<usize> {
        usize::try_from(offset.0.checked_sub(self.oldest.0)?).ok()
    }

    pub(super) fn frame(&self, offset: Offset) -> Option<Bytes> {
        match self.slot(offset) {
            Some(slot) => self.frames.get(slot).map(|frame| frame.bytes.clone()),
            None => self.keys.as_ref()?.frame(offset).cloned(),
        }
    }

    /// Where a client that has seen the frame with this id reads on.
    pub(super) fn find(&self, id: &str, epoch: Epoch) -> Place {
        let oldest = self.oldest;
        let upstreams = EventId::new(id);
        // A cascade's tokens are ordinary ids here, so the index is asked before the token.
        if let Some(holder) = upstreams.as_ref().and_then(|id| self.ids.earliest(id)) {
            return self.behind(holder);
        }
        let token = id.parse::<Position>().ok();
        if let Some(token) = token.filter(|token| token.epoch == epoch) {
            if token.offset >= self.edge() && token.offset != Offset::BEFORE_FIRST {
                return Place::Unknown { oldest };
            }
            return self.behind(token.offset);
        }
        match (upstreams.and_then(|id| self.departed.place(&id)), token) {
            (Some(place), _) => self.behind(place),
            (None, Some(_)) => Place::OtherEpoch { oldest },
            (None, None) => Place::Unknown { oldest },
        }
    }

    /// Where somebody who has seen the frame at `offset` reads on.
    fn behind(&self, offset: Offset) -> Place {
        let (next, oldest) = (offset.next(), self.oldest);
        if next < oldest {
            return Place::Evicted {
                missed: oldest.since(next),
                oldest,
            };
        }
        Place::At(next)
    }

    pub(super) fn knows(&self, id: &EventId) -> bool {
        self.ids.earliest(id).is_some()
    }

    /// Whether a frame before `before` has this id and says the same.
    pub(super) fn repeats(&self, id: &EventId, body: &[u8], before: Offset) -> bool {
        self.ids
            .holders(id)
            .take_while(|offset| *offset < before)
            .filter_map(|offset| self.frames.get(self.slot(offset)?))
            .any(|frame| frame.body() == body)
    }

    pub(super) fn newcomers_place(&self) -> Offset {
        self.newcomers_from
            .map_or(self.shown(), |from| from.min(self.shown()).max(self.oldest))
    }

    pub(super) fn oldest(&self) -> Offset {
        self.oldest
    }

    pub(super) fn set_newcomers_from(&mut self, from: Option<Offset>) {
        self.newcomers_from = from;
    }

    pub(super) fn seal(&mut self) {
        self.release();
        self.released = None;
        self.sealed = true;
    }
}
