//! Sockets fed by cursors.
//!
//! Layer 3: may import `hub`, `log`, layer 0 and the leaves.
//!
//! A [`Newcomer`] is a socket that has left its HTTP conversation, with the first bytes to write
//! and a place in a log. [`Shards`] gives it to the least loaded shard: a thread that owns its
//! sockets and writes to them straight from the logs.
//!
//! Invariants: a subscriber has a place, never a queue; a subscriber that is not at its topic's
//! live edge waits for its own socket and for nothing else, and nobody waits for it; between two
//! frames, and only there, lines of our own are put in.

mod audience;
pub mod body;
#[doc(hidden)]
pub mod by_hand;
mod close;
mod flow;
pub mod gap;
mod mailbox;
mod pass;
pub mod poll;
pub mod retry;
pub mod session;
mod shard;
mod shards;
mod socket;
mod subscriber;
mod tend;
#[cfg(test)]
mod tests;
mod timer;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use shards::Shards;
pub use socket::Socket;
pub use subscriber::ConnectionPermit;

pub use crate::log::Snapshot;

use crate::hub::Subscription;
use crate::log::Cursor;

/// What happens to a subscriber that fell off the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slow {
    /// It is told of the gap and reads on.
    #[default]
    Skip,
    /// Its stream ends at a frame boundary; it may resume.
    Close,
    /// While it is behind, frames that a newer one of the same key replaces are passed over; it is
    /// told of a gap only if it fell off the log and missed something that nothing replaces.
    Conflate,
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
    /// What goes before the live stream.
    pub snapshot: Snapshot,
    /// Whether gaps are told by an event; they are counted all the same.
    pub gap_event: bool,
    /// Whether that event carries the id of its place, so that a second disconnect does not repeat
    /// it. Off where ids must be exactly the upstream's.
    pub gap_ids: bool,
    /// How long a poll waits for an event, randomised 80 to 100 %; 0 = not at all. 25 s are below
    /// every idle limit of real intermediaries (30 s and up), which see nothing while it waits.
    pub poll_wait: Duration,
    /// Most bytes of frames in a poll's answer; a frame that is larger comes alone. 256 KiB are a
    /// second of a slow line, and cost what a quarter of a log costs while they are on their way.
    pub poll_bytes: usize,
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
            snapshot: Snapshot::None,
            gap_event: true,
            gap_ids: true,
            poll_wait: Duration::from_secs(25),
            poll_bytes: 256 << 10,
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

/// A client that has become a subscriber.
#[derive(Debug)]
pub struct Newcomer {
    /// Its socket, non-blocking.
    pub socket: Socket,
    /// What is written first: response head, `retry:`, a comment, perhaps a gap event.
    pub prologue: Bytes,
    /// From where it reads.
    pub cursor: Cursor,
    /// Its place at the topic.
    pub subscription: Subscription,
    /// How its route serves streams.
    pub options: Arc<Options>,
    /// What its connection holds.
    pub permit: ConnectionPermit,
}
