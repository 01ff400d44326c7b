//! From the files that a route names to a client's configuration.
//!
//! Layer 2. Invariant: a fault names the key, the path and the reason, and nothing of what a file
//! holds.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConfig, ConfigBuilder, RootCertStore};

use super::Settings;
use super::trust::Anyone;

/// Why settings can not be used.
#[derive(Debug, thiserror::Error)]
#[error("{}{why}", shown(.path.as_deref()))]
pub struct Fault {
    /// Which of the settings.
    pub key: &'static str,
    /// The file, if it is about one.
    pub path: Option<PathBuf>,
    /// What about it.
    #[source]
    pub why: Why,
}

/// What is wrong with a file or a name.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// Not there, not allowed.
    #[error("it can not be read: {0}")]
    Read(#[source] std::io::Error),
    /// No PEM.
    #[error("it is not PEM: {0}")]
    Pem(#[source] pem::Error),
    /// PEM, but of something else.
    #[error("it holds no {0}")]
    Nothing(&'static str),
    /// Not what it should be.
    #[error("it is not usable: {0}")]
    Unusable(#[source] rustls::Error),
    /// The machine's own authorities.
    #[error("no authority is installed on this machine")]
    NoRoots,
    /// The name.
    #[error("it is neither a host name nor an address")]
    Name,
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!("{}: ", path.display()))
}

// === impl Fault ===

impl Fault {
    pub(super) fn server_name() -> Self {
        Self::of("server_name", None, Why::Name)
    }

    fn of(key: &'static str, path: Option<&Path>, why: Why) -> Self {
        let path = path.map(Path::to_owned);
        Self { key, path, why }
    }

    /// As an upstream's failure is told.
    pub(super) fn into_error(self) -> rustls::Error {
        match self.why {
            Why::Unusable(error) => error,
            _ => CertificateError::UnknownIssuer.into(),
        }
    }
}

/// The configuration that these settings ask for; without authorities, whoever answers is believed.
pub(super) fn config(
    settings: &Settings,
    roots: Option<&Arc<RootCertStore>>,
) -> Result<ClientConfig, Fault> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::of("upstream_tls", None, Why::Unusable(error)))?;
    let builder = if let Some(roots) = roots {
        builder.with_root_certificates(Arc::clone(roots))
    } else {
        let anyone = Anyone::new(provider.signature_verification_algorithms);
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(anyone))
    };
    match (&settings.cert, &settings.key) {
        (Some(cert), Some(key)) => identity(builder, cert, key),
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// One that knows whom to trust.
type Builder = ConfigBuilder<ClientConfig, WantsClientCert>;

fn identity(builder: Builder, cert: &Path, key: &Path) -> Result<ClientConfig, Fault> {
    let chain = certificates("cert", cert)?;
    let bytes = read("key", key)?;
    let secret = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        let why = match error {
            pem::Error::NoItemsFound => Why::Nothing("private key"),
            error => Why::Pem(error),
        };
        Fault::of("key", Some(key), why)
    })?;
    builder
        .with_client_auth_cert(chain, secret)
        .map_err(|error| {
            let (key, path) = match error {
                rustls::Error::InvalidCertificate(_) => ("cert", cert),
                _ => ("key", key),
            };
            Fault::of(key, Some(path), Why::Unusable(error))
        })
}

/// Whom these settings trust; `None` only where they say `insecure`.
pub(super) fn roots(settings: &Settings) -> Result<Option<Arc<RootCertStore>>, Fault> {
    if settings.insecure {
        return Ok(None);
    }
    let Some(path) = settings.ca.as_deref() else {
        let native = native().ok_or_else(|| Fault::of("ca", None, Why::NoRoots))?;
        return Ok(Some(native));
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca", path)? {
        roots
            .add(certificate)
            .map_err(|error| Fault::of("ca", Some(path), Why::Unusable(error)))?;
    }
    Ok(Some(Arc::new(roots)))
}

/// The machine's authorities, read once.
fn native() -> Option<Arc<RootCertStore>> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of the machine's authorities can not be read");
        }
        let mut roots = RootCertStore::empty();
        // Some machines carry some that nobody can read any more.
        roots.add_parsable_certificates(found.certs);
        Arc::new(roots)
    });
    (!roots.is_empty()).then(|| Arc::clone(roots))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let bytes = read(key, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| Fault::of(key, Some(path), Why::Pem(error)))?;
    if found.is_empty() {
        return Err(Fault::of(key, Some(path), Why::Nothing("certificate")));
    }
    Ok(found)
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| Fault::of(key, Some(path), Why::Read(error)))
}
