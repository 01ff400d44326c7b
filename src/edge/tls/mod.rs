//! TLS to clients: which certificate whom, which versions, who a client has to be.
//!
//! Layer 4: may import what `edge` may. Invariants: what can not be used is refused with its reason
//! before anything listens; a certificate is replaced whole or not at all; a session is resumed
//! only where it could have been opened, because all listeners share one configuration, and only as
//! long as its client could open another, because its certificate is looked at again.

mod certificate;
mod chooser;
mod clients;
mod handshake;
mod pair;
mod secured;
mod stamp;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::UnixTime;
use rustls::server::ServerSessionMemoryCache;
use rustls::version::{TLS12, TLS13};
use rustls::{CommonState, HandshakeKind, ServerConfig};

use super::h2;
use crate::{clock, pem};

use self::chooser::Chooser;
pub use self::chooser::{Refreshed, Shown};
use self::clients::Clients;
pub use self::clients::{check_authorities, check_revocation_lists};
pub use self::handshake::Acceptor;
pub(super) use self::handshake::shake;
pub use self::pair::{Fault, Why};
pub(super) use self::secured::Secured;
use self::stamp::Stamp;
pub(super) use self::stream::TlsStream;

/// Protocols in the order of preference.
const ALPN: [&[u8]; 2] = [h2::ALPN, b"http/1.1"];

/// What `[tls]` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Certificates with their keys; the first one is for clients that ask for no name, or for one
    /// that nobody has.
    pub pairs: Vec<Pair>,
    /// The oldest version that is spoken.
    pub min_version: MinVersion,
    /// Whether clients have certificates.
    pub client_auth: ClientAuth,
    /// The authorities of their certificates, in PEM.
    pub client_ca: Option<PathBuf>,
    /// What they have revoked, in PEM. If there are any, each authority needs one, and one that is
    /// out of date keeps its clients out.
    pub client_crl: Vec<PathBuf>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// Whether a name that no certificate has is refused, instead of getting the first one.
    pub strict_sni: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pairs: Vec::new(),
            min_version: MinVersion::default(),
            client_auth: ClientAuth::default(),
            client_ca: None,
            client_crl: Vec::new(),
            http2: true,
            strict_sni: false,
        }
    }
}

/// Where a certificate and its key are, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The certificate with its chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// The oldest version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MinVersion {
    /// 1.2: what has been safe for long, and some clients still need.
    #[default]
    Tls12,
    /// 1.3 alone.
    Tls13,
}

/// Whether clients show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They are asked; who has one must have a good one.
    Optional,
    /// Nobody comes in without.
    Required,
}

/// The server's side of TLS, for all listeners.
#[derive(Debug)]
pub struct Server {
    options: Options,
    chooser: Arc<Chooser>,
    watch: Mutex<Watch>,
    /// Behind a lock that is held for two pointers' copies, once for each handshake.
    terms: RwLock<Terms>,
}

/// What is known of the files of `client_ca` and `client_crl`.
#[derive(Debug)]
struct Watch {
    stamp: Stamp,
    /// Clients each of which may come back.
    sessions: usize,
}

/// What handshakes go by until who clients have to be changes. A session of other terms is not
/// resumed: their tickets have other keys.
#[derive(Clone, Debug)]
struct Terms {
    clients: Arc<Clients>,
    config: Arc<ServerConfig>,
}

// === impl Options ===

impl Options {
    fn client_files(&self) -> impl Iterator<Item = &PathBuf> {
        self.client_ca.iter().chain(&self.client_crl)
    }
}

// === impl Pair ===

impl Pair {
    /// Whether it can be used now.
    pub fn check(&self) -> Result<(), Fault> {
        pair::load(self, clock::wall()).map(drop)
    }

    fn files(&self) -> [&PathBuf; 2] {
        [&self.cert, &self.key]
    }
}

// === impl Server ===

impl Server {
    /// Reads the files that the options name.
    pub fn new(options: Options) -> Result<Self, Fault> {
        let now = clock::wall();
        let chooser = Arc::new(Chooser::load(&options, now)?);
        let watch = Watch {
            // Before the files are read: a change while they are is seen by the next look.
            stamp: Stamp::of(options.client_files()),
            sessions: 0,
        };
        let clients = Clients::load(&options, now)?;
        let terms = Terms::new(&options, &chooser, clients, watch.sessions)?;
        Ok(Self {
            options,
            chooser,
            watch: Mutex::new(watch),
            terms: RwLock::new(terms),
        })
    }

    /// What it was made of.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The certificates in use.
    pub fn certificates(&self) -> Vec<Shown> {
        self.chooser.shown()
    }

    /// The revocation lists in use.
    pub fn revocation_lists(&self) -> Vec<Shown> {
        self.terms().clients.shown()
    }

    /// Looks at the files: those that have changed (or all, if `forced`) replace what is in use, if
    /// they are good.
    pub fn refresh(&self, forced: bool, now: SystemTime) -> Refreshed {
        let mut refreshed = self.chooser.refresh(forced, now);
        match self.refresh_clients(forced, now) {
            Ok(true) => refreshed.replaced += 1,
            Ok(false) => {}
            Err(fault) => refreshed.faults.push(fault),
        }
        refreshed
    }

    /// Whether the clients' files were read.
    fn refresh_clients(&self, forced: bool, now: SystemTime) -> Result<bool, Fault> {
        let mut watch = self.watch.lock();
        let stamp = Stamp::of(self.options.client_files());
        if stamp.is_empty() || !forced && stamp == watch.stamp {
            return Ok(false);
        }
        watch.stamp = stamp;
        let clients = Clients::load(&self.options, now)?;
        // Nobody has to begin anew because a file was written again.
        if !clients.is_like(&self.terms().clients) {
            let terms = Terms::new(&self.options, &self.chooser, clients, watch.sessions)?;
            *self.terms.write() = terms;
        }
        drop(watch);
        Ok(true)
    }

    fn terms(&self) -> Terms {
        self.terms.read().clone()
    }

    /// Within these limits; sessions are remembered for as many clients as there may be.
    pub fn acceptor(self: &Arc<Self>, limits: &super::Options) -> Arc<Acceptor> {
        let mut watch = self.watch.lock();
        watch.sessions = limits.connections;
        self.terms.write().remember(watch.sessions);
        drop(watch);
        Acceptor::new(Arc::clone(self), limits)
    }
}

// === impl Terms ===

impl Terms {
    fn new(
        options: &Options,
        chooser: &Arc<Chooser>,
        clients: Clients,
        sessions: usize,
    ) -> Result<Self, Fault> {
        let config = config(options, chooser, &clients);
        let config = config.map_err(|e| Fault::of("tls", None, pem::Why::Unusable(e)))?;
        let mut terms = Self {
            clients: Arc::new(clients),
            config: Arc::new(config),
        };
        terms.remember(sessions);
        Ok(terms)
    }

    /// For so many clients, each of which may come back.
    fn remember(&mut self, clients: usize) {
        let mut config = ServerConfig::clone(&self.config);
        config.session_storage = ServerSessionMemoryCache::new(clients);
        self.config = Arc::new(config);
    }

    /// Whether a client that has resumed its session may come in: rustls looks at certificates
    /// when sessions begin, and this one, or the list that did not name it, may have expired since.
    fn confirm(&self, facts: &CommonState, now: SystemTime) -> Result<(), rustls::Error> {
        let chain = facts.peer_certificates().unwrap_or_default();
        let (Some(HandshakeKind::Resumed), Some((own, others))) =
            (facts.handshake_kind(), chain.split_first())
        else {
            return Ok(());
        };
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(now);
        let verifier = &self.clients.verifier;
        verifier.verify_client_cert(own, others, now).map(drop)
    }
}

fn config(
    options: &Options,
    chooser: &Arc<Chooser>,
    clients: &Clients,
) -> Result<ServerConfig, rustls::Error> {
    let versions: &[_] = match options.min_version {
        MinVersion::Tls12 => &[&TLS13, &TLS12],
        MinVersion::Tls13 => &[&TLS13],
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(Arc::clone(&clients.verifier))
        .with_cert_resolver(Arc::<Chooser>::clone(chooser));
    config.ignore_client_order = true;
    let protocols = ALPN
        .iter()
        .filter(|name| options.http2 || **name != h2::ALPN);
    config.alpn_protocols = protocols.map(|name| name.to_vec()).collect();
    // Rotated: a key that leaks opens the sessions of its own hours only.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    Ok(config)
}

/// So often the files of certificates are looked at: renewals are replaced weeks before they are
/// needed.
pub const WATCH: Duration = Duration::from_secs(10);
