//! Figures, their bars, and the verdict: as a table for people, as JSON for later.

use std::fs;
use std::io;
use std::path::Path;

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

#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) scenario: String,
    pub(crate) name: &'static str,
    pub(crate) measured: (&'static str, Rounds),
    pub(crate) beside: Option<(&'static str, Rounds)>,
    pub(crate) bar: Option<Bar>,
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    trials: Vec<Value>,
}

impl Rounds {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
        let at = |index| sorted.get(index).copied().unwrap_or(f64::NAN);
        f64::midpoint(at(low), at(high))
    }

    /// Round by round, so that what disturbs the machine for a while disturbs both sides.
    fn ratios_to(&self, other: &Self) -> Self {
        let ratio = |(mine, theirs): (&f64, &f64)| mine / theirs;
        Self(self.0.iter().zip(&other.0).map(ratio).collect())
    }

    fn show(&self) -> String {
        let low = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{} ({}–{})", short(self.median()), short(low), short(high))
    }
}

impl Bar {
    fn show(self) -> String {
        match self {
            Self::AtMost(bar) => format!("≤ {}", short(bar)),
            Self::AtLeast(bar) => format!("≥ {}", short(bar)),
            Self::TimesAtMost(bar) => format!("≤ {bar} ×"),
        }
    }
}

impl Figure {
    /// `None` where a ratio says nothing: counts that are mostly zero, growth that may shrink.
    fn ratios(&self) -> Option<Rounds> {
        let (_, beside) = self.beside.as_ref()?;
        let ratios = self.measured.1.ratios_to(beside);
        let telling = ratios
            .0
            .iter()
            .all(|ratio| ratio.is_finite() && *ratio > 0.0);
        telling.then_some(ratios)
    }

    /// `None` without a bar, or without what it compares with.
    fn reached(&self) -> Option<bool> {
        let median = self.measured.1.median();
        Some(match self.bar? {
            Bar::AtMost(bar) => median <= bar,
            Bar::AtLeast(bar) => median >= bar,
            Bar::TimesAtMost(bar) => self.ratios()?.median() <= bar,
        })
    }

    fn row(&self) -> [String; 7] {
        let side = |(name, rounds): &(&str, Rounds)| format!("{name} {}", rounds.show());
        let verdict = match self.reached() {
            Some(true) => "ok",
            Some(false) => "MISSED",
            None => "",
        };
        [
            self.scenario.clone(),
            self.name.to_owned(),
            side(&self.measured),
            self.beside.as_ref().map(side).unwrap_or_default(),
            self.ratios()
                .map(|ratios| ratios.show())
                .unwrap_or_default(),
            self.bar.map(Bar::show).unwrap_or_default(),
            verdict.to_owned(),
        ]
    }

    fn to_json(&self) -> Value {
        let side = |(name, rounds): &(&str, Rounds)| {
            let median = rounds.median();
            json!({ "server": name, "median": median, "rounds": rounds.0 })
        };
        json!({
            "scenario": self.scenario,
            "figure": self.name,
            "measured": side(&self.measured),
            "beside": self.beside.as_ref().map(side),
            "ratio": self.ratios().map(|ratios| ratios.median()),
            "bar": self.bar.map(Bar::show),
            "reached": self.reached(),
        })
    }
}

impl Report {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn keep_trial(&mut self, scenario: &str, trial: &Value) {
        self.trials
            .push(json!({ "scenario": scenario, "trial": trial }));
    }

    pub(crate) fn missed_a_bar(&self) -> bool {
        self.figures
            .iter()
            .any(|figure| figure.reached() == Some(false))
    }

    pub(crate) fn print(&self) {
        let head = [
            "scenario", "figure", "measured", "beside", "ratio", "bar", "",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.figures.iter().map(Figure::row));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: [usize; 7] = std::array::from_fn(|column| width(column).unwrap_or(0));
        println!("\nmedian (lowest–highest) of the rounds\n");
        for row in &rows {
            let cells = row.iter().zip(widths);
            let padded: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            println!("{}", padded.join("  ").trim_end());
        }
    }

    pub(crate) fn write_json(&self, path: &Path) -> io::Result<()> {
        let figures: Vec<_> = self.figures.iter().map(Figure::to_json).collect();
        let all = json!({ "figures": figures, "trials": self.trials });
        fs::write(path, format!("{all:#}\n"))
    }
}

/// Three digits that matter.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("{:.2}M", value / 1e6),
        size if size >= 1e4 => format!("{:.1}k", value / 1e3),
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
