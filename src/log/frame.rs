//! One event, encoded once.

use std::time::Instant;

use bytes::Bytes;

use crate::event::{EventId, EventName};
use crate::position::Position;
use crate::sse::write;

/// Which `id:` line a frame gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The upstream's own id.
    Own,
    /// The token of the frame's place.
    Token,
    /// None at all: the upstream has not sent one, and the route wants exactly what it sent.
    None,
}

/// What becomes a frame.
#[derive(Debug)]
pub enum Draft<'a> {
    /// An event of the upstream.
    Event {
        /// The id that its block carried or inherited; the log finds the frame by it.
        id: Option<&'a EventId>,
        /// What is written as the frame's id.
        identity: Identity,
        /// Its type.
        name: Option<&'a EventName>,
        /// Its data.
        data: &'a str,
        /// What the event is about, where the route has said how to know: frames of one key
        /// replace each other.
        key: Option<&'a str>,
    },
    /// A loss at the upstream, announced to everybody.
    Gap {
        /// How many events, where that is known.
        missed: Option<u64>,
        /// One word.
        reason: &'static str,
        /// Whether the announcement carries the token of its place.
        has_token: bool,
    },
}

/// What a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About<'a> {
    /// It announces a loss.
    Loss,
    /// It is an event without a key.
    Nothing,
    /// It is an event of this key.
    Key(&'a str),
}

impl<'a> Draft<'a> {
    pub(super) fn about(&self) -> About<'a> {
        match self {
            Draft::Gap { .. } => About::Loss,
            Draft::Event { key: None, .. } => About::Nothing,
            Draft::Event { key: Some(key), .. } => About::Key(key),
        }
    }
}

/// A frame as the log keeps it.
#[derive(Debug)]
pub(super) struct Frame {
    /// The id line, where there is one, and the body.
    pub(super) bytes: Bytes,
    /// Where the body begins: frames of equal body say the same under other ids.
    pub(super) body_at: usize,
    /// The upstream's id, for looking up.
    pub(super) id: Option<EventId>,
    /// When it was appended.
    pub(super) at: Instant,
}

/// What keeping a frame costs beyond its bytes: its slot, its reference count, its index entry.
pub(super) const BOOKKEEPING: usize = 160;

impl Frame {
    pub(super) fn encode(draft: &Draft<'_>, position: Position, at: Instant) -> Self {
        let mut out = Vec::new();
        let (body_at, id) = match draft {
            Draft::Event {
                id,
                identity,
                name,
                data,
                key: _,
            } => {
                out.reserve(data.len() + 64);
                match (identity, id) {
                    (Identity::Own, Some(id)) => write::id_line(&mut out, id),
                    (Identity::Token, _) => write::token_line(&mut out, position),
                    (Identity::Own | Identity::None, _) => {}
                }
                let body_at = out.len();
                write::body(&mut out, *name, data);
                // The empty id is a reset, not a place: nobody can ask for it.
                (body_at, id.filter(|id| !id.is_empty()).cloned())
            }
            Draft::Gap {
                missed,
                reason,
                has_token,
            } => {
                write::gap(&mut out, has_token.then_some(position), *missed, reason);
                (0, None)
            }
        };
        Self {
            bytes: Bytes::from(out.into_boxed_slice()),
            body_at,
            id,
            at,
        }
    }

    pub(super) fn weight(&self) -> usize {
        // An id is kept twice, in the frame and in the index.
        let id = self.id.as_ref().map_or(0, |id| 2 * id.as_str().len());
        self.bytes.len() + id + BOOKKEEPING
    }

    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(self.body_at..).unwrap_or_default()
    }
}
