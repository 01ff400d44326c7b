//! Behind proxies that say who their client is before its first byte: the PROXY protocol.

mod clients;
mod haproxy;
mod refused;

use std::path::Path;

use crate::support::{Exchange, Gateway, Upstream, Way, with_length};

/// Whoever comes from here is believed; 127.0.0.2 is a stranger.
const TRUSTED: &str = "trusted_proxies = [\"127.0.0.1/32\"]\n";

/// Every path of the upstream.
const SITE: &str = "[[route]]\nname = \"site\"\npath = \"/{rest*}\"\nupstream = \"{upstream}\"\n";

/// The documentation's client, of whom it is told in either version.
const V1: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n";
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xc0\x00\x02\x01\xc3\x50\x01\xbb";

/// A header of version 2, of this command and family.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [&V2[..12], &[command, family], &length, rest].concat()
}

/// A gateway whose first address, of this kind, is told by trusted proxies who the client is.
fn told(way: Way, rest: &str, upstream: &Upstream) -> Gateway {
    let on = "proxy_protocol = true\n";
    // What comes first belongs to the table [tls], where there is one.
    let (tls, server) = match way {
        Way::Plain => ("", on),
        Way::Tls | Way::H2 => (on, ""),
    };
    let listen = "[server]\nlisten = [\"127.0.0.1:0\"]\n";
    way.start(
        &format!("{tls}{listen}{TRUSTED}{server}{rest}{SITE}"),
        upstream,
    )
}

/// Likewise, at a Unix socket.
fn told_at(socket: &Path, upstream: &Upstream) -> Gateway {
    let listen = format!("listen = [\"unix:{}\"]", socket.display());
    let server = format!("[server]\n{listen}\nproxy_protocol = true\n");
    Gateway::start(&format!("{server}{SITE}"), upstream)
}

/// An upstream that answers every request with what it has heard of the client.
fn confidant() -> Upstream {
    Upstream::start(|mut exchange: Exchange| {
        let heard = |name: &str| exchange.header(name).unwrap_or("-").to_owned();
        let body = format!("{} {}", heard("x-forwarded-for"), heard("forwarded"));
        exchange.send(with_length(&body));
    })
}

/// Refusals for want of a good header.
fn refused(gateway: &Gateway, listener: &str) -> f64 {
    let labels = format!("{{listener=\"{listener}\",reason=\"proxy_protocol\"}}");
    gateway.metric(&format!("fantail_rejects_total{labels}"))
}
