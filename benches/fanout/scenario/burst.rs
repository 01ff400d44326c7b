//! One event after silence, again and again: when does the last of many clients have it?

use std::io;

use super::Comparison;
use super::sharing::at_once;
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

/// A window has few events, and each is one sample.
pub(super) const WINDOWS: f64 = 2.0;

pub(super) fn run(
    clients: usize,
    rate: f64,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    let options = &Options {
        window: options.window * WINDOWS,
        ..options.clone()
    };
    let trial = Trial {
        follow_last_client: true,
        ..Trial::new(clients, rate)
    };
    let scenario = format!("burst {clients} × {rate}/s");
    let mut seen = Comparison::measure(scenario, &at_once(trial, options), options, report)?;
    let bar = |bar| Comparison::is_judged(options).then_some(bar);
    seen.add("to the last client, p50, µs", None, |o| {
        o.last_client_us("p50")
    });
    seen.add(
        "to the last client, p99, µs",
        bar(Bar::TimesAtMost(1.5)),
        |o| o.last_client_us("p99"),
    );
    seen.add("to any client, p50, µs", None, |o| o.latency_us("p50"));
    seen.add("events in each round", None, |o| {
        o.number("/window/last_client_us/samples")
    });
    seen.add(
        "lost, repeated or cut off",
        bar(Bar::AtMost(0.0)),
        Outcome::faults,
    );
    seen.add("server kept waiting, %", None, Outcome::server_waited_share);
    Ok(())
}
