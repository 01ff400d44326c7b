//! The scenarios: which trials they run, which figures they draw from them, which bars they set.

mod burst;
mod comparison;
mod connect;
mod fanout;
mod hot;
mod idle;
mod pages;
mod plan;
mod restart;
mod resume;
mod sharing;
mod slow;
mod stalled;
mod storm;
mod topics;

use std::fs;
use std::io;
use std::process::ExitCode;

use comparison::Comparison;
use plan::Step;

use crate::cli::{Only, Options, Scenario};
use crate::clock::now_ns;
use crate::process::{self, LOAD_CORE};
use crate::report::{self, Report};
use crate::server::Kind;
use crate::server::peers::Peers;
use crate::trial::Trial;

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
    let start_ns = now_ns();
    let steps = plan::expand(scenario, quick, &options);
    let minutes = steps.iter().map(Step::expected_seconds).sum::<f64>() / 60.0;
    eprintln!("{} scenarios, about {minutes:.1} min", steps.len());
    if options.plan {
        plan::print(&steps);
        return Ok(ExitCode::SUCCESS);
    }
    for Step { scenario, options } in steps {
        // What the others find is worth seeing although one could not run.
        if let Err(error) = run_one(&scenario, &options, &mut report) {
            report.fail(format!("{scenario:?}: {error}"));
        }
    }
    report.print();
    write(&report, start_ns, &options)?;
    let missed = options.strict && report.missed_a_bar();
    Ok(ExitCode::from(u8::from(missed || report.has_failed())))
}

/// What was asked to be kept.
fn write(found: &Report, start_ns: u64, options: &Options) -> io::Result<()> {
    if options.json.is_none() && options.report.is_none() {
        return Ok(());
    }
    let json = found.to_json((now_ns() - start_ns) as f64 / 1e9);
    if let Some(path) = &options.json {
        fs::write(path, format!("{json:#}\n"))?;
        println!("\nevery round: {}", path.display());
    }
    if let Some(folder) = &options.report {
        report::write_folder(&json, folder)?;
        println!("\nthe report: {}/index.html", folder.display());
    }
    Ok(())
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
        } => stalled::run(share(clients, fraction), rate, options, report),
        Scenario::Slow {
            clients,
            fraction,
            rate,
        } => slow::run(share(clients, fraction), rate, options, report),
        Scenario::Pages {
            connections,
            page_bytes,
        } => pages::run(connections, page_bytes, options, report),
        Scenario::Storm { clients, rate } => storm::run(clients, rate, options, report),
        Scenario::Topics {
            topics,
            clients,
            rate,
        } => {
            let spread = topics::Spread {
                topics,
                clients,
                rate,
            };
            topics::run(spread, options, report)
        }
        Scenario::Connect { clients } => connect::run(clients, options, report),
        Scenario::Resume { clients, rate } => resume::run(clients, rate, options, report),
        Scenario::Burst { clients, rate } => burst::run(clients, rate, options, report),
        Scenario::Restart { clients, rate } => restart::run(clients, rate, options, report),
        // Replaced by what they stand for before anything runs.
        Scenario::Curves | Scenario::TlsTable | Scenario::All => Ok(()),
    }
}

/// All who take part, each with the same trial: Fantail, what its bars compare with, the peers.
fn both(trial: Trial, options: &Options) -> Vec<(&'static str, Trial)> {
    let mut all = pair(trial, options);
    let peers = Peers::chosen(&options.peers).into_iter().map(Kind::Peer);
    all.extend(peers.map(|kind| (kind.name(options), Trial { kind, ..trial })));
    all
}

/// Some questions are none for the bare loop, which has no upstream.
fn without_bare(mut trials: Vec<(&'static str, Trial)>) -> Vec<(&'static str, Trial)> {
    trials.retain(|(_, trial)| trial.kind != Kind::Bare);
    trials
}

/// Those who read, and those who do not.
fn share(clients: usize, fraction: f64) -> [usize; 2] {
    let few = (clients as f64 * fraction).round() as usize;
    [clients - few, few]
}

/// Its client asks for one path, and does not come back.
fn refuse_http2(scenario: &str, options: &Options) -> io::Result<()> {
    if options.h2 {
        let why = format!("{scenario} is over HTTP/1.1 only: leave out --h2");
        return Err(io::Error::other(why));
    }
    Ok(())
}

/// Fantail and what is closest beside it, each with the same trial.
fn pair(trial: Trial, options: &Options) -> Vec<(&'static str, Trial)> {
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
