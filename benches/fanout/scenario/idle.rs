//! Subscribers of a silent topic: what each costs in memory.

use std::io;

use super::{Comparison, both};
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

/// What the first clients bring with them (buffers, heaps of threads) is spread over so many.
const MANY: usize = 5000;

/// Nothing happens in the window.
pub(super) const LONG_ENOUGH: f64 = 2.0;

pub(super) fn run(clients: usize, options: &Options, report: &mut Report) -> io::Result<()> {
    let options = &Options {
        window: options.window.min(LONG_ENOUGH),
        ..options.clone()
    };
    let trial = Trial::new(clients, 0.0);
    let scenario = format!("idle {clients}");
    let mut seen = Comparison::measure(scenario, &both(trial, options), options, report)?;
    let most = match (options.h2, options.tls) {
        (true, _) => 24.0,
        (false, true) => 10.0,
        (false, false) => 2.0,
    };
    let is_judged = Comparison::is_judged(options) && clients >= MANY;
    let bar = is_judged.then_some(Bar::AtMost(most));
    seen.add("private KiB per client", bar, |o| {
        o.grown_kib("private_kib") / o.clients()
    });
    seen.add("Pss KiB per client", bar, |o| {
        o.grown_kib("pss_kib") / o.clients()
    });
    seen.add("sockets of the server", None, Outcome::sockets);
    seen.add("server CPU, %", None, Outcome::server_share);
    Ok(())
}
