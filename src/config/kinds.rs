//! The kinds that a value can be read as: number, duration, size, word, list.
//!
//! Imports the reader and `units`. Invariant: a kind never repairs a value; it gives what was
//! written or a [`Complaint`] that says what would be right.

use std::time::Duration;

use toml::de::DeValue;

use super::read::Raw;
use super::units;
use super::value::{Complaint, Value};

/// A number of which only the lower bound matters.
pub(super) const MANY: u64 = 0xFFFF_FFFF;
/// No buffer of one connection needs more; it fits into every integer that bounds one.
pub(super) const GIGA: u64 = 1 << 30;
/// No machine holds more logs.
pub(super) const TERA: u64 = 1 << 40;

pub(super) fn boolean(value: &Value<'_>) -> Result<bool, Complaint> {
    match value.raw {
        Raw::Toml(DeValue::Boolean(flag)) => Ok(*flag),
        Raw::Text("true") => Ok(true),
        Raw::Text("false") => Ok(false),
        _ => Err(value.wrong(
            "is neither true nor false",
            "write true or false, without quotes",
        )),
    }
}

/// A whole number of `least..=most`.
pub(super) fn number<'a, T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&Value<'a>) -> Result<T, Complaint> {
    move |value| {
        let digits = match value.raw {
            Raw::Toml(DeValue::Integer(n)) => Some((n.as_str(), n.radix())),
            Raw::Text(text) => Some((text, 10)),
            Raw::Toml(_) | Raw::Texts(_) => None,
        };
        let whole = |text: &str| text.trim_start_matches('-').parse::<u128>().is_ok();
        let Some((digits, radix)) = digits.filter(|(text, radix)| *radix != 10 || whole(text))
        else {
            return Err(value.wrong_type("a whole number", "100, without quotes"));
        };
        let read = u64::from_str_radix(digits, radix).ok();
        let fits = read
            .filter(|n| (least..=most).contains(n))
            .and_then(|n| T::try_from(n).ok());
        fits.ok_or_else(|| {
            let upper = if most < MANY {
                format!(", at most {most}")
            } else {
                String::new()
            };
            value.wrong(
                "is out of range",
                format!("a whole number, at least {least}{upper}"),
            )
        })
    }
}

/// A duration of `least..=most`.
pub(super) fn time<'a>(
    least: Duration,
    most: Duration,
) -> impl Fn(&Value<'a>) -> Result<Duration, Complaint> {
    move |value| {
        const RIGHT: &str =
            "write a number with its unit (h, m, s, ms), such as \"15s\", \"1m30s\" or \"500ms\"";
        let text = value
            .literal()
            .ok_or_else(|| value.wrong("is no duration", RIGHT))?;
        let read = units::duration(&text).map_err(|why| value.wrong(why, RIGHT))?;
        if (least..=most).contains(&read) {
            return Ok(read);
        }
        let upper = if most < units::LONGEST {
            format!(", at most {:?}", units::show_duration(most))
        } else {
            String::new()
        };
        let right = format!("at least {:?}{upper}", units::show_duration(least));
        Err(value.wrong("is out of range", right))
    }
}

/// Any duration, 0 included.
pub(super) fn any_time<'a>() -> impl Fn(&Value<'a>) -> Result<Duration, Complaint> {
    time(Duration::ZERO, units::LONGEST)
}

/// Any duration but 0.
pub(super) fn some_time<'a>() -> impl Fn(&Value<'a>) -> Result<Duration, Complaint> {
    time(Duration::from_millis(1), units::LONGEST)
}

/// A size of `least..=most` bytes.
pub(super) fn bytes<'a, T: TryFrom<u64>>(
    least: u64,
    most: u64,
) -> impl Fn(&Value<'a>) -> Result<T, Complaint> {
    move |value| {
        const RIGHT: &str =
            "write a number with its unit (B, KiB, MiB, GiB, KB, MB), such as \"4MiB\"";
        let text = value
            .literal()
            .ok_or_else(|| value.wrong("is no size", RIGHT))?;
        let read = units::size(&text).map_err(|why| value.wrong(why, RIGHT))?;
        let fits = Some(read).filter(|n| (least..=most).contains(n));
        fits.and_then(|n| T::try_from(n).ok()).ok_or_else(|| {
            let (least, most) = (units::show_size(least), units::show_size(most));
            value.wrong(
                "is out of range",
                format!("at least {least:?}, at most {most:?}"),
            )
        })
    }
}

/// One of some words.
pub(super) fn word<'a, T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&Value<'a>) -> Result<T, Complaint> {
    move |value| {
        let text = value.text()?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, meaning)| *meaning);
        found.ok_or_else(|| {
            let all: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            value.wrong(
                "is not one of its words",
                format!("write {}", all.join(" or ")),
            )
        })
    }
}

/// A list of something. What is wrong with an element is reported there, the others are kept.
pub(super) fn list<'a, T>(
    one: impl Fn(&Value<'a>) -> Result<T, Complaint>,
) -> impl Fn(&Value<'a>) -> Result<Vec<(T, Value<'a>)>, Complaint> {
    move |value| {
        let read = |item: Value<'a>| Some((item.note(one(&item))?, item));
        Ok(value.items()?.into_iter().filter_map(read).collect())
    }
}
