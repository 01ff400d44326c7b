//! The same clients on many topics, each with its own upstream connection: what a topic costs.
//!
//! The bare side is the source itself on the server's core, to which the clients come without anybody
//! between: the same topics in the same turns, and nothing received. So what is beside is what it costs that
//! deliveries are spread over time, and the rest is what it costs to receive each topic.

use std::io;

use super::{Comparison, pair, refuse_http2};
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) topics: usize,
    pub(super) clients: usize,
    /// Of each topic.
    pub(super) rate: f64,
}

pub(super) fn run(spread: Spread, options: &Options, report: &mut Report) -> io::Result<()> {
    let Spread {
        topics,
        clients,
        rate,
    } = spread;
    refuse_http2("topics", options)?;
    let trial = Trial {
        topics,
        ..Trial::new(clients, rate)
    };
    let scenario = format!("topics {topics}, {clients} × {rate}/s");
    let mut seen = Comparison::measure(scenario, &pair(trial, options), options, report)?;
    seen.is_at("topics", topics as f64);
    seen.add("CPU per delivery, µs", None, Outcome::micros_per_delivery);
    seen.add("private memory grown, MiB", None, |o| {
        o.grown_kib("private_kib") / 1024.0
    });
    seen.add("to any client, p99, µs", None, |o| o.latency_us("p99"));
    seen.add("to any client, p50, µs", None, |o| o.latency_us("p50"));
    seen.add(
        "deliveries per second",
        None,
        Outcome::deliveries_per_second,
    );
    seen.add("connections at the source", None, Outcome::upstreams);
    seen.add(
        "lost, repeated or cut off",
        Comparison::is_judged(options).then_some(Bar::AtMost(0.0)),
        Outcome::faults,
    );
    seen.add("server CPU, %", None, Outcome::server_share);
    seen.add("load CPU, %", None, Outcome::load_share);
    Ok(())
}
