//! From a request to a subscription: route, key, topic, first answer, place, first bytes.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use http::request::Parts;

use super::client::Peer;
use super::place::Standing;
use super::reject::Reject;
use super::respond::{self, Reply, STREAM_CACHE_CONTROL};
use super::route::{KeyRule, Resume, resume_id, wants_poll, wants_stream};
use super::template::Variables;
use super::{Edge, Mode, Target, Upstream, policy};
use crate::clock;
use crate::delivery::{self, retry};
use crate::drain::Phase;
use crate::hub::limits::AddressPermit;
use crate::hub::{Answer, Client, FirstAnswer, Refusal, Subscription};
use crate::log::Cursor;
use crate::metrics::{Protocol, RejectReason};
use crate::sse::write;

/// What becomes of a request that is not refused.
pub(super) enum Outcome {
    /// It is answered.
    Respond(Reply),
    /// It leaves hyper and becomes a stream.
    Subscribe(Box<Detached>),
}

/// A subscription that waits for its socket.
#[derive(Debug)]
pub(super) struct Detached {
    pub(super) prologue: Bytes,
    pub(super) cursor: Cursor,
    pub(super) subscription: Subscription,
    pub(super) options: Arc<delivery::Options>,
    /// The permit of an address that only the request has named.
    pub(super) address: Option<AddressPermit>,
}

/// Whose share a subscription counts against.
struct Caller {
    client: Client,
    /// Of an address that only the request has named.
    permit: Option<AddressPermit>,
}

/// A client that has its place at a topic.
pub(super) struct Joined {
    pub(super) subscription: Subscription,
    pub(super) first: FirstAnswer,
    /// Where it says that it was.
    pub(super) resume: Option<Resume>,
    /// Where it begins if it does not say so.
    pub(super) newcomer: Cursor,
}

/// A comment of this size makes old middleboxes let go of what follows (`padding=true`).
const PADDING: usize = 2048;

impl Edge {
    /// The pipeline: every step may refuse.
    pub(super) async fn answer(
        &self,
        head: &mut Parts,
        peer: Peer,
        refusal: Option<Reject>,
    ) -> Result<Outcome, Reject> {
        policy::check(head, &self.options)?;
        policy::drop_ambiguous(&mut head.headers);
        // `OPTIONS *` asks about the server, not about a path of it.
        if head.uri.path() == "*" {
            return Ok(Outcome::Respond(respond::options()));
        }
        let (index, variables) = self
            .paths
            .find(head.uri.path())
            .ok_or(Reject::UnknownRoute)?;
        let route = self.routes.get(index).ok_or(Reject::UnknownRoute)?;
        let upstream = match &route.target {
            Target::Page(page) if matches!(head.method, Method::GET | Method::HEAD) => {
                return Ok(Outcome::Respond(respond::page(page)));
            }
            Target::Page(_) => return Err(Reject::Method),
            Target::Upstream(upstream) => upstream,
        };
        if head.method == Method::OPTIONS {
            return Ok(Outcome::Respond(respond::options()));
        }
        let protocol = protocol(upstream.mode, head).ok_or(Reject::NotAStream)?;
        if head.method == Method::HEAD {
            return Ok(Outcome::Respond(respond::stream_head(Bytes::new())));
        }
        if head.method != Method::GET {
            return Err(Reject::Method);
        }
        policy::no_body(head)?;
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        if self.drain.phase() >= Phase::Draining {
            return Err(Reject::Draining);
        }
        let caller = self.caller(head, peer, protocol)?;
        self.subscribe(head, upstream, &variables, caller).await
    }

    /// A trusted proxy's clients are counted by the address that it names.
    fn caller(&self, head: &Parts, peer: Peer, protocol: Protocol) -> Result<Caller, Reject> {
        let address = peer.client(&head.headers, &self.options);
        let permit = if peer.is_trusted(&self.options) {
            let permit = self.per_address.try_acquire(address);
            Some(permit.ok_or(Reject::TooMany(RejectReason::Address))?)
        } else {
            None
        };
        let client = Client { address, protocol };
        Ok(Caller { client, permit })
    }

    async fn subscribe(
        &self,
        head: &Parts,
        upstream: &Upstream,
        variables: &Variables,
        caller: Caller,
    ) -> Result<Outcome, Reject> {
        let joined = self.join(head, upstream, variables, caller.client).await?;
        if caller.client.protocol == Protocol::Poll {
            // Its address's permit is held until it is answered.
            return Ok(Outcome::Respond(self.poll(upstream, joined).await));
        }
        Ok(Outcome::Subscribe(Box::new(Detached {
            address: caller.permit,
            ..self.detach(head, upstream, joined)
        })))
    }

    /// A place at the request's topic, once it is known what its upstream answers.
    async fn join(
        &self,
        head: &Parts,
        upstream: &Upstream,
        variables: &Variables,
        client: Client,
    ) -> Result<Joined, Reject> {
        let query = head.uri.query();
        let rule = KeyRule {
            upstream: &upstream.template,
            query: &upstream.query,
            headers: &upstream.headers,
        };
        let key = rule.key(variables, query, &head.headers)?;
        let subscription = self
            .hub
            .subscribe(&upstream.topics, &key, client, clock::now())
            .map_err(refused)?;
        // Taken before the wait: who opens a topic gets its upstream's first events too.
        let place = subscription.topic().log().newcomers_place();
        let first = subscription
            .first_answer(self.options.first_answer_wait)
            .await;
        if let FirstAnswer::Definitive(answer) = first {
            return Err(answered(answer));
        }
        let resume = resume_id(&head.headers, query, self.options.last_event_id_bytes);
        let newcomer = match &resume {
            None => subscription.newcomers_place(place, clock::now()).await,
            Some(_) => place,
        };
        Ok(Joined {
            subscription,
            first,
            resume,
            newcomer: Cursor::at(newcomer),
        })
    }

    /// The first bytes of a stream, and its place.
    fn detach(&self, head: &Parts, upstream: &Upstream, joined: Joined) -> Detached {
        let mut prologue = self.stream_head(&upstream.delivery, head.uri.query());
        if let Some(words) = trouble(&joined.first) {
            write::comment(&mut prologue, &words);
        }
        let resume = joined.resume.as_ref();
        let cursor = match upstream.standing(&joined.subscription, resume, joined.newcomer) {
            Standing::New(cursor) | Standing::Back(cursor) => cursor,
            Standing::Gap(leap) => {
                leap.tell(&upstream.delivery, &mut prologue);
                leap.cursor()
            }
        };
        Detached {
            prologue: Bytes::from(prologue.into_boxed_slice()),
            cursor,
            subscription: joined.subscription,
            options: Arc::clone(&upstream.delivery),
            address: None,
        }
    }

    /// Head, `retry:` and a comment at once, so that intermediaries let go and `onopen` fires. The
    /// stream ends with the connection: no chunks, so that pending bytes are the log's own.
    fn stream_head(&self, options: &delivery::Options, query: Option<&str>) -> Vec<u8> {
        let mut out = Vec::with_capacity(320);
        let date = httpdate::fmt_http_date(clock::wall());
        // Writing into a vector does not fail.
        drop(write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
             Cache-Control: {STREAM_CACHE_CONTROL}\r\nX-Accel-Buffering: no\r\n\
             Connection: close\r\nDate: {date}\r\n\r\n"
        ));
        let delay = retry::delay(options.retry, self.shards.spread(), fastrand::f64());
        write::retry(&mut out, delay);
        out.extend_from_slice(write::HEARTBEAT);
        if query.is_some_and(|query| query.split('&').any(|pair| pair == "padding=true")) {
            write::comment(&mut out, &" ".repeat(PADDING));
        }
        out
    }
}

/// How the request wants to be served, if it wants an event stream at all.
fn protocol(mode: Mode, head: &Parts) -> Option<Protocol> {
    if wants_poll(mode, &head.method, head.uri.query()) {
        return Some(Protocol::Poll);
    }
    wants_stream(mode, &head.method, &head.headers).then_some(Protocol::H1)
}

/// What the client of an upstream in trouble is told of it, in a comment.
pub(super) fn trouble(first: &FirstAnswer) -> Option<String> {
    match first {
        FirstAnswer::Held(reason) => Some(format!(
            "the upstream is in trouble ({reason}) and is asked again"
        )),
        _ => None,
    }
}

fn refused(refusal: Refusal) -> Reject {
    match refusal {
        Refusal::Topics => Reject::Busy(RejectReason::Topics),
        Refusal::TopicsOfAddress => Reject::TooMany(RejectReason::Topics),
        Refusal::Subscribers => Reject::Busy(RejectReason::TopicSubscribers),
        Refusal::Answered(answer) => answered(answer),
    }
}

fn answered(answer: Answer) -> Reject {
    match answer {
        Answer::NoContent => Reject::Upstream(204),
        Answer::Status(status) => Reject::Upstream(status),
        Answer::WrongType(words) => Reject::WrongType(words),
        Answer::Unreachable(reason) => Reject::BadGateway(reason),
        Answer::TooSlow => Reject::GatewayTimeout,
    }
}
