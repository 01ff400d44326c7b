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
use life::Life;
use service::{Requests, Shared};
use tasks::Tasks;
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
        turns_away: false.into(),
        edge: Arc::clone(&edge),
    });
    let wire = Wire::new(stream, options, now);
    let hesitation = wire.hesitation();
    let tasks = Tasks::default();
    let requests = Requests(Arc::clone(&shared));
    let connection = builder(&tasks, options).serve_connection(TokioIo::new(wire), requests);
    Life::new(Box::pin(connection), tasks, shared, hesitation, now).await;
    drop(arrival.permit);
}

fn builder(tasks: &Tasks, options: &H2Options) -> http2::Builder<tasks::Queue> {
    let mut builder = http2::Builder::new(tasks.queue());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(options.streams)
        .initial_stream_window_size(options.stream_window)
        .initial_connection_window_size(options.connection_window)
        .max_header_list_size(options.header_list)
        .max_send_buf_size(options.send_bytes)
        .max_pending_accept_reset_streams(UNSEEN_RESETS)
        .max_local_error_reset_streams(OWN_RESETS)
        .keep_alive_interval((!options.ping.is_zero()).then_some(options.ping))
        .keep_alive_timeout(options.ping_timeout);
    builder
}
