//! What an upstream says: one parsed event, its id and its name.
//!
//! Layer 0: std only. Invariant: an [`EventId`] or [`EventName`] never holds CR, LF or NUL, so that
//! no value of these types can break out of its line when it is written again.

use std::fmt;

/// Longest id that is written to subscribers, in bytes; a longer one gets Fantail's own token.
/// 128 bytes is the longest value that never makes a browser ask for a CORS preflight.
pub const EMITTED_ID_BYTES: usize = 128;

/// An event id as the upstream sent it (WHATWG HTML 9.2.6, field `id`).
///
/// ```
/// use fantail::event::EventId;
/// assert!(EventId::new("7").is_some_and(|id| id.is_header_safe()));
/// assert!(EventId::new("7\n8").is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventId(Box<str>);

impl EventId {
    /// Takes any text without CR, LF and NUL. The empty id is meaningful: it resets.
    pub fn new(text: &str) -> Option<Self> {
        is_one_line(text).then(|| Self(text.into()))
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the empty id, by which an upstream resets what clients remember.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every client gives this id back unharmed in `Last-Event-ID`: printable ASCII
    /// without spaces, 1 to [`EMITTED_ID_BYTES`] bytes.
    pub fn is_header_safe(&self) -> bool {
        (1..=EMITTED_ID_BYTES).contains(&self.0.len())
            && self.0.bytes().all(|b| b.is_ascii_graphic())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({:?})", self.0)
    }
}

/// An event's type (field `event`); never empty, because an empty one means `message`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventName(Box<str>);

impl EventName {
    /// Takes any non-empty text without CR, LF and NUL.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty() && is_one_line(text)).then(|| Self(text.into()))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventName({:?})", self.0)
    }
}

/// One event as a browser would dispatch it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The last event ID at dispatch: the newest `id` line of this response, which persists over
    /// later events. `None` until the response has sent one; an empty id is a reset.
    pub id: Option<EventId>,
    /// Whether `id` stood in this very block, rather than being inherited from an earlier one.
    pub own_id: bool,
    /// The type, `None` for `message`.
    pub name: Option<EventName>,
    /// The data lines joined by LF.
    pub data: String,
}

fn is_one_line(text: &str) -> bool {
    !text.bytes().any(|b| matches!(b, b'\r' | b'\n' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_that_would_break_a_line_can_not_be_built() {
        for bad in ["a\r", "\nb", "c\0d"] {
            assert!(EventId::new(bad).is_none());
            assert!(EventName::new(bad).is_none());
        }
        assert!(EventName::new("").is_none());
        assert!(EventId::new("").is_some_and(|id| id.is_empty()));
    }

    #[test]
    fn only_printable_ascii_without_spaces_is_safe_in_a_header() {
        let safe = |text: &str| EventId::new(text).is_some_and(|id| id.is_header_safe());
        assert!(safe("a-1:~!"));
        assert!(safe(&"x".repeat(EMITTED_ID_BYTES)));
        for unsafe_id in ["", "a b", "ä", "\u{1}", &"x".repeat(EMITTED_ID_BYTES + 1)] {
            assert!(!safe(unsafe_id), "{unsafe_id:?}");
        }
    }
}
