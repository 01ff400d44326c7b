//! What happens to headers on the way through: hop-by-hop ones stay behind, ours are added.
//!
//! Pure. Invariants: what `Connection` names is removed *before* anything of ours is written
//! (`trust.md` K2); what a client says about another client is believed only from a trusted peer.

use std::fmt::Write as _;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{
    CONNECTION, EXPECT, FORWARDED, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{Version, header};

use crate::edge::client::Peer;

/// RFC 9110 7.6.1, and what older programs send.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// By what name we are known in `Via`.
const PSEUDONYM: &str = "fantail";

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who asks, as the upstream is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client<'a> {
    pub(super) peer: Peer,
    pub(super) is_trusted: bool,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    pub(super) host: Option<&'a HeaderValue>,
}

/// A request's headers, for the upstream.
pub(super) fn upstream(headers: &mut HeaderMap, client: &Client<'_>, version: Version) {
    let protocol = wanted_protocol(headers);
    strip(headers);
    headers.remove(PROXY_AUTHORIZATION);
    // Answered by hyper, as soon as the upstream takes the body.
    headers.remove(EXPECT);
    // A CGI program would find it as HTTP_PROXY, which many libraries obey.
    headers.remove("proxy");
    if !client.is_trusted {
        forget_claims(headers);
    }
    tell_client(headers, client);
    via(headers, version);
    switch_to(headers, protocol);
}

/// An answer's headers, for the client; `protocol` is what a 101 switches to.
pub(super) fn downstream(headers: &mut HeaderMap, protocol: Option<HeaderValue>) {
    strip(headers);
    via(headers, Version::HTTP_11);
    switch_to(headers, protocol);
}

fn switch_to(headers: &mut HeaderMap, protocol: Option<HeaderValue>) {
    if let Some(protocol) = protocol {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

/// The protocol that the client asks to switch to, unless it is HTTP/2: that is spoken with prior
/// knowledge or not at all (`trust.md` B9).
fn wanted_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = listed(headers).any(|name| name.eq_ignore_ascii_case("upgrade"));
    let protocol = headers.get(UPGRADE).filter(|_| asks)?;
    let text = protocol.to_str().ok()?;
    let is_http = |name: &str| {
        let name = name.split('/').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("h2c") || name.eq_ignore_ascii_case("http")
    };
    (!text.split(',').any(is_http)).then(|| protocol.clone())
}

/// The names that `Connection` lists.
fn listed(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(CONNECTION).iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = listed(headers)
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        // Whoever names these wants to take away what the next hop needs.
        .filter(|name| !matches!(*name, header::HOST | header::CONTENT_LENGTH))
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

/// What a client that is not believed says about others, or about itself.
fn forget_claims(headers: &mut HeaderMap) {
    let claims: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            name.starts_with("x-forwarded-") || matches!(name, "forwarded" | "x-real-ip")
        })
        .cloned()
        .collect();
    for name in claims {
        headers.remove(name);
    }
}

fn tell_client(headers: &mut HeaderMap, client: &Client<'_>) {
    let address = match client.peer {
        Peer::Address(address) => Some(address),
        // A socket's peer has no address, and is believed.
        Peer::Local => None,
    };
    if let Some(address) = address {
        extend(headers, X_FORWARDED_FOR, address.to_string());
    }
    extend(headers, FORWARDED, element(address, client));
    if !headers.contains_key(X_FORWARDED_PROTO) {
        headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(client.scheme));
    }
    if let Some(host) = client.host
        && !headers.contains_key(X_FORWARDED_HOST)
    {
        headers.insert(X_FORWARDED_HOST, host.clone());
    }
}

/// One element of RFC 7239.
fn element(address: Option<IpAddr>, client: &Client<'_>) -> String {
    let mut text = match address {
        Some(IpAddr::V4(address)) => format!("for={address}"),
        Some(IpAddr::V6(address)) => format!("for=\"[{address}]\""),
        None => "for=unknown".to_owned(),
    };
    if let Some(host) = client.host.and_then(|host| host.to_str().ok()) {
        // Writing to a string can not fail; a host that policy has let in holds no quote.
        write!(text, ";host=\"{host}\"").ok();
    }
    write!(text, ";proto={}", client.scheme).ok();
    text
}

fn via(headers: &mut HeaderMap, version: Version) {
    let (version, alone) = match version {
        Version::HTTP_10 => ("1.0", HeaderValue::from_static("1.0 fantail")),
        Version::HTTP_2 => ("2.0", HeaderValue::from_static("2.0 fantail")),
        _ => ("1.1", HeaderValue::from_static("1.1 fantail")),
    };
    if headers.contains_key(VIA) {
        extend(headers, VIA, format!("{version} {PSEUDONYM}"));
    } else {
        headers.insert(VIA, alone);
    }
}

/// Adds an element at the end of a list that may stand in several lines.
fn extend(headers: &mut HeaderMap, name: HeaderName, element: String) {
    let mut text = element;
    if headers.contains_key(&name) {
        let lines = headers.get_all(&name).iter();
        let mut all: Vec<_> = lines
            .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
            .collect();
        all.push(text);
        text = all.join(", ");
    }
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
        headers.insert(name, value);
    }
}
