//! The ids of frames that have been evicted: where a client that comes too late had been.

use std::collections::{HashMap, VecDeque};

use super::Budget;
use crate::event::EventId;
use crate::position::Offset;

/// What an entry costs beyond its id, which is kept twice.
const BOOKKEEPING: usize = 96;

/// Ids that no frame kept holds any more, so that the gap of a client that returns with one can be
/// told by its size. As many as the log may have frames and an eighth of its bytes at most, and the
/// first to go when all logs together are at their limit.
#[derive(Debug)]
pub(super) struct Departed {
    /// In the order of their going.
    order: VecDeque<(EventId, Offset)>,
    places: HashMap<EventId, Offset>,
    weight: usize,
    most: usize,
    most_bytes: usize,
}

impl Departed {
    pub(super) fn new(bounds: super::Bounds) -> Self {
        Self {
            order: VecDeque::new(),
            places: HashMap::new(),
            weight: 0,
            most: bounds.events,
            most_bytes: bounds.bytes / 8,
        }
    }

    /// Remembers that the frames with this id are gone, the earliest of which stood at `place`.
    pub(super) fn push(&mut self, id: EventId, place: Offset, budget: &Budget) {
        let weight = weigh(&id);
        self.weight += weight;
        budget.take(weight);
        self.places.insert(id.clone(), place);
        self.order.push_back((id, place));
        while self.order.len() > self.most || self.weight > self.most_bytes {
            self.forget_oldest(budget);
        }
    }

    /// Whether there was one to forget.
    pub(super) fn forget_oldest(&mut self, budget: &Budget) -> bool {
        let Some((id, place)) = self.order.pop_front() else {
            return false;
        };
        let weight = weigh(&id);
        self.weight -= weight;
        budget.give_back(weight);
        // An id that came back and went again means its newer place.
        if self.places.get(&id) == Some(&place) {
            self.places.remove(&id);
        }
        true
    }

    pub(super) fn place(&self, id: &EventId) -> Option<Offset> {
        self.places.get(id).copied()
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }
}

fn weigh(id: &EventId) -> usize {
    2 * id.as_str().len() + BOOKKEEPING
}
