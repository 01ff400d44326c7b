//! Fantail: a reverse proxy for Server-Sent Events.

#![forbid(unsafe_code)]

pub mod clock;
pub mod delivery;
pub mod drain;
pub mod edge;
pub mod event;
pub mod hub;
pub mod ingest;
pub mod log;
pub mod metrics;
pub mod position;
pub mod source;
pub mod sse;
pub mod topic_key;
