//! Sockets fed by cursors.
//!
//! Layer 3: may import `hub`, `log`, layer 0 and the leaves.

use std::time::Duration;

/// What happens to a subscriber that fell off the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// It is told of the gap and reads on.
    #[default]
    Skip,
    /// Its stream ends at a frame boundary; it may resume.
    Close,
}

/// Where a cursor whose place is gone reads on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnGap {
    /// At the oldest frame kept.
    #[default]
    Oldest,
    /// At the live edge.
    Live,
}

/// How the streams of a route are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// A quiet stream gets the two bytes `:` LF so often. 15 s is the standard's advice and below
    /// every idle limit of real intermediaries (30 s and up).
    pub heartbeat: Duration,
    /// Base of the `retry:` that a newcomer gets; jittered, and spread wider as clients grow.
    pub retry: Duration,
    /// No progress on pending bytes for so long ends the stream.
    pub stall_timeout: Duration,
    /// Longest life of a stream, randomised 80 to 100 %; 0 = no bound.
    pub max_age: Duration,
    /// See [`Slow`].
    pub slow: Slow,
    /// See [`OnGap`].
    pub on_gap: OnGap,
    /// Whether gaps are told by an event; they are counted all the same.
    pub gap_event: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            retry: Duration::from_secs(3),
            stall_timeout: Duration::from_secs(30),
            max_age: Duration::ZERO,
            slow: Slow::Skip,
            on_gap: OnGap::Oldest,
            gap_event: true,
        }
    }
}

/// The bounds of all shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardOptions {
    /// Delivery threads; 0 = one per core.
    pub threads: usize,
    /// `TCP_NOTSENT_LOWAT`: bytes that wait unsent in the kernel before a write blocks. 16 KiB
    /// measured 19 KB for each stalled client instead of 3.8 MB.
    pub unsent_bytes: u32,
    /// `SO_SNDBUF`; 0 = the kernel's own.
    pub send_buffer: usize,
    /// Bytes that a client may send after its request head, at once …
    pub inbound_burst: u32,
    /// … and per second. A client of a stream has nothing to say.
    pub inbound_per_second: u32,
    /// Subscriptions a second that a reconnect storm is spread to, by `retry:`.
    pub admit_per_second: u32,
}

impl Default for ShardOptions {
    fn default() -> Self {
        Self {
            threads: 0,
            unsent_bytes: 16 << 10,
            send_buffer: 64 << 10,
            inbound_burst: 64 << 10,
            inbound_per_second: 2 << 10,
            admit_per_second: 1000,
        }
    }
}
