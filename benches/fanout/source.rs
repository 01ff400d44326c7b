//! The upstream: streams numbered, stamped events at a steady rate to whoever asks.
//!
//! The sequence is one for all connections and runs whether or not anyone listens, so that a
//! server that reconnects shows what it missed. `GET /stats` tells how often it was asked.

use std::io::{self, Write};

use mio::net::TcpStream;
use serde_json::json;

use crate::audience::Audience;
use crate::cli::{Emission, SourceOptions};
use crate::clock::{Deadline, now_ns};
use crate::pace::Pace;
use crate::reception::Reception;
use crate::wire;

pub(crate) const STATS_PATH: &str = "/stats";

/// A server that falls this far behind its only upstream has lost the run anyway.
const MOST_PENDING: usize = 64 << 20;

pub(crate) fn run(options: &SourceOptions) -> io::Result<()> {
    let Emission {
        listen,
        rate,
        frame_bytes,
        lifetime,
    } = options.emission;
    let end = Deadline::after(lifetime);
    let mut reception = Reception::open(listen)?;
    let mut audience = Audience::new(MOST_PENDING);
    let mut pace = Pace::new(now_ns(), rate);
    let mut connections = 0_u64;
    let mut batch = Vec::new();
    while !end.passed() {
        let tick = pace.as_ref().map(|pace| pace.wait_for_tick(now_ns()));
        let patience = tick.map_or(end.left(), |tick| tick.min(end.left()));
        for guest in reception.receive(Some(patience))? {
            if guest.path == STATS_PATH {
                let emitted = pace.as_ref().map_or(0, Pace::emitted);
                answer_stats(guest.stream, &audience, connections, emitted);
            } else {
                connections += 1;
                audience.admit(guest.stream);
            }
        }
        if let Some(pace) = &mut pace {
            emit_due(pace, &mut audience, &mut batch, frame_bytes);
        }
    }
    Ok(())
}

fn emit_due(pace: &mut Pace, audience: &mut Audience, batch: &mut Vec<u8>, frame_bytes: usize) {
    let first = pace.emitted() + 1;
    let now = now_ns();
    let due = pace.take_due(now);
    if due == 0 {
        return;
    }
    batch.clear();
    for number in first..first + due {
        wire::write_event(batch, number, now, frame_bytes);
    }
    audience.send(batch);
}

/// One small write into an empty socket buffer: it is taken whole or the asker is gone.
fn answer_stats(mut asker: TcpStream, audience: &Audience, connections: u64, emitted: u64) {
    let body = json!({
        "connections_ever": connections,
        "connections_open": audience.len(),
        "events_emitted": emitted,
        "batches_skipped": audience.skipped_batches(),
    });
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    asker.write_all(format!("{head}{body}").as_bytes()).ok();
}
