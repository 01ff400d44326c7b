//! The log: text for people, JSON for machines, never in the way of delivery.
//!
//! Layer 5.

use std::io::{IsTerminal, stderr};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that may wait for a slow pipe; those beyond are dropped, so that a blocked log stops no
/// stream.
const WAITING_LINES: usize = 8192;

/// The log as it runs: what is logged while this lives is written.
#[derive(Debug)]
pub struct Log {
    _writes: WorkerGuard,
    dropped: ErrorCounter,
}

impl Log {
    /// Tells at any time how many lines have been dropped.
    pub fn dropped(&self) -> impl Fn() -> u64 + Send + Sync + use<> {
        let dropped = self.dropped.clone();
        move || u64::try_from(dropped.dropped_lines()).unwrap_or(u64::MAX)
    }
}

/// Starts the log on standard error: text on a terminal, JSON lines otherwise. `level` is stronger
/// than `RUST_LOG`; without both it is info.
pub fn start(level: Option<&str>) -> Log {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(WAITING_LINES)
        .finish(stderr());
    let dropped = writer.error_counter();
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
    Log {
        _writes: guard,
        dropped,
    }
}
