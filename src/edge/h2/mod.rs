//! HTTP/2: one connection, many requests, streams among them that stay with hyper.
//!
//! May import the edge's own rooms, `delivery::body` and hyper. Invariants: a stream ends with
//! `END_STREAM`, whatever ends it; only a connection that is given up is cut, and only after a
//! GOAWAY; whatever a client can make a connection hold or do has a bound, a counter and a deadline
//! (`trust.md` 3.B). hyper reads frames; what it does not bound, `wire` does.

mod budget;
mod frames;
mod leftover;
mod life;
mod options;
pub(super) mod request;
mod service;
mod sniff;
mod tasks;
mod wire;

use std::sync::Arc;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;

use super::Edge;
use super::conn::{Arrival, ClientStream};
use crate::clock;
use crate::delivery::body::Streams;
use crate::metrics::GaugeGuard;
use budget::Budget;
use life::{Conversation, Life};
use service::{Parting, Requests, Shared};
use tasks::{Queue, Tasks};
use wire::Wire;

pub use options::H2Options;
pub(super) use sniff::speaks_h2;

/// The protocol's name in a TLS handshake.
pub(super) const ALPN: &[u8] = b"h2";

/// Requests that are given up before they are looked at …
const UNSEEN_RESETS: usize = 20;
/// … and streams that hyper gives up for what a client has done on them. A client that does this
/// is told to calm down, and its connection ends.
const OWN_RESETS: usize = 64;
/// `opens` is for so many seconds.
const OPENS_SECONDS: f64 = 10.0;

/// Serves a connection that speaks HTTP/2, until it closes.
pub(super) async fn serve<S: ClientStream>(edge: Arc<Edge>, stream: S, mut arrival: Arrival) {
    let now = clock::now();
    arrival.permit.open = GaugeGuard::enter(&arrival.metrics.h2_connections);
    let options = &edge.options.h2;
    let opens = options.opens;
    let shared = Arc::new(Shared {
        entry: arrival.entry,
        refusal: arrival.refusal,
        metrics: arrival.metrics,
        streams: Streams::new(),
        opens: Mutex::new(Budget::new(opens, f64::from(opens) / OPENS_SECONDS, now)),
        has_asked: false.into(),
        parting: Parting::default(),
        edge: Arc::clone(&edge),
    });
    let wire = Wire::new(stream, options, now);
    let manners = wire.manners();
    let queue = Queue::default();
    let mut tasks = Tasks::new(queue.clone(), &shared.streams);
    let requests = Requests(Arc::clone(&shared));
    tasks.connect(Conversation {
        connection: builder(queue, options).serve_connection(TokioIo::new(wire), requests),
        shared: Arc::clone(&shared),
        is_leaving: false,
        known: None,
    });
    Life::new(tasks, shared, manners, now).run().await;
    drop(arrival.permit);
}

fn builder(queue: Queue, options: &H2Options) -> http2::Builder<Queue> {
    let mut builder = http2::Builder::new(queue);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.streams)
        .initial_stream_window_size(options.stream_window)
        .initial_connection_window_size(options.connection_window)
        .max_header_list_size(options.header_list)
        .max_send_buf_size(room(options.send_bytes))
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .keep_alive_interval((!options.ping.is_zero()).then_some(options.ping))
        .keep_alive_timeout(options.ping_timeout);
    builder
}

/// Of `send_bytes` for h2. It takes a chunk whole once there is room for a byte of it.
fn room(send_bytes: usize) -> usize {
    /// As large as chunks become.
    const CHUNK: usize = 16 << 10;
    /// Small events that come together go out together.
    const LEAST: usize = 1 << 10;
    send_bytes.saturating_sub(CHUNK).max(LEAST)
}
