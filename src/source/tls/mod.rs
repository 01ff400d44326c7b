//! TLS to an upstream.
//!
//! Layer 2: rustls behind the few calls that are needed. Invariants: who the other side is, is
//! verified unless the configuration says `insecure` in so many words; a handshake has a bound; what
//! a route has configured (authority, certificate) is used for its own origin only, which is up to
//! the caller.

mod files;
pub(crate) mod look;
#[cfg(test)]
mod tests;
mod trust;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use self::files::{Fault, Why};
use crate::source::Error;

/// What a route says about TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The authorities that are trusted, in PEM, instead of the machine's own.
    pub ca: Option<PathBuf>,
    /// Our certificate, in PEM, with its chain.
    pub cert: Option<PathBuf>,
    /// Its key, in PEM.
    pub key: Option<PathBuf>,
    /// The name to ask for and to verify, instead of the URL's host.
    pub server_name: Option<Box<str>>,
    /// Believe whoever answers.
    pub insecure: bool,
}

/// One side of TLS connections, built once and shared. Two are equal if they were configured alike.
#[derive(Clone)]
pub struct Client {
    settings: Settings,
    server_name: Option<ServerName<'static>>,
    config: Arc<ClientConfig>,
    /// Whom it trusts; `None` = whoever answers.
    roots: Option<Arc<RootCertStore>>,
}

/// What an upstream of which nothing is said is asked with.
static USUAL: OnceLock<Client> = OnceLock::new();

// === impl Client ===

impl Client {
    /// Reads the files that the settings name.
    pub fn new(settings: Settings) -> Result<Self, Fault> {
        let server_name = match settings.server_name.as_deref() {
            None => None,
            Some(name) => Some(server_name(name).ok_or_else(Fault::server_name)?),
        };
        let roots = files::roots(&settings)?;
        let mut config = files::config(&settings, roots.as_ref())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            settings,
            server_name,
            config: Arc::new(config),
            roots,
        })
    }

    /// The one that trusts what the machine trusts, and has no certificate. The machine's
    /// authorities are read when they are first needed.
    pub(crate) fn usual() -> Result<&'static Self, Error> {
        if let Some(client) = USUAL.get() {
            return Ok(client);
        }
        let client = Self::new(Settings::default())
            .map_err(|fault| fail("this machine trusts no authority", fault.into_error()))?;
        Ok(USUAL.get_or_init(|| client))
    }

    /// What it was made of.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Speaks TLS to `host`, as it stands in a URL, through `stream`.
    pub(crate) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        host: &str,
        limit: Duration,
    ) -> Result<TlsStream<S>, Error> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => {
                server_name(host).ok_or_else(|| fail("its name can not be verified", no_name()))?
            }
        };
        let connector = TlsConnector::from(Arc::clone(&self.config));
        // Boxed, so that those who open plain connections do not carry its size.
        timeout(limit, Box::pin(connector.connect(name, stream)))
            .await
            .map_err(|_| Error::Timeout("TLS handshake"))?
            .map_err(Error::cut)
    }
}

impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for Client {}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Client").field(&self.settings).finish()
    }
}

/// A name or an address, without the brackets of a URL.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    ServerName::try_from(bare.unwrap_or(host).to_owned()).ok()
}

fn no_name() -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::NotValidForName)
}

// === words ===

/// The error that a failure of TLS is.
pub(super) fn failure(error: &rustls::Error) -> Error {
    fail(explain(error), error.clone())
}

fn fail(what: &'static str, source: rustls::Error) -> Error {
    Error::Tls { what, source }
}

/// What happened, and what to do about it where that is known.
fn explain(error: &rustls::Error) -> &'static str {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(why) => explain_certificate(why),
        E::AlertReceived(AlertDescription::CertificateRequired) => {
            "it wants a certificate of us: `upstream_tls` takes `cert` and `key`"
        }
        E::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied,
        ) => "it does not accept our certificate",
        E::AlertReceived(AlertDescription::UnrecognisedName) => {
            "it does not know the name that it was asked for"
        }
        E::AlertReceived(AlertDescription::ProtocolVersion) | E::PeerIncompatible(_) => {
            "it speaks no version of TLS that is safe: 1.2 or 1.3"
        }
        E::AlertReceived(_) => "it refused the handshake",
        E::InvalidMessage(_) => "what answers there does not speak TLS",
        _ => "the connection can not be trusted",
    }
}

fn explain_certificate(why: &CertificateError) -> &'static str {
    use CertificateError as C;
    match why {
        C::Expired | C::ExpiredContext { .. } => "its certificate has expired",
        C::NotValidYet | C::NotValidYetContext { .. } => "its certificate is not valid yet",
        C::NotValidForName | C::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        // The second is an authority that has the right name, but another key.
        C::UnknownIssuer | C::BadSignature => {
            "its certificate comes from no authority that is trusted here; `upstream_tls` takes \
             the right one as `ca`"
        }
        C::Revoked => "its certificate has been revoked",
        _ => "its certificate is not acceptable",
    }
}
