//! The upstream: streams numbered, stamped events at a steady rate to whoever asks.
//!
//! The sequences run whether or not anyone listens, so that a server that reconnects shows what it
//! missed. `GET /stats` tells how often it was asked.

use std::io::{self, Write};

use mio::net::TcpStream;
use serde_json::json;

use crate::cli::{Emission, SourceOptions};
use crate::clock::{Deadline, now_ns};
use crate::reception::Reception;
use crate::streams::Streams;

pub(crate) const STATS_PATH: &str = "/stats";

pub(crate) fn run(options: &SourceOptions) -> io::Result<()> {
    let Emission {
        listen,
        rate,
        frame_bytes,
        lifetime,
    } = options.emission;
    let end = Deadline::after(lifetime);
    let mut reception = Reception::open(listen)?;
    let epoch_ns = options.epoch_ns.unwrap_or_else(now_ns);
    let mut streams = Streams::new(epoch_ns, rate, frame_bytes);
    let mut connections = 0_u64;
    while !end.passed() {
        let patience = streams
            .wait()
            .map_or(end.left(), |tick| tick.min(end.left()));
        for guest in reception.receive(Some(patience))? {
            if guest.path == STATS_PATH {
                answer_stats(guest.stream, &streams, connections);
            } else {
                connections += 1;
                streams.admit(guest);
            }
        }
        streams.send_due();
    }
    Ok(())
}

/// One small write into an empty socket buffer: it is taken whole or the asker is gone.
fn answer_stats(mut asker: TcpStream, streams: &Streams, connections: u64) {
    let body = json!({
        "connections_ever": connections,
        "connections_open": streams.open(),
        "events_emitted": streams.emitted(),
        "batches_skipped": streams.skipped_batches(),
    });
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    asker.write_all(format!("{head}{body}").as_bytes()).ok();
}
