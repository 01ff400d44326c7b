//! The sentences for who reads nothing else: the verdict, and what a browser would do.
//!
//! Pure. Invariant: the verdict follows from the findings alone, so that text, JSON and exit code
//! never disagree.

use std::time::Duration;

use super::finding::{Finding, Severity, count};
use super::findings::{Case, is_broken};
use super::observation::{End, Failure};
use super::secured::Refusal;

/// Usable or broken, and what there is to read about it.
pub fn verdict(findings: &[Finding]) -> String {
    let named = |severity| {
        let codes: Vec<String> = findings
            .iter()
            .filter(|f| f.severity == severity)
            .map(|f| f.code.to_string())
            .collect();
        (codes.len(), codes.join(", "))
    };
    let (faults, fault_codes) = named(Severity::Fault);
    let (warnings, warning_codes) = named(Severity::Warning);
    if is_broken(findings) {
        return format!("broken: {} ({fault_codes})", count(faults, "fault"));
    }
    match warnings {
        0 => "usable".to_owned(),
        _ => format!(
            "usable, with {} ({warning_codes})",
            count(warnings, "warning")
        ),
    }
}

/// What a browser that asks this URL itself would do.
pub fn browser(case: &Case) -> String {
    let visit = &case.seen.first;
    if let End::Failed(failure) = &visit.end {
        return unopened(failure).to_owned();
    }
    if !visit.is_stream() {
        return "one `error`, readyState 2 (closed), and it never comes back.".to_owned();
    }
    if case.body.charset.is_some() {
        return "Chromium: closed for good. Firefox and WebKit: open, but with wrong characters."
            .to_owned();
    }
    if visit.coding().is_some() {
        return "opens; what it gets was not looked at, because it is compressed.".to_owned();
    }
    let events = match case.body.events.len() {
        0 => "gets nothing".to_owned(),
        some => format!("gets {}", count(some, "event")),
    };
    if visit.was_ended() {
        let again = case.body.retry.unwrap_or(Duration::from_secs(3));
        let again = again.as_secs_f64();
        let firefox = if case.body.retry.is_none() {
            " (Firefox 5 s)"
        } else {
            ""
        };
        format!("opens, {events}, sees an `error`, comes back after {again} s{firefox}, and so on.")
    } else {
        let looked = case.seen.looked.as_secs_f64();
        format!("opens, {events} in {looked} s, and stays connected.")
    }
}

fn unopened(failure: &Failure) -> &'static str {
    match failure {
        Failure::Tls(Refusal::OnlyHttp2) => "not known: doctor speaks HTTP/1.1, as Fantail does.",
        Failure::HeadTimeout => "waits for `onopen`, and sees nothing.",
        _ => "never opens. Chromium and WebKit go on trying, Firefox may give up.",
    }
}

/// What the same browser sees behind Fantail.
pub fn fantail(case: &Case, findings: &[Finding]) -> String {
    if is_broken(findings) {
        return "no better, before the faults above are mended.".to_owned();
    }
    let one_shot = case.seen.first.was_ended() && case.seen.first.is_stream();
    if one_shot {
        "one `open`, no `error`, every event; the server is asked once for all visitors.".to_owned()
    } else {
        "the same, with ids; the server has one connection, whatever the number of visitors."
            .to_owned()
    }
}
