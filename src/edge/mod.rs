//! The clients' door: accept, parse, route, subscribe, or refuse.
//!
//! Layer 4: may import `delivery`, `hub`, `log` (cursor types), layer 0 and the leaves, never
//! another door.
//!
//! The way of a request, in order: [`listen`] (permit, accept) → `admit` ([`proxy_protocol`], limits
//! of an address) → [`tls`] → `conn` (first byte, head, hyper) → [`policy`] → [`route`] → [`cors`]
//! (preflight, foreign pages) → `subscribe` (key by `identity`, topic, first answer, place) → detach,
//! or `h2`, where streams stay in their connection, or `poll`, which is answered within hyper; or, for what is no
//! subscription, `proxy` (through to the upstream and back). Whatever says no on the way is a
//! [`reject::Reject`], and `respond` is where refusals become bytes; what pages of other origins may
//! read of them is said last.

mod address_rate;
mod admit;
mod client;
mod conn;
pub mod cors;
#[cfg(test)]
mod cors_tests;
mod h2;
mod identity;
mod idle;
pub mod listen;
mod options;
mod pipeline;
mod place;
pub mod policy;
mod poll;
mod proxy;
pub mod proxy_protocol;
pub mod reject;
mod reply;
mod respond;
pub mod route;
mod subscribe;
pub mod template;
pub mod tls;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

pub use h2::H2Options;
pub use options::{Mode, Options, ProxyProtocol, QueryRule, Share};
pub use proxy::{
    Body, BodyError, Carriage, Carried, Carrier, CarryError, Duplex, HostRule, PassOptions,
};

use crate::delivery::{self, Shards};
use crate::drain::DrainWatch;
use crate::hub::limits::{PerAddress, Rate, Total};
use crate::hub::{Hub, RouteTopics};
use crate::overload::Overload;
use address_rate::AddressRate;
use route::{Conflict, Routes};
use template::{PathTemplate, UpstreamTemplate};

/// A route as the edge sees it.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which requests.
    pub path: PathTemplate,
    /// What they get.
    pub target: Target,
}

/// What a route leads to.
#[derive(Clone, Debug)]
pub enum Target {
    /// An upstream's event stream.
    Upstream(Box<Upstream>),
    /// A page that is built in.
    Page(Page),
}

/// A route to an upstream.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Whom to ask.
    pub template: UpstreamTemplate,
    /// Which requests subscribe.
    pub mode: Mode,
    /// Client parameters that pass.
    pub query: QueryRule,
    /// Client headers that pass.
    pub headers: Vec<HeaderName>,
    /// Names of the client's cookies that pass.
    pub cookies: Vec<Box<str>>,
    /// Who shares an answer.
    pub share: Share,
    /// Which pages may read it; `None` = as the upstream says.
    pub cors: Option<cors::Policy>,
    /// What its topics share.
    pub topics: Arc<RouteTopics>,
    /// How its streams are served.
    pub delivery: Arc<delivery::Options>,
    /// How ordinary requests pass.
    pub pass: PassOptions,
    /// Who brings them there; `None` = this upstream has event streams only.
    pub carrier: Option<Arc<dyn Carrier>>,
}

/// A page that is built in.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Bytes,
}

/// The edge: what all listeners share.
#[derive(Debug)]
pub struct Edge {
    options: Options,
    paths: Routes,
    /// By the index that `paths` finds.
    routes: Vec<Route>,
    hub: Arc<Hub>,
    shards: Arc<Shards>,
    drain: DrainWatch,
    overload: Overload,
    connections: Arc<Total>,
    /// Those of them that have been accepted: each listener holds one more for the next.
    served: Arc<Total>,
    /// Listeners that accept.
    accepting: Arc<Total>,
    /// A few connections more, to say no on.
    refusals: Arc<Total>,
    per_address: Arc<PerAddress>,
    accepts: Rate,
    accepts_of_address: AddressRate,
    /// `Strict-Transport-Security` of answers over TLS.
    hsts: Option<HeaderValue>,
    /// Polls that wait.
    polls: Arc<Total>,
}

/// Connections beyond the limit that are accepted only to be told to come back: enough to answer a
/// burst, few enough for the descriptors that `connections` leaves.
pub(crate) fn refusals(connections: usize) -> usize {
    (connections / 8).clamp(16, 64)
}

impl Edge {
    /// An edge with these routes.
    pub fn new(
        options: Options,
        routes: Vec<Route>,
        hub: Arc<Hub>,
        shards: Arc<Shards>,
        drain: DrainWatch,
    ) -> Result<Arc<Self>, Conflict> {
        Ok(Arc::new(Self {
            paths: Routes::new(routes.iter().map(|route| &route.path))?,
            routes,
            hub,
            shards,
            drain,
            overload: Overload::default(),
            connections: Total::new(options.connections),
            served: Total::new(0),
            accepting: Total::new(0),
            refusals: Total::new(refusals(options.connections)),
            per_address: PerAddress::new(options.connections_per_address),
            accepts: Rate::new(options.accepts_per_second),
            accepts_of_address: AddressRate::new(options.accepts_per_second_per_address),
            hsts: respond::hsts(options.hsts),
            polls: Total::new(0),
            options,
        }))
    }

    /// How short memory is, for whoever watches over it to say.
    pub fn overload(&self) -> &Overload {
        &self.overload
    }

    /// Connections being served, streams included.
    pub fn connections(&self) -> usize {
        self.served.used()
    }

    /// Whether somebody may still be accepted. Once nobody is, [`Edge::connections`] only falls.
    pub fn is_accepting(&self) -> bool {
        self.accepting.used() > 0
    }
}
