//! From the files that a route names to a client's configuration.
//!
//! Layer 2. Invariant: what can not be used is told by its key and path.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::{CertificateError, ClientConfig, ConfigBuilder, RootCertStore};

use super::Settings;
use super::trust::Anyone;
use crate::pem;

/// Why settings can not be used.
pub type Fault = pem::Fault<Why>;

/// What is wrong with a file or a name.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// A file.
    #[error(transparent)]
    File(#[from] pem::Why),
    /// The machine's own authorities.
    #[error("no authority is installed on this machine")]
    NoRoots,
    /// The name.
    #[error("it is neither a host name nor an address")]
    Name,
}

// === impl Fault ===

impl Fault {
    pub(super) fn server_name() -> Self {
        Self::of("server_name", None, Why::Name)
    }

    /// As an upstream's failure is told.
    pub(super) fn into_error(self) -> rustls::Error {
        match self.why {
            Why::File(pem::Why::Unusable(error)) => error,
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
        .map_err(|error| Fault::of("upstream_tls", None, pem::Why::Unusable(error)))?;
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
    let chain = pem::certificates(cert).map_err(|why| Fault::of("cert", Some(cert), why))?;
    let secret = pem::key(key).map_err(|why| Fault::of("key", Some(key), why))?;
    builder
        .with_client_auth_cert(chain, secret)
        .map_err(|error| {
            let (key, path) = match error {
                rustls::Error::InvalidCertificate(_) => ("cert", cert),
                _ => ("key", key),
            };
            Fault::of(key, Some(path), pem::Why::Unusable(error))
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
    let roots = pem::certificates(path)
        .and_then(pem::trust)
        .map_err(|why| Fault::of("ca", Some(path), why))?;
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
