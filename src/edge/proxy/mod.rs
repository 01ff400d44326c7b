//! Ordinary requests: passed through to the upstream and back, as a reverse proxy does.
//!
//! May import the edge's own rooms, `metrics` and hyper; who reaches the upstream is behind
//! [`Carrier`], which `app` brings. Invariants: nothing is buffered whole, in either direction; what
//! belongs to one hop stays there; nothing is forwarded into a tunnel before the upstream's 101.

mod body;
mod headers;
mod progress;
#[cfg(test)]
mod tests;
pub(super) mod tunnel;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, UPGRADE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, Version, response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Body as HttpBody;

use super::reject::Reject;
use super::reply::{Reply, ReplyBody};
use super::{Edge, Options, Upstream, client::Peer};
use crate::clock;
use crate::metrics::{GaugeGuard, PassMetrics, StatusClass};
use body::{BodyFault, RequestBody};
use progress::Progress;
use tunnel::Tunnel;

pub use tunnel::Duplex;

/// What a body may fail with.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a request on its way to the upstream, or of its answer on the way back.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;
/// What a carrier gives back.
pub type Carried<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Carriage>, CarryError>> + Send + 'a>>;

/// What stands behind the head of an answer.
pub enum Carriage {
    /// A body.
    Body(Body),
    /// After a 101: the connection itself, and what the upstream has sent on it already.
    Stream(Box<dyn Duplex>, Bytes),
}

impl std::fmt::Debug for Carriage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Body(_) => "Body",
            Self::Stream(..) => "Stream",
        })
    }
}

/// Who brings requests to one upstream. Its answer is the head; the body follows as it comes.
pub trait Carrier: Send + Sync + std::fmt::Debug {
    /// Sends a request, whose URL is path and query.
    fn carry(&self, request: Request<Body>) -> Carried<'_>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// The upstream can not be reached, or broke off: the metric's word.
    #[error("the upstream gave no answer ({0})")]
    Upstream(&'static str),
    /// It took too long to connect.
    #[error("the upstream took too long")]
    TooSlow,
    /// The client's body failed.
    #[error("the request's body failed: {0}")]
    Body(#[source] BodyError),
}

/// Which `Host` the upstream is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostRule {
    /// The client's, so that the site makes links that lead back to where the client is.
    #[default]
    Client,
    /// The upstream's own, for servers that know only themselves.
    Upstream,
}

/// How a route passes ordinary requests through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassOptions {
    /// See [`HostRule`].
    pub host: HostRule,
    /// From the last byte of a request to the head of its answer. 60 s, as nginx waits: pages
    /// compute longer than streams take to begin. No bound is on the body that follows.
    pub answer_timeout: Duration,
}

impl Default for PassOptions {
    fn default() -> Self {
        Self {
            host: HostRule::Client,
            answer_timeout: Duration::from_secs(60),
        }
    }
}

/// An ordinary request that has found its way.
pub(super) struct Pass {
    /// The route's place.
    pub(super) route: usize,
    /// Where it goes.
    pub(super) target: PathAndQuery,
}

/// Where a request has come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop {
    pub(super) peer: Peer,
    /// Whether its word about its client is believed.
    pub(super) is_trusted: bool,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
}

/// What becomes of a request that has been passed through.
pub(super) enum Passed {
    /// An ordinary answer.
    Reply(Reply),
    /// A 101, and what follows it.
    Tunnel(Reply, Box<Tunnel>),
}

impl Edge {
    /// Sends a request on its way and brings the answer's head back. Takes the headers.
    pub(super) async fn pass_through<B>(
        &self,
        pass: Pass,
        head: &mut Parts,
        body: B,
        hop: Hop,
    ) -> Result<Passed, Reject>
    where
        B: HttpBody<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static,
    {
        let Some((upstream, carrier)) = self.carrier(pass.route) else {
            return Err(Reject::NotAStream);
        };
        too_large(head, &self.options)?;
        let started = clock::now();
        let progress = Progress::new(started);
        let body = if body.is_end_stream() {
            Body::default()
        } else {
            RequestBody::new(body, &self.options, &progress).boxed()
        };
        let request = outgoing(head, pass.target, body, upstream.pass.host, hop);
        let answered = tokio::select! {
            // A request that is given up is dropped, and its connection with it.
            answered = carrier.carry(request) => answered.map_err(|error| refused(&error)),
            () = progress.stands_still(upstream.pass.answer_timeout) => Err(Reject::GatewayTimeout),
        };
        let metrics = &upstream.topics.metrics.pass;
        count(metrics, answered.as_ref(), started);
        let (head, carriage) = answered?.into_parts();
        Ok(match carriage {
            Carriage::Body(body) => Passed::Reply(reply(head, ReplyBody::Passed(body), None)),
            Carriage::Stream(stream, unread) => {
                let protocol = head.headers.get(UPGRADE).cloned();
                let tunnel = Tunnel {
                    upstream: stream,
                    unread,
                    idle: self.options.tunnel_timeout,
                    open: GaugeGuard::enter(&metrics.tunnels),
                };
                let reply = reply(head, ReplyBody::default(), protocol);
                Passed::Tunnel(reply, Box::new(tunnel))
            }
        })
    }

    fn carrier(&self, route: usize) -> Option<(&Upstream, &Arc<dyn Carrier>)> {
        let super::Target::Upstream(upstream) = &self.routes.get(route)?.target else {
            return None;
        };
        Some((upstream, upstream.carrier.as_ref()?))
    }
}

fn count(metrics: &PassMetrics, answered: Result<&Response<Carriage>, &Reject>, since: Instant) {
    let status = answered.map_or_else(
        |reject| reject.answer().status,
        |answer| answer.status().as_u16(),
    );
    metrics.requests.of(StatusClass::of(status)).inc();
    let took = clock::now().saturating_duration_since(since);
    metrics.answer_duration.observe(took.as_secs_f64());
}

/// What the client is answered; `protocol` is what a 101 switches to.
fn reply(mut head: response::Parts, body: ReplyBody, protocol: Option<HeaderValue>) -> Reply {
    headers::downstream(&mut head.headers, protocol);
    Response::from_parts(head, body)
}

fn too_large(head: &Parts, options: &Options) -> Result<(), Reject> {
    let length = head.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if options.body_bytes != 0 && length > options.body_bytes => {
            Err(Reject::BodyTooLarge)
        }
        _ => Ok(()),
    }
}

fn outgoing(
    head: &mut Parts,
    target: PathAndQuery,
    body: Body,
    rule: HostRule,
    hop: Hop,
) -> Request<Body> {
    let mut headers = std::mem::take(&mut head.headers);
    let host = host_of(&head.uri, &headers);
    let client = headers::Client {
        peer: hop.peer,
        is_trusted: hop.is_trusted,
        scheme: hop.scheme,
        host: host.as_ref(),
    };
    headers::upstream(&mut headers, &client, head.version);
    match (rule, host) {
        (HostRule::Client, Some(host)) => headers.insert(HOST, host),
        // hyper writes the URL's.
        (HostRule::Client, None) | (HostRule::Upstream, _) => headers.remove(HOST),
    };
    let mut request = Request::new(body);
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = Uri::from(target);
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    request
}

/// An absolute target's authority is the host, and the header says the same (see `policy`).
fn host_of(uri: &Uri, headers: &http::HeaderMap) -> Option<HeaderValue> {
    match uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => headers.get(HOST).cloned(),
    }
}

fn refused(error: &CarryError) -> Reject {
    match error {
        CarryError::Upstream(reason) => Reject::BadGateway(reason),
        CarryError::TooSlow => Reject::GatewayTimeout,
        CarryError::Body(cause) => match body::fault_in(cause.as_ref()) {
            Some(BodyFault::TooLarge) => Reject::BodyTooLarge,
            Some(BodyFault::TooSlow) => Reject::BodyTimeout,
            None => Reject::BadRequest("the request's body broke off"),
        },
    }
}
