//! When something last moved, seen by whoever waits for it to stand still.
//!
//! Invariant: noting costs one store; only the one who waits has a timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep_until;

use crate::clock;

/// The moment of the last movement.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    /// Milliseconds since `start`.
    moved: AtomicU64,
}

impl Progress {
    pub(super) fn new(start: Instant) -> Arc<Self> {
        Arc::new(Self {
            start,
            moved: AtomicU64::new(0),
        })
    }

    /// Something has moved.
    pub(super) fn note(&self) {
        let passed = clock::now().saturating_duration_since(self.start);
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        self.moved.store(millis, Ordering::Relaxed);
    }

    /// Comes back once nothing has moved for `limit`.
    pub(super) async fn stands_still(&self, limit: Duration) {
        loop {
            let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
            let due = self.start + moved + limit;
            if due <= clock::now() {
                return;
            }
            sleep_until(due.into()).await;
        }
    }
}
