//! The one place that asks the machine for the time.
//!
//! A leaf. Everything that measures or waits takes an [`Instant`] as an argument and is tested
//! without waiting; only the doors (tasks, shards) ask here. Monotonic, so that a step of the wall
//! clock moves no timer; the wall clock is for what people read.

use std::time::{Instant, SystemTime};

/// The monotonic now.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock's now, for dates on the wire and in reports.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
