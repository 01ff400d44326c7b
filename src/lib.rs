//! Fantail is a reverse proxy for Server-Sent Events. It stands in front of ordinary HTTP backends
//! that emit `text/event-stream`, holds **one upstream connection for each topic**, and fans the
//! events out to many thousands of `EventSource` clients, with replay and back-pressure.
//!
//! This page is the tour of the house; each module's own page says what it is, what it may import
//! and which invariant it keeps.
//!
//! # Five ideas that everything follows from
//!
//! 1. **The topic key is the upstream request** ([`topic_key`]). Two clients share a topic if and
//!    only if the request to the upstream would be byte-identical. What is not in the key never
//!    reaches the upstream, so that nobody's data can reach somebody else.
//! 2. **A topic is a log, a subscriber is a cursor** ([`log`]). Frames are encoded once; replay,
//!    lag, resume and drain are all one question: from which place does this cursor read next?
//! 3. **hyper for the conversation, our own writer for the stream.** The moment a request becomes a
//!    subscription, its socket leaves hyper ([`edge`]) and joins a delivery shard ([`delivery`]):
//!    one thread for each core that owns its sockets and writes straight from the logs. HTTP/2
//!    subscribers stay in hyper, with a body that reads the same logs ([`delivery::body`]).
//! 4. **No silent loss.** A subscriber sees every event in order, or is told of the gap and its
//!    size, or is disconnected with an id that it can resume from.
//! 5. **The upstream is fragile, the clients are many.** One slow client costs nobody else
//!    anything; one restart of the backend disconnects nobody ([`ingest`]).
//!
//! # The way of a frame
//!
//! ```text
//! upstream bytes → source::http → sse::Parser → Event → ingest → log::Writer   (encoded once)
//!                                                                    │
//!                  hub::wake marks each shard that has subscribers ──┘
//!                                                                    ↓
//!                delivery: one copy of the batch, one write for each subscriber at the live edge;
//!                          whoever is behind reads on from its own cursor; bodies (HTTP/2) and
//!                          polls wait in the async runtime, and get what is new, or one answer
//! ```
//!
//! # The way of a request
//!
//! ```text
//! edge::listen (permit, accept) → first byte, edge::tls, head, hyper → edge::policy → edge::route
//!     → edge::cors (preflight, foreign pages) → topic key → hub::Hub::subscribe → first answer
//!     → place in the log → detach → shard, or edge::h2 → body
//! ```
//!
//! What is no subscription is an ordinary request: `edge::proxy` → [`source::forward`] → upstream,
//! and its answer back, both streamed. Whatever says no on the way is an [`edge::reject::Reject`]; its table is the only place that
//! decides on a status.
//!
//! # Layers: imports go down only, and a test enforces it
//!
//! | layer | modules |
//! |---|---|
//! | 5 | `main`, [`app`], [`cli`], [`config`], [`telemetry`], [`demo`], [`doctor`]: composition |
//! | 4 | [`edge`], [`ingest`], [`admin`]: three doors that never import each other |
//! | 3 | [`delivery`]: sockets and bodies fed by cursors |
//! | 2 | [`hub`], [`source`]: the meeting place, and where events come from |
//! | 1 | [`log`]: pure |
//! | 0 | [`event`], [`sse`], [`position`], [`topic_key`]: vocabulary and codec |
//! | side | [`metrics`], [`drain`], [`clock`], [`pem`]: leaves |
//!
//! Three seams keep this a tree: the hub opens sources through [`hub::OnDemand`], which ingest
//! implements, and wakes shards through [`hub::wake::Door`], which delivery brings; the edge reaches
//! upstreams through [`edge::Carrier`], which `app` makes of the source's pool.
//!
//! # Out of scope
//!
//! WebSocket to clients, a publish API, persistence on disk, transforming payloads.

#![forbid(unsafe_code)]

pub mod admin;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod demo;
pub mod doctor;
pub mod drain;
pub mod edge;
pub mod event;
pub mod hub;
pub mod ingest;
pub mod log;
pub mod metrics;
pub mod overload;
pub mod pem;
#[cfg(test)]
#[path = "../tests/it/support/pki.rs"]
mod pki;
pub mod position;
pub mod source;
pub mod sse;
pub mod telemetry;
pub mod topic_key;
