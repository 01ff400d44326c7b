//! The life of one connection: first byte under a timer, TLS, hyper's conversation, then detach.
//!
//! Invariant: until the head of a subscription is complete hyper owns the socket; from then on a
//! shard does, with everything that the connection holds. Nothing of it is in both, or in neither.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Request;
use http::request::Parts;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::Edge;
use super::client::Entry;
use super::h2;
use super::idle::HeadTimer;
use super::listen::TlsDoor;
use super::pipeline::Outcome;
use super::proxy::tunnel::{self, Tunnel};
use super::proxy::{Hop, Pass, Passed};
use super::proxy_protocol::Raw;
use super::reject::Reject;
use super::reply::Reply;
use super::subscribe::Detached;
use super::tls::{self, TlsStream};
use crate::delivery::{ConnectionPermit, Newcomer, Socket};
use crate::drain::Phase;
use crate::metrics::{ListenerMetrics, RejectReason};

/// A client's socket that can leave the async runtime.
pub(super) trait ClientStream:
    AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static
{
    /// Leaves the runtime.
    fn detach(self) -> io::Result<Socket>;
}

impl ClientStream for TcpStream {
    fn detach(self) -> io::Result<Socket> {
        Ok(Socket::from_tcp(self.into_std()?))
    }
}

impl ClientStream for UnixStream {
    fn detach(self) -> io::Result<Socket> {
        Ok(Socket::from_unix(self.into_std()?.into()))
    }
}

impl ClientStream for TlsStream {
    fn detach(self) -> io::Result<Socket> {
        self.into_socket()
    }
}

/// What a goodbye may take …
const LAST_WORD: Duration = Duration::from_secs(1);
/// … and what a client may have under way meanwhile.
const UNDER_WAY: usize = 1 << 20;

/// Ends the connection so that the client sees the end, and what was said before it: what it has
/// under way and nobody reads would turn both into a reset.
async fn close(mut stream: impl ClientStream) {
    // A client that does not take it has gone, or will see the cut.
    drop(timeout(LAST_WORD, linger(&mut stream)).await);
}

/// Says the end, then waits for the client's.
async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    stream.shutdown().await?;
    let mut forgotten = vec![0; 4096];
    let mut left = UNDER_WAY;
    while left > 0 {
        match stream.read(&mut forgotten).await? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}

/// What is known of a connection when it has been accepted.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) entry: Entry,
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
    entry: Entry,
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
            let answered = this
                .edge
                .answer(&mut head, &this.entry, this.refusal.clone());
            let reply = match answered.await {
                Ok(Outcome::Subscribe(detached)) => {
                    *this.next.lock() = Some(Next::Stream(detached));
                    return Err(Detach);
                }
                // Who may read these two is said already, by the stream and by the upstream.
                Ok(Outcome::Poll(reply)) => reply,
                Ok(Outcome::Pass(pass)) => this.pass(pass, head, body).await,
                Ok(Outcome::Respond(reply)) => this.granted(reply, &head),
                Err(reject) => {
                    let reply = this.edge.refuse(&reject, &head, &this.metrics);
                    this.granted(reply, &head)
                }
            };
            Ok(this.edge.secured(reply, &this.entry))
        })
    }
}

impl Conversation {
    /// An answer of ours, with what pages of other origins may read of it.
    fn granted(&self, mut reply: Reply, head: &Parts) -> Reply {
        self.edge.grant(head).apply(reply.headers_mut());
        reply
    }

    async fn pass(&self, pass: Pass, mut head: Parts, body: Incoming) -> Reply {
        let hop = Hop {
            peer: self.entry.peer,
            is_trusted: self.entry.peer.is_trusted(&self.edge.options),
            scheme: self.entry.scheme(),
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

/// Serves a plain connection. `readable` waits for its first byte.
pub(super) async fn serve<S: ClientStream + Raw>(
    edge: Arc<Edge>,
    stream: S,
    mut arrival: Arrival,
    readable: impl AsyncFn(&S) -> io::Result<()>,
) {
    let is_told = edge.options.proxy_protocol.plain;
    if !edge.admit(&stream, &mut arrival, is_told).await {
        return;
    }
    if !has_first_byte(&edge, readable(&stream), &arrival).await {
        return;
    }
    if edge.options.h2c {
        let limit = edge.options.first_byte_timeout;
        match timeout(limit, h2::speaks_h2(&stream)).await {
            Ok(Ok(true)) => return Box::pin(h2::serve(edge, stream, arrival)).await,
            Ok(Ok(false)) => {}
            Ok(Err(_)) | Err(_) => return arrival.metrics.rejects.of(RejectReason::Timeout).inc(),
        }
    }
    talk(edge, stream, arrival).await;
}

/// Serves a connection to a listener with TLS.
pub(super) async fn serve_tls(
    edge: Arc<Edge>,
    socket: TcpStream,
    mut arrival: Arrival,
    tls: TlsDoor,
) {
    // Each part in a box of its own: a connection that stays carries none that is over.
    let Some(stream) = Box::pin(secure(&edge, socket, &mut arrival, &tls)).await else {
        return;
    };
    drop(tls);
    if stream.speaks_h2() {
        Box::pin(h2::serve(edge, stream, arrival)).await;
    } else {
        Box::pin(talk(edge, stream, arrival)).await;
    }
}

/// From a connection to a TLS stream; `None` if nothing comes of it, which is counted.
async fn secure(
    edge: &Edge,
    socket: TcpStream,
    arrival: &mut Arrival,
    tls: &TlsDoor,
) -> Option<TlsStream> {
    let is_told = edge.options.proxy_protocol.tls;
    if !edge.admit(&socket, arrival, is_told).await
        || !has_first_byte(edge, socket.readable(), arrival).await
    {
        return None;
    }
    let shaken = tls::shake(&tls.acceptor, socket, &arrival.metrics, &tls.metrics).await;
    let (stream, secured) = shaken?;
    arrival.entry.tls = Some(Arc::new(secured));
    Some(stream)
}

async fn has_first_byte(
    edge: &Edge,
    readable: impl Future<Output = io::Result<()>>,
    arrival: &Arrival,
) -> bool {
    let first_byte = timeout(edge.options.first_byte_timeout, readable).await;
    let is_there = matches!(first_byte, Ok(Ok(())));
    if !is_there {
        arrival.metrics.rejects.of(RejectReason::Timeout).inc();
    }
    is_there
}

/// The conversation, until the connection closes or becomes a stream.
async fn talk<S: ClientStream>(edge: Arc<Edge>, stream: S, arrival: Arrival) {
    let next = Arc::new(Mutex::new(None));
    let conversation = Conversation {
        edge: Arc::clone(&edge),
        entry: arrival.entry,
        refusal: arrival.refusal,
        metrics: Arc::clone(&arrival.metrics),
        has_asked: Arc::default(),
        next: Arc::clone(&next),
    };
    let (stream, unread, is_good) = converse(&edge, stream, conversation, &arrival.metrics).await;
    let next = next.lock().take().filter(|_| is_good);
    match next {
        Some(Next::Stream(detached)) => match stream.detach() {
            // What the client sent behind its request is dropped, and never a second request.
            Ok(socket) => edge
                .shards
                .deliver(newcomer(socket, *detached, arrival.permit)),
            Err(error) => tracing::debug!(%error, "a socket can not leave the runtime"),
        },
        Some(Next::Tunnel(tunnel)) => Box::pin(tunnel::run(stream, unread, *tunnel)).await,
        None => close(stream).await,
    }
}

/// hyper's part. The stream, what was read beyond the last request, and whether all went well.
async fn converse<S: ClientStream>(
    edge: &Edge,
    stream: S,
    conversation: Conversation,
    metrics: &ListenerMetrics,
) -> (S, Bytes, bool) {
    let options = &edge.options;
    let has_asked = Arc::clone(&conversation.has_asked);
    let timer = HeadTimer {
        idle: options.idle_timeout,
        has_asked: Arc::clone(&has_asked),
    };
    // Shut down gracefully, hyper would close a connection that has not asked yet without a word;
    // who comes while streams end gets an answer, and no second one.
    let mut is_draining = edge.drain.phase() >= Phase::Draining;
    let mut connection = Box::pin(
        http1::Builder::new()
            .timer(timer)
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
    // A request has subscribed, or the last answer was a 101, or nothing will come of it.
    let is_good = result.as_ref().err().is_none_or(hyper::Error::is_user);
    let parts = Pin::into_inner(connection).into_parts();
    let is_idle = has_asked.load(Ordering::Relaxed) && parts.read_buf.is_empty();
    if let (false, Err(error)) = (is_good, &result) {
        note(error, is_idle, metrics);
    }
    (parts.io.into_inner(), parts.read_buf, is_good)
}

/// hyper's smallest buffer.
const MIN_BUFFER: usize = 8192;

/// A conversation that failed is the client's doing; a head that could not be read is a refusal. A
/// client that asks nothing more is none.
fn note(error: &hyper::Error, is_idle: bool, metrics: &ListenerMetrics) {
    if error.is_timeout() && is_idle {
        return;
    }
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
    let prologue = detached.prologue();
    permit.address = permit.address.or(detached.address);
    Newcomer {
        socket,
        prologue,
        cursor: detached.cursor,
        subscription: detached.subscription,
        options: detached.options,
        permit,
    }
}
