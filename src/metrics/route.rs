//! The metrics of a route.

use prometheus::{Histogram, IntCounter, IntGauge, Registry};

use super::family::{ByLabel, Family};
use super::labels::{
    CloseReason, ConflateReason, DropReason, EndReason, GapCause, MissReason, Protocol,
    ResumeResult, SuspectCause, TopicState,
};
use super::pass::{self, PassMetrics};

/// Handles of one route.
#[derive(Debug)]
pub struct RouteMetrics {
    /// Subscribers right now, by [`Protocol`].
    pub subscribers: ByLabel<IntGauge>,
    /// Subscriptions begun, by [`Protocol`]; each poll is one.
    pub subscriptions: ByLabel<IntCounter>,
    /// Subscriptions ended, by [`EndReason`].
    pub ended: ByLabel<IntCounter>,
    /// How long streams lasted; polls are not among them.
    pub duration: Histogram,
    /// Topics by [`TopicState`].
    pub topics: ByLabel<IntGauge>,
    /// Topics opened.
    pub topics_opened: IntCounter,
    /// Topics closed, by [`CloseReason`].
    pub topics_closed: ByLabel<IntCounter>,
    /// Events that upstreams sent.
    pub events_received: IntCounter,
    /// Bytes that upstreams sent.
    pub received_bytes: IntCounter,
    /// Events that never reached the log, by [`DropReason`].
    pub events_dropped: ByLabel<IntCounter>,
    /// Unfinished events that were completed.
    pub events_completed: IntCounter,
    /// Upstream ids that were replaced by a token.
    pub ids_replaced: IntCounter,
    /// Events of which the route's `key` says nothing.
    pub events_without_key: IntCounter,
    /// Frames written to logs.
    pub frames_appended: IntCounter,
    /// Frames completely written to subscribers.
    pub frames_delivered: IntCounter,
    /// Bytes written to subscribers.
    pub sent_bytes: IntCounter,
    /// Frames that subscribers missed, by [`MissReason`].
    pub frames_missed: ByLabel<IntCounter>,
    /// Frames that were passed over for newer ones of the same key, by [`ConflateReason`].
    pub frames_conflated: ByLabel<IntCounter>,
    /// Keys whose newest frame had to go: `max_keys`.
    pub keys_forgotten: IntCounter,
    /// Gaps, by [`GapCause`], told or not.
    pub gaps: ByLabel<IntCounter>,
    /// Returning clients, by [`ResumeResult`].
    pub resumes: ByLabel<IntCounter>,
    /// From the upstream's byte to the last write of a pass.
    pub fanout: Histogram,
    /// Signs against sharing, by [`SuspectCause`].
    pub share_suspect: ByLabel<IntCounter>,
    /// Ordinary requests.
    pub pass: PassMetrics,
}

#[derive(Debug)]
pub(super) struct Families {
    subscribers: Family<IntGauge>,
    subscriptions: Family<IntCounter>,
    ended: Family<IntCounter>,
    duration: Family<Histogram>,
    topics: Family<IntGauge>,
    topics_opened: Family<IntCounter>,
    topics_closed: Family<IntCounter>,
    events_received: Family<IntCounter>,
    received_bytes: Family<IntCounter>,
    events_dropped: Family<IntCounter>,
    events_completed: Family<IntCounter>,
    ids_replaced: Family<IntCounter>,
    events_without_key: Family<IntCounter>,
    frames_appended: Family<IntCounter>,
    frames_delivered: Family<IntCounter>,
    sent_bytes: Family<IntCounter>,
    frames_missed: Family<IntCounter>,
    frames_conflated: Family<IntCounter>,
    keys_forgotten: Family<IntCounter>,
    gaps: Family<IntCounter>,
    resumes: Family<IntCounter>,
    fanout: Family<Histogram>,
    share_suspect: Family<IntCounter>,
    pass: pass::Families,
}

const DURATION_SECONDS: [f64; 8] = [1.0, 10.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];
const FANOUT_SECONDS: [f64; 12] = [
    5e-5, 1e-4, 2.5e-4, 1e-3, 2.5e-3, 1e-2, 2.5e-2, 0.1, 0.25, 1.0, 2.5, 10.0,
];
impl Families {
    #[expect(clippy::too_many_lines, reason = "a list of names, one a line")]
    pub(super) fn new(r: &Registry) -> Self {
        let counter = |name: &str, help: &str| Family::counter(r, name, help, &["route"]);
        let by =
            |name: &str, help: &str, label: &str| Family::counter(r, name, help, &["route", label]);
        Self {
            subscribers: Family::gauge(
                r,
                "fantail_subscribers",
                "Streams being served, and polls that wait.",
                &["route", "protocol"],
            ),
            subscriptions: Family::counter(
                r,
                "fantail_subscriptions_total",
                "Subscriptions begun.",
                &["route", "protocol"],
            ),
            ended: by(
                "fantail_subscriptions_ended_total",
                "Subscriptions ended.",
                "reason",
            ),
            duration: Family::histogram(
                r,
                (
                    "fantail_subscription_duration_seconds",
                    "How long streams lasted.",
                ),
                &["route"],
                &DURATION_SECONDS,
            ),
            topics: Family::gauge(r, "fantail_topics", "Topics by state.", &["route", "state"]),
            topics_opened: counter("fantail_topics_opened_total", "Topics opened."),
            topics_closed: by("fantail_topics_closed_total", "Topics closed.", "reason"),
            events_received: counter("fantail_events_received_total", "Events from upstreams."),
            received_bytes: counter("fantail_received_bytes_total", "Bytes from upstreams."),
            events_dropped: by(
                "fantail_events_dropped_total",
                "Upstream events (or lines) that never reached a log.",
                "reason",
            ),
            events_completed: counter(
                "fantail_events_completed_total",
                "Unfinished last events that were completed.",
            ),
            ids_replaced: counter(
                "fantail_ids_replaced_total",
                "Upstream ids that were replaced by a token.",
            ),
            events_without_key: counter(
                "fantail_events_without_key_total",
                "Upstream events of which the route's key says nothing.",
            ),
            frames_appended: counter("fantail_frames_appended_total", "Frames written to logs."),
            frames_delivered: counter(
                "fantail_frames_delivered_total",
                "Frames completely written to subscribers.",
            ),
            sent_bytes: counter("fantail_sent_bytes_total", "Bytes written to subscribers."),
            frames_missed: by(
                "fantail_frames_missed_total",
                "Frames that subscribers missed.",
                "reason",
            ),
            frames_conflated: by(
                "fantail_frames_conflated_total",
                "Frames passed over for newer ones of the same key.",
                "reason",
            ),
            keys_forgotten: counter(
                "fantail_keys_forgotten_total",
                "Keys whose newest frame had to go (max_keys, or log_bytes).",
            ),
            gaps: by(
                "fantail_gaps_total",
                "Gaps, told to the subscriber or not.",
                "cause",
            ),
            resumes: by(
                "fantail_resumes_total",
                "Where returning clients were placed.",
                "result",
            ),
            fanout: Family::histogram(
                r,
                (
                    "fantail_fanout_duration_seconds",
                    "Upstream read to last subscriber written.",
                ),
                &["route"],
                &FANOUT_SECONDS,
            ),
            share_suspect: by(
                "fantail_share_suspect_total",
                "Responses that look as if they were not meant to be shared.",
                "cause",
            ),
            pass: pass::Families::new(r),
        }
    }

    #[expect(clippy::too_many_lines, reason = "a list of names, one a line")]
    pub(super) fn resolve(&self, name: &str) -> RouteMetrics {
        let one = |family: &Family<IntCounter>| family.with(&[name]);
        let n = &[name];
        RouteMetrics {
            subscribers: self.subscribers.by_label(n, Protocol::ALL, Protocol::label),
            subscriptions: self
                .subscriptions
                .by_label(n, Protocol::ALL, Protocol::label),
            ended: self.ended.by_label(n, EndReason::ALL, EndReason::label),
            duration: self.duration.with(n),
            topics: self.topics.by_label(n, TopicState::ALL, TopicState::label),
            topics_opened: one(&self.topics_opened),
            topics_closed: self
                .topics_closed
                .by_label(n, CloseReason::ALL, CloseReason::label),
            events_received: one(&self.events_received),
            received_bytes: one(&self.received_bytes),
            events_dropped: self
                .events_dropped
                .by_label(n, DropReason::ALL, DropReason::label),
            events_completed: one(&self.events_completed),
            ids_replaced: one(&self.ids_replaced),
            events_without_key: one(&self.events_without_key),
            frames_appended: one(&self.frames_appended),
            frames_delivered: one(&self.frames_delivered),
            sent_bytes: one(&self.sent_bytes),
            frames_missed: self
                .frames_missed
                .by_label(n, MissReason::ALL, MissReason::label),
            frames_conflated: self.frames_conflated.by_label(
                n,
                ConflateReason::ALL,
                ConflateReason::label,
            ),
            keys_forgotten: one(&self.keys_forgotten),
            gaps: self.gaps.by_label(n, GapCause::ALL, GapCause::label),
            resumes: self
                .resumes
                .by_label(n, ResumeResult::ALL, ResumeResult::label),
            fanout: self.fanout.with(n),
            share_suspect: self
                .share_suspect
                .by_label(n, SuspectCause::ALL, SuspectCause::label),
            pass: self.pass.resolve(name),
        }
    }
}
