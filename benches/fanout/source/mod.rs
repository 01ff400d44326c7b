//! The upstream: streams numbered, stamped events at a steady rate to whoever asks, or publishes them
//! to a hub that does so.
//!
//! The sequences run whether or not anyone listens, so that a server that reconnects shows what it
//! missed. `GET /stats` tells how often it was asked.

mod dialect;
mod publisher;

use std::io::{self, Write};
use std::time::Duration;

use mio::net::TcpStream;
use serde_json::{Value, json};

use crate::cli::{Emission, SourceOptions};
use crate::clock::{Deadline, now_ns};
use crate::pace::Pace;
use crate::reception::{Guest, Reception};
use crate::streams::Streams;
use crate::wire;
pub(crate) use dialect::{Dialect, PUBLISH_PATH};
use publisher::Publisher;

pub(crate) const STATS_PATH: &str = "/stats";

/// Who gets the events.
enum To {
    Whoever(Streams),
    Hub(Publisher),
}

struct Source {
    to: To,
    connections: u64,
}

pub(crate) fn run(options: &SourceOptions) -> io::Result<()> {
    let Emission {
        listen,
        rate,
        frame_bytes,
        lifetime,
        slots,
    } = options.emission;
    let end = Deadline::after(lifetime);
    let mut reception = Reception::open(listen)?;
    let epoch_ns = options.epoch_ns.unwrap_or_else(now_ns);
    let to = match options.publish.zip(options.hub) {
        None => To::Whoever(Streams::new(epoch_ns, rate, slots, frame_bytes)),
        Some((dialect, hub)) => {
            let mut pace = Pace::of(epoch_ns, rate, slots);
            if let Some(pace) = &mut pace {
                pace.go_on_after(options.published);
            }
            To::Hub(Publisher::new(dialect, hub, pace, frame_bytes))
        }
    };
    let mut source = Source { to, connections: 0 };
    while !end.passed() {
        let wait = source.wait().unwrap_or(Duration::MAX);
        for guest in reception.receive(Some(wait.min(end.left())))? {
            source.welcome(guest);
        }
        match &mut source.to {
            To::Whoever(streams) => streams.send_due(),
            To::Hub(publisher) => publisher.publish_due(),
        }
    }
    Ok(())
}

impl Source {
    /// How long until something is due; `None` if nothing ever is.
    fn wait(&self) -> Option<Duration> {
        match &self.to {
            To::Whoever(streams) => streams.wait(),
            To::Hub(publisher) => publisher.wait(),
        }
    }

    fn welcome(&mut self, guest: Guest) {
        if guest.path == STATS_PATH {
            answer_at_once(guest.stream, &wire::small_page(&self.stats().to_string()));
            return;
        }
        self.connections += 1;
        match &mut self.to {
            To::Whoever(streams) => streams.admit(guest),
            // A hub that asks for the stream is told to hold it, and to wait for what is published.
            To::Hub(_) => answer_at_once(guest.stream, wire::HOLD),
        }
    }

    fn stats(&self) -> Value {
        let mut stats = match &self.to {
            To::Whoever(streams) => json!({
                "connections_open": streams.open(),
                "events_emitted": streams.emitted(),
                "batches_skipped": streams.skipped_batches(),
            }),
            To::Hub(publisher) => json!({
                "events_emitted": publisher.emitted(),
                "publishing": publisher.stats(),
            }),
        };
        stats["connections_ever"] = json!(self.connections);
        stats
    }
}

/// One small write into an empty socket buffer: it is taken whole or the asker is gone.
fn answer_at_once(mut asker: TcpStream, answer: &[u8]) {
    asker.write_all(answer).ok();
}
