//! The meeting place of those who write topics and those who read them.
//!
//! Layer 2: may import `log`, layer 0, `metrics`, `drain`, `clock`. Knows neither where events come
//! from nor how they are delivered: [`OnDemand`] is who opens a source, [`Door`] is how a shard is
//! woken, and `app` brings them together.
//!
//! Invariants: one topic for one key; a topic is only found through the registry, which never
//! hands out a lock; whoever holds a [`Subscription`] is counted, and dropping it is leaving.

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
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self {
            replay: crate::log::Bounds::default(),
            linger: std::time::Duration::from_secs(15),
        }
    }
}
