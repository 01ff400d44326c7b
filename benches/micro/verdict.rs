//! Two sets of counts side by side, and what is to be said of them. Pure, so that `tests/it` tests
//! it too.

use std::collections::BTreeMap;
use std::fmt;

/// Bench → instructions.
pub(crate) type Counts = BTreeMap<String, u64>;

/// A count may differ by so much before anything is said. Counts repeat to a fraction of it; what
/// is left is for code that the compiler arranges another way without anybody's doing.
const TOLERANCE_PERCENT: u64 = 5;

/// What is to be said of one bench.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) bench: String,
    pub(crate) kind: Kind,
}

/// What there is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Regression { from: u64, to: u64 },
    Improvement { from: u64, to: u64 },
    NoBaseline { to: u64 },
    NoBench { from: u64 },
}

/// Everything that is to be said, by the benches' names.
pub(crate) fn findings(baseline: &Counts, counts: &Counts) -> Vec<Finding> {
    let mut names: Vec<&String> = baseline.keys().chain(counts.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let finding = |name: &String| {
        let kind = kind(baseline.get(name).copied(), counts.get(name).copied())?;
        let bench = name.clone();
        Some(Finding { bench, kind })
    };
    names.into_iter().filter_map(finding).collect()
}

fn kind(from: Option<u64>, to: Option<u64>) -> Option<Kind> {
    match (from, to) {
        (Some(from), Some(to)) if exceeds(to, from) => Some(Kind::Regression { from, to }),
        (Some(from), Some(to)) if exceeds(from, to) => Some(Kind::Improvement { from, to }),
        (Some(_), Some(_)) | (None, None) => None,
        (None, Some(to)) => Some(Kind::NoBaseline { to }),
        (Some(from), None) => Some(Kind::NoBench { from }),
    }
}

fn exceeds(more: u64, less: u64) -> bool {
    more.saturating_mul(100) > less.saturating_mul(100 + TOLERANCE_PERCENT)
}

impl Finding {
    /// Whether the gate stays shut because of it.
    pub(crate) fn is_failure(&self) -> bool {
        !matches!(self.kind, Kind::Improvement { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bench = &self.bench;
        match self.kind {
            Kind::Regression { from, to } => {
                write!(
                    f,
                    "REGRESSION   {bench}: {from} → {to}, {}",
                    Change(from, to)
                )
            }
            Kind::Improvement { from, to } => {
                write!(
                    f,
                    "improvement  {bench}: {from} → {to}, {}",
                    Change(from, to)
                )
            }
            Kind::NoBaseline { to } => write!(f, "NO BASELINE  {bench}: {to}"),
            Kind::NoBench { from } => write!(f, "NO BENCH     {bench}: {from} in the baseline"),
        }
    }
}

/// By how much, in tenths of a percent.
struct Change(u64, u64);

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(from, to) = *self;
        let sign = if to < from { "-" } else { "+" };
        let tenths = to.abs_diff(from).saturating_mul(1000) / from.max(1);
        write!(f, "{sign}{}.{} %", tenths / 10, tenths % 10)
    }
}
