//! Everybody is cut off at once and comes back with `Last-Event-ID`: how long until all have caught
//! up, and whether each got exactly the rest.

use std::io;

use super::{Comparison, both, refuse_http2, without_bare};
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

/// The stream goes on afterwards: enough of it to see that nothing is missing.
const AFTERWARDS_SECONDS: f64 = 1.0;

pub(super) fn run(
    clients: usize,
    rate: f64,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    refuse_http2("resume", options)?;
    let options = &Options {
        window: options.window.min(AFTERWARDS_SECONDS),
        ..options.clone()
    };
    let trial = Trial {
        cut: true,
        ..Trial::new(clients, rate)
    };
    let scenario = format!("resume {clients} × {rate}/s");
    let trials = without_bare(both(trial, options));
    let mut seen = Comparison::measure(scenario, &trials, options, report)?;
    let bar = |bar| Comparison::is_judged(options).then_some(bar);
    let seconds = |o: &Outcome| o.number("/resumed/seconds");
    seen.add("all have caught up, s", None, seconds);
    seen.add("server CPU per client, µs", None, |o| {
        o.number("/resumed/server/on_cpu_ns") / 1e3 / o.clients()
    });
    seen.add(
        "lost, repeated or cut off",
        bar(Bar::AtMost(0.0)),
        Outcome::faults,
    );
    seen.add("connections that had to come again", None, |o| {
        o.number("/whole_run/came_again")
    });
    seen.add("connections at the source", None, Outcome::upstreams);
    seen.add("load CPU, %", None, |o| {
        o.number("/resumed/load/on_cpu_ns") / 1e7 / seconds(o)
    });
    Ok(())
}
