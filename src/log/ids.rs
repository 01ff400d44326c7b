//! Upstream id → offsets of the frames that hold it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::event::EventId;
use crate::position::Offset;

/// An index over the frames kept. An id that several frames hold means the earliest of them, so
/// that a returning client gets some frames twice rather than some never. It still does when that
/// one has been evicted and a later one is kept: the client may have seen only the evicted one, and
/// placing it behind the later one would lose what lies between without a word.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<EventId, Holders>);

#[derive(Debug)]
enum Holders {
    One(Offset),
    Many {
        /// Kept or evicted.
        earliest: Offset,
        /// Rising.
        kept: VecDeque<Offset>,
    },
}

impl Ids {
    pub(super) fn insert(&mut self, id: &EventId, offset: Offset) {
        match self.0.entry(id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(Holders::One(offset));
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Holders::One(earliest) => {
                    let (earliest, kept) = (*earliest, VecDeque::from([*earliest, offset]));
                    entry.insert(Holders::Many { earliest, kept });
                }
                Holders::Many { kept, .. } => kept.push_back(offset),
            },
        }
    }

    /// The earliest holder that is kept is evicted. With the last one the id is forgotten, and the
    /// place that it meant is given back.
    pub(super) fn remove_earliest_kept(&mut self, id: &EventId) -> Option<Offset> {
        if let Some(Holders::Many { kept, .. }) = self.0.get_mut(id) {
            kept.pop_front();
            if !kept.is_empty() {
                return None;
            }
        }
        match self.0.remove(id)? {
            Holders::One(earliest) | Holders::Many { earliest, .. } => Some(earliest),
        }
    }

    /// The place that the id means, if any frame kept holds it; that place may have been evicted.
    pub(super) fn earliest(&self, id: &EventId) -> Option<Offset> {
        match self.0.get(id)? {
            Holders::One(earliest) | Holders::Many { earliest, .. } => Some(*earliest),
        }
    }

    /// The holders that are kept, earliest first.
    pub(super) fn holders(&self, id: &EventId) -> impl Iterator<Item = Offset> {
        let (one, many) = match self.0.get(id) {
            None => (None, None),
            Some(Holders::One(offset)) => (Some(*offset), None),
            Some(Holders::Many { kept, .. }) => (None, Some(kept.iter().copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}
