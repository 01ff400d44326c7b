//! The headers of a request, built from the topic key and from nothing else.
//!
//! Layer 2: may import `topic_key` and `event`. Invariant: what is sent is what the key says, plus
//! constants, plus the last event ID that this very upstream has sent.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::event::EventId;
use crate::topic_key::TopicKey;

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Names that the key may not set: they belong to the connection and its framing, or, the last
/// one, to the conversation with this upstream.
static OURS: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
    "last-event-id",
];

/// What is asked of one URL; a redirect asks it of another.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) key: &'a TopicKey,
    /// Whether the key's headers may go along: not to another origin than the key's.
    pub(super) trusted: bool,
    pub(super) resume: Option<&'a EventId>,
}

impl Ask<'_> {
    /// All of them; `host` is the upstream's own.
    pub(super) fn headers(&self, host: &str) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(12);
        if let Ok(host) = HeaderValue::from_str(host) {
            headers.insert(header::HOST, host);
        }
        for (name, value) in constants() {
            if !self.forwarded().any(|(forwarded, _)| forwarded == name) {
                headers.insert(name, value);
            }
        }
        for (name, value) in self.forwarded() {
            headers.append(name, value);
        }
        if let Some(id) = self.resume.filter(|id| !id.is_empty())
            && let Ok(id) = HeaderValue::from_bytes(id.as_str().as_bytes())
        {
            headers.insert(LAST_EVENT_ID.clone(), id);
        }
        headers
    }

    fn forwarded(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.key
            .headers()
            .filter(|(name, _)| self.trusted && !OURS.contains(name))
            .filter_map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
                Some((name, HeaderValue::from_bytes(value).ok()?))
            })
    }
}

fn constants() -> [(HeaderName, HeaderValue); 5] {
    let agent = concat!("fantail/", env!("CARGO_PKG_VERSION"));
    [
        (header::ACCEPT, "text/event-stream"),
        (header::ACCEPT_ENCODING, "identity"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONNECTION, "close"),
        (header::USER_AGENT, agent),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &[(&str, &str)], trusted: bool, resume: Option<&str>) -> HeaderMap {
        let forwarded = forwarded
            .iter()
            .map(|(n, v)| ((*n).into(), v.as_bytes().to_vec()))
            .collect();
        let resume = resume.and_then(EventId::new);
        let ask = Ask {
            key: &TopicKey::new("http://h/", forwarded),
            trusted,
            resume: resume.as_ref(),
        };
        ask.headers("h")
    }

    #[test]
    fn a_header_of_the_key_replaces_ours_of_the_same_name_with_all_its_values() {
        let headers = headers(&[("accept", "a/b"), ("Accept", "c/d")], true, None);
        let accept: Vec<_> = headers.get_all("accept").iter().collect();
        assert_eq!(accept, ["a/b", "c/d"]);
    }

    #[test]
    fn what_belongs_to_the_connection_is_never_taken_from_the_key() {
        let plain = headers(&[], true, None);
        let stuffed: Vec<_> = OURS.iter().map(|name| (*name, "1")).collect();
        assert_eq!(headers(&stuffed, true, None), plain);
    }

    #[test]
    fn nothing_of_the_key_goes_where_it_is_not_trusted() {
        let key = [("authorization", "Bearer x"), ("accept", "a/b")];
        assert_eq!(headers(&key, false, None), headers(&[], false, None));
    }

    #[test]
    fn the_last_event_id_goes_as_raw_utf8_if_a_header_can_hold_it() {
        let id = |id| headers(&[], true, Some(id)).remove("last-event-id");
        assert_eq!(id("ä 7").unwrap().as_bytes(), "ä 7".as_bytes());
        assert_eq!(id(""), None);
        assert_eq!(id("\u{1}"), None);
    }
}
