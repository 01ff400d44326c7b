//! The frames kept, bounded by count, bytes and age; single-threaded.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::cursor::{Batch, Piece, Place, Read};
use super::departed::Departed;
use super::frame::Frame;
use super::ids::Ids;
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
}

#[derive(Debug)]
pub(super) struct Ring {
    frames: VecDeque<Frame>,
    /// Offset of the oldest frame kept.
    oldest: Offset,
    weight: usize,
    bounds: Bounds,
    ids: Ids,
    departed: Departed,
    sealed: bool,
    /// Where a newcomer begins, if not at the live edge.
    newcomers_from: Option<Offset>,
    /// The piece that was put together last, until there is more to be put into one.
    piece: Option<Piece>,
}

impl Ring {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            frames: VecDeque::new(),
            oldest: Offset(0),
            weight: 0,
            bounds,
            ids: Ids::default(),
            departed: Departed::new(bounds),
            sealed: false,
            newcomers_from: None,
            piece: None,
        }
    }

    pub(super) fn edge(&self) -> Offset {
        Offset(self.oldest.0 + self.frames.len() as u64)
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// What is remembered of evicted frames, beyond the log's bounds.
    pub(super) fn departed_weight(&self) -> usize {
        self.departed.weight()
    }

    pub(super) fn push(&mut self, frame: Frame, budget: &Budget) -> Appended {
        debug_assert!(!self.sealed, "the writer is gone once a log is sealed");
        self.piece = None;
        let (offset, now) = (self.edge(), frame.at);
        if let Some(id) = &frame.id {
            self.ids.insert(id, offset);
        }
        self.weight += frame.weight();
        budget.take(frame.weight());
        self.frames.push_back(frame);
        let before = self.oldest;
        while budget.is_exceeded() && self.departed.forget_oldest(budget) {}
        while self.frames.len() > 1 && (self.is_over_bounds() || budget.is_exceeded()) {
            self.evict_oldest(budget);
            while budget.is_exceeded() && self.departed.forget_oldest(budget) {}
        }
        self.expire(now, budget);
        Appended {
            offset,
            evicted: self.oldest.since(before),
        }
    }

    fn is_over_bounds(&self) -> bool {
        self.frames.len() > self.bounds.events.max(1) || self.weight > self.bounds.bytes
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

    fn slot(&self, offset: Offset) -> Option<usize> {
        usize::try_from(offset.0.checked_sub(self.oldest.0)?).ok()
    }

    /// Copies frames from `from` on into `batch`: at least one, then as many as `limit` bytes hold.
    pub(super) fn read(&self, from: Offset, limit: usize, batch: &mut Batch) -> Read {
        batch.restart(from);
        let Some(slot) = self.slot(from) else {
            return Read::Gap {
                missed: self.oldest.since(from),
                oldest: self.oldest,
            };
        };
        for frame in self.frames.iter().skip(slot) {
            if !batch.is_empty() && batch.bytes.len() + frame.bytes.len() > limit {
                break;
            }
            batch.push(&frame.bytes, frame.at);
        }
        match (batch.is_empty(), self.sealed) {
            (false, _) => Read::Frames,
            (true, false) => Read::Empty,
            (true, true) => Read::Sealed,
        }
    }

    /// Like [`Ring::read`], into a piece that whoever stands at the same place gets too: one frame is
    /// the log's own bytes, several are put together once.
    pub(super) fn share(&mut self, from: Offset, limit: usize, piece: &mut Piece) -> Read {
        if let Some(slot) = self.slot(from)
            && slot + 1 == self.frames.len()
            && let Some(frame) = self.frames.back()
        {
            *piece = Piece {
                bytes: frame.bytes.clone(),
                frames: 1,
                end: from.next(),
            };
            return Read::Frames;
        }
        if let Some(known) = &self.piece
            && known.end.since(from) == known.frames
            && known.bytes.len() <= limit
        {
            *piece = known.clone();
            return Read::Frames;
        }
        let mut batch = Batch::default();
        let read = self.read(from, limit, &mut batch);
        if read == Read::Frames {
            piece.frames = batch.len() as u64;
            piece.end = batch.end();
            piece.bytes = Bytes::from(batch.bytes.into_boxed_slice());
            self.piece = Some(piece.clone());
        }
        read
    }

    pub(super) fn frame(&self, offset: Offset) -> Option<Bytes> {
        self.frames
            .get(self.slot(offset)?)
            .map(|frame| frame.bytes.clone())
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
            .map_or(self.edge(), |from| from.max(self.oldest))
    }

    pub(super) fn oldest(&self) -> Offset {
        self.oldest
    }

    pub(super) fn set_newcomers_from(&mut self, from: Option<Offset>) {
        self.newcomers_from = from;
    }

    pub(super) fn seal(&mut self) {
        self.sealed = true;
    }
}
