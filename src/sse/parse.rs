//! Bytes in any cut → items. (Placeholder, written by its own contract.)
use crate::event::Event;
use std::time::Duration;

/// What one or more lines said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A complete event.
    Event(Event),
    /// The reconnection time that the upstream wishes; takes effect at once, saturates.
    Retry(Duration),
    /// An event or line above its limit was passed over up to the next blank line.
    Oversize {
        /// How many bytes were passed over.
        bytes: u64,
    },
    /// The first line of this response without a known field name: a sample for the log.
    Unknown(String),
}
/// Bounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// line
    pub line: usize,
    /// event
    pub event: usize,
    /// id
    pub id: usize,
}
/// What the end of the response left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// pending
    pub pending: Option<Event>,
    /// complete
    pub complete_events: u64,
    /// html
    pub looks_like_html: bool,
}
/// The parser.
#[derive(Debug)]
pub struct Parser;
