//! A certificate and its key, from their files, or why not.
//!
//! Invariant: a pair that is given back can be used now: the key is the certificate's, nobody else
//! can read it, and the certificate is valid.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;

use super::Pair;
use super::certificate::Certificate;
use crate::pem;

/// Why TLS can not be spoken.
pub type Fault = pem::Fault<Why>;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// What its PEM is.
    #[error(transparent)]
    File(#[from] pem::Why),
    /// Two files that do not belong together.
    #[error("it is not the key of the certificate")]
    Mismatch,
    /// A certificate or a list of the past.
    #[error("it has expired on {0}")]
    Expired(String),
    /// A certificate of the future.
    #[error("it is not valid before {0}")]
    TooEarly(String),
    /// A secret that is none.
    #[error("everybody on this machine can read it (mode {0:03o})")]
    Exposed(u32),
    /// Something that is not what it is called.
    #[error("it holds a {0} that can not be read")]
    Malformed(&'static str),
    /// A revocation list of a kind that there is no support for.
    #[error("it is no revocation list that can be used: {0:?}")]
    List(#[source] webpki::Error),
    /// A revocation list that its authority did not sign.
    #[error("it is not signed by {0}, an authority of `client_ca`")]
    Forged(String),
}

/// A pair that can be used.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) certificate: Certificate,
}

// === reading ===

/// Reads a pair, and looks whether it can be used at this time.
pub(super) fn load(pair: &Pair, now: SystemTime) -> Result<Loaded, Fault> {
    let on_cert = |why| Fault::of("cert", Some(&pair.cert), why);
    let on_key = |why| Fault::of("key", Some(&pair.key), why);
    let chain = pem::certificates(&pair.cert).map_err(|why| on_cert(why.into()))?;
    let certificate = chain.first().and_then(Certificate::read);
    let certificate = certificate.ok_or_else(|| on_cert(Why::Malformed("certificate")))?;
    certificate.check(now).map_err(on_cert)?;
    check_secret(&pair.key).map_err(on_key)?;
    let key = pem::key(&pair.key).map_err(|why| on_key(why.into()))?;
    let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    let key = key.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => on_key(Why::Mismatch),
        rustls::Error::InvalidCertificate(_) => on_cert(pem::Why::Unusable(error).into()),
        error => on_key(pem::Why::Unusable(error).into()),
    })?;
    Ok(Loaded {
        key: Arc::new(key),
        certificate,
    })
}

/// Whether nobody but the file's owner and group may read it.
fn check_secret(path: &Path) -> Result<(), Why> {
    const OTHERS: u32 = 0o007;
    let mode = std::fs::metadata(path).map_err(pem::Why::Read)?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(Why::Exposed(mode));
    }
    Ok(())
}
