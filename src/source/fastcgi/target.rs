//! Where a `fastcgi://` URL leads: an address or a socket, and a script.
//!
//! Layer 2, pure. Invariant: a path that parses begins with a slash and has no dot segment and no
//! control character, encoded or not.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// What the script is told as its server's name where only a socket is known.
const NAMELESS: &str = "localhost";

/// Where the application listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

/// A parsed URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) address: Address,
    /// Path and query, still percent-encoded.
    pub(super) uri: String,
    /// The decoded path.
    pub(super) path: Vec<u8>,
    /// Still percent-encoded, without `?`.
    pub(super) query: String,
}

impl Target {
    /// `fastcgi://host:port/path?query` or `fastcgi://unix:/socket:/path?query`.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("fastcgi://")?;
        let (address, uri) = if let Some(rest) = rest.strip_prefix("unix:") {
            let (socket, uri) = rest.split_once(':')?;
            (Address::Unix(socket.into()), uri)
        } else {
            let (authority, _) = rest.split_once('/')?;
            let (host, port) = authority.rsplit_once(':')?;
            let (host, port) = (host.to_owned(), port.parse().ok()?);
            (Address::Tcp { host, port }, rest.strip_prefix(authority)?)
        };
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let path: Vec<u8> = percent_decode_str(path).collect();
        let is_plain = path.starts_with(b"/") && !path.iter().any(u8::is_ascii_control);
        let has_dots = path
            .split(|b| *b == b'/')
            .any(|name| matches!(name, b"." | b".."));
        (is_plain && !has_dots).then(|| Self {
            address,
            uri: uri.to_owned(),
            path,
            query: query.to_owned(),
        })
    }

    /// The host's name, in brackets if it is an IPv6 address.
    pub(super) fn host(&self) -> &str {
        match &self.address {
            Address::Tcp { host, .. } => host,
            Address::Unix(_) => NAMELESS,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn an_address_and_a_socket_are_told_apart() {
        let target = Target::parse("fastcgi://[::1]:9000/a%20b.php?c=%20&d").unwrap();
        let host = "[::1]".to_owned();
        assert_eq!(target.address, Address::Tcp { host, port: 9000 });
        assert_eq!(
            (&*target.uri, &*target.query),
            ("/a%20b.php?c=%20&d", "c=%20&d")
        );
        assert_eq!((&*target.path, target.host()), (&b"/a b.php"[..], "[::1]"));
        let target = Target::parse("fastcgi://unix:/run/x.sock:/a.php?b=c:/d").unwrap();
        assert_eq!(target.address, Address::Unix("/run/x.sock".into()));
        assert_eq!(
            (&*target.uri, target.host()),
            ("/a.php?b=c:/d", "localhost")
        );
    }

    #[rstest]
    #[case("http://h:1/a.php")]
    #[case("fastcgi://h/a.php")]
    #[case("fastcgi://h:99999/a.php")]
    #[case("fastcgi://h:1")]
    #[case("fastcgi://unix:/run/x.sock")]
    #[case("fastcgi://unix:/run/x.sock:a.php")]
    #[case("fastcgi://h:1/../a.php")]
    #[case("fastcgi://h:1/%2e%2e/a.php")]
    #[case("fastcgi://h:1/a%2f..%2fb.php")]
    #[case("fastcgi://h:1/a.php%00")]
    fn whatever_else_leads_nowhere(#[case] url: &str) {
        assert_eq!(Target::parse(url), None);
    }
}
