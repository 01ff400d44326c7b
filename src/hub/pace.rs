//! How often a topic's readers are told of what is new, where the route bounds it (`max_rate`).
//!
//! Invariants: two times are never closer than the interval; what is held back is told when the
//! interval is over, however quiet the topic is by then.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock;

/// One topic's.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    state: Mutex<State>,
    held: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Before this nobody is told; `None` = nobody has been told anything.
    next: Option<Instant>,
    /// Whether something is held back.
    is_holding: bool,
}

impl Pace {
    /// `max_rate` times a second; 0 = no bound.
    pub(super) fn new(max_rate: u32) -> Option<Self> {
        let interval = Duration::from_secs(1).checked_div(max_rate)?;
        Some(Self {
            interval,
            state: Mutex::default(),
            held: Notify::new(),
        })
    }

    /// Something is new: whether it is told now, or held back until [`Self::due`].
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        state.is_holding = state.next.is_some_and(|next| now < next);
        if state.is_holding {
            drop(state);
            self.held.notify_one();
            return false;
        }
        state.next = Some(now + self.interval);
        true
    }

    /// Comes back when it is time to tell what is held back.
    pub(super) async fn due(&self) {
        loop {
            let next = self.holding();
            match next {
                // The permit is kept if it is given in between.
                None => self.held.notified().await,
                Some(next) if self.take(next) => return,
                Some(next) => tokio::time::sleep_until(next.into()).await,
            }
        }
    }

    /// Until when something is held back.
    fn holding(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.next.filter(|_| state.is_holding)
    }

    fn take(&self, next: Instant) -> bool {
        let now = clock::now();
        if now < next {
            return false;
        }
        let mut state = self.state.lock();
        state.is_holding = false;
        state.next = Some(now + self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_goes_at_once_and_the_next_is_held_until_the_interval_is_over() {
        assert!(Pace::new(0).is_none());
        let pace = Pace::new(4).unwrap();
        let begin = clock::now();
        let at = |ms| begin + Duration::from_millis(ms);
        assert!(pace.is_due(begin));
        assert!(!pace.is_due(at(1)) && !pace.is_due(at(249)));
        assert_eq!(pace.holding(), Some(at(250)));
        assert!(pace.is_due(at(250)));
        assert_eq!(pace.holding(), None, "it went with the newest");
        assert!(!pace.is_due(at(499)));
    }

    #[tokio::test]
    async fn what_is_held_back_is_told_though_nothing_more_comes() {
        let pace = Pace::new(50).unwrap();
        let begin = clock::now();
        assert!(pace.is_due(begin));
        assert!(!pace.is_due(begin + Duration::from_millis(1)));
        pace.due().await;
        assert!(begin.elapsed() >= Duration::from_millis(20));
        assert_eq!(pace.holding(), None);
    }
}
