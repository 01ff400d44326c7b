//! What a feed brings → frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::key::{EventKey, NoKey};
use super::resume::{Ids, Settled};
use super::{IdPolicy, Route};
use crate::clock;
use crate::event::{Event, EventId};
use crate::hub::Appender;
use crate::log::Draft;
use crate::metrics::{DropReason, GapCause, SuspectCause};
use crate::position::Offset;
use crate::source::{Feed, Suspicions};
use crate::sse::Item;

/// A response that was complete within so long is an answer to a poll, and a newcomer gets the
/// last one at once instead of waiting for the next; one that lasts longer is a stream.
const POLL_ANSWER: Duration = Duration::from_secs(5);

/// The way from items to the log.
#[derive(Debug)]
pub(super) struct Events {
    appender: Appender,
    route: Arc<Route>,
    ids: Ids,
    /// The reconnection time that the upstream asked for last.
    retry: Option<Duration>,
    response: Response,
    /// Whether newcomers get the last response from its begin, because it was a poll's answer.
    has_answer: bool,
    /// The newest event, kept only where feeds are rotated: where two feeds are at one place.
    newest: Option<Event>,
    /// Room for an event's key.
    key: String,
}

/// The running response.
#[derive(Debug)]
struct Response {
    head_at: Instant,
    begin: Offset,
    malformed: u64,
    has_event: bool,
}

impl Events {
    pub(super) fn new(appender: Appender, route: Arc<Route>) -> Self {
        let resume = appender.topic().key().resume();
        let ids = Ids::new(route.options.ids, resume.and_then(EventId::new));
        let response = Response {
            head_at: clock::now(),
            begin: Offset(0),
            malformed: 0,
            has_event: false,
        };
        Self {
            appender,
            route,
            ids,
            retry: None,
            response,
            has_answer: false,
            newest: None,
            key: String::new(),
        }
    }

    pub(super) fn appender(&self) -> &Appender {
        &self.appender
    }

    pub(super) fn into_appender(self) -> Appender {
        self.appender
    }

    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    pub(super) fn ids(&self) -> &Ids {
        &self.ids
    }

    /// A response's head has come.
    pub(super) fn begin(&mut self, feed: &dyn Feed) {
        let begin = self.appender.next();
        self.response = Response {
            head_at: clock::now(),
            begin,
            malformed: 0,
            has_event: false,
        };
        self.note_suspicions(feed.suspicions());
        if self.ids.response_begins(begin) {
            self.announce_loss(None, clock::now());
            self.appender.publish();
        }
        self.appender.opens_to_all(feed.is_open_to_all());
        if self.has_answer {
            self.appender.streamed();
        } else {
            // A stream or an answer: its end will tell, and until then newcomers wait a moment.
            self.appender.begun(begin, self.response.head_at);
        }
    }

    /// Another feed takes the running one's place. `is_in_step` says that both are known to be at
    /// the same event (`malformed` lines of the new one are counted then); otherwise something may be lost, and its ids will show it.
    pub(super) fn change_feeds(&mut self, is_in_step: bool, malformed: u64) {
        let begin = self.appender.next();
        self.response.begin = begin;
        self.response.malformed = malformed;
        if !is_in_step {
            self.ids.response_broke();
        }
        if self.ids.response_begins(begin) {
            self.announce_loss(None, clock::now());
            self.appender.publish();
        }
    }

    /// The newest event; `None` where feeds are not rotated.
    pub(super) fn newest(&self) -> Option<&Event> {
        self.newest.as_ref()
    }

    /// One read's items; readers are told once.
    pub(super) fn take(&mut self, items: Vec<Item>, bytes: usize, malformed: u64) {
        let now = clock::now();
        let metrics = Arc::clone(&self.appender.topic().route().metrics);
        metrics.received_bytes.inc_by(bytes as u64);
        let new = malformed - self.response.malformed;
        self.response.malformed = malformed;
        metrics.events_dropped.of(DropReason::Malformed).inc_by(new);
        let before = self.appender.next();
        for item in items {
            match item {
                Item::Event(event) => {
                    self.event(&event, now);
                    if !self.route.options.upstream_max_age.is_zero() {
                        self.newest = Some(event);
                    }
                }
                Item::Retry(delay) => self.retry = Some(delay),
                Item::Oversize { bytes } => self.oversize(bytes, now),
                Item::Unknown(sample) => self.unknown(&sample),
            }
        }
        if now.saturating_duration_since(self.response.head_at) > POLL_ANSWER {
            self.set_answer(None);
        }
        if self.appender.next() > before {
            self.appender.publish();
        }
    }

    /// The response ended as it said it would.
    pub(super) fn complete(&mut self, completed: Option<&Event>, is_dropped: bool) {
        let now = clock::now();
        let metrics = Arc::clone(&self.appender.topic().route().metrics);
        if is_dropped {
            metrics.events_dropped.of(DropReason::Incomplete).inc();
        }
        if let Some(event) = completed {
            metrics.events_completed.inc();
            if first(&self.route.warned.completed) {
                tracing::warn!(
                    topic = self.appender.topic().key().brief(),
                    "the upstream's last event has no blank line behind it and was completed; no \
                     browser would show it: let the script print two line breaks after the data"
                );
            }
            self.event(event, now);
            self.appender.publish();
        }
        // A response whose events were all repetitions says what the one before it said.
        let is_poll = now.saturating_duration_since(self.response.head_at) <= POLL_ANSWER;
        if is_poll && self.appender.next() > self.response.begin {
            self.set_answer(Some(self.response.begin));
        }
        // Who waits for the response's kind looks now.
        self.appender.streamed();
    }

    /// The response broke off.
    pub(super) fn broke(&mut self) {
        self.ids.response_broke();
        self.set_answer(None);
    }

    /// The poll's answer that newcomers get; `None` = they begin at the live edge.
    fn set_answer(&mut self, begin: Option<Offset>) {
        self.appender.set_newcomers_from(begin);
        self.has_answer = begin.is_some();
    }

    fn event(&mut self, event: &Event, now: Instant) {
        let metrics = Arc::clone(&self.appender.topic().route().metrics);
        metrics.events_received.inc();
        if !std::mem::replace(&mut self.response.has_event, true) {
            let since_head = now.saturating_duration_since(self.response.head_at);
            self.route
                .upstream
                .first_event
                .observe(since_head.as_secs_f64());
        }
        match self.ids.settle(event, &mut self.appender) {
            Settled::Repetition => metrics.events_dropped.of(DropReason::Duplicate).inc(),
            Settled::Append {
                identity,
                is_replaced,
                may_have_lost,
            } => {
                if may_have_lost {
                    self.announce_loss(None, now);
                }
                metrics.ids_replaced.inc_by(u64::from(is_replaced));
                let is_found_by_id = event.own_id || self.route.options.ids == IdPolicy::Upstream;
                let id = event.id.as_ref().filter(|_| is_found_by_id);
                let rule = self.route.options.key.as_ref();
                let key = rule.and_then(|rule| {
                    let found = rule.of(event, id, &mut self.key);
                    let told = |why: &_| without_key(&self.route, &self.appender, rule, why);
                    found.inspect_err(told).ok()
                });
                let draft = Draft::Event {
                    id,
                    identity,
                    name: event.name.as_ref(),
                    data: &event.data,
                    key,
                };
                self.appender.append(&draft, now);
            }
        }
    }

    fn oversize(&mut self, bytes: u64, now: Instant) {
        let metrics = Arc::clone(&self.appender.topic().route().metrics);
        metrics.events_dropped.of(DropReason::Oversize).inc();
        if first(&self.route.warned.oversize) {
            tracing::warn!(
                topic = self.appender.topic().key().brief(),
                bytes,
                "an upstream event is larger than `max_event` and was passed over; raise \
                 `max_event` or send less"
            );
        }
        self.announce_loss(Some(1), now);
    }

    /// Tells everybody, through the log, that the upstream lost something or may have.
    fn announce_loss(&mut self, missed: Option<u64>, now: Instant) {
        let metrics = Arc::clone(&self.appender.topic().route().metrics);
        metrics.gaps.of(GapCause::Upstream).inc();
        if self.route.options.gap_event {
            let has_token = self.route.options.ids != IdPolicy::Upstream;
            let reason = GapCause::Upstream.label();
            self.appender.append(
                &Draft::Gap {
                    missed,
                    reason,
                    has_token,
                },
                now,
            );
        }
    }

    fn unknown(&self, sample: &str) {
        if first(&self.route.warned.junk) {
            tracing::warn!(
                topic = self.appender.topic().key().brief(),
                line = ?sample,
                "the upstream sends lines that belong to no event (a PHP notice or HTML?); no \
                 subscriber sees them: find what prints them in the script"
            );
        }
    }

    /// Where the upstream knows who asks, an answer for one person is what was asked for.
    fn note_suspicions(&self, suspicions: Suspicions) {
        if self.appender.topic().key().holds_credential() {
            return;
        }
        let signs = [
            (suspicions.set_cookie, SuspectCause::SetCookie, "Set-Cookie"),
            (
                suspicions.vary,
                SuspectCause::Vary,
                "Vary on a cookie or credential",
            ),
            (
                suspicions.private,
                SuspectCause::Private,
                "Cache-Control: private",
            ),
        ];
        for (is_there, cause, words) in signs {
            if !is_there {
                continue;
            }
            self.appender
                .topic()
                .route()
                .metrics
                .share_suspect
                .of(cause)
                .inc();
            let warned = self.route.warned.suspicion.get(usize::from(cause));
            if warned.is_some_and(first) {
                tracing::warn!(
                    route = %self.appender.topic().route().name,
                    sign = words,
                    "the upstream's answer looks as if it were meant for one client; nothing of a \
                     client reaches it, so nobody sees another's data. If the stream depends on \
                     who asks, declare it: cookies = [\"…\"], with the session's name"
                );
            }
        }
    }
}

/// What the route says, it says of most events at least: all of them without is a mistake.
fn without_key(route: &Route, appender: &Appender, rule: &EventKey, why: &NoKey) {
    let topic = appender.topic();
    topic.route().metrics.events_without_key.inc();
    if first(&route.warned.without_key) {
        tracing::warn!(
            topic = topic.key().brief(),
            key = %rule,
            why = %why,
            "an upstream event has nothing that says what it is about: no newer event replaces \
             it. If that is so of all of them, correct the route's `key`"
        );
    }
}

/// Whether this is the first time.
fn first(warned: &AtomicBool) -> bool {
    !warned.swap(true, Ordering::Relaxed)
}
