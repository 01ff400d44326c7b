//! What a client has seen of its stream.

use serde_json::Value;

use crate::support::Event;

/// Of one stream of one client, since it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// `readyState`: 0 connecting, 1 open, 2 closed.
    pub(super) state: u64,
    /// How often `onopen` was called.
    pub(super) opens: u64,
    /// How often `onerror` was.
    pub(super) errors: u64,
    /// How often it has given up for good.
    pub(super) closed: u64,
    pub(super) events: Vec<Heard>,
}

/// An event as a listener gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) name: String,
    pub(super) data: String,
    pub(super) id: String,
}

// === impl Seen ===

impl Seen {
    pub(super) fn of(value: &Value) -> Self {
        let number = |key: &str| value[key].as_u64().unwrap();
        let events = value["events"].as_array().unwrap();
        Self {
            state: number("state"),
            opens: number("opens"),
            errors: number("errors"),
            closed: number("closed"),
            events: events.iter().map(Heard::of).collect(),
        }
    }

    /// Whether it is open, as it was at the first try.
    pub(super) fn is_undisturbed(&self) -> bool {
        (self.state, self.opens, self.errors, self.closed) == (1, 1, 0, 0)
    }
}

// === impl Heard ===

impl Heard {
    pub(super) fn of(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        Self {
            name: text("type"),
            data: text("data"),
            id: text("id"),
        }
    }
}

/// What a listener must make of the bytes.
impl From<&Event> for Heard {
    fn from(event: &Event) -> Self {
        let name = if event.name.is_empty() {
            "message"
        } else {
            &event.name
        };
        Self {
            name: name.to_owned(),
            data: event.data.clone(),
            id: event.id.clone().unwrap_or_default(),
        }
    }
}
