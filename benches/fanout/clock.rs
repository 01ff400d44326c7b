//! Monotonic time, shared by all processes of a run: stamps of one are read by another.

use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Nanoseconds in a number of seconds.
pub(crate) fn seconds_ns(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

/// A moment after which waiting ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(u64);

impl Deadline {
    pub(crate) fn after(seconds: f64) -> Self {
        Self(now_ns() + seconds_ns(seconds))
    }

    pub(crate) fn at(ns: u64) -> Self {
        Self(ns)
    }

    pub(crate) fn left(self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(now_ns()))
    }

    pub(crate) fn wait(self) {
        while !self.passed() {
            thread::park_timeout(self.left());
        }
    }

    pub(crate) fn passed(self) -> bool {
        now_ns() >= self.0
    }
}
