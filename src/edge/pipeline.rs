//! The way of a request, step by step; every step may refuse.
//!
//! Invariant: a request leaves here as exactly one of these: an answer, a subscription, or an ordinary
//! request on its way to the upstream.

use bytes::Bytes;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Version};

use super::client::Entry;
use super::proxy::Pass;
use super::reject::Reject;
use super::reply::Reply;
use super::route::{wants_poll, wants_stream};
use super::subscribe::Detached;
use super::template::{PathTemplate, Variables};
use super::{Edge, Mode, Route, Target, Upstream, policy, respond};
use crate::drain::Phase;
use crate::metrics::{Protocol, RejectReason};

/// What becomes of a request that is not refused.
pub(super) enum Outcome {
    /// It is answered.
    Respond(Reply),
    /// It is answered with a part of a stream; who may read it is said already.
    Poll(Reply),
    /// It becomes a stream, and leaves hyper if the connection is its own.
    Subscribe(Box<Detached>),
    /// It goes on to the upstream.
    Pass(Pass),
}

impl Edge {
    /// The pipeline.
    pub(super) async fn answer(
        &self,
        head: &mut Parts,
        entry: &Entry,
        refusal: Option<Reject>,
    ) -> Result<Outcome, Reject> {
        self.check(head, entry)?;
        // `OPTIONS *` asks about the server, not about a path of it.
        if head.uri.path() == "*" {
            return Ok(Outcome::Respond(respond::options()));
        }
        let (index, route, variables) = self.route(head)?;
        if let Some(location) = self.detour(head, &route.target, entry) {
            return Ok(Outcome::Respond(respond::moved(location)));
        }
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
        let refusal = refusal.or_else(|| self.overloaded());
        let Some(protocol) = protocol(upstream.mode, head) else {
            let target = ordinary(head, &route.path, upstream, &variables)?;
            let route = index;
            return refusal.map_or(Ok(Outcome::Pass(Pass { route, target })), Err);
        };
        match head.method {
            Method::GET => {}
            Method::HEAD => return Ok(Outcome::Respond(respond::stream_head(Bytes::new()))),
            Method::OPTIONS => return Ok(Outcome::Respond(respond::options())),
            _ => return Err(Reject::Method),
        }
        policy::no_body(head)?;
        self.takes_streams(refusal)?;
        let caller = self.caller(head, entry, protocol)?;
        self.subscribe(head, upstream, &variables, caller).await
    }

    /// Why nobody is served while memory is nearly used up. Whoever is here already stays.
    fn overloaded(&self) -> Option<Reject> {
        let is_critical = self.overload.is_critical();
        is_critical.then_some(Reject::Busy(RejectReason::Overload))
    }

    fn takes_streams(&self, refusal: Option<Reject>) -> Result<(), Reject> {
        match refusal {
            Some(refusal) => Err(refusal),
            None if self.drain.phase() >= Phase::Draining => Err(Reject::Draining),
            None => Ok(()),
        }
    }

    /// What every request must satisfy, and what is made of its headers before anybody reads them.
    fn check(&self, head: &mut Parts, entry: &Entry) -> Result<(), Reject> {
        policy::check(head, &self.options)?;
        if let Some(tls) = entry.tls.as_ref().filter(|_| self.options.strict_sni) {
            tls.check_host(head)?;
        }
        policy::drop_ambiguous(&mut head.headers);
        entry.name_client(&mut head.headers, &self.options);
        Ok(())
    }

    /// Where a request is sent that should have come by TLS. A stream stays, and a poll too:
    /// browsers come back from a redirect in three different ways, and it would be asked for again
    /// each time.
    fn detour(&self, head: &Parts, target: &Target, entry: &Entry) -> Option<HeaderValue> {
        let port = self.options.redirect?;
        let is_stream = matches!(
            target,
            Target::Upstream(upstream) if protocol(upstream.mode, head).is_some()
        );
        let is_reading = matches!(head.method, Method::GET | Method::HEAD);
        if is_stream || !is_reading || entry.is_secured(&head.headers, &self.options) {
            return None;
        }
        respond::secure_location(head, port)
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
    let stream = match head.version {
        Version::HTTP_2 => Protocol::H2,
        _ => Protocol::H1,
    };
    wants_stream(mode, &head.method, &head.headers).then_some(stream)
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
