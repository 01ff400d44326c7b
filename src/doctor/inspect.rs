//! A second look at a server's TLS: what it shows to anybody, and all that is wrong with it.
//!
//! Touches the network. Invariants: to whoever was not verified nothing is said through TLS, and
//! what is asked in plain text carries nothing that was given, the address included.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, Uri};
use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::certificate::Certificate;
use super::observation::{End, Failure, Visit};
use super::probe::Errand;
use super::secured::{Doubt, Inspection, Refusal};
use super::stages::HANDSHAKE;
use crate::clock;
use crate::source::reach::is_https;
use crate::source::tls::Client;
use crate::source::tls::look::{self, Shown, name_doubt};

/// What ends within this time is told: authorities that renew by themselves do it a month before.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);
/// Who speaks plain HTTP answers at once.
const PLAIN: Duration = Duration::from_secs(2);

/// Looks at the server that the visit of this errand has led to, if that is one of TLS.
pub(super) async fn inspect(errand: &Errand, visit: &Visit) -> Option<Inspection> {
    let url = errand.led(visit);
    let peer = visit.peer.filter(|_| is_https(&url))?;
    let client = errand.client(&url, visit);
    let mut seen = Inspection {
        is_private: client.is_some(),
        ..Inspection::default()
    };
    let host = url.host().unwrap_or_default();
    if let Some(shown) = shown(peer, host).await {
        seen.prefers_http2 = shown.alpn.as_deref() == Some(b"h2");
        seen.chain = shown.chain.iter().map(Certificate::read).collect();
        if let Some(client) = client.map_or_else(|| Client::usual().ok(), |own| Some(own.as_ref()))
        {
            judge(client, &shown.chain, host, &mut seen);
        }
    }
    seen.is_plain = is_plain(errand, &url, visit).await;
    Some(seen)
}

async fn shown(peer: SocketAddr, host: &str) -> Option<Shown> {
    let stream = timeout(HANDSHAKE, TcpStream::connect(peer))
        .await
        .ok()?
        .ok()?;
    look::look(stream, host, HANDSHAKE).await.ok()
}

/// A fault of time hides the others, so that a chain is judged once more for a time when it was
/// good; names are judged apart.
fn judge(client: &Client, chain: &[CertificateDer<'_>], host: &str, seen: &mut Inspection) {
    let now =
        UnixTime::since_unix_epoch(clock::wall().duration_since(UNIX_EPOCH).unwrap_or_default());
    let at = |secs| UnixTime::since_unix_epoch(Duration::from_secs(secs));
    let first = client.doubt(chain, now);
    let second = match first.as_ref().map(doubt) {
        Some(Doubt::Expired(end)) => client.doubt(chain, at(secs(end).saturating_sub(1))),
        Some(Doubt::NotYet(begin)) => client.doubt(chain, at(secs(begin).saturating_add(1))),
        _ => None,
    };
    let is_timely = |doubt: &Doubt| !matches!(doubt, Doubt::Expired(_) | Doubt::NotYet(_));
    seen.doubts.extend(first.as_ref().map(doubt));
    seen.doubts
        .extend(second.as_ref().map(doubt).filter(is_timely));
    let own = chain.first().and_then(|own| name_doubt(own, host));
    seen.doubts.extend(own.as_ref().map(doubt));
    if seen.doubts.is_empty() {
        let then = client.doubt(chain, at(now.as_secs().saturating_add(SOON.as_secs())));
        seen.ends = match then.as_ref().map(doubt) {
            Some(Doubt::Expired(end)) => Some(end),
            _ => None,
        };
    }
}

fn doubt(error: &CertificateError) -> Doubt {
    use CertificateError as C;
    let time = |time: &UnixTime| UNIX_EPOCH + Duration::from_secs(time.as_secs());
    match error {
        C::ExpiredContext { not_after, .. } => Doubt::Expired(time(not_after)),
        C::NotValidYetContext { not_before, .. } => Doubt::NotYet(time(not_before)),
        C::NotValidForName | C::NotValidForNameContext { .. } => Doubt::Name,
        // The second is an authority that has the right name, but another key.
        C::UnknownIssuer | C::BadSignature => Doubt::Issuer,
        other => Doubt::Other(other.to_string()),
    }
}

fn secs(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Asks in plain text where the handshake leaves room for it. A server of TLS may answer that too,
/// but only to complain.
async fn is_plain(errand: &Errand, url: &Uri, visit: &Visit) -> bool {
    let End::Failed(Failure::Tls(refusal)) = &visit.end else {
        return false;
    };
    if !matches!(
        refusal,
        Refusal::NotTls | Refusal::Timeout | Refusal::Closed(_)
    ) {
        return false;
    }
    let mut parts = url.clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    // SECURITY: the path and the query of an https:// address are nobody's to read.
    parts.path_and_query = Some(PathAndQuery::from_static("/"));
    let Ok(url) = Uri::from_parts(parts) else {
        return false;
    };
    let errand = Errand {
        url,
        given: HeaderMap::new(),
        head: PLAIN,
        look: Duration::ZERO,
        ..errand.clone()
    };
    let answer = errand.run().await;
    let may_complain = *refusal != Refusal::NotTls && answer.status() == Some(400);
    (answer.head.is_some() || !answer.hops.is_empty()) && !may_complain
}
