//! Ordinary requests to an upstream, over kept-alive connections apart from every feed's own.
//!
//! Layer 2: may import the source's own connections. Invariants: a connection is never shared with
//! a feed (`trust.md` K5), nor with another route; a request that has reached the upstream is not
//! sent again, but for one that may be (RFC 9110 9.2.2) and whose connection closed before a byte of
//! an answer. A connection is driven by the request that it serves: a pool of connections that
//! run by themselves costs a third more for each request.

mod answer;
mod pool;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use answer::Answer;
use pool::{Connection, Pool};

use super::connect::Stream;
use super::wire::Wire;
use super::{Error, Options, reach};
use crate::metrics::UpstreamReason;

/// What a body may fail with.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a request, or of an answer.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// How often a request is sent again: more than one kept-alive connection may be gone.
const AGAIN: usize = 2;
/// Both the largest head of an answer and what is read at once: pages set many cookies.
const BUFFER: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// There is no connection.
    #[error("{0}")]
    Connect(#[source] Error),
    /// The client's body could not be read to its end.
    #[error("the request's body failed: {0}")]
    Body(#[source] hyper::Error),
    /// The upstream closed, or said something that is no answer.
    #[error("the upstream gave no answer: {0}")]
    Broken(#[source] hyper::Error),
}

impl ForwardError {
    /// The metric's label; `None` = not the upstream's fault.
    pub fn reason(&self) -> Option<UpstreamReason> {
        match self {
            Self::Connect(error) => Some(error.reason()),
            Self::Body(_) => None,
            Self::Broken(_) => Some(UpstreamReason::Reset),
        }
    }
}

/// What an upstream answers.
#[derive(Debug)]
pub enum Forwarded {
    /// An ordinary answer, whose body is still to come.
    Answer(Response<Body>),
    /// A 101, and what follows it.
    Switched(Response<()>, Switched),
}

/// A connection that speaks another protocol from here on.
pub struct Switched {
    stream: Box<dyn Stream>,
    /// What the upstream has sent behind its 101.
    pub unread: Bytes,
}

impl std::fmt::Debug for Switched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Switched")
            .field("unread", &self.unread)
            .finish_non_exhaustive()
    }
}

impl Switched {
    /// The connection itself.
    pub fn into_stream(self) -> impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {
        self.stream
    }
}

/// The way to one upstream.
#[derive(Clone, Debug)]
pub struct Forwarder {
    origin: Uri,
    /// Said where a request names no host.
    host: HeaderValue,
    options: Arc<Options>,
    pool: Arc<Pool>,
}

impl Forwarder {
    /// To `http://host:port` or `https://host:port`; `None` if `origin` is neither. Nothing is
    /// opened yet.
    pub fn new(origin: &str, options: Arc<Options>) -> Option<Self> {
        let origin: Uri = origin.parse().ok()?;
        reach::default_port(&origin)?;
        let host = HeaderValue::from_str(origin.authority()?.as_str()).ok()?;
        Some(Self {
            origin,
            host,
            options,
            pool: Arc::default(),
        })
    }

    /// Sends a request, whose URL is path and query, and waits for the head of its answer.
    pub async fn send(&self, request: Request<Body>) -> Result<Forwarded, ForwardError> {
        let (mut head, body) = request.into_parts();
        if !head.headers.contains_key(HOST) {
            head.headers.insert(HOST, self.host.clone());
        }
        let may_repeat = matches!(head.method, Method::GET | Method::HEAD) && body.is_end_stream();
        let mut body = Some(body);
        for tries in 0.. {
            let kept = poll_fn(|cx| Poll::Ready(self.pool.take(cx))).await;
            let Some(connection) = kept.filter(|_| tries < AGAIN) else {
                break;
            };
            let again = may_repeat.then(|| head.clone());
            let request = Request::from_parts(head, body.take().unwrap_or_default());
            match (self.exchange(connection, request).await, again) {
                (Ok(answer), _) => return Ok(answer),
                // It was closed in the moment in which it was used.
                (Err(error), Some(again)) if closed_early(&error) => head = again,
                (Err(error), _) => return Err(fault(error)),
            }
        }
        let request = Request::from_parts(head, body.unwrap_or_default());
        let connection = self.connect().await?;
        self.exchange(connection, request).await.map_err(fault)
    }

    async fn connect(&self) -> Result<Connection, ForwardError> {
        // Boxed, so that requests over a kept connection do not carry its size.
        let reached = Box::pin(reach::reach(
            &self.options,
            &self.origin,
            &self.origin,
            true,
        ))
        .await;
        let stream = reached.map_err(ForwardError::Connect)?;
        Wire::new(stream, BUFFER)
            .await
            .map_err(ForwardError::Broken)
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        request: Request<Body>,
    ) -> hyper::Result<Forwarded> {
        let (request, under_way) = Sent::watched(request);
        let response = connection.send(request).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let (head, body) = response.into_parts();
            // It holds the connection's other end; what follows is no body.
            drop(body);
            return Ok(match connection.into_stream().await {
                Some((stream, unread)) => {
                    let head = Response::from_parts(head, ());
                    Forwarded::Switched(head, Switched { stream, unread })
                }
                None => Forwarded::Answer(Response::from_parts(head, Body::default())),
            });
        }
        // The upload goes on while the answer is read, or not read.
        let connection = if under_way.is_some_and(|body| Arc::strong_count(&body) > 1) {
            self.pool.let_run(connection);
            None
        } else {
            Some(connection)
        };
        let mut answer = response.map(|body| Answer::new(body, connection, &self.pool));
        poll_fn(|cx| {
            answer.body_mut().settle(cx, false);
            Poll::Ready(())
        })
        .await;
        Ok(Forwarded::Answer(answer.map(Answer::boxed_unsync)))
    }
}

/// A request's body, of which can be told whether hyper still holds it.
pub(super) struct Sent {
    body: Body,
    /// Held, never read.
    _under_way: Option<Arc<()>>,
}

impl Sent {
    fn watched(request: Request<Body>) -> (Request<Self>, Option<Arc<()>>) {
        let under_way = (!request.body().is_end_stream()).then(Arc::default);
        let watched = under_way.clone();
        let request = request.map(|body| Self {
            body,
            _under_way: under_way,
        });
        (request, watched)
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn closed_early(error: &hyper::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    let io = std::error::Error::source(error).and_then(|io| io.downcast_ref::<io::Error>());
    let is_broken =
        io.is_some_and(|io| matches!(io.kind(), BrokenPipe | ConnectionReset | ConnectionAborted));
    is_broken || error.is_incomplete_message() || error.is_canceled()
}

fn fault(error: hyper::Error) -> ForwardError {
    if error.is_user() {
        ForwardError::Body(error)
    } else {
        ForwardError::Broken(error)
    }
}
