//! The scenarios: which trials they run, which figures they draw from them, which bars they set.

mod fanout;
mod hot;
mod idle;
mod pages;
mod stalled;
mod storm;

use std::io;
use std::process::ExitCode;

use crate::cli::{Only, Options, Scenario};
use crate::process::{self, LOAD_CORE};
use crate::report::{Bar, Figure, Report, Rounds};
use crate::server::Kind;
use crate::trial::{Outcome, Trial};

pub(crate) fn run(scenario: Option<&Scenario>, options: &Options) -> io::Result<ExitCode> {
    process::pin_to(LOAD_CORE)?;
    let mut options = options.clone();
    options.tls |= options.h2;
    let quick = scenario.is_none() || options.quick;
    if quick {
        options.rounds = 1;
        options.window = options.window.min(2.0);
        options.warmup = options.warmup.min(0.5);
    }
    let mut report = Report::default();
    for scenario in expand(scenario, quick) {
        // What the others found is worth seeing although one could not run.
        if let Err(error) = run_one(&scenario, &options, &mut report) {
            report.print();
            return Err(io::Error::new(
                error.kind(),
                format!("{scenario:?}: {error}"),
            ));
        }
    }
    report.print();
    if let Some(path) = &options.json {
        report.write_json(path)?;
        println!("\nevery round: {}", path.display());
    }
    let missed = options.strict && report.missed_a_bar();
    Ok(ExitCode::from(u8::from(missed)))
}

fn run_one(scenario: &Scenario, options: &Options, report: &mut Report) -> io::Result<()> {
    match *scenario {
        Scenario::Fanout { clients, rate } => fanout::run(clients, rate, options, report),
        Scenario::Hot { clients, rate } => hot::run(clients, rate, options, report),
        Scenario::Idle { clients } => idle::run(clients, options, report),
        Scenario::Stalled {
            clients,
            fraction,
            rate,
        } => {
            let stalled = (clients as f64 * fraction).round() as usize;
            stalled::run(clients - stalled, stalled, rate, options, report)
        }
        Scenario::Pages {
            connections,
            page_bytes,
        } => pages::run(connections, page_bytes, options, report),
        Scenario::Storm { clients, rate } => storm::run(clients, rate, options, report),
        // Replaced by what it stands for before anything runs.
        Scenario::All => Ok(()),
    }
}

fn expand(scenario: Option<&Scenario>, quick: bool) -> Vec<Scenario> {
    match scenario {
        Some(Scenario::All) if !quick => every_bar(),
        None | Some(Scenario::All) => sanity(),
        Some(one) => vec![one.clone()],
    }
}

fn every_bar() -> Vec<Scenario> {
    let fanout = |clients, rate| Scenario::Fanout { clients, rate };
    let hot = |clients, rate| Scenario::Hot { clients, rate };
    vec![
        fanout(1000, 10.0),
        fanout(10_000, 10.0),
        hot(1000, 3000.0),
        hot(1000, 6000.0),
        Scenario::Idle { clients: 15_000 },
        a_tenth_stalled(1000),
        Scenario::Pages {
            connections: 32,
            page_bytes: 1024,
        },
    ]
}

fn sanity() -> Vec<Scenario> {
    let (clients, rate) = (100, 10.0);
    vec![
        Scenario::Fanout { clients, rate },
        Scenario::Hot {
            clients,
            rate: 3000.0,
        },
        Scenario::Idle { clients },
        a_tenth_stalled(clients),
    ]
}

fn a_tenth_stalled(clients: usize) -> Scenario {
    Scenario::Stalled {
        clients,
        fraction: 0.1,
        rate: 100.0,
    }
}

/// One side of a comparison: the outcomes of its rounds.
struct Side {
    name: &'static str,
    outcomes: Vec<Outcome>,
}

impl Side {
    fn figure(&self, of: impl Fn(&Outcome) -> f64) -> (&'static str, Rounds) {
        (self.name, Rounds(self.outcomes.iter().map(of).collect()))
    }
}

/// The sides of one scenario; the first is the one that bars are for.
struct Comparison<'a> {
    scenario: String,
    sides: Vec<Side>,
    report: &'a mut Report,
}

impl<'a> Comparison<'a> {
    /// Runs all rounds; sides take turns, and who goes first changes from round to round.
    fn measure(
        scenario: String,
        trials: &[(&'static str, Trial)],
        options: &Options,
        report: &'a mut Report,
    ) -> io::Result<Self> {
        let side = |(name, _): &(&'static str, Trial)| Side {
            name,
            outcomes: Vec::new(),
        };
        let mut sides: Vec<_> = trials.iter().map(side).collect();
        for round in 0..options.rounds {
            for turn in 0..trials.len() {
                let index = (round + turn) % trials.len();
                let (name, trial) = &trials[index];
                eprintln!(
                    "{scenario}: round {} of {}, {name}",
                    round + 1,
                    options.rounds
                );
                let outcome = trial.run(options)?;
                report.keep_trial(&scenario, &outcome.json);
                sides[index].outcomes.push(outcome);
            }
        }
        Ok(Self {
            scenario,
            sides,
            report,
        })
    }

    fn add(&mut self, name: &'static str, bar: Option<Bar>, of: impl Fn(&Outcome) -> f64) {
        let mut sides = self.sides.iter().map(|side| side.figure(&of));
        let Some(measured) = sides.next() else { return };
        let beside = sides.next();
        let scenario = self.scenario.clone();
        self.report.add(Figure {
            scenario,
            name,
            measured,
            beside,
            bar,
        });
    }

    /// The bare loop alone is the measure, not the measured.
    fn is_judged(options: &Options) -> bool {
        options.only != Some(Only::Bare)
    }
}

/// The servers that take part, each with the same trial.
fn both(trial: Trial, options: &Options) -> Vec<(&'static str, Trial)> {
    let kinds = match options.only {
        None if options.h2 => vec![Kind::H2, Kind::Tls],
        Some(Only::Subject) if options.h2 => vec![Kind::H2],
        None if options.tls => vec![Kind::Tls, Kind::Subject],
        Some(Only::Subject) if options.tls => vec![Kind::Tls],
        None => vec![Kind::Subject, Kind::Bare],
        Some(Only::Subject) => vec![Kind::Subject],
        Some(Only::Bare) => vec![Kind::Bare],
    };
    let of_kind = |kind: Kind| (kind.name(options), Trial { kind, ..trial });
    kinds.into_iter().map(of_kind).collect()
}
