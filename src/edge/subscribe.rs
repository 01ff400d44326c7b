//! From a request to a subscription: key, topic, first answer, place, first bytes.

use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;

use super::client::Peer;
use super::cors::Grant;
use super::pipeline::Outcome;
use super::reject::Reject;
use super::respond::STREAM_CACHE_CONTROL;
use super::route::{Resume, resume_id};
use super::template::Variables;
use super::{Edge, Share, Upstream};
use crate::clock;
use crate::delivery::{self, OnGap, retry};
use crate::hub::limits::{AddressPermit, ClientAddr};
use crate::hub::{Answer, FirstAnswer, Refusal, Subscription};
use crate::log::{Cursor, Place};
use crate::metrics::{GapCause, MissReason, RejectReason, ResumeResult, RouteMetrics};
use crate::position::{Offset, Position};
use crate::sse::write;

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
pub(super) struct Caller {
    address: IpAddr,
    client: ClientAddr,
    /// Of an address that only the request has named.
    permit: Option<AddressPermit>,
}

/// A comment of this size makes old middleboxes let go of what follows (`padding=true`).
const PADDING: usize = 2048;

impl Edge {
    /// A trusted proxy's clients are counted by the address that it names.
    pub(super) fn caller(&self, head: &Parts, peer: Peer) -> Result<Caller, Reject> {
        let address = peer.address(&head.headers, &self.options);
        let client = peer.client(&head.headers, &self.options);
        let permit = if peer.is_trusted(&self.options) {
            let permit = self.per_address.try_acquire(client);
            Some(permit.ok_or(Reject::TooMany(RejectReason::Address))?)
        } else {
            None
        };
        Ok(Caller {
            address,
            client,
            permit,
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
        let query = head.uri.query();
        let resume = resume_id(&head.headers, query, self.options.last_event_id_bytes);
        let key = upstream.topic_key(head, variables, caller.address, resume.as_ref())?;
        let subscription = self
            .hub
            .subscribe(&upstream.topics, &key, caller.client, clock::now())
            .map_err(refused)?;
        // Taken before the wait: who opens a topic gets its upstream's first events too.
        let newcomer = Cursor::at(subscription.topic().log().newcomers_place());
        let first = subscription
            .first_answer(self.options.first_answer_wait)
            .await;
        if let FirstAnswer::Definitive(answer) = first {
            return Err(answered(answer));
        }
        let grant = upstream.grant(head, subscription.topic().is_open_to_all());
        let mut prologue = self.stream_head(&upstream.delivery, query, &grant);
        if let FirstAnswer::Held(reason) = first {
            let words = format!("the upstream is in trouble ({reason}) and is asked again");
            write::comment(&mut prologue, &words);
        }
        let cursor = match &resume {
            None => upstream.newcomer_at(newcomer, ResumeResult::None),
            // Its own upstream was asked to go on from there; the log is new, and knows no id.
            Some(Resume::Id(_)) if upstream.share == Share::Private => {
                upstream.newcomer_at(newcomer, ResumeResult::Upstream)
            }
            Some(resume) => upstream.place(&subscription, resume, &mut prologue),
        };
        Ok(Outcome::Subscribe(Box::new(Detached {
            prologue: Bytes::from(prologue.into_boxed_slice()),
            cursor,
            subscription,
            options: Arc::clone(&upstream.delivery),
            address: caller.permit,
        })))
    }

    /// Head, `retry:` and a comment at once, so that intermediaries let go and `onopen` fires. The
    /// stream ends with the connection: no chunks, so that pending bytes are the log's own.
    fn stream_head(
        &self,
        options: &delivery::Options,
        query: Option<&str>,
        grant: &Grant,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(320);
        let date = httpdate::fmt_http_date(clock::wall());
        // Writing into a vector does not fail.
        drop(write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
             Cache-Control: {STREAM_CACHE_CONTROL}\r\nX-Accel-Buffering: no\r\n\
             Connection: close\r\nDate: {date}\r\n"
        ));
        grant.write(&mut out);
        out.extend_from_slice(b"\r\n");
        let delay = retry::delay(options.retry, self.shards.spread(), fastrand::f64());
        write::retry(&mut out, delay);
        out.extend_from_slice(write::HEARTBEAT);
        if query.is_some_and(|query| query.split('&').any(|pair| pair == "padding=true")) {
            write::comment(&mut out, &" ".repeat(PADDING));
        }
        out
    }
}

impl Upstream {
    fn newcomer_at(&self, place: Cursor, result: ResumeResult) -> Cursor {
        self.topics.metrics.resumes.of(result).inc();
        place
    }

    /// Where a returning client goes on; a gap is counted, and told behind the head.
    fn place(
        &self,
        subscription: &Subscription,
        resume: &Resume,
        prologue: &mut Vec<u8>,
    ) -> Cursor {
        let log = subscription.topic().log();
        let metrics = &self.topics.metrics;
        let found = match resume {
            Resume::Id(id) => log.find(id, clock::now()),
            Resume::Malformed => Place::Unknown {
                oldest: log.oldest(),
            },
        };
        let (missed, cause, oldest) = match found {
            Place::At(offset) => {
                metrics.resumes.of(ResumeResult::Full).inc();
                return Cursor::at(offset);
            }
            Place::Evicted { missed, oldest } => (Some(missed), GapCause::Evicted, oldest),
            Place::OtherEpoch { oldest } => (None, GapCause::Epoch, oldest),
            Place::Unknown { oldest } => (None, GapCause::UnknownId, oldest),
        };
        let (missed, target) = match self.delivery.on_gap {
            OnGap::Oldest => (missed, oldest),
            OnGap::Live => {
                let edge = log.edge();
                (missed.map(|missed| missed + edge.since(oldest)), edge)
            }
        };
        count_gap(metrics, cause, missed);
        if self.delivery.gap_event {
            let offset = Offset(target.0.saturating_sub(1));
            // Before the first frame there is no place to name: an id of a frame to come would skip it.
            let has_place = self.delivery.gap_ids && target > Offset(0);
            let place = has_place.then_some(Position {
                epoch: log.epoch(),
                offset,
            });
            write::gap(prologue, place, missed, cause.label());
        }
        Cursor::at(target)
    }
}

fn count_gap(metrics: &RouteMetrics, cause: GapCause, missed: Option<u64>) {
    metrics.gaps.of(cause).inc();
    metrics
        .frames_missed
        .of(MissReason::Resume)
        .inc_by(missed.unwrap_or(0));
    let result = if cause == GapCause::Evicted {
        ResumeResult::Gap
    } else {
        ResumeResult::UnknownId
    };
    metrics.resumes.of(result).inc();
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
