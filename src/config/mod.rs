//! The validated configuration: what every part is told, in the parts' own types.
//!
//! Layer 5: may import the options structs of every part, never the reverse.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use crate::edge::Mode;
use crate::edge::template::{PathTemplate, UpstreamTemplate};
use crate::{delivery, edge, hub, ingest, source};

/// Everything that `serve` needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[admin]`; `None` = no admin listener.
    pub admin: Option<SocketAddr>,
    /// The parts of `[limits]` that belong to topics.
    pub hub: hub::Options,
    /// The parts of `[limits]` that belong to listeners.
    pub edge: edge::Options,
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
    /// How its topics are kept.
    pub topic: hub::TopicOptions,
    /// How its streams are served.
    pub delivery: delivery::Options,
    /// What it does about its upstream.
    pub ingest: ingest::Options,
    /// How its upstream is asked.
    pub source: source::Options,
}
