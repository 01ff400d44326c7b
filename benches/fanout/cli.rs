//! Scenarios, their options, and the hidden roles that the orchestrator starts.

use std::net::SocketAddrV4;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::server::peers::Peers;
use crate::slots::Slots;
use crate::source::Dialect;

/// Fan-out under load: Fantail beside a bare loop of `write()`, in one run.
///
/// Without a scenario, the `--quick` sanity set runs.
#[derive(Debug, Parser)]
#[command(name = "fanout", bin_name = "cargo bench --bench fanout --")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) options: Options,
    /// Given by `cargo bench`.
    #[arg(long, hide = true, global = true)]
    pub(crate) bench: bool,
    /// Given by test runners, which must not measure.
    #[arg(long, hide = true)]
    pub(crate) test: bool,
    /// Given by test runners that ask for names: there are none.
    #[arg(long, hide = true)]
    pub(crate) list: bool,
    #[arg(long, hide = true)]
    format: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Scenario(Scenario),
    /// Draw the folder of a report again, or the numbers of README.md, from a report's JSON.
    Draw(DrawOptions),
    /// Whether the ratios of two reports agree.
    Compare(CompareOptions),
    /// The Debian packages of all peers.
    #[command(hide = true)]
    Packages,
    #[command(hide = true)]
    Source(SourceOptions),
    #[command(hide = true)]
    Bare(BareOptions),
    #[command(hide = true)]
    Load(LoadOptions),
    #[command(hide = true)]
    Site(SiteOptions),
    #[command(hide = true)]
    Visit(VisitOptions),
    #[command(hide = true)]
    Pinned(PinnedOptions),
    #[command(hide = true)]
    Guarded(PinnedOptions),
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Scenario {
    /// CPU per delivery and time to the last client, beside the bare loop.
    Fanout {
        #[arg(long, default_value_t = 1000)]
        clients: usize,
        #[arg(long, default_value_t = 10.0)]
        rate: f64,
    },
    /// Deliveries per second of a hot topic on one core, and whether any was lost.
    Hot {
        #[arg(long, default_value_t = 1000)]
        clients: usize,
        #[arg(long, default_value_t = 3000.0)]
        rate: f64,
    },
    /// Private memory per idle subscriber.
    Idle {
        #[arg(long, default_value_t = 15_000)]
        clients: usize,
    },
    /// What clients that never read cost those that do.
    Stalled {
        #[arg(long, default_value_t = 1000)]
        clients: usize,
        /// Share of the clients that never read.
        #[arg(long, default_value_t = 0.1)]
        fraction: f64,
        #[arg(long, default_value_t = 100.0)]
        rate: f64,
    },
    /// What clients that read less than comes cost the others, and what they are told.
    Slow {
        #[arg(long, default_value_t = 1000)]
        clients: usize,
        /// Share of the clients that are slow.
        #[arg(long, default_value_t = 0.1)]
        fraction: f64,
        #[arg(long, default_value_t = 100.0)]
        rate: f64,
    },
    /// Ordinary requests passed through, beside nginx's `proxy_pass` (Debian's `nginx-light`).
    Pages {
        #[arg(long, default_value_t = 32)]
        connections: usize,
        #[arg(long, default_value_t = 1024)]
        page_bytes: usize,
    },
    /// All clients at once, cut off, and all at once again with their tickets and `Last-Event-ID`.
    Storm {
        #[arg(long, default_value_t = 10_000)]
        clients: usize,
        #[arg(long, default_value_t = 1.0)]
        rate: f64,
    },
    /// Many topics: what a delivery costs when the same clients are spread over them.
    Topics {
        #[arg(long, default_value_t = 1000)]
        topics: usize,
        #[arg(long, default_value_t = 9000)]
        clients: usize,
        /// Events per second of each topic.
        #[arg(long, default_value_t = 1.0)]
        rate: f64,
    },
    /// All clients connect as fast as they can: time until each has its first byte.
    Connect {
        #[arg(long, default_value_t = 10_000)]
        clients: usize,
    },
    /// All clients are cut off and come back with the id of their last event.
    Resume {
        #[arg(long, default_value_t = 10_000)]
        clients: usize,
        #[arg(long, default_value_t = 10.0)]
        rate: f64,
    },
    /// Single events after silence: time until the last client has one.
    Burst {
        #[arg(long, default_value_t = 10_000)]
        clients: usize,
        #[arg(long, default_value_t = 4.0)]
        rate: f64,
    },
    /// The backend is killed and started again under its clients.
    Restart {
        #[arg(long, default_value_t = 1000)]
        clients: usize,
        #[arg(long, default_value_t = 10.0)]
        rate: f64,
    },
    /// Cost over the number of clients (`fanout`) and of topics (`topics`), in steps.
    Curves,
    /// The table of TLS beside nginx with Nchan: `fanout`, `idle` and `storm` of 10,000, with `--h2` too.
    TlsTable,
    /// Every scenario with every bar.
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// The server under test, without its comparison.
    Subject,
    /// The bare loop.
    Bare,
}

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub(crate) struct Options {
    /// Rounds of each measurement; servers take turns within a round.
    #[arg(long, default_value_t = 3, global = true)]
    pub(crate) rounds: usize,
    /// Seconds measured in each round.
    #[arg(long, default_value_t = 10.0, global = true)]
    pub(crate) window: f64,
    /// Seconds between the last client's connect and the window.
    #[arg(long, default_value_t = 2.0, global = true)]
    pub(crate) warmup: f64,
    /// Bytes of one event's frame.
    #[arg(long, default_value_t = 100, global = true)]
    pub(crate) event_bytes: usize,
    /// Small numbers and one short round: does everything work?
    #[arg(long, global = true)]
    pub(crate) quick: bool,
    /// Measure one side only (no bar that compares is judged).
    #[arg(long, global = true)]
    pub(crate) only: Option<Only>,
    /// Fantail's clients come by TLS, and what it is compared with are its plain ones.
    #[arg(long, global = true)]
    pub(crate) tls: bool,
    /// As `--tls`, but over HTTP/2, and compared with TLS over HTTP/1.1.
    #[arg(long, global = true)]
    pub(crate) h2: bool,
    /// Streams on each connection of HTTP/2, each of them a client.
    #[arg(long, default_value_t = 1, global = true)]
    pub(crate) streams: usize,
    /// Another server instead of fantail; `{listen}` and `{upstream}` become host:port.
    #[arg(long, global = true)]
    pub(crate) server: Option<String>,
    /// Other servers that take part, by name, or `all`, or `none`.
    #[arg(long, default_value = "none", value_delimiter = ',', global = true)]
    pub(crate) peers: Vec<Peers>,
    /// More arguments for `fantail serve`.
    #[arg(long, global = true, allow_hyphen_values = true)]
    pub(crate) fantail_arg: Vec<String>,
    /// Events that the route keeps; 0 = four seconds of the rate, and at least the default of 1,024.
    #[arg(long, default_value_t = 0, global = true)]
    pub(crate) log_events: u64,
    /// Events in one write of the bare loop in `hot`; 0 = rate / 150.
    #[arg(long, default_value_t = 0, global = true)]
    pub(crate) bare_batch: u64,
    /// Write every figure, round by round, to this file.
    #[arg(long, global = true)]
    pub(crate) json: Option<PathBuf>,
    /// Write a report with plots into this folder: `index.html`, `report.md`, `report.json`.
    #[arg(long, global = true)]
    pub(crate) report: Option<PathBuf>,
    /// Only say what will run, and how long it will take.
    #[arg(long, global = true)]
    pub(crate) plan: bool,
    /// Exit code 1 if a bar is missed.
    #[arg(long, global = true)]
    pub(crate) strict: bool,
}

impl Options {
    /// What the name of a scenario ends with: how the clients come, where that is not plainly.
    pub(crate) fn way(&self) -> &'static str {
        match (self.h2, self.tls) {
            (true, _) => ", HTTP/2",
            (false, true) => ", TLS",
            (false, false) => "",
        }
    }
}

/// What the stream of events looks like, for whoever emits it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Emission {
    #[arg(long)]
    pub(crate) listen: SocketAddrV4,
    /// Events per second; 0 = none ever.
    #[arg(long)]
    pub(crate) rate: f64,
    #[arg(long, default_value_t = 100)]
    pub(crate) frame_bytes: usize,
    /// Seconds after which the role ends by itself, whatever happened to its parent.
    #[arg(long, default_value_t = 900.0)]
    pub(crate) lifetime: f64,
    /// Events in these slots of the clock only, at the rate for as long as each lasts: `0/2/1000` is the
    /// first of every two of 1,000 ns.
    #[arg(long)]
    pub(crate) slots: Option<Slots>,
}

#[derive(Debug, Args)]
pub(crate) struct SourceOptions {
    #[command(flatten)]
    pub(crate) emission: Emission,
    /// When the sequences began, on the monotonic clock; now, if not given.
    #[arg(long)]
    pub(crate) epoch_ns: Option<u64>,
    /// Publishes each event to a hub, instead of streaming it to who asks.
    #[arg(long, requires = "hub")]
    pub(crate) publish: Option<Dialect>,
    /// Where the hub is published to.
    #[arg(long)]
    pub(crate) hub: Option<SocketAddrV4>,
    /// How many events the source before this one has published.
    #[arg(long, default_value_t = 0)]
    pub(crate) published: u64,
}

#[derive(Debug, Args)]
pub(crate) struct BareOptions {
    #[command(flatten)]
    pub(crate) emission: Emission,
    /// Events in one write.
    #[arg(long, default_value_t = 1)]
    pub(crate) batch: u64,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option by itself")]
pub(crate) struct LoadOptions {
    #[arg(long)]
    pub(crate) target: SocketAddrV4,
    #[arg(long, default_value = "/events")]
    pub(crate) path: String,
    #[arg(long)]
    pub(crate) clients: usize,
    /// Of these, how many never read.
    #[arg(long, default_value_t = 0)]
    pub(crate) stalled: usize,
    /// Of these, how many read less than comes.
    #[arg(long, default_value_t = 0)]
    pub(crate) slow: usize,
    /// Paths that the clients are spread over; one is `--path`.
    #[arg(long, default_value_t = 1)]
    pub(crate) topics: usize,
    /// After settling, every client is cut off and comes back with the id of its last event.
    #[arg(long)]
    pub(crate) cut: bool,
    /// Seconds between the last connect and the window.
    #[arg(long)]
    pub(crate) settle: f64,
    /// Seconds measured.
    #[arg(long)]
    pub(crate) measure: f64,
    /// They come by TLS.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Over HTTP/2, which needs TLS.
    #[arg(long, requires = "tls")]
    pub(crate) h2: bool,
    /// On each connection of HTTP/2.
    #[arg(long, default_value_t = 1)]
    pub(crate) streams: usize,
    /// They are cut off once they are all there, and come back.
    #[arg(long)]
    pub(crate) storm: bool,
    /// Keep the arrival of each event at its last client (for low rates).
    #[arg(long)]
    pub(crate) last_client: bool,
    /// The server's process, whose CPU time over the window is reported.
    #[arg(long)]
    pub(crate) watch: u32,
    /// Seconds until every client must be connected.
    #[arg(long)]
    pub(crate) connect_limit: f64,
}

#[derive(Debug, Args)]
pub(crate) struct SiteOptions {
    #[arg(long)]
    pub(crate) listen: SocketAddrV4,
    #[arg(long)]
    pub(crate) page_bytes: usize,
    /// Seconds after which the role ends by itself, whatever happened to its parent.
    #[arg(long, default_value_t = 900.0)]
    pub(crate) lifetime: f64,
}

#[derive(Debug, Args)]
pub(crate) struct VisitOptions {
    #[arg(long)]
    pub(crate) target: SocketAddrV4,
    #[arg(long)]
    pub(crate) connections: usize,
    /// Seconds before the window.
    #[arg(long)]
    pub(crate) settle: f64,
    /// Seconds measured.
    #[arg(long)]
    pub(crate) measure: f64,
    /// The proxy's process, whose CPU time over the window is reported.
    #[arg(long)]
    pub(crate) watch: u32,
}

#[derive(Debug, Args)]
pub(crate) struct DrawOptions {
    #[arg(long)]
    pub(crate) from: PathBuf,
    /// The numbers and the plot of this folder's README.md.
    #[arg(long)]
    pub(crate) readme: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompareOptions {
    /// The JSON of one report …
    pub(crate) first: PathBuf,
    /// … and of another.
    pub(crate) second: PathBuf,
    /// How far they may be apart, in percent of the first.
    #[arg(long, default_value_t = 15.0)]
    pub(crate) within: f64,
}

#[derive(Debug, Args)]
pub(crate) struct PinnedOptions {
    #[arg(long)]
    pub(crate) core: usize,
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<String>,
}
