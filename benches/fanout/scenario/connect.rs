//! Everybody comes at once: how long until each has its first byte, and what that costs.

use std::io;

use super::{Comparison, both};
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

/// What comes after the storm is measured by the others.
const AFTERWARDS_SECONDS: f64 = 0.5;

pub(super) fn run(clients: usize, options: &Options, report: &mut Report) -> io::Result<()> {
    let options = &Options {
        warmup: options.warmup.min(AFTERWARDS_SECONDS),
        window: AFTERWARDS_SECONDS,
        ..options.clone()
    };
    // Silent: with events, those who are there already would cost more than those who come.
    let trial = Trial::new(clients, 0.0);
    let scenario = format!("connect {clients}");
    let mut seen = Comparison::measure(scenario, &both(trial, options), options, report)?;
    let bar = |bar| Comparison::is_judged(options).then_some(bar);
    let seconds = |o: &Outcome| o.number("/connected/seconds");
    seen.add("all have their first byte, s", None, seconds);
    seen.add("connects per second", None, |o| o.clients() / seconds(o));
    seen.add("server CPU per connect, µs", None, |o| {
        o.number("/connected/server/on_cpu_ns") / 1e3 / o.clients()
    });
    seen.add("connections at the source", None, Outcome::upstreams);
    seen.add("connections that had to come again", None, |o| {
        o.number("/whole_run/came_again")
    });
    seen.add("cut off", bar(Bar::AtMost(0.0)), Outcome::faults);
    seen.add("server CPU, %", None, |o| {
        o.number("/connected/server/on_cpu_ns") / 1e7 / seconds(o)
    });
    seen.add("load CPU, %", None, |o| {
        o.number("/connected/load/on_cpu_ns") / 1e7 / seconds(o)
    });
    Ok(())
}
