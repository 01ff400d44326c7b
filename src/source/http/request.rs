//! The HTTP/1.1 request for a URL.
//!
//! Layer 2, pure. Invariant: its headers are those of [`Ask`], and the target is the URL's own.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Request, Uri};
use http_body_util::Empty;

use crate::source::request::Ask;

/// The request for `url`.
pub(super) fn request(ask: &Ask<'_>, url: &Uri) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    let path = url
        .path_and_query()
        .map_or("/", PathAndQuery::as_str)
        .parse();
    *request.uri_mut() = path.unwrap_or_default();
    *request.headers_mut() = ask.headers(host(url));
    request
}

/// The authority without what stands before `@`.
fn host(url: &Uri) -> &str {
    let authority = url.authority().map_or("", |authority| authority.as_str());
    authority.rsplit_once('@').map_or(authority, |(_, h)| h)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic_key::TopicKey;

    #[test]
    fn the_target_is_the_path_and_the_host_keeps_its_port_and_loses_its_password() {
        let url = "http://user:secret@[::1]:81/a?b";
        let ask = Ask {
            key: &TopicKey::new(url, vec![]),
            trusted: true,
            resume: None,
        };
        let request = request(&ask, &url.parse().unwrap());
        assert_eq!(request.uri(), "/a?b");
        assert_eq!(request.headers()["host"], "[::1]:81");
    }
}
