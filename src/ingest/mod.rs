//! Feed → log: one task for each live topic.
//!
//! Layer 4, a door: may import `hub`, `source`, layer 0 and the leaves, never another door.
//!
//! Invariants: the task owns the topic's one appender, and its end is the topic's end, a panic
//! included; an upstream is never asked twice at a time for one topic; every wait before it is
//! asked again has a floor; a feed is always drained, whatever subscribers do.

mod answer;
mod budget;
mod events;
pub mod key;
mod resume;
mod rotate;
mod task;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use budget::Budget;

use self::key::EventKey;
use crate::hub::{Appender, OnDemand};
use crate::metrics::{Metrics, SuspectCause, UpstreamMetrics};
use crate::source::Sources;

/// Which id a frame carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdPolicy {
    /// The upstream's where it is safe and unique in the log, else Fantail's token.
    #[default]
    Preserve,
    /// Always Fantail's token.
    Gateway,
    /// Exactly what the upstream sent, resets and repetitions included.
    Upstream,
}

/// What a route does about its upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// See [`IdPolicy`].
    pub ids: IdPolicy,
    /// A clean end is held (`true`): subscribers stay while the upstream is asked again. Else
    /// their streams end too.
    pub hold_on_end: bool,
    /// A broken upstream of a cold topic is held (`true`): subscribers get 200 and wait. Else they
    /// get 502 or 504.
    pub hold_on_error: bool,
    /// From the end of a response to the next request; 0 = what the upstream's `retry:` says, else
    /// 3 s, as browsers do.
    pub poll_interval: Duration,
    /// How long a definitive answer (4xx, wrong type) of a topic that has been live must last
    /// until it is believed. 5 min outlive a deployment.
    pub error_hold: Duration,
    /// A feed that has been open for so long (randomised 80 to 100 %) is replaced by a new one
    /// before it is closed; 0 = never. For backends that cut long scripts: choose less than their
    /// limit.
    pub upstream_max_age: Duration,
    /// Whether losses at the upstream are announced by `fantail.gap`.
    pub gap_event: bool,
    /// How to know what an event is about; `None` = nothing is known, and nothing is looked for.
    pub key: Option<EventKey>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ids: IdPolicy::Preserve,
            hold_on_end: true,
            hold_on_error: true,
            poll_interval: Duration::ZERO,
            error_hold: Duration::from_secs(300),
            upstream_max_age: Duration::ZERO,
            gap_event: true,
            key: None,
        }
    }
}

/// What all topics of one upstream host share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Feeds open at a time to one host, its worker budget; topics beyond wait in turn. 0 = one for
    /// each topic. A PHP-FPM pool has five workers unless told otherwise, and pages need some.
    pub max_upstreams: usize,
    /// Attempts in flight to one host: a restart with thousands of topics is no storm on a backend
    /// with a handful of workers.
    pub upstream_connects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_upstreams: 0,
            upstream_connects: 64,
        }
    }
}

/// What ingest knows of a route.
#[derive(Debug)]
pub struct Route {
    /// What it does about its upstream.
    pub options: Options,
    /// How long its topics linger.
    pub linger: Duration,
    upstream: Arc<UpstreamMetrics>,
    /// Shared by all routes to the upstream.
    budget: Arc<Budget>,
    /// What has been warned about, once a route: each suspicion, junk lines, completed events …
    warned: Warned,
}

#[derive(Debug, Default)]
struct Warned {
    suspicion: [AtomicBool; SuspectCause::ALL.len()],
    junk: AtomicBool,
    completed: AtomicBool,
    oversize: AtomicBool,
    without_key: AtomicBool,
}

/// What is needed to make a [`Route`].
#[derive(Clone, Debug)]
pub struct RouteOptions {
    /// What it does about its upstream.
    pub options: Options,
    /// How long its topics linger.
    pub linger: Duration,
    /// Its upstream's origin.
    pub origin: String,
}

/// Opens feeds on demand; owns their tasks.
pub struct Ingest {
    /// By route id.
    routes: Vec<Arc<Route>>,
    sources: Arc<dyn Sources>,
    metrics: Arc<Metrics>,
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest")
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}

impl Ingest {
    /// For these routes, in the order of their ids.
    pub fn new(
        routes: Vec<RouteOptions>,
        sources: Arc<dyn Sources>,
        metrics: &Arc<Metrics>,
        limits: &Limits,
    ) -> Self {
        let mut budgets: HashMap<String, Arc<Budget>> = HashMap::new();
        let routes = routes.into_iter().map(|route| {
            let budget = budgets
                .entry(route.origin.clone())
                .or_insert_with(|| Budget::new(limits));
            Arc::new(Route {
                options: route.options,
                linger: route.linger,
                upstream: metrics.upstream(&route.origin),
                budget: Arc::clone(budget),
                warned: Warned::default(),
            })
        });
        Self {
            routes: routes.collect(),
            sources,
            metrics: Arc::clone(metrics),
            runtime: Handle::current(),
            tasks: Mutex::new(JoinSet::new()),
        }
    }

    /// Ends every feed; the logs are sealed.
    pub async fn stop(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
    }
}

impl OnDemand for Ingest {
    fn open(&self, appender: Appender) {
        let id = appender.topic().route().id;
        let Some(route) = self.routes.get(usize::from(id.0)) else {
            return;
        };
        let source = self.sources.source(id, appender.topic().key());
        let task = task::Task::new(
            appender,
            source,
            Arc::clone(route),
            Arc::clone(&self.metrics),
        );
        let mut tasks = self.tasks.lock();
        // Those that have ended are let go here, so that the set holds no more than the live ones.
        while let Some(ended) = tasks.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                self.metrics.panics.of(crate::metrics::Part::Runtime).inc();
                tracing::error!(%error, "a topic's task has panicked; its topic starts anew");
            }
        }
        tasks.spawn_on(task.run(), &self.runtime);
    }
}
