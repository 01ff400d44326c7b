//! The backend is killed under its clients and started again: who notices, and for how long?

use std::io;

use super::{Comparison, both, without_bare};
use crate::cli::Options;
use crate::report::{Bar, Report};
use crate::trial::{Outcome, Trial};

const AWAY_SECONDS: f64 = 1.0;

/// A backend that has said nothing of it is asked again 3 s after it ended.
pub(super) const SHORTEST_WINDOW: f64 = 7.0;

pub(super) fn run(
    clients: usize,
    rate: f64,
    options: &Options,
    report: &mut Report,
) -> io::Result<()> {
    let options = &Options {
        window: options.window.max(SHORTEST_WINDOW),
        ..options.clone()
    };
    let trial = Trial {
        follow_last_client: true,
        source_away: Some(AWAY_SECONDS),
        ..Trial::new(clients, rate)
    };
    let scenario = format!("restart {clients} × {rate}/s");
    let trials = without_bare(both(trial, options));
    let mut seen = Comparison::measure(scenario, &trials, options, report)?;
    let bar = |bar| Comparison::is_judged(options).then_some(bar);
    let cut_off = |o: &Outcome| o.number("/whole_run/readers_ended");
    let away = |o: &Outcome| o.number("/source_away_seconds");
    seen.add("readers that were cut off", bar(Bar::AtMost(0.0)), cut_off);
    seen.add("lost or repeated", bar(Bar::AtMost(0.0)), |o| {
        o.faults() - cut_off(o)
    });
    // Whoever has lost its clients has nothing to say of this.
    let is_whole = |o: &Outcome| if cut_off(o) > 0.0 { f64::NAN } else { 1.0 };
    seen.add("no events beyond the absence, s", None, |o| {
        (o.number("/window/silence_us") / 1e6 - away(o)) * is_whole(o)
    });
    seen.add("backend away, s", None, away);
    seen.add("connections at the new source", None, Outcome::upstreams);
    Ok(())
}
