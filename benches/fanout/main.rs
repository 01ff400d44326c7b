//! Fan-out under load, black box: sockets in, sockets out, nothing of the library is linked.
//!
//! One executable plays every part: the orchestrator (what a person starts) starts itself again
//! for the upstream (`source`), the clients (`load`) and the limit to compare with (`bare`), each
//! in its own process so that each can be pinned to its own core. `benches/README.md` says how to
//! run the scenarios and how to read the figures.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench reports to whoever started it"
)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench that is wrong about itself should stop, not go on with wrong figures"
)]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people: three digits matter, and nothing runs for 2^53 ns"
)]

mod accounting;
mod audience;
mod bare;
mod cli;
mod clock;
mod company;
mod guard;
mod histogram;
mod load;
mod net;
mod pace;
mod process;
mod reception;
mod report;
mod scenario;
mod server;
mod site;
mod slots;
mod source;
mod streams;
mod trial;
mod upstream;
mod visit;
mod wire;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use cli::{Cli, Command};
use server::peers::Peers;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let nothing_asked = cli.command.is_none() && !cli.options.quick;
    if cli.test || cli.list || (nothing_asked && !cli.bench) {
        // `cargo test --benches` starts benches too, without `--bench`: it must cost nothing.
        return ExitCode::SUCCESS;
    }
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> io::Result<ExitCode> {
    process::raise_descriptor_limit()?;
    let done = |()| ExitCode::SUCCESS;
    match cli.command {
        Some(Command::Source(options)) => source::run(&options).map(done),
        Some(Command::Bare(options)) => bare::run(&options).map(done),
        Some(Command::Packages) => {
            println!("{}", Peers::packages().join("\n"));
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Load(options)) => load::run(&options).map(done),
        Some(Command::Site(options)) => site::run(&options).map(done),
        Some(Command::Visit(options)) => visit::run(&options).map(done),
        Some(Command::Guarded(options)) => guard::run(&options).map(done),
        Some(Command::Pinned(options)) => Err(process::become_pinned(&options)),
        Some(Command::Draw(options)) => {
            report::draw(&options, cli.options.report.as_deref()).map(done)
        }
        Some(Command::Compare(options)) => {
            let agrees = report::compare(&options)?;
            Ok(if agrees {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
        Some(Command::Scenario(scenario)) => scenario::run(Some(&scenario), &cli.options),
        None => {
            Cli::command().print_long_help()?;
            scenario::run(None, &cli.options)
        }
    }
}
