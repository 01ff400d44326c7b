//! The `fantail` program: flags, configuration, runtime, signals, exit code.

use std::process::ExitCode;

use fantail::app::{App, Setup, StartError};
use fantail::cli::{self, Cli, Command, Exit};
use fantail::{config, demo, telemetry};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Many short-lived conversations beside long-lived streams: less fragmentation than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::parse();
    run(&cli).into()
}

fn run(cli: &Cli) -> Exit {
    let setup = match setup(&cli.command) {
        Ok(setup) => setup,
        Err(exit) => return exit,
    };
    let _log = telemetry::start(cli.log_level.map(cli::LogLevel::as_str));
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("can not start the runtime: {error}"));
            return Exit::Failure;
        }
    };
    let is_demo = matches!(cli.command, Command::Demo(_));
    match runtime.block_on(serve(setup, is_demo)) {
        Ok(()) => Exit::Done,
        Err(error) => {
            complain(&format!("fantail: {error}"));
            Exit::Failure
        }
    }
}

/// What is to be started, or how the process ends because nothing is.
fn setup(command: &Command) -> Result<Setup, Exit> {
    let env = config::environment();
    match command {
        Command::Validate(validate) => {
            let (exit, text) = validate.verdict(&env);
            say(&text);
            Err(exit)
        }
        Command::Serve(serve) => match serve.configuration(&env) {
            Ok(config) => Ok(Setup::new(config)),
            Err(faults) => {
                complain(&faults);
                Err(Exit::Configuration)
            }
        },
        Command::Demo(demo) => demo::setup(demo.listen, demo.admin).map_err(|fault| {
            complain(&fault);
            Exit::Failure
        }),
    }
}

/// What ends a run before its time.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("can not listen for signals: {0}")]
    Signals(#[from] std::io::Error),
}

async fn serve(setup: Setup, is_demo: bool) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let app = App::start(setup).await?;
    if let (true, [address, ..]) = (is_demo, app.addresses()) {
        say(&demo::welcome(*address, app.admin_address()));
    }
    stop_signal(&mut terminate, &mut interrupt).await;
    tokio::select! {
        // A drain that is dropped is ended by `halt`.
        () = app.drain() => {}
        () = stop_signal(&mut terminate, &mut interrupt) => {
            tracing::warn!("a second signal: stopping at once");
        }
    }
    app.halt().await;
    Ok(())
}

async fn stop_signal(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        // A signal that one arm does not take is taken by the next call.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[expect(clippy::print_stdout, reason = "this is what was asked for")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the log may not be there yet")]
fn complain(what: &impl std::fmt::Display) {
    eprintln!("{what}");
}
