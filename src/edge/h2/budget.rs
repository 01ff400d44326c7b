//! A bucket that fills by time and by what is given back.

use std::time::Instant;

/// How much may be taken at once, and how fast it comes back.
#[derive(Debug)]
pub(super) struct Budget {
    left: f64,
    most: f64,
    per_second: f64,
    at: Instant,
}

impl Budget {
    /// A full one. `most` = 0: without a bound.
    pub(super) fn new(most: u32, per_second: f64, now: Instant) -> Self {
        Self {
            left: most.into(),
            most: most.into(),
            per_second,
            at: now,
        }
    }

    /// Whether there was enough of it. It is gone in any case, so that who goes on asking gets
    /// nothing.
    pub(super) fn take(&mut self, amount: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.give_back(passed * self.per_second);
        self.left = (self.left - amount).max(-self.most);
        self.most == 0.0 || self.left >= 0.0
    }

    pub(super) fn give_back(&mut self, amount: f64) {
        self.left = (self.left + amount).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn a_burst_is_taken_and_time_brings_it_back() {
        let start = clock::now();
        let mut budget = Budget::new(10, 2.0, start);
        assert!((0..10).all(|_| budget.take(1.0, start)));
        assert!(!budget.take(1.0, start));
        let later = start + Duration::from_secs(2);
        assert!((0..3).all(|_| budget.take(1.0, later)));
        assert!(!budget.take(1.0, later));
        let much_later = later + Duration::from_secs(3600);
        assert!((0..10).all(|_| budget.take(1.0, much_later)));
        assert!(!budget.take(1.0, much_later));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let start = clock::now();
        let mut budget = Budget::new(1, 0.0, start);
        for _ in 0..100 {
            assert!(budget.take(1.0, start));
            budget.give_back(1.0);
        }
    }

    #[test]
    fn a_bound_of_nothing_is_none() {
        let start = clock::now();
        let mut budget = Budget::new(0, 0.0, start);
        assert!((0..1000).all(|_| budget.take(1.0, start)));
    }
}
