//! The metrics of an upstream.

use prometheus::{Histogram, IntCounter, IntGauge, Registry};

use super::family::{ByLabel, Family};
use super::labels::{FeedState, UpstreamReason};

/// Handles of one upstream.
#[derive(Debug)]
pub struct UpstreamMetrics {
    /// Feeds by [`FeedState`].
    pub feeds: ByLabel<IntGauge>,
    /// 1 if the newest attempt of any topic succeeded.
    pub up: IntGauge,
    /// Attempts to open a feed.
    pub connect_attempts: IntCounter,
    /// Failed attempts and broken feeds, by [`UpstreamReason`].
    pub errors: ByLabel<IntCounter>,
    /// Responses that ended cleanly.
    pub ends: IntCounter,
    /// From the attempt's begin to the response's head.
    pub connect_duration: Histogram,
    /// From the response's head to its first event.
    pub first_event: Histogram,
    /// When the newest event came, Unix time.
    pub last_event_timestamp: IntGauge,
    /// 1 if anybody is believed to be this upstream, by `insecure = true`.
    pub insecure: IntGauge,
}

#[derive(Debug)]
pub(super) struct Families {
    feeds: Family<IntGauge>,
    up: Family<IntGauge>,
    connect_attempts: Family<IntCounter>,
    errors: Family<IntCounter>,
    ends: Family<IntCounter>,
    connect_duration: Family<Histogram>,
    first_event: Family<Histogram>,
    last_event_timestamp: Family<IntGauge>,
    insecure: Family<IntGauge>,
}

const SECONDS: [f64; 9] = [1e-3, 5e-3, 2.5e-2, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];

impl Families {
    #[expect(clippy::too_many_lines, reason = "a list of names, one a line")]
    pub(super) fn new(r: &Registry) -> Self {
        let u = &["upstream"];
        Self {
            feeds: Family::gauge(
                r,
                "fantail_feeds",
                "Feeds by state.",
                &["upstream", "state"],
            ),
            up: Family::gauge(
                r,
                "fantail_upstream_up",
                "Whether the newest attempt succeeded.",
                u,
            ),
            connect_attempts: Family::counter(
                r,
                "fantail_upstream_connect_attempts_total",
                "Attempts to open a feed.",
                u,
            ),
            errors: Family::counter(
                r,
                "fantail_upstream_errors_total",
                "Failed attempts and broken feeds.",
                &["upstream", "reason"],
            ),
            ends: Family::counter(
                r,
                "fantail_upstream_ends_total",
                "Responses that ended cleanly.",
                u,
            ),
            connect_duration: Family::histogram(
                r,
                (
                    "fantail_upstream_connect_duration_seconds",
                    "Attempt to response head.",
                ),
                u,
                &SECONDS,
            ),
            first_event: Family::histogram(
                r,
                (
                    "fantail_upstream_first_event_seconds",
                    "Response head to first event.",
                ),
                u,
                &SECONDS,
            ),
            last_event_timestamp: Family::gauge(
                r,
                "fantail_upstream_last_event_timestamp_seconds",
                "When the newest event came, Unix time.",
                u,
            ),
            insecure: Family::gauge(
                r,
                "fantail_upstream_insecure",
                "Whether the upstream's certificate is not verified.",
                u,
            ),
        }
    }

    pub(super) fn resolve(&self, origin: &str) -> UpstreamMetrics {
        let u = &[origin];
        UpstreamMetrics {
            feeds: self.feeds.by_label(u, FeedState::ALL, FeedState::label),
            up: self.up.with(u),
            connect_attempts: self.connect_attempts.with(u),
            errors: self
                .errors
                .by_label(u, UpstreamReason::ALL, UpstreamReason::label),
            ends: self.ends.with(u),
            connect_duration: self.connect_duration.with(u),
            first_event: self.first_event.with(u),
            last_event_timestamp: self.last_event_timestamp.with(u),
            insecure: self.insecure.with(u),
        }
    }
}
