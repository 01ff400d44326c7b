//! One hot topic on one core: does everything arrive?

use std::io;

use super::{Comparison, both};
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

/// What is in flight at the edges of the window is not a loss.
const ALL: f64 = 0.99;

/// 20 events a write at 3,000 events/s, 40 at 6,000: what a cursor finds pending.
const BARE_WRITES_PER_SECOND: f64 = 150.0;

pub(super) fn run(
    clients: usize,
    rate: f64,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    let batch = match options.bare_batch {
        0 => (rate / BARE_WRITES_PER_SECOND).ceil() as u64,
        asked => asked,
    };
    let trial = Trial {
        batch,
        ..Trial::new(clients, rate)
    };
    let scenario = format!("hot {clients} × {rate}/s");
    let mut seen = Comparison::measure(scenario, &both(trial, options), options, report)?;
    let bar = |bar| Comparison::is_judged(options).then_some(bar);
    let all = ALL * clients as f64 * rate;
    seen.add(
        "deliveries per second",
        bar(Bar::AtLeast(all)),
        Outcome::deliveries_per_second,
    );
    seen.add(
        "lost, repeated or cut off",
        bar(Bar::AtMost(0.0)),
        Outcome::faults,
    );
    // While events go on, and more of them with each who comes.
    seen.add("all have their first byte, s", None, |o| {
        o.number("/connected/seconds")
    });
    seen.add("CPU per delivery, µs", None, Outcome::micros_per_delivery);
    seen.add("to any client, p99, µs", None, |o| o.latency_us("p99"));
    seen.add("server CPU, %", None, Outcome::server_share);
    seen.add("server kept waiting, %", None, Outcome::server_waited_share);
    seen.add("load CPU, %", None, Outcome::load_share);
    seen.add("source CPU, %", None, Outcome::source_share);
    Ok(())
}
