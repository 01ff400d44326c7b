//! Feed → log: one task for each live topic.
//!
//! Layer 4, a door: may import `hub`, `source`, layer 0 and the leaves, never another door.

use std::time::Duration;

/// Which id a frame carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    /// The upstream's where it is safe and unique in the log, else Fantail's token.
    #[default]
    Preserve,
    /// Always Fantail's token.
    Gateway,
    /// Exactly what the upstream sent, resets and repetitions included.
    Upstream,
}

/// What a route does about its upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// See [`Ids`].
    pub ids: Ids,
    /// A clean end is held (`true`): subscribers stay while the upstream is asked again. Else
    /// their streams end too.
    pub hold_on_end: bool,
    /// A broken upstream of a cold topic is held (`true`): subscribers get 200 and wait. Else they
    /// get 502 or 504.
    pub hold_on_error: bool,
    /// From the end of a response to the next request; 0 = what the upstream's `retry:` says, else
    /// 3 s, as browsers do.
    pub poll_interval: Duration,
    /// How long a definitive answer (4xx, wrong type) of a topic that has been live must last
    /// until it is believed. 5 min outlive a deployment.
    pub error_hold: Duration,
    /// Whether losses at the upstream are announced by `fantail.gap`.
    pub gap_event: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ids: Ids::Preserve,
            hold_on_end: true,
            hold_on_error: true,
            poll_interval: Duration::ZERO,
            error_hold: Duration::from_secs(300),
            gap_event: true,
        }
    }
}
