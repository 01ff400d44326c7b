//! Composition: builds every part from the configuration, starts and stops them in order.
//!
//! Layer 5: knows everyone, imported by no one but `main`, `demo` and the tests. Invariants: all
//! listening sockets are bound before anything runs, so that a bad address leaves nothing half
//! started; the sockets stay bound until the last stream has ended, because Firefox gives up for
//! good on a refused connection.
//!
//! A restart is a hand-over: on SIGUSR2 `run` starts a `successor` with this process's sockets,
//! which finds them as `inherited`, as it would find systemd's. What has been neither accepted nor
//! refused waits in the sockets' queues, which belong to both processes: the old one just stops
//! accepting, and nobody notices.

mod build;
mod carrier;
mod certificates;
mod descriptors;
mod inherited;
mod memory;
mod run;
mod signals;
mod sockets;
mod successor;
mod unix_paths;
mod words;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::config::{Config, Listen, Server};
use crate::delivery::Shards;
use crate::drain::{Drain, Phase};
use crate::edge::Edge;
use crate::edge::tls::Acceptor;
use crate::hub::Hub;
use crate::ingest::Ingest;
use crate::metrics::Metrics;
use crate::source::Sources;
use crate::{clock, edge};

pub use build::NetSources;
use certificates::Certificates;
pub use inherited::{Inherited, Unusable};
pub use run::{RunError, run};
use sockets::Legacy;
use unix_paths::UnixPaths;

/// Expired answers are forgotten so often.
const SWEEP: Duration = Duration::from_secs(5);
/// How often a stopping program looks whether the last stream has ended.
const LOOK: Duration = Duration::from_millis(20);
/// What the last streams of a drain get to write their last bytes.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address can not be listened on.
    #[error(
        "can not listen on {address}: {source}; stop what uses it, or choose another address with \
         --listen or `[server] listen`"
    )]
    Listen {
        /// The address as configured.
        address: String,
        /// The system's word.
        source: io::Error,
    },
    /// Likewise the admin address.
    #[error(
        "can not listen on the admin address {address}: {source}; stop what uses it, or choose \
         another with --admin or `[admin] listen` (\"\" turns it off)"
    )]
    Admin {
        /// The address as configured.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// What came with `LISTEN_FDS` can not be used.
    #[error(transparent)]
    Inherited(#[from] Unusable),
    /// A service manager passes a socket that nobody asked for.
    #[error(
        "the inherited socket {address} is not configured; add it to `[server] listen` (or leave \
         `listen` out: then all inherited sockets are used) or to `[tls] listen`, or take it out of \
         the socket unit"
    )]
    NotConfigured {
        /// Where it listens.
        address: String,
    },
    /// The delivery threads can not be started.
    #[error("can not start the delivery threads: {0}")]
    Shards(#[source] io::Error),
    /// Two routes take the same paths.
    #[error(transparent)]
    Routes(#[from] edge::route::Conflict),
}

/// What `serve` and `demo` start, each in its own way.
#[derive(Clone)]
pub struct Setup {
    /// The configuration.
    pub config: Config,
    /// Where metrics go.
    pub metrics: Arc<Metrics>,
    /// Who opens upstreams.
    pub sources: Arc<dyn Sources>,
    /// Pages that are built in, with their paths.
    pub pages: Vec<(&'static str, edge::Page)>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Setup {
    /// In front of HTTP upstreams.
    pub fn new(config: Config) -> Self {
        let sources = Arc::new(NetSources::new(&config));
        Self {
            config,
            metrics: Metrics::new(),
            sources,
            pages: Vec::new(),
        }
    }
}

/// A running Fantail.
#[derive(Debug)]
pub struct App {
    drain: Drain,
    edge: Arc<Edge>,
    hub: Arc<Hub>,
    shards: Arc<Shards>,
    ingest: Arc<Ingest>,
    metrics: Arc<Metrics>,
    tasks: JoinSet<()>,
    addresses: Vec<SocketAddr>,
    tls_addresses: Vec<SocketAddr>,
    tls: Option<Tls>,
    admin_address: Option<SocketAddr>,
    /// Removed with the application.
    unix_paths: UnixPaths,
    legacy: Legacy,
    connection_limit: usize,
    server: Server,
}

/// What the listeners with TLS share.
#[derive(Debug)]
struct Tls {
    acceptor: Arc<Acceptor>,
    certificates: Arc<Certificates>,
}

impl App {
    /// Binds every address, then starts every part.
    pub async fn start(setup: Setup) -> Result<Self, StartError> {
        Self::start_with(setup, Inherited::default()).await
    }

    /// Likewise, with the sockets that this process was started with in the place of those that
    /// have the same address.
    pub async fn start_with(setup: Setup, inherited: Inherited) -> Result<Self, StartError> {
        Box::pin(build::start(setup, inherited)).await
    }

    /// The TCP addresses that clients come in by without TLS, as bound.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Those with TLS.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.tls_addresses
    }

    /// Reads the certificates again. One that can not be used changes nothing; the log says why.
    pub async fn reload_certificates(&self) {
        if let Some(tls) = &self.tls {
            tls.certificates.look(true).await;
        }
    }

    /// Likewise, aside: files may take their time, and a signal to stop may not wait for them.
    fn begin_reload(&self) {
        if let Some(tls) = &self.tls {
            let certificates = Arc::clone(&tls.certificates);
            tokio::spawn(async move { certificates.look(true).await });
        }
    }

    /// The admin listener's address, as bound.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// What is measured.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The topics, as operators see them.
    pub fn topics(&self) -> Vec<crate::hub::TopicView> {
        self.hub.topics(clock::now())
    }

    /// Connections being served, streams included.
    pub fn connections(&self) -> usize {
        self.edge.connections()
    }

    /// A new process has the sockets: they are no longer this one's to accept on, or to remove.
    fn hand_over(&mut self) {
        self.drain.hand_over();
        self.unix_paths.hand_over();
        self.legacy = Legacy::default();
    }

    /// What [`App::drain`] takes at most.
    fn longest_drain(&self) -> Duration {
        self.server.drain_delay + self.server.drain + LAST_BYTES
    }

    /// Stops gracefully: not ready any more, then streams end one by one over the drain window,
    /// then the sockets close. May be dropped at any moment, for [`App::halt`] to end it at once.
    pub async fn drain(&self) {
        let begin = clock::now();
        self.drain.advance(Phase::Leaving);
        // After a hand-over newcomers are the new process's, whatever a balancer thinks.
        if self.edge.connections() > 0 && !self.drain.is_handed_over() {
            tracing::info!(delay = ?self.server.drain_delay, "not ready any more; balancers turn away");
            tokio::time::sleep(self.server.drain_delay).await;
        }
        tracing::info!(
            streams = self.shards.subscribers(),
            window = ?self.server.drain,
            "draining: streams end one by one"
        );
        // First the window, for connections that see the phase ask for it.
        self.shards.drain(self.server.drain);
        self.drain.advance(Phase::Draining);
        let all_ended = async {
            while self.is_serving() {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(self.server.drain + LAST_BYTES, all_ended)
            .await
            .is_err()
        {
            tracing::warn!(
                streams = self.edge.connections(),
                "some streams had to be cut"
            );
        }
        let took = clock::now().saturating_duration_since(begin).as_secs();
        self.metrics
            .drain_seconds
            .set(i64::try_from(took).unwrap_or(i64::MAX));
    }

    /// Whether somebody is still to be answered. After a hand-over whoever has been accepted is,
    /// to the last; else newcomers never end, and those of the last moment are refused.
    fn is_serving(&self) -> bool {
        let may_come = self.drain.is_handed_over() && self.edge.is_accepting();
        may_come || self.edge.connections() > 0
    }

    /// Ends everything now.
    pub async fn halt(mut self) {
        self.drain.advance(Phase::Closed);
        self.ingest.stop().await;
        let shards = Arc::clone(&self.shards);
        // Joining threads blocks.
        if tokio::task::spawn_blocking(move || shards.stop())
            .await
            .is_err()
        {
            tracing::error!("the delivery threads did not stop properly");
        }
        self.tasks.shutdown().await;
    }
}

impl Listen {
    fn name(&self) -> String {
        match self {
            Self::Tcp(address) => address.to_string(),
            Self::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}
