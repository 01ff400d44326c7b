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
    /// The first is what the bar compares with.
    pub(crate) beside: Vec<(&'static str, Rounds)>,
    pub(crate) bar: Option<Bar>,
}

/// Who should have taken part and did not.
#[derive(Debug)]
struct Absence {
    scenario: String,
    who: &'static str,
    why: String,
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    absences: Vec<Absence>,
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
    fn ratios(&self, beside: &Rounds) -> Option<Rounds> {
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
            Bar::TimesAtMost(bar) => self.ratios(&self.beside.first()?.1)?.median() <= bar,
        })
    }

    /// One row for each that is beside the measured.
    fn rows(&self) -> Vec<[String; 7]> {
        let side = |(name, rounds): &(&str, Rounds)| format!("{name} {}", rounds.show());
        let verdict = match self.reached() {
            Some(true) => "ok",
            Some(false) => "MISSED",
            None => "",
        };
        let ratio = |(_, beside): &(&str, Rounds)| self.ratios(beside);
        let compared = |beside| {
            [
                side(beside),
                ratio(beside).map(|r| r.show()).unwrap_or_default(),
            ]
        };
        let mut all = self.beside.iter().map(compared);
        let [beside, ratios] = all.next().unwrap_or_default();
        let mut rows = vec![[
            self.scenario.clone(),
            self.name.to_owned(),
            side(&self.measured),
            beside,
            ratios,
            self.bar.map(Bar::show).unwrap_or_default(),
            verdict.to_owned(),
        ]];
        rows.extend(all.map(|[beside, ratios]| {
            let mut row = <[String; 7]>::default();
            row[3] = beside;
            row[4] = ratios;
            row
        }));
        rows
    }

    fn to_json(&self) -> Value {
        let side = |(name, rounds): &(&str, Rounds)| {
            let median = rounds.median();
            json!({ "server": name, "median": median, "rounds": rounds.0 })
        };
        let compared = |beside: &(&str, Rounds)| {
            let mut json = side(beside);
            json["ratio"] = json!(self.ratios(&beside.1).map(|ratios| ratios.median()));
            json
        };
        json!({
            "scenario": self.scenario,
            "figure": self.name,
            "measured": side(&self.measured),
            "beside": self.beside.iter().map(compared).collect::<Vec<_>>(),
            "bar": self.bar.map(Bar::show),
            "reached": self.reached(),
        })
    }
}

impl Absence {
    fn to_json(&self) -> Value {
        json!({ "scenario": self.scenario, "server": self.who, "why": self.why })
    }
}

impl Report {
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    pub(crate) fn add_absence(&mut self, scenario: &str, who: &'static str, why: String) {
        let scenario = scenario.to_owned();
        self.absences.push(Absence { scenario, who, why });
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
        rows.extend(self.figures.iter().flat_map(Figure::rows));
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
        for Absence { scenario, who, why } in &self.absences {
            println!("{scenario}  {who}: not measured: {why}");
        }
    }

    pub(crate) fn write_json(&self, path: &Path) -> io::Result<()> {
        let figures: Vec<_> = self.figures.iter().map(Figure::to_json).collect();
        let absences: Vec<_> = self.absences.iter().map(Absence::to_json).collect();
        let all = json!({ "figures": figures, "not_measured": absences, "trials": self.trials });
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
