//! What a run found: figures with their bars, as a table for people, as JSON for later, and as a
//! folder with plots. Everything but the table is drawn from the JSON, so that a kept one can be
//! drawn again.

mod compare;
mod figures;
mod machine;
mod page;
mod plot;
mod readme;
mod table;

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::{CompareOptions, DrawOptions};

pub(crate) use figures::{Bar, Figure, Point, Rounds};

/// Who should have taken part and did not.
#[derive(Debug)]
struct Absence {
    scenario: String,
    who: &'static str,
    why: String,
}

impl Absence {
    fn to_json(&self) -> Value {
        json!({ "scenario": self.scenario, "server": self.who, "why": self.why })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    trials: Vec<Value>,
    absences: Vec<Absence>,
    /// Scenarios that could not be run to their end, and why.
    failures: Vec<String>,
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

    pub(crate) fn fail(&mut self, why: String) {
        eprintln!("FAILED: {why}");
        self.failures.push(why);
    }

    pub(crate) fn has_failed(&self) -> bool {
        !self.failures.is_empty()
    }

    pub(crate) fn missed_a_bar(&self) -> bool {
        self.figures
            .iter()
            .any(|figure| figure.reached() == Some(false))
    }

    pub(crate) fn print(&self) {
        println!("\n{}\n", table::LEGEND);
        println!("{}", table::for_terminal(&self.figures));
        for Absence { scenario, who, why } in &self.absences {
            println!("{scenario}  {who}: not measured: {why}");
        }
        for failure in &self.failures {
            println!("\nFAILED: {failure}");
        }
    }

    pub(crate) fn to_json(&self, seconds: f64) -> Value {
        let figures: Vec<_> = self.figures.iter().map(Figure::to_json).collect();
        json!({
            "run": machine::describe(seconds, &self.trials),
            "failures": self.failures,
            "not_measured": self.absences.iter().map(Absence::to_json).collect::<Vec<_>>(),
            "figures": figures,
            "trials": self.trials,
        })
    }
}

/// The folder of a report: its JSON, a page as Markdown and as HTML, and the plots on it.
pub(crate) fn write_folder(report: &Value, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("report.json"), format!("{report:#}\n"))?;
    let figures = figures_of(report);
    let plots = plot::all(&figures);
    for plot in &plots {
        fs::write(folder.join(&plot.file), &plot.svg)?;
    }
    fs::write(
        folder.join("report.md"),
        page::markdown(report, &figures, &plots),
    )?;
    fs::write(
        folder.join("index.html"),
        page::html(report, &figures, &plots),
    )
}

/// The numbers in `README.md`, and what they are drawn from.
fn write_readme(report: &Value, root: &Path) -> io::Result<()> {
    let mut kept = report.clone();
    // Medians and rounds are enough for a repository.
    kept["trials"] = json!([]);
    let results = root.join("benches/results");
    fs::create_dir_all(&results)?;
    fs::write(results.join("latest.json"), format!("{kept:#}\n"))?;
    let plot = plot::of_readme(&figures_of(report));
    let plot = plot.ok_or_else(|| io::Error::other("no fanout in this report"))?;
    fs::write(results.join("fanout.svg"), plot)?;
    let file = root.join("README.md");
    let text = fs::read_to_string(&file)?;
    let changed = readme::with_block(&text, &readme::block(&kept));
    fs::write(&file, changed.map_err(io::Error::other)?)
}

/// Of a report that was kept.
pub(crate) fn draw(options: &DrawOptions, folder: Option<&Path>) -> io::Result<()> {
    let report: Value = serde_json::from_str(&fs::read_to_string(&options.from)?)?;
    if let Some(folder) = folder {
        write_folder(&report, folder)?;
    }
    if let Some(root) = &options.readme {
        write_readme(&report, root)?;
    }
    Ok(())
}

/// Prints how far two reports are apart. Whether all ratios agree that have a bar.
pub(crate) fn compare(options: &CompareOptions) -> io::Result<bool> {
    let read = |path| Ok::<Value, io::Error>(serde_json::from_str(&fs::read_to_string(path)?)?);
    let (first, second) = (read(&options.first)?, read(&options.second)?);
    let compared = compare::compare(&first, &second, options.within)
        .ok_or_else(|| io::Error::other("the two reports have no ratio in common"))?;
    print!("{}", compared.text);
    Ok(compared.agrees)
}

fn figures_of(report: &Value) -> Vec<Figure> {
    let figures = report["figures"].as_array();
    figures
        .into_iter()
        .flatten()
        .filter_map(Figure::from_json)
        .collect()
}
