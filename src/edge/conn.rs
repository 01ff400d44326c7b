//! The life of one connection: first byte under a timer, hyper's conversation, then detach.
//!
//! Invariant: until the head of a subscription is complete hyper owns the socket; from then on a
//! shard does, with everything that the connection holds. Nothing of it is in both, or in neither.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Request;
use http::request::Parts;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::Edge;
use super::client::Peer;
use super::pipeline::Outcome;
use super::proxy::tunnel::{self, Tunnel};
use super::proxy::{Hop, Pass, Passed};
use super::reject::Reject;
use super::reply::Reply;
use super::subscribe::Detached;
use crate::delivery::{ConnectionPermit, Newcomer, Socket};
use crate::drain::Phase;
use crate::metrics::{ListenerMetrics, RejectReason};

/// A client's socket that can leave the async runtime.
pub(super) trait ClientStream:
    AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static
{
    /// Waits until there is something to read, the end included.
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send;
    /// Leaves the runtime.
    fn detach(self) -> io::Result<Socket>;
}

impl ClientStream for TcpStream {
    async fn readable(&self) -> io::Result<()> {
        Self::readable(self).await
    }

    fn detach(self) -> io::Result<Socket> {
        Ok(Socket::from_tcp(self.into_std()?))
    }
}

impl ClientStream for UnixStream {
    async fn readable(&self) -> io::Result<()> {
        Self::readable(self).await
    }

    fn detach(self) -> io::Result<Socket> {
        Ok(Socket::from_unix(self.into_std()?.into()))
    }
}

/// What is known of a connection when it has been accepted.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) peer: Peer,
    /// It was accepted only to be told this.
    pub(super) refusal: Option<Reject>,
    pub(super) permit: ConnectionPermit,
    pub(super) metrics: Arc<ListenerMetrics>,
}

/// The service's error that ends hyper's part: the request has become a subscription.
#[derive(Debug, thiserror::Error)]
#[error("the connection is now an event stream")]
pub(super) struct Detach;

/// hyper's view of a connection: answers requests until one subscribes.
#[derive(Clone)]
struct Conversation {
    edge: Arc<Edge>,
    peer: Peer,
    refusal: Option<Reject>,
    metrics: Arc<ListenerMetrics>,
    /// Whether a request has come.
    has_asked: Arc<AtomicBool>,
    next: Arc<Mutex<Option<Next>>>,
}

/// What the connection becomes once hyper has let go of it.
enum Next {
    Stream(Box<Detached>),
    Tunnel(Box<Tunnel>),
}

impl Service<Request<Incoming>> for Conversation {
    type Response = Reply;
    type Error = Detach;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Detach>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.has_asked.store(true, Ordering::Relaxed);
        let this = self.clone();
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let answered = this.edge.answer(&mut head, this.peer, this.refusal.clone());
            let mut reply = match answered.await {
                Ok(Outcome::Respond(reply)) => reply,
                Ok(Outcome::Subscribe(detached)) => {
                    *this.next.lock() = Some(Next::Stream(detached));
                    return Err(Detach);
                }
                Ok(Outcome::Poll(reply)) => return Ok(reply),
                // What it says about other origins is the upstream's word.
                Ok(Outcome::Pass(pass)) => return Ok(this.pass(pass, head, body).await),
                Err(reject) => this.edge.refuse(&reject, &head, &this.metrics),
            };
            this.edge.grant(&head).apply(reply.headers_mut());
            Ok(reply)
        })
    }
}

impl Conversation {
    async fn pass(&self, pass: Pass, mut head: Parts, body: Incoming) -> Reply {
        let hop = Hop {
            peer: self.peer,
            is_trusted: self.peer.is_trusted(&self.edge.options),
            scheme: "http",
        };
        let grant = self.edge.grant_of(pass.route, &head);
        // Boxed, so that those who subscribe do not carry its size.
        match Box::pin(self.edge.pass_through(pass, &mut head, body, hop)).await {
            Ok(Passed::Reply(reply)) => reply,
            Ok(Passed::Tunnel(reply, tunnel)) => {
                *self.next.lock() = Some(Next::Tunnel(tunnel));
                reply
            }
            Err(reject) => {
                let mut reply = self.edge.refuse(&reject, &head, &self.metrics);
                grant.apply(reply.headers_mut());
                reply
            }
        }
    }
}

/// Serves one connection until it closes or becomes a stream.
pub(super) async fn serve<S: ClientStream>(edge: Arc<Edge>, stream: S, arrival: Arrival) {
    let first_byte = tokio::time::timeout(edge.options.first_byte_timeout, stream.readable());
    if !matches!(first_byte.await, Ok(Ok(()))) {
        arrival.metrics.rejects.of(RejectReason::Timeout).inc();
        return;
    }
    let next = Arc::new(Mutex::new(None));
    let conversation = Conversation {
        edge: Arc::clone(&edge),
        peer: arrival.peer,
        refusal: arrival.refusal,
        metrics: Arc::clone(&arrival.metrics),
        has_asked: Arc::default(),
        next: Arc::clone(&next),
    };
    let Some((stream, unread)) = converse(&edge, stream, conversation, &arrival.metrics).await
    else {
        return;
    };
    let next = next.lock().take();
    match next {
        Some(Next::Stream(detached)) => match stream.detach() {
            // What the client sent behind its request is dropped, and never a second request.
            Ok(socket) => edge
                .shards
                .deliver(newcomer(socket, *detached, arrival.permit)),
            Err(error) => tracing::debug!(%error, "a socket can not leave the runtime"),
        },
        Some(Next::Tunnel(tunnel)) => Box::pin(tunnel::run(stream, unread, *tunnel)).await,
        None => {}
    }
}

/// hyper's part. The stream and what was read beyond the last request, unless hyper has closed it.
async fn converse<S: ClientStream>(
    edge: &Edge,
    stream: S,
    conversation: Conversation,
    metrics: &ListenerMetrics,
) -> Option<(S, Bytes)> {
    let options = &edge.options;
    let has_asked = Arc::clone(&conversation.has_asked);
    // Shut down gracefully, hyper would close a connection that has not asked yet without a word;
    // who comes while streams end gets an answer, and no second one.
    let mut is_draining = edge.drain.phase() >= Phase::Draining;
    let mut connection = Box::pin(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(!is_draining)
            .header_read_timeout(options.head_timeout)
            .max_headers(options.header_count)
            .max_buf_size(options.head_bytes.max(MIN_BUFFER))
            .serve_connection(TokioIo::new(stream), conversation),
    );
    let mut drain = edge.drain.clone();
    let mut draining = pin!(drain.reached(Phase::Draining));
    let result = poll_fn(|cx| {
        let result = connection.poll_without_shutdown(cx);
        // A first byte may be on its way although the socket was said to be readable.
        let may_end = !is_draining && has_asked.load(Ordering::Relaxed);
        if result.is_ready() || !may_end || draining.as_mut().poll(cx).is_pending() {
            return result;
        }
        is_draining = true;
        // The request in progress is answered, and no other one is read.
        connection.as_mut().graceful_shutdown();
        connection.poll_without_shutdown(cx)
    })
    .await;
    match result {
        Err(error) if !error.is_user() => {
            note(&error, metrics);
            None
        }
        // A request has subscribed, or the last answer was a 101; else nothing will come of it.
        Err(_) | Ok(()) => {
            let parts = Pin::into_inner(connection).into_parts();
            Some((parts.io.into_inner(), parts.read_buf))
        }
    }
}

/// hyper's smallest buffer.
const MIN_BUFFER: usize = 8192;

/// A conversation that failed is the client's doing; a head that could not be read is a refusal.
fn note(error: &hyper::Error, metrics: &ListenerMetrics) {
    if error.is_timeout() {
        metrics.rejects.of(RejectReason::Timeout).inc();
    } else if error.is_parse_too_large() {
        metrics.rejects.of(RejectReason::Head).inc();
    } else if error.is_parse() {
        metrics.rejects.of(RejectReason::BadRequest).inc();
    }
    tracing::debug!(%error, "a conversation ended early");
}

fn newcomer(socket: Socket, detached: Detached, mut permit: ConnectionPermit) -> Newcomer {
    permit.address = permit.address.or(detached.address);
    Newcomer {
        socket,
        prologue: detached.prologue,
        cursor: detached.cursor,
        subscription: detached.subscription,
        options: detached.options,
        permit,
    }
}
