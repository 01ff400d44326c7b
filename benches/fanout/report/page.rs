//! The page of a report: where it was made, the curves, then each scenario with its table and bars.

use serde_json::Value;

use super::figures::Figure;
use super::plot::{self, Plot, escape};
use super::table;

const TITLE: &str = "Fantail under load";

/// The same page in another language.
struct Language {
    heading: fn(usize, &str) -> String,
    list: fn(&[(String, String)]) -> String,
    picture: fn(&Plot) -> String,
    table: fn(&[&Figure]) -> String,
    paragraph: fn(&str) -> String,
}

pub(super) fn markdown(report: &Value, figures: &[Figure], plots: &[Plot]) -> String {
    let language = Language {
        heading: |level, text| format!("{} {text}\n\n", "#".repeat(level)),
        list: |items| {
            let item = |(name, text): &(String, String)| format!("* {name}: {text}\n");
            items.iter().map(item).collect::<String>() + "\n"
        },
        picture: |plot| format!("![{}]({})\n\n", plot.title, plot.file),
        table: |figures| table::markdown(figures) + "\n",
        paragraph: |text| format!("{text}\n\n"),
    };
    body(&language, report, figures, plots)
}

pub(super) fn html(report: &Value, figures: &[Figure], plots: &[Plot]) -> String {
    let language = Language {
        heading: |level, text| format!("<h{level}>{}</h{level}>\n", escape(text)),
        list: |items| {
            let item = |(name, text): &(String, String)| {
                format!("<li>{}: {}</li>\n", escape(name), escape(text))
            };
            format!(
                "<ul>\n{}</ul>\n",
                items.iter().map(item).collect::<String>()
            )
        },
        picture: |plot| {
            let alt = escape(&plot.title);
            format!("<p><img src=\"{}\" alt=\"{alt}\"></p>\n", plot.file)
        },
        table: table::html,
        paragraph: |text| format!("<p>{}</p>\n", escape(text)),
    };
    let body = body(&language, report, figures, plots);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{TITLE}</title>\n<style>\n\
         :root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }}\n\
         body {{ max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }}\n\
         table {{ border-collapse: collapse; }} img {{ max-width: 100%; }}\n\
         td, th {{ padding: .15rem .7rem; text-align: left; border-bottom: 1px solid #8884; }}\n\
         </style>\n{body}</html>\n"
    )
}

fn body(language: &Language, report: &Value, figures: &[Figure], plots: &[Plot]) -> String {
    let mut text = (language.heading)(1, TITLE);
    text += &(language.list)(&circumstances(report));
    let failures = report["failures"].as_array().into_iter().flatten();
    for failure in failures.filter_map(Value::as_str) {
        text += &(language.paragraph)(&format!("FAILED: {failure}"));
    }
    text += &(language.paragraph)(table::LEGEND);
    let mut curves = plots
        .iter()
        .filter(|plot| plot.scenario.is_none())
        .peekable();
    if curves.peek().is_some() {
        text += &(language.heading)(2, "Curves");
        text.extend(curves.map(language.picture));
    }
    for scenario in plot::scenarios(figures) {
        text += &(language.heading)(2, scenario);
        let is_its = |figure: &&Figure| figure.scenario == scenario;
        text += &(language.table)(&figures.iter().filter(is_its).collect::<Vec<_>>());
        let is_its = |plot: &&Plot| plot.scenario.as_deref() == Some(scenario);
        text.extend(plots.iter().filter(is_its).map(language.picture));
        let absences = report["not_measured"].as_array().into_iter().flatten();
        for absence in absences.filter(|absence| absence["scenario"] == scenario) {
            text += &(language.paragraph)(&not_measured(absence));
        }
    }
    text
}

fn not_measured(absence: &Value) -> String {
    let text = |name: &str| absence[name].as_str().unwrap_or("unknown");
    format!("{}: not measured: {}", text("server"), text("why"))
}

/// The machine, the versions, the command.
fn circumstances(report: &Value) -> Vec<(String, String)> {
    let run = &report["run"];
    let text = |value: &Value| {
        let text = value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| value.to_string())
    };
    let machine = &run["machine"];
    let machine = format!(
        "{}, {} cores, {} GiB, {}",
        text(&machine["cpu"]),
        text(&machine["cores"]),
        text(&machine["memory_gib"]),
        text(&machine["kernel"]),
    );
    let mut list = vec![("machine".to_owned(), machine)];
    let versions = run["versions"].as_object().into_iter().flatten();
    list.extend(versions.map(|(name, version)| (name.clone(), text(version))));
    list.push(("date".to_owned(), text(&run["date"])));
    list.push(("command".to_owned(), text(&run["command"])));
    list.push(("took".to_owned(), format!("{} s", text(&run["seconds"]))));
    list
}
