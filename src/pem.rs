//! Certificates, keys and revocation lists from their files, or why not.
//!
//! A leaf: imports nothing of the house. Invariant: a fault names the key of the configuration, the
//! path and the reason, and nothing of what a file holds.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

/// Why TLS can not be spoken.
#[derive(Debug, thiserror::Error)]
#[error("{}{why}", shown(.path.as_deref()))]
pub struct Fault<W: std::error::Error + 'static> {
    /// Which key of its table in the configuration.
    pub key: &'static str,
    /// The file, if it is about one.
    pub path: Option<PathBuf>,
    /// What about it.
    #[source]
    pub why: W,
}

/// What is wrong with a file.
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
}

impl<W: std::error::Error + 'static> Fault<W> {
    pub(crate) fn of(key: &'static str, path: Option<&Path>, why: impl Into<W>) -> Self {
        Self {
            key,
            path: path.map(Path::to_owned),
            why: why.into(),
        }
    }
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!("{}: ", path.display()))
}

/// All certificates of a file; at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Why> {
    all(path, "certificate")
}

/// All revocation lists of a file; at least one.
pub(crate) fn revocation_lists(
    path: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, Why> {
    all(path, "revocation list")
}

/// The first private key of a file.
pub(crate) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Why> {
    let key = PrivateKeyDer::from_pem_slice(&read(path)?);
    key.map_err(|error| match error {
        pem::Error::NoItemsFound => Why::Nothing("private key"),
        error => Why::Pem(error),
    })
}

/// Whom these certificates make trusted.
pub(crate) fn trust(certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, Why> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(Why::Unusable)?;
    }
    Ok(roots)
}

fn all<T: PemObject>(path: &Path, what: &'static str) -> Result<Vec<T>, Why> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = T::pem_slice_iter(&bytes).collect();
    let found = found.map_err(Why::Pem)?;
    if found.is_empty() {
        return Err(Why::Nothing(what));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, Why> {
    std::fs::read(path).map_err(Why::Read)
}
