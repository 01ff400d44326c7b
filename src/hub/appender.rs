//! The writing end of a topic: what its one task holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::topic::{Answer, FirstAnswer, Topic};
use crate::event::{EventId, EventName};
use crate::log::{Appended, Draft, Writer};
use crate::metrics::{CloseReason, FeedState};
use crate::position::Offset;

/// Appends frames to a topic and speaks for its upstream. There is one for a topic, and it can not
/// be cloned (I7). Dropping it is the topic's end: the log is sealed, streams end, and the next
/// subscriber gets a new topic. So a task that panics leaves nothing half open.
#[derive(Debug)]
pub struct Appender {
    writer: Option<Writer>,
    topic: Arc<Topic>,
    hub: Arc<Shared>,
    reason: CloseReason,
}

impl Appender {
    pub(super) fn new(topic: Arc<Topic>, writer: Writer, hub: Arc<Shared>) -> Self {
        topic.route.metrics.topics_opened.inc();
        Self {
            writer: Some(writer),
            topic,
            hub,
            reason: CloseReason::Idle,
        }
    }

    /// The topic.
    pub fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// Appends one frame. Readers are told by [`Self::publish`], once for a batch.
    pub fn append(&mut self, draft: &Draft<'_>, now: Instant) -> Option<Appended> {
        let appended = self.writer.as_mut().map(|writer| writer.append(draft, now));
        let metrics = &self.topic.route.metrics;
        metrics.frames_appended.inc();
        if let Some(forgotten) = appended.map(|a| a.forgotten).filter(|n| *n > 0) {
            metrics.keys_forgotten.inc_by(forgotten);
        }
        appended
    }

    /// Tells the readers.
    pub fn publish(&self) {
        self.topic.publish();
    }

    /// The offset of the next frame.
    pub fn next(&self) -> Offset {
        self.writer.as_ref().map_or(Offset(0), Writer::next)
    }

    /// Whether a frame in the log holds this id.
    pub fn knows(&self, id: &EventId) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.knows(id))
    }

    /// Whether a frame before `before` holds this id and says the same.
    pub fn repeats(
        &mut self,
        id: &EventId,
        name: Option<&EventName>,
        data: &str,
        before: Offset,
    ) -> bool {
        self.writer
            .as_mut()
            .is_some_and(|writer| writer.repeats(id, name, data, before))
    }

    /// From where newcomers read; `None` = from the live edge.
    pub fn set_newcomers_from(&mut self, from: Option<Offset>) {
        if let Some(writer) = &mut self.writer {
            writer.set_newcomers_from(from);
        }
    }

    /// Whether the upstream lets pages of every origin read it; to be said before it streams.
    pub fn opens_to_all(&self, open_to_all: bool) {
        self.topic.opens_to_all(open_to_all);
    }

    /// The upstream streams.
    pub fn streamed(&self) {
        self.topic.streamed(FirstAnswer::Streaming);
    }

    /// Likewise; the response began at `from`, and it will be known later what kind it is.
    pub fn begun(&self, from: Offset, at: Instant) {
        self.topic.streamed(FirstAnswer::Begun { from, at });
    }

    /// The upstream is in trouble; those who wait for its first answer are told the reason.
    pub fn held(&self, reason: &'static str) {
        self.topic.held(reason);
    }

    /// Whether the upstream has ever streamed.
    pub fn has_been_live(&self) -> bool {
        self.topic.has_been_live()
    }

    /// What the topic's task does, for those who look.
    pub fn report(&self, feed: FeedState, error: Option<String>) {
        self.topic.report(feed, error);
    }

    /// The topic ends with the upstream's last word, which is remembered until `until`.
    pub fn end_with(mut self, answer: Answer, until: Instant) {
        self.reason = CloseReason::Upstream;
        self.topic.answered(answer, until);
    }

    /// The topic ends because its upstream has.
    pub fn end(mut self) {
        self.reason = CloseReason::Upstream;
    }

    /// How long this topic must wait for its turn to open.
    pub fn turn_to_open(&self, now: Instant) -> Duration {
        self.hub.new_topics.reserve(now)
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        // First out of sight, then sealed, then told: a reader that sees the end and comes back at
        // once must find a new topic.
        if self.topic.ended() {
            self.hub.registry.remove(&self.topic);
        }
        self.writer = None;
        self.topic.tell();
        self.topic.route.metrics.topics_closed.of(self.reason).inc();
    }
}
