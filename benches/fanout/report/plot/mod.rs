//! Plots of a report: bars for each scenario, lines for each curve. The writer of SVG is our own:
//! two kinds of charts are a few hundred lines, and a library would bring its own text and fonts.

mod axis;
mod bars;
mod colour;
mod lines;
mod svg;

use lines::{Chart, Line};

use super::figures::{Figure, Side};
pub(super) use svg::escape;

#[derive(Debug)]
pub(super) struct Plot {
    pub(super) file: String,
    pub(super) title: String,
    /// The scenario that it belongs to; a curve is of many.
    pub(super) scenario: Option<String>,
    pub(super) svg: String,
}

/// What a bar can show: costs and times. Counts and shares stand in the table.
const UNITS: [&str; 5] = [", µs", ", ms", ", s", "KiB", "MiB"];

/// On curves only: beside what one client takes, the sum says nothing new.
const SUM: &str = "private memory grown, MiB";

/// What is drawn along a curve: totals, whose line should be straight, and what one costs, which
/// should be flat.
const ALONG: [(&str, bool); 6] = [
    ("CPU per delivery, µs", true),
    ("server CPU, %", false),
    (SUM, false),
    ("private KiB per client", true),
    ("to the last client, p99, µs", false),
    ("to any client, p99, µs", true),
];

const NOTE: &str = "bar: median of the rounds; line: lowest to highest round; less is better";

pub(super) fn all(figures: &[Figure]) -> Vec<Plot> {
    let mut plots = curves(figures);
    for scenario in scenarios(figures) {
        let panels = panels(figures, scenario);
        if !panels.is_empty() {
            plots.push(Plot {
                file: format!("{}.svg", file_name(scenario)),
                title: scenario.to_owned(),
                scenario: Some(scenario.to_owned()),
                svg: bars::draw(scenario, NOTE, &panels),
            });
        }
    }
    plots
}

/// CPU and memory in the `fanout` that most servers took part in; of these, with most clients.
pub(super) fn of_readme(figures: &[Figure]) -> Option<String> {
    let is_cost = |figure: &&Figure| {
        figure.scenario.starts_with("fanout ") && figure.name.starts_with("CPU per delivery")
    };
    let costs = figures.iter().filter(is_cost);
    let rank = |figure: &&Figure| {
        let clients = figure.point.as_ref().map_or(0.0, |point| point.at);
        (figure.sides().count(), clients as u64)
    };
    let scenario = costs.max_by_key(rank)?.scenario.clone();
    let mut panels = panels(figures, &scenario);
    panels.retain(|(name, _)| name.starts_with("CPU per") || name.contains("KiB per client"));
    Some(bars::draw(&scenario, NOTE, &panels))
}

/// In their order.
pub(super) fn scenarios(figures: &[Figure]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for figure in figures {
        if !names.contains(&figure.scenario.as_str()) {
            names.push(&figure.scenario);
        }
    }
    names
}

/// Of one scenario: what at least two servers have. A figure may be there more than once, each time
/// with another server beside it.
fn panels<'a>(figures: &'a [Figure], scenario: &str) -> Vec<bars::Panel<'a>> {
    let mut panels: Vec<bars::Panel<'a>> = Vec::new();
    for figure in figures.iter().filter(|f| f.scenario == scenario) {
        let has_unit = UNITS.iter().any(|unit| figure.name.contains(unit));
        if !has_unit || figure.name == SUM {
            continue;
        }
        if !panels.iter().any(|(name, _)| *name == figure.name) {
            panels.push((&figure.name, Vec::new()));
        }
        let panel = panels.iter_mut().find(|(name, _)| *name == figure.name);
        let Some((_, sides)) = panel else { continue };
        for side in figure.sides() {
            if !sides.iter().any(|known: &&Side| known.0 == side.0) {
                sides.push(side);
            }
        }
    }
    panels.retain(|(_, sides)| sides.len() > 1);
    panels
}

fn curves(figures: &[Figure]) -> Vec<Plot> {
    let mut along: Vec<&str> = Vec::new();
    for point in figures.iter().filter_map(|figure| figure.point.as_ref()) {
        if !along.contains(&point.along.as_str()) {
            along.push(&point.along);
        }
    }
    let drawn = |x: &&str| ALONG.map(|(name, is_log)| curve(figures, x, name, is_log));
    along.iter().flat_map(drawn).flatten().collect()
}

fn curve(figures: &[Figure], along: &str, name: &str, is_log: bool) -> Option<Plot> {
    let on_curve = |figure: &&Figure| {
        figure.name == name && figure.point.as_ref().is_some_and(|p| p.along == along)
    };
    let steps: Vec<&Figure> = figures.iter().filter(on_curve).collect();
    let lines = lines_of(&steps);
    if lines.is_empty() {
        return None;
    }
    let title = format!("{name}, over {along}");
    let chart = Chart {
        title: &title,
        x: along,
        ends: [steps.first()?, steps.last()?].map(|step| step.scenario.as_str()),
        y: name,
        is_log,
        lines,
    };
    let svg = chart.draw();
    Some(Plot {
        file: format!("curve-{}-{}.svg", file_name(along), file_name(name)),
        title,
        scenario: None,
        svg,
    })
}

/// A line for each server that has at least two of the steps.
fn lines_of(steps: &[&Figure]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (figure, at) in steps.iter().filter_map(|f| Some((f, f.point.as_ref()?.at))) {
        for (server, rounds) in figure.sides() {
            let point = (at, rounds.clone());
            match lines.iter_mut().find(|line| line.server == *server) {
                Some(line) => line.points.push(point),
                None => lines.push(Line {
                    server: server.clone(),
                    points: vec![point],
                }),
            }
        }
    }
    for line in &mut lines {
        line.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    lines.retain(|line| line.points.len() > 1);
    lines
}

fn file_name(text: &str) -> String {
    let is_kept = |c: char| c.is_ascii_alphanumeric();
    let words = text.split(|c| !is_kept(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}
