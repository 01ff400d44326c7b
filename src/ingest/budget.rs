//! How many feeds and attempts an upstream host may have at a time.
//!
//! Invariant: those who wait are served in the order in which they came; a permit is given back by
//! being dropped.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use crate::metrics::{GaugeGuard, Metrics, WaitCause};

/// What all routes to one upstream host share.
#[derive(Debug)]
pub(super) struct Budget {
    connects: Semaphore,
    /// Feeds at a time; `None` = as many as there are topics.
    feeds: Option<Arc<Semaphore>>,
}

/// The right to hold one feed open.
#[derive(Debug)]
pub(super) struct FeedPermit {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let feeds = (limits.max_upstreams > 0).then_some(limits.max_upstreams);
        Arc::new(Self {
            connects: Semaphore::new(limits.upstream_connects.max(1)),
            feeds: feeds.map(|feeds| Arc::new(Semaphore::new(feeds))),
        })
    }

    /// Waits in turn for a feed.
    pub(super) async fn feed(&self, metrics: &Metrics) -> FeedPermit {
        let permit = match (&self.feeds, self.try_feed()) {
            (_, Some(permit)) => return permit,
            (None, None) => None,
            (Some(feeds), None) => {
                let waiting = metrics.topics_waiting.of(WaitCause::MaxUpstreams);
                let _waiting = GaugeGuard::enter(waiting);
                // Never closed, so that it does not fail.
                Arc::clone(feeds).acquire_owned().await.ok()
            }
        };
        FeedPermit { _permit: permit }
    }

    /// A feed at once, if nobody must wait for it.
    pub(super) fn try_feed(&self) -> Option<FeedPermit> {
        match &self.feeds {
            None => Some(FeedPermit { _permit: None }),
            Some(feeds) => {
                let permit = Arc::clone(feeds).try_acquire_owned().ok()?;
                Some(FeedPermit {
                    _permit: Some(permit),
                })
            }
        }
    }

    /// Waits in turn for an attempt.
    pub(super) async fn attempt(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        self.connects.acquire().await.ok()
    }
}
