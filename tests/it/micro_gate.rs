//! The gate of the micro benches: which differences of counts it lets through, and what it says of
//! those that it does not. The counting itself is `tests/run`'s, for it needs valgrind.

#[path = "../../benches/micro/verdict.rs"]
mod verdict;

use verdict::{Counts, findings};

fn counts(list: &[(&str, u64)]) -> Counts {
    list.iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

/// What is said, and whether the gate stays shut.
fn said(baseline: &[(&str, u64)], now: &[(&str, u64)]) -> (Vec<String>, bool) {
    let found = findings(&counts(baseline), &counts(now));
    let is_shut = found.iter().any(verdict::Finding::is_failure);
    (found.iter().map(ToString::to_string).collect(), is_shut)
}

#[test]
fn a_twentieth_more_or_less_is_let_through_without_a_word() {
    let nothing = (Vec::new(), false);
    assert_eq!(said(&[("a", 1000)], &[("a", 1000)]), nothing);
    assert_eq!(said(&[("a", 1000)], &[("a", 1050)]), nothing);
    assert_eq!(said(&[("a", 1050)], &[("a", 1000)]), nothing);
}

#[test]
fn what_has_become_slower_shuts_the_gate_and_is_named_with_both_counts() {
    let (lines, is_shut) = said(
        &[("fast", 10), ("parse.ticker", 1000)],
        &[("fast", 10), ("parse.ticker", 1051)],
    );
    assert_eq!(lines, ["REGRESSION   parse.ticker: 1000 → 1051, +5.1 %"]);
    assert!(is_shut);
}

#[test]
fn what_has_become_faster_is_said_and_shuts_nothing() {
    let (lines, is_shut) = said(&[("a", 2000)], &[("a", 1500)]);
    assert_eq!(lines, ["improvement  a: 2000 → 1500, -25.0 %"]);
    assert!(!is_shut);
}

#[test]
fn a_bench_without_baseline_and_a_baseline_without_bench_both_shut_the_gate() {
    let (lines, is_shut) = said(&[], &[("new", 7)]);
    assert_eq!(lines, ["NO BASELINE  new: 7"]);
    assert!(is_shut);
    let (lines, is_shut) = said(&[("old", 7)], &[]);
    assert_eq!(lines, ["NO BENCH     old: 7 in the baseline"]);
    assert!(is_shut);
}
