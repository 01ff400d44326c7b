//! A wheel of timers: buckets of a tenth of a second, not one timer for each subscriber.
//!
//! Pure: time comes in. An entry is never cancelled; whoever gets it back looks whether it still
//! means something. A deadline beyond the wheel's round comes back once a round and is put on.

use std::time::{Duration, Instant};

/// Coarse enough that thousands of heartbeats share a bucket, fine enough for a retry.
const TICK: Duration = Duration::from_millis(100);
/// One round takes 51.2 s: longer than every default, so that most entries come back once.
const BUCKETS: usize = 512;

/// A wheel of entries.
#[derive(Debug)]
pub(super) struct Wheel<T> {
    buckets: Vec<Vec<T>>,
    start: Instant,
    /// The number of ticks that have been taken out.
    done: u64,
    len: usize,
}

impl<T> Wheel<T> {
    pub(super) fn new(start: Instant) -> Self {
        let buckets = (0..BUCKETS).map(|_| Vec::new()).collect();
        Self {
            buckets,
            start,
            done: 0,
            len: 0,
        }
    }

    fn tick(&self, at: Instant) -> u64 {
        let elapsed = at.saturating_duration_since(self.start).as_millis() / TICK.as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }

    /// Puts an entry on, to come back at `due` or up to one tick later.
    pub(super) fn insert(&mut self, due: Instant, entry: T) {
        let last = self.done + BUCKETS as u64 - 1;
        let tick = (self.tick(due) + 1).clamp(self.done, last);
        if let Some(bucket) = self.bucket(tick) {
            bucket.push(entry);
            self.len += 1;
        }
    }

    fn bucket(&mut self, tick: u64) -> Option<&mut Vec<T>> {
        self.buckets
            .get_mut(usize::try_from(tick % BUCKETS as u64).unwrap_or(0))
    }

    /// Moves everything that is due into `out`.
    pub(super) fn take_due(&mut self, now: Instant, out: &mut Vec<T>) {
        let until = self.tick(now);
        while self.done <= until {
            if self.len == 0 {
                self.done = until + 1;
                return;
            }
            let tick = self.done;
            self.done += 1;
            let before = out.len();
            if let Some(bucket) = self.bucket(tick) {
                out.append(bucket);
            }
            self.len -= out.len() - before;
        }
    }

    /// How long nothing is due, at most `longest`.
    pub(super) fn idle_for(&self, now: Instant, longest: Duration) -> Duration {
        if self.len == 0 {
            return longest;
        }
        let first = (self.done..self.done + BUCKETS as u64).find(|tick| {
            let bucket = usize::try_from(tick % BUCKETS as u64).unwrap_or(0);
            self.buckets
                .get(bucket)
                .is_some_and(|entries| !entries.is_empty())
        });
        let ticks = u32::try_from(first.unwrap_or(self.done)).unwrap_or(u32::MAX);
        (self.start + TICK * ticks)
            .saturating_duration_since(now)
            .min(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_entry_comes_back_once_and_never_early(
            dues in proptest::collection::vec(0_u64..200_000, 1..50),
            step in 1_u64..7_000,
        ) {
            let start = crate::clock::now();
            let at = |ms| start + Duration::from_millis(ms);
            let mut wheel = Wheel::new(start);
            for due in &dues {
                wheel.insert(at(*due), *due);
            }
            let (mut now, mut seen, mut out) = (0, Vec::new(), Vec::new());
            while seen.len() < dues.len() {
                now += step;
                prop_assert!(now < 300_000);
                wheel.take_due(at(now), &mut out);
                for due in out.drain(..) {
                    if due > now {
                        // Beyond the round: put on again, as a subscriber's timer would be.
                        wheel.insert(at(due), due);
                    } else {
                        prop_assert!(now - due < step + 200, "late by {}", now - due);
                        seen.push(due);
                    }
                }
            }
            prop_assert!(wheel.len == 0);
        }
    }

    #[test]
    fn an_empty_wheel_lets_its_shard_sleep_as_long_as_it_may() {
        let start = crate::clock::now();
        let mut wheel = Wheel::new(start);
        let longest = Duration::from_secs(1);
        assert_eq!(wheel.idle_for(start, longest), longest);
        wheel.insert(start + Duration::from_millis(250), ());
        let idle = wheel.idle_for(start, longest);
        assert!(idle >= Duration::from_millis(250) && idle <= Duration::from_millis(350));
    }
}
