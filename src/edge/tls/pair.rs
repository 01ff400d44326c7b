//! A certificate and its key, from their files, or why not.
//!
//! Invariant: a pair that is given back can be used now: the key is the certificate's, nobody else
//! can read it, and the certificate is valid. A fault names the key of the configuration, the path
//! and the reason, and nothing of what a file holds.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::Pair;
use super::certificate::Certificate;

/// Why TLS can not be spoken.
#[derive(Debug, thiserror::Error)]
#[error("{}{why}", shown(.path.as_deref()))]
pub struct Fault {
    /// Which key of `[tls]`.
    pub key: &'static str,
    /// The file, if it is about one.
    pub path: Option<PathBuf>,
    /// What about it.
    #[source]
    pub why: Why,
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
    /// Two files that do not belong together.
    #[error("it is not the key of the certificate")]
    Mismatch,
    /// A certificate of the past.
    #[error("it has expired on {0}")]
    Expired(String),
    /// A certificate of the future.
    #[error("it is not valid before {0}")]
    TooEarly(String),
    /// A secret that is none.
    #[error("everybody on this machine can read it (mode {0:03o})")]
    Exposed(u32),
    /// Something that is no certificate.
    #[error("it holds a certificate that can not be read")]
    Malformed,
}

fn shown(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!("{}: ", path.display()))
}

/// A pair that can be used.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) certificate: Certificate,
}

/// What tells one version of a pair's files from another; a link that leads elsewhere does too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp([Option<[i64; 7]>; 2]);

// === impl Fault ===

impl Fault {
    pub(super) fn of(key: &'static str, path: Option<&Path>, why: Why) -> Self {
        let path = path.map(Path::to_owned);
        Self { key, path, why }
    }
}

// === impl Stamp ===

impl Stamp {
    pub(super) fn of(pair: &Pair) -> Self {
        let look = |path: &Path| std::fs::metadata(path).ok().as_ref().map(marks);
        Self([look(&pair.cert), look(&pair.key)])
    }
}

fn marks(file: &Metadata) -> [i64; 7] {
    let whole = |number: u64| i64::from_ne_bytes(number.to_ne_bytes());
    [
        whole(file.dev()),
        whole(file.ino()),
        whole(file.size()),
        file.mtime(),
        file.mtime_nsec(),
        // Moves with every change, whatever a copy says about the time.
        file.ctime(),
        file.ctime_nsec(),
    ]
}

// === reading ===

/// Reads a pair, and looks whether it can be used at this time.
pub(super) fn load(pair: &Pair, now: SystemTime) -> Result<Loaded, Fault> {
    let chain = certificates("cert", &pair.cert)?;
    let on_cert = |why| Fault::of("cert", Some(&pair.cert), why);
    let on_key = |why| Fault::of("key", Some(&pair.key), why);
    let certificate = chain.first().and_then(Certificate::read);
    let certificate = certificate.ok_or_else(|| on_cert(Why::Malformed))?;
    certificate.check(now).map_err(on_cert)?;
    let bytes = secret(&pair.key)?;
    let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| {
        on_key(match error {
            pem::Error::NoItemsFound => Why::Nothing("private key"),
            error => Why::Pem(error),
        })
    })?;
    let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    let key = key.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => on_key(Why::Mismatch),
        rustls::Error::InvalidCertificate(_) => on_cert(Why::Unusable(error)),
        error => on_key(Why::Unusable(error)),
    })?;
    Ok(Loaded {
        key: Arc::new(key),
        certificate,
    })
}

/// All certificates of a file; at least one.
pub(super) fn certificates(
    key: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let bytes = read(key, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| Fault::of(key, Some(path), Why::Pem(error)))?;
    if found.is_empty() {
        return Err(Fault::of(key, Some(path), Why::Nothing("certificate")));
    }
    Ok(found)
}

/// A file that nobody but its owner and its group may read.
fn secret(path: &Path) -> Result<Vec<u8>, Fault> {
    const OTHERS: u32 = 0o007;
    let file = std::fs::metadata(path);
    let mode = file.map_err(|error| Fault::of("key", Some(path), Why::Read(error)))?;
    let mode = mode.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(Fault::of("key", Some(path), Why::Exposed(mode)));
    }
    read("key", path)
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, Fault> {
    std::fs::read(path).map_err(|error| Fault::of(key, Some(path), Why::Read(error)))
}
