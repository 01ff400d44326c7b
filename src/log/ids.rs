//! Upstream id → offsets of the frames that hold it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::event::EventId;
use crate::position::Offset;

/// An index over the frames kept. An id that several frames hold resolves to the earliest, so that
/// a returning client gets some frames twice rather than some never.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<EventId, Holders>);

#[derive(Debug)]
enum Holders {
    One(Offset),
    Many(VecDeque<Offset>),
}

impl Ids {
    pub(super) fn insert(&mut self, id: &EventId, offset: Offset) {
        match self.0.entry(id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(Holders::One(offset));
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Holders::One(first) => {
                    let both = VecDeque::from([*first, offset]);
                    entry.insert(Holders::Many(both));
                }
                Holders::Many(offsets) => offsets.push_back(offset),
            },
        }
    }

    /// Forgets the earliest holder, which is the one that is evicted.
    pub(super) fn remove_earliest(&mut self, id: &EventId) {
        if let Some(Holders::Many(offsets)) = self.0.get_mut(id) {
            offsets.pop_front();
            if !offsets.is_empty() {
                return;
            }
        }
        self.0.remove(id);
    }

    pub(super) fn earliest(&self, id: &EventId) -> Option<Offset> {
        match self.0.get(id)? {
            Holders::One(offset) => Some(*offset),
            Holders::Many(offsets) => offsets.front().copied(),
        }
    }

    /// All holders, earliest first.
    pub(super) fn holders(&self, id: &EventId) -> impl Iterator<Item = Offset> {
        let (one, many) = match self.0.get(id) {
            None => (None, None),
            Some(Holders::One(offset)) => (Some(*offset), None),
            Some(Holders::Many(offsets)) => (None, Some(offsets.iter().copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}
