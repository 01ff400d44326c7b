//! Addresses as they are written: listeners, the admin listener, networks of trusted proxies.
//!
//! Imports the reader and the validated types.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use super::value::{Complaint, Value};
use super::{DEFAULT_ADMIN, DEFAULT_LISTEN, Listen};
use crate::edge::template::authority::Authority;
use crate::source::Address;

/// `sockaddr_un` holds 108 bytes, the last of them a NUL.
const LONGEST_SOCKET_PATH: usize = 107;

/// One element of `[server] listen`.
pub(super) fn listen(value: &Value<'_>) -> Result<Listen, Complaint> {
    let text = value.text()?;
    let Some(path) = text.strip_prefix("unix:") else {
        return tcp(value, text, DEFAULT_LISTEN).map(Listen::Tcp);
    };
    socket_path(value, path).map(Listen::Unix)
}

/// One element of `[tls] listen`: TCP only, because whoever shares a socket's folder needs no TLS.
pub(super) fn tls(value: &Value<'_>) -> Result<SocketAddr, Complaint> {
    tcp(value, value.text()?, SocketAddr::from(([0, 0, 0, 0], 8443)))
}

/// One element of a route's `addresses`.
pub(super) fn upstream(value: &Value<'_>) -> Result<Address, Complaint> {
    let text = value.text()?;
    if let Some(path) = text.strip_prefix("unix:") {
        return socket_path(value, path).map(Address::Unix);
    }
    let found = Authority::parse(text).and_then(|authority| {
        let port = authority.port.filter(|port| *port != 0)?;
        let host = authority.host.into();
        Some(Address::Tcp { host, port })
    });
    found.ok_or_else(|| {
        value.wrong(
            "is no host and port, and no socket",
            "write \"10.0.0.1:8000\", \"app.example:8000\" or \"unix:/run/app.sock\"",
        )
    })
}

fn socket_path(value: &Value<'_>, path: &str) -> Result<PathBuf, Complaint> {
    if path.starts_with('/') && path.len() <= LONGEST_SOCKET_PATH {
        return Ok(PathBuf::from(path));
    }
    let right = format!(
        "write unix: and an absolute path of at most {LONGEST_SOCKET_PATH} bytes, such as \
         \"unix:/run/fantail.sock\""
    );
    Err(value.wrong("is no path of a Unix socket", right))
}

/// `[admin] listen`; the empty text is none. It must be loopback, because whoever reaches it sees
/// every topic and there is no token that would keep strangers out.
pub(super) fn admin(value: &Value<'_>) -> Result<Option<SocketAddr>, Complaint> {
    let text = value.text()?;
    if text.is_empty() {
        return Ok(None);
    }
    let address = tcp(value, text, DEFAULT_ADMIN)?;
    if address.ip().to_canonical().is_loopback() {
        return Ok(Some(address));
    }
    let right = format!(
        "an address of this machine alone, such as \"127.0.0.1:{}\"; this version has no token \
         that would keep strangers out",
        address.port()
    );
    Err(value.wrong("can be reached from outside", right))
}

/// One element of `trusted_proxies`: a network, or one address.
pub(super) fn network(value: &Value<'_>) -> Result<IpNet, Complaint> {
    let text = value.text()?;
    let alone = |_| text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(alone).map_err(|_| {
        value.wrong(
            "is no network",
            "write it as \"10.0.0.0/8\", \"fd00::/8\" or \"192.0.2.7\"",
        )
    })
}

fn tcp(value: &Value<'_>, text: &str, example: SocketAddr) -> Result<SocketAddr, Complaint> {
    text.parse().map_err(|_| {
        let right = format!(
            "write a numeric address and a port, such as \"{example}\", \"0.0.0.0:80\" or \
             \"[::]:80\""
        );
        value.wrong("is no address", right)
    })
}

/// Whether the system would refuse to listen on both.
pub(super) fn clash(one: &Listen, other: &Listen) -> bool {
    match (one, other) {
        (Listen::Tcp(one), Listen::Tcp(other)) => {
            let (a, b) = (one.ip(), other.ip());
            let any = (a.is_unspecified() || b.is_unspecified()) && a.is_ipv4() == b.is_ipv4();
            one.port() != 0 && one.port() == other.port() && (a == b || any)
        }
        (Listen::Unix(one), Listen::Unix(other)) => one == other,
        (Listen::Tcp(_), Listen::Unix(_)) | (Listen::Unix(_), Listen::Tcp(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("127.0.0.1:80", "127.0.0.1:80", true)]
    #[case("127.0.0.1:80", "127.0.0.1:81", false)]
    #[case("127.0.0.1:80", "127.0.0.2:80", false)]
    #[case("0.0.0.0:80", "127.0.0.1:80", true)]
    #[case("[::]:80", "[::1]:80", true)]
    #[case("[::]:80", "0.0.0.0:80", false)]
    #[case("127.0.0.1:0", "127.0.0.1:0", false)]
    fn addresses_clash_where_the_system_says_so(
        #[case] one: SocketAddr,
        #[case] other: SocketAddr,
        #[case] clashes: bool,
    ) {
        assert_eq!(clash(&Listen::Tcp(one), &Listen::Tcp(other)), clashes);
        assert_eq!(clash(&Listen::Tcp(other), &Listen::Tcp(one)), clashes);
    }
}
