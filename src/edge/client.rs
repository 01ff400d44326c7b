//! Who asks: the peer, or the client that a trusted proxy speaks for.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Options;
use super::tls::Secured;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// An address.
    Address(IpAddr),
    /// A program on this machine: a proxy, whose word is believed.
    Local,
}

/// How a request has come in.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) peer: Peer,
    /// What TLS has told, on a connection that is secured.
    pub(super) tls: Option<Arc<Secured>>,
}

/// The name in a client's verified certificate, as the upstream is told; a route that declares this
/// header among its `headers` has it in the topic key.
pub(super) const CLIENT_NAME: HeaderName = HeaderName::from_static("x-tls-client-name");

impl Entry {
    /// The scheme that the client has used.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Says who the client is. What it says itself counts only from a trusted peer.
    pub(super) fn name_client(&self, headers: &mut HeaderMap, options: &Options) {
        let name = self.tls.as_ref().and_then(|tls| tls.client.clone());
        if let Some(name) = name {
            headers.insert(CLIENT_NAME, name);
        } else if !self.peer.is_trusted(options) {
            headers.remove(CLIENT_NAME);
        }
    }

    /// Whether the client's own connection is secured: this one, or the one to a trusted proxy
    /// that has ended TLS for us.
    pub(super) fn is_secured(&self, headers: &HeaderMap, options: &Options) -> bool {
        let by_proxy = || {
            let proto = headers.get("x-forwarded-proto").map(HeaderValue::as_bytes);
            self.peer.is_trusted(options) && proto.is_some_and(|p| p.eq_ignore_ascii_case(b"https"))
        };
        self.tls.is_some() || by_proxy()
    }
}

impl Peer {
    /// Whether the peer's word about its client is believed.
    pub(super) fn is_trusted(self, options: &Options) -> bool {
        match self {
            Self::Address(address) => options.trusts(address),
            Self::Local => true,
        }
    }

    /// Where the client is, as far as anybody who is believed has said.
    pub(super) fn address(self, headers: &HeaderMap, options: &Options) -> IpAddr {
        let peer = match self {
            Self::Address(address) => address,
            Self::Local => IpAddr::from([127, 0, 0, 1]),
        };
        let forwarded = self
            .is_trusted(options)
            .then(|| forwarded_for(headers, options));
        forwarded.flatten().unwrap_or(peer)
    }
}

/// The nearest address in `X-Forwarded-For` that is no trusted proxy: what stands before it was
/// said by somebody who is not believed.
fn forwarded_for(headers: &HeaderMap, options: &Options) -> Option<IpAddr> {
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|line| line.to_str().ok())
        .collect();
    let mut nearest = None;
    for hop in lines.iter().flat_map(|line| line.split(',')).rev() {
        let Ok(address) = hop.trim().parse::<IpAddr>() else {
            return nearest;
        };
        nearest = Some(address);
        if !options.trusts(address) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("10.0.0.1", &["203.0.113.9"], "203.0.113.9")]
    #[case("10.0.0.1", &["6.6.6.6, 203.0.113.9, 10.0.0.2"], "203.0.113.9")]
    #[case("10.0.0.1", &["6.6.6.6", "203.0.113.9"], "203.0.113.9")]
    #[case("10.0.0.1", &["203.0.113.9, nonsense"], "10.0.0.1")]
    #[case("10.0.0.1", &[], "10.0.0.1")]
    #[case("198.51.100.7", &["203.0.113.9"], "198.51.100.7")]
    fn only_a_trusted_proxy_is_believed_and_only_about_its_own_client(
        #[case] peer: &str,
        #[case] forwarded: &[&str],
        #[case] client: &str,
    ) {
        let options = Options {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..Options::default()
        };
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let seen = Peer::Address(peer.parse().unwrap()).address(&headers, &options);
        assert_eq!(seen, client.parse::<IpAddr>().unwrap());
    }
}
