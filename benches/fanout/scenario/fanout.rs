//! Many clients, few events: what one delivery costs, and when the last client has it.

use std::io;

use super::{Comparison, both};
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

pub(super) fn run(
    clients: usize,
    rate: f64,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    let trial = Trial {
        follow_last_client: true,
        ..Trial::new(clients, rate)
    };
    let scenario = format!("fanout {clients} × {rate}/s");
    let mut seen = Comparison::measure(scenario, &both(trial, options), options, report)?;
    let bar = |bar| Comparison::is_judged(options).then_some(bar);
    seen.add(
        "CPU per delivery, µs",
        // Beside the bare loop, or beside plain clients.
        bar(Bar::TimesAtMost(if options.tls { 1.3 } else { 1.15 })),
        Outcome::micros_per_delivery,
    );
    seen.add(
        "to the last client, p99, µs",
        bar(Bar::TimesAtMost(1.5)),
        |o| o.last_client_us("p99"),
    );
    seen.add("to the last client, p50, µs", None, |o| {
        o.last_client_us("p50")
    });
    seen.add("to any client, p99, µs", None, |o| o.latency_us("p99"));
    seen.add(
        "deliveries per second",
        None,
        Outcome::deliveries_per_second,
    );
    seen.add(
        "lost, repeated or cut off",
        bar(Bar::AtMost(0.0)),
        Outcome::faults,
    );
    seen.add("server CPU, %", None, Outcome::server_share);
    seen.add("server kept waiting, %", None, Outcome::server_waited_share);
    seen.add("load CPU, %", None, Outcome::load_share);
    seen.add("source CPU, %", None, Outcome::source_share);
    Ok(())
}
