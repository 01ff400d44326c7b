//! The block of numbers in `README.md`, from the JSON of a report and nothing else.
//!
//! A test of the library includes this file too, and compares: it imports only std and `serde_json`.

use serde_json::Value;

const BEGIN: &str = "<!-- bench:begin -->";
const END: &str = "<!-- bench:end -->";
const PLOT: &str = "benches/results/fanout.svg";

/// For each kind of scenario, the figures worth a row, and what they are called there.
const ROWS: [(&str, &str, &str); 16] = [
    ("fanout", "CPU per delivery, µs", "CPU per delivery, µs"),
    (
        "fanout",
        "to the last client, p99, µs",
        "to the last client, p99, µs",
    ),
    (
        "hot",
        "deliveries per second",
        "deliveries per second on one core",
    ),
    (
        "idle",
        "private KiB per client",
        "private memory per client, KiB",
    ),
    (
        "stalled",
        "to any reader, p99, µs",
        "to any reader, p99, µs",
    ),
    ("topics", "CPU per delivery, µs", "CPU per delivery, µs"),
    (
        "connect",
        "all have their first byte, s",
        "all have their first byte, s",
    ),
    ("resume", "all have caught up, s", "all have caught up, s"),
    (
        "burst",
        "to the last client, p99, µs",
        "one event to the last client, p99, µs",
    ),
    (
        "restart",
        "readers that were cut off",
        "clients cut off by a restart of the backend",
    ),
    (
        "restart",
        "no events beyond the absence, s",
        "no events beyond the backend's absence, s",
    ),
    (
        "storm",
        "first: clients answered per second",
        "clients per second, full handshakes",
    ),
    (
        "storm",
        "again: clients answered per second",
        "clients per second, resumed handshakes",
    ),
    (
        "storm",
        "first: server CPU per client, µs",
        "CPU per client, full handshake, µs",
    ),
    (
        "storm",
        "again: server CPU per client, µs",
        "CPU per client, resumed handshake, µs",
    ),
    ("pages", "CPU per request, µs", "CPU per request, µs"),
];

/// On a curve, a row for these alone.
const POINTS: [f64; 4] = [1000.0, 9000.0, 10_000.0, 18_000.0];

/// What stands beside and is no other server: the limit, and Fantail under other circumstances.
const OURS: [&str; 4] = ["bare", "without", "fantail", "fantail by TLS"];

/// All between the markers, which are not part of it.
pub(crate) fn block(report: &Value) -> String {
    let mut text = format!(
        "\n{}\n\n| scenario | | Fantail | beside it |\n|---|---|---|---|\n",
        circumstances(report)
    );
    let figures = report["figures"].as_array();
    let figures: Vec<&Value> = figures.into_iter().flatten().collect();
    let mut done: Vec<(&str, &str)> = Vec::new();
    for figure in &figures {
        let (Some(scenario), Some(name)) = (figure["scenario"].as_str(), figure["figure"].as_str())
        else {
            continue;
        };
        let is_off = |at: f64| !POINTS.contains(&at);
        if done.contains(&(scenario, name)) || figure["at"].as_f64().is_some_and(is_off) {
            continue;
        }
        let kind = scenario.split(' ').next().unwrap_or_default();
        if let Some((_, _, called)) = ROWS.iter().find(|row| (row.0, row.1) == (kind, name)) {
            done.push((scenario, name));
            let is_same = |f: &&&Value| f["scenario"] == scenario && f["figure"] == name;
            let same: Vec<&Value> = figures.iter().filter(is_same).copied().collect();
            text += &row(scenario, called, &same);
        }
    }
    let note = "Medians of the rounds, with the ratio to Fantail's. `bare` is a loop of `write()`, the limit; \
                **bold**: a server that is better than Fantail.";
    text + &format!("\n{note}\n\n![CPU per delivery and memory per client]({PLOT})\n\n")
}

/// The text with the block between its markers.
pub(crate) fn with_block(text: &str, block: &str) -> Result<String, &'static str> {
    let (before, after) = around(text).ok_or("README.md has no markers for the numbers")?;
    Ok(format!("{before}{block}{after}"))
}

/// What is before and after the block, the markers included.
fn around(text: &str) -> Option<(&str, &str)> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let before = text.get(..before.len() + BEGIN.len())?;
    let after = text.get(text.len() - after.len() - END.len()..)?;
    Some((before, after))
}

fn circumstances(report: &Value) -> String {
    let run = &report["run"];
    let text = |pointer: &str| match run.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "unknown".to_owned(),
    };
    let versions = run["versions"].as_object().into_iter().flatten();
    let version = |(name, version): (&String, &Value)| {
        let version = version.as_str().unwrap_or_default();
        if version.starts_with(name.as_str()) {
            version.to_owned()
        } else {
            format!("{name} {version}")
        }
    };
    let versions: Vec<_> = versions.map(version).collect();
    format!(
        "{}, {} cores, {}; the server on one core, the clients on another; {}; {}. `{}`",
        text("/machine/cpu"),
        text("/machine/cores"),
        text("/machine/kernel"),
        versions.join(", "),
        text("/date"),
        text("/command"),
    )
}

/// One figure, with everybody whom any of the `same` has beside it.
fn row(scenario: &str, called: &str, same: &[&Value]) -> String {
    let Some(first) = same.first() else {
        return String::new();
    };
    let more_is_better = called.contains("per second");
    let mine = first["measured"]["median"].as_f64();
    let beside = same.iter().filter_map(|figure| figure["beside"].as_array());
    let cell = |side: &Value| {
        let (name, theirs) = (side["server"].as_str()?, side["median"].as_f64()?);
        if theirs == 0.0 && called.ends_with("µs") {
            // Nothing was there to be measured.
            return None;
        }
        let is_peer = !OURS.contains(&name);
        let is_better = is_peer
            && mine.is_some_and(|mine| {
                if more_is_better {
                    theirs > mine
                } else {
                    theirs < mine
                }
            });
        let times = mine.filter(|mine| *mine > 0.0 && theirs > 0.0);
        let times = times.map_or_else(String::new, |mine| format!(" ({:.2} ×)", theirs / mine));
        let mark = if is_better { "**" } else { "" };
        Some(format!("{mark}{name} {}{mark}{times}", short(theirs)))
    };
    let cells: Vec<_> = beside.flatten().filter_map(cell).collect();
    let mine = mine.map_or_else(|| "?".to_owned(), short);
    format!(
        "| `{scenario}` | {called} | {mine} | {} |\n",
        cells.join(", ")
    )
}

/// Three digits that matter.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 999_500.0 => format!("{:.2} million", value / 1e6),
        size if size >= 100.0 || size == 0.0 => {
            let unit = 10_f64.powf(size.max(1.0).log10().floor() - 2.0).max(1.0);
            let digits = format!("{:.0}", (value / unit).round() * unit);
            match digits.len().checked_sub(3) {
                Some(at) if size >= 999.5 => {
                    let (thousands, rest) = digits.split_at(at);
                    format!("{thousands},{rest}")
                }
                _ => digits,
            }
        }
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
