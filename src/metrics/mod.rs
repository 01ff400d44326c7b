//! What Fantail reports about itself: every metric's name, and handles that are resolved once.
//!
//! A leaf beside the layers: imports nothing of the crate. Invariants: label values come from the
//! enums in `labels`, from route, listener and upstream names, never from topics or clients; a
//! series exists at 0 from the start; nothing is looked up by name after start-up.

mod family;
mod labels;
mod pass;
mod route;
mod tls;
mod upstream;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use prometheus::{Encoder, IntCounter, IntGauge, Registry, TextEncoder};

pub use family::{ByLabel, Family, GaugeGuard};
pub use labels::{
    CloseReason, ConflateReason, DropReason, EndReason, FeedState, GapCause, Glitch,
    HandoverFailure, HandshakeResult, MissReason, Part, Protocol, RejectReason, ResumeResult,
    StatusClass, SuspectCause, TopicState, UpstreamReason, WaitCause,
};
pub use pass::PassMetrics;
pub use route::RouteMetrics;
pub use tls::TlsMetrics;
pub use upstream::UpstreamMetrics;

/// The registry and the handles that belong to no route, upstream or listener.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    routes: route::Families,
    upstreams: upstream::Families,
    listeners: ListenerFamilies,
    tls: tls::Families,
    shard_subscribers: Family<IntGauge>,
    shard_busy: Family<prometheus::Counter>,
    /// Bytes of frames kept in all logs.
    pub buffered_log_bytes: IntGauge,
    /// What they may be at most right now.
    pub buffered_log_limit: IntGauge,
    /// How short memory is: 0, 1 or 2 (see [`crate::overload::Pressure`]).
    pub overload_state: IntGauge,
    /// Topics that wait for their turn to open.
    pub topics_waiting: ByLabel<IntGauge>,
    /// Caught panics by part.
    pub panics: ByLabel<IntCounter>,
    /// Length of the running or last drain.
    pub drain_seconds: IntGauge,
    /// New processes that did not take over.
    pub handover_failures: ByLabel<IntCounter>,
    start_time: IntGauge,
    dropped_lines: DroppedLines,
}

/// Lines that the log has lost, which its writer counts.
struct DroppedLines {
    total: IntCounter,
    /// Locked while the counter follows, so that two scrapes do not count the same lines.
    asked: Mutex<Option<Box<dyn Fn() -> u64 + Send + Sync>>>,
}

impl std::fmt::Debug for DroppedLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.total.fmt(f)
    }
}

impl DroppedLines {
    fn follow(&self) {
        if let Some(lines) = &*self.asked.lock() {
            self.total.inc_by(lines().saturating_sub(self.total.get()));
        }
    }
}

/// Handles of one listener.
#[derive(Debug)]
pub struct ListenerMetrics {
    /// Open connections, detached streams included.
    pub connections: IntGauge,
    /// Those of them that speak HTTP/2.
    pub h2_connections: IntGauge,
    /// What clients do on those that they should not.
    pub glitches: ByLabel<IntCounter>,
    /// Refusals of every form, by [`RejectReason`].
    pub rejects: ByLabel<IntCounter>,
    /// The part of them that was answered by 200, `retry:` and a clean end.
    pub soft_rejects: ByLabel<IntCounter>,
    /// Errors of `accept`, out of descriptors.
    pub accept_emfile: IntCounter,
    /// Errors of `accept`, all others.
    pub accept_other: IntCounter,
}

#[derive(Debug)]
struct ListenerFamilies {
    connections: Family<IntGauge>,
    glitches: Family<IntCounter>,
    rejects: Family<IntCounter>,
    soft_rejects: Family<IntCounter>,
    accept_errors: Family<IntCounter>,
}

/// Handles of one delivery shard.
#[derive(Debug)]
pub struct ShardMetrics {
    /// Subscribers that live in the shard.
    pub subscribers: IntGauge,
    /// Seconds spent outside of waiting.
    pub busy: prometheus::Counter,
}

impl Metrics {
    /// A registry with every family registered.
    #[expect(clippy::too_many_lines, reason = "a list of names, one a line")]
    pub fn new() -> Arc<Self> {
        let registry = Registry::new();
        let r = &registry;
        process(r);
        let metrics = Self {
            routes: route::Families::new(r),
            upstreams: upstream::Families::new(r),
            listeners: ListenerFamilies::new(r),
            tls: tls::Families::new(r),
            shard_subscribers: Family::gauge(
                r,
                "fantail_shard_subscribers",
                "Subscribers of a shard.",
                &["shard"],
            ),
            shard_busy: Family::float_counter(
                r,
                "fantail_shard_busy_seconds_total",
                "Time a shard spent working rather than waiting.",
                &["shard"],
            ),
            buffered_log_bytes: Family::gauge(
                r,
                "fantail_buffered_bytes",
                "Bytes held for delivery.",
                &["kind"],
            )
            .with(&["log"]),
            buffered_log_limit: Family::gauge(
                r,
                "fantail_buffered_limit_bytes",
                "Bytes that may be held for delivery; less while memory is scarce.",
                &["kind"],
            )
            .with(&["log"]),
            overload_state: Family::gauge(
                r,
                "fantail_overload_state",
                "0 enough memory, 1 logs are shortened, 2 newcomers are turned away too.",
                &[],
            )
            .with(&[]),
            topics_waiting: Family::gauge(
                r,
                "fantail_topics_waiting",
                "Topics that wait for their turn to open an upstream.",
                &["cause"],
            )
            .by_label(&[], WaitCause::ALL, WaitCause::label),
            panics: Family::counter(r, "fantail_panics_total", "Caught panics.", &["part"])
                .by_label(&[], Part::ALL, Part::label),
            drain_seconds: Family::gauge(
                r,
                "fantail_drain_seconds",
                "Length of the running or last drain.",
                &[],
            )
            .with(&[]),
            handover_failures: Family::counter(
                r,
                "fantail_handover_failures_total",
                "New processes that did not take over.",
                &["reason"],
            )
            .by_label(&[], HandoverFailure::ALL, HandoverFailure::label),
            start_time: Family::gauge(
                r,
                "fantail_start_time_seconds",
                "When the process started, Unix time.",
                &[],
            )
            .with(&[]),
            dropped_lines: DroppedLines {
                total: Family::counter(
                    r,
                    "fantail_log_dropped_total",
                    "Lines that the log lost because nobody read it fast enough.",
                    &[],
                )
                .with(&[]),
                asked: Mutex::default(),
            },
            registry,
        };
        Arc::new(metrics)
    }

    /// Notes when the program started.
    pub fn started_at(&self, wall: SystemTime) {
        let since_1970 = wall.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        self.start_time
            .set(i64::try_from(since_1970).unwrap_or(i64::MAX));
    }

    /// The handles of a route; its series exist from here on.
    pub fn route(&self, name: &str) -> Arc<RouteMetrics> {
        Arc::new(self.routes.resolve(name))
    }

    /// The handles of an upstream, named by its origin as the configuration spells it.
    pub fn upstream(&self, origin: &str) -> Arc<UpstreamMetrics> {
        Arc::new(self.upstreams.resolve(origin))
    }

    /// The handles of a listener, named by its address as the configuration spells it.
    pub fn listener(&self, name: &str) -> Arc<ListenerMetrics> {
        let f = &self.listeners;
        Arc::new(ListenerMetrics {
            connections: f.connections.with(&[name, "h1"]),
            h2_connections: f.connections.with(&[name, "h2"]),
            glitches: f.glitches.by_label(&[name], Glitch::ALL, Glitch::label),
            rejects: f
                .rejects
                .by_label(&[name], RejectReason::ALL, RejectReason::label),
            soft_rejects: f
                .soft_rejects
                .by_label(&[name], RejectReason::ALL, RejectReason::label),
            accept_emfile: f.accept_errors.with(&[name, "emfile"]),
            accept_other: f.accept_errors.with(&[name, "other"]),
        })
    }

    /// The handles of a listener's TLS.
    pub fn tls_listener(&self, name: &str) -> Arc<TlsMetrics> {
        Arc::new(self.tls.resolve(name))
    }

    /// When a listener's certificate expires. Resolved at start and after a change of files only.
    pub fn certificate_expiry(&self, listener: &str, name: &str) -> IntGauge {
        self.tls.expiry(listener, name)
    }

    /// When the revocation list of an authority expires. Resolved likewise.
    pub fn revocation_list_expiry(&self, issuer: &str) -> IntGauge {
        self.tls.lists.with_label_values(&[issuer])
    }

    /// The certificates and lists are others from now on.
    pub fn forget_certificates(&self) {
        self.tls.expiry.reset();
        self.tls.lists.reset();
    }

    /// Files of TLS that have changed, and were taken or not.
    pub fn certificate_reloads(&self, are_good: bool) -> IntCounter {
        let result = if are_good { "ok" } else { "error" };
        self.tls.reloads.with(&[result])
    }

    /// The handles of a shard.
    pub fn shard(&self, number: usize) -> ShardMetrics {
        let name = number.to_string();
        ShardMetrics {
            subscribers: self.shard_subscribers.with(&[&name]),
            busy: self.shard_busy.with(&[&name]),
        }
    }

    /// Who tells how many lines the log has lost.
    pub fn count_dropped_lines(&self, lines: impl Fn() -> u64 + Send + Sync + 'static) {
        *self.dropped_lines.asked.lock() = Some(Box::new(lines));
    }

    /// All series in the Prometheus text format.
    pub fn render(&self) -> Vec<u8> {
        self.dropped_lines.follow();
        let mut out = Vec::with_capacity(16 << 10);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "the metrics can not be encoded");
        }
        out
    }
}

impl ListenerFamilies {
    fn new(r: &Registry) -> Self {
        Self {
            connections: Family::gauge(
                r,
                "fantail_connections",
                "Open connections.",
                &["listener", "protocol"],
            ),
            glitches: Family::counter(
                r,
                "fantail_h2_glitches_total",
                "What HTTP/2 clients did that they should not.",
                &["listener", "kind"],
            ),
            rejects: Family::counter(
                r,
                "fantail_rejects_total",
                "Requests and connections refused.",
                &["listener", "reason"],
            ),
            soft_rejects: Family::counter(
                r,
                "fantail_soft_rejects_total",
                "Rejects answered by 200, a long retry and a clean end.",
                &["listener", "reason"],
            ),
            accept_errors: Family::counter(
                r,
                "fantail_accept_errors_total",
                "Failed accepts.",
                &["listener", "reason"],
            ),
        }
    }
}

fn process(r: &Registry) {
    let collector = prometheus::process_collector::ProcessCollector::for_self();
    if let Err(error) = r.register(Box::new(collector)) {
        tracing::warn!(%error, "process metrics are not available");
    }
    Family::gauge(r, "fantail_build_info", "What runs.", &["version"])
        .with(&[env!("CARGO_PKG_VERSION")])
        .set(1);
}
