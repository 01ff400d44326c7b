//! The numbers in README.md are those of a run of the load bench, and nobody has touched them up.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

#[path = "../../benches/fanout/report/compare.rs"]
mod compare;
#[path = "../../benches/fanout/report/readme.rs"]
mod readme;

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `benches/run --readme` writes the block, the JSON that it comes from, and the plot.
#[test]
fn the_readme_has_the_numbers_of_the_kept_run() {
    let text = fs::read_to_string(at("README.md")).unwrap();
    let block = match fs::read_to_string(at("benches/results/latest.json")) {
        Ok(kept) => {
            let plot = fs::read_to_string(at("benches/results/fanout.svg")).unwrap();
            assert!(plot.starts_with("<svg ") && plot.len() < 30_000);
            let kept: Value = serde_json::from_str(&kept).unwrap();
            assert!(
                kept["figures"]
                    .as_array()
                    .is_some_and(|all| !all.is_empty())
            );
            readme::block(&kept)
        }
        // No run is kept yet: then there is nothing to say.
        Err(_) => "\n".to_owned(),
    };
    assert_eq!(readme::with_block(&text, &block).unwrap(), text);
}

#[test]
fn whoever_is_better_stands_there_in_bold() {
    let side = |server: &str, median: f64| json!({ "server": server, "median": median });
    let figure = |scenario: &str, name: &str, mine: f64, beside: Value| json!({ "scenario": scenario, "figure": name, "measured": side("fantail", mine), "beside": beside });
    let cost = "CPU per request, µs";
    let report = json!({
        "run": { "versions": { "fantail": "0.1.0", "nchan": "1.3.6" } },
        "figures": [
            figure("pages 32", cost, 17.7, json!([side("nginx", 31.1), side("nobody", 0.0)])),
            figure("pages 32", cost, 17.7, json!([side("nginx, kept", 11.4)])),
            figure("hot 10", "deliveries per second", 3e6, json!([side("bare", 4e6)])),
            figure("hot 10", "load CPU, %", 3.0, json!([])),
        ],
    });
    let block = readme::block(&report);
    let rows: Vec<_> = block
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(
        rows,
        [
            "| `pages 32` | CPU per request, µs | 17.7 | nginx 31.1 (1.76 ×), **nginx, kept 11.4** (0.64 ×) |",
            "| `hot 10` | deliveries per second on one core | 3.00 million | bare 4.00 million (1.33 ×) |",
        ]
    );
    assert!(block.contains("fantail 0.1.0, nchan 1.3.6"), "{block}");
}

#[test]
fn a_text_without_markers_is_left_alone() {
    assert!(readme::with_block("no numbers here", "1").is_err());
    let text = "a <!-- bench:begin -->old<!-- bench:end --> b";
    let changed = readme::with_block(text, "new").unwrap();
    assert_eq!(changed, "a <!-- bench:begin -->new<!-- bench:end --> b");
}

/// A run whose figure of a bar has these rounds, beside ones of 2.0.
fn run(rounds: [f64; 3], memory: f64) -> Value {
    let side = |server: &str, rounds: [f64; 3]| json!({ "server": server, "rounds": rounds });
    let bar = json!({ "kind": "times_at_most", "value": 1.15 });
    let figure = |name: &str, mine: [f64; 3], bar: Value| json!({ "scenario": "fanout 10", "figure": name, "measured": side("fantail", mine), "beside": [side("bare", [2.0; 3])], "bar": bar });
    json!({ "figures": [
        figure("CPU per delivery, µs", rounds, bar),
        figure("private KiB per client", [memory; 3], Value::Null),
        figure("server CPU, %", [memory; 3], Value::Null),
        figure("lost", [0.0; 3], Value::Null),
    ] })
}

#[test]
fn two_runs_agree_if_no_ratio_that_has_a_bar_has_moved() {
    let first = run([2.0, 9.0, 2.2], 1.0);
    let agreed = compare::compare(&first, &run([2.4, 1.0, 2.5], 4.0), 15.0).unwrap();
    assert!(agreed.agrees);
    let told = "1 of 1 ratios that have a bar agree within 15 %\n0 of 1 other ratios agree within 15 %\n  fanout 10: private KiB per client, beside bare: 0.500 × and 2.000 ×, +300 %\n";
    assert_eq!(agreed.text, told);
    let moved = compare::compare(&first, &run([1.8, 1.8, 9.0], 1.0), 15.0).unwrap();
    assert!(!moved.agrees && moved.text.contains("1.100 × and 0.900 ×, -18 %"));
    assert!(compare::compare(&first, &json!({ "figures": [] }), 15.0).is_none());
}
