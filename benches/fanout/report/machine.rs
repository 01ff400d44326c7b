//! Where and with what a run was made: a figure means nothing without it.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

pub(super) fn describe(seconds: f64, trials: &[Value]) -> Value {
    json!({
        "date": said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        "machine": {
            "cpu": cpu(),
            "cores": std::thread::available_parallelism().map_or(0, usize::from)
                .max(cores_online()),
            "memory_gib": memory_gib(),
            "kernel": said("uname", &["-sr"]),
        },
        "versions": versions(trials),
        "command": command_line(),
        "seconds": seconds.round(),
    })
}

/// By name. What a trial says of its server's `version` stands here too.
fn versions(trials: &[Value]) -> Value {
    let mut versions = Map::new();
    for trial in trials.iter().map(|trial| &trial["trial"]) {
        if let (Some(name), Some(version)) = (trial["name"].as_str(), trial["version"].as_str()) {
            versions.insert(name.to_owned(), json!(version));
        }
    }
    let commit = said("git", &["describe", "--always", "--dirty", "--tags"]);
    let version = format!("{} ({commit})", env!("CARGO_PKG_VERSION"));
    versions.insert("fantail".to_owned(), json!(version));
    versions.insert("rustc".to_owned(), json!(said("rustc", &["--version"])));
    Value::Object(versions)
}

/// As a person gives it, wherever the executable is and the results go.
fn command_line() -> String {
    let mut words = vec!["cargo bench --bench fanout --".to_owned()];
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        match word.as_str() {
            "--bench" => {}
            "--report" | "--json" => {
                given.next();
            }
            word if word.starts_with("--report=") || word.starts_with("--json=") => {}
            _ => words.push(word),
        }
    }
    words.join(" ")
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    model.map_or("unknown", |(_, name)| name).trim().to_owned()
}

/// This process is pinned to one of them.
fn cores_online() -> usize {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let is_core = |line: &&str| line.starts_with("processor");
    text.lines().filter(is_core).count()
}

fn memory_gib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text.split_whitespace().nth(1);
    let kib: u64 = kib.and_then(|kib| kib.parse().ok()).unwrap_or(0);
    (kib + (1 << 19)) >> 20
}

/// The first line that a command prints; a report without it is still one.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stderr(Stdio::null())
        .output();
    let text = output.map_or_else(|_| Vec::new(), |output| output.stdout);
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    if line.is_empty() {
        "unknown".to_owned()
    } else {
        line
    }
}
