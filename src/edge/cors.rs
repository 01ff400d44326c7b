//! Which pages of other origins may read an answer (Fetch, 3.2), and which may not even ask.
//!
//! Layer 4, pure: may import `reject`, `respond` and `template`. Invariants: an origin is compared
//! byte by byte and never reflected from a pattern; `*` never goes with credentials; whenever an
//! answer depends on who asks, it says `Vary: Origin`, refusals included. Where a route says
//! nothing, only an upstream's own `*` is passed on (`trust.md` F5).

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    RETRY_AFTER, VARY,
};
use http::request::Parts;
use http::{Method, StatusCode};

use super::Upstream;
use super::client::CLIENT_NAME;
use super::reject::Reject;
use super::reply::Reply;
use super::respond::{self, METHODS};
use super::template::authority::Authority;

/// Browsers keep a preflight's answer 5 s unless told otherwise, and at most 2 h; a changed
/// configuration is believed everywhere after so long.
pub const MAX_AGE: Duration = Duration::from_secs(600);

/// What pages may send beyond what needs no permission: where they were (`fetch`-based clients),
/// who they are, and what polyfills add.
const ALWAYS_ALLOWED: [&str; 3] = ["last-event-id", "authorization", "cache-control"];

/// A page's origin as browsers write it: scheme, host, and the port unless it is the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(Box<str>);

/// Whose pages may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Every page, without the visitor's cookies.
    All,
    /// Pages of these origins, and whether with the visitor's cookies.
    Of {
        /// Exactly these.
        origins: Vec<Origin>,
        /// Whether cookies may come along.
        credentials: bool,
    },
}

/// What a route says about pages of other origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    readers: Readers,
    max_age: Duration,
    /// Ready to be sent.
    allowed_headers: HeaderValue,
}

/// What one answer says about who may read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grant {
    origin: Option<HeaderValue>,
    credentials: bool,
    /// Whether another origin would get another answer.
    varies: bool,
}

// === impl Origin ===

impl Origin {
    /// Parses what a person wrote, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(match text {
                "null" => "is what any page can make itself: it would allow every site",
                "*" => "stands for all origins, and so goes alone",
                _ => "has no scheme",
            });
        };
        if rest.contains(['/', '?', '#']) {
            return Err("has a path, which an origin has not");
        }
        if rest.contains('*') {
            return Err("is a pattern, and origins are compared exactly");
        }
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let parsed = Authority::parse(rest).filter(|_| is_scheme);
        let authority = parsed.ok_or("is no origin")?;
        let port = authority
            .port
            .filter(|port| Some(*port) != default_port(&scheme));
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        Ok(Self(format!("{scheme}://{}{port}", authority.host).into()))
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

// === impl Policy ===

impl Policy {
    /// `declared` are the route's own headers, which pages may send too.
    pub fn new(readers: Readers, max_age: Duration, declared: &[HeaderName]) -> Self {
        let mut names: Vec<&str> = ALWAYS_ALLOWED.to_vec();
        // A page can not send a cookie by hand.
        let declared = declared.iter().filter(|name| **name != COOKIE);
        names.extend(declared.map(HeaderName::as_str));
        names.sort_unstable();
        names.dedup();
        // Names of headers are a value of a header.
        let allowed_headers = HeaderValue::from_str(&names.join(", "));
        Self {
            readers,
            max_age,
            allowed_headers: allowed_headers.unwrap_or(HeaderValue::from_static("")),
        }
    }

    fn grant(&self, headers: &HeaderMap) -> Grant {
        match &self.readers {
            Readers::All => Grant::all(),
            Readers::Of {
                origins,
                credentials,
            } => {
                let asking = only(headers, &ORIGIN);
                let allowed = asking.filter(|asking| {
                    origins
                        .iter()
                        .any(|own| own.0.as_bytes() == asking.as_bytes())
                });
                Grant {
                    credentials: *credentials && allowed.is_some(),
                    origin: allowed.cloned(),
                    varies: true,
                }
            }
        }
    }

    fn preflight(&self, head: &Parts) -> Result<Reply, Reject> {
        if self.grant(&head.headers).origin.is_none() {
            return Err(Reject::Origin);
        }
        let mut reply = respond::options();
        *reply.status_mut() = StatusCode::NO_CONTENT;
        let headers = reply.headers_mut();
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(METHODS),
        );
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.allowed_headers.clone());
        let max_age = HeaderValue::from(self.max_age.as_secs());
        headers.insert(ACCESS_CONTROL_MAX_AGE, max_age);
        Ok(reply)
    }
}

// === impl Grant ===

impl Grant {
    fn all() -> Self {
        Self {
            origin: Some(HeaderValue::from_static("*")),
            ..Self::default()
        }
    }

    /// Says it in an answer, in place of whatever it says itself.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        headers.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
        headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        if self.varies {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = &self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.credentials {
            let yes = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
        }
        // The one header of ours that a page would act upon and could not see otherwise.
        if headers.contains_key(RETRY_AFTER) {
            let name = HeaderValue::from_static("Retry-After");
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, name);
        }
    }

    /// Likewise, as lines of a head that is written by hand.
    pub(super) fn write(&self, head: &mut Vec<u8>) {
        if self.varies {
            head.extend_from_slice(b"Vary: Origin\r\n");
        }
        let Some(origin) = &self.origin else { return };
        head.extend_from_slice(b"Access-Control-Allow-Origin: ");
        head.extend_from_slice(origin.as_bytes());
        head.extend_from_slice(b"\r\n");
        if self.credentials {
            head.extend_from_slice(b"Access-Control-Allow-Credentials: true\r\n");
        }
    }
}

// === impl Upstream ===

impl Upstream {
    /// What an answer of this route to this request says. `is_open` = the upstream itself has said
    /// that all may read, which counts where the route says nothing.
    pub(super) fn grant(&self, head: &Parts, is_open: bool) -> Grant {
        match &self.cors {
            Some(policy) => policy.grant(&head.headers),
            None if is_open => Grant::all(),
            None => Grant::default(),
        }
    }

    /// The answer to a preflight of a route that says who may read it; `None` if it is none, or if
    /// it asks for something that streams do not take and the upstream may.
    pub(super) fn preflight(&self, head: &Parts) -> Option<Result<Reply, Reject>> {
        let policy = self.cors.as_ref()?;
        let method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
        let is_preflight = head.method == Method::OPTIONS && head.headers.contains_key(ORIGIN);
        let is_ours = self.carrier.is_none() || matches!(method.as_bytes(), b"GET" | b"HEAD");
        (is_preflight && is_ours).then(|| policy.preflight(head))
    }

    /// A page of another site can not make a visitor's browser open the visitor's own stream. It
    /// could not read it; but it would hold a worker of the backend in the visitor's name.
    pub(super) fn no_cross_site(&self, head: &Parts) -> Result<(), Reject> {
        if !self.holds_credential() || is_own(head) {
            return Ok(());
        }
        let grant = self.grant(head, false);
        // Cookies and certificates come along without the page's doing, so that they need a
        // permission of their own.
        let mut ambient = [COOKIE, CLIENT_NAME].into_iter();
        let may_bring = grant.credentials || !ambient.any(|name| head.headers.contains_key(name));
        if grant.origin.is_some() && may_bring {
            return Ok(());
        }
        Err(Reject::Origin)
    }
}

/// Whether the request is no page's, or one of the very origin that it asks. Browsers that do not
/// send `Sec-Fetch-Site` send `Origin` whenever it is another one.
fn is_own(head: &Parts) -> bool {
    const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    if head.headers.contains_key(SEC_FETCH_SITE) {
        let site = only(&head.headers, &SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        return matches!(site, Some(b"same-origin" | b"none"));
    }
    if !head.headers.contains_key(ORIGIN) {
        return true;
    }
    let asking = only(&head.headers, &ORIGIN).and_then(|value| value.to_str().ok());
    let Some((scheme, authority)) = asking.and_then(|asking| asking.split_once("://")) else {
        return false;
    };
    // TLS may end before us, so that the scheme is the page's word.
    let default = default_port(scheme).unwrap_or_default();
    let own = own_authority(head).and_then(|own| Authority::parse(&own));
    let asking = Authority::parse(authority);
    asking
        .zip(own)
        .is_some_and(|(asking, own)| asking.same(&own, default))
}

fn own_authority(head: &Parts) -> Option<String> {
    if let Some(authority) = head.uri.authority() {
        return Some(authority.as_str().to_owned());
    }
    let host = head.headers.get(HOST)?.to_str().ok()?;
    Some(host.to_owned())
}

/// The value of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}
