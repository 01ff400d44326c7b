//! Many clients, few events: what one delivery costs, and when the last client has it.

use std::io;

use super::Comparison;
use super::sharing::at_once;
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

/// Bars are for so many clients and more.
pub(super) const MANY: usize = 1000;

/// Of fewer the p99 is the slowest one, and one can always be slow: no bar is for that.
pub(super) const EVENTS_FOR_A_P99: f64 = 100.0;

/// Percent of a core.
const FULL: f64 = 95.0;

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
    let mut seen = Comparison::measure(scenario, &at_once(trial, options), options, report)?;
    if !options.tls {
        seen.is_at("clients", clients as f64);
    }
    let is_judged = Comparison::is_judged(options);
    let bar = |bar| is_judged.then_some(bar);
    // Of a few clients the fixed cost of a wake-up is most.
    let bar_of_many = |bar| (is_judged && clients >= MANY).then_some(bar);
    let can_tell = has_room_beside(&seen) && rate * options.window >= EVENTS_FOR_A_P99;
    seen.add(
        "CPU per delivery, µs",
        // Beside the bare loop, or beside plain clients.
        bar_of_many(Bar::TimesAtMost(if options.tls { 1.3 } else { 1.15 })),
        Outcome::micros_per_delivery,
    );
    seen.add(
        "to the last client, p99, µs",
        bar_of_many(Bar::TimesAtMost(1.5)).filter(|_| can_tell),
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
    cost(&mut seen);
    Ok(())
}

/// Whose core has no more to give is late by as much as there is too much: a p99 beside that says nothing.
fn has_room_beside(seen: &Comparison<'_>) -> bool {
    let busy = seen.median_beside(Outcome::server_share);
    busy.is_none_or(|percent| percent < FULL)
}

/// What it takes, as a whole and for each client.
fn cost(seen: &mut Comparison<'_>) {
    seen.add("private KiB per client", None, |o| {
        o.grown_kib("private_kib") / o.clients()
    });
    seen.add("private memory grown, MiB", None, |o| {
        o.grown_kib("private_kib") / 1024.0
    });
    seen.add("connections at the source", None, Outcome::upstreams);
    seen.add("server CPU, %", None, Outcome::server_share);
    seen.add("server kept waiting, %", None, Outcome::server_waited_share);
    seen.add("load CPU, %", None, Outcome::load_share);
    seen.add("source CPU, %", None, Outcome::source_share);
}
