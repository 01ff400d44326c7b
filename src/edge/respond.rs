//! Answers that are no streams: refusals in both forms, HEAD, OPTIONS, built-in pages.

use std::time::Duration;

use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Bytes;

use super::client::Entry;
use super::cors::Grant;
use super::reject::{Answer, Reject};
use super::reply::{Reply, ReplyBody};
use super::route::{accepts_stream, asks_poll};
use super::template::authority::Authority;
use super::{Edge, Page, Target};
use crate::delivery::retry;
use crate::metrics::ListenerMetrics;
use crate::sse::write;

/// `no-store` so that no CDN keeps and loops the stream, `no-transform` so that none holds it back
/// to compress it.
pub(super) const STREAM_CACHE_CONTROL: &str = "no-cache, no-store, no-transform";
/// What stream addresses take.
pub(super) const METHODS: &str = "GET, HEAD, OPTIONS";

/// A soft reject comes back later than an ordinary reconnect.
const COME_BACK: Duration = Duration::from_secs(5);

impl Edge {
    /// A refusal, counted and in words: for a request that reads an event stream, "come back
    /// later" is a 200 with a long `retry:` and a clean end, for nothing else is obeyed.
    pub(super) fn refuse(&self, reject: &Reject, head: &Parts, metrics: &ListenerMetrics) -> Reply {
        metrics.rejects.of(reject.reason()).inc();
        let answer = reject.answer();
        // A poller reads what a stream's client reads, whatever it says it accepts.
        let reads_streams = accepts_stream(&head.headers) || asks_poll(head.uri.query());
        if answer.soft && reads_streams {
            metrics.soft_rejects.of(reject.reason()).inc();
            let mut body = Vec::new();
            let delay = retry::long_delay(COME_BACK, self.shards.spread(), fastrand::f64());
            write::retry(&mut body, delay);
            body.extend_from_slice(write::HEARTBEAT);
            return closing(stream_head(Bytes::from(body)));
        }
        hard(reject, &answer)
    }

    /// What a page of another origin may read of an answer of ours, refusals included: without it a
    /// page sees nothing at all. Whatever an upstream says about its stream is no word about those.
    pub(super) fn grant(&self, head: &Parts) -> Grant {
        let found = self.paths.find(head.uri.path());
        found.map_or_else(Grant::default, |(route, _)| self.grant_of(route, head))
    }

    /// Likewise, where the route is known by its place.
    pub(super) fn grant_of(&self, route: usize, head: &Parts) -> Grant {
        match self.routes.get(route).map(|route| &route.target) {
            Some(Target::Upstream(upstream)) => upstream.grant(head, false),
            Some(Target::Page(_)) | None => Grant::default(),
        }
    }
}

impl Edge {
    /// An answer with what an answer over TLS has besides.
    pub(super) fn secured(&self, mut reply: Reply, entry: &Entry) -> Reply {
        if let Some(hsts) = self.hsts.as_ref().filter(|_| entry.tls.is_some()) {
            reply
                .headers_mut()
                .insert(STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        reply
    }
}

/// The value of `Strict-Transport-Security`.
pub(super) fn hsts(age: Duration) -> Option<HeaderValue> {
    let value = format!("max-age={}", age.as_secs());
    HeaderValue::from_str(&value)
        .ok()
        .filter(|_| !age.is_zero())
}

/// The same target by TLS at this port; `None` for a request without a host.
pub(super) fn secure_location(head: &Parts, port: u16) -> Option<HeaderValue> {
    let host = match head.uri.authority() {
        Some(authority) => authority.as_str(),
        None => head.headers.get(HOST)?.to_str().ok()?,
    };
    let host = Authority::parse(host)?.host;
    let port = match port {
        443 => String::new(),
        port => format!(":{port}"),
    };
    let target = head.uri.path_and_query().map_or("/", |p| p.as_str());
    HeaderValue::from_str(&format!("https://{host}{port}{target}")).ok()
}

/// For good, and with the same method.
pub(super) fn moved(location: HeaderValue) -> Reply {
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    response
}

fn hard(reject: &Reject, answer: &Answer) -> Reply {
    let request_id = format!("{:016x}", fastrand::u64(..));
    tracing::debug!(status = answer.status, %reject, request_id, "a request was refused");
    // 204 has no body, and needs no words: it means "stop for ever".
    let body = if answer.status == 204 {
        String::new()
    } else {
        reject.body(&request_id)
    };
    let mut response = Response::new(ReplyBody::from(Bytes::from(body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(after) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(after.as_secs()));
    }
    if matches!(reject, Reject::Method) {
        headers.insert(ALLOW, HeaderValue::from_static(METHODS));
    }
    if answer.close {
        closing(response)
    } else {
        response
    }
}

fn closing(mut response: Reply) -> Reply {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A response with a stream's headers; HEAD gets it without a body.
pub(super) fn stream_head(body: Bytes) -> Reply {
    let mut response = Response::new(ReplyBody::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static(STREAM_CACHE_CONTROL),
    );
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The answer to OPTIONS.
pub(super) fn options() -> Reply {
    let mut response = Response::new(ReplyBody::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(METHODS));
    response
}

/// A built-in page.
pub(super) fn page(page: &Page) -> Reply {
    let mut response = Response::new(ReplyBody::from(page.body.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
