//! TLS to clients: which certificate whom, which versions, who a client has to be.
//!
//! Layer 4: may import what `edge` may. Invariants: what can not be used is refused with its reason
//! before anything listens; a certificate is replaced whole or not at all; a session is resumed
//! only where it could have been opened, because all listeners share one configuration.

mod certificate;
mod chooser;
mod handshake;
mod pair;
mod secured;
mod stream;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::crypto::aws_lc_rs;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};

use crate::{clock, pem};

use self::chooser::Chooser;
pub use self::chooser::{Refreshed, Shown};
pub use self::handshake::Acceptor;
pub(super) use self::handshake::shake;
pub use self::pair::{Fault, Why};
pub(super) use self::secured::Secured;
pub(super) use self::stream::TlsStream;

/// Protocols in the order of preference. HTTP/2 goes before it, once there is one.
const ALPN: [&[u8]; 1] = [b"http/1.1"];

/// What `[tls]` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Whether a name that no certificate has is refused, instead of getting the first one.
    pub strict_sni: bool,
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
    config: ServerConfig,
}

// === impl Pair ===

impl Pair {
    /// Whether it can be used now.
    pub fn check(&self) -> Result<(), Fault> {
        pair::load(self, clock::wall()).map(drop)
    }
}

// === impl Server ===

impl Server {
    /// Reads the files that the options name.
    pub fn new(options: Options) -> Result<Self, Fault> {
        let chooser = Arc::new(Chooser::load(&options, clock::wall())?);
        let config = config(&options, &chooser)?;
        Ok(Self {
            options,
            chooser,
            config,
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

    /// Looks at the files: those that have changed (or all, if `forced`) replace what is in use, if
    /// they are good.
    pub fn refresh(&self, forced: bool, now: SystemTime) -> Refreshed {
        self.chooser.refresh(forced, now)
    }

    /// For so many clients, each of which may come back.
    fn config(&self, clients: usize) -> Arc<ServerConfig> {
        let mut config = self.config.clone();
        config.session_storage = ServerSessionMemoryCache::new(clients);
        Arc::new(config)
    }

    /// Within these limits; sessions are remembered for as many clients as there may be.
    pub fn acceptor(&self, limits: &super::Options) -> Arc<Acceptor> {
        Acceptor::new(self.config(limits.connections), limits)
    }
}

fn config(options: &Options, chooser: &Arc<Chooser>) -> Result<ServerConfig, Fault> {
    let unusable = |error| Fault::of("tls", None, pem::Why::Unusable(error));
    let versions: &[_] = match options.min_version {
        MinVersion::Tls12 => &[&TLS13, &TLS12],
        MinVersion::Tls13 => &[&TLS13],
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(unusable)?
        .with_client_cert_verifier(verifier(options)?)
        .with_cert_resolver(Arc::<Chooser>::clone(chooser));
    config.ignore_client_order = true;
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    // Rotated: a key that leaks opens the sessions of its own hours only.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(unusable)?;
    Ok(config)
}

fn verifier(options: &Options) -> Result<Arc<dyn ClientCertVerifier>, Fault> {
    let (auth, Some(path)) = (options.client_auth, &options.client_ca) else {
        return Ok(Arc::new(NoClientAuth));
    };
    if auth == ClientAuth::None {
        return Ok(Arc::new(NoClientAuth));
    }
    let roots = Arc::new(authorities(path)?);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    let builder = match auth {
        ClientAuth::Optional => builder.allow_unauthenticated(),
        ClientAuth::None | ClientAuth::Required => builder,
    };
    builder.build().map_err(|error| {
        let error = rustls::Error::General(error.to_string());
        Fault::of("client_ca", Some(path), pem::Why::Unusable(error))
    })
}

/// The authorities of clients' certificates.
pub fn authorities(path: &Path) -> Result<RootCertStore, Fault> {
    pem::authorities(path).map_err(|why| Fault::of("client_ca", Some(path), why))
}

/// So often the files of certificates are looked at: renewals are replaced weeks before they are
/// needed.
pub const WATCH: Duration = Duration::from_secs(10);
