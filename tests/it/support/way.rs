//! How clients come in: plain, by TLS, or by TLS with HTTP/2. A test that takes a [`Way`] runs with
//! each.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::gateway::Gateway;
use super::pki::Authority;
use super::upstream::Upstream;

/// What stands between a client and its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    Tls,
    H2,
}

/// Addresses at which TLS is spoken, with what a client needs to know there. Whoever connects to
/// one of them speaks TLS, so that tests need not say so.
static SECURED: Mutex<Option<HashMap<SocketAddr, Arc<ClientConfig>>>> = Mutex::new(None);

// === impl Way ===

impl Way {
    /// A [`Gateway::start`] whose first address is of this kind.
    pub(crate) fn start(self, toml: &str, upstream: &Upstream) -> Gateway {
        match self {
            Self::Plain => Gateway::start(toml, upstream),
            Self::Tls => secured(toml, upstream, client_config()),
            Self::H2 => secured(toml, upstream, h2_config()),
        }
    }

    /// For a program: the `[tls]` table that it needs, with its files in this folder.
    pub(crate) fn table(self, folder: &Path) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Tls | Self::H2 => tls_table(folder),
        }
    }

    /// A program listens so at this address, until that is [forgotten](forget).
    pub(crate) fn note(self, address: SocketAddr) {
        match self {
            Self::Plain => {}
            Self::Tls => note(address, client_config()),
            Self::H2 => note(address, h2_config()),
        }
    }

    /// The series of the subscribers that come so to the route `events`.
    pub(crate) fn subscribers(self) -> &'static str {
        match self {
            Self::Plain | Self::Tls => "fantail_subscribers{protocol=\"h1\",route=\"events\"}",
            Self::H2 => "fantail_subscribers{protocol=\"h2\",route=\"events\"}",
        }
    }

    /// A [`Gateway::route`], likewise.
    pub(crate) fn route(self, upstream: &Upstream, keys: &str) -> Gateway {
        let route =
            "[[route]]\nname = \"events\"\npath = \"/events\"\nupstream = \"{upstream}/events\"\n";
        self.start(&format!("{route}{keys}\n"), upstream)
    }
}

/// Every test's authority, and a certificate of it for `localhost`.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new("Fantail's tests"))
}

/// Trusts the authority, and nobody else.
pub(crate) fn trust() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let pem = authority().pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    roots
}

/// A client that trusts the authority.
pub(crate) fn client_config() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trust())
        .with_no_client_auth();
    Arc::new(config)
}

/// Likewise, and wants HTTP/2.
fn h2_config() -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(&client_config());
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

/// A `[tls]` table with a certificate of `localhost` in this folder.
pub(crate) fn tls_table(folder: &Path) -> String {
    let (cert, key) = authority().issue("localhost").write(folder, "localhost");
    format!(
        "[tls]\nlisten = [\"127.0.0.1:0\"]\ncert = \"{}\"\nkey = \"{}\"\n",
        cert.display(),
        key.display()
    )
}

fn secured(toml: &str, upstream: &Upstream, config: Arc<ClientConfig>) -> Gateway {
    let folder = tempfile::tempdir().unwrap();
    let table = tls_table(folder.path());
    let gateway = Gateway::start(&format!("{table}{toml}"), upstream);
    note(gateway.tls_address(), config);
    gateway.secured(folder)
}

/// TLS is spoken at this address; whoever connects needs to know this.
fn note(address: SocketAddr, config: Arc<ClientConfig>) {
    let mut addresses = SECURED.lock().unwrap_or_else(PoisonError::into_inner);
    addresses.get_or_insert_default().insert(address, config);
}

/// What browsers call this address.
pub(crate) fn origin(address: SocketAddr) -> String {
    let scheme = config_at(address).map_or("http", |_| "https");
    format!("{scheme}://{address}")
}

/// The address is somebody else's from now on.
pub(crate) fn forget(address: SocketAddr) {
    let mut addresses = SECURED.lock().unwrap_or_else(PoisonError::into_inner);
    addresses.get_or_insert_default().remove(&address);
}

/// What whoever connects to this address needs to know, if TLS is spoken there.
pub(super) fn config_at(address: SocketAddr) -> Option<Arc<ClientConfig>> {
    let addresses = SECURED.lock().unwrap_or_else(PoisonError::into_inner);
    addresses.as_ref()?.get(&address).cloned()
}
