//! Ordinary requests to an upstream: a pool of kept-alive connections, apart from every feed's own.
//!
//! Layer 2: may import the source's own connections; hyper-util's client is the pool. Invariants:
//! a connection is never shared with a feed (`trust.md` K5), nor with another route; a request that
//! has reached the upstream is not sent again, but for one that may be (RFC 9110 9.2.2) and whose
//! connection closed before a byte of an answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as _, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tower_service::Service;

use super::connect::Stream;
use super::{BoxFuture, Error, Options, reach};
use crate::metrics::UpstreamReason;

/// What a body may fail with.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a request.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// Idle connections are closed before Apache (5 s by default) closes them under a request.
const IDLE: Duration = Duration::from_secs(4);
/// Idle connections kept: what a burst has opened is of use for the next, not for ever.
const MOST_IDLE: usize = 64;
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
    Body(#[source] BodyError),
    /// The upstream closed, or said something that is no answer.
    #[error("the upstream gave no answer: {0}")]
    Broken(#[source] BodyError),
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

/// The way to one upstream.
#[derive(Clone, Debug)]
pub struct Forwarder {
    client: Client<Connector, Body>,
}

impl Forwarder {
    /// To the upstream of a route with these options. Nothing is opened yet.
    pub fn new(options: Arc<Options>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MOST_IDLE)
            .http1_max_buf_size(BUFFER)
            .http1_title_case_headers(true)
            .set_host(true)
            .build(Connector { options });
        Self { client }
    }

    /// Sends a request with an absolute URL, and waits for the head of its answer.
    pub async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, ForwardError> {
        for _ in 0..AGAIN {
            let again = repeatable(&request);
            match (self.client.request(request).await, again) {
                (Ok(response), _) => return Ok(response),
                // A kept-alive connection was closed in the moment in which it was used.
                (Err(error), Some(again)) if closed_early(&error) => request = again,
                (Err(error), _) => return Err(fault(error)),
            }
        }
        self.client.request(request).await.map_err(fault)
    }
}

/// The request once more, if asking twice means the same as asking once and there is no body.
fn repeatable(request: &Request<Body>) -> Option<Request<Body>> {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_safe || !request.body().is_end_stream() {
        return None;
    }
    let mut again = Request::new(empty());
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

/// The body of a request that has none.
pub fn empty() -> Body {
    http_body_util::Empty::new()
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn closed_early(error: &legacy::Error) -> bool {
    let cause = std::error::Error::source(error);
    let Some(cause) = cause.and_then(|cause| cause.downcast_ref::<hyper::Error>()) else {
        return false;
    };
    let io = std::error::Error::source(cause).and_then(|io| io.downcast_ref::<io::Error>());
    let is_broken = io.is_some_and(|io| {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        matches!(io.kind(), BrokenPipe | ConnectionReset | ConnectionAborted)
    });
    is_broken || cause.is_incomplete_message() || cause.is_canceled()
}

fn fault(error: legacy::Error) -> ForwardError {
    // The client owns its cause and lends it only, so that the chain is told by its words.
    let connect = error.is_connect();
    let cause = std::error::Error::source(&error);
    if connect {
        let own = cause.and_then(|cause| cause.downcast_ref::<Shared>());
        return match own {
            Some(shared) => ForwardError::Connect(shared.take()),
            None => ForwardError::Broken(error.into()),
        };
    }
    let by_client = cause
        .and_then(|cause| cause.downcast_ref::<hyper::Error>())
        .is_some_and(hyper::Error::is_user);
    if by_client {
        ForwardError::Body(error.into())
    } else {
        ForwardError::Broken(error.into())
    }
}

/// An error that is lent by the client and taken out by whoever reports it.
#[derive(Debug)]
struct Shared(parking_lot::Mutex<Option<Error>>);

impl Shared {
    fn take(&self) -> Error {
        self.0.lock().take().unwrap_or(Error::Timeout("connect"))
    }
}

impl std::fmt::Display for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.0.lock() {
            Some(error) => error.fmt(f),
            None => f.write_str("the upstream can not be reached"),
        }
    }
}

impl std::error::Error for Shared {}

/// Opens connections as feeds do.
#[derive(Clone, Debug)]
struct Connector {
    options: Arc<Options>,
}

impl Service<Uri> for Connector {
    type Response = Wire;
    type Error = Shared;
    type Future = BoxFuture<'static, Result<Wire, Shared>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Shared>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let options = Arc::clone(&self.options);
        Box::pin(async move {
            let reached = reach::reach(&options, &url, &url, true).await;
            let shared = |error| Shared(parking_lot::Mutex::new(Some(error)));
            reached
                .map(|stream| Wire(TokioIo::new(stream)))
                .map_err(shared)
        })
    }
}

/// A connection in the pool.
struct Wire(TokioIo<Box<dyn Stream>>);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }
}
