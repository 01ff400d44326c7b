//! Requests of one HTTP/2 connection: each goes the way of all requests, and an event stream stays
//! with hyper.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};

use http::header::CONNECTION;
use http::{Method, Request, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use hyper::service::Service;
use parking_lot::Mutex;

use super::budget::Budget;
use super::request;
use crate::clock;
use crate::delivery::body::{Body, Guest, Streams};
use crate::drain::Phase;
use crate::edge::Edge;
use crate::edge::client::Entry;
use crate::edge::pipeline::Outcome;
use crate::edge::proxy::{BodyError, Hop, Passed};
use crate::edge::reject::Reject;
use crate::edge::reply::{Reply, ReplyBody};
use crate::edge::respond;
use crate::edge::subscribe::Detached;
use crate::metrics::{Glitch, ListenerMetrics, RejectReason};

/// What all requests of a connection share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) edge: Arc<Edge>,
    pub(super) entry: Entry,
    /// The connection was accepted only to be told this.
    pub(super) refusal: Option<Reject>,
    pub(super) metrics: Arc<ListenerMetrics>,
    pub(super) streams: Arc<Streams>,
    /// Requests that may still be made, beyond those that are answered to their end.
    pub(super) opens: Mutex<Budget>,
    /// Whether a request has come.
    pub(super) has_asked: AtomicBool,
    /// Whether the client is to make its next request on another connection.
    pub(super) parting: Parting,
}

/// A connection's leave: no new request, and those that are there go on.
#[derive(Debug, Default)]
pub(super) struct Parting {
    is_told: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Parting {
    /// Takes it. Whether it was not taken already.
    pub(super) fn tell(&self) -> bool {
        let is_new = !self.is_told.swap(true, Ordering::AcqRel);
        let waker = self.waker.lock().take();
        waker.into_iter().for_each(Waker::wake);
        is_new
    }

    /// Whether it has been taken; else the one who has said [`Parting::listen`] is woken.
    pub(super) fn is_told(&self) -> bool {
        self.is_told.load(Ordering::Acquire)
    }

    /// To be called before [`Parting::is_told`], whenever the waker is another one.
    pub(super) fn listen(&self, waker: &Waker) {
        *self.waker.lock() = Some(waker.clone());
    }
}

/// hyper's view of it.
#[derive(Clone, Debug)]
pub(super) struct Requests(pub(super) Arc<Shared>);

type Answer = Response<Counted>;

impl Service<Request<Incoming>> for Requests {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        let refusal = shared.meet();
        Box::pin(async move {
            let is_head = request.method() == Method::HEAD;
            // Its own box: it is gone when a stream begins.
            let mut reply = Box::pin(shared.answer(request, refusal)).await;
            // It means nothing here, and hyper warns of it.
            reply.headers_mut().remove(CONNECTION);
            let reply = shared.edge.secured(reply, &shared.entry);
            Ok(reply.map(|body| Counted {
                body,
                shared,
                is_over: is_head,
            }))
        })
    }
}

impl Shared {
    /// A request has come: whether it is to be refused, for what its connection has done.
    fn meet(&self) -> Option<Reject> {
        self.has_asked.store(true, Ordering::Relaxed);
        let is_allowed = self.opens.lock().take(1.0, clock::now());
        if !is_allowed && self.parting.tell() {
            self.metrics.glitches.of(Glitch::StreamOpen).inc();
        }
        let is_last = self.refusal.is_some() || self.edge.drain.phase() >= Phase::Draining;
        if is_last {
            self.parting.tell();
        }
        let too_many = || (!is_allowed).then_some(Reject::Busy(RejectReason::Rate));
        self.refusal.clone().or_else(too_many)
    }

    async fn answer(&self, request: Request<Incoming>, refusal: Option<Reject>) -> Reply {
        let (mut head, body) = request::open(request);
        let edge = &self.edge;
        let (reply, grant) = match edge.answer(&mut head, &self.entry, refusal).await {
            Ok(Outcome::Subscribe(detached)) => return self.stream(*detached),
            Ok(Outcome::Poll(reply)) => return reply,
            Ok(Outcome::Respond(reply)) => (Ok(reply), edge.grant(&head)),
            Ok(Outcome::Pass(pass)) => {
                let hop = Hop {
                    peer: self.entry.peer,
                    is_trusted: self.entry.peer.is_trusted(&edge.options),
                    scheme: self.entry.scheme(),
                };
                let grant = edge.grant_of(pass.route, &head);
                // Boxed, so that those who subscribe do not carry its size.
                match Box::pin(edge.pass_through(pass, &mut head, body, hop)).await {
                    Ok(Passed::Reply(reply)) => return reply,
                    // Nobody can have asked for it: HTTP/2 has no upgrade.
                    Ok(Passed::Tunnel(..)) => (Err(Reject::BadGateway("protocol")), grant),
                    Err(reject) => (Err(reject), grant),
                }
            }
            Err(reject) => (Err(reject), edge.grant(&head)),
        };
        let mut reply = reply.unwrap_or_else(|reject| edge.refuse(&reject, &head, &self.metrics));
        grant.apply(reply.headers_mut());
        reply
    }

    fn stream(&self, detached: Detached) -> Reply {
        let mut reply = respond::stream_head(Bytes::new());
        detached.grant.apply(reply.headers_mut());
        let guest = Guest {
            preface: Bytes::from(detached.preface),
            cursor: detached.cursor,
            subscription: detached.subscription,
            options: detached.options,
            address: detached.address,
        };
        let body = Body::new(guest, &self.streams, &self.edge.shards);
        reply.map(|_| ReplyBody::Stream(Box::new(body)))
    }
}

/// A body; once its client has been given all of it, its request does not count any more.
#[derive(Debug)]
pub(super) struct Counted {
    body: ReplyBody,
    shared: Arc<Shared>,
    is_over: bool,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        this.is_over |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if self.is_over || self.body.is_end_stream() {
            self.shared.opens.lock().give_back(1.0);
        }
    }
}
