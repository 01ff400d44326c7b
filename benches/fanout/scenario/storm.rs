//! Everyone connects at once, is cut off, and comes back at once: how many handshakes a second, what
//! each costs, and is anything lost?

use std::io;

use super::{Comparison, both};
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
    if options.h2 || rate <= 0.0 || options.only == Some(Only::Bare) {
        return Err(io::Error::other(
            "a storm needs events (--rate), HTTP/1.1, and a server that resumes: not --h2, not --only bare",
        ));
    }
    let trial = Trial {
        storm: true,
        ..Trial::new(clients, rate)
    };
    let mut sides = both(trial, options);
    // The bare loop cannot tell anyone what was missed.
    sides.retain(|(_, trial)| trial.kind.resumes());
    let scenario = format!("storm {clients} × {rate}/s");
    let mut seen = Comparison::measure(scenario, &sides, options, report)?;
    let wave = |wave: &'static str, at: &'static str| {
        move |o: &Outcome| o.number(&format!("/{wave}/{at}"))
    };
    let per_client = |wave: &'static str| {
        move |o: &Outcome| {
            o.number(&format!("/{wave}/until_answered/server/on_cpu_ns")) / 1e3 / o.clients()
        }
    };
    let per_second = |wave: &'static str| {
        move |o: &Outcome| o.clients() / o.number(&format!("/{wave}/until_answered/seconds"))
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
    if options.tls {
        let resumed = |o: &Outcome| 100.0 * o.number("/again/resumed_handshakes") / o.clients();
        seen.add(
            "again: handshakes resumed, %",
            Some(Bar::AtLeast(NEARLY_ALL)),
            resumed,
        );
    }
    seen.add(
        "again: from connect to head, p99, µs",
        None,
        wave("again", "answer_us/p99"),
    );
    seen.add(
        "again: until all have an event, s",
        None,
        wave("again", "seconds_until_events"),
    );
    let share = |who: &'static str| {
        move |o: &Outcome| {
            let cpu = o.number(&format!("/again/until_answered/{who}"));
            cpu / 1e7 / o.number("/again/until_answered/seconds")
        }
    };
    seen.add("again: server CPU, %", None, share("server/on_cpu_ns"));
    seen.add(
        "again: server kept waiting, %",
        None,
        share("server/waiting_ns"),
    );
    seen.add("again: load CPU, %", None, share("load/on_cpu_ns"));
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
