//! A place that is gone: where its reader goes on, how much it has missed by that, and the event
//! that tells it so. The same for streams and polls, while they read and when they come back.

use super::{OnGap, Options, Slow};
use crate::log::{Cursor, Log, Snapshot};
use crate::metrics::{GapCause, MissReason, RouteMetrics};
use crate::position::{Epoch, Offset, Position};
use crate::sse::write;

/// The way from a place that is gone to one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leap {
    cause: GapCause,
    missed: Option<u64>,
    /// What the reader is told of it: a snapshot may give back some of it.
    told: Option<u64>,
    target: Cursor,
    epoch: Epoch,
}

impl Leap {
    /// As the route says. `missed` frames are gone before `oldest`, if they can be counted.
    pub fn new(
        options: &Options,
        log: &Log,
        cause: GapCause,
        missed: Option<u64>,
        oldest: Offset,
    ) -> Self {
        let conflates = options.slow == Slow::Conflate || log.conflates_all();
        let target = match (options.on_gap, options.snapshot) {
            (OnGap::Live, _) => Cursor::at(log.edge()),
            // Who picks the newest while it reads has got what was still there, up to the loss.
            _ if conflates && cause == GapCause::Lag => Cursor::at(oldest),
            _ if conflates => from_its_place(log, missed, oldest),
            (OnGap::Oldest, Snapshot::Keys) => from_its_place(log, missed, oldest),
            (OnGap::Oldest, Snapshot::Last) => {
                let last = log.begin(Snapshot::Last);
                last.moved_to(last.offset().max(oldest))
            }
            (OnGap::Oldest, Snapshot::None) => Cursor::at(oldest),
        };
        // Nothing of it is dense from here on: the number would be too small, or too large.
        let is_snapshot = target.offset() < oldest;
        let missed = missed.map(|missed| missed + target.offset().since(oldest));
        Self {
            cause,
            missed,
            told: missed.filter(|_| !is_snapshot),
            target,
            epoch: log.epoch(),
        }
    }

    /// From where the reader goes on.
    pub fn cursor(&self) -> Cursor {
        self.target
    }

    /// Counts the gap, told or not.
    pub fn count(&self, metrics: &RouteMetrics, reason: MissReason) {
        metrics.gaps.of(self.cause).inc();
        let missed = self.missed.unwrap_or(0);
        metrics.frames_missed.of(reason).inc_by(missed);
    }

    /// Writes the event, if the route wants it told; whether its id tells the place.
    pub fn tell(&self, options: &Options, out: &mut Vec<u8>) -> bool {
        let place = self.place().filter(|_| options.gap_ids);
        if options.gap_event {
            write::gap(out, place, self.told, self.cause.label());
        }
        options.gap_event && place.is_some()
    }

    /// The place that the event stands for, so that a second disconnect does not repeat it. None
    /// before a snapshot from the begin: who has not got it is to ask for it again.
    fn place(&self) -> Option<Position> {
        let offset = self.target.offset();
        let is_whole = offset == Offset(0) && self.target.snapshot_end().is_some();
        (!is_whole).then(|| Position {
            epoch: self.epoch,
            offset: offset.before(),
        })
    }
}

/// It has seen what lies before its place, and gets a snapshot of the rest; of everything if nobody
/// knows its place.
fn from_its_place(log: &Log, missed: Option<u64>, oldest: Offset) -> Cursor {
    let place = missed.map_or(0, |missed| oldest.0.saturating_sub(missed));
    log.snapshot_from(Offset(place))
}
