//! The operators' door: metrics, health, topics.
//!
//! Layer 4: may import `hub` (read-only views) and the leaves, never another door.
