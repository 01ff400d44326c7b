//! The validated configuration: what every part is told, in the parts' own types.
//!
//! Layer 5: may import the options structs of every part, never the reverse.
//!
//! A value is looked for in the flags, then in `FANTAIL_SECTION__KEY` variables, then in the file;
//! the parts' own `Default`s are the defaults. Invariants: whoever holds a [`Config`] holds a good
//! one; all that is wrong is told in one run; no key is silently ignored.

mod address;
mod check;
mod env;
mod fault;
mod file;
mod h2;
mod keyed;
mod kinds;
mod listen_tls;
mod read;
mod route;
mod sharing;
#[cfg(test)]
mod tests;
mod tls;
pub mod units;
mod upstream;
mod value;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use toml::de::DeTable;

use crate::edge::Mode;
use crate::edge::template::{PathTemplate, UpstreamTemplate};
use crate::{delivery, edge, hub, ingest, source};

pub use env::{Flags, environment};
pub use fault::{Fault, Faults, Place, Spot};

/// Where clients come in unless told otherwise: this machine alone, so that a first try exposes
/// nothing.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where operators come in unless told otherwise; Prometheus itself has 9090.
pub const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9900);

/// Everything that `serve` needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// Whether `[server] listen` was written, and is not the default.
    pub is_listen_given: bool,
    /// `[tls]`; `None` = clients come in by plain connections only.
    pub tls: Option<Tls>,
    /// `[admin]`; `None` = no admin listener.
    pub admin: Option<SocketAddr>,
    /// `[limits] memory`: bytes that the process may use; 0 = a share of what there is.
    pub memory: u64,
    /// The parts of `[limits]` that belong to topics.
    pub hub: hub::Options,
    /// The parts of `[limits]` that belong to listeners.
    pub edge: edge::Options,
    /// The parts of `[limits]` that belong to upstream hosts.
    pub ingest: ingest::Limits,
    /// The parts of `[limits]` and `[server]` that belong to delivery.
    pub delivery: delivery::ShardOptions,
    /// `[[route]]`, in the order of the file.
    pub routes: Vec<Route>,
}

/// `[server]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where clients come in.
    pub listen: Vec<Listen>,
    /// Streams end spread over this time when stopping.
    pub drain: Duration,
    /// Before that, with `/readyz` already off, so that balancers turn away.
    pub drain_delay: Duration,
    /// In a restart: how long the new process may take to be ready.
    pub handover_timeout: Duration,
}

/// `[tls]`.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Where clients come in.
    pub listen: Vec<SocketAddr>,
    /// Where ordinary requests to plain listeners are sent.
    pub redirect: Redirect,
    /// With whom they speak there.
    pub server: Arc<edge::tls::Server>,
}

/// Where ordinary requests to plain listeners are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    /// Nowhere: they are served.
    #[default]
    Off,
    /// To the first address of `[tls]`.
    Bound,
    /// To this port, which leads there.
    Port(u16),
}

/// One listening address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket's path.
    Unix(PathBuf),
}

/// `[[route]]`.
#[derive(Clone, Debug)]
pub struct Route {
    /// Label in metrics and logs.
    pub name: String,
    /// Which requests.
    pub path: PathTemplate,
    /// Whom to ask.
    pub upstream: UpstreamTemplate,
    /// See [`Mode`].
    pub mode: Mode,
    /// See [`edge::QueryRule`].
    pub query: edge::QueryRule,
    /// Client headers that pass.
    pub headers: Vec<HeaderName>,
    /// Names of client cookies that pass.
    pub cookies: Vec<Box<str>>,
    /// See [`edge::Share`].
    pub share: edge::Share,
    /// Which pages may read; `None` = as the upstream says.
    pub cors: Option<edge::cors::Policy>,
    /// How its topics are kept.
    pub topic: hub::TopicOptions,
    /// How its streams are served.
    pub delivery: delivery::Options,
    /// What it does about its upstream.
    pub ingest: ingest::Options,
    /// How its upstream is asked.
    pub source: source::Options,
    /// How ordinary requests pass.
    pub pass: edge::PassOptions,
}

// === impl Config ===

impl Config {
    /// Reads a file, with the environment and the flags over it. `env` may be the whole
    /// environment; only `FANTAIL_` names with a double underscore are looked at.
    pub fn load(path: &Path, env: &[(String, String)], flags: &Flags) -> Result<Self, Faults> {
        let file = path.display().to_string();
        let text = read_text(path).map_err(|(what, right)| {
            let place = Place::File {
                file: file.clone(),
                spot: None,
            };
            Faults::one(Fault {
                place,
                what,
                right: right.to_owned(),
            })
        })?;
        Self::parse(&file, &text, env, flags)
    }

    /// Like [`Config::load`], from a text; `file` is what faults call it.
    pub fn parse(
        file: &str,
        text: &str,
        env: &[(String, String)],
        flags: &Flags,
    ) -> Result<Self, Faults> {
        let table = DeTable::parse(text).map_err(|error| {
            let spot = error.span().map(|at| Spot::of(text, at.start, at.end));
            Faults::one(Fault {
                place: Place::File {
                    file: file.to_owned(),
                    spot,
                },
                what: format!("this is not TOML: {}", error.message()),
                right: "the rest of the file is looked at once it can be read".to_owned(),
            })
        })?;
        let report = read::Report::new(file, text);
        let overlay = env::Overlay::new(env, flags, &report);
        file::read(&report, table.get_ref(), overlay)
    }

    /// `--upstream URL` instead of a file: every path goes to that server.
    pub fn for_upstream(
        url: &str,
        flags: &Flags,
        env: &[(String, String)],
    ) -> Result<Self, Faults> {
        let report = read::Report::new("no file", "");
        let overlay = env::Overlay::new(env, flags, &report);
        file::read_upstream(&report, url, overlay)
    }
}

fn read_text(path: &Path) -> Result<String, (String, &'static str)> {
    let bytes = std::fs::read(path).map_err(|error| {
        (
            format!("can not be read: {error}"),
            "name a file that this user can read",
        )
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        (
            format!("is not UTF-8: byte {at} is wrong"),
            "save it as UTF-8, as TOML wants",
        )
    })
}

/// Every default, and no route.
impl Default for Config {
    fn default() -> Self {
        Self {
            server: Server::default(),
            tls: None,
            is_listen_given: false,
            admin: Some(DEFAULT_ADMIN),
            memory: 0,
            hub: hub::Options::default(),
            edge: edge::Options::default(),
            ingest: ingest::Limits::default(),
            delivery: delivery::ShardOptions::default(),
            routes: Vec::new(),
        }
    }
}

// === impl Server ===

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![Listen::Tcp(DEFAULT_LISTEN)],
            // Clients' own reconnects take 3 to 5 s: six times that many spread them well.
            drain: Duration::from_secs(30),
            // Balancers ask for `/readyz` every 1 to 5 s.
            drain_delay: Duration::from_secs(5),
            // A start takes well under a second; this is for a machine that is short of everything.
            // Nobody waits meanwhile, for the old process serves.
            handover_timeout: Duration::from_secs(10),
        }
    }
}

// === impl Route ===

impl Route {
    /// Every path to one server, every query parameter part of the key. `None` can not happen, the
    /// path being good.
    fn whole_site(upstream: UpstreamTemplate, source: source::Options) -> Option<Self> {
        let path = PathTemplate::parse("/{rest*}").ok()?;
        Some(Self {
            name: path.as_str().to_owned(),
            path,
            upstream,
            mode: Mode::default(),
            query: edge::QueryRule {
                all: true,
                ..edge::QueryRule::default()
            },
            headers: Vec::new(),
            cookies: Vec::new(),
            share: edge::Share::default(),
            cors: None,
            topic: hub::TopicOptions::default(),
            delivery: delivery::Options::default(),
            ingest: ingest::Options::default(),
            source,
            pass: edge::PassOptions::default(),
        })
    }
}
