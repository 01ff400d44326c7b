//! The way of a request, step by step; every step may refuse.
//!
//! Invariant: a request leaves here as exactly one of these: an answer, a subscription, or an ordinary
//! request on its way to the upstream.

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use http::uri::PathAndQuery;

use super::client::Peer;
use super::proxy::Pass;
use super::reject::Reject;
use super::reply::Reply;
use super::route::{wants_poll, wants_stream};
use super::subscribe::Detached;
use super::template::{PathTemplate, Variables};
use super::{Edge, Mode, Route, Target, Upstream, policy, respond};
use crate::drain::Phase;
use crate::metrics::Protocol;

/// What becomes of a request that is not refused.
pub(super) enum Outcome {
    /// It is answered.
    Respond(Reply),
    /// It is answered with a part of a stream; who may read it is said already.
    Poll(Reply),
    /// It leaves hyper and becomes a stream.
    Subscribe(Box<Detached>),
    /// It goes on to the upstream.
    Pass(Pass),
}

impl Edge {
    /// The pipeline.
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
        let (index, route, variables) = self.route(head)?;
        let upstream = match &route.target {
            Target::Page(page) if matches!(head.method, Method::GET | Method::HEAD) => {
                return Ok(Outcome::Respond(respond::page(page)));
            }
            Target::Page(_) => return Err(Reject::Method),
            Target::Upstream(upstream) => upstream,
        };
        if let Some(answer) = upstream.preflight(head) {
            return answer.map(Outcome::Respond);
        }
        let Some(protocol) = protocol(upstream.mode, head) else {
            let target = ordinary(head, &route.path, upstream, &variables)?;
            return match refusal {
                Some(refusal) => Err(refusal),
                None => Ok(Outcome::Pass(Pass {
                    route: index,
                    target,
                })),
            };
        };
        match head.method {
            Method::GET => {}
            Method::HEAD => return Ok(Outcome::Respond(respond::stream_head(Bytes::new()))),
            Method::OPTIONS => return Ok(Outcome::Respond(respond::options())),
            _ => return Err(Reject::Method),
        }
        policy::no_body(head)?;
        self.takes_streams(refusal)?;
        let caller = self.caller(head, peer, protocol)?;
        self.subscribe(head, upstream, &variables, caller).await
    }

    fn takes_streams(&self, refusal: Option<Reject>) -> Result<(), Reject> {
        match refusal {
            Some(refusal) => Err(refusal),
            None if self.drain.phase() >= Phase::Draining => Err(Reject::Draining),
            None => Ok(()),
        }
    }

    fn route(&self, head: &Parts) -> Result<(usize, &Route, Variables), Reject> {
        let found = self.paths.find(head.uri.path());
        let (index, variables) = found.ok_or(Reject::UnknownRoute)?;
        let route = self.routes.get(index).ok_or(Reject::UnknownRoute)?;
        Ok((index, route, variables))
    }
}

/// How the request wants to be served, if it wants an event stream at all.
fn protocol(mode: Mode, head: &Parts) -> Option<Protocol> {
    if wants_poll(mode, &head.method, head.uri.query()) {
        return Some(Protocol::Poll);
    }
    wants_stream(mode, &head.method, &head.headers).then_some(Protocol::H1)
}

/// Where a request that is no subscription goes. While streams end it is still served: its upstream
/// is there, and hyper takes no other one on this connection.
fn ordinary(
    head: &Parts,
    path: &PathTemplate,
    upstream: &Upstream,
    variables: &Variables,
) -> Result<PathAndQuery, Reject> {
    if upstream.carrier.is_none() {
        return Err(Reject::NotAStream);
    }
    match head.uri.path_and_query() {
        Some(target) => Ok(upstream.template.pass(path, variables, target)?),
        None => Err(Reject::BadRequest("the target is no path")),
    }
}
