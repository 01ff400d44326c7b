//! The upstream: streams numbered, stamped events at a steady rate to whoever asks, or publishes them
//! to a hub that does so.
//!
//! The sequence is one for all connections and runs whether or not anyone listens, so that a
//! server that reconnects shows what it missed. `GET /stats` tells how often it was asked.

mod dialect;
mod publisher;

use std::io::{self, Write};
use std::time::Duration;

use mio::net::TcpStream;
use serde_json::{Value, json};

use crate::audience::Audience;
use crate::cli::{Emission, SourceOptions};
use crate::clock::{Deadline, now_ns};
use crate::pace::Pace;
use crate::reception::{Guest, Reception};
use crate::wire;
pub(crate) use dialect::{Dialect, PUBLISH_PATH};
use publisher::Publisher;

pub(crate) const STATS_PATH: &str = "/stats";

/// A server that falls this far behind its only upstream has lost the run anyway.
const MOST_PENDING: usize = 64 << 20;

/// Of all connections together, where there is one for each client.
const MOST_PENDING_IN_ALL: usize = 512 << 20;

/// While the hub has not answered, and events wait for that.
const PUBLISHING_TICK: Duration = Duration::from_millis(1);

struct Source {
    audience: Audience,
    publisher: Option<Publisher>,
    pace: Option<Pace>,
    connections: u64,
}

pub(crate) fn run(options: &SourceOptions) -> io::Result<()> {
    let Emission {
        listen,
        rate,
        frame_bytes,
        lifetime,
    } = options.emission;
    let end = Deadline::after(lifetime);
    let mut reception = Reception::open(listen)?;
    let hub = options.publish.zip(options.hub);
    let mut source = Source {
        audience: Audience::new(MOST_PENDING),
        publisher: hub.map(|(dialect, hub)| Publisher::new(dialect, hub)),
        pace: Pace::new(now_ns(), rate),
        connections: 0,
    };
    let mut batch = Vec::new();
    while !end.passed() {
        let tick = source.tick().unwrap_or(Duration::MAX);
        for guest in reception.receive(Some(tick.min(end.left())))? {
            source.welcome(guest);
        }
        source.emit_due(&mut batch, frame_bytes);
        if let Some(publisher) = &mut source.publisher {
            publisher.go_on();
        }
    }
    Ok(())
}

impl Source {
    /// How long it may wait for guests.
    fn tick(&self) -> Option<Duration> {
        let waits = self.publisher.as_ref().is_some_and(Publisher::is_waiting);
        let due = self.pace.as_ref().map(|pace| pace.wait_for_tick(now_ns()));
        if waits { Some(PUBLISHING_TICK) } else { due }
    }

    fn welcome(&mut self, guest: Guest) {
        if guest.path == STATS_PATH {
            answer_at_once(guest.stream, &wire::small_page(&self.stats().to_string()));
            return;
        }
        self.connections += 1;
        if self.publisher.is_some() {
            // A hub that asks for the stream is told to hold it, and to wait for what is published.
            answer_at_once(guest.stream, wire::HOLD);
            return;
        }
        self.audience.admit(guest.stream);
        let each = MOST_PENDING_IN_ALL / self.audience.len().max(1);
        self.audience.bound_pending(each.min(MOST_PENDING));
    }

    fn emit_due(&mut self, batch: &mut Vec<u8>, frame_bytes: usize) {
        let Some(pace) = &mut self.pace else { return };
        let first = pace.emitted() + 1;
        let now = now_ns();
        let due = pace.take_due(now);
        if due == 0 {
            return;
        }
        batch.clear();
        for number in first..first + due {
            match &mut self.publisher {
                Some(publisher) => publisher.add(number, now, frame_bytes),
                None => wire::write_event(batch, number, now, frame_bytes),
            }
        }
        if self.publisher.is_none() {
            self.audience.send(batch);
        }
    }

    fn stats(&self) -> Value {
        json!({
            "connections_ever": self.connections,
            "connections_open": self.audience.len(),
            "events_emitted": self.pace.as_ref().map_or(0, Pace::emitted),
            "batches_skipped": self.audience.skipped_batches(),
            "publishing": self.publisher.as_ref().map(Publisher::stats),
        })
    }
}

/// One small write into an empty socket buffer: it is taken whole or the asker is gone.
fn answer_at_once(mut asker: TcpStream, answer: &[u8]) {
    asker.write_all(answer).ok();
}
