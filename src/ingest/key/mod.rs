//! What an event is about: the route's option `key`, and what it says of one event.
//!
//! Layer 4, part of ingest: layer 0 only. Invariant: an event either has one key, or a reason in
//! words why it has none; two events never share a key because one of them was cut or rounded.

mod pointer;
#[cfg(test)]
mod tests;

use std::fmt;

pub use pointer::{Pointer, PointerFault};

use crate::event::{Event, EventId};

/// The longest key. It names a thing: a symbol, a number, an address; a longer text is somebody's
/// data, and the log would keep it once more for each of them.
pub const KEY_BYTES: usize = 256;

/// Where the key of an event stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKey {
    /// `event`: it is the event's type.
    Name,
    /// `id`: it is the event's id.
    Id,
    /// `json:/symbol`: it is one value of the event's data.
    Json(Pointer),
}

/// Why a text says nowhere where keys stand; the words are for the author of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventKeyFault {
    /// None of its words.
    #[error("it is neither `event` nor `id`, and does not begin with `json:`")]
    Unknown,
    /// What follows `json:` is no pointer.
    #[error(transparent)]
    Pointer(#[from] PointerFault),
}

/// Why an event has no key; the words are for the operator.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// Nothing is there.
    #[error("nothing is there")]
    Missing,
    /// Something is there, and says nothing.
    #[error("what is there is empty, or null")]
    Empty,
    /// An object or a list.
    #[error("what is there is an object or a list")]
    Composite,
    /// A text above [`KEY_BYTES`].
    #[error("what is there is longer than {KEY_BYTES} bytes")]
    Long,
    /// A number that others could not be told from.
    #[error("the number there is too large to be told from its neighbours; send it as a string")]
    Inexact,
    /// The data is something else.
    #[error("its data is no JSON: {0}")]
    NotJson(#[from] serde_json::Error),
}

// === impl EventKey ===

impl EventKey {
    /// Reads the option.
    pub fn parse(text: &str) -> Result<Self, EventKeyFault> {
        match text {
            "event" => Ok(Self::Name),
            "id" => Ok(Self::Id),
            _ => {
                let pointer = text.strip_prefix("json:").ok_or(EventKeyFault::Unknown)?;
                Ok(Self::Json(Pointer::parse(pointer)?))
            }
        }
    }

    /// The key of an event that the log finds by `id`. `buffer` is for whatever is not there as it
    /// is; its room is used again.
    pub fn of<'a>(
        &self,
        event: &'a Event,
        id: Option<&'a EventId>,
        buffer: &'a mut String,
    ) -> Result<&'a str, NoKey> {
        match self {
            Self::Name => fit(event.name.as_ref().map_or("message", |name| name.as_str())),
            Self::Id => fit(id.ok_or(NoKey::Missing)?.as_str()),
            Self::Json(pointer) => pointer.find(&event.data, buffer),
        }
    }
}

/// As it is written in the configuration.
impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("event"),
            Self::Id => f.write_str("id"),
            Self::Json(pointer) => write!(f, "json:{pointer}"),
        }
    }
}

/// The text, if it can be a key. An empty one says nothing: events that lack it are not about the
/// same thing.
fn fit(text: &str) -> Result<&str, NoKey> {
    match text.len() {
        0 => Err(NoKey::Empty),
        1..=KEY_BYTES => Ok(text),
        _ => Err(NoKey::Long),
    }
}
