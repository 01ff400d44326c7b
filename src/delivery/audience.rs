//! A shard's subscribers of one topic.

use std::sync::Arc;
use std::time::Instant;

use super::Options;
use crate::hub::Topic;
use crate::hub::wake::Slot;
use crate::log::Cursor;
use crate::metrics::RouteMetrics;
use crate::position::Offset;

/// The shard's part of a topic's audience. Those at the live edge share one cursor, so that a pass
/// touches nothing of a subscriber but its socket.
#[derive(Debug)]
pub(super) struct Audience {
    pub(super) topic: Arc<Topic>,
    pub(super) options: Arc<Options>,
    /// The keys of those at the live edge.
    pub(super) edge: Vec<usize>,
    /// Their place.
    pub(super) cursor: Cursor,
    /// When a pass last wrote to them.
    pub(super) passed_at: Instant,
    /// All of the shard's subscribers of the topic.
    pub(super) members: usize,
    /// The keys of those that are further than the others at the live edge, or, of a topic that
    /// holds frames back, than what is shown yet: they came with the id of such a frame, have read
    /// it alone, or have passed over what is gone. They look again with the next pass.
    pub(super) ahead: Vec<usize>,
    /// Whether the rest of a pass waits for its turn.
    pub(super) is_unfinished: bool,
}

impl Audience {
    pub(super) fn new(topic: Arc<Topic>, options: Arc<Options>, now: Instant) -> Self {
        let cursor = Cursor::at(topic.log().edge());
        Self {
            topic,
            options,
            edge: Vec::new(),
            cursor,
            passed_at: now,
            members: 0,
            ahead: Vec::new(),
            is_unfinished: false,
        }
    }

    /// Whether this place is before what its topic shows.
    pub(super) fn is_ahead(&self, cursor: Cursor) -> bool {
        self.topic.route().options.max_rate > 0 && cursor.offset() > self.topic.log().edge()
    }

    /// Whether this place is that of those at the live edge, or further: there is nothing to be
    /// read alone.
    pub(super) fn is_reached(&self, cursor: Cursor) -> bool {
        cursor.snapshot_end().is_none() && cursor.offset() >= self.meeting_place()
    }

    /// How far a subscriber reads alone: not beyond those at the live edge, if there are any.
    pub(super) fn meeting_place(&self) -> Offset {
        if self.edge.is_empty() {
            Offset(u64::MAX)
        } else {
            self.cursor.offset()
        }
    }

    pub(super) fn metrics(&self) -> &RouteMetrics {
        &self.topic.route().metrics
    }
}

/// The name under which a topic knocks for the audience at `index`; never 0.
pub(super) fn slot(index: usize) -> Slot {
    u32::try_from(index)
        .ok()
        .and_then(|i| Slot::MIN.checked_add(i))
        .unwrap_or(Slot::MAX)
}

/// The audience that a knock is for.
pub(super) fn index(slot: Slot) -> usize {
    usize::try_from(slot.get() - 1).unwrap_or(usize::MAX)
}
