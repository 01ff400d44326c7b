//! From a request to a subscription: key, topic, first answer, place, first bytes.

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::request::Parts;

use super::client::Entry;
use super::cors::Grant;
use super::pipeline::Outcome;
use super::place::Standing;
use super::reject::Reject;
use super::respond::STREAM_CACHE_CONTROL;
use super::route::{Resume, resume_id};
use super::template::Variables;
use super::{Edge, Upstream};
use crate::clock;
use crate::delivery::{self, retry};
use crate::hub::limits::{AddressPermit, ClientAddr};
use crate::hub::{Answer, Client, FirstAnswer, Refusal, Subscription};
use crate::log::{Cursor, Snapshot};
use crate::metrics::{Protocol, RejectReason};
use crate::sse::write;

/// A subscription that waits for its socket, or for its place in a connection.
#[derive(Debug)]
pub(super) struct Detached {
    /// The first bytes of the stream.
    pub(super) preface: Vec<u8>,
    /// What pages of other origins may read.
    pub(super) grant: Grant,
    hsts: Option<HeaderValue>,
    pub(super) cursor: Cursor,
    pub(super) subscription: Subscription,
    pub(super) options: Arc<delivery::Options>,
    /// The permit of an address that only the request has named.
    pub(super) address: Option<AddressPermit>,
}

/// Whose share a subscription counts against.
pub(super) struct Caller {
    address: IpAddr,
    client: Client,
    /// Of an address that only the request has named.
    permit: Option<AddressPermit>,
    /// Whether it came by TLS.
    by_tls: bool,
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
    /// A trusted proxy's clients are counted by the address that it names.
    pub(super) fn caller(
        &self,
        head: &Parts,
        entry: &Entry,
        protocol: Protocol,
    ) -> Result<Caller, Reject> {
        let peer = entry.peer;
        let address = peer.address(&head.headers, &self.options);
        let client = Client {
            address: ClientAddr::new(address),
            protocol,
        };
        let permit = if peer.is_trusted(&self.options) {
            let permit = self.per_address.try_acquire(client.address);
            Some(permit.ok_or(Reject::TooMany(RejectReason::Address))?)
        } else {
            None
        };
        Ok(Caller {
            address,
            client,
            permit,
            by_tls: entry.tls.is_some(),
        })
    }

    pub(super) async fn subscribe(
        &self,
        head: &Parts,
        upstream: &Upstream,
        variables: &Variables,
        caller: Caller,
    ) -> Result<Outcome, Reject> {
        upstream.no_cross_site(head)?;
        let joined = self.join(head, upstream, variables, &caller).await?;
        let is_open = joined.subscription.topic().is_open_to_all();
        let grant = upstream.grant(head, is_open);
        if caller.client.protocol == Protocol::Poll {
            // Its address's permit is held until it is answered.
            let mut reply = self.poll(upstream, joined).await;
            grant.apply(reply.headers_mut());
            return Ok(Outcome::Poll(reply));
        }
        Ok(Outcome::Subscribe(Box::new(Detached {
            address: caller.permit,
            grant,
            hsts: self.hsts.as_ref().filter(|_| caller.by_tls).cloned(),
            ..self.detach(head, upstream, joined)
        })))
    }

    /// A place at the request's topic, once it is known what its upstream answers.
    async fn join(
        &self,
        head: &Parts,
        upstream: &Upstream,
        variables: &Variables,
        caller: &Caller,
    ) -> Result<Joined, Reject> {
        let query = head.uri.query();
        let resume = resume_id(&head.headers, query, self.options.last_event_id_bytes);
        let key = upstream.topic_key(head, variables, caller.address, resume.as_ref())?;
        let subscription = self
            .hub
            .subscribe(&upstream.topics, &key, caller.client, clock::now())
            .map_err(refused)?;
        // Taken before the wait: who opens a topic gets its upstream's first events too.
        let snapshot = upstream.delivery.snapshot;
        let begin = subscription.topic().log().begin(snapshot);
        let first = subscription
            .first_answer(self.options.first_answer_wait)
            .await;
        if let FirstAnswer::Definitive(answer) = first {
            return Err(answered(answer));
        }
        let newcomer = match (&resume, snapshot) {
            (None, Snapshot::None) => {
                let place = begin.offset();
                Cursor::at(subscription.newcomers_place(place, clock::now()).await)
            }
            // A snapshot goes before what is known of the upstream's kind.
            _ => begin,
        };
        Ok(Joined {
            subscription,
            first,
            resume,
            newcomer,
        })
    }

    /// The first bytes of a stream, and its place.
    fn detach(&self, head: &Parts, upstream: &Upstream, joined: Joined) -> Detached {
        let mut preface = self.preface(&upstream.delivery, head.uri.query());
        if let Some(words) = trouble(&joined.first) {
            write::comment(&mut preface, &words);
        }
        let resume = joined.resume.as_ref();
        let cursor = match upstream.standing(&joined.subscription, resume, joined.newcomer) {
            Standing::New(cursor) | Standing::Back(cursor) => cursor,
            Standing::Gap(leap) => {
                leap.tell(&upstream.delivery, &mut preface);
                leap.cursor()
            }
        };
        Detached {
            preface,
            grant: Grant::default(),
            hsts: None,
            cursor,
            subscription: joined.subscription,
            options: Arc::clone(&upstream.delivery),
            address: None,
        }
    }

    /// `retry:` and a comment at once, so that intermediaries let go and `onopen` fires.
    fn preface(&self, options: &delivery::Options, query: Option<&str>) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let delay = retry::delay(options.retry, self.shards.spread(), fastrand::f64());
        write::retry(&mut out, delay);
        out.extend_from_slice(write::HEARTBEAT);
        if query.is_some_and(|query| query.split('&').any(|pair| pair == "padding=true")) {
            write::comment(&mut out, &" ".repeat(PADDING));
        }
        out
    }
}

// === impl Detached ===

impl Detached {
    /// The head of a response over HTTP/1.1, and what follows it at once. The stream ends with the
    /// connection: no chunks, so that pending bytes are the log's own.
    pub(super) fn prologue(&self) -> Bytes {
        let mut out = Vec::with_capacity(384);
        let date = httpdate::fmt_http_date(clock::wall());
        // Writing into a vector does not fail.
        drop(write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
             Cache-Control: {STREAM_CACHE_CONTROL}\r\nX-Accel-Buffering: no\r\n\
             Connection: close\r\nDate: {date}\r\n"
        ));
        self.grant.write(&mut out);
        if let Some(hsts) = &self.hsts {
            out.extend_from_slice(b"Strict-Transport-Security: ");
            out.extend_from_slice(hsts.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.preface);
        Bytes::from(out.into_boxed_slice())
    }
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
