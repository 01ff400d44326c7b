//! Reading the ring, and what it keeps beyond its bounds; single-threaded.

use bytes::Bytes;

use super::cursor::{Batch, Cursor, Pick, Piece, Reach, Read, Snapshot};
use super::keys::{Frames, Keys};
use super::ring::Ring;
use crate::position::Offset;

impl Ring {
    /// Copies what `cursor` reads next into `batch`: at least one frame, then as many as `reach`
    /// allows.
    pub(super) fn read(&self, cursor: Cursor, pick: Pick, reach: Reach, batch: &mut Batch) -> Read {
        let from = match (&self.keys, cursor.snapshot_end()) {
            (Some(keys), Some(until)) => {
                batch.restart(cursor.offset());
                let range = cursor.offset()..until;
                keys.copy(&self.all(false), range, reach.bytes, batch);
                if !batch.is_empty() {
                    return Read::Frames;
                }
                until
            }
            _ => cursor.offset(),
        };
        match (self.pick(pick), &self.keys) {
            (Pick::Newest, Some(keys)) => self.read_newest(keys, from, reach, batch),
            _ => self.read_every(from, reach, batch),
        }
    }

    /// What is held back is the newest of each key when it is shown.
    fn pick(&self, pick: Pick) -> Pick {
        if self.is_paced { Pick::Newest } else { pick }
    }

    fn all(&self, losses: bool) -> Frames<'_> {
        Frames {
            ring: &self.frames,
            oldest: self.oldest,
            shown: self.shown(),
            losses,
        }
    }

    /// What is still there before a loss is read before the loss is told: what comes behind it can
    /// then be read without remembering that it was.
    fn read_newest(&self, keys: &Keys, from: Offset, reach: Reach, batch: &mut Batch) -> Read {
        batch.restart(from);
        let (lost, shown) = (keys.lost(), self.shown());
        let has_lost = from < lost;
        let end = if has_lost {
            lost
        } else {
            shown.min(reach.until)
        };
        keys.copy(&self.all(true), from..end, reach.bytes, batch);
        match (batch.is_empty(), has_lost) {
            (false, true) => Read::Frames,
            (false, false) => {
                batch.passed_over = batch.end().since(from) - batch.len() as u64;
                Read::Frames
            }
            (true, true) => Read::Gap {
                missed: None,
                oldest: lost,
            },
            (true, false) if self.sealed && end == shown => Read::Sealed,
            (true, false) => {
                // All of it is replaced by what comes behind.
                batch.pass_over(end);
                Read::Empty
            }
        }
    }

    fn read_every(&self, from: Offset, reach: Reach, batch: &mut Batch) -> Read {
        batch.restart(from);
        let Some(slot) = self.slot(from) else {
            return Read::Gap {
                missed: Some(self.oldest.since(from)),
                oldest: self.oldest,
            };
        };
        let shown = self.shown();
        let until = shown.min(reach.until);
        let end = self.slot(until).unwrap_or(0);
        for frame in self.frames.range(slot.min(end)..end) {
            if !batch.is_empty() && batch.bytes.len() + frame.bytes.len() > reach.bytes {
                break;
            }
            batch.push(&frame.bytes, frame.at);
        }
        match (batch.is_empty(), self.sealed && until == shown) {
            (false, _) => Read::Frames,
            (true, false) => Read::Empty,
            (true, true) => Read::Sealed,
        }
    }

    /// Like [`Ring::read`], into a piece that whoever stands at the same place gets too: one frame is
    /// the log's own bytes, several are put together once.
    pub(super) fn share(
        &mut self,
        cursor: Cursor,
        pick: Pick,
        limit: usize,
        piece: &mut Piece,
    ) -> Read {
        if cursor.snapshot_end().is_some() {
            return self.share_alone(cursor, pick, limit, piece);
        }
        let (from, pick) = (cursor.offset(), self.pick(pick));
        // Nothing replaces the newest frame.
        if let Some(slot) = self.slot(from)
            && from < self.shown()
            && slot + 1 == self.frames.len()
            && let Some(frame) = self.frames.back()
        {
            *piece = Piece {
                bytes: frame.bytes.clone(),
                frames: 1,
                passed_over: 0,
                end: from.next(),
            };
            return Read::Frames;
        }
        if pick == Pick::Newest {
            return self.share_alone(cursor, pick, limit, piece);
        }
        if let Some(known) = &self.piece
            && known.end.since(from) == known.frames
            && known.bytes.len() <= limit
        {
            *piece = known.clone();
            return Read::Frames;
        }
        let read = self.share_alone(cursor, pick, limit, piece);
        if read == Read::Frames {
            self.piece = Some(piece.clone());
        }
        read
    }

    /// A piece for this reader only.
    fn share_alone(&self, cursor: Cursor, pick: Pick, limit: usize, piece: &mut Piece) -> Read {
        let mut batch = Batch::default();
        let read = self.read(cursor, pick, limit.into(), &mut batch);
        if read == Read::Frames {
            piece.frames = batch.len() as u64;
            piece.passed_over = batch.passed_over();
            piece.end = batch.end();
            piece.bytes = Bytes::from(batch.bytes.into_boxed_slice());
        }
        read
    }

    /// Where a reader begins who gets this first.
    pub(super) fn begin(&self, snapshot: Snapshot) -> Cursor {
        match (snapshot, &self.keys) {
            (Snapshot::Keys, Some(_)) => Cursor::snapshot(Offset(0), self.shown()),
            (Snapshot::Last, _) => {
                let newest = if self.is_paced {
                    self.last_shown
                } else {
                    self.newest_event
                };
                let newest = newest.filter(|newest| *newest >= self.oldest);
                Cursor::at(newest.unwrap_or(self.shown()))
            }
            (Snapshot::None | Snapshot::Keys, _) => Cursor::at(self.newcomers_place()),
        }
    }

    /// A reader at `place` that gets a snapshot of all that it has not seen.
    pub(super) fn snapshot_from(&self, place: Offset) -> Cursor {
        Cursor::snapshot(place, self.shown())
    }

    /// Whether a frame at or behind `place` is gone that nothing replaces.
    pub(super) fn has_lost_since(&self, place: Offset) -> bool {
        let lost = self.keys.as_ref().map_or(self.oldest, |keys| keys.lost());
        place < lost
    }
}
