//! The meeting place of those who write topics and those who read them.
//!
//! Layer 2: may import `log`, layer 0, `metrics`, `drain`, `clock`. Knows neither where events come
//! from nor how they are delivered: [`OnDemand`] is who opens a source, [`Door`] is how a shard is
//! woken, and `app` brings them together.
//!
//! Invariants: one topic for one key; a topic is only found through the registry, which never
//! hands out a lock; whoever holds a [`Subscription`] is counted, and dropping it is leaving.

mod appender;
mod life;
pub mod limits;
#[cfg(all(test, feature = "loom"))]
mod loom_tests;
mod news;
mod pace;
mod registry;
mod subscription;
mod sync;
#[cfg(test)]
mod tests;
mod topic;
pub mod wake;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use limits::{ClientAddr, PerAddress, Rate, Total};
use registry::Registry;
use topic::NotJoined;
use wake::Door;

pub use appender::Appender;
pub use life::{Life, Turn};
pub use news::Listener;
pub use subscription::Subscription;
pub use topic::{Answer, FirstAnswer, Topic};

use crate::log::Budget;
use crate::metrics::{FeedState, Protocol, RouteMetrics};
use crate::topic_key::{RouteId, TopicKey};

/// How often a subscriber looks again for a topic that is over as soon as it is found. One such
/// race is rare; topics that end whenever they begin mean that the runtime is stopping.
const TRIES: usize = 8;

/// The bounds of all topics together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Topics at a time, held and remembered ones included. 10,000 logs of 1 MiB need `log_bytes`
    /// to bound them; each open topic costs a descriptor.
    pub topics: usize,
    /// Topics that one address may hold open; 0 = no bound, because behind a balancer all clients
    /// share one address.
    pub topics_per_address: usize,
    /// New topics a second, with a burst of as many; one beyond waits its turn, it is not refused.
    pub new_topics_per_second: u32,
    /// Subscribers of one topic; 0 = no bound.
    pub subscribers_per_topic: usize,
    /// Bytes of all logs together.
    pub log_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            topics: 10_000,
            topics_per_address: 0,
            new_topics_per_second: 200,
            subscribers_per_topic: 0,
            log_bytes: 256 << 20,
        }
    }
}

/// How the topics of a route are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicOptions {
    /// See [`crate::log::Bounds`].
    pub replay: crate::log::Bounds,
    /// How long a topic without subscribers keeps its upstream. 15 s outlive a page reload and the
    /// browsers' 3 to 5 s reconnects; a random third is added, so that many do not close at once.
    pub linger: std::time::Duration,
    /// Whether the route says what its events are about.
    pub has_keys: bool,
    /// Keys of a topic whose newest frame is kept though `replay` does not hold it any more, with
    /// 1 KiB each on average. 10,000 are more than a stock exchange has symbols, and cost 10 MiB at
    /// most of `log_bytes`; beyond, the key goes that has been quiet for longest.
    pub max_keys: usize,
    /// How many times a second a topic's readers are told of what is new, at most; 0 = at once,
    /// whenever something is.
    pub max_rate: u32,
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self {
            replay: crate::log::Bounds::default(),
            linger: std::time::Duration::from_secs(15),
            has_keys: false,
            max_keys: 10_000,
            max_rate: 0,
        }
    }
}

impl TopicOptions {
    /// For topics of one client each. Nobody can come back to one, so that it does not linger, and
    /// its log is no memory but what the client has not read yet: 512 KiB hold twice what one read
    /// of the upstream brings at most, and whoever has not read for 30 s is a stalled client.
    pub fn private() -> Self {
        Self {
            replay: crate::log::Bounds {
                bytes: 512 << 10,
                age: std::time::Duration::from_secs(30),
                ..crate::log::Bounds::default()
            },
            linger: std::time::Duration::ZERO,
            ..Self::default()
        }
    }
}

/// What all topics of a route share.
#[derive(Debug)]
pub struct RouteTopics {
    /// The route.
    pub id: RouteId,
    /// Its name.
    pub name: Arc<str>,
    /// How its topics are kept.
    pub options: TopicOptions,
    /// Its metrics.
    pub metrics: Arc<RouteMetrics>,
}

/// Who opens a topic's source when the first subscriber comes. Implemented by ingest, injected by
/// `app`.
pub trait OnDemand: Send + Sync {
    /// Starts the topic's task, which owns the appender from here on. Does not wait.
    fn open(&self, appender: Appender);
}

/// Who wants a subscription, and how it will be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Whose share it counts against.
    pub address: ClientAddr,
    /// The metrics' label.
    pub protocol: Protocol,
}

/// Why there is no subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `topics` is reached.
    Topics,
    /// The address has opened `topics_per_address`.
    TopicsOfAddress,
    /// The topic has `subscribers_per_topic`.
    Subscribers,
    /// The upstream has said its last word, not long ago.
    Answered(Answer),
}

/// A topic as operators see it.
#[derive(Clone, Debug)]
pub struct TopicView {
    /// Its route's name.
    pub route: Arc<str>,
    /// Its key, secrets as digests.
    pub topic: String,
    /// Where it is in its life.
    pub life: Life,
    /// What its task does.
    pub feed: FeedState,
    /// Its subscribers.
    pub subscribers: usize,
    /// Frames kept.
    pub frames: usize,
    /// Bytes kept.
    pub bytes: usize,
    /// Frames ever appended.
    pub appended: u64,
    /// Its age in seconds.
    pub seconds: u64,
    /// What went wrong last, until the upstream streams again.
    pub last_error: Option<String>,
}

/// The hub.
#[derive(Debug)]
pub struct Hub {
    shared: Arc<Shared>,
    options: Options,
    doors: Arc<[Arc<Door>]>,
    budget: Arc<Budget>,
    topics: Arc<Total>,
    topics_of_address: Arc<PerAddress>,
    on_demand: OnceLock<Opener>,
}

/// What an appender needs of the hub.
#[derive(Debug)]
pub(crate) struct Shared {
    registry: Registry,
    new_topics: Rate,
}

struct Opener(Arc<dyn OnDemand>);

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener")
    }
}

impl Hub {
    /// A hub without topics, whose shards are woken through `doors`.
    pub fn new(options: Options, doors: Vec<Arc<Door>>) -> Arc<Self> {
        let new_topics = Rate::new(options.new_topics_per_second);
        Arc::new(Self {
            shared: Arc::new(Shared {
                registry: Registry::default(),
                new_topics,
            }),
            doors: doors.into(),
            budget: Budget::new(options.log_bytes),
            topics: Total::new(options.topics),
            topics_of_address: PerAddress::new(options.topics_per_address),
            on_demand: OnceLock::new(),
            options,
        })
    }

    /// Says who opens sources; once, before the first subscription.
    pub fn set_on_demand(&self, on_demand: Arc<dyn OnDemand>) {
        let first = self.on_demand.set(Opener(on_demand)).is_ok();
        debug_assert!(first, "the opener is set once");
    }

    /// A place at the topic that `key` stands for; the first one makes its source open.
    pub fn subscribe(
        &self,
        route: &Arc<RouteTopics>,
        key: &TopicKey,
        client: Client,
        now: Instant,
    ) -> Result<Subscription, Refusal> {
        for _ in 0..TRIES {
            let topic = match self.shared.registry.get(route.id, key) {
                Some(topic) => topic,
                None => self.create(route, key, client.address)?,
            };
            match topic.join(now, self.options.subscribers_per_topic) {
                Ok(()) => return Ok(Subscription::new(topic, client.protocol)),
                Err(NotJoined::Answered(answer)) => return Err(Refusal::Answered(answer)),
                Err(NotJoined::Full) => return Err(Refusal::Subscribers),
                // It ended between the look-up and the join: whoever comes next makes a new one.
                Err(NotJoined::Over) => self.shared.registry.remove(&topic),
            }
        }
        Err(Refusal::Topics)
    }

    fn create(
        &self,
        route: &Arc<RouteTopics>,
        key: &TopicKey,
        client: ClientAddr,
    ) -> Result<Arc<Topic>, Refusal> {
        let make = || {
            let total = self.topics.try_acquire().ok_or(Refusal::Topics)?;
            let share = self
                .topics_of_address
                .try_acquire(client)
                .ok_or(Refusal::TopicsOfAddress)?;
            let permits = (total, share);
            Ok(Topic::new(
                route,
                key.clone(),
                &self.doors,
                &self.budget,
                permits,
            ))
        };
        let (topic, writer) = self.shared.registry.get_or_create(route.id, key, make)?;
        if let Some(writer) = writer {
            let appender = Appender::new(Arc::clone(&topic), writer, Arc::clone(&self.shared));
            // With nobody to open it, the appender's drop is the topic's end.
            if let Some(Opener(on_demand)) = self.on_demand.get() {
                on_demand.open(appender);
            }
        }
        Ok(topic)
    }

    /// Forgets expired answers; to be called every few seconds.
    pub fn sweep(&self, now: Instant) {
        self.shared.registry.sweep(now);
    }

    /// Every topic, as operators see it.
    pub fn topics(&self, now: Instant) -> Vec<TopicView> {
        self.shared
            .registry
            .all()
            .iter()
            .map(|topic| topic.view(now))
            .collect()
    }

    /// Bytes of all logs together.
    pub fn log_bytes(&self) -> usize {
        self.budget.used()
    }

    /// What they may be at most right now: [`Options::log_bytes`], or less while memory is scarce.
    pub fn log_limit(&self) -> usize {
        self.budget.limit()
    }

    /// Halves every log, down to its newest frame, unless they have at most `least` bytes together;
    /// then lets none of them grow at the expense of memory until [`Hub::restore_logs`]. Whoever
    /// lags behind that far is told of a gap.
    pub fn shorten_logs(&self, least: usize) {
        if self.budget.used() > least {
            for topic in self.shared.registry.all() {
                topic.log().halve();
            }
        }
        let limit = self.budget.used().max(least);
        self.budget.set_limit(limit.min(self.options.log_bytes));
    }

    /// Lets logs grow again.
    pub fn restore_logs(&self) {
        self.budget.set_limit(self.options.log_bytes);
    }
}
