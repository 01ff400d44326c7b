//! Commands and flags: what a person types. Nothing runs here.
//!
//! Layer 5: may import `config`. Invariant: values that the file has too stay as they were typed
//! and are read by `config`, so that a flag and a key never disagree about what is good.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config::{Config, DEFAULT_ADMIN, DEFAULT_LISTEN, Faults, Flags};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// Something failed at run time.
    Failure = 1,
    /// The command line is wrong; clap ends with the same code.
    Usage = 2,
    /// The configuration is wrong (`EX_CONFIG`): starting again will not help.
    Configuration = 78,
}

const EXAMPLES: &str = "\
Examples:
  fantail demo                                      events to look at in a browser
  fantail serve --upstream http://127.0.0.1:8000    in front of one server
  fantail serve --config /etc/fantail.toml          with routes and limits
  fantail validate /etc/fantail.toml                what is wrong with a file
  fantail doctor http://127.0.0.1:8000/events.php   what is wrong with a stream

Exit codes: 0 done, 1 failure at run time, 2 wrong usage, 78 bad configuration.";

const SERVE_EXAMPLES: &str = "\
Examples:
  fantail serve --upstream http://127.0.0.1:8000
      Every path goes to that server; a GET that accepts text/event-stream shares one upstream
      connection with everybody who asks for the same URL.
  fantail serve --upstream http://127.0.0.1:8000 --listen 0.0.0.0:80 --listen unix:/run/fantail.sock
      The same, on other addresses.
  fantail serve --config fantail.toml --admin \"\"
      Routes and limits from a file, without the admin listener.

What is not given as a flag is looked for in the environment (FANTAIL_SERVER__LISTEN,
FANTAIL_LIMITS__TOPICS: the table and the key of the file in capital letters), then in the file.

Signals: TERM or INT ends the streams one by one, a second one at once. USR2 starts the program anew
(a new version, a new configuration) with the same listening sockets: nobody is refused.";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  fantail doctor http://127.0.0.1:8000/demo_sse.php
      Asks a few times, as browsers do, and says what is wrong, how to mend it, and which route
      Fantail needs for it.
  fantail doctor http://127.0.0.1:8000/feed.php --cookie 'PHPSESSID=abc' --for 40s
      As a visitor who is logged in; long enough to see whether the stream falls silent.
  fantail doctor http://127.0.0.1/events --fix nginx --workers 8
      Only the fixes for nginx, and whether 8 visitors leave a worker for the rest of the site.
  fantail doctor https://events.example.com/feed --ca company-ca.pem
      The certificate is looked at too: by what this machine trusts, or by an authority of one's own.

Exit codes: 0 usable (read the warnings), 1 broken, 2 wrong usage.";

/// A reverse proxy for Server-Sent Events: one upstream connection for each topic, fanned out to
/// thousands of clients.
#[derive(Debug, Parser)]
#[command(name = "fantail", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How much to log; without it `RUST_LOG` decides, else info.
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve event streams, from a file or in front of one server.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Serve a built-in stream of events and a page that shows it.
    Demo(Demo),
    /// Say what is wrong with a configuration file; exit 0 if nothing is, else 78.
    Validate(Validate),
    /// Say what is wrong with a URL's event stream, and how to mend it; exit 0 if usable, else 1.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Doctor),
}

/// `fantail serve`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE", conflicts_with = "upstream")]
    pub config: Option<PathBuf>,
    /// The server to ask, instead of a file: every path and every query parameter passes.
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
    /// Where clients come in, numeric HOST:PORT or a Unix socket (unix: and its path); repeatable
    /// [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<String>,
    /// Where metrics, health and the status page are, loopback only; "" for nowhere
    /// [default: 127.0.0.1:9900].
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<String>,
}

/// `fantail demo`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Demo {
    /// Where the page and its stream are.
    #[arg(long, value_name = "ADDR", default_value_t = DEFAULT_LISTEN)]
    pub listen: SocketAddr,
    /// Where metrics, health and the status page are.
    #[arg(long, value_name = "ADDR", default_value_t = DEFAULT_ADMIN)]
    pub admin: SocketAddr,
}

/// `fantail validate`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Validate {
    /// The configuration file (TOML).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `fantail doctor`.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Doctor {
    /// The URL of the event stream, as the page's EventSource has it.
    #[arg(value_name = "URL")]
    pub url: String,
    /// Sent along, such as 'Authorization: Bearer …'; repeatable.
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// Sent along, such as 'PHPSESSID=abc'; repeatable.
    #[arg(long, value_name = "NAME=VALUE")]
    pub cookie: Vec<String>,
    /// Trust this authority (PEM) instead of the machine's own; for https:// addresses.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How long to look at the stream.
    #[arg(long = "for", value_name = "TIME", default_value = "10s")]
    pub look: String,
    /// One JSON object instead of the text.
    #[arg(long)]
    pub json: bool,
    /// Only the fixes for this server; repeatable [default: who the answer gives away].
    #[arg(long, value_name = "SERVER", value_parser = ["php", "nginx", "apache", "iis", "asp"])]
    pub fix: Vec<String>,
    /// Open so many streams at once and see whether the front page still answers.
    #[arg(long, value_name = "K", default_value_t = 0, hide_default_value = true)]
    pub workers: usize,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// What needs somebody's attention.
    Error,
    /// And what may become an error.
    Warn,
    /// And one line for each stream that ends.
    Info,
    /// And what happens in between.
    Debug,
    /// And each step of it.
    Trace,
}

/// Reads the command line; ends the process with a help text, the version, or what is wrong.
pub fn parse() -> Cli {
    try_parse(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// Reads a command line, the program's name first.
pub fn try_parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse_from(args)?;
    if let Command::Serve(Serve {
        config: None,
        upstream: None,
        ..
    }) = cli.command
    {
        let help = "what shall be served? Give one of the two:\n\n  \
                    fantail serve --upstream http://127.0.0.1:8000    every path of that server\n  \
                    fantail serve --config fantail.toml               the routes of that file\n\n\
                    or try `fantail demo`, which needs neither.";
        return Err(Cli::command().error(ErrorKind::MissingRequiredArgument, help));
    }
    Ok(cli)
}

// === impl Serve ===

impl Serve {
    /// The configuration that file, environment and flags give together.
    pub fn configuration(&self, env: &[(String, String)]) -> Result<Config, Faults> {
        let flags = Flags {
            listen: self.listen.clone(),
            admin: self.admin.clone(),
        };
        match (&self.config, &self.upstream) {
            (Some(file), _) => Config::load(file, env, &flags),
            (None, Some(url)) => Config::for_upstream(url, &flags, env),
            (None, None) => Config::for_upstream("", &flags, env),
        }
    }
}

// === impl Validate ===

impl Validate {
    /// What to print, and how to exit: what `serve` would say under this environment.
    pub fn verdict(&self, env: &[(String, String)]) -> (Exit, String) {
        match Config::load(&self.file, env, &Flags::default()) {
            Ok(config) => (Exit::Done, good(&self.file, config.routes.len())),
            Err(faults) => (Exit::Configuration, faults.to_string()),
        }
    }
}

fn good(file: &Path, routes: usize) -> String {
    let plural = if routes == 1 { "" } else { "s" };
    format!("{}: good ({routes} route{plural})", file.display())
}

// === impl LogLevel ===

impl LogLevel {
    /// As a filter of `tracing-subscriber`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

// === impl Exit ===

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn command(line: &str) -> Result<Command, clap::Error> {
        try_parse(line.split(' ').map(OsString::from)).map(|cli| cli.command)
    }

    fn serve(line: &str) -> Serve {
        match command(line).unwrap() {
            Command::Serve(serve) => serve,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[rstest]
    #[case("fantail")]
    #[case("fantail serve")]
    #[case("fantail serve --config a --upstream http://b")]
    #[case("fantail serve --upstrem http://b")]
    #[case("fantail demo --listen somewhere")]
    #[case("fantail validate")]
    #[case("fantail doctor")]
    #[case("fantail doctor http://a --fix lighttpd")]
    #[case("fantail serve --config a --log-level loud")]
    fn wrong_usage_exits_with_2(#[case] line: &str) {
        assert_eq!(command(line).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn serve_without_a_source_says_what_it_needs() {
        insta::assert_snapshot!(command("fantail serve").unwrap_err(), @r"
        error: what shall be served? Give one of the two:

          fantail serve --upstream http://127.0.0.1:8000    every path of that server
          fantail serve --config fantail.toml               the routes of that file

        or try `fantail demo`, which needs neither.

        Usage: fantail [OPTIONS] <COMMAND>

        For more information, try '--help'.
        ");
    }

    #[test]
    fn serve_takes_several_listeners_and_the_log_level_anywhere() {
        let line = "fantail serve --upstream http://127.0.0.1:1 --listen 127.0.0.1:2 \
                    --listen unix:/run/f --admin 127.0.0.1:3 --log-level debug";
        let cli = try_parse(line.split_whitespace().map(OsString::from)).unwrap();
        assert_eq!(cli.log_level.map(LogLevel::as_str), Some("debug"));
        let config = serve(line);
        assert_eq!(config.listen, ["127.0.0.1:2", "unix:/run/f"]);
        assert_eq!(config.admin.as_deref(), Some("127.0.0.1:3"));
    }

    #[test]
    fn demo_has_the_default_addresses() {
        let demo = Demo {
            listen: DEFAULT_LISTEN,
            admin: DEFAULT_ADMIN,
        };
        assert_eq!(command("fantail demo").unwrap(), Command::Demo(demo));
    }

    #[test]
    fn validate_tells_good_from_bad() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/php.toml");
        let (exit, text) = Validate { file: file.clone() }.verdict(&[]);
        assert_eq!(
            (exit, text),
            (Exit::Done, format!("{}: good (1 route)", file.display()))
        );
        let (exit, text) = Validate {
            file: "/nowhere".into(),
        }
        .verdict(&[]);
        assert_eq!(exit, Exit::Configuration);
        insta::assert_snapshot!(text, @r"
        error: /nowhere: can not be read: No such file or directory (os error 2)
           name a file that this user can read

        1 fault; nothing was started.
        ");
    }
}
