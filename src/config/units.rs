//! Durations (`"1m30s"`) and sizes (`"4MiB"`) as people write them. Pure.
//!
//! Invariant: what [`show_duration`] and [`show_size`] write reads back as the same value.

use std::time::Duration;

/// The longest duration that can be written: a year. Deadlines stay far from the clock's end.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// From the largest to the smallest, in milliseconds; they are written in this order.
const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Binary ones first, so that showing prefers them.
const SIZES: [(&str, u64); 6] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// Reads a duration; the error says in words what `text` is not.
///
/// ```
/// # use fantail::config::units::duration;
/// assert_eq!(duration("1m30s"), Ok(std::time::Duration::from_secs(90)));
/// assert_eq!(duration("15"), Err("has no unit"));
/// ```
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() {
        return Err("is no duration");
    }
    let (mut rest, mut sum, mut larger) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let (number, unit, after) = part(rest).ok_or("is no duration")?;
        let scale = scale(&TIMES, unit).ok_or(unitless(unit, "is no duration"))?;
        if scale >= larger {
            return Err("does not go from the larger unit to the smaller");
        }
        sum = number
            .checked_mul(scale)
            .and_then(|n| n.checked_add(sum))
            .ok_or(TOO_LONG)?;
        (rest, larger) = (after, scale);
    }
    let duration = Duration::from_millis(sum);
    if duration > LONGEST {
        Err(TOO_LONG)
    } else {
        Ok(duration)
    }
}

const TOO_LONG: &str = "is longer than a year";

/// Reads a size in bytes; the error says in words what `text` is not.
///
/// ```
/// # use fantail::config::units::size;
/// assert_eq!(size("4MiB"), Ok(4 * 1024 * 1024));
/// assert_eq!(size("100"), Err("has no unit"));
/// ```
pub fn size(text: &str) -> Result<u64, &'static str> {
    if text == "0" {
        return Ok(0);
    }
    let (number, unit, after) = part(text).ok_or("is no size")?;
    let scale = scale(&SIZES, unit).ok_or(unitless(unit, "is no size"))?;
    if !after.is_empty() {
        return Err("is no size");
    }
    number.checked_mul(scale).ok_or("is too large")
}

/// A duration as [`duration`] reads it.
pub fn show_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let parts = TIMES.map(|(unit, scale)| {
        let number = rest / scale;
        rest %= scale;
        if number == 0 {
            String::new()
        } else {
            format!("{number}{unit}")
        }
    });
    parts.concat()
}

/// A size as [`size`] reads it, in the largest unit that needs no fraction.
pub fn show_size(bytes: u64) -> String {
    let exact = SIZES
        .iter()
        .find(|(_, scale)| bytes >= *scale && bytes.is_multiple_of(*scale));
    match exact {
        Some((unit, scale)) => format!("{}{unit}", bytes / scale),
        None => format!("{bytes}B"),
    }
}

/// Splits `12ms…` into number, unit and what follows.
fn part(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(digits)?;
    let letters = rest
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, after) = rest.split_at_checked(letters)?;
    Some((number.parse().ok()?, unit, after))
}

fn unitless(unit: &str, otherwise: &'static str) -> &'static str {
    if unit.is_empty() {
        "has no unit"
    } else {
        otherwise
    }
}

fn scale(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, scale)| *scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", 0)]
    #[case("0s", 0)]
    #[case("500ms", 500)]
    #[case("15s", 15_000)]
    #[case("10m", 600_000)]
    #[case("1h", 3_600_000)]
    #[case("1m30s", 90_000)]
    #[case("1h1ms", 3_600_001)]
    #[case("90s", 90_000)]
    #[case("8760h", 31_536_000_000)]
    fn a_duration_reads_as_its_milliseconds(#[case] text: &str, #[case] millis: u64) {
        assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
    }

    #[rstest]
    #[case("", "is no duration")]
    #[case("15", "has no unit")]
    #[case("1m30", "has no unit")]
    #[case("s", "is no duration")]
    #[case("1.5s", "is no duration")]
    #[case("-1s", "is no duration")]
    #[case("1 s", "is no duration")]
    #[case("1S", "is no duration")]
    #[case("1d", "is no duration")]
    #[case("30s1m", "does not go from the larger unit to the smaller")]
    #[case("1s1s", "does not go from the larger unit to the smaller")]
    #[case("8761h", "is longer than a year")]
    #[case("18446744073709551615h", "is longer than a year")]
    #[case("99999999999999999999s", "is no duration")]
    #[case("1µs", "is no duration")]
    fn a_bad_duration_is_told_why(#[case] text: &str, #[case] why: &str) {
        assert_eq!(duration(text), Err(why));
    }

    #[rstest]
    #[case("0", 0)]
    #[case("0B", 0)]
    #[case("100B", 100)]
    #[case("64KiB", 65_536)]
    #[case("4MiB", 4_194_304)]
    #[case("1GiB", 1_073_741_824)]
    #[case("2KB", 2_000)]
    #[case("2MB", 2_000_000)]
    fn a_size_reads_as_its_bytes(#[case] text: &str, #[case] bytes: u64) {
        assert_eq!(size(text), Ok(bytes));
    }

    #[rstest]
    #[case("", "is no size")]
    #[case("100", "has no unit")]
    #[case("MiB", "is no size")]
    #[case("1mib", "is no size")]
    #[case("1.5MiB", "is no size")]
    #[case("1MiB1B", "is no size")]
    #[case("-1B", "is no size")]
    #[case("17179869184GiB", "is too large")]
    fn a_bad_size_is_told_why(#[case] text: &str, #[case] why: &str) {
        assert_eq!(size(text), Err(why));
    }

    proptest! {
        #[test]
        fn a_shown_duration_reads_back(millis in 0_u64..=31_536_000_000) {
            let value = Duration::from_millis(millis);
            prop_assert_eq!(duration(&show_duration(value)), Ok(value));
        }

        #[test]
        fn a_shown_size_reads_back(bytes: u64) {
            prop_assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_makes_a_unit_panic(text: String) {
            let _read = (duration(&text), size(&text));
        }
    }
}
