//! The event stream format (WHATWG HTML 9.2.5 and 9.2.6): bytes in any cut → items, and back.
//!
//! Layer 0: may import `event` and `position`. Invariants: how the bytes are cut makes no
//! difference to what is parsed; what the writer wrote parses back as the same event; nothing
//! grows beyond the line and event limits.

mod parse;
pub mod write;

#[cfg(test)]
mod conformance;

pub use parse::{Item, Limits, Parser, Tail};
