//! The `fantail` program: flags, configuration, runtime, signals, exit code.

use std::io::Write as _;
use std::process::ExitCode;

use fantail::app::{self, App, Inherited, Setup};
use fantail::cli::{self, Cli, Command, Exit};
use fantail::doctor::{self, Ask};
use fantail::{config, demo, telemetry};
use tokio::runtime::Runtime;

/// Many short-lived conversations beside long-lived streams: less fragmentation than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    run(&cli::parse()).into()
}

fn run(cli: &Cli) -> Exit {
    let setup = match setup(&cli.command) {
        Ok(setup) => setup,
        Err(exit) => return exit,
    };
    // Connections are many and small: in huge pages each would be counted, and kept, at its full
    // size, whatever of its buffers is used.
    let refused = rustix::thread::disable_transparent_huge_pages(true).err();
    // While this is the only thread.
    let inherited = Inherited::take();
    let log = telemetry::start(cli.log_level.map(cli::LogLevel::as_str));
    setup.metrics.count_dropped_lines(log.dropped());
    if let Some(error) = refused {
        tracing::debug!(%error, "huge pages can not be turned off; connections take more memory");
    }
    let Some(runtime) = runtime() else {
        return Exit::Failure;
    };
    let ready = |app: &App| {
        if let (Command::Demo(_), [address, ..]) = (&cli.command, app.addresses()) {
            say(&demo::welcome(*address, app.admin_address()));
        }
    };
    let result = runtime.block_on(app::run(setup, inherited, ready));
    let result = result.inspect_err(|error| complain(&format!("fantail: {error}")));
    result.map_or(Exit::Failure, |()| Exit::Done)
}

fn runtime() -> Option<Runtime> {
    let runtime = Runtime::new();
    let failed = |error: &std::io::Error| complain(&format!("can not start the runtime: {error}"));
    runtime.inspect_err(failed).ok()
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
        Command::Doctor(args) => Err(examine(args)),
        Command::Demo(demo) => demo::setup(demo.listen, demo.admin).map_err(|fault| {
            complain(&fault);
            Exit::Failure
        }),
    }
}

/// Looks at a stream and says what is wrong with it.
fn examine(args: &cli::Doctor) -> Exit {
    let ask = Ask::new(&args.url, &args.look)
        .and_then(|ask| ask.headers(&args.header)?.cookies(&args.cookie))
        .and_then(|ask| ask.fixes(&args.fix).workers(args.workers))
        .and_then(|ask| ask.ca(args.ca.as_deref()));
    let (ask, runtime) = match (ask, runtime()) {
        (Ok(ask), Some(runtime)) => (ask, runtime),
        (Err(fault), _) => {
            complain(&format!("error: {fault}"));
            return Exit::Usage;
        }
        (_, None) => return Exit::Failure,
    };
    let diagnosis = runtime.block_on(doctor::examine(&ask));
    say(&diagnosis.text(args.json));
    if diagnosis.is_usable() {
        Exit::Done
    } else {
        Exit::Failure
    }
}

/// What was asked for. A reader that has gone away, as `head` does, is no reason to fail.
fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// What is wrong, for the log may not be there yet. In one piece: in a restart the old process logs
/// to the same place.
fn complain(what: &impl std::fmt::Display) {
    drop(std::io::stderr().write_all(format!("{what}\n").as_bytes()));
}
