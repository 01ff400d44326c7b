//! From a request to its topic key: what a route declares, and nothing else.
//!
//! Pure. Invariant: the key depends on the path's variables that the upstream's URL names, on
//! declared query parameters, headers and cookies only; so nothing else can reach the upstream. A
//! private key adds to that what `private` lists, and is shared by nobody.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};
use percent_encoding::percent_decode_str;

use super::{cookies, private};
use crate::edge::QueryRule;
use crate::edge::template::{ExpandFault, UpstreamTemplate, Variables, segment};
use crate::topic_key::TopicKey;

/// Client parameters that pass, together (`trust.md` D3).
const QUERY_BYTES: usize = 4 << 10;

/// Headers that no route can declare: they belong to one hop, to one message's framing, or are
/// Fantail's own to say.
const NEVER_FORWARDED: [&str; 15] = [
    "connection",
    "host",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "http2-settings",
    "expect",
    "range",
    "last-event-id",
    "accept",
    "accept-encoding",
    "cache-control",
];

/// Whether a route may declare this header. `Proxy` becomes `HTTP_PROXY` in CGI, which many
/// libraries obey ("httpoxy").
pub fn forwardable(name: &HeaderName) -> bool {
    let name = name.as_str();
    !NEVER_FORWARDED.contains(&name)
        && name != "proxy"
        && !name.starts_with("proxy-")
        && !name.contains('_')
}

/// Whose a private topic is.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Where the client is.
    pub address: IpAddr,
    /// Its last event ID, which goes to its own upstream.
    pub resume: Option<&'a str>,
}

/// What a route shares: the part of it that makes a topic key.
#[derive(Clone, Copy, Debug)]
pub struct KeyRule<'a> {
    /// Whom to ask.
    pub upstream: &'a UpstreamTemplate,
    /// Client parameters that pass.
    pub query: &'a QueryRule,
    /// Client headers that pass.
    pub headers: &'a [HeaderName],
    /// Names of the client's cookies that pass.
    pub cookies: &'a [Box<str>],
}

impl KeyRule<'_> {
    /// The topic of a request: the template's own query first, then the client's parameters that
    /// pass, sorted by name; every value of each declared header, and the declared cookies.
    pub fn key(
        &self,
        variables: &Variables,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<TopicKey, ExpandFault> {
        let url = self.url(variables, query)?;
        Ok(TopicKey::new(&url, self.client_headers(headers)))
    }

    /// The topic of this client alone.
    pub fn private_key(
        &self,
        variables: &Variables,
        query: Option<&str>,
        headers: &HeaderMap,
        asker: &Asker<'_>,
    ) -> Result<TopicKey, ExpandFault> {
        let url = self.url(variables, query)?;
        let (declared, all) = (self.client_headers(headers), self.cookies.is_empty());
        let passing = private::headers(declared, headers, all, asker.address);
        Ok(TopicKey::private(&url, passing, asker.resume))
    }

    fn url(&self, variables: &Variables, query: Option<&str>) -> Result<String, ExpandFault> {
        let query = self.client_query(query.unwrap_or_default())?;
        self.upstream.expand(variables, &query)
    }

    fn client_query(&self, query: &str) -> Result<String, ExpandFault> {
        let mut passing = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap_or_default();
            if !self.passes(name) {
                continue;
            }
            if !valid(pair) {
                return Err(ExpandFault::Query);
            }
            passing.push((name, pair));
        }
        // Stable: values of one name mean something in their order.
        passing.sort_by_key(|(name, _)| *name);
        let pairs: Vec<&str> = passing.into_iter().map(|(_, pair)| pair).collect();
        let query = pairs.join("&");
        if query.len() > QUERY_BYTES {
            return Err(ExpandFault::TooLong);
        }
        Ok(query)
    }

    /// A parameter that the upstream's own query holds passes only if it is declared by name: with
    /// `"*"` a client must not replace it (PHP takes the last of two).
    fn passes(&self, raw: &str) -> bool {
        let name = percent_decode_str(raw).decode_utf8_lossy();
        let declared = self.query.names.iter().any(|n| **n == *name);
        self.query.passes(&name) && (declared || !self.upstream.fixes(&name))
    }

    fn client_headers(&self, headers: &HeaderMap) -> Vec<(Box<str>, Vec<u8>)> {
        let mut seen: Vec<&HeaderName> = Vec::new();
        let mut passing: Vec<(Box<str>, Vec<u8>)> = Vec::new();
        for name in self.headers.iter().filter(|name| forwardable(name)) {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            if name == header::COOKIE {
                passing.extend(cookies::all(headers).map(|value| (name.as_str().into(), value)));
                continue;
            }
            for value in headers.get_all(name) {
                passing.push((name.as_str().into(), value.as_bytes().to_vec()));
            }
        }
        if !self.cookies.is_empty() {
            passing.retain(|(name, _)| **name != *header::COOKIE.as_str());
            let named = cookies::named(headers, self.cookies);
            passing.extend(named.map(|value| (header::COOKIE.as_str().into(), value)));
        }
        passing
    }
}

/// Whether a raw `name=value` may stand in a URL as it is.
fn valid(pair: &str) -> bool {
    let graphic = |b: u8| b.is_ascii_graphic() && !b"\"#<>\\`".contains(&b);
    pair.bytes().all(graphic) && segment::well_formed(pair)
}
