//! What ties a subscriber to its topic; dropping it is leaving.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::topic::{FirstAnswer, Topic};
use crate::metrics::{GaugeGuard, Protocol};
use crate::position::Offset;

/// Who joins a response that began so short a time ago waits until it is known what it is. Scripts
/// that print and exit are over in milliseconds; nobody notices a stream that opens so much later.
const KIND_WAIT: Duration = Duration::from_millis(250);

/// A place at a topic. Counted as long as it lives, whoever holds it.
#[derive(Debug)]
pub struct Subscription {
    topic: Arc<Topic>,
    /// Held, never read.
    _counted: GaugeGuard,
}

impl Subscription {
    pub(super) fn new(topic: Arc<Topic>, protocol: Protocol) -> Self {
        let metrics = &topic.route.metrics;
        metrics.subscriptions.of(protocol).inc();
        let counted = GaugeGuard::enter(metrics.subscribers.of(protocol));
        Self {
            topic,
            _counted: counted,
        }
    }

    /// The topic.
    pub fn topic(&self) -> &Arc<Topic> {
        &self.topic
    }

    /// What the topic's upstream says, once it has said something, or whatever is known after
    /// `patience`.
    pub async fn first_answer(&self, patience: Duration) -> FirstAnswer {
        let mut answers = self.topic.first_answer();
        let known = answers.wait_for(|answer| *answer != FirstAnswer::Pending);
        // The sender lives in the topic, so the only way not to know is the timeout.
        match tokio::time::timeout(patience, known).await {
            Ok(Ok(answer)) => answer.clone(),
            Ok(Err(_)) | Err(_) => FirstAnswer::Pending,
        }
    }

    /// Where a client without an id begins, which was to be `place` when it joined.
    ///
    /// A topic's first response may be a poll's answer or a stream, and only its end tells. Who
    /// joins behind its first event would get nothing of an answer until the next poll, and of a
    /// stream, from the begin, what others have long seen. So it waits for the end, for a moment
    /// only: what comes meanwhile is not lost, for the place is kept.
    pub async fn newcomers_place(&self, place: Offset, now: Instant) -> Offset {
        let mut answers = self.topic.first_answer();
        let answer = answers.borrow().clone();
        let at = match answer {
            FirstAnswer::Begun { from, at } if from < place => at,
            _ => return place,
        };
        let rest = (at + KIND_WAIT).saturating_duration_since(now);
        let known = answers.wait_for(|answer| !matches!(answer, FirstAnswer::Begun { .. }));
        // Too long, and it is taken for a stream; over, and there is nothing more to wait for.
        drop(tokio::time::timeout(rest, known).await);
        place.min(self.topic.log().newcomers_place())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.topic.leave();
    }
}
