//! The scenarios: which trials they run, which figures they draw from them, which bars they set.

mod fanout;
mod hot;
mod idle;
mod pages;
mod stalled;

use std::io;
use std::process::ExitCode;

use crate::cli::{Only, Options, Scenario};
use crate::process::{self, LOAD_CORE};
use crate::report::{Bar, Figure, Report, Rounds};
use crate::server::Kind;
use crate::server::peers::Peers;
use crate::trial::{Outcome, Trial};

pub(crate) fn run(scenario: Option<&Scenario>, options: &Options) -> io::Result<ExitCode> {
    process::pin_to(LOAD_CORE)?;
    let mut options = options.clone();
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
    trial: Trial,
    outcomes: Vec<Outcome>,
    /// Why it takes part no longer. Only of a peer: all else ends the run.
    absence: Option<String>,
}

impl Side {
    fn new((name, trial): &(&'static str, Trial)) -> Self {
        let absence = match trial.kind {
            Kind::Peer(peer) => peer.installed().err().or(peer.refuses(trial.clients)),
            Kind::Subject | Kind::Tls | Kind::Bare => None,
        };
        Self {
            name,
            trial: *trial,
            outcomes: Vec::new(),
            absence,
        }
    }

    fn is_peer(&self) -> bool {
        matches!(self.trial.kind, Kind::Peer(_))
    }

    /// What a peer cannot do is a finding, and no reason to measure nobody else.
    fn run(&mut self, options: &Options) -> io::Result<Option<&Outcome>> {
        match self.trial.run(options) {
            Ok(outcome) => self.outcomes.push(outcome),
            Err(error) if self.is_peer() => self.absence = Some(error.to_string()),
            Err(error) => return Err(error),
        }
        let is_there = self.absence.is_none();
        Ok(self.outcomes.last().filter(|_| is_there))
    }

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
        let mut sides: Vec<_> = trials.iter().map(Side::new).collect();
        for round in 0..options.rounds {
            for turn in 0..trials.len() {
                let side = &mut sides[(round + turn) % trials.len()];
                if side.absence.is_some() {
                    continue;
                }
                eprintln!(
                    "{scenario}: round {} of {}, {}",
                    round + 1,
                    options.rounds,
                    side.name
                );
                if let Some(outcome) = side.run(options)? {
                    report.keep_trial(&scenario, &outcome.json);
                }
            }
        }
        // Half of the rounds would be compared with others than their own.
        sides.retain(|side| match &side.absence {
            None => true,
            Some(why) => {
                report.add_absence(&scenario, side.name, why.clone());
                false
            }
        });
        Ok(Self {
            scenario,
            sides,
            report,
        })
    }

    fn add(&mut self, name: &'static str, bar: Option<Bar>, of: impl Fn(&Outcome) -> f64) {
        let mut sides = self.sides.iter().map(|side| side.figure(&of));
        let Some(measured) = sides.next() else { return };
        let beside = sides.collect();
        // No bar is for how a peer does.
        let against_peer = self.sides.get(1).is_none_or(Side::is_peer);
        let bar = bar.filter(|bar| !against_peer || !matches!(bar, Bar::TimesAtMost(_)));
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

/// The servers that take part, each with the same trial: Fantail, what its bars are for, the peers.
fn both(trial: Trial, options: &Options) -> Vec<(&'static str, Trial)> {
    let mut kinds = match options.only {
        None if options.tls => vec![Kind::Tls, Kind::Subject],
        Some(Only::Subject) if options.tls => vec![Kind::Tls],
        None => vec![Kind::Subject, Kind::Bare],
        Some(Only::Subject) => vec![Kind::Subject],
        Some(Only::Bare) => vec![Kind::Bare],
    };
    kinds.extend(Peers::chosen(&options.peers).into_iter().map(Kind::Peer));
    let of_kind = |kind: Kind| (kind.name(options), Trial { kind, ..trial });
    kinds.into_iter().map(of_kind).collect()
}
