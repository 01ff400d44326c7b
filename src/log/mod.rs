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
//! Invariants, proved by proptest against a naive model and by loom where threads meet:
//!
//! * I1 offsets are dense and rise
//! * I2 a cursor never sees a frame twice or out of order
//! * I3 every gap is reported with its exact size
//! * I4 the memory of a log is at most its bound plus one frame
//! * I5 no lock is held while waking or writing
//! * I6 after it is sealed, nothing is delivered that was not in it before
//! * I7 one writer per topic, by type: [`Writer`] is not `Clone`

mod budget;
mod cursor;
mod departed;
mod frame;
mod ids;
#[cfg(all(test, feature = "loom"))]
mod loom_tests;
mod ring;
mod shared;
pub(crate) mod sync;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use budget::Budget;
pub use cursor::{Batch, Cursor, Piece, Place, Read};
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
