//! The log beside a naive model, its encoded bytes, and the cases that are easily got wrong.

mod batch;
mod frames;
mod keyed;
mod keyed_model;
mod keys;
mod model;
mod places;
mod random;
mod reach;

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Appended, Bounds, Budget, Draft, Identity, Log, Writer};
use crate::event::EventId;
use crate::position::Epoch;

/// The epoch of every log here.
fn epoch() -> Epoch {
    Epoch::new(0xabc)
}

fn id(text: &str) -> EventId {
    EventId::new(text).unwrap()
}

/// Small ones: fewer than `most` events, bytes that hold fewer still or any number, some seconds.
fn bounds(most: usize) -> impl Strategy<Value = Bounds> {
    let bytes = prop_oneof![0_usize..8000, Just(usize::MAX)];
    (0..most, bytes, 0_u64..6).prop_map(|(events, bytes, seconds)| Bounds {
        events,
        bytes,
        age: Duration::from_secs(seconds),
    })
}

/// A log and what a test appends with.
struct Pen {
    log: Arc<Log>,
    writer: Writer,
    budget: Arc<Budget>,
    now: Instant,
}

impl Pen {
    fn new(bounds: Bounds) -> Self {
        Self::with_keys(bounds, 0)
    }

    fn with_keys(bounds: Bounds, most: usize) -> Self {
        let budget = Budget::new(usize::MAX);
        let (log, writer) = Log::with_keys(epoch(), bounds, most, Arc::clone(&budget));
        let now = crate::clock::now();
        Self {
            log,
            writer,
            budget,
            now,
        }
    }

    /// A log that keeps `events` frames, whatever their size and age.
    fn keeping(events: usize) -> Self {
        Self::new(Bounds {
            events,
            bytes: usize::MAX,
            age: Duration::ZERO,
        })
    }

    fn append(&mut self, text: Option<&str>, identity: Identity, data: &str) -> Appended {
        let id = text.map(id);
        let draft = Draft::Event {
            id: id.as_ref(),
            identity,
            name: None,
            data,
            key: None,
        };
        self.writer.append(&draft, self.now)
    }

    /// Appends frames under ids of the upstream.
    fn own(&mut self, ids: &[&str]) {
        for id in ids {
            self.append(Some(id), Identity::Own, "x");
        }
    }
}
