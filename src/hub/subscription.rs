//! What ties a subscriber to its topic; dropping it is leaving.

use std::sync::Arc;
use std::time::Duration;

use super::topic::{FirstAnswer, Topic};
use crate::metrics::{GaugeGuard, Protocol};

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
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.topic.leave();
    }
}
