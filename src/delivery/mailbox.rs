//! What other threads say to a shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Newcomer;
use crate::hub::wake::{Door, Wake};

/// The shard's ear. Newcomers are bounded by `connections`: each brings its permit.
#[derive(Debug)]
pub(super) struct Mailbox {
    newcomers: Mutex<Vec<Newcomer>>,
    drain: Mutex<Option<DrainOrder>>,
    stop: AtomicBool,
    /// Subscribers in the shard or on their way to it.
    load: AtomicUsize,
    /// Milliseconds since the shards' start at which the shard was last seen awake.
    beat: AtomicU64,
}

/// Streams end one by one over a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct DrainOrder {
    pub(super) begin: Instant,
    pub(super) window: Duration,
}

impl DrainOrder {
    /// A moment of what is left of the window. `random` is in `[0, 1)`.
    pub(super) fn moment(self, now: Instant, random: f64) -> Instant {
        let left = (self.begin + self.window).saturating_duration_since(now);
        now + left.mul_f64(random)
    }
}

/// A shard's waker.
#[derive(Debug)]
pub(super) struct PollWaker(pub(super) mio::Waker);

impl Wake for PollWaker {
    fn wake(&self) {
        if let Err(error) = self.0.wake() {
            tracing::error!(%error, "a shard can not be woken");
        }
    }
}

impl Mailbox {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            newcomers: Mutex::new(Vec::new()),
            drain: Mutex::new(None),
            stop: AtomicBool::new(false),
            load: AtomicUsize::new(0),
            beat: AtomicU64::new(0),
        })
    }

    pub(super) fn put(&self, newcomer: Newcomer, door: &Door) {
        self.load.fetch_add(1, Ordering::Relaxed);
        let mut newcomers = self.newcomers.lock();
        newcomers.push(newcomer);
        let is_first = newcomers.len() == 1;
        drop(newcomers);
        if is_first {
            door.wake();
        }
    }

    /// Moves the newcomers into `into`, which must be empty.
    pub(super) fn take_newcomers(&self, into: &mut Vec<Newcomer>) {
        std::mem::swap(&mut *self.newcomers.lock(), into);
    }

    pub(super) fn order_drain(&self, order: DrainOrder, door: &Door) {
        *self.drain.lock() = Some(order);
        door.wake();
    }

    pub(super) fn take_drain(&self) -> Option<DrainOrder> {
        self.drain.lock().take()
    }

    pub(super) fn order_stop(&self, door: &Door) {
        self.stop.store(true, Ordering::Release);
        door.wake();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(super) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(super) fn one_left(&self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn beat(&self, since_start: Duration) {
        let millis = u64::try_from(since_start.as_millis()).unwrap_or(u64::MAX);
        self.beat.store(millis, Ordering::Relaxed);
    }

    pub(super) fn last_beat(&self) -> Duration {
        Duration::from_millis(self.beat.load(Ordering::Relaxed))
    }
}
