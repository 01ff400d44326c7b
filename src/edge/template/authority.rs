//! `host[:port]`, as it stands in a `Host` header and in an upstream's URL.
//!
//! Pure. Invariant: a value that parses holds no user information, no percent sequence and nothing
//! that two parsers would read differently.

use std::net::Ipv6Addr;

/// A valid host, lower-case, and its port if one is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub(crate) host: String,
    /// `None` = the scheme's own.
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// Parses; `None` if it is not exactly `host[:port]`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = split(text)?;
        if !valid_host(host) {
            return None;
        }
        let port = match port {
            None => None,
            Some(digits) => Some(valid_port(digits)?),
        };
        Some(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// Whether both name the same place under a scheme with this default port.
    pub(crate) fn same(&self, other: &Self, default: u16) -> bool {
        self.host == other.host && self.port.unwrap_or(default) == other.port.unwrap_or(default)
    }
}

/// Host with its brackets, if any, and the text after the colon.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    let Some(end) = text.strip_prefix('[').and_then(|_| text.find(']')) else {
        return Some(match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        });
    };
    let (host, after) = text.split_at_checked(end + 1)?;
    match after.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None if after.is_empty() => Some((host, None)),
        None => None,
    }
}

fn valid_host(host: &str) -> bool {
    let inside = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    if let Some(address) = inside {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    host.bytes().all(plain) && host.len() <= 255 && host.bytes().any(|b| b.is_ascii_alphanumeric())
}

fn valid_port(digits: &str) -> Option<u16> {
    // `u16::from_str` would take a plus sign.
    let port = digits.bytes().all(|b| b.is_ascii_digit());
    port.then(|| digits.parse().ok()).flatten()
}
