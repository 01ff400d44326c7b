//! A figure: what was measured, what stands beside it, over the rounds, and the bar it has.

use serde_json::{Value, json};

/// A figure over the rounds, in their order.
#[derive(Debug, Clone)]
pub(crate) struct Rounds(pub(crate) Vec<f64>);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    /// Of what is measured beside it.
    TimesAtMost(f64),
}

/// The place on a curve: which number grows, and how far it has grown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) along: String,
    pub(crate) at: f64,
}

/// One server, with its rounds.
pub(crate) type Side = (String, Rounds);

#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) scenario: String,
    pub(crate) name: String,
    pub(crate) measured: Side,
    /// The first is what a bar compares with.
    pub(crate) beside: Vec<Side>,
    pub(crate) bar: Option<Bar>,
    pub(crate) point: Option<Point>,
}

impl Rounds {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
        let at = |index| sorted.get(index).copied().unwrap_or(f64::NAN);
        f64::midpoint(at(low), at(high))
    }

    pub(crate) fn lowest(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn highest(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether every round has a number: not every server has every figure.
    pub(crate) fn is_told(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|round| round.is_finite())
    }

    /// Round by round, so that what disturbs the machine for a while disturbs both sides.
    fn ratios_to(&self, other: &Self) -> Self {
        let ratio = |(mine, theirs): (&f64, &f64)| mine / theirs;
        Self(self.0.iter().zip(&other.0).map(ratio).collect())
    }

    pub(crate) fn show(&self) -> String {
        let spread = [self.lowest(), self.highest()].map(short);
        format!("{} ({}–{})", short(self.median()), spread[0], spread[1])
    }

    fn to_json(&self, name: &str) -> Value {
        json!({ "server": name, "median": self.median(), "rounds": self.0 })
    }
}

impl Bar {
    pub(crate) fn show(self) -> String {
        match self {
            Self::AtMost(bar) => format!("≤ {}", short(bar)),
            Self::AtLeast(bar) => format!("≥ {}", short(bar)),
            Self::TimesAtMost(bar) => format!("≤ {bar} ×"),
        }
    }

    fn to_json(self) -> Value {
        let (kind, bar) = match self {
            Self::AtMost(bar) => ("at_most", bar),
            Self::AtLeast(bar) => ("at_least", bar),
            Self::TimesAtMost(bar) => ("times_at_most", bar),
        };
        json!({ "kind": kind, "value": bar })
    }

    fn from_json(json: &Value) -> Option<Self> {
        let bar = json["value"].as_f64()?;
        match json["kind"].as_str()? {
            "at_most" => Some(Self::AtMost(bar)),
            "at_least" => Some(Self::AtLeast(bar)),
            "times_at_most" => Some(Self::TimesAtMost(bar)),
            _ => None,
        }
    }
}

impl Figure {
    /// `None` where a ratio says nothing: counts that are mostly zero, growth that may shrink.
    pub(crate) fn ratios_to(&self, beside: &Rounds) -> Option<Rounds> {
        let ratios = self.measured.1.ratios_to(beside);
        let telling = |ratio: &f64| ratio.is_finite() && *ratio > 0.0;
        ratios.0.iter().all(telling).then_some(ratios)
    }

    pub(crate) fn ratios(&self) -> Option<Rounds> {
        self.ratios_to(&self.beside.first()?.1)
    }

    /// `None` without a bar, or without what it compares with.
    pub(crate) fn reached(&self) -> Option<bool> {
        let median = self.measured.1.median();
        Some(match self.bar? {
            Bar::AtMost(bar) => median <= bar,
            Bar::AtLeast(bar) => median >= bar,
            Bar::TimesAtMost(bar) => self.ratios()?.median() <= bar,
        })
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match self.reached() {
            Some(true) => "ok",
            Some(false) => "MISSED",
            None => "",
        }
    }

    /// All who have this figure, the measured one first.
    pub(crate) fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.measured)
            .chain(&self.beside)
            .filter(|(_, rounds)| rounds.is_told())
    }

    pub(crate) fn to_json(&self) -> Value {
        let side = |(name, rounds): &Side| rounds.to_json(name);
        json!({
            "scenario": self.scenario,
            "figure": self.name,
            "measured": side(&self.measured),
            "beside": self.beside.iter().map(side).collect::<Vec<_>>(),
            "ratio": self.ratios().map(|ratios| ratios.median()),
            "bar": self.bar.map(Bar::to_json),
            "reached": self.reached(),
            "along": self.point.as_ref().map(|point| &point.along),
            "at": self.point.as_ref().map(|point| point.at),
        })
    }

    pub(crate) fn from_json(json: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let side = |json: &Value| {
            let rounds = json["rounds"].as_array()?.iter();
            let rounds = rounds.map(|round| round.as_f64().unwrap_or(f64::NAN));
            Some((text(&json["server"])?, Rounds(rounds.collect())))
        };
        let along = text(&json["along"]).zip(json["at"].as_f64());
        Some(Self {
            scenario: text(&json["scenario"])?,
            name: text(&json["figure"])?,
            measured: side(&json["measured"])?,
            beside: json["beside"].as_array()?.iter().filter_map(side).collect(),
            bar: Bar::from_json(&json["bar"]),
            point: along.map(|(along, at)| Point { along, at }),
        })
    }
}

/// Three digits that matter.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2}M", value / 1e6),
        size if size >= 1e4 => format!("{:.1}k", value / 1e3),
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
