//! The command: runs every bench, and compares the counts with the baseline or writes it anew.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, ErrorKind, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use serde_json::Value;
use toml::Table;

use crate::verdict::{Counts, findings};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/micro/baseline.toml");
const INTRODUCTION: &str = "\
# Instructions of each micro bench, and what they were counted with. Written by
# `cargo bench --bench micro -- --renew`, compared by `… -- --check`; see benches/README.md.

";

/// What a count depends on besides the code: name → version.
type Tools = BTreeMap<String, String>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs the benches as the arguments say; without an argument of ours, as gungraun's own do.
pub(crate) fn run(arguments: &[String], benches: fn()) -> ExitCode {
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let done = tools().and_then(|tools| match (has("--check"), has("--renew")) {
        (true, false) => check(&tools),
        (false, true) => renew(&tools),
        (true, true) => Err("--check or --renew, not both".into()),
        (false, false) => {
            benches();
            Ok(true)
        }
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(io::stderr(), "micro benches: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn check(tools: &Tools) -> Result<bool> {
    let (then, baseline) = read().map_err(|error| format!("{BASELINE}: {error}"))?;
    let counts = counts()?;
    let found = findings(&baseline, &counts);
    let mut out = io::stdout().lock();
    for (name, count) in &counts {
        writeln!(out, "{count:>12}  {name}")?;
    }
    for finding in &found {
        writeln!(out, "{finding}")?;
    }
    for (name, now) in tools {
        let then = then.get(name).map_or("unknown", String::as_str);
        if then != now {
            writeln!(
                out,
                "note: the baseline was counted with {name} {then:?}, this with {now:?}: \
                 differences may be no doing of the code"
            )?;
        }
    }
    let failures = found.iter().filter(|finding| finding.is_failure()).count();
    writeln!(out, "{} benches, {failures} failed", counts.len())?;
    if !found.is_empty() {
        writeln!(
            out,
            "if that is as it should be: cargo bench --bench micro -- --renew"
        )?;
    }
    Ok(failures == 0)
}

fn renew(tools: &Tools) -> Result<bool> {
    let counts = counts()?;
    let mut text = String::from(INTRODUCTION);
    text += &toml::to_string(&Table::from_iter([
        ("with".to_owned(), toml::Value::try_from(tools)?),
        ("instructions".to_owned(), toml::Value::try_from(&counts)?),
    ]))?;
    fs::write(BASELINE, text)?;
    writeln!(io::stdout(), "{} counts are in {BASELINE}", counts.len())?;
    Ok(true)
}

fn read() -> Result<(Tools, Counts)> {
    let mut table: Table = fs::read_to_string(BASELINE)?.parse()?;
    let mut section = |name: &str| table.remove(name).ok_or(format!("[{name}] is missing"));
    let tools = section("with")?.try_into()?;
    let counts = section("instructions")?.try_into()?;
    Ok((tools, counts))
}

/// Has every bench run by this very executable. gungraun says one JSON object a line for each.
fn counts() -> Result<Counts> {
    let child = Command::new(env::current_exe()?)
        .args(["--bench", "--output-format=json", "--nosummary"])
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("gungraun has failed, see above".into());
    }
    let text = String::from_utf8(output.stdout)?;
    let mut counts = Counts::new();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        let (name, count) = count(line)?;
        if counts.insert(name.clone(), count).is_some() {
            return Err(format!("two benches are called {name}").into());
        }
    }
    Ok(counts)
}

fn count(line: &str) -> Result<(String, u64)> {
    let summary: Value = serde_json::from_str(line)?;
    let name = [&summary["function_name"], &summary["id"]].map(|part| part.as_str());
    let name: Vec<&str> = name.into_iter().flatten().collect();
    let new = summary.pointer("/profiles/0/data/total/metrics/Ir/values/new");
    let count = new.and_then(Value::as_u64).filter(|count| *count > 0);
    let count = count.ok_or_else(|| format!("gungraun's summary has no count: {line}"))?;
    Ok((name.join("."), count))
}

/// The versions of everything that decides on a count; an error that says what to install.
fn tools() -> Result<Tools> {
    // Libraries choose by these how to do their work, and valgrind lets them see what it knows.
    let width = if is_wide() { "with AVX2" } else { "plain" };
    let version = |program, install| version(program).map_err(|e| missing(program, &e, install));
    let libc = version("ldd", "").unwrap_or_else(|_| "unknown".to_owned());
    version("gungraun-runner", "cargo install --locked gungraun-runner")?;
    Ok(Tools::from([
        (
            "compiler".to_owned(),
            version("rustc", "https://rustup.rs")?,
        ),
        ("C library".to_owned(), libc),
        (
            "valgrind".to_owned(),
            version("valgrind", "apt-get install valgrind")?,
        ),
        (
            "processor".to_owned(),
            format!("{}, {width}", env::consts::ARCH),
        ),
    ]))
}

#[cfg(target_arch = "x86_64")]
fn is_wide() -> bool {
    is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn is_wide() -> bool {
    false
}

fn missing(program: &str, error: &io::Error, install: &str) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("{program} is not installed: {install}"),
        _ => format!("{program} --version: {error}"),
    }
}

fn version(program: &str) -> io::Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
