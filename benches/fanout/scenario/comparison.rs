//! The sides of one scenario, measured in turns, and the figures drawn from their rounds.

use std::io;
use std::sync::Barrier;
use std::thread;

use crate::cli::{Only, Options};
use crate::company::Company;
use crate::report::{Bar, Figure, Point, Report, Rounds};
use crate::server::Kind;
use crate::trial::{Outcome, Trial};

/// One side of a comparison: the outcomes of its rounds.
struct Side {
    name: &'static str,
    trial: Trial,
    outcomes: Vec<Outcome>,
    /// Why it takes part no longer. Only of a peer: all else ends the run.
    absence: Option<String>,
}

impl Side {
    fn new((name, trial): &(&'static str, Trial), options: &Options) -> Self {
        let absence = match trial.kind {
            Kind::Peer(peer) => peer.absence(trial.clients, options),
            Kind::Subject | Kind::Tls | Kind::H2 | Kind::Bare => None,
        };
        Self {
            name,
            trial: *trial,
            outcomes: Vec::new(),
            absence,
        }
    }

    /// Whether the one after it is measured at once with it.
    fn share_the_clock(&self, next: &Self) -> bool {
        next.trial
            .slots
            .is_some_and(|slots| self.trial.slots.is_some() && !slots.is_first())
    }

    fn is_peer(&self) -> bool {
        matches!(self.trial.kind, Kind::Peer(_))
    }

    /// What a peer cannot do is a finding, and no reason to measure nobody else.
    fn run(
        &mut self,
        round: usize,
        options: &Options,
        company: Company<'_>,
    ) -> io::Result<Option<&Outcome>> {
        let slots = self.trial.slots.map(|slots| slots.in_round(round));
        let trial = Trial {
            slots,
            ..self.trial
        };
        match trial.run(options, company) {
            Ok(outcome) => self.outcomes.push(outcome),
            Err(error) if self.is_peer() => self.absence = Some(error.to_string()),
            Err(error) => return Err(error),
        }
        let is_there = self.absence.is_none();
        Ok(self.outcomes.last().filter(|_| is_there))
    }

    fn figure(&self, of: impl Fn(&Outcome) -> f64) -> (String, Rounds) {
        (
            self.name.to_owned(),
            Rounds(self.outcomes.iter().map(of).collect()),
        )
    }
}

/// A round of those who share the clock, or of one alone. What is new of each.
fn run_at_once<'a>(
    sides: &'a mut [Side],
    round: usize,
    progress: &str,
    options: &Options,
) -> io::Result<Vec<&'a Outcome>> {
    let mut sides: Vec<_> = sides
        .iter_mut()
        .filter(|side| side.absence.is_none())
        .collect();
    if sides.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<_> = sides.iter().map(|side| side.name).collect();
    eprintln!("{progress}, {}", names.join(" and "));
    let barrier = Barrier::new(sides.len());
    let outcomes: Vec<_> = thread::scope(|scope| {
        let run = |side: &'a mut Side| {
            let company = Company::new(&barrier);
            scope.spawn(move || side.run(round, options, company))
        };
        let runs: Vec<_> = sides.drain(..).map(run).collect();
        let panicked = |_| Err(io::Error::other("a round panicked"));
        runs.into_iter()
            .map(|run| run.join().unwrap_or_else(panicked))
            .collect()
    });
    let outcomes: Result<Vec<_>, _> = outcomes.into_iter().collect();
    Ok(outcomes?.into_iter().flatten().collect())
}

/// The sides of one scenario; the first is the one that bars are for.
pub(super) struct Comparison<'a> {
    scenario: String,
    sides: Vec<Side>,
    point: Option<Point>,
    report: &'a mut Report,
}

impl<'a> Comparison<'a> {
    /// Runs all rounds; sides take turns, and who goes first changes from round to round.
    pub(super) fn measure(
        name: String,
        trials: &[(&'static str, Trial)],
        options: &Options,
        report: &'a mut Report,
    ) -> io::Result<Self> {
        let scenario = name + options.way();
        let mut sides: Vec<_> = trials
            .iter()
            .map(|trial| Side::new(trial, options))
            .collect();
        for round in 0..options.rounds {
            let mut groups: Vec<_> = sides.chunk_by_mut(Side::share_the_clock).collect();
            let first = round % groups.len().max(1);
            groups.rotate_left(first);
            for group in groups {
                let progress = format!("{scenario}: round {} of {}", round + 1, options.rounds);
                for outcome in run_at_once(group, round, &progress, options)? {
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
            point: None,
            report,
        })
    }

    /// The figures are one step of a curve.
    pub(super) fn is_at(&mut self, along: &str, at: f64) {
        let along = along.to_owned();
        self.point = Some(Point { along, at });
    }

    pub(super) fn add(
        &mut self,
        name: &'static str,
        bar: Option<Bar>,
        of: impl Fn(&Outcome) -> f64,
    ) {
        let mut sides = self.sides.iter().map(|side| side.figure(&of));
        let Some(measured) = sides.next() else { return };
        let beside = sides.collect();
        // No bar is for how a peer does.
        let against_peer = self.sides.get(1).is_none_or(Side::is_peer);
        let bar = bar.filter(|bar| !against_peer || !matches!(bar, Bar::TimesAtMost(_)));
        let scenario = self.scenario.clone();
        self.report.add(Figure {
            scenario,
            name: name.to_owned(),
            measured,
            beside,
            bar,
            point: self.point.clone(),
        });
    }

    /// Of what is closest beside the first.
    pub(super) fn median_beside(&self, of: impl Fn(&Outcome) -> f64) -> Option<f64> {
        let (_, rounds) = self.sides.get(1)?.figure(of);
        Some(rounds.median())
    }

    /// The bare loop alone is the measure, not the measured.
    pub(super) fn is_judged(options: &Options) -> bool {
        options.only != Some(Only::Bare)
    }
}
