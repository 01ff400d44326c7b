//! A reader's place, and what reading from it gives.

use std::time::Instant;

use bytes::Bytes;

use crate::position::Offset;

/// The place of one reader: the offset of the frame that it reads next. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor(Offset);

impl Cursor {
    /// A cursor whose next frame is `offset`.
    pub fn at(offset: Offset) -> Self {
        Self(offset)
    }

    /// The offset of the frame that is read next.
    pub fn offset(self) -> Offset {
        self.0
    }

    /// Moves on to `offset`; a place that has been passed is refused (I2).
    pub fn advance_to(&mut self, offset: Offset) {
        debug_assert!(offset >= self.0, "a cursor never goes back");
        self.0 = self.0.max(offset);
    }
}

/// What a read gave. The cursor is moved by the reader, once it has used what it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The batch holds at least one frame.
    Frames,
    /// The cursor is at the live edge.
    Empty,
    /// The cursor's frame has been evicted; the batch is empty.
    Gap {
        /// Frames between the cursor and the oldest one kept.
        missed: u64,
        /// The oldest one kept.
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

/// Consecutive frames, copied out of the log behind each other, so that one write sends them all.
/// Meant to be kept and filled again: it allocates only until it has seen the largest batch.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) first: Offset,
    pub(super) bytes: Vec<u8>,
    /// Where each frame ends in `bytes`.
    pub(super) ends: Vec<usize>,
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

    /// The place of the first frame.
    pub fn first(&self) -> Offset {
        self.first
    }

    /// The place behind the last frame.
    pub fn end(&self) -> Offset {
        Offset(self.first.0 + self.ends.len() as u64)
    }

    /// When the first frame was appended.
    pub fn oldest_at(&self) -> Option<Instant> {
        self.oldest_at
    }

    /// What `written` bytes of the batch mean: the offset of the frame they end in or behind, and
    /// the bytes still owed of that frame (empty at a frame boundary).
    pub fn split(&self, written: usize) -> (Offset, &[u8]) {
        let whole = self.ends.partition_point(|end| *end <= written);
        let offset = Offset(self.first.0 + whole as u64);
        let begin = whole
            .checked_sub(1)
            .and_then(|i| self.ends.get(i))
            .copied()
            .unwrap_or(0);
        let owed = match self.ends.get(whole) {
            Some(end) if written > begin => self.bytes.get(written..*end).unwrap_or_default(),
            _ => &[],
        };
        (offset, owed)
    }

    pub(super) fn restart(&mut self, first: Offset) {
        self.first = first;
        self.bytes.clear();
        self.ends.clear();
        self.oldest_at = None;
    }

    pub(super) fn push(&mut self, frame: &[u8], at: Instant) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
        self.oldest_at.get_or_insert(at);
    }
}

/// Consecutive frames in one piece, which all readers at the same place share.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    pub(super) bytes: Bytes,
    pub(super) frames: u64,
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

    /// The place behind the last frame.
    pub fn end(&self) -> Offset {
        self.end
    }
}
