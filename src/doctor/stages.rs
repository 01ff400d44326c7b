//! The stages before a request: the name, the connection, the handshake, each with its time.
//!
//! Touches the network, by the source's own connections and TLS alone, so that what is seen here is
//! what `serve` would see. Invariant: each stage is bounded, and its time is noted, however it ends.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use rustls::{AlertDescription, PeerIncompatible, ProtocolVersion};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

use super::observation::{Failure, Stages, Visit};
use super::secured::{Refusal, Secured};
use crate::clock;
use crate::source::connect::{self, Place, Stream};
use crate::source::reach::{is_https, port};
use crate::source::{Error, tls};

/// Name and addresses together: a person waits for it.
const CONNECT: Duration = Duration::from_secs(5);
/// Likewise for a handshake.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(5);

/// Connects to `url`; `own` is the URL that was given, `client` whom its origin is verified by
/// instead of what the machine trusts.
pub(super) async fn connect(
    url: &Uri,
    own: &Uri,
    client: Option<&Arc<tls::Client>>,
    visit: &mut Visit,
) -> Result<Box<dyn Stream>, Failure> {
    (visit.stages, visit.peer, visit.secured) = (Stages::default(), None, None);
    let stream = reach(url, own, visit).await?;
    if !is_https(url) {
        return Ok(Box::new(stream));
    }
    let client = match client {
        Some(client) => client.as_ref(),
        None => tls::Client::usual().map_err(|error| Failure::Tls(refusal(&error)))?,
    };
    let begun = clock::now();
    let host = url.host().unwrap_or_default();
    let shaken = client.handshake(stream, host, HANDSHAKE).await;
    visit.stages.tls = Some(clock::now() - begun);
    let stream = shaken.map_err(|error| Failure::Tls(refusal(&error)))?;
    visit.secured = Some(secured(&stream));
    Ok(Box::new(stream))
}

async fn reach(url: &Uri, own: &Uri, visit: &mut Visit) -> Result<TcpStream, Failure> {
    let place = Place {
        host: url.host().unwrap_or_default(),
        port: port(url),
        own: own.host().unwrap_or_default(),
    };
    let begun = clock::now();
    let deadline = Instant::from_std(begun + CONNECT);
    let found = connect::resolve(&place, deadline).await;
    let resolved = clock::now();
    if !is_address(place.host) {
        visit.stages.dns = Some(resolved - begun);
    }
    let addresses = found.map_err(|error| match error {
        Error::Resolve(error) => Failure::Resolve(error.to_string()),
        Error::Redirect(why) => Failure::Redirect(why),
        Error::Timeout(_) => Failure::Resolve("no answer in 5 s".to_owned()),
        Error::Connect(error) => Failure::Connect(error.to_string()),
        other => Failure::Connect(other.to_string()),
    })?;
    let dialled = connect::dial(&addresses, deadline).await;
    visit.stages.tcp = Some(clock::now() - resolved);
    let stream = dialled.map_err(|error| match (error, addresses.last()) {
        (Error::Connect(error), Some(last)) => Failure::Connect(format!("{last}: {error}")),
        (Error::Resolve(_), _) => Failure::Resolve("it has no address".to_owned()),
        (Error::Timeout(_), _) => Failure::ConnectTimeout,
        (other, _) => Failure::Connect(other.to_string()),
    })?;
    visit.peer = stream.peer_addr().ok();
    Ok(stream)
}

/// Whether a host needs no look-up.
fn is_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok()
}

fn secured(stream: &TlsStream<TcpStream>) -> Secured {
    let (_, tls) = stream.get_ref();
    Secured {
        version: match tls.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS 1.3",
        },
        chose_http1: tls.alpn_protocol() == Some(b"http/1.1"),
    }
}

/// What ended a handshake.
fn refusal(error: &Error) -> Refusal {
    match error {
        Error::Timeout(_) => Refusal::Timeout,
        Error::Tls { source, .. } => of_tls(source),
        Error::Cut(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Refusal::Closed("the connection was closed".to_owned())
        }
        Error::Cut(error) => Refusal::Closed(error.to_string()),
        other => Refusal::Closed(other.to_string()),
    }
}

/// A refusal that comes only with the answer: that of TLS 1.3 to who has no certificate.
pub(super) fn late_refusal(error: &hyper::Error) -> Option<Refusal> {
    let io = error.source()?.downcast_ref::<io::Error>()?;
    let tls = io.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(of_tls(tls))
}

fn of_tls(error: &rustls::Error) -> Refusal {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(why) => Refusal::Certificate(why.to_string()),
        E::NoApplicationProtocol | E::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            Refusal::OnlyHttp2
        }
        E::AlertReceived(AlertDescription::ProtocolVersion)
        | E::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => Refusal::Old,
        E::AlertReceived(AlertDescription::CertificateRequired) => Refusal::WantsCertificate,
        E::AlertReceived(AlertDescription::UnrecognisedName) => Refusal::NoSuchName,
        E::InvalidMessage(_) => Refusal::NotTls,
        other => Refusal::Alert(other.to_string()),
    }
}
