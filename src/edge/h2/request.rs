//! A request as HTTP/2 has it, made what the rest of the edge reads.

use http::header::{CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Request};
use hyper::body::{Body as _, Incoming};

use super::leftover::Asked;

/// Marks a request whose body has no length: in HTTP/1.1 a header says that there is one.
#[derive(Clone, Copy, Debug)]
pub(in crate::edge) struct HasBody;

/// Its head, with a `Host` from `:authority` and one line of cookies (RFC 9113, sections 8.3.1 and
/// 8.2.3), and its body.
pub(super) fn open(request: Request<Incoming>) -> (Parts, Asked) {
    let (mut head, body) = request.into_parts();
    if !body.is_end_stream() && !head.headers.contains_key(CONTENT_LENGTH) {
        head.extensions.insert(HasBody);
    }
    name_host(&mut head);
    join_cookies(&mut head);
    (head, Asked::new(body))
}

/// A target and a header that name two hosts stay as they are, to be refused.
fn name_host(head: &mut Parts) {
    let Some(authority) = head.uri.authority() else {
        return;
    };
    if head.headers.contains_key(HOST) {
        return;
    }
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        head.headers.insert(HOST, host);
        let target = head.uri.path_and_query().cloned();
        head.uri = Uri::from(target.unwrap_or(PathAndQuery::from_static("/")));
    }
}

fn join_cookies(head: &mut Parts) {
    let lines = head.headers.get_all(COOKIE);
    if lines.iter().nth(1).is_none() {
        return;
    }
    let lines: Vec<&[u8]> = lines.iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        head.headers.insert(COOKIE, joined);
    }
}
