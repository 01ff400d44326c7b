//! What the source sends to whom: each path is a stream of its own, numbered from one beginning.
//!
//! An event's number follows from the time alone. So a source that was started again goes on where
//! it would have been, and whoever comes back with a `Last-Event-ID` is sent what it missed.

use std::time::Duration;

use crate::audience::Audience;
use crate::clock::{now_ns, seconds_ns};
use crate::pace::Pace;
use crate::reception::Guest;
use crate::slots::Slots;
use crate::wire;

/// Topics take turns within a period, so that they are many small streams and not one big one.
const TURNS: usize = 64;

/// A server that falls this far behind its only upstream has lost the run anyway.
const MOST_PENDING: usize = 64 << 20;

/// Of all connections of a turn together, where there is one for each client.
const MOST_PENDING_IN_ALL: usize = 512 << 20;

/// What a backend would still know.
const LONGEST_REPLAY: u64 = 10_000;

/// Who is sent the same event in the same moment.
#[derive(Debug)]
struct Turn {
    audience: Audience,
    pace: Option<Pace>,
}

#[derive(Debug)]
pub(crate) struct Streams {
    turns: Vec<Turn>,
    epoch_ns: u64,
    rate: f64,
    slots: Option<Slots>,
    frame_bytes: usize,
    batch: Vec<u8>,
}

impl Streams {
    pub(crate) fn new(epoch_ns: u64, rate: f64, slots: Option<Slots>, frame_bytes: usize) -> Self {
        let mut streams = Self {
            turns: Vec::new(),
            epoch_ns,
            rate,
            slots,
            frame_bytes,
            batch: Vec::new(),
        };
        streams.make_turns(1);
        streams
    }

    pub(crate) fn open(&self) -> usize {
        self.turns.iter().map(|turn| turn.audience.len()).sum()
    }

    pub(crate) fn skipped_batches(&self) -> u64 {
        let skipped = |turn: &Turn| turn.audience.skipped_batches();
        self.turns.iter().map(skipped).sum()
    }

    /// Of one topic.
    pub(crate) fn emitted(&self) -> u64 {
        let first = self.turns.first().and_then(|turn| turn.pace.as_ref());
        first.map_or(0, Pace::emitted)
    }

    /// How long until something is due; `None` if nothing ever is.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let now = now_ns();
        let paces = self.turns.iter().filter_map(|turn| turn.pace.as_ref());
        paces.map(|pace| pace.wait_for_tick(now)).min()
    }

    pub(crate) fn admit(&mut self, guest: Guest) {
        let index = wire::topic_number(&guest.path).map_or(0, |number| number % TURNS);
        self.make_turns(index + 1);
        let turn = &mut self.turns[index];
        let emitted = turn.pace.as_ref().map_or(0, Pace::emitted);
        let mut missed = Vec::new();
        if let Some(last) = guest.last_event_id {
            let first = (last + 1).max(emitted.saturating_sub(LONGEST_REPLAY));
            let now = now_ns();
            for number in first..=emitted {
                wire::write_event(&mut missed, number, now, self.frame_bytes);
            }
        }
        turn.audience.admit(guest.stream, &missed);
        let each = MOST_PENDING_IN_ALL / turn.audience.len().max(1);
        turn.audience.bound_pending(each.min(MOST_PENDING));
    }

    pub(crate) fn send_due(&mut self) {
        for turn in &mut self.turns {
            let Some(pace) = &mut turn.pace else { continue };
            let first = pace.emitted() + 1;
            let now = now_ns();
            let due = pace.take_due(now);
            if due == 0 || turn.audience.len() == 0 {
                continue;
            }
            self.batch.clear();
            for number in first..first + due {
                wire::write_event(&mut self.batch, number, now, self.frame_bytes);
            }
            turn.audience.send(&self.batch);
        }
    }

    /// Each earlier than the first by its share of the period, so that all have begun when it has;
    /// what is past is past.
    fn make_turns(&mut self, wanted: usize) {
        while self.turns.len() < wanted {
            let share = self.turns.len() as f64 / TURNS as f64;
            let earlier = if self.rate > 0.0 {
                share / self.rate
            } else {
                0.0
            };
            let start_ns = self.epoch_ns.saturating_sub(seconds_ns(earlier));
            let mut pace = Pace::of(start_ns, self.rate, self.slots);
            if let Some(pace) = &mut pace {
                pace.take_due(now_ns());
            }
            let audience = Audience::new(MOST_PENDING);
            self.turns.push(Turn { audience, pace });
        }
    }
}
