//! Where a client goes on: a newcomer's place, a returning client's, and the gap before it.

use super::route::Resume;
use super::{Share, Upstream};
use crate::clock;
use crate::delivery::Slow;
use crate::delivery::gap::Leap;
use crate::hub::Subscription;
use crate::log::{Cursor, Log, Place};
use crate::metrics::{GapCause, MissReason, ResumeResult};
use crate::position::Offset;

/// A client's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It brought no id.
    New(Cursor),
    /// Right behind what it has seen.
    Back(Cursor),
    /// What it would see next is gone.
    Gap(Leap),
}

impl Upstream {
    /// The place of a client that says this about itself, counted. `newcomer` is where one that
    /// says nothing begins.
    pub(super) fn standing(
        &self,
        subscription: &Subscription,
        resume: Option<&Resume>,
        newcomer: Cursor,
    ) -> Standing {
        let log = subscription.topic().log();
        let metrics = &self.topics.metrics;
        let found = match resume {
            None => {
                metrics.resumes.of(ResumeResult::None).inc();
                return Standing::New(newcomer);
            }
            // Its own upstream was asked to go on from there; the log is new, and knows no id.
            Some(Resume::Id(_)) if self.share == Share::Private => {
                metrics.resumes.of(ResumeResult::Upstream).inc();
                return Standing::New(newcomer);
            }
            Some(Resume::Id(id)) => log.find(id, clock::now()),
            Some(Resume::Malformed) => Place::Unknown {
                oldest: log.oldest(),
            },
        };
        let (missed, cause, oldest) = match found {
            Place::At(offset) => {
                metrics.resumes.of(ResumeResult::Full).inc();
                return Standing::Back(Cursor::at(offset));
            }
            Place::Evicted { missed, oldest } if self.is_conflated(log, missed, oldest) => {
                metrics.resumes.of(ResumeResult::Full).inc();
                return Standing::Back(Cursor::at(Offset(oldest.0 - missed)));
            }
            Place::Evicted { missed, oldest } => (Some(missed), GapCause::Evicted, oldest),
            Place::OtherEpoch { oldest } => (None, GapCause::Epoch, oldest),
            Place::Unknown { oldest } => (None, GapCause::UnknownId, oldest),
        };
        let result = if cause == GapCause::Evicted {
            ResumeResult::Gap
        } else {
            ResumeResult::UnknownId
        };
        metrics.resumes.of(result).inc();
        let leap = Leap::new(&self.delivery, log, cause, missed, oldest);
        leap.count(metrics, MissReason::Resume);
        Standing::Gap(leap)
    }

    /// Whether of the frames gone between its place and `oldest` a newer one of the same key
    /// replaces each, or it is kept: then the client misses nothing that its route would send it.
    fn is_conflated(&self, log: &Log, missed: u64, oldest: Offset) -> bool {
        let conflates = self.delivery.slow == Slow::Conflate || log.conflates_all();
        conflates && !log.has_lost_since(Offset(oldest.0 - missed))
    }
}
