//! The one task of a live topic: ask, read, wait, ask again, until nobody wants it or the upstream
//! has said its last word.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Route;
use super::answer::{Verdict, remembered_for, verdict};
use super::events::Events;
use super::rotate::Rotation;
use crate::clock;
use crate::hub::{Answer, Appender};
use crate::metrics::{FeedState, GaugeGuard, Metrics, WaitCause};
use crate::source::backoff::{Backoff, poll_delay};
use crate::source::{BoxFuture, Error, Feed, Source, Step};

pub(super) struct Task {
    pub(super) events: Events,
    pub(super) source: Arc<dyn Source>,
    pub(super) route: Arc<Route>,
    metrics: Arc<Metrics>,
    backoff: Backoff,
    /// Since when a topic that has been live gets nothing but definitive answers.
    refused_since: Option<Instant>,
    /// Whether the newest thing said about the upstream is that it is in trouble.
    is_in_trouble: bool,
    state: GaugeGuard,
}

/// How a topic ends.
enum End {
    /// With the upstream's last word.
    Answered(Answer),
    /// With the end of the response, which the route passes on.
    Passed,
}

impl Task {
    pub(super) fn new(
        appender: Appender,
        source: Arc<dyn Source>,
        route: Arc<Route>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            events: Events::new(appender, Arc::clone(&route)),
            source,
            state: GaugeGuard::enter(route.upstream.feeds.of(FeedState::Connecting)),
            route,
            metrics,
            backoff: Backoff::new(),
            refused_since: None,
            is_in_trouble: false,
        }
    }

    pub(super) async fn run(mut self) {
        let topic = Arc::clone(self.events.appender().topic());
        // Many topics that are left in one instant do not close in one instant.
        let linger = self.route.linger.mul_f64(1.0 + fastrand::f64() / 3.0);
        let end = tokio::select! {
            // Whichever is dropped: an open feed closes its connection, a wait is forgotten.
            end = self.follow() => Some(end),
            () = topic.deserted(linger) => None,
            // Only what is held back is told by it, and the topic's end tells that too.
            never = topic.keep_pace() => match never {},
        };
        let appender = self.events.into_appender();
        match end {
            Some(End::Answered(answer)) => {
                let until = clock::now() + remembered_for(&answer, fastrand::f64());
                appender.end_with(answer, until);
            }
            Some(End::Passed) => appender.end(),
            None => {}
        }
    }

    /// Asks the upstream again and again.
    async fn follow(&mut self) -> End {
        self.wait_for_turn().await;
        loop {
            let wait = match self.ask().await {
                Ok(()) if self.route.options.hold_on_end => {
                    self.enter(FeedState::Waiting, None);
                    poll_delay(self.events.retry(), self.route.options.poll_interval)
                }
                Ok(()) => return End::Passed,
                Err(error) => match self.failed(&error) {
                    Some(answer) => return End::Answered(answer),
                    None => self.backoff.next(fastrand::f64()),
                },
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// New topics beyond the rate wait in turn.
    async fn wait_for_turn(&self) {
        let wait = self.events.appender().turn_to_open(clock::now());
        if !wait.is_zero() {
            let _waiting = GaugeGuard::enter(self.metrics.topics_waiting.of(WaitCause::NewTopics));
            tokio::time::sleep(wait).await;
        }
    }

    /// One request and its response, to the end.
    async fn ask(&mut self) -> Result<(), Error> {
        self.enter(FeedState::Connecting, None);
        // Held until the response has ended; between two polls others have their turn.
        let _worker = self.route.budget.feed(&self.metrics).await;
        let upstream = Arc::clone(&self.route.upstream);
        upstream.connect_attempts.inc();
        let begin = clock::now();
        let resume = self.events.ids().resume_from();
        let opened = {
            let _attempt = self.route.budget.attempt().await;
            self.source.open(resume).await
        };
        upstream.up.set(i64::from(opened.is_ok()));
        let feed = opened?;
        upstream
            .connect_duration
            .observe(elapsed(begin).as_secs_f64());
        self.recovered();
        self.events.begin(&*feed);
        self.enter(FeedState::Streaming, None);
        let head_at = clock::now();
        let result = self.read(feed).await;
        if result.is_ok() {
            upstream.ends.inc();
            self.backoff.reset();
        } else {
            self.events.broke();
            self.backoff.succeeded(elapsed(head_at));
        }
        result
    }

    /// Reads a feed to its end; one that has become old is replaced before it is closed.
    async fn read(&mut self, mut feed: Box<dyn Feed>) -> Result<(), Error> {
        let mut age = self.feed_age();
        loop {
            let step = tokio::select! {
                // `next` loses nothing when it is dropped.
                step = feed.next() => Some(step?),
                () = &mut age => None,
            };
            if let Some(step) = step {
                if self.take_step(step, feed.malformed()) {
                    return Ok(());
                }
                continue;
            }
            feed = match self.rotate(feed).await? {
                Rotation::New(feed) | Rotation::Old(feed) => feed,
                Rotation::Ended => return Ok(()),
            };
            age = self.feed_age();
        }
    }

    /// Comes back when a feed opened now has become old.
    fn feed_age(&self) -> BoxFuture<'static, ()> {
        let age = self.route.options.upstream_max_age;
        if age.is_zero() {
            return Box::pin(std::future::pending());
        }
        Box::pin(tokio::time::sleep(age.mul_f64(0.8 + 0.2 * fastrand::f64())))
    }

    /// Takes what a feed has brought. Whether it was the end.
    pub(super) fn take_step(&mut self, step: Step, malformed: u64) -> bool {
        match step {
            Step::Items { items, bytes } => {
                if !items.is_empty() {
                    self.route.upstream.last_event_timestamp.set(unix_now());
                }
                self.events.take(items, bytes, malformed);
                false
            }
            Step::Ended { completed, dropped } => {
                self.events.complete(completed.as_ref(), dropped);
                true
            }
        }
    }

    /// An attempt or a feed failed. The answer that ends the topic, if one does.
    fn failed(&mut self, error: &Error) -> Option<Answer> {
        self.route.upstream.errors.of(error.reason()).inc();
        let verdict = verdict(error);
        let is_live = self.events.appender().has_been_live();
        let end = match verdict {
            Verdict::Last(answer) => Some(answer),
            Verdict::Definitive(answer) if !is_live => Some(answer),
            Verdict::Definitive(answer) => {
                let since = *self.refused_since.get_or_insert_with(clock::now);
                (elapsed(since) >= self.route.options.error_hold).then_some(answer)
            }
            Verdict::Transient(answer) => {
                self.refused_since = None;
                (!is_live && !self.route.options.hold_on_error).then_some(answer)
            }
        };
        self.tell_of_trouble(error, end.is_some());
        end
    }

    fn tell_of_trouble(&mut self, error: &Error, is_end: bool) {
        let appender = self.events.appender();
        let topic = appender.topic();
        appender.held(error.reason().label());
        // Once until it has recovered: a backend that is down for an hour is one line, not 120.
        if !self.is_in_trouble || is_end {
            let consequence = if is_end {
                "the topic ends"
            } else {
                "subscribers are held"
            };
            tracing::warn!(topic = topic.key().brief(), %error, consequence, "upstream trouble");
        } else {
            tracing::debug!(topic = topic.key().brief(), %error, "upstream still in trouble");
        }
        self.is_in_trouble = true;
        self.enter(FeedState::Backoff, Some(error.to_string()));
    }

    fn recovered(&mut self) {
        self.refused_since = None;
        if std::mem::take(&mut self.is_in_trouble) {
            let topic = self.events.appender().topic();
            tracing::info!(topic = topic.key().brief(), "upstream recovered");
        }
    }

    fn enter(&mut self, state: FeedState, error: Option<String>) {
        self.state = GaugeGuard::enter(self.route.upstream.feeds.of(state));
        self.events.appender().report(state, error);
    }
}

fn elapsed(since: Instant) -> Duration {
    clock::now().saturating_duration_since(since)
}

fn unix_now() -> i64 {
    let since_1970 = clock::wall().duration_since(std::time::UNIX_EPOCH);
    since_1970.map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
