//! Fantail: a reverse proxy for Server-Sent Events.

#![forbid(unsafe_code)]

pub mod admin;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod demo;
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
pub mod telemetry;
pub mod topic_key;
