//! Lock and atomics of the wake marks: the real ones, or loom's while interleavings are explored.

pub(super) use crate::log::sync::Mutex;

#[cfg(feature = "loom")]
pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(feature = "loom"))]
pub(super) use std::sync::atomic::{AtomicU64, Ordering};
