//! The log: text for people, JSON for machines, never in the way of delivery.
//!
//! Layer 5.

use std::io::{IsTerminal, stderr};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that may wait for a slow pipe; those beyond are dropped, so that a blocked log stops no
/// stream.
const WAITING_LINES: usize = 8192;

/// Starts the log on standard error: text on a terminal, JSON lines otherwise. `level` is stronger
/// than `RUST_LOG`; without both it is info. What is logged while the guard lives is written.
pub fn start(level: Option<&str>) -> WorkerGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .finish(stderr());
    let filter = match level {
        Some(level) => EnvFilter::new(level),
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    let is_terminal = stderr().is_terminal();
    // A program embeds one log; a second start (in tests) keeps the first.
    drop(if is_terminal {
        log.with_target(false).try_init()
    } else {
        log.json().flatten_event(true).with_target(false).try_init()
    });
    guard
}
