//! Which addresses an upstream may have.
//!
//! Layer 2, pure. Invariant: judged is the address that a connection goes to, after the name was
//! looked up, so that no name can lead where its address may not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where clouds answer a machine's questions about itself, its credentials included, outside of the
/// link-local networks: Alibaba, Oracle, Azure; AWS, Google.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Why `host` may not be asked at `address`; `own` is the host of the route's own upstream, which
/// another one has been named by in a redirect. `None` = it may.
pub(super) fn denial(host: &str, own: &str, address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    if literal(own) == Some(address) {
        return None;
    }
    if is_link_local(address) {
        return Some("it leads to a link-local address; only an `upstream` that is one may");
    }
    if is_metadata(address) {
        return Some("it leads to a cloud's metadata; only an `upstream` that is its address may");
    }
    let is_redirect = !host.eq_ignore_ascii_case(own);
    if is_redirect && is_this_machine(address) && !names_this_machine(own) {
        return Some("it leads to this machine; only an `upstream` on this machine may");
    }
    None
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => METADATA_V6.contains(&v6),
    }
}

/// Connecting to the unspecified address is connecting to oneself.
fn is_this_machine(address: IpAddr) -> bool {
    address.is_loopback() || address.is_unspecified()
}

fn names_this_machine(host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    literal(host).is_some_and(is_this_machine)
        || name == "localhost"
        || name.ends_with(".localhost")
}

fn literal(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let address: IpAddr = bare.unwrap_or(host).parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    // A host of the configuration, and what it resolves to.
    #[case("h", "h", "10.0.0.1", "")]
    #[case("h", "h", "2001:db8::1", "")]
    #[case("h", "h", "127.0.0.1", "")]
    #[case("h", "h", "169.254.169.254", "link-local")]
    #[case("h", "h", "169.254.0.1", "link-local")]
    #[case("h", "h", "::ffff:169.254.169.254", "link-local")]
    #[case("h", "h", "fe80::1", "link-local")]
    #[case("h", "h", "febf::1", "link-local")]
    #[case("h", "h", "fec0::1", "")]
    #[case("h", "h", "100.100.100.200", "metadata")]
    #[case("h", "h", "168.63.129.16", "metadata")]
    #[case("h", "h", "fd00:ec2::254", "metadata")]
    #[case("h", "h", "fd20:ce::254", "metadata")]
    // Written as it is.
    #[case("169.254.1.1", "169.254.1.1", "169.254.1.1", "")]
    #[case("[fe80::1]", "[fe80::1]", "fe80::1", "")]
    #[case("100.100.100.200", "100.100.100.200", "100.100.100.200", "")]
    #[case("169.254.1.1", "169.254.1.1", "169.254.1.2", "link-local")]
    // Another spelling of a number is no address that a person has written.
    #[case("2852039166", "2852039166", "169.254.169.254", "link-local")]
    // Where a redirect leads.
    #[case("other", "h", "10.0.0.1", "")]
    #[case("other", "h", "127.0.0.1", "this machine")]
    #[case("other", "h", "::1", "this machine")]
    #[case("other", "h", "::ffff:127.0.0.1", "this machine")]
    #[case("other", "h", "0.0.0.0", "this machine")]
    #[case("other", "10.0.0.1", "127.8.8.8", "this machine")]
    #[case("169.254.169.254", "h", "169.254.169.254", "link-local")]
    #[case("H", "h", "127.0.0.1", "")]
    #[case("other", "127.0.0.1", "127.0.0.2", "")]
    #[case("other", "[::1]", "127.0.0.1", "")]
    #[case("other", "LocalHost", "127.0.0.1", "")]
    #[case("other", "php.localhost", "::1", "")]
    #[case("other", "localhost.evil", "127.0.0.1", "this machine")]
    #[case("other", "127.0.0.1", "169.254.169.254", "link-local")]
    #[case("other", "169.254.1.1", "169.254.1.1", "")]
    fn an_address_is_judged_by_who_named_it(
        #[case] host: &str,
        #[case] own: &str,
        #[case] address: &str,
        #[case] words: &str,
    ) {
        let denial = denial(host, own, address.parse().unwrap());
        assert_eq!(denial.is_none(), words.is_empty(), "{denial:?}");
        assert!(denial.unwrap_or_default().contains(words), "{denial:?}");
    }
}
