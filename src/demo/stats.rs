//! The demo's second stream: what the gateway says about the first one.

use std::sync::Arc;
use std::time::Duration;

use prometheus::IntGauge;
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior};

use crate::event::EventId;
use crate::event::{Event, EventName};
use crate::metrics::{FeedState, RouteMetrics, UpstreamMetrics};
use crate::source::{BoxFuture, Error, Feed, Source, Step};
use crate::sse::Item;

/// Often enough for a person to see a tab open.
const EVERY: Duration = Duration::from_secs(1);

/// The numbers of a route and its upstream, as a source of events.
#[derive(Clone, Debug)]
pub(super) struct Stats {
    route: Arc<RouteMetrics>,
    upstream: Arc<UpstreamMetrics>,
}

impl Stats {
    pub(super) fn new(route: Arc<RouteMetrics>, upstream: Arc<UpstreamMetrics>) -> Self {
        Self { route, upstream }
    }

    fn event(&self) -> Event {
        let data = json!({
            "clients": self.route.subscribers.iter().map(IntGauge::get).sum::<i64>(),
            "upstreams": self.upstream.feeds.of(FeedState::Streaming).get(),
            "events": self.route.events_received.get(),
            "delivered": self.route.frames_delivered.get(),
        });
        Event {
            id: None,
            own_id: false,
            name: EventName::new("stats"),
            data: data.to_string(),
        }
    }
}

impl Source for Stats {
    fn open(&self, _resume: Option<EventId>) -> BoxFuture<'_, Result<Box<dyn Feed>, Error>> {
        Box::pin(async move {
            let mut every = tokio::time::interval(EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let feed: Box<dyn Feed> = Box::new(StatsFeed {
                stats: self.clone(),
                every,
            });
            Ok(feed)
        })
    }
}

struct StatsFeed {
    stats: Stats,
    every: Interval,
}

impl Feed for StatsFeed {
    fn next(&mut self) -> BoxFuture<'_, Result<Step, Error>> {
        Box::pin(async move {
            self.every.tick().await;
            let event = self.stats.event();
            let bytes = event.data.len();
            Ok(Step::Items {
                items: vec![Item::Event(event)],
                bytes,
            })
        })
    }
}
