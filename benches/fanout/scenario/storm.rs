//! Everyone connects at once, is cut off, and comes back at once: how many handshakes a second, what
//! each costs, and is anything lost?

use std::io;

use super::{Comparison, both, refuse_http2, without_bare};
use crate::cli::{Only, Options};
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

/// A ticket that the server has forgotten costs a full handshake; none should.
const NEARLY_ALL: f64 = 99.0;

pub(super) fn run(
    clients: usize,
    rate: f64,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    refuse_http2("storm", options)?;
    if rate <= 0.0 || options.only == Some(Only::Bare) {
        return Err(io::Error::other(
            "a storm needs events (--rate) and a server that resumes: not --only bare",
        ));
    }
    let trial = Trial {
        storm: true,
        ..Trial::new(clients, rate)
    };
    // The bare loop cannot tell anyone what was missed.
    let sides = without_bare(both(trial, options));
    let scenario = format!("storm {clients} × {rate}/s");
    let mut seen = Comparison::measure(scenario, &sides, options, report)?;
    add_costs(&mut seen);
    if options.tls {
        seen.add(
            "again: handshakes resumed, %",
            Some(Bar::AtLeast(NEARLY_ALL)),
            |o| 100.0 * o.number("/again/resumed_handshakes") / o.clients(),
        );
    }
    add_times(&mut seen);
    seen.add(
        "lost, repeated or cut off",
        Some(Bar::AtMost(0.0)),
        Outcome::faults,
    );
    seen.add("came again in a wave", None, |o| {
        o.number("/whole_run/came_again")
    });
    Ok(())
}

/// Until the last client had its head.
fn until_answered(outcome: &Outcome, wave: &str, figure: &str) -> f64 {
    outcome.number(&format!("/{wave}/until_answered/{figure}"))
}

fn add_costs(seen: &mut Comparison<'_>) {
    let per_second =
        |wave: &'static str| move |o: &Outcome| o.clients() / until_answered(o, wave, "seconds");
    let per_client = |wave: &'static str| {
        move |o: &Outcome| until_answered(o, wave, "server/on_cpu_ns") / 1e3 / o.clients()
    };
    seen.add(
        "first: clients answered per second",
        None,
        per_second("first"),
    );
    seen.add(
        "again: clients answered per second",
        None,
        per_second("again"),
    );
    seen.add(
        "first: server CPU per client, µs",
        None,
        per_client("first"),
    );
    seen.add(
        "again: server CPU per client, µs",
        None,
        per_client("again"),
    );
}

fn add_times(seen: &mut Comparison<'_>) {
    seen.add("again: from connect to head, p99, ms", None, |o| {
        o.number("/again/answer_us/p99") / 1e3
    });
    seen.add("again: until all have an event, s", None, |o| {
        o.number("/again/seconds_until_events")
    });
    let share = |figure: &'static str| {
        move |o: &Outcome| {
            until_answered(o, "again", figure) / 1e7 / until_answered(o, "again", "seconds")
        }
    };
    let shares = [
        ("again: server CPU, %", "server/on_cpu_ns"),
        ("again: server kept waiting, %", "server/waiting_ns"),
        ("again: load CPU, %", "load/on_cpu_ns"),
        ("again: load kept waiting, %", "load/waiting_ns"),
    ];
    for (name, figure) in shares {
        seen.add(name, None, share(figure));
    }
}
