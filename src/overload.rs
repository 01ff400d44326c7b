//! How short memory is, as those see it who act on it.
//!
//! A leaf: std alone. Invariants: asking costs one load; what has begun ends only when there is
//! clearly more room than when it began, so that it does not flap.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Percent of the limit from which on logs are shortened …
const HIGH: u64 = 85;
/// … and newcomers are told to come back later (`trust.md` section 2). Envoy does the like at 95
/// and 98; a process of ours grows by a fiftieth of a small limit between two looks.
const CRITICAL: u64 = 95;
/// Percent by which it must have fallen for that to end.
const SLACK: u64 = 5;

/// How short memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pressure {
    /// There is enough.
    #[default]
    None,
    /// Logs are shortened: whoever lags behind falls off, and is told of the gap.
    High,
    /// Nobody new is let in either. Whoever is here stays.
    Critical,
}

impl Pressure {
    /// What follows for somebody under this pressure from so many bytes of so many.
    #[must_use]
    pub fn next(self, used: u64, limit: u64) -> Self {
        let is_above = |level: Self, percent: u64| {
            let slack = if self >= level { SLACK } else { 0 };
            u128::from(used) * 100 >= u128::from(limit) * u128::from(percent - slack)
        };
        if is_above(Self::Critical, CRITICAL) {
            Self::Critical
        } else if is_above(Self::High, HIGH) {
            Self::High
        } else {
            Self::None
        }
    }

    /// 0, 1 or 2: the metric's value.
    pub fn level(self) -> u8 {
        match self {
            Self::None => 0,
            Self::High => 1,
            Self::Critical => 2,
        }
    }
}

/// The pressure right now; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Overload(Arc<AtomicU8>);

impl Overload {
    /// The pressure.
    pub fn pressure(&self) -> Pressure {
        match self.0.load(Ordering::Relaxed) {
            0 => Pressure::None,
            1 => Pressure::High,
            _ => Pressure::Critical,
        }
    }

    /// Says what it is from now on.
    pub fn set(&self, pressure: Pressure) {
        self.0.store(pressure.level(), Ordering::Relaxed);
    }

    /// Whether newcomers are to come back later.
    pub fn is_critical(&self) -> bool {
        self.pressure() == Pressure::Critical
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Pressure::None, 84, Pressure::None)]
    #[case(Pressure::None, 85, Pressure::High)]
    #[case(Pressure::None, 95, Pressure::Critical)]
    #[case(Pressure::None, 200, Pressure::Critical)]
    #[case(Pressure::High, 80, Pressure::High)]
    #[case(Pressure::High, 79, Pressure::None)]
    #[case(Pressure::High, 94, Pressure::High)]
    #[case(Pressure::Critical, 90, Pressure::Critical)]
    #[case(Pressure::Critical, 89, Pressure::High)]
    #[case(Pressure::Critical, 79, Pressure::None)]
    fn pressure_begins_at_its_percent_and_ends_five_below(
        #[case] before: Pressure,
        #[case] percent: u64,
        #[case] after: Pressure,
    ) {
        assert_eq!(before.next(percent << 20, 100 << 20), after);
    }

    #[test]
    fn no_size_is_too_large_to_be_judged() {
        assert_eq!(Pressure::None.next(u64::MAX, u64::MAX), Pressure::Critical);
        assert_eq!(Pressure::Critical.next(0, u64::MAX), Pressure::None);
    }

    #[test]
    fn what_one_says_all_clones_see() {
        let (teller, seer) = {
            let overload = Overload::default();
            (overload.clone(), overload)
        };
        for pressure in [Pressure::High, Pressure::Critical, Pressure::None] {
            teller.set(pressure);
            assert_eq!(seer.pressure(), pressure);
            assert_eq!(seer.is_critical(), pressure == Pressure::Critical);
        }
    }
}
