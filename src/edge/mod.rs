//! The clients' door: accept, parse, route, subscribe, or refuse.
//!
//! Layer 4: may import `delivery`, `hub`, `log` (cursor types), layer 0 and the leaves, never
//! another door.

mod options;
pub mod policy;
pub mod reject;
pub mod route;
pub mod template;

pub use options::{Mode, Options, QueryRule};
