//! How long a connection waits for the head of a request: the first one, and each that follows.
//!
//! Invariant: a wait is one deadline, which nothing that comes prolongs. It begins when the answer
//! before it is over, however long that took.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use hyper_util::rt::TokioTimer;

/// hyper's timer, with another time for all heads but the first: hyper itself has one for all. It
/// asks for a deadline exactly when it begins to wait for a head.
#[derive(Clone, Debug)]
pub(super) struct HeadTimer {
    /// From the end of an answer to the next complete head.
    pub(super) idle: Duration,
    /// Whether a request has come.
    pub(super) has_asked: Arc<AtomicBool>,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, first: Instant) -> Pin<Box<dyn Sleep>> {
        let deadline = if self.has_asked.load(Ordering::Relaxed) {
            self.now() + self.idle
        } else {
            first
        };
        TokioTimer::new().sleep_until(deadline)
    }

    fn now(&self) -> Instant {
        TokioTimer::new().now()
    }
}
