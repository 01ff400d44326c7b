//! Some clients never read: what do the others notice, and what does it cost the server?

use std::io;

use super::Comparison;
use crate::cli::{Only, Options};
use crate::report::{Bar, Report};
use crate::server::Kind;
use crate::server::peers::Peers;
use crate::trial::{Outcome, Trial};

/// The same number of readers on both sides, so that only the stalled ones differ.
pub(super) fn run(
    [readers, stalled]: [usize; 2],
    rate: f64,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    let kind = kind(options);
    let without = Trial {
        kind,
        follow_last_client: true,
        ..Trial::new(readers, rate)
    };
    let with = Trial {
        clients: readers + stalled,
        stalled,
        ..without
    };
    let scenario = format!("stalled {stalled} of {} × {rate}/s", readers + stalled);
    let mut seen = Comparison::measure(scenario, &sides(with, without, options), options, report)?;
    let bar = |bar| Comparison::is_judged(options).then_some(bar);
    seen.add("to any reader, p99, µs", bar(Bar::TimesAtMost(1.1)), |o| {
        o.latency_us("p99")
    });
    seen.add("to the last reader, p99, µs", None, |o| {
        o.last_client_us("p99")
    });
    seen.add(
        "readers: lost or repeated",
        bar(Bar::AtMost(0.0)),
        Outcome::silent_faults,
    );
    seen.add("readers cut off", bar(Bar::AtMost(0.0)), |o| {
        o.number("/whole_run/readers_ended")
    });
    seen.add("stalled clients ended", None, Outcome::stalled_ended);
    seen.add("sockets of the server", None, Outcome::sockets);
    seen.add("server private KiB grown", None, |o| {
        o.grown_kib("private_kib")
    });
    seen.add("server CPU, %", None, Outcome::server_share);
    seen.add("server kept waiting, %", None, Outcome::server_waited_share);
    Ok(())
}

pub(super) fn kind(options: &Options) -> Kind {
    match options.only {
        Some(Only::Bare) => Kind::Bare,
        _ if options.h2 => Kind::H2,
        _ if options.tls => Kind::Tls,
        _ => Kind::Subject,
    }
}

/// Each peer with and without them, too.
fn sides(with: Trial, without: Trial, options: &Options) -> Vec<(&'static str, Trial)> {
    let [with, without] = [with.in_turns(0, 2), without.in_turns(1, 2)];
    let mut sides = vec![("with", with), ("without", without)];
    for peer in Peers::chosen(&options.peers) {
        let kind = Kind::Peer(peer);
        let [name_with, name_without] = peer.names_beside_stalled();
        sides.push((name_with, Trial { kind, ..with }));
        sides.push((name_without, Trial { kind, ..without }));
    }
    sides
}
