//! Absolute deadlines: how many events are due by now, so that a late tick loses no event.

use std::time::Duration;

use crate::clock::Deadline;
use crate::slots::Slots;

/// A tick for a high rate is never shorter: below it, timers of `epoll` would only jitter.
const SHORTEST_TICK_NS: u64 = 1_000_000;

#[derive(Debug)]
pub(crate) struct Pace {
    /// On the shared clock, or, with slots, of the time of its own.
    start_ns: u64,
    ns_per_event: f64,
    emitted: u64,
    slots: Option<Slots>,
}

impl Pace {
    /// `None` for a rate of zero: nothing is ever due. With slots, that is the rate within them, from the next one on.
    pub(crate) fn of(start_ns: u64, per_second: f64, slots: Option<Slots>) -> Option<Self> {
        let start_ns = slots.map_or(start_ns, |slots| slots.next(start_ns));
        (per_second > 0.0).then(|| Self {
            start_ns,
            ns_per_event: 1e9 / per_second,
            emitted: 0,
            slots,
        })
    }

    /// So many have been emitted by somebody else.
    pub(crate) fn go_on_after(&mut self, emitted: u64) {
        self.emitted = emitted;
    }

    pub(crate) fn emitted(&self) -> u64 {
        self.emitted
    }

    /// Takes all that is due.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> u64 {
        let elapsed = self.slots.map_or(now_ns, |slots| slots.elapsed(now_ns));
        let due = (elapsed.saturating_sub(self.start_ns) as f64 / self.ns_per_event) as u64;
        let fresh = due.saturating_sub(self.emitted);
        self.emitted += fresh;
        fresh
    }

    /// Takes exactly `batch` events if so many are due.
    pub(crate) fn take_batch(&mut self, now_ns: u64, batch: u64) -> bool {
        let due = now_ns >= self.due_at(batch);
        if due {
            self.emitted += batch;
        }
        due
    }

    /// How long until `batch` more events are due.
    pub(crate) fn wait_for(&self, now_ns: u64, batch: u64) -> Duration {
        Deadline::at(self.due_at(batch).max(now_ns)).left()
    }

    /// How long until an event is due, but a whole tick at high rates.
    pub(crate) fn wait_for_tick(&self, now_ns: u64) -> Duration {
        Deadline::at(self.due_at(1).max(now_ns + SHORTEST_TICK_NS)).left()
    }

    fn due_at(&self, batch: u64) -> u64 {
        let due = self.start_ns + ((self.emitted + batch) as f64 * self.ns_per_event).ceil() as u64;
        self.slots.map_or(due, |slots| slots.moment(due))
    }
}
