//! The metrics of a route's ordinary requests, which are passed through.

use prometheus::{Histogram, IntCounter, IntGauge, Registry};

use super::family::{ByLabel, Family};
use super::labels::StatusClass;

/// Handles of one route.
#[derive(Debug)]
pub struct PassMetrics {
    /// Requests passed through, by [`StatusClass`] of the answer.
    pub requests: ByLabel<IntCounter>,
    /// From a request to the head of its answer.
    pub answer_duration: Histogram,
    /// Upgraded connections right now.
    pub tunnels: IntGauge,
}

#[derive(Debug)]
pub(super) struct Families {
    requests: Family<IntCounter>,
    answer_duration: Family<Histogram>,
    tunnels: Family<IntGauge>,
}

const ANSWER_SECONDS: [f64; 8] = [1e-3, 5e-3, 2.5e-2, 0.1, 0.25, 1.0, 5.0, 30.0];

impl Families {
    pub(super) fn new(r: &Registry) -> Self {
        Self {
            requests: Family::counter(
                r,
                "fantail_requests_total",
                "Ordinary requests passed through, by the class of the answer's status.",
                &["route", "status"],
            ),
            answer_duration: Family::histogram(
                r,
                (
                    "fantail_request_duration_seconds",
                    "Ordinary requests: from the request to the head of its answer.",
                ),
                &["route"],
                &ANSWER_SECONDS,
            ),
            tunnels: Family::gauge(
                r,
                "fantail_tunnels",
                "Connections that have switched protocols.",
                &["route"],
            ),
        }
    }

    pub(super) fn resolve(&self, name: &str) -> PassMetrics {
        let n = &[name];
        PassMetrics {
            requests: self
                .requests
                .by_label(n, StatusClass::ALL, StatusClass::label),
            answer_duration: self.answer_duration.with(n),
            tunnels: self.tunnels.with(n),
        }
    }
}
