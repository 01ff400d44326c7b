//! A reader's place, and what reading from it gives.

use std::time::Instant;

use bytes::Bytes;

use crate::position::Offset;

/// The place of one reader: the offset of the frame that it reads next. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    next: Offset,
    /// Before this place it reads a snapshot: only what no newer frame of the same key replaces,
    /// and whatever else is gone there is no loss. 0 = it reads none.
    until: Offset,
}

impl Cursor {
    /// A cursor whose next frame is `offset`.
    pub fn at(offset: Offset) -> Self {
        Self {
            next: offset,
            until: Offset(0),
        }
    }

    /// A cursor that reads the newest frame of each key from `offset` to `until`, and then on.
    pub(super) fn snapshot(offset: Offset, until: Offset) -> Self {
        Self {
            next: offset,
            until,
        }
    }

    /// The place behind the snapshot that it reads, if it does.
    pub fn snapshot_end(self) -> Option<Offset> {
        (self.next < self.until).then_some(self.until)
    }

    /// The offset of the frame that is read next.
    pub fn offset(self) -> Offset {
        self.next
    }

    /// The same reader at another place.
    #[must_use]
    pub fn moved_to(self, offset: Offset) -> Self {
        Self {
            next: offset,
            ..self
        }
    }

    /// Moves on to `offset`; a place that has been passed is refused (I2).
    pub fn advance_to(&mut self, offset: Offset) {
        debug_assert!(offset >= self.next, "a cursor never goes back");
        self.next = self.next.max(offset);
    }
}

/// What is sent before the live stream to a client that brings no place, and to one whose place is
/// gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Snapshot {
    /// Nothing; of a topic that is polled, the last complete response.
    #[default]
    None,
    /// The last event.
    Last,
    /// The newest event of every key, in their order, and those without a key that the replay still
    /// holds.
    Keys,
}

/// Which frames a reader gets that is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Every one.
    Every,
    /// Those that no newer one of the same key replaces.
    Newest,
}

/// How far one read goes. From a number of bytes: as far as the live edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Frames in the batch after the first are at most so many bytes with it.
    pub bytes: usize,
    /// No frame at or behind this place is read, unless it ends a snapshot or comes before a loss.
    pub until: Offset,
}

impl From<usize> for Reach {
    fn from(bytes: usize) -> Self {
        Self {
            bytes,
            until: Offset(u64::MAX),
        }
    }
}

/// What a read gave. The cursor is moved by the reader, once it has used what it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The batch holds at least one frame.
    Frames,
    /// The cursor is at the live edge, or as far as this read goes: the end of the batch, where what
    /// was passed over is counted.
    Empty,
    /// Frames that the cursor was to read are gone; the batch is empty.
    Gap {
        /// How many. Not known to a reader that picks the newest: nobody knows how many of the
        /// others a newer one had replaced.
        missed: Option<u64>,
        /// The place behind them.
        oldest: Offset,
    },
    /// The cursor is at the end, and nothing will follow.
    Sealed,
}

/// Where a returning client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Exactly here.
    At(Offset),
    /// Its next frame has been evicted.
    Evicted {
        /// Frames between its place and the oldest one kept.
        missed: u64,
        /// The oldest one kept.
        oldest: Offset,
    },
    /// Its id is a token of another life of the log.
    OtherEpoch {
        /// The oldest frame kept.
        oldest: Offset,
    },
    /// Its id is not in the log.
    Unknown {
        /// The oldest frame kept.
        oldest: Offset,
    },
}

/// Frames, copied out of the log behind each other, so that one write sends them all: consecutive
/// ones, or those that were picked.
/// Meant to be kept and filled again: it allocates only until it has seen the largest batch.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) first: Offset,
    pub(super) bytes: Vec<u8>,
    /// Where each frame ends in `bytes`.
    pub(super) ends: Vec<usize>,
    /// The offset of each frame; empty if they are consecutive.
    places: Vec<Offset>,
    pub(super) passed_over: u64,
    pub(super) oldest_at: Option<Instant>,
}

impl Batch {
    /// The frames' bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The place from which it was read: that of the first frame, unless others were passed over.
    pub fn first(&self) -> Offset {
        self.first
    }

    /// The place behind the last frame.
    pub fn end(&self) -> Offset {
        self.behind(self.ends.len())
    }

    /// The place behind the first `frames` of them.
    fn behind(&self, frames: usize) -> Offset {
        match frames.checked_sub(1).and_then(|i| self.places.get(i)) {
            Some(last) => last.next(),
            None if self.places.is_empty() => Offset(self.first.0 + frames as u64),
            None => self.first,
        }
    }

    /// How many frames were passed over because a newer one of the same key replaces them.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// How many frames are complete in the first `written` bytes.
    pub fn whole(&self, written: usize) -> usize {
        self.ends.partition_point(|end| *end <= written)
    }

    /// When the first frame was appended.
    pub fn oldest_at(&self) -> Option<Instant> {
        self.oldest_at
    }

    /// What `written` bytes of the batch mean: the offset of the frame they end in or behind, and
    /// the bytes still owed of that frame (empty at a frame boundary).
    pub fn split(&self, written: usize) -> (Offset, &[u8]) {
        let whole = self.whole(written);
        let begin = whole
            .checked_sub(1)
            .and_then(|i| self.ends.get(i))
            .copied()
            .unwrap_or(0);
        let owed = match self.ends.get(whole) {
            Some(end) if written > begin => self.bytes.get(written..*end).unwrap_or_default(),
            _ => &[],
        };
        match self.places.get(whole) {
            Some(place) if !owed.is_empty() => (*place, owed),
            _ => (self.behind(whole), owed),
        }
    }

    pub(super) fn restart(&mut self, first: Offset) {
        self.first = first;
        self.bytes.clear();
        self.ends.clear();
        self.places.clear();
        self.passed_over = 0;
        self.oldest_at = None;
    }

    /// Nothing before `end` is read.
    pub(super) fn pass_over(&mut self, end: Offset) {
        self.passed_over = end.0.saturating_sub(self.first.0);
        self.first = self.first.max(end);
    }

    pub(super) fn push(&mut self, frame: &[u8], at: Instant) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
        self.oldest_at.get_or_insert(at);
    }

    /// Puts a frame in that others may have been passed over before; whether it fits.
    pub(super) fn push_at(
        &mut self,
        place: Offset,
        frame: &[u8],
        at: Instant,
        limit: usize,
    ) -> bool {
        let fits = self.is_empty() || self.bytes.len() + frame.len() <= limit;
        if fits {
            self.push(frame, at);
            self.places.push(place);
        }
        fits
    }
}

/// A batch in one piece, which readers at the same place share.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    pub(super) bytes: Bytes,
    pub(super) frames: u64,
    pub(super) passed_over: u64,
    pub(super) end: Offset,
}

impl Piece {
    /// The frames' bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Number of frames.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// See [`Batch::passed_over`].
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// The place behind the last frame.
    pub fn end(&self) -> Offset {
        self.end
    }
}
