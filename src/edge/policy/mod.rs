//! What every HTTP/1.x request must satisfy before it is routed.
//!
//! Layer 4, pure: may import `options`, `reject` and `template`. Runs after hyper's parser, which is
//! lenient about what two servers could read in two ways. Invariant: a request that passes has one
//! host, one target and one framing (`trust.md` C1, C2).

#[cfg(test)]
mod tests;

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Version};

use super::Options;
use super::h2::request::HasBody;
use super::reject::Reject;
use super::template::authority::Authority;

/// Checks sizes, target, host and framing.
pub fn check(head: &Parts, limits: &Options) -> Result<(), Reject> {
    sizes(head, limits)?;
    target(head)?;
    host(head)?;
    framing(head)
}

/// A subscription has no body.
pub fn no_body(head: &Parts) -> Result<(), Reject> {
    let empty = |value: &http::HeaderValue| value.as_bytes().iter().all(|b| *b == b'0');
    let body = head.extensions.get::<HasBody>().is_some()
        || head.headers.contains_key(TRANSFER_ENCODING)
        || !head.headers.get_all(CONTENT_LENGTH).iter().all(empty);
    if body {
        return Err(Reject::BadRequest(
            "a request for an event stream has no body",
        ));
    }
    Ok(())
}

/// Removes headers whose name has an underscore: CGI makes `X_Real_Ip` and `X-Real-Ip` one variable.
pub fn drop_ambiguous(headers: &mut HeaderMap) {
    let ambiguous: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().contains('_'))
        .cloned()
        .collect();
    for name in ambiguous {
        headers.remove(name);
    }
}

fn sizes(head: &Parts, limits: &Options) -> Result<(), Reject> {
    // 0 = no bound.
    let over = |size: usize, bound: usize| bound != 0 && size > bound;
    let uri = &head.uri;
    let target = uri.scheme_str().map_or(0, |scheme| scheme.len() + 3)
        + uri.authority().map_or(0, |a| a.as_str().len())
        + uri.path_and_query().map_or(0, |p| p.as_str().len());
    let headers = head
        .headers
        .iter()
        .map(|(n, v)| n.as_str().len() + v.len() + 4);
    // Two spaces, version and line end.
    let line = head.method.as_str().len() + target + 12;
    if over(target, limits.uri_bytes) {
        Err(Reject::TooLarge("the request target is too long"))
    } else if over(uri.query().map_or(0, str::len), limits.query_bytes) {
        Err(Reject::TooLarge("the query is too long"))
    } else if over(head.headers.len(), limits.header_count) {
        Err(Reject::TooLarge("the request has too many headers"))
    } else if over(line + headers.sum::<usize>(), limits.head_bytes) {
        Err(Reject::TooLarge("the request's headers are too large"))
    } else {
        Ok(())
    }
}

fn target(head: &Parts) -> Result<(), Reject> {
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return Err(Reject::Method);
    }
    let uri = &head.uri;
    let whole = uri.path_and_query().map_or("", |p| p.as_str());
    if !whole.bytes().all(|b| b.is_ascii_graphic()) {
        let words = "the target holds a byte that must be percent-encoded";
        return Err(Reject::BadRequest(words));
    }
    match (uri.scheme_str(), uri.authority()) {
        (None, Some(_)) => Err(Reject::BadRequest("the target is no path")),
        (Some(scheme), _) if !matches!(scheme, "http" | "https") => Err(Reject::BadRequest(
            "the target's scheme is not http or https",
        )),
        _ if whole == "*" && head.method == Method::OPTIONS => Ok(()),
        _ if uri.path().starts_with('/') => Ok(()),
        _ => Err(Reject::BadRequest("the target is no path")),
    }
}

fn host(head: &Parts) -> Result<(), Reject> {
    const INVALID: Reject = Reject::BadRequest("the host is not valid");
    let mut lines = head.headers.get_all(HOST).iter();
    let host = match (lines.next(), lines.next()) {
        (None, _) if head.version == Version::HTTP_10 => None,
        (None, _) => return Err(Reject::BadRequest("the request has no Host header")),
        (Some(_), Some(_)) => return Err(Reject::BadRequest("the request has two Host headers")),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| INVALID)?;
            Some(Authority::parse(text).ok_or(INVALID)?)
        }
    };
    let Some(authority) = head.uri.authority() else {
        return Ok(());
    };
    let target = Authority::parse(authority.as_str()).ok_or(INVALID)?;
    let https = head.uri.scheme_str() == Some("https");
    let default = if https { 443 } else { 80 };
    match host {
        Some(host) if !host.same(&target, default) => Err(Reject::Host(
            "the target and the Host header name two hosts",
        )),
        _ => Ok(()),
    }
}

fn framing(head: &Parts) -> Result<(), Reject> {
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let mut encodings = head.headers.get_all(TRANSFER_ENCODING).iter();
    let (length, encoding) = (lengths.next(), encodings.next());
    let words = match (length, encoding) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => "Content-Length and Transfer-Encoding exclude each other",
        (Some(_), None) if lengths.next().is_some() => "there are two Content-Length headers",
        (Some(value), None) => {
            let digits = value.as_bytes();
            if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
                return Ok(());
            }
            "Content-Length is no number"
        }
        (None, Some(_)) if head.version != Version::HTTP_11 => {
            "Transfer-Encoding belongs to HTTP/1.1"
        }
        (None, Some(value)) => {
            if value.as_bytes().eq_ignore_ascii_case(b"chunked") && encodings.next().is_none() {
                return Ok(());
            }
            "Transfer-Encoding can only be chunked"
        }
    };
    Err(Reject::BadRequest(words))
}
