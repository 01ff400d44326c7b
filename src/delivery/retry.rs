//! The `retry:` that a client is told: jittered, and spread wider as clients grow.

use std::time::Duration;

/// Browsers obey anything, 0 included, and hammer; nobody waits for more than a minute.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// How far `subscribers` must be spread so that no more than `admit_per_second` come back in a
/// second.
#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 subscribers")]
pub fn spread(subscribers: usize, admit_per_second: u32) -> Duration {
    let seconds = subscribers as f64 / f64::from(admit_per_second.max(1));
    Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64()))
}

/// `base` plus a random part of `spread`, and at least a tenth of `base` as jitter, within 1 to
/// 60 s. `random` is in `[0, 1)`.
pub fn delay(base: Duration, spread: Duration, random: f64) -> Duration {
    (base + spread.max(base / 10).mul_f64(random)).clamp(SHORTEST, LONGEST)
}

/// What a soft reject says: "come back later" must be later than an ordinary reconnect, and not
/// at once for all.
pub fn long_delay(base: Duration, spread: Duration, random: f64) -> Duration {
    let later = base.max(Duration::from_secs(5));
    delay(later, spread.max(later), random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_delay_is_within_a_second_and_a_minute(
            base in 0_u64..100_000, clients in 0_usize..10_000_000, admit: u32, random in 0.0..1.0_f64
        ) {
            let base = Duration::from_millis(base);
            for delay in [
                delay(base, spread(clients, admit), random),
                long_delay(base, spread(clients, admit), random),
            ] {
                prop_assert!((SHORTEST..=LONGEST).contains(&delay));
            }
        }
    }

    #[test]
    fn twenty_thousand_clients_at_a_thousand_a_second_come_back_within_twenty_seconds() {
        let spread = spread(20_000, 1000);
        assert_eq!(spread, Duration::from_secs(20));
        let base = Duration::from_secs(3);
        assert_eq!(delay(base, spread, 0.0), base);
        assert_eq!(delay(base, spread, 0.5), Duration::from_secs(13));
    }
}
