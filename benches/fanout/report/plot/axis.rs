//! From a number to its place: linear from zero, with ticks at round numbers, or logarithmic.

use super::super::figures::short;

#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    is_log: bool,
    low: f64,
    high: f64,
    /// Where `low` and `high` are, in pixels.
    from: f64,
    to: f64,
}

impl Axis {
    /// From zero to a little above `most`.
    pub(super) fn linear(most: f64, from: f64, to: f64) -> Self {
        let step = step_of(most);
        Self {
            is_log: false,
            low: 0.0,
            high: (most / step).ceil().max(1.0) * step,
            from,
            to,
        }
    }

    /// From `least` to `most`, which are both positive.
    pub(super) fn log(least: f64, most: f64, from: f64, to: f64) -> Self {
        Self {
            is_log: true,
            low: least,
            high: most.max(least * 2.0),
            from,
            to,
        }
    }

    pub(super) fn place(&self, value: f64) -> f64 {
        let share = if self.is_log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Whether the number has a place on the axis.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    pub(super) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Of a linear one.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let step = step_of(self.high);
        let count = (self.high / step).round() as usize;
        let values = (0..=count).map(|n| n as f64 * step);
        values.map(|value| (value, tick(value))).collect()
    }
}

/// Some four to eight steps of 1, 2 or 5 times a power of ten.
fn step_of(most: f64) -> f64 {
    if most <= 0.0 || !most.is_finite() {
        return 1.0;
    }
    let rough = most / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let fits = |step: &&f64| rough <= **step * 1.000_001;
    steps.iter().find(fits).copied().unwrap_or(power)
}

pub(super) fn tick(value: f64) -> String {
    let whole = (value - value.round()).abs() < 1e-9;
    if whole && value < 1000.0 {
        format!("{value:.0}")
    } else {
        trimmed(&label(value))
    }
}

/// Three digits that matter, in thousands where there are some.
pub(super) fn label(value: f64) -> String {
    if !(1000.0..1e6).contains(&value) {
        return short(value);
    }
    let unit = 10_f64.powf(value.log10().floor() - 2.0).max(1.0);
    let value = ((value / unit).round() * unit).round() as u64;
    format!("{},{:03}", value / 1000, value % 1000)
}

/// `0.200` is `0.2`.
fn trimmed(text: &str) -> String {
    if text.contains('.') && text.ends_with(|c: char| c.is_ascii_digit()) {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}
