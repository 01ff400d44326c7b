//! The judgement: what was seen → what is wrong.
//!
//! Pure: each finding is a function of the [`Case`] alone, tested as a table. Invariant: one code
//! gives one finding at most; what can not be judged from what was seen is not judged, and
//! [`unjudged`] says what would be needed.

mod buffers;
mod cors;
mod ending;
mod ids;
mod kind;
mod reach;
mod sharing;
mod size;
mod text;
mod timing;
mod tls;

use std::time::Duration;

use super::finding::{Code, Finding, Severity};
use super::observation::Observation;
use super::reading::Reading;

pub(super) use self::buffers::is_suspect;
pub(super) use self::sharing::Sharing;

/// What is long, and what is round; only tests have others.
#[derive(Clone, Debug)]
pub struct Yardstick {
    /// Silence that middleboxes and watchdogs begin to mind.
    pub silence: Duration,
    /// Ages at which somebody's limit ends a stream.
    pub round: Vec<Duration>,
    /// How far from them still counts as there.
    pub tolerance: Duration,
}

/// Everything that a finding may look at.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was seen.
    pub seen: Observation,
    /// The body of the first visit, read.
    pub body: Reading,
    /// The body of the longer one, read.
    pub longer: Option<Reading>,
    /// What is long, and what is round.
    pub yardstick: Yardstick,
}

impl Default for Yardstick {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(15),
            round: [30, 60, 90, 100, 120, 300]
                .map(Duration::from_secs)
                .to_vec(),
            tolerance: Duration::from_secs(1),
        }
    }
}

impl Case {
    /// Reads the first body.
    pub fn new(seen: Observation, yardstick: Yardstick) -> Self {
        let body = Reading::of(&seen.first);
        let longer = seen.longer.as_ref().map(Reading::of);
        Self {
            seen,
            body,
            longer,
            yardstick,
        }
    }

    /// Whether the first visit found a stream whose body can be read.
    pub fn is_readable(&self) -> bool {
        self.seen.first.is_stream() && self.seen.first.coding().is_none()
    }
}

/// All findings, in the order of their codes.
pub fn judge(case: &Case) -> Vec<Finding> {
    let all: [fn(&Case) -> Option<Finding>; 22] = [
        reach::reach,
        reach::redirect,
        reach::status,
        kind::media_type,
        kind::charset,
        ending::ends,
        kind::compressed,
        timing::buffered,
        text::blank_line,
        text::escapes,
        text::notices,
        text::unknown,
        text::bom,
        ending::silence,
        ending::cut,
        ids::ids,
        ids::resume,
        sharing::session_lock,
        sharing::workers,
        sharing::sharing,
        cors::cors,
        size::size,
    ];
    all.iter().filter_map(|finding| finding(case)).collect()
}

/// Whether nobody gets an event.
pub fn is_broken(findings: &[Finding]) -> bool {
    findings.iter().any(|f| f.severity == Severity::Fault)
}

/// What was not judged, and what would be needed for it.
pub fn unjudged(case: &Case) -> Vec<(Code, &'static str)> {
    if !case.seen.first.is_stream() {
        return Vec::new();
    }
    let mut list = Vec::new();
    if !case.seen.first.was_ended() && case.seen.looked <= case.yardstick.silence {
        list.push((Code::Silence, "silence: look longer than 15 s, --for 40s"));
        list.push((Code::Cut, "cut at a round number: look longer, --for 130s"));
    }
    if case.is_readable() && case.seen.first.body.is_empty() && !case.seen.first.was_ended() {
        list.push((
            Code::Buffered,
            "buffering: nothing came; a buffer of 4 KiB may take longer to be full, --for 60s",
        ));
    }
    if case.is_readable() && case.seen.resumed.is_none() && !case.body.events.is_empty() {
        list.push((Code::Resume, "resume: needs events with ids"));
    }
    if case.seen.crowd.as_ref().is_some_and(|crowd| !crowd.cookie) {
        list.push((
            Code::SessionLock,
            "session lock: needs a cookie, --cookie 'NAME=value'",
        ));
    }
    if sharing::sharing(case).is_none() {
        list.push((
            Code::Sharing,
            "sharing: no events of two visitors to compare within 3 s",
        ));
    }
    if case.seen.workers.is_none() {
        list.push((
            Code::Workers,
            "workers: opens many streams, so only with --workers 8",
        ));
    }
    list.sort_by_key(|(code, _)| *code);
    list
}
