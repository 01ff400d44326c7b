//! Who asks: the peer, or the client that a trusted proxy speaks for.

use std::net::IpAddr;

use http::HeaderMap;

use super::Options;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// An address.
    Address(IpAddr),
    /// A program on this machine: a proxy, whose word is believed.
    Local,
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
