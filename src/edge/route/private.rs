//! What one client's own upstream is told about it, beyond what the route declares.
//!
//! Pure. Invariant: it is credentials, the headers of [`ALSO`], and the address that Fantail itself
//! believes. A name that a backend might trust because "only the proxy can have written it"
//! (`X-Remote-User`, `X-Real-IP`) is never the client's to say, unless the route declares it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};

use super::cookies;

type Headers = Vec<(Box<str>, Vec<u8>)>;

/// Who the client is, what it wants to read, what it is and where it comes from: for the backend's
/// own log, its own checks against foreign pages, and bug reports.
const ALSO: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::ACCEPT_LANGUAGE,
    header::USER_AGENT,
    header::ORIGIN,
    header::REFERER,
];

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Adds to what is `declared`; `all_cookies` unless the route names some.
pub(super) fn headers(
    declared: Headers,
    sent: &HeaderMap,
    all_cookies: bool,
    address: IpAddr,
) -> Headers {
    let mut passing = declared;
    // Ours to say.
    passing.retain(|(name, _)| !matches!(&**name, FORWARDED_FOR | "forwarded"));
    let cookie = header::COOKIE.as_str();
    if all_cookies && !passing.iter().any(|(name, _)| **name == *cookie) {
        passing.extend(cookies::all(sent).map(|value| (cookie.into(), value)));
    }
    for name in &ALSO {
        if passing.iter().any(|(known, _)| **known == *name.as_str()) {
            continue;
        }
        for value in sent.get_all(name) {
            passing.push((name.as_str().into(), value.as_bytes().to_vec()));
        }
    }
    passing.push((
        FORWARDED_FOR.into(),
        address.to_canonical().to_string().into_bytes(),
    ));
    passing
}
