//! The figures as a table: aligned for a terminal, or in Markdown.

use super::figures::{Bar, Figure, Side};

pub(crate) const LEGEND: &str = "median (lowest–highest) of the rounds";

const HEAD: [&str; 7] = [
    "scenario", "figure", "measured", "beside", "ratio", "bar", "",
];

/// One for each server beside the measured one; the bar stands with the first.
pub(super) fn rows(figure: &Figure) -> Vec<[String; 7]> {
    let side = |(name, rounds): &Side| {
        if rounds.is_told() {
            format!("{name} {}", rounds.show())
        } else {
            String::new()
        }
    };
    let first = [
        figure.scenario.clone(),
        figure.name.clone(),
        side(&figure.measured),
        figure.beside.first().map(side).unwrap_or_default(),
        figure.ratios().map(|r| r.show()).unwrap_or_default(),
        figure.bar.map(Bar::show).unwrap_or_default(),
        figure.verdict().to_owned(),
    ];
    let more = figure.beside.iter().skip(1).filter(|(_, r)| r.is_told());
    let more = more.map(|beside| {
        let mut row: [String; 7] = Default::default();
        row[3] = side(beside);
        let ratios = figure.ratios_to(&beside.1);
        row[4] = ratios.map(|r| r.show()).unwrap_or_default();
        row
    });
    std::iter::once(first).chain(more).collect()
}

pub(super) fn for_terminal(figures: &[Figure]) -> String {
    let mut all = vec![HEAD.map(str::to_owned)];
    all.extend(figures.iter().flat_map(rows));
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 7] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths);
        let padded: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Of one scenario, whose name stands above it.
pub(super) fn markdown(figures: &[&Figure]) -> String {
    let head = [HEAD[1..].join(" | "), ["---"; 6].join(" | ")];
    let rows = figures.iter().flat_map(|figure| rows(figure));
    let lines = head.into_iter().chain(rows.map(|row| row[1..].join(" | ")));
    let lines = lines.map(|line| format!("| {line} |"));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

pub(super) fn html(figures: &[&Figure]) -> String {
    let head = HEAD[1..].iter().map(|cell| format!("<th>{cell}</th>"));
    let rows = figures.iter().flat_map(|figure| rows(figure)).map(|row| {
        let cells = row[1..].iter().map(|cell| format!("<td>{cell}</td>"));
        cells.collect::<String>()
    });
    let lines = std::iter::once(head.collect()).chain(rows);
    let lines = lines.map(|line: String| format!("<tr>{line}</tr>"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("<table>\n{lines}\n</table>\n")
}
