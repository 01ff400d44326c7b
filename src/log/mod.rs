//! A topic's bounded log of frames, and how cursors read it.
//!
//! Layer 1, pure: may import layer 0; time comes in as an argument; no tokio, no I/O, no metrics.
//!
//! One [`Writer`] appends frames, each encoded once; any number of readers hold a
//! [`Cursor`], which is nothing but the offset of the frame they read next. *Lag* is the number of
//! frames between a cursor and the live edge. It is noticed when the cursor reads and its frame
//! has been evicted: the reader is told how many frames it missed and stands at the oldest one
//! kept. What happens then (move on, close) is the route's policy, not the log's.
//!
//! A log may keep *keys*: then a frame that a newer one of its key replaces is marked, and the newest
//! of a key outlives the ring, for as long as it is the newest and there is room. Such a log can be
//! read in a second way, which picks only what nothing replaces ([`Log::read_newest`]), and it can
//! give a snapshot ([`Log::begin`]). Both are places in the same sequence of offsets, which then has
//! holes; no reader has any state beside its [`Cursor`].
//!
//! A log may also *hold back* what is appended until it is released ([`Log::hold`]): then all readers
//! see the log as it ends there, and pick the newest of each key of what is new. The end releases
//! everything.
//!
//! Invariants, proved by proptest against a naive model and by loom where threads meet:
//!
//! * I1 offsets are dense and rise
//! * I2 a cursor never sees a frame twice or out of order
//! * I3 every gap is reported with its exact size. To a reader that picks the newest, a gap is a frame
//!   that is gone though nothing replaces it; that there is one is reported, and how many there are
//!   is not known. What a snapshot passes over is no gap
//! * I4 the memory of a log is at most its bound plus one frame; with keys, and what `max_keys` allows
//! * I5 no lock is held while waking or writing
//! * I6 after it is sealed, nothing is delivered that was not in it before
//! * I7 one writer per topic, by type: [`Writer`] is not `Clone`

mod budget;
mod cursor;
mod departed;
mod frame;
mod ids;
mod keys;
#[cfg(all(test, feature = "loom"))]
mod loom_tests;
mod read;
mod ring;
mod shared;
pub(crate) mod sync;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use budget::Budget;
pub use cursor::{Batch, Cursor, Pick, Piece, Place, Reach, Read, Snapshot};
pub use frame::{Draft, Identity};
pub use ring::Appended;
pub use shared::{Log, Writer};

/// How much of a topic is kept for replay. Whatever is reached first evicts the oldest frame; the
/// newest frame is always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Frames; 1,024 cover a minute at 17 events a second.
    pub events: usize,
    /// Encoded bytes, each frame counted with its bookkeeping; 1 MiB × 10,000 topics is what
    /// `log_bytes` then bounds in all.
    pub bytes: usize,
    /// Age of a frame; 0 = no bound. After ten minutes a page is reloaded rather than resumed.
    pub age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            events: 1024,
            bytes: 1 << 20,
            age: Duration::from_secs(600),
        }
    }
}
