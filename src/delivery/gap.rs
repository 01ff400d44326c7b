//! A place that is gone: where its reader goes on, how much it has missed by that, and the event
//! that tells it so. The same for streams and polls, while they read and when they come back.

use super::{OnGap, Options};
use crate::log::{Cursor, Log};
use crate::metrics::{GapCause, MissReason, RouteMetrics};
use crate::position::{Epoch, Offset, Position};
use crate::sse::write;

/// The way from a place that is gone to one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leap {
    cause: GapCause,
    missed: Option<u64>,
    target: Offset,
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
        let (missed, target) = match options.on_gap {
            OnGap::Oldest => (missed, oldest),
            OnGap::Live => {
                let edge = log.edge();
                (missed.map(|missed| missed + edge.since(oldest)), edge)
            }
        };
        Self {
            cause,
            missed,
            target,
            epoch: log.epoch(),
        }
    }

    /// From where the reader goes on.
    pub fn cursor(&self) -> Cursor {
        Cursor::at(self.target)
    }

    /// Counts the gap, told or not.
    pub fn count(&self, metrics: &RouteMetrics, reason: MissReason) {
        metrics.gaps.of(self.cause).inc();
        let missed = self.missed.unwrap_or(0);
        metrics.frames_missed.of(reason).inc_by(missed);
    }

    /// Writes the event, if the route wants it told. Its id is the place it stands for, so that a
    /// second disconnect does not repeat it.
    pub fn tell(&self, options: &Options, out: &mut Vec<u8>) {
        if options.gap_event {
            let place = Position {
                epoch: self.epoch,
                offset: self.target.before(),
            };
            let place = options.gap_ids.then_some(place);
            write::gap(out, place, self.missed, self.cause.label());
        }
    }
}
