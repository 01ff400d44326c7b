//! Some clients read less than comes: what do the others notice, and is every loss of the slow ones told?

use std::io;

use super::{Comparison, refuse_http2, stalled};
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

/// The same number of readers on both sides, so that only the slow ones differ.
pub(super) fn run(
    [readers, slow]: [usize; 2],
    rate: f64,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    refuse_http2("slow", options)?;
    let without = Trial {
        kind: stalled::kind(options),
        ..Trial::new(readers, rate)
    };
    let with = Trial {
        clients: readers + slow,
        slow,
        ..without
    };
    let scenario = format!("slow {slow} of {} × {rate}/s", readers + slow);
    let sides = [("with", with), ("without", without)];
    let mut seen = Comparison::measure(scenario, &sides, options, report)?;
    let bar = |bar| Comparison::is_judged(options).then_some(bar);
    // No bar: the slow ones' reading shares the core of the readers'.
    seen.add("to any reader, p99, µs", None, |o| o.latency_us("p99"));
    seen.add(
        "readers: lost, repeated or cut off",
        bar(Bar::AtMost(0.0)),
        Outcome::faults,
    );
    seen.add(
        "slow: untold losses and repeats",
        bar(Bar::AtMost(0.0)),
        |o| {
            ["missed_silently", "duplicates", "disordered", "malformed"]
                .map(|name| o.number(&format!("/slow/{name}")))
                .iter()
                .sum()
        },
    );
    seen.add("slow: events read", None, |o| o.number("/slow/events"));
    seen.add("slow: gaps told", None, |o| o.number("/slow/gap_events"));
    seen.add("slow: cut off", None, |o| o.number("/slow/readers_ended"));
    seen.add("server private KiB grown", None, |o| {
        o.grown_kib("private_kib")
    });
    seen.add("server CPU, %", None, Outcome::server_share);
    Ok(())
}
