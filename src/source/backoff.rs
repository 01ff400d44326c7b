//! How long to wait before an upstream is asked again: after an error, and after a clean end.
//!
//! Layer 2, pure: std only, randomness and time are passed in. Invariant: no wait is shorter than
//! [`FLOOR`] or longer than [`CAP`] (polls: [`POLL_FLOOR`] to [`POLL_CAP`]), whatever the upstream
//! says.

use std::time::Duration;

/// The first bound of the random wait: a restarting backend is back within it.
pub const BASE: Duration = Duration::from_millis(500);
/// The last bound: an upstream that returns is found within half a minute.
pub const CAP: Duration = Duration::from_secs(30);
/// The shortest wait. Full jitter may draw almost nothing, which would hammer one that refuses.
pub const FLOOR: Duration = Duration::from_millis(100);
/// Healthy for so long means that the trouble is over; less may be a crash loop.
pub const HEALTHY: Duration = Duration::from_secs(60);

/// What browsers wait when a stream that said nothing about it ends (WHATWG: "a few seconds").
pub const POLL_DEFAULT: Duration = Duration::from_secs(3);
/// The shortest poll: `retry: 0` must not become a busy loop against the backend.
pub const POLL_FLOOR: Duration = Duration::from_millis(500);
/// The longest poll: a `retry:` with too many zeros must not silence a topic for ever.
pub const POLL_CAP: Duration = Duration::from_secs(60);

/// Exponential back-off with full jitter.
///
/// ```
/// use fantail::source::backoff::Backoff;
/// let mut backoff = Backoff::new();
/// assert!(backoff.next(0.5).as_millis() == 250 && backoff.next(0.5).as_millis() == 500);
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    bound: Duration,
}

impl Backoff {
    /// At the start: no failure yet.
    pub fn new() -> Self {
        Self { bound: BASE }
    }

    /// The wait after one more failure; `random` is uniform in `[0, 1)`.
    pub fn next(&mut self, random: f64) -> Duration {
        let wait = self.bound.mul_f64(random.clamp(0.0, 1.0)).max(FLOOR);
        self.bound = self.bound.saturating_mul(2).min(CAP);
        wait
    }

    /// A feed was open for `healthy_for` before it failed.
    pub fn succeeded(&mut self, healthy_for: Duration) {
        if healthy_for >= HEALTHY {
            self.reset();
        }
    }

    /// Back to the start, as after a response that ended cleanly.
    pub fn reset(&mut self) {
        *self = Self::new();
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// The wait from the clean end of a response to the next request: what the route says, else what
/// the upstream said with `retry:`, else [`POLL_DEFAULT`]. A `configured` of zero says nothing.
pub fn poll_delay(upstream_retry: Option<Duration>, configured: Duration) -> Duration {
    let wish = if configured.is_zero() {
        upstream_retry.unwrap_or(POLL_DEFAULT)
    } else {
        configured
    };
    wish.clamp(POLL_FLOOR, POLL_CAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Almost 1: what the largest random number makes of the bound.
    const MOST: f64 = 1.0 - f64::EPSILON;

    fn bounds(backoff: &mut Backoff, count: usize) -> Vec<u128> {
        (0..count)
            .map(|_| (backoff.next(MOST) + Duration::from_micros(1)).as_millis())
            .collect()
    }

    #[test]
    fn the_bound_doubles_from_half_a_second_to_thirty() {
        assert_eq!(
            bounds(&mut Backoff::new(), 9),
            [
                500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000
            ]
        );
    }

    #[test]
    fn only_a_minute_of_health_starts_anew() {
        let mut backoff = Backoff::new();
        bounds(&mut backoff, 3);
        backoff.succeeded(Duration::from_millis(59_999));
        assert_eq!(bounds(&mut backoff, 1), [4_000]);
        backoff.succeeded(HEALTHY);
        assert_eq!(bounds(&mut backoff, 1), [500]);
    }

    #[test]
    fn a_poll_waits_as_configured_or_as_told_within_bounds() {
        let ms = Duration::from_millis;
        for (upstream, configured, want) in [
            (None, 0, 3_000),
            (Some(1_000), 0, 1_000),
            (Some(0), 0, 500),
            (Some(1_000_000_000_000), 0, 60_000),
            (Some(u64::MAX), 0, 60_000),
            (Some(1_000), 2_000, 2_000),
            (None, 1, 500),
            (None, 3_600_000, 60_000),
        ] {
            assert_eq!(
                poll_delay(upstream.map(ms), ms(configured)),
                ms(want),
                "{upstream:?} {configured}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_wait_lies_between_floor_and_bound(random in prop::collection::vec(0.0..1.0, 1..40)) {
            let mut backoff = Backoff::new();
            let mut bound = BASE;
            for random in random {
                let wait = backoff.next(random);
                prop_assert!(FLOOR <= wait && wait <= bound);
                bound = (bound * 2).min(CAP);
            }
        }
    }
}
