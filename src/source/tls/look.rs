//! What a server shows of itself, believed or not: for whoever has to explain why it is not.
//!
//! Layer 2. Invariant: nothing is ever said through a connection whose other side was not verified;
//! it is closed after the handshake.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig};
use tokio::net::TcpStream;

use super::{Client, Settings, fail, no_name, server_name};
use crate::source::Error;

/// What a server shows to anybody.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Its certificate and what it sends along, in its order.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// What it chooses of HTTP/2 and HTTP/1.1.
    pub(crate) alpn: Option<Vec<u8>>,
}

/// Shakes hands with whoever answers, and takes a look.
pub(crate) async fn look(stream: TcpStream, host: &str, limit: Duration) -> Result<Shown, Error> {
    // SECURITY: it verifies nobody, and so nothing is sent through it.
    let anyone = Client::new(Settings {
        insecure: true,
        ..Settings::default()
    });
    let anyone = anyone.map_err(|fault| fail("no look at it is possible", fault.into_error()))?;
    let mut config = ClientConfig::clone(&anyone.config);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let stream = Client { config, ..anyone }
        .handshake(stream, host, limit)
        .await?;
    let (_, tls) = stream.get_ref();
    let chain = tls.peer_certificates().unwrap_or_default();
    Ok(Shown {
        chain: chain
            .iter()
            .cloned()
            .map(CertificateDer::into_owned)
            .collect(),
        alpn: tls.alpn_protocol().map(<[u8]>::to_vec),
    })
}

// === impl Client ===

impl Client {
    /// What is wrong with this chain at this time, as far as names do not matter. A client that
    /// trusts whoever answers finds nothing.
    pub(crate) fn doubt(
        &self,
        chain: &[CertificateDer<'_>],
        at: UnixTime,
    ) -> Option<CertificateError> {
        let roots = self.roots.as_ref()?;
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        let (own, others) = chain.split_first()?;
        let verified = ParsedCertificate::try_from(own).and_then(|own| {
            verify_server_cert_signed_by_trust_anchor(&own, roots, others, at, algorithms.all)
        });
        verified.err().map(certificate_error)
    }
}

/// Why a certificate is not good for a host, as it stands in a URL.
pub(crate) fn name_doubt(own: &CertificateDer<'_>, host: &str) -> Option<CertificateError> {
    let name = server_name(host).ok_or_else(no_name);
    let verified =
        name.and_then(|name| verify_server_name(&ParsedCertificate::try_from(own)?, &name));
    verified.err().map(certificate_error)
}

fn certificate_error(error: rustls::Error) -> CertificateError {
    match error {
        rustls::Error::InvalidCertificate(error) => error,
        _ => CertificateError::BadEncoding,
    }
}
